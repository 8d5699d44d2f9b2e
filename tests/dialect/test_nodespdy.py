"""Tests for `spdygate.dialect.nodespdy`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect import budget
from spdygate.dialect.nodespdy import IDLE_TIMEOUT, LOST, NodeSpdy
from spdygate.dialect.nodespdystreams import READ_AHEAD
from spdygate.dialect.patience import USUAL
from spdygate.dialect.tunnel import Failed, Failure, Reason
from tests.dialect.ends import request
from tests.dialect.spdynode import FIN, HOP, RESET, SpdyNode, data
from tests.session.spdybyhand import Seen

PING = Seen("PING", 0, 1)
GOODBYE = Seen("GOAWAY", 0, 0)


class AliveTests(SynchronousTestCase):
    """A node that is silent is asked whether it is there."""

    def setUp(self) -> None:
        """Connect, with one tunnel."""
        self.by_hand = SpdyNode()
        self.node = self.by_hand.node
        self.end = self.by_hand.connect()
        self.by_hand.written()

    def test_ping(self) -> None:
        """After 30 s of silence an odd PING goes out, once."""
        self.by_hand.passes(USUAL.quiet - 0.1)
        self.assertEqual(self.by_hand.written(), [])
        woken = self.by_hand.woken
        self.by_hand.passes(1)
        self.assertGreater(self.by_hand.woken, woken)
        self.assertEqual(self.by_hand.written(), [PING])

    def test_pong(self) -> None:
        """Its echo is as good as any byte, and the next PING is another."""
        self.by_hand.passes(USUAL.quiet)
        self.by_hand.written()
        self.assertEqual(self.by_hand.says(self.by_hand.peer.ping(1)), [])
        self.by_hand.passes(USUAL.quiet)
        self.assertEqual(self.by_hand.written(), [Seen("PING", 0, 3)])

    def test_dead(self) -> None:
        """Silence after the PING ends every tunnel, once, naming the node."""
        told = self.by_hand.passes(USUAL.quiet + USUAL.answer)
        words = HOP + "it did not answer a PING within 20 s"
        self.assertEqual(told, [Failed(self.end, Failure(Reason.LINK_LOST, words))])
        self.assertTrue(self.node.ending and self.node.exhausted)
        self.assertEqual(self.node.deadline(), float("inf"))
        self.assertEqual(self.node.tick(1e6), [])
        self.assertEqual(self.node.lost(), [])

    def test_unread(self) -> None:
        """While we do not read, an answer may lie there: nobody is called dead."""
        self.by_hand.open()
        self.by_hand.says(data(3, bytes(READ_AHEAD + 1)))
        self.assertFalse(self.node.reading)
        self.assertEqual(self.by_hand.passes(600), [])
        self.assertFalse(self.node.ending or self.node.exhausted)
        self.end.grant(READ_AHEAD + 1)
        self.assertTrue(self.node.reading)

    def test_slow(self) -> None:
        """A node that takes what is written is alive, though it cannot answer."""
        for _ in range(10):
            self.node.pause()
            self.end.send(b"x")
            self.assertEqual(self.by_hand.passes(USUAL.quiet + 1), [])
            self.by_hand.drains()
        self.assertFalse(self.node.ending)

    def test_stuck(self) -> None:
        """One that takes nothing either is not."""
        self.node.pause()
        self.end.send(b"x")
        self.by_hand.passes(USUAL.quiet + USUAL.answer)
        self.assertTrue(self.node.ending)

    def test_rescue(self) -> None:
        """A node that counts in secret, and stops at 64 KiB, is granted more."""
        self.by_hand.says(data(3, bytes(64 * 1024)))
        self.by_hand.passes(1.0)
        seen = self.by_hand.written()
        self.assertEqual([frame.name for frame in seen], ["WINDOW_UPDATE"] * 2)
        self.end.grant(64 * 1024)


class IdleTests(SynchronousTestCase):
    """A connection without tunnels is left."""

    def setUp(self) -> None:
        """Connect."""
        self.by_hand = SpdyNode()
        self.node = self.by_hand.node

    def test_never_used(self) -> None:
        """After 30 s it says goodbye, as the last thing, and ends."""
        self.assertEqual(self.by_hand.passes(IDLE_TIMEOUT - 0.1), [])
        self.assertTrue(self.node.usable)
        woken = self.by_hand.woken
        self.by_hand.passes(0.1)
        self.assertGreater(self.by_hand.woken, woken)
        self.assertEqual(self.by_hand.written()[-1], GOODBYE)
        self.assertTrue(self.node.ending and self.node.exhausted)
        self.assertEqual(self.node.why, "no tunnel for 30 s")

    def test_used(self) -> None:
        """A tunnel that carries nothing is use enough, and its end begins the 30 s."""
        end = self.by_hand.connect()
        for _ in range(10):
            self.by_hand.passes(20)
            self.by_hand.says(self.by_hand.peer.ping(2))
        self.assertFalse(self.node.ending)
        end.fail(RESET)
        self.by_hand.passes(IDLE_TIMEOUT - 0.1)
        self.assertFalse(self.node.ending)
        self.by_hand.passes(0.1)
        self.assertTrue(self.node.ending)

    def test_used_again(self) -> None:
        """A tunnel that was opened in time keeps it."""
        self.by_hand.passes(IDLE_TIMEOUT - 1)
        self.by_hand.connect()
        self.by_hand.passes(2)
        self.assertFalse(self.node.ending)

    def test_after_a_goodbye(self) -> None:
        """A node that said goodbye is left with the last tunnel, at once."""
        end = self.by_hand.connect()
        self.by_hand.says(self.by_hand.peer.goaway(3))
        self.by_hand.passes(5)
        self.assertFalse(self.node.ending)
        self.by_hand.says(data(3, b"", FIN), data(1, b"", FIN))
        end.finish()
        self.by_hand.passes(0)
        self.assertTrue(self.node.ending)
        self.assertEqual(self.node.why, "it said goodbye")
        self.assertEqual(self.by_hand.written()[-1], GOODBYE)


class BudgetTests(SynchronousTestCase):
    """What its clients do not take is held, and then not read."""

    def test_shared(self) -> None:
        """The budget is the process's, and whoever makes room wakes the others."""
        shared = budget.Shared(limit=100)
        nodes = [NodeSpdy("node n1", 0.0, 30.0, shared) for _ in range(2)]
        ends, woken = [], []
        for node in nodes:
            node.on_wake(lambda: woken.append(1))
            ends.append(node.open(request()))
        for by_hand, node in ((SpdyNode(), node) for node in nodes):
            peer = by_hand.peer
            node.feed(peer.reply(1) + peer.reply(3) + data(3, bytes(60)), 0.0)
        self.assertFalse(nodes[0].reading or nodes[1].reading)
        woken.clear()
        ends[1].grant(60)
        self.assertEqual(len(woken), 2)
        self.assertTrue(nodes[0].reading and nodes[1].reading)
        ends[0].grant(60)
        self.assertEqual(shared.held, 0)


class LostTests(SynchronousTestCase):
    """The connection is gone."""

    def test_lost(self) -> None:
        """Every tunnel fails once, whatever its state, and nothing is kept."""
        by_hand = SpdyNode()
        asked, half, lingering = by_hand.open(), by_hand.connect(), by_hand.connect()
        half.finish()
        by_hand.node.pause()
        lingering.send(b"last words")
        lingering.finish()
        lingering.fail(RESET)
        told = by_hand.node.lost()
        why = Failure(Reason.LINK_LOST, HOP + LOST)
        self.assertEqual(told, [Failed(end, why) for end in (asked, half, lingering)])
        self.assertEqual(by_hand.node.lost(), [])
        self.assertEqual(by_hand.leftovers(), {})
        self.assertTrue(by_hand.node.exhausted and by_hand.node.ending)
        woken = by_hand.woken
        half.fail(RESET)
        half.grant(0)
        self.assertEqual(by_hand.woken, woken)

    def test_lost_after_a_reason(self) -> None:
        """What ended the connection first is what is remembered."""
        by_hand = SpdyNode()
        by_hand.passes(IDLE_TIMEOUT)
        why = by_hand.node.why
        by_hand.node.lost()
        self.assertEqual(by_hand.node.why, why)
