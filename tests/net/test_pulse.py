"""Tests for `spdygate.net.pulse`, over sockets of this machine."""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, ITransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock, deferLater
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from spdygate.net.pulse import ROUND, SILENCE, STEP, Pulse, Pulses, socket_of

#: ``SO_ATTACH_FILTER`` (asm-generic/socket.h), which Python has no name for.
ATTACH_FILTER = 26

#: Seconds after which Linux sends again what is not acknowledged on loopback.
AGAIN = 0.2


def vanish(peer: socket.socket) -> None:
    """
    Let a peer vanish: nothing that comes to it is seen, or answered, any more.

    By a filter of one instruction, "take 0 bytes of it" (``BPF_RET``).
    """
    code = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, 0))
    program = struct.pack("@HP", 1, ctypes.addressof(code))
    peer.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, program)


def reset(peer: socket.socket) -> None:
    """Let a peer reset its connection."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def fill(handle: socket.socket) -> None:
    """Write as much as a peer and its kernel take that do not read."""
    try:
        while True:
            handle.send(bytes(1 << 16))
    except BlockingIOError:
        pass


def info(state: int = 1, resent: int = 0, probes: int = 0, silent: int = 0) -> bytes:
    """
    Return what the kernel tells, as linux/tcp.h draws it.

    :param silent: milliseconds.
    """
    told = bytearray(60)
    told[0], told[2], told[3] = state, resent, probes
    told[56:60] = silent.to_bytes(4, "little")
    return bytes(told)


class JudgeTests(SynchronousTestCase):
    """What the kernel tells, and what that means."""

    def setUp(self) -> None:
        """Look at a socket, of which nothing is asked here."""
        handle = socket.socket()
        self.addCleanup(handle.close)
        self.pulse = Pulse(handle)

    def test_idle(self) -> None:
        """Silence alone is nothing: TCP says nothing while there is nothing to say."""
        for now in (0.0, 1e3, 1e6):
            self.assertFalse(self.pulse.judge(info(silent=int(now) * 1000), now))

    def test_closed(self) -> None:
        """What the kernel has given up is dead at once."""
        self.assertTrue(self.pulse.judge(info(state=7), 0.0))

    def test_repeats(self) -> None:
        """It repeats itself, and nothing comes: dead after `SILENCE`, not before."""
        for resent, probes in ((3, 0), (0, 3)):
            pulse = self.pulse
            pulse._since = None
            # The last that came was long before: a PING has waked a dead one.
            self.assertFalse(pulse.judge(info(1, resent, probes, 300_000), 0.0))
            silent = 300_000 + int(SILENCE) * 1000
            told = info(1, resent, probes, silent - 100)
            self.assertFalse(pulse.judge(told, SILENCE - 0.1))
            self.assertTrue(pulse.judge(info(1, resent, probes, silent), SILENCE))

    def test_one_lost(self) -> None:
        """Two attempts in the dark are none: the next may be minutes away."""
        for resent, probes in ((2, 0), (0, 1)):
            for now in range(0, 200, 10):
                told = info(1, resent, probes, 1000 * now)
                self.assertFalse(self.pulse.judge(told, float(now)))

    def test_answers(self) -> None:
        """Whoever has answered in between is there, whatever is repeated now."""
        for now in range(0, 1000, 10):
            self.assertFalse(self.pulse.judge(info(1, 5, 0, 9_000), float(now)))

    def test_recovers(self) -> None:
        """What was repeated and then answered begins anew."""
        self.assertFalse(self.pulse.judge(info(1, 1, 0, 1_000), 0.0))
        self.assertFalse(self.pulse.judge(info(1, 0, 0, 10_000), 10.0))
        self.assertFalse(self.pulse.judge(info(1, 1, 0, 60_000), 60.0))


class SocketCase(TestCase):
    """A connection of two plain sockets, ours first."""

    silence = 0.5

    def setUp(self) -> None:
        """Connect."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.peer = socket.create_connection(server.getsockname())
            self.ours, _ = server.accept()
        self.ours.setblocking(False)
        for handle in (self.ours, self.peer):
            self.addCleanup(handle.close)

    def seconds(self) -> float:
        """Return the time."""
        return IReactorTime(reactor).seconds()

    async def dies(self, pulse: Pulse, seconds: float) -> bool:
        """Look again and again; say whether the peer is dead within so long."""
        until = self.seconds() + seconds
        while self.seconds() < until:
            if pulse.is_dead(self.seconds()):
                return True
            await deferLater(IReactorTime(reactor), 0.05)
        return False


