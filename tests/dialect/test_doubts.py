"""Tests for `spdygate.dialect.doubts`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.budget import LINGER
from spdygate.dialect.doubts import WORKERS, Doubts
from spdygate.session.spdy import SpdySession
from tests.dialect.spdynode import RESET, SpdyNode
from tests.session.spdybyhand import HandPeer, Seen


class DoubtsTests(SynchronousTestCase):
    """PINGs, and what they are about."""

    def setUp(self) -> None:
        """Begin without any."""
        self.session = SpdySession(client=True)
        self.doubts = Doubts(self.session)

    def pings(self) -> list[int]:
        """Return the numbers of the PINGs that were written."""
        return [frame.value for frame in HandPeer().read(self.session.outgoing())]

    def test_none(self) -> None:
        """A PING that only keeps the connection alive is about nothing."""
        self.doubts.ping()
        self.assertEqual((self.pings(), bool(self.doubts)), ([1], False))

    def test_all_must_answer(self) -> None:
        """Each worker is asked, in one row, and the last answer is as good as any."""
        self.doubts.rise()
        pings = self.pings()
        self.assertEqual(len(pings), WORKERS)
        for number in pings[::-1]:
            self.assertTrue(self.doubts)
            self.doubts.answered(number)
        self.assertFalse(self.doubts)

    def test_anew(self) -> None:
        """What is doubted again is asked again: old answers are worth nothing."""
        self.doubts.rise()
        old = self.pings()
        self.doubts.rise()
        for number in old:
            self.doubts.answered(number)
        self.assertTrue(self.doubts)


class NodeTests(SynchronousTestCase):
    """When a node is doubted."""

    def setUp(self) -> None:
        """Connect, with one tunnel."""
        self.by_hand = SpdyNode()
        self.end = self.by_hand.connect()
        self.by_hand.written()

    def test_given_up(self) -> None:
        """A tunnel that is given up leaves doubts behind, until the node answers."""
        self.end.send(b"a request")
        self.end.fail(RESET)
        self.assertTrue(self.by_hand.node.disturbed)
        asked = [f for f in self.by_hand.written() if f.name == "PING"]
        for frame in asked:
            self.assertTrue(self.by_hand.node.disturbed)
            self.by_hand.says(self.by_hand.peer.ping(frame.value))
        self.assertFalse(self.by_hand.node.disturbed)

    def test_nothing_sent(self) -> None:
        """One on which nothing was sent cannot be stuck in anybody."""
        self.end.fail(RESET)
        self.assertFalse(self.by_hand.node.disturbed)
        self.assertNotIn("PING", [frame.name for frame in self.by_hand.written()])

    def test_in_peace(self) -> None:
        """One that both sides have finished leaves none."""
        self.end.send(b"a request")
        self.end.finish()
        self.by_hand.says(*self.fins())
        self.assertEqual(self.by_hand.node.tunnels, 0)
        self.assertFalse(self.by_hand.node.disturbed)

    def fins(self) -> list[bytes]:
        """Return the FINs of both streams."""
        fin = 0x01
        return [
            stream.to_bytes(4, "big") + bytes((fin, 0, 0, 0))
            for stream in (self.end.error_id, self.end.data_id)
        ]

    def test_lingered(self) -> None:
        """What a node did not take to the end leaves doubts, too."""
        self.by_hand.node.pause()
        self.end.send(b"last words")
        self.end.finish()
        self.end.fail(RESET)
        for _ in range(3):
            self.by_hand.passes(LINGER / 3 + 1)
            self.by_hand.says(self.by_hand.peer.ping(2))
            seen = self.by_hand.written()
            answers = [f.value for f in seen if f.name == "PING" and f.value % 2]
        self.assertTrue(self.by_hand.node.disturbed)
        self.assertGreaterEqual(len(answers), WORKERS)
        self.assertIn(Seen("RST_STREAM", self.end.data_id, 5), seen)
