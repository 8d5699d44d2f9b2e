"""Tests for :mod:`spdygate.net.shell`."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure as TwistedFailure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from spdygate.dialect.tunnel import (
    Data,
    Failed,
    Failure,
    Noted,
    Opening,
    Reason,
    TunnelEvent,
    nothing,
)
from spdygate.gateway.relay import Relay
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.shell import FAREWELL, HELPING, Shell, Turn
from tests.dialect.ends import RecordingEnd, request

_NEVER = float("inf")


class Transport(StringTransport):
    """A transport in memory that counts writes, and notes how it was left."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.had_producer_when_lost = False
        self.aborted = False

    def write(self, data: bytes) -> None:
        """Note each write by itself."""
        self.writes.append(data)
        super().write(data)

    def loseConnection(self) -> None:
        """Note whether there still was a producer, which would keep it open."""
        self.had_producer_when_lost = self.producer is not None
        super().loseConnection()

    def abortConnection(self) -> None:
        """Note it."""
        self.aborted = True


class Script:
    """
    A dialect that does what a test has written down.

    :ivar diary: what was asked of it, in order.
    :ivar ready: bytes to write now; `waiting` those that are released later.
    :ivar told: what the next `feed`, `tick` or `lost` has to tell.
    """

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.ready = b""
        self.waiting = b""
        self.told: list[TunnelEvent] = []
        self.ending = False
        self.reading = True
        self.due = _NEVER
        self.wake: Callable[[], None] = nothing

    @property
    def has_waiting(self) -> bool:
        """Return whether anything waits."""
        return bool(self.waiting)

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Keep it."""
        self.wake = wake

    def feed(self, data: bytes, now: float) -> list[TunnelEvent]:
        """Tell what is to be told."""
        self.diary.append(f"feed {data.decode()} at {now:g}")
        return self._tell()

    def _tell(self) -> list[TunnelEvent]:
        told, self.told = self.told, []
        return told

    def outgoing(self) -> bytes:
        """Hand out what is ready."""
        self.diary.append("outgoing")
        ready, self.ready = self.ready, b""
        return ready

    def release(self, limit: int) -> list[TunnelEvent]:
        """Make a helping of what waits ready."""
        self.ready, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return [Noted(f"released {len(self.ready)}")]

    def pause(self) -> None:
        """Note it."""
        self.diary.append("pause")

    def resume(self) -> None:
        """Note it."""
        self.diary.append("resume")

    def lost(self, why: str = "") -> list[TunnelEvent]:
        """Tell what is to be told."""
        self.diary.append("lost")
        return self._tell()

    def deadline(self) -> float:
        """Return what the test has set."""
        return self.due

    def tick(self, now: float) -> list[TunnelEvent]:
        """Note the time."""
        self.diary.append(f"tick at {now:g}")
        self.due = _NEVER
        return self._tell()


class Nowhere:
    """
    A dialer that leaves all tunnels where they are.

    :ivar relays: those it was asked for.
    """

    def __init__(self) -> None:
        self.relays: list[Relay] = []

    def dial(self, relay: Relay) -> None:
        """Keep it."""
        self.relays.append(relay)


class ShellCase(SynchronousTestCase):
    """What all tests of the shell stand on."""

    def setUp(self) -> None:
        """Connect one shell."""
        self.clock = Clock()
        self.turn = Turn(self.clock)
        self.dialer = Nowhere()
        self.switchboard = Switchboard(self.dialer)
        self.script, self.transport, self.shell = self.connect()

    def connect(self, script: Script | None = None) -> tuple[Script, Transport, Shell]:
        """Connect a shell more, in the same turn of the same reactor."""
        script = script or Script()
        shell, transport = Shell(script, self.switchboard, self.turn), Transport()
        shell.makeConnection(transport)
        script.diary.clear()
        return script, transport, shell


class WritingTests(ShellCase):
    """Feed, act, write."""

    def test_greeting(self) -> None:
        """What a dialect has to say first is written when it is connected."""
        script = Script()
        script.ready = b"preface"
        _, transport, _ = self.connect(script)
        self.assertEqual(transport.writes, [b"preface"])

    def test_acts_before_it_writes(self) -> None:
        """What an act makes the dialect say leaves in the write of the same turn."""
        script, near = self.script, RecordingEnd()
        script.told = [Opening(near, request())]
        dialled: list[str] = []

        def dial(relay: Relay) -> None:
            dialled.extend(script.diary)
            script.ready += b"reply"

        self.patch(self.dialer, "dial", dial)
        script.ready = b"pong "
        self.shell.dataReceived(b"x")
        self.assertEqual(dialled, ["feed x at 0"])
        self.assertEqual(self.transport.writes, [b"pong reply"])

    def test_nothing_to_say(self) -> None:
        """A turn without a word writes nothing: not even nothing."""
        self.shell.dataReceived(b"x")
        self.assertEqual(self.transport.writes, [])

    def test_one_write_for_each_in_a_turn(self) -> None:
        """However often others are woken in a turn, each writes once, at its end."""
        other, transport, _ = self.connect()
        with self.turn:
            for piece in (b"a", b"b", b"c"):
                other.ready += piece
                other.wake()
            self.shell.dataReceived(b"x")
            self.assertEqual(transport.writes, [])
        self.assertEqual(transport.writes, [b"abc"])

    def test_woken_outside_a_turn(self) -> None:
        """Who is woken by nobody's turn gets one of its own, and soon."""
        self.script.ready = b"late"
        self.script.wake()
        self.script.wake()
        self.assertEqual(self.transport.writes, [])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(0)
        self.assertEqual(self.transport.writes, [b"late"])

    def test_woken_while_others_are_flushed(self) -> None:
        """Who is woken by another's flush is flushed as well."""
        other, transport, _ = self.connect()

        def passes_on() -> None:
            other.ready = b"passed on"
            other.wake()

        self.shell.on_flush = passes_on
        self.shell.dataReceived(b"x")
        self.assertEqual(transport.writes, [b"passed on"])

    def test_notes(self) -> None:
        """What concerns the connection alone goes to whoever logs."""
        notes: list[str] = []
        self.shell.on_note = notes.append
        self.script.told = [Noted("odd")]
        self.shell.dataReceived(b"x")
        self.assertEqual(notes, ["odd"])

    def test_one_that_fails_costs_the_others_nothing(self) -> None:
        """A flush that raises ends its connection, is logged, and no more."""
        other, transport, _ = self.connect()

        def broken() -> bytes:
            raise ZeroDivisionError

        self.patch(self.script, "outgoing", broken)
        with self.turn:
            other.ready = b"fine"
            other.wake()
            self.script.wake()
        self.assertTrue(self.transport.aborted)
        self.assertEqual(transport.writes, [b"fine"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_turn_ends_even_if_it_fails(self) -> None:
        """A dialect that raises does not keep the others from being written."""
        other, transport, _ = self.connect()

        def broken(data: bytes, now: float) -> list[TunnelEvent]:
            other.ready = b"fine"
            other.wake()
            raise ZeroDivisionError

        self.patch(self.script, "feed", broken)
        self.assertRaises(ZeroDivisionError, self.shell.dataReceived, b"x")
        self.assertEqual(transport.writes, [b"fine"])


class PressureTests(ShellCase):
    """Back-pressure, both ways."""

    def test_producer(self) -> None:
        """It is the transport's streaming producer, as the interface says."""
        verifyObject(IPushProducer, self.shell)
        self.assertIs(self.transport.producer, self.shell)
        self.assertTrue(self.transport.streaming)

    def test_congested(self) -> None:
        """A congested transport gets what is ready, and nothing that may wait."""
        self.shell.pauseProducing()
        self.script.ready, self.script.waiting = b"control", b"payload"
        self.shell.dataReceived(b"x")
        self.assertEqual(self.transport.writes, [b"control"])
        self.assertEqual(self.script.diary[0], "pause")

    def test_resumed(self) -> None:
        """What waited is written when it has drained, in helpings, and acted on."""
        notes: list[str] = []
        self.shell.on_note = notes.append
        self.shell.pauseProducing()
        self.script.waiting = bytes(HELPING + 1)
        self.shell.resumeProducing()
        self.assertEqual([len(data) for data in self.transport.writes], [HELPING, 1])
        self.assertEqual(notes, [f"released {HELPING}", "released 1"])

    def test_paused_again(self) -> None:
        """A transport that is congested by one helping gets no second."""

        def write(data: bytes) -> None:
            self.transport.writes.append(data)
            self.shell.pauseProducing()

        self.patch(self.transport, "write", write)
        self.script.waiting = bytes(3 * HELPING)
        self.shell.resumeProducing()
        self.assertEqual(len(self.transport.writes), 1)
        self.assertEqual(len(self.script.waiting), 2 * HELPING)

    def test_release_that_releases_nothing(self) -> None:
        """A dialect that cannot release is not asked for ever."""
        self.script.waiting = b"stuck"
        self.patch(self.script, "release", lambda limit: [])
        self.shell.dataReceived(b"x")
        self.assertEqual(self.transport.writes, [])

    def test_reading(self) -> None:
        """The peer is read from while, and only while, the dialect allows it."""
        states = []
        for reading in (True, False, False, True):
            self.script.reading = reading
            self.script.wake()
            self.clock.advance(0)
            states.append(self.transport.producerState)
        expected = ["producing", "paused", "paused", "producing"]
        self.assertEqual(states, expected)


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
            f"{reason.type.__name__}, {len(far.failures)} told"
        )
        self.shell.connectionLost(TwistedFailure(ConnectionLost()))
        self.assertEqual((far.sent, far.failures), (b"last", [why]))
        self.assertEqual(reasons, ["ConnectionLost, 1 told"])
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
