"""Tests for :mod:`spdygate.node.tcpend`: in memory, and on real sockets."""

from __future__ import annotations

import socket
import struct

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.task import Clock, deferLater
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure as TwistedFailure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from spdygate.dialect.http2end import LINGER
from spdygate.dialect.tunnel import (
    Data,
    Drained,
    Failed,
    Finished,
    Reason,
    TunnelEvent,
)
from spdygate.net.shell import Turn
from spdygate.net.sockets import Ready
from spdygate.node.tcpend import READ_AHEAD, TcpEnd
from tests.dialect import contract
from tests.dialect.contract import WHY, drained, failures

#: Bytes that no kernel keeps all of in the buffers of one connection.
LARGE = 32 * 1024 * 1024


class Record:
    """
    Whoever holds an end in a test.

    :ivar events: what it was told.
    :ivar count: bytes it was told of.
    """

    def __init__(self) -> None:
        self.events: list[TunnelEvent] = []
        self.count = 0

    def act(self, event: TunnelEvent) -> None:
        """Keep it, with bytes that are still there when it is looked at."""
        if isinstance(event, Data):
            event = Data(event.end, bytes(event.data))
            self.count += len(event.data)
        self.events.append(event)

    def told(self) -> list[TunnelEvent]:
        """Return, and forget, what has happened."""
        events, self.events = self.events, []
        return events


class SocketLike(StringTransport):
    """
    A transport that does with a producer what Twisted's sockets do.

    What is written waits while it is `held`; FIN and close wait behind that,
    and for ever while there is a producer that is paused.
    """

    def __init__(self, end: TcpEnd) -> None:
        super().__init__()
        self.end = end
        self.held = False
        self.waiting = b""
        self.fin = False
        self.fin_wanted = False
        self.lost = False

    def write(self, data: bytes) -> None:
        """Write, or keep it and say so."""
        if not self.held:
            super().write(data)
            return
        self.waiting += data
        if self.producer is not None:
            self.end.pauseProducing()

    def unregisterProducer(self) -> None:
        """Ask no longer; as of a socket, this may be said twice."""
        self.producer = None

    def loseWriteConnection(self) -> None:
        """Half-close, once nothing waits."""
        self.fin_wanted = True
        self._go_on()

    def loseConnection(self) -> None:
        """Close, once nothing waits."""
        super().loseConnection()
        self._go_on()

    def abortConnection(self) -> None:
        """Close at once."""
        self.waiting = b""
        self.lose(ConnectionAborted())

    def let_go(self) -> None:
        """Write what waits, and then ask the producer, or close."""
        self.held = False
        waiting, self.waiting = self.waiting, b""
        if self.lost or not waiting:
            return
        super().write(waiting)
        if self.producer is not None:
            self.end.resumeProducing()
        self._go_on()

    def _go_on(self) -> None:
        """Do what was to be done behind the bytes, as ``doWrite`` does."""
        if self.waiting or self.lost or self.producer is not None:
            return
        self.fin = self.fin or self.fin_wanted or self.disconnecting
        if self.disconnecting:
            self.lose(ConnectionDone())

    def lose(self, why: Exception) -> None:
        """Be lost, once."""
        if not self.lost:
            self.lost = True
            self.end.connectionLost(TwistedFailure(why))


