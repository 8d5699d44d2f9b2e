"""Tests for `spdygate.dialect.servedspdy`: clients whose workers are watched."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.patience import USUAL
from spdygate.dialect.servedspdy import ServedSpdy, Visit
from spdygate.dialect.spdyend import SpdyEnd
from spdygate.dialect.tunnel import Drained, Failed, Noted, Reason, TunnelEvent
from spdygate.session.pingwindow import LATE
from spdygate.session.questions import WINDOW
from spdygate.session.workerqueue import LARGEST
from tests.dialect.ends import TARGET
from tests.dialect.spdyclient import SpdyClient, data
from tests.session.spdybyhand import FIN

#: Seconds that a session may stand still here for good.
FROZEN = 20.0


class Case(SynchronousTestCase):
    """A client with tunnels on streams 3 and 7, which the test can stop."""

    def setUp(self) -> None:
        """Open both."""
        self.client = SpdyClient()
        self.served = self.client.served = ServedSpdy(
            Visit(TARGET, "s1"), patience=replace(USUAL, frozen=FROZEN)
        )
        self.end, _ = self.client.connects()
        self.other, _ = self.client.connects()
        self.end.accept()
        self.other.accept()

    def send(self, end: SpdyEnd, frames: int) -> int:
        """Send so many frames; return how many bytes went."""
        return sum(end.send(bytes(LARGEST)) for _ in range(frames))

    def hears(self, *stuck: int) -> list[TunnelEvent]:
        """Let the client echo what it is asked, but for its *stuck* workers."""
        told = []
        for seen in self.client.written():
            # No other frame has moved the turn: 2 is worker 0, 4 is 1.
            if seen.name == "PING" and (seen.value // 2 - 1) % 5 not in stuck:
                told += self.client.does(self.client.peer.ping(seen.value))
        return told

    def stall(self) -> list[TunnelEvent]:
        """Let worker 3 stand still; return what came of it."""
        self.send(self.end, 2 * WINDOW)
        told = self.hears(3) + self.client.passes(LATE)
        # Asked once more, in case all of it has fallen asleep.
        return told + self.hears(3) + self.client.passes(LATE)


class StuckTests(Case):
    """One worker of the client stands still."""

    def test_noted(self) -> None:
        """A log is told so, and that it has gone on."""
        (note,) = self.stall()
        assert isinstance(note, Noted)
        self.assertIn("stream 3:", note.message)
        told = self.client.does(self.client.peer.ping(8))
        self.assertEqual(len(told), 1)
        assert isinstance(told[0], Noted)
        self.assertIn("takes again", told[0].message)

    def test_bytes_wait(self) -> None:
        """Its tunnel's bytes wait here, and are reported when they have gone."""
        # The answer to its stream counts, too.
        self.assertEqual(self.send(self.end, 2 * WINDOW), (WINDOW - 1) * LARGEST)
        self.assertEqual(self.send(self.other, 1), LARGEST)
        self.hears()
        self.assertTrue(self.served.has_waiting)
        (drained,) = self.served.release(1)
        self.assertEqual(drained, Drained(self.end, LARGEST))

    def test_starved(self) -> None:
        """It is known whose bytes wait for this."""
        self.assertFalse(self.end.starved())
        self.stall()
        self.assertTrue(self.end.starved())
        self.assertFalse(self.other.starved())

    def test_closed(self) -> None:
        """If its program has gone, and it stays so, the session is closed."""
        self.stall()
        self.client.does(data(3, b"", FIN))
        self.client.passes(FROZEN - 1.0)
        self.assertFalse(self.served.ending)
        told = self.client.passes(1.0)
        self.assertTrue(self.served.ending)
        self.assertIn("taken nothing for 20 s", self.served.why)
        failures = [event for event in told if isinstance(event, Failed)]
        self.assertEqual([one.end for one in failures], [self.end, self.other])
        self.assertIs(failures[0].failure.reason, Reason.GAVE_UP)

    def test_not_read(self) -> None:
        """While the client is not read, nobody waits for its echoes."""
        held = self.served._line.held
        self.send(self.end, 2 * WINDOW)
        self.assertEqual(self.served.release(1 << 30), [])
        self.assertFalse(self.served.has_waiting)
        held.total = held.limit + 1
        self.served.outgoing()
        self.assertTrue(self.served.has_waiting)


class OffTests(SynchronousTestCase):
    """An operator does not want it, or a client is none that can be watched."""

    def test_off(self) -> None:
        """Then everything goes out, and only an idle client is pinged."""
        client = SpdyClient()
        client.served = ServedSpdy(Visit(TARGET, "s1"), ping_window=False)
        end, _ = client.connects()
        end.accept()
        for _ in range(5 * WINDOW):
            self.assertEqual(end.send(b"word"), 4)
        self.assertNotIn("PING", {seen.name for seen in client.written()})
        self.assertFalse(end.starved())

    def test_no_echo(self) -> None:
        """A client that echoes nothing is not waited for, and a log is told."""
        client = SpdyClient()
        end, _ = client.connects()
        end.accept()
        for _ in range(5 * WINDOW):
            end.send(b"word")
        client.written()
        told = client.passes(0.0) + client.passes(5.0)
        (note,) = told
        assert isinstance(note, Noted)
        self.assertIn("not watched any more", note.message)
        self.assertTrue(client.served.has_waiting)
