"""Tests for `spdygate.observe.log`."""

from __future__ import annotations

from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import Failure, Reason, Request
from spdygate.gateway.relay import Relay
from spdygate.observe.log import LogObserver
from spdygate.wire.urls import Target
from tests.dialect.ends import RecordingEnd

REFUSED = Failure(Reason.REFUSED, "node n1: connection refused")


class LogCase(SynchronousTestCase):
    """A tunnel that somebody writes down."""

    def setUp(self) -> None:
        """Begin with a client's end, and nobody to talk to."""
        self.near, self.far = RecordingEnd(), RecordingEnd()

    def relay(self, node: str | None = "n1", client: str = "kubectl/v1.30") -> Relay:
        """Return a tunnel whose fate is logged."""
        target = Target(node, "shop", "web-0", None)
        request = Request(target, 8080, "r7-3", client=client)
        return Relay(self.near, request, LogObserver(verbose=True))


class FailedTests(LogCase):
    """A tunnel that failed is one line of warning."""

    def test_refused(self) -> None:
        """
        Request, client, target, node, reason and message, and no second line.

        All of them are there still when older observers, of which trial has
        some, have added to the event what they are used to.
        """
        with capturedLogs() as events:
            relay = self.relay()
            relay.refuse(REFUSED)
            relay.refuse(REFUSED)
        (event,) = events
        self.assertIs(event["log_level"], LogLevel.warn)
        self.assertEqual(
            formatEvent(event),
            "tunnel r7-3 failed: kubectl/v1.30 -> shop/web-0:8080 on n1: "
            "refused: node n1: connection refused",
        )

    def test_broken(self) -> None:
        """A tunnel that broke when it was open is a failure as well."""
        with capturedLogs() as events:
            relay = self.relay()
            relay.join(self.far)
            self.far.opens()
            self.far.breaks(Reason.POD_GONE)
        failed = [each for each in events if each["log_level"] is LogLevel.warn]
        self.assertEqual([each["reason"] for each in failed], ["pod-gone"])

    def test_unknown(self) -> None:
        """What is not known is not made up."""
        with capturedLogs() as events:
            self.relay(node=None, client="").refuse(REFUSED)
        self.assertIn(
            "unknown client -> shop/web-0:8080: refused", formatEvent(events[0])
        )

    def test_control_characters(self) -> None:
        """Neither a client nor a node can paint on the reader's terminal."""
        with capturedLogs() as events:
            relay = self.relay(client="evil\x1b[2J/1\x9b")
            relay.refuse(Failure(Reason.REFUSED, "node n1: b\u00fccher\x07\r\nno"))
        line = formatEvent(events[0])
        self.assertTrue(line.isprintable(), line)
        self.assertIn("evil?[2J/1? -> ", line)
        self.assertIn("b\u00fccher???no", line)

    def test_braces(self) -> None:
        """What a client calls itself is no format, and cannot spoil the line."""
        with capturedLogs() as events:
            self.relay(client="{id!r} {nothing}").refuse(REFUSED)
        self.assertIn("failed: {id!r} {nothing} -> shop", formatEvent(events[0]))


class WellTests(LogCase):
    """What went well is told to who asked for it."""

    def test_open_and_over(self) -> None:
        """The end tells the bytes of both directions."""
        with capturedLogs() as events:
            relay = self.relay()
            relay.join(self.far)
            self.far.opens()
            self.near.receiver = self.far.receiver = relay
            self.near.comes(b"12345")
            self.far.comes(b"123")
            self.near.ends()
            self.far.ends()
        self.assertEqual({each["log_level"] for each in events}, {LogLevel.info})
        first, last = map(formatEvent, events)
        self.assertEqual(
            first, "tunnel r7-3: open, kubectl/v1.30 -> shop/web-0:8080 on n1"
        )
        self.assertEqual(last, "tunnel r7-3: over, 5 bytes up, 3 bytes down")

    def test_client_gave_up(self) -> None:
        """A client that closes its own connection is no failure."""
        with capturedLogs() as events:
            relay = self.relay()
            relay.join(self.far)
            self.far.opens()
            self.near.receiver = relay
            self.near.breaks(Reason.GAVE_UP)
        self.assertEqual({each["log_level"] for each in events}, {LogLevel.info})
        self.assertEqual(len(events), 2)