class MemoryBench:
    """One end on a transport in memory (see `tests.dialect.contract.Bench`)."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.end = TcpEnd(Turn(self.clock))
        self.record = self.end.receiver = Record()
        self.transport = SocketLike(self.end)
        self.end.makeConnection(self.transport)
        self.told = self.record.told

    @property
    def arrived(self) -> bytes:
        """Return what got through."""
        return self.transport.value()

    @property
    def fin(self) -> bool:
        """Return whether the FIN got through."""
        return self.transport.fin

    @property
    def dead(self) -> bool:
        """Return whether the connection is gone."""
        return self.transport.lost

    def hold(self) -> None:
        """Let the pod read no more."""
        self.transport.held = True

    def let_go(self) -> None:
        """Let it read on."""
        self.transport.let_go()

    def peer_sends(self, data: bytes) -> None:
        """Let bytes come, if there is a connection."""
        if not self.transport.lost:
            self.end.dataReceived(data)

    def peer_finishes(self) -> None:
        """Let a FIN come."""
        if not self.transport.lost:
            self.end.readConnectionLost()

    def peer_breaks(self) -> None:
        """Let a RST come."""
        self.transport.lose(ConnectionLost())


class ContractTests(contract.EndContract):
    """The contract of every end."""

    def bench(self) -> MemoryBench:
        """Make an open end."""
        return MemoryBench()


class MemoryTests(SynchronousTestCase):
    """What is this end's own."""

    def setUp(self) -> None:
        """Connect one."""
        self.bench = MemoryBench()
        self.end, self.transport = self.bench.end, self.bench.transport

    def test_interfaces(self) -> None:
        """Twisted is told that it half-closes and that it can be paused."""
        verifyObject(IHalfCloseableProtocol, self.end)
        verifyObject(IPushProducer, self.end)
        self.assertIs(self.transport.producer, self.end)

    def test_never_accepted(self) -> None:
        """A pod asks for nothing, so there is nothing to accept."""
        self.assertRaises(NotImplementedError, self.end.accept)

    def test_read_ahead(self) -> None:
        """The pod is read from until too much is under way, and again afterwards."""
        self.end.dataReceived(bytes(READ_AHEAD))
        self.assertEqual(self.transport.producerState, "producing")
        self.end.dataReceived(b"x")
        self.assertEqual(self.transport.producerState, "paused")
        self.end.grant(1)
        self.assertEqual(self.transport.producerState, "producing")

    def test_granted_at_once(self) -> None:
        """Bytes that leave while they are told of never stop the reading."""

        class Taker(Record):
            """Grants what comes."""

            def act(self, event: TunnelEvent) -> None:
                """Grant it."""
                assert isinstance(event, Data)
                event.end.grant(len(event.data))

        self.end.receiver = Taker()
        for _ in range(5):
            self.end.dataReceived(bytes(READ_AHEAD))
            self.assertEqual(self.transport.producerState, "producing")

    def test_drained_is_what_waited(self) -> None:
        """All that was written while congested is reported in one sum."""
        self.bench.hold()
        self.assertEqual(self.end.send(b"one"), 0)
        self.assertEqual(self.end.send(b"three"), 0)
        self.bench.let_go()
        self.assertEqual(self.bench.told(), [Drained(self.end, 8)])
        self.assertEqual(self.end.send(b"four"), 4)

    def test_fin_is_not_for_a_paused_producer(self) -> None:
        """With a FIN to send the end is the transport's producer no longer."""
        self.end.finish()
        self.assertIsNone(self.transport.producer)
        self.assertTrue(self.transport.fin)

    def test_closed_when_both_have_finished(self) -> None:
        """Two FINs end the connection, in whichever order, and nothing is left."""
        for first in (True, False):
            bench = MemoryBench()
            steps = [bench.end.finish, bench.peer_finishes]
            for step in steps if first else reversed(steps):
                self.assertFalse(bench.transport.lost)
                step()
            self.assertTrue(bench.transport.lost)
            self.assertEqual(failures(bench.told()), 0)
            self.assertEqual(bench.clock.getDelayedCalls(), [])

    def test_linger(self) -> None:
        """A pod that reads no more has so many seconds for what was left to it."""
        self.bench.hold()
        self.end.send(b"last words")
        self.end.finish()
        self.end.fail(WHY)
        self.bench.clock.advance(LINGER - 1)
        self.assertFalse(self.transport.lost)
        self.bench.clock.advance(1)
        self.assertTrue(self.transport.lost)
        self.assertEqual(self.bench.arrived, b"")
        self.assertEqual(failures(self.bench.told()), 1)

    def test_linger_after_both_have_finished(self) -> None:
        """The same bound holds for an orderly end that does not come to pass."""
        self.bench.hold()
        self.end.send(b"last words")
        self.end.finish()
        self.bench.peer_finishes()
        self.bench.clock.advance(LINGER)
        self.assertTrue(self.transport.lost)
        self.assertEqual(failures(self.bench.told()), 1)

    def test_linger_is_cancelled(self) -> None:
        """What was left was taken: no timer stays behind."""
        self.bench.hold()
        self.end.send(b"last words")
        self.end.finish()
        self.end.fail(WHY)
        self.assertEqual(len(self.bench.clock.getDelayedCalls()), 1)
        self.bench.let_go()
        self.assertTrue(self.transport.lost)
        self.assertEqual(self.bench.clock.getDelayedCalls(), [])

    def test_closed_without_fin(self) -> None:
        """A connection that is lost before its directions were has failed."""
        reasons = []
        for why in (ConnectionDone(), ConnectionLost("it broke")):
            bench = MemoryBench()
            bench.transport.lose(why)
            (event,) = bench.told()
            assert isinstance(event, Failed)
            self.assertIs(event.failure.reason, Reason.TARGET_RESET)
            reasons.append(event.failure.message)
        self.assertEqual(reasons[0], "the target closed the connection")
        self.assertIn("the target reset the connection", reasons[1])

    def test_nobody_listens(self) -> None:
        """An end that nobody holds yet loses its events, and nothing worse."""
        self.end.receiver = None
        self.bench.peer_sends(b"x")
        self.bench.peer_breaks()
        self.assertTrue(self.end.over)


