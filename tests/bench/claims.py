"""
What is promised of spdygate's speed and fairness, and whether it is kept.

A promise speaks of the row ``gateway``: SPDY in, SPDY out, to the same kubelet as the
relay's.  The row ``node``, HTTP/2 out, has to reach 0.7 of what is promised there.
Nothing here measures: medians come in, words go out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from .report import Row

LESSER: Final = 0.7
"""The part of a multiple of the relay's figure that the row ``node`` has to reach."""

Rows = Mapping[str, Row]
"""The medians of one set, by row."""


class Bound(NamedTuple):
    """
    What a figure has to reach, or not to exceed.

    :ivar limit: how much.
    :ivar base: the row of whose figure that is a multiple; empty for a plain limit.
    """

    limit: float
    base: str = ""

    def of(self, rows: Rows, column: str, part: float) -> float | None:
        """
        Return the limit in the column's unit, if its base was measured.

        :param part: what to multiply the limit by, if it is one of multiples.
        """
        if not self.base:
            return self.limit
        base = rows.get(self.base, {}).get(column)
        return None if base is None else base * self.limit * part


class Claim(NamedTuple):
    """
    One promise.

    :ivar figure: what it is about, with the unit.
    :ivar column: the column that has it.
    :ivar more: whether more is better.
    :ivar must: what is promised.
    :ivar aim: what would be better still.
    :ivar show: how to write the figure.
    :ivar tls: whether it is about TLS on both sides.
    :ivar rows: the rows it is about, where it is kept, and where in a lesser part.
    :ivar going: the column that says how many connections go on, if the figure is
        about those; when none does there is no figure.
    """

    figure: str
    column: str
    more: bool
    must: Bound
    aim: Bound | None
    show: Callable[[float], str]
    tls: bool = False
    rows: tuple[str, str] = ("gateway", "node")
    going: str = ""


def _going(count: float) -> str:
    """Write how many connections go on."""
    return f"{count:.0f} of 10" if count else "frozen"


def _arrives(comes: float) -> str:
    """Write whether something arrives."""
    return "arrives" if comes else "lost"


def _relay(limit: float) -> Bound:
    """Return a multiple of the relay's figure."""
    return Bound(limit, "relay")


WHOLE: Final = "{:.0f}".format
TENTHS: Final = "{:.1f}".format
HUNDREDTHS: Final = "{:.2f}".format

SPLICE: Final = Bound(1.0, "splice")
SLOWER: Final = Bound(2.0)
STUCK: Final = "stuck_up_going"

CLAIMS: Final = (
    Claim("throughput up, MiB/s", "up1", True, _relay(1), SPLICE, WHOLE),
    Claim("throughput down, MiB/s", "down1", True, _relay(1), SPLICE, WHOLE),
    Claim("CPU up, s/GiB", "cpu_up", False, _relay(0.8), _relay(0.6), HUNDREDTHS),
    Claim("CPU down, s/GiB", "cpu_down", False, _relay(0.8), _relay(0.6), HUNDREDTHS),
    Claim("TLS: CPU up", "cpu_up", False, _relay(1), _relay(0.8), HUNDREDTHS, True),
    Claim("TLS: CPU down", "cpu_down", False, _relay(1), _relay(0.8), HUNDREDTHS, True),
    Claim("64-byte echo, p50, us", "p50_1", False, _relay(1.1), _relay(0.9), WHOLE),
    Claim("connections/s", "connections", True, _relay(1), _relay(1.3), WHOLE),
    Claim("whole sessions/s", "sessions", True, _relay(1), _relay(1.5), WHOLE),
    Claim(
        *("KiB per idle session", "kib", False, Bound(128), Bound(48), WHOLE),
        rows=("embedded", "node"),
    ),
    Claim(
        *("pod stuck: others' p99, x", "stuck_up_ratio", False),
        *(SLOWER, Bound(1.2), HUNDREDTHS),
        going=STUCK,
    ),
    Claim(
        *("until then they wait, s", "stuck_up_wait", False, Bound(6), None, TENTHS),
        going=STUCK,
    ),
    Claim(
        "client stuck: others go on", "stuck_down_going", True, Bound(8), None, _going
    ),
    Claim(
        *("PING window: down, MiB/s", "down1", True),
        *(Bound(0.8, "ungated"), None, WHOLE),
        rows=("gateway", ""),
    ),
    Claim("50 MiB/s up: other's p99, x", "paced_up_ratio", False, SLOWER, None, TENTHS),
    Claim("50 MiB/s down: the same", "paced_down_ratio", False, SLOWER, None, TENTHS),
    Claim("all it can up: the same", "busy_up_ratio", False, SLOWER, None, TENTHS),
    Claim("all it can down: the same", "busy_down_ratio", False, SLOWER, None, TENTHS),
    Claim("reply 10 s after the FIN", "late", True, Bound(1), None, _arrives),
)
"""The promises, in the order of the table."""


def cell(claim: Claim, rows: Rows, row: str) -> str:
    """Write a row's figure, and its ratio to what it is compared with."""
    columns = rows.get(row, {})
    value = columns.get(claim.column)
    if value is None:
        return "frozen" if columns.get(claim.going) == 0 else "-"
    base = rows.get(claim.must.base, {}).get(claim.column)
    if not base or row not in claim.rows:
        return claim.show(value)
    return f"{claim.show(value)} ({value / base:.2f})"


def verdict(claim: Claim, rows: Rows, row: str) -> str:
    """
    Say whether a row keeps a promise: ``missed``, ``met``, or ``aim met``.

    Of the row that keeps it in a lesser part no more is asked.
    """
    columns = rows.get(row, {})
    value = columns.get(claim.column)
    if value is None:
        return "missed" if columns.get(claim.going) == 0 else "-"
    part = 1.0
    if row != claim.rows[0]:
        part = LESSER if claim.more else 1 / LESSER

    def kept(bound: Bound | None) -> bool:
        """Tell whether the figure is on the right side of a bound."""
        limit = None if bound is None else bound.of(rows, claim.column, part)
        if limit is None:
            return False
        return value >= limit if claim.more else value <= limit

    if claim.must.of(rows, claim.column, part) is None:
        return "-"
    if not kept(claim.must):
        return "missed"
    return "aim met" if part == 1 and kept(claim.aim) else "met"


def asked(claim: Claim, bound: Bound | None) -> str:
    """Write a bound; it is a multiple of the relay's figure if nothing else is said."""
    if bound is None:
        return ""
    if claim.show is _arrives:
        return _arrives(bound.limit)
    limit = f"{bound.limit:g}" if not bound.base else f"{bound.limit:.1f} x"
    named = "" if bound.base in ("", "relay") else f" {bound.base}"
    return f"{'>=' if claim.more else '<='} {limit}{named}"
