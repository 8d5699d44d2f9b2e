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

BESIDE: Final = (
    Column("stuck_up_going", ("up", "go on"), 0, True),
    Column("stuck_up_wait", ("stuck:", "wait s"), 1, False),
    Column("stuck_up_ratio", ("", "p99 x"), 2, False),
    Column("stuck_down_going", ("down", "go on"), 0, True),
    Column("stuck_down_wait", ("stuck:", "wait s"), 1, False),
    Column("stuck_down_ratio", ("", "p99 x"), 2, False),
    Column("stuck_down_rate", ("", "MiB x"), 2, True),
    Column("busy_up_ratio", ("up busy", "p99 x"), 1, False),
    Column("busy_down_ratio", ("dn busy", "p99 x"), 1, False),
    Column("paced_up_ratio", ("up 50/s", "p99 x"), 1, False),
    Column("paced_down_ratio", ("dn 50/s", "p99 x"), 1, False),
    Column("late", ("late", "comes"), 0, True),
)
"""One session's other connections, while one is stuck or busy: a second table."""

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


def title(tls: bool, mib: int, rounds: int) -> str:
    """Write the first line of a table."""
    words = "TLS on both sides" if tls else "no TLS"
    return f"{words}; {mib} MiB, medians of {rounds} rounds"


def table(heading: str, rows: Mapping[str, Row]) -> str:
    """
    Write the tables: medians, then ratios, then what became of neighbours.

    :param heading: the first line.
    """
    blocks = [[heading, *_block(rows, COLUMNS)]]
    hundredths = [column._replace(digits=2) for column in COLUMNS]
    for base in BASES:
        divided = ratios(rows, base)
        if divided:
            words = f"the same, divided by the row {base}"
            blocks.append([words, *_block(divided, hundredths)])
    names = {column.name for column in BESIDE}
    beside = {name: row for name, row in rows.items() if names & row.keys()}
    if beside:
        words = "the other connections of a session, while one is stuck or busy"
        blocks.append([words, *_block(beside, BESIDE)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _block(rows: Mapping[str, Row], columns: Sequence[Column]) -> list[str]:
    """Write headings and rows."""
    heads = [_line("", (column.title[line] for column in columns)) for line in (0, 1)]
    heads.append(_line("better is", ("more" if c.more else "less" for c in columns)))
    lines = []
    for name, row in rows.items():
        cells = (
            f"{row[column.name]:.{column.digits}f}" if column.name in row else "-"
            for column in columns
        )
        lines.append(_line(name, cells))
    return [*heads, *lines]


def _line(name: str, cells: Iterable[str]) -> str:
    """Write one line."""
    return f"{name:10}" + "".join(f"{cell:>{WIDTH}}" for cell in cells)


Grown = Mapping[str, Mapping[str, Sequence[Row]]]
"""What was counted, by what was multiplied and by row, one for each count."""

MULTIPLIED: Final = {
    "sessions": "sessions held, CPU and memory of each in the middle",
    "tunnels": "tunnels held, CPU and memory of each in the middle",
    "connections": "connections made in one session, and the middle after so many",
}
"""What grows, in the order of the tables, with their headings."""


def growth(found: Grown) -> str:
    """Write the tables of what becomes of the middle as something grows."""
    blocks = []
    for what, heading in MULTIPLIED.items():
        rows = {row: _ends(counts) for row, counts in found.get(what, {}).items()}
        heads = dict.fromkeys(f"{c['count']:.0f}" for row in rows.values() for c in row)
        if heads:
            lines = [heading, f"{'':10}" + "".join(f"{head:>20}" for head in heads)]
            for row, counts in rows.items():
                cells = (f"{_grown(each):>20}" for each in counts)
                lines.append(f"{row:10}" + "".join(cells))
            blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _ends(counts: Sequence[Row]) -> Sequence[Row]:
    """Leave out what is between the first two and the last."""
    return counts if len(counts) <= 3 else [*counts[:2], counts[-1]]


def _grown(each: Row) -> str:
    """Write one figure of growth: what one costs, or the whole weight."""
    if "ms" in each:
        return f"{each['ms']:.2f} ms {each['kib']:.0f} KiB"
    return f"{each['kib']:.0f} KiB {each['descriptors']:.0f} fds"
