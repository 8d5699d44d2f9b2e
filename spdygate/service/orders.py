"""
What a gateway and its workers say to each other, over two pipes.

Lines of UTF-8: a word, and behind a space what belongs to it.  **Orders** go to
a worker's standard input, **reports** come from its descriptor `REPORTS`; the
`Tally` of all workers is at `TALLY`, and the listening sockets follow from
`LISTENING` on, in the order of ``--listen``.

======= ======= ============================================================
order   STOP    end in order.  The end of the orders means the same: whoever
                gave them is gone
report  SERVING it accepts connections
report  LOG     an event of its log, as JSON
======= ======= ============================================================

A word that is not known is no fault: the two may be of two versions one day,
when a worker is told to read its files again, to drain, or to tell its figures,
for which there is room here.

Reports are written at once and wait for the pipe if need be, as any log to a
pipe does: what a process says last is what explains its death.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from twisted.logger import (
    ILogObserver,
    LogEvent,
    eventAsJSON,
    eventFromJSON,
    formatEvent,
)
from zope.interface import provider

#: Descriptors of a worker.
ORDERS = 0
REPORTS = 3
TALLY = 4
LISTENING = 5

STOP = "stop"
SERVING = "serving"
LOG = "log"

#: Bytes of a line at most; what is longer is cut into several.
LONGEST = 1 << 20


def report(word: str, more: str = "", number: int = REPORTS) -> None:
    """
    Write a report.

    :param number: the descriptor to write to.
    """
    line = f"{word} {more}".rstrip().encode("utf-8", "backslashreplace") + b"\n"
    # Who read them is gone: that is told by the end of the orders.
    with contextlib.suppress(OSError):
        while line:
            line = line[os.write(number, line) :]


@provider(ILogObserver)
def report_event(event: LogEvent) -> None:
    """Observe a worker's log."""
    report(LOG, write_event(event))


def write_event(event: LogEvent) -> str:
    """
    Return an event as JSON.

    Its text is made here, where its values still are what they are: a number in
    JSON has lost how many of its places to show.
    """
    text = formatEvent(event)
    return eventAsJSON({**event, "log_format": "{log_text}", "log_text": text})


def read_event(text: str, worker: int) -> LogEvent:
    """
    Return an event of a worker's log, which says whose it is.

    :raises ValueError: it is none.
    """
    event: LogEvent = eventFromJSON(text)
    if not isinstance(event, dict):
        raise ValueError(f"no event: {text}")
    level = getattr(event.get("log_level"), "name", "-")
    system = event.get("log_system") or f"{event.get('log_namespace', '-')}#{level}"
    event["log_system"] = f"worker {worker}, {system}"
    event["log_worker"] = worker
    return event


class Lines:
    """Makes lines of what comes in pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[str, str]]:
        """Return the words that are complete, each with what stood behind it."""
        *lines, rest = (self._rest + data).split(b"\n")
        if len(rest) > LONGEST:
            lines, rest = [*lines, rest], b""
        self._rest = rest
        for line in lines:
            word, _, more = line.decode("utf-8", "backslashreplace").partition(" ")
            yield word, more

    def last(self) -> Iterator[tuple[str, str]]:
        """Return what was left without the end of its line."""
        return self.feed(b"\n") if self._rest else iter(())