class PulseTests(SocketCase):
    """One socket, none of which is read from."""

    async def test_reset(self) -> None:
        """A reset is seen though nobody reads."""
        pulse = Pulse(self.ours)
        self.assertFalse(pulse.is_dead(0.0))
        self.peer.send(b"unread")
        reset(self.peer)
        self.assertTrue(await self.dies(pulse, 5.0))

    async def test_fin(self) -> None:
        """A FIN is none: what came before it is still to be read."""
        self.peer.send(b"unread")
        self.peer.close()
        self.assertFalse(await self.dies(Pulse(self.ours), 2 * AGAIN))

    async def test_vanished(self) -> None:
        """A peer that does not acknowledge what we have sent is dead in time."""
        vanish(self.peer)
        self.ours.send(b"a PING")
        self.assertTrue(await self.dies(Pulse(self.ours, self.silence), 5.0))

    async def test_shut(self) -> None:
        """One that has shut its window, and answers every probe, is there."""
        fill(self.ours)
        self.assertFalse(await self.dies(Pulse(self.ours, self.silence), 2.0))

    async def test_shut_and_vanished(self) -> None:
        """One that has shut its window, and then answers no probe, is not."""
        fill(self.ours)
        vanish(self.peer)
        self.assertTrue(await self.dies(Pulse(self.ours, self.silence), 5.0))

    def test_closed_by_us(self) -> None:
        """A socket that we have closed is nobody's death."""
        self.ours.close()
        self.assertFalse(Pulse(self.ours).is_dead(0.0))


class Paused(Protocol):
    """
    A connection that is not read from.

    :ivar lost: fires when it is gone.
    """

    def __init__(self) -> None:
        self.lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """Stop reading."""
        assert isinstance(self.transport, Connection)
        self.transport.pauseProducing()

    def abort(self) -> None:
        """Close the connection at once."""
        assert isinstance(self.transport, Connection)
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Say so."""
        self.lost.callback(None)


class Shell:
    """
    A shell in memory, around a real socket.

    :ivar aborted: how often it was closed.
    """

    def __init__(self, handle: socket.socket | None, on_abort: Callable[[], None]):
        self.transport: ITransport = StringTransport()
        if handle is not None:
            self.transport.getHandle = lambda: handle  # type: ignore[attr-defined]
        self.aborted = 0
        self._on_abort = on_abort

    def abort(self) -> None:
        """Count one."""
        self.aborted += 1
        self._on_abort()


class PulsesTests(SocketCase):
    """All connections of a process."""

    async def test_twisted(self) -> None:
        """Twisted does not notice the reset of a connection that it does not read."""
        protocol = Paused()
        self.ours.setblocking(False)
        transport = adopt(self.ours, protocol)
        pulses = Pulses(IReactorTime(reactor))
        pulses.watch(protocol)
        self.addCleanup(pulses.forget, protocol)
        self.assertIs(socket_of(transport), transport.getHandle())
        reset(self.peer)
        await deferLater(IReactorTime(reactor), 2 * AGAIN)
        self.assertFalse(protocol.lost.called)
        protocol.lost.addTimeout(5 * STEP, IReactorTime(reactor))
        await protocol.lost

    def test_nothing_to_watch(self) -> None:
        """A transport without a TCP socket is left alone, and costs no timer."""
        clock = Clock()
        pulses = Pulses(clock)
        shell = Shell(None, lambda: None)
        pulses.watch(shell)
        pulses.forget(shell)
        ours, theirs = socket.socketpair()
        for handle in (ours, theirs):
            self.addCleanup(handle.close)
        pulses.watch(Shell(ours, lambda: None))
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_rounds(self) -> None:
        """Every connection is looked at once in a round, a part of them at a time."""
        clock = Clock()
        pulses = Pulses(clock)
        looks: dict[int, list[float]] = {}
        shells = []
        for number in range(25):
            handle = Counting(clock, looks.setdefault(number, []))
            self.addCleanup(handle.close)
            shells.append(Shell(handle, lambda: None))
            pulses.watch(shells[-1])
        clock.pump([STEP] * int(3 * ROUND))
        for times in looks.values():
            self.assertGreaterEqual(len(times), 3)
            gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
            self.assertLessEqual(max(gaps), ROUND)
        for shell in shells:
            pulses.forget(shell)
        self.assertEqual(clock.getDelayedCalls(), [])

    async def test_one_takes_another_along(self) -> None:
        """Whoever is closed may take others along, and they are not closed again."""
        clock = Clock()
        pulses = Pulses(clock)
        reset(self.peer)
        self.assertTrue(await self.dies(Pulse(self.ours), 5.0))
        second = Shell(self.ours, lambda: None)

        def both() -> None:
            """Lose both."""
            pulses.forget(first)
            pulses.forget(second)

        first = Shell(self.ours, both)
        pulses.watch(first)
        pulses.watch(second)
        clock.pump([STEP] * int(ROUND))
        self.assertEqual((first.aborted, second.aborted), (1, 0))
        self.assertEqual(clock.getDelayedCalls(), [])


class Counting(socket.socket):
    """A socket that notes when it was looked at."""

    def __init__(self, clock: Clock, times: list[float]) -> None:
        super().__init__()
        self._clock = clock
        self._times = times

    def fileno(self) -> int:
        """Note it."""
        self._times.append(self._clock.seconds())
        return super().fileno()


def adopt(handle: socket.socket, protocol: Protocol) -> Connection:
    """Give a protocol to a connected socket."""
    transport = Connection(handle, protocol, reactor)
    transport.connected = 1
    transport.startReading()
    protocol.makeConnection(transport)
    return transport