class KernelTests(TestCase):
    """The same on sockets of the kernel, whose other end is driven by hand."""

    timeout = 20

    def setUp(self) -> None:
        """Make a TCP connection on the loopback, and give one end to the reactor."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            ours = socket.create_connection(listening.getsockname())
            self.pod, _ = listening.accept()
        self.pod.setblocking(False)
        self.addCleanup(self.pod.close)
        self.end = TcpEnd(Turn(global_reactor))  # type: ignore[arg-type]
        self.record = self.end.receiver = Record()
        with ours:  # the reactor works on a duplicate
            global_reactor.adoptStreamConnection(  # type: ignore[attr-defined]
                ours.fileno(), socket.AF_INET, Ready(self.end)
            )
        self.addCleanup(self._hang_up)
        self.got = b""
        self.fin = False

    @inlineCallbacks
    def _hang_up(self) -> object:
        """Let nothing stay in the reactor."""
        self.end.over = True
        self.end.transport.abortConnection()  # type: ignore[union-attr]
        yield self.once(lambda: not self.end.transport.connected)  # type: ignore[union-attr]

    @inlineCallbacks
    def once(self, condition: object) -> object:
        """Turn the reactor until something is so; the test's time is the bound."""
        while not condition():  # type: ignore[operator]
            yield deferLater(global_reactor, 0)  # type: ignore[arg-type]

    def read(self) -> bool:
        """Let the pod read a little; return whether it has met a FIN."""
        try:
            data = self.pod.recv(1 << 20)
        except BlockingIOError:
            return False
        self.got += data
        self.fin = not data
        return self.fin

    def events(self, kind: type[TunnelEvent]) -> list[TunnelEvent]:
        """Return what was told of one kind."""
        return [event for event in self.record.events if isinstance(event, kind)]

    def heard(self) -> bytes:
        """Return the bytes that were told."""
        found = (event for event in self.record.events if isinstance(event, Data))
        return b"".join(bytes(event.data) for event in found)

    @inlineCallbacks
    def test_server_speaks_first(self) -> Deferred[None]:  # type: ignore[misc]
        """A pod that greets is heard before anything was sent to it."""
        self.pod.send(b"220 ready")
        yield self.once(lambda: self.heard() == b"220 ready")
        self.assertEqual(self.got, b"")

    @inlineCallbacks
    def test_fin_behind_congested_data(self) -> Deferred[None]:  # type: ignore[misc]
        """The FIN comes behind more than the kernel holds, and Drained is exact."""
        self.assertEqual(self.end.send(bytes(LARGE)), 0)
        self.end.finish()
        yield self.once(self.read)
        self.assertEqual(len(self.got), LARGE)
        self.assertEqual(drained(self.record.events), LARGE)
        self.assertEqual(self.events(Failed), [])
        self.pod.send(b"answer")
        yield self.once(lambda: self.heard() == b"answer")
        self.assertEqual(self.events(Finished), [])

    @inlineCallbacks
    def test_our_fin_first(self) -> Deferred[None]:  # type: ignore[misc]
        """After our FIN the pod answers as late as it likes, then ends it all."""
        self.end.send(b"question")
        self.end.finish()
        yield self.once(self.read)
        self.assertEqual(self.got, b"question")
        self.pod.send(b"answer")
        self.pod.shutdown(socket.SHUT_WR)
        yield self.once(lambda: not self.end.transport.connected)  # type: ignore[union-attr]
        self.assertEqual(self.heard(), b"answer")
        self.assertEqual(self.record.events[-1], Finished(self.end))

    @inlineCallbacks
    def test_their_fin_first(self) -> Deferred[None]:  # type: ignore[misc]
        """After the pod's FIN it still hears what is sent, and our FIN."""
        self.pod.shutdown(socket.SHUT_WR)
        yield self.once(lambda: self.events(Finished))
        self.assertTrue(self.end.transport.connected)  # type: ignore[union-attr]
        self.end.send(b"late")
        self.end.finish()
        yield self.once(self.read)
        self.assertEqual(self.got, b"late")
        yield self.once(lambda: not self.end.transport.connected)  # type: ignore[union-attr]
        self.assertEqual(self.record.events, [Finished(self.end)])

    @inlineCallbacks
    def test_reset(self) -> Deferred[None]:  # type: ignore[misc]
        """A RST of the pod is told as one."""
        self.pod.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.pod.close()
        yield self.once(lambda: self.events(Failed))
        (event,) = self.record.events
        assert isinstance(event, Failed)
        self.assertIs(event.failure.reason, Reason.TARGET_RESET)
        self.assertIn("reset", event.failure.message)

    @inlineCallbacks
    def test_abort(self) -> Deferred[None]:  # type: ignore[misc]
        """A failure without a FIN is a RST for the pod."""
        self.end.fail(WHY)
        yield self.once(lambda: not self.end.transport.connected)  # type: ignore[union-attr]
        self.assertRaises(ConnectionResetError, self.pod.recv, 1)
        self.assertEqual(self.record.events, [])

    @inlineCallbacks
    def test_fail_after_finish(self) -> Deferred[None]:  # type: ignore[misc]
        """A failure behind a FIN costs none of the bytes before it."""
        self.end.send(bytes(LARGE))
        self.end.finish()
        self.end.fail(WHY)
        yield self.once(self.read)
        self.assertEqual(len(self.got), LARGE)
        yield self.once(lambda: not self.end.transport.connected)  # type: ignore[union-attr]
        self.assertEqual(drained(self.record.events), LARGE)
        self.assertEqual(self.events(Failed), [])

    @inlineCallbacks
    def test_read_ahead(self) -> Deferred[None]:  # type: ignore[misc]
        """A pod whose bytes nobody takes is made to wait, and then goes on."""
        block, sent = bytes(1 << 20), 0
        for _ in range(200):
            try:
                sent += self.pod.send(block)
            except BlockingIOError:
                yield deferLater(global_reactor, 0)  # type: ignore[arg-type]
        held = self.record.count
        self.assertGreater(sent, held)
        # One read more than the bound may have been under way.
        self.assertLessEqual(held, READ_AHEAD + (1 << 16))
        granted = 0
        while granted < sent:
            count = self.record.count - granted
            if count:
                self.end.grant(count)
                granted += count
                continue
            yield deferLater(global_reactor, 0)  # type: ignore[arg-type]
        self.assertEqual(self.record.count, sent)
