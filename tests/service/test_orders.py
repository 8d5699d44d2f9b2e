"""Tests for `spdygate.service.orders`."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import (
    ILogObserver,
    LogEvent,
    Logger,
    LogPublisher,
    eventAsText,
    formatEvent,
)
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import provider

from spdygate.service import orders
from spdygate.service.orders import Lines, read_event, report, write_event

TEXT = b"serving\nlog {}\n\nstop now or never\nunfinished"
WORDS = [
    ("serving", ""),
    ("log", "{}"),
    ("", ""),
    ("stop", "now or never"),
    ("unfinished", ""),
]


def keeper(seen: list[Any]) -> LogPublisher:
    """Return what keeps the events of a log."""

    @provider(ILogObserver)
    def keep(event: LogEvent) -> None:
        """Keep."""
        seen.append(event)

    return LogPublisher(keep)


class LinesTests(SynchronousTestCase):
    """Lines, however they come."""

    @given(st.lists(st.integers(0, len(TEXT))))
    def test_any_split(self, cuts: list[int]) -> None:
        """Any slices of the same bytes make the same lines."""
        said: list[tuple[str, str]] = []
        lines, start = Lines(), 0
        for cut in [*sorted(cuts), len(TEXT)]:
            said += lines.feed(TEXT[start:cut])
            start = cut
        said += lines.last()
        self.assertEqual(said, WORDS)
        self.assertEqual(list(lines.last()), [])

    @given(st.binary())
    def test_any_bytes(self, data: bytes) -> None:
        """Whatever a process prints is a number of words."""
        lines = Lines()
        said = [*lines.feed(data), *lines.last()]
        self.assertLessEqual(len(said), data.count(b"\n") + 1)

    def test_endless(self) -> None:
        """A line without an end does not fill the memory."""
        lines = Lines()
        half = b"x" * (orders.LONGEST // 2 + 1)
        self.assertEqual(list(lines.feed(half)), [])
        ((word, _),) = lines.feed(half)
        self.assertEqual(len(word), 2 * len(half))
        self.assertEqual(list(lines.feed(b"y\n")), [("y", "")])


class ReportTests(SynchronousTestCase):
    """What a worker tells."""

    def setUp(self) -> None:
        """Make a pipe."""
        self.read, self.write = os.pipe()
        self.addCleanup(os.close, self.read)

    def told(self) -> list[tuple[str, str]]:
        """Return what was told, until the end."""
        os.close(self.write)
        with os.fdopen(os.dup(self.read), "rb") as file:
            return list(Lines().feed(file.read()))

    def test_report(self) -> None:
        """A word is a line, whatever its text has in it."""
        report("serving", number=self.write)
        report("log", "caf\u00e9 \ud800", self.write)
        self.assertEqual(self.told(), [("serving", ""), ("log", "caf\u00e9 \\ud800")])

    def test_nobody_reads(self) -> None:
        """A parent that is gone is told nothing, and that is no fault."""
        os.close(self.read)
        report("serving", number=self.write)
        os.close(self.write)
        self.read = os.open(os.devnull, os.O_RDONLY)

    def event(self, **more: Any) -> Any:
        """Log something in a worker; return what its parent logs."""
        seen: list[Any] = []
        log = Logger("spdygate.net.house", observer=keeper(seen))
        log.warn("session {id}: {words}", id="a-1", words="two\nlines", **more)
        (event,) = seen
        line = write_event(event)
        self.assertNotIn("\n", line)
        return read_event(line, 2)

    def test_event(self) -> None:
        """An event of the log keeps its time, its level and its fields."""
        event = self.event()
        self.assertEqual(formatEvent(event), "session a-1: two\nlines")
        self.assertEqual(event["log_worker"], 2)
        self.assertEqual(event["log_level"].name, "warn")
        text = eventAsText(event, includeTimestamp=False)
        self.assertTrue(text.startswith("[worker 2, spdygate.net.house#warn] "), text)

    def test_numbers(self) -> None:
        """A number is written as its worker would have written it."""
        seen: list[Any] = []
        log = Logger("spdygate.net.house", observer=keeper(seen))
        log.info("over after {seconds:.1f} s", seconds=1.2877066135406494)
        event = read_event(write_event(seen[0]), 1)
        self.assertEqual(formatEvent(event), "over after 1.3 s")

    def test_system(self) -> None:
        """What Twisted itself logs says of which part it is."""
        self.assertEqual(self.event(log_system="-")["log_system"], "worker 2, -")

    def test_failure(self) -> None:
        """Of a fault the traceback comes along."""
        seen: list[Any] = []
        log = Logger(observer=keeper(seen))
        try:
            raise ValueError("where it happened")
        except ValueError:
            log.failure("a fault")
        event = read_event(write_event(seen[0]), 1)
        text = eventAsText(event)
        self.assertIn("a fault", text)
        self.assertIn("where it happened", text)
        self.assertIn("test_orders.py", text)

    def test_no_event(self) -> None:
        """A line that was cut off by a death is no event, nor is any other."""
        for text in ('{"log_format": "ses', "", "5", "[]", "null"):
            self.assertRaises(ValueError, read_event, text, 1)
