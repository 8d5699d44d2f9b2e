"""Tests for :mod:`spdygate.net.shell`: its timer, and how a connection ends."""

from __future__ import annotations

from twisted.python.failure import Failure as TwistedFailure

from spdygate.dialect.tunnel import (
    Data,
    Failed,
    Failure,
    Opening,
    Reason,
)
from spdygate.net.shell import GRAIN, Shell
from spdygate.net.sockets import FAREWELL
from tests.dialect.ends import RecordingEnd, request
from tests.net.shellcases import Script, ShellCase, Transport


class ClosingTests(ShellCase):
    """A connection that is being closed."""

    def test_late_bytes(self) -> None:
        """What still comes, as TLS lets it, is not read any more."""
        self.shell.close()
        self.script.diary.clear()
        self.shell.dataReceived(b"late")
        self.assertEqual(self.script.diary, [])


class TimeTests(ShellCase):
    """The timer."""

    def set_due(self, due: float) -> None:
        """Have the dialect want to be called at *due*."""
        self.script.due = due
        self.script.wake()
        self.clock.advance(0)
        self.script.diary.clear()

    def test_never(self) -> None:
        """A dialect that waits for nothing costs no timer."""
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_deadline(self) -> None:
        """It ticks when the deadline has come, acts, and writes."""
        self.set_due(5.0)
        self.clock.advance(4.9)
        self.assertEqual(self.script.diary, [])
        self.script.ready = b"ping"
        self.clock.advance(0.2)
        self.assertEqual(self.script.diary[0], "tick at 5.1")
        self.assertEqual(self.transport.writes, [b"ping"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_an_earlier_one(self) -> None:
        """A deadline that comes nearer moves the one timer there is."""
        self.set_due(50.0)
        self.set_due(5.0)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(5)
        self.assertEqual(self.script.diary[0], "tick at 5")

    def test_a_later_one(self) -> None:
        """After a tick the timer follows a deadline that has moved away."""
        self.set_due(5.0)
        self.patch(self.script, "tick", lambda now: [])
        self.script.due = 7.0
        self.clock.advance(5)
        (call,) = self.clock.getDelayedCalls()
        self.assertEqual(call.getTime(), 7.0)

    def test_busy(self) -> None:
        """A busy connection is asked now and then, and misses no deadline by more."""
        asked: list[float] = []

        def deadline() -> float:
            asked.append(self.clock.seconds())
            return self.script.due

        self.patch(self.script, "deadline", deadline)
        for _ in range(100):
            self.shell.dataReceived(b"x")
            self.clock.advance(GRAIN / 50)
        self.assertLess(len(asked), 10)
        self.script.due = self.clock.seconds()
        self.shell.dataReceived(b"x")
        self.script.diary.clear()
        self.clock.advance(GRAIN)
        self.assertIn(f"tick at {self.clock.seconds():g}", self.script.diary)

    def test_past(self) -> None:
        """A deadline that has passed is for now."""
        self.clock.advance(10)
        self.script.due = 5.0
        self.shell.dataReceived(b"x")
        self.clock.advance(0)
        self.assertIn("tick at 10", self.script.diary)


class EndTests(ShellCase):
    """How a connection ends."""

    def end(self, farewell: bytes = b"") -> None:
        """Have the dialect end."""
        self.script.ready, self.script.ending = farewell, True
        self.shell.dataReceived(b"x")

    def test_ending(self) -> None:
        """The last words are written, then it is closed: not by a producer's leave."""
        self.end(b"goaway")
        self.assertEqual(self.transport.writes, [b"goaway"])
        self.assertTrue(self.transport.disconnecting)
        self.assertFalse(self.transport.had_producer_when_lost)

    def test_what_waits_before_the_end(self) -> None:
        """What may still be released goes before the connection does."""
        self.script.waiting = b"payload"
        self.end(b"goaway ")
        self.assertEqual(self.transport.value(), b"goaway payload")

    def test_nothing_after_the_end(self) -> None:
        """A connection that is being closed gets no word more."""
        self.end()
        self.script.ready = b"afterthought"
        self.shell.dataReceived(b"y")
        self.shell.close()
        self.assertEqual(self.transport.writes, [])

    def test_farewell(self) -> None:
        """A peer that does not read what is left has so many seconds, and no more."""
        self.end(b"goaway")
        self.clock.advance(FAREWELL - 0.1)
        self.assertFalse(self.transport.aborted)
        self.clock.advance(0.2)
        self.assertTrue(self.transport.aborted)

    def test_farewell_taken(self) -> None:
        """A peer that reads is not aborted, and leaves no timer behind."""
        self.script.due = 90.0
        self.end(b"goaway")
        self.shell.connectionLost()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_loses_its_connection_at_once(self) -> None:
        """Closing may lose the connection before it returns: no timer is left."""
        self.patch(self.transport, "loseConnection", self.shell.connectionLost)
        self.end()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_lost(self) -> None:
        """Every tunnel is told, then whoever holds the shell; no timer is left."""
        near, far = RecordingEnd(), RecordingEnd()
        self.script.told = [Opening(near, request())]
        self.script.due = 5.0
        self.shell.dataReceived(b"x")
        (relay,) = self.dialer.relays
        relay.join(far)
        why = Failure(Reason.GAVE_UP, "gone")
        self.script.told = [Data(near, b"last"), Failed(near, why)]
        near.received = 4
        reasons: list[str] = []
        self.shell.on_lost = lambda reason: reasons.append(
            f"{reason.getErrorMessage()}, {len(far.failures)} told"
        )
        self.shell.connectionLost(TwistedFailure(ConnectionError("it broke")))
        self.assertEqual((far.sent, far.failures), (b"last", [why]))
        self.assertEqual(reasons, ["it broke, 1 told"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_after_it_was_lost(self) -> None:
        """A connection that is gone is neither written to, closed nor aborted."""
        self.shell.connectionLost()
        self.script.ready = b"too late"
        self.script.wake()
        self.clock.advance(0)
        self.shell.close()
        self.shell.abort()
        self.assertEqual(self.transport.writes, [])
        self.assertFalse(self.transport.disconnecting or self.transport.aborted)

    def test_before_it_was_connected(self) -> None:
        """A shell without a connection can be woken, closed and aborted all the same."""
        script = Script()
        shell = Shell(script, self.switchboard, self.turn)
        script.ready = b"early"
        script.wake()
        self.clock.advance(0)
        shell.close()
        shell.abort()
        transport = Transport()
        shell.makeConnection(transport)
        self.assertEqual(transport.writes, [b"early"])

    def test_abort(self) -> None:
        """Aborting waits for nothing."""
        self.shell.abort()
        self.assertTrue(self.transport.aborted)
