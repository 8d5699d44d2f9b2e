"""
Medians, ratios, and the table that shows them.

Only ratios within one run mean anything elsewhere: two runs on one machine differ
by a third.  So the second block of the table divides each row by the relay's, and
the third by the splice's.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple


class Column(NamedTuple):
    """
    A column of the table.

    :ivar name: what measurements call it, and JSON.
    :ivar title: its two lines of heading.
    :ivar digits: how many to show behind the point.
    :ivar more: whether more is better.
    """

    name: str
    title: tuple[str, str]
    digits: int
    more: bool


COLUMNS: Final = (
    Column("up1", ("up", "MiB/s"), 0, True),
    Column("down1", ("down", "MiB/s"), 0, True),
    Column("up8", ("up x8", "MiB/s"), 0, True),
    Column("down8", ("down x8", "MiB/s"), 0, True),
    Column("cpu_up", ("CPU up", "s/GiB"), 2, False),
    Column("cpu_down", ("CPU dn", "s/GiB"), 2, False),
    Column("p50_1", ("p50", "us"), 0, False),
    Column("p99_1", ("p99", "us"), 0, False),
    Column("p50_8", ("p50 x8", "us"), 0, False),
    Column("p99_8", ("p99 x8", "us"), 0, False),
    Column("connections", ("conn", "per s"), 0, True),
    Column("sessions", ("sess", "per s"), 0, True),
    Column("kib", ("idle", "KiB"), 0, False),
)

BASES: Final = ("relay", "splice")
"""What the other rows are divided by, each in a block of its own."""

WIDTH: Final = 8
"""Characters of a column."""

Row = dict[str, float]
"""One figure for each column that was measured."""


class Figures:
    """All that was measured, by row and column, in order."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, list[float]]] = {}

    def add(self, row: str, found: Iterable[tuple[str, float]]) -> None:
        """
        Keep what one measurement found.

        :param row: the path.
        :param found: columns and values.
        """
        columns = self._found.setdefault(row, {})
        for column, value in found:
            columns.setdefault(column, []).append(value)

    def medians(self) -> dict[str, Row]:
        """Return the median of every row and column."""
        return {
            row: {name: statistics.median(all_) for name, all_ in columns.items()}
            for row, columns in self._found.items()
        }

    def everything(self) -> dict[str, dict[str, list[float]]]:
        """Return every value, for JSON."""
        return self._found


def ratios(rows: Mapping[str, Row], base: str) -> dict[str, Row]:
    """
    Divide the other rows by one of them.

    :param base: the row to divide by.
    :returns: nothing if that was not measured; columns that it does not have, or
        has as 0, are left out.
    """
    below = rows.get(base, {})
    divided = {
        row: {
            name: value / below[name]
            for name, value in columns.items()
            if below.get(name)
        }
        for row, columns in rows.items()
        if row != base
    }
    return {row: columns for row, columns in divided.items() if columns}


def table(title: str, rows: Mapping[str, Row]) -> str:
    """
    Write the table: medians, then ratios.

    :param title: its first line.
    """
    blocks = [[title, *_block(rows, [column.digits for column in COLUMNS])]]
    for base in BASES:
        divided = ratios(rows, base)
        if divided:
            hundredths = [2] * len(COLUMNS)
            heading = f"the same, divided by the row {base}"
            blocks.append([heading, *_block(divided, hundredths)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _block(rows: Mapping[str, Row], digits: Sequence[int]) -> list[str]:
    """Write headings and rows."""
    heads = [_line("", (column.title[line] for column in COLUMNS)) for line in (0, 1)]
    heads.append(_line("better is", ("more" if c.more else "less" for c in COLUMNS)))
    lines = []
    for name, row in rows.items():
        cells = (
            f"{row[column.name]:.{places}f}" if column.name in row else "-"
            for column, places in zip(COLUMNS, digits, strict=True)
        )
        lines.append(_line(name, cells))
    return [*heads, *lines]


def _line(name: str, cells: Iterable[str]) -> str:
    """Write one line."""
    return f"{name:10}" + "".join(f"{cell:>{WIDTH}}" for cell in cells)
