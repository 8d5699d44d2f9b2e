"""Tests for :mod:`spdygate.node.tcpend`: in memory, and on real sockets."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPullProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from spdygate.dialect.budget import LINGER
from spdygate.dialect.tunnel import Data, Drained, Failed, Failure, Reason, TunnelEvent
from spdygate.node.tcpend import HELPING, READ_AHEAD, SMALL
from tests.dialect import contract
from tests.dialect.contract import WHY, failures
from tests.node.tcpends import MemoryBench, Record


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
        """Twisted is told that it half-closes, and that it can be asked for more."""
        verifyObject(IHalfCloseableProtocol, self.end)
        verifyObject(IPullProducer, self.end)

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

            def refuse(self, failure: Failure) -> None:
                """Fail the test: no end gives its receiver up."""
                raise AssertionError(failure)

        self.end.receiver = Taker()
        for _ in range(5):
            self.end.dataReceived(bytes(READ_AHEAD))
            self.assertEqual(self.transport.producerState, "producing")

    def test_drained_is_what_waited(self) -> None:
        """What a slow pod takes is told by and by, and nothing overtakes it."""
        self.bench.hold()
        self.assertEqual(self.end.send(b"one"), 0)
        self.assertEqual(self.end.send(b"three"), 0)
        self.bench.let_go()
        told = [Drained(self.end, 3), Drained(self.end, 5)]
        self.assertEqual(self.bench.told(), told)
        self.assertEqual(self.end.send(b"four"), 4)
        self.assertEqual(self.bench.arrived, b"onethreefour")

    def test_helpings(self) -> None:
        """However much waits, the transport holds no more than a helping of it."""
        much = bytes(range(256)) * (HELPING // 100)
        self.bench.hold()
        self.end.send(much)
        self.assertEqual(len(self.transport.waiting), HELPING)
        self.bench.let_go()
        told = [event.count for event in self.bench.told() if type(event) is Drained]
        self.assertEqual((sum(told), max(told)), (len(much), HELPING))
        self.assertEqual(self.bench.arrived, much)

    def test_small_pieces(self) -> None:
        """Single bytes that wait are few objects."""
        self.bench.hold()
        self.end.send(b"x")
        for _ in range(3 * SMALL):
            self.end.send(b"y")
        self.assertLess(len(self.end._queue), 5)
        self.bench.let_go()
        self.assertEqual(self.bench.arrived, b"x" + b"y" * 3 * SMALL)

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
