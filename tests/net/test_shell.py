"""Tests for :mod:`spdygate.net.shell`."""

from __future__ import annotations

from twisted.internet.interfaces import IPushProducer
from zope.interface.verify import verifyObject

from spdygate.dialect.tunnel import (
    Noted,
    Opening,
    TunnelEvent,
)
from spdygate.gateway.relay import Relay
from spdygate.net.shell import HELPING
from tests.dialect.ends import RecordingEnd, request
from tests.net.shellcases import Script, ShellCase


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
