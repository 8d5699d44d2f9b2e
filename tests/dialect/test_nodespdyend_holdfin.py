"""Tests for `spdygate.dialect.nodespdyend`: a FIN of ours that is held back."""

from __future__ import annotations

from spdygate.dialect.tunnel import Data, Drained, Finished
from tests.dialect.spdynode import FIN, RESET, EndCase, data, fin, rst
from tests.session.spdybyhand import Seen


class HoldFinTests(EndCase):
    """A node closes everything a second after our FIN: so it waits."""

    def sent(self) -> list[Seen]:
        """Send a request, and the client's FIN."""
        self.end.send(b"?")
        self.end.finish()
        return self.by_hand.written()

    def test_held(self) -> None:
        """It goes out after 30 s of the pod's silence, and not before."""
        self.assertEqual(self.sent(), [Seen("DATA", 3, 1, b"?")])
        self.by_hand.passes(29.9)
        self.assertNotIn(fin(3), self.by_hand.written())
        woken = self.by_hand.woken
        self.by_hand.passes(0.1)
        self.assertGreater(self.by_hand.woken, woken)
        self.assertIn(fin(3), self.by_hand.written())

    def test_counted_from_the_fin(self) -> None:
        """Silence before the client's FIN does not count."""
        self.end.send(b"?")
        self.by_hand.now = 25.0  # nobody has looked at the clock since
        self.end.finish()
        self.by_hand.passes(15)
        self.by_hand.says(self.by_hand.peer.ping(2))
        self.by_hand.passes(14.9)
        self.assertNotIn(fin(3), self.by_hand.written())
        self.by_hand.passes(0.1)
        self.assertIn(fin(3), self.by_hand.written())

    def test_counted_anew(self) -> None:
        """Every byte from the pod begins the 30 s anew."""
        self.sent()
        for _ in range(5):
            self.by_hand.passes(25)
            self.by_hand.says(data(3, b"x"))
            self.end.grant(1)
        self.assertNotIn(fin(3), self.by_hand.written())
        self.by_hand.passes(30)
        self.assertIn(fin(3), self.by_hand.written())

    def test_nothing_was_sent(self) -> None:
        """A client that never sent a byte has nothing to wait for."""
        self.end.finish()
        self.assertEqual(self.by_hand.written(), [fin(3)])

    def test_after_the_pods_fin(self) -> None:
        """Nor has one whose pod has finished, whatever the node says of it."""
        self.end.send(b"?")
        self.by_hand.says(self.finishes())
        self.end.finish()
        self.assertIn(fin(3), self.by_hand.written())

    def test_late_answer(self) -> None:
        """An answer long after the client's FIN arrives."""
        self.sent()
        self.by_hand.passes(20)
        told = self.by_hand.says(data(3, b"at last", FIN), self.writes(b"", FIN))
        self.assertEqual([type(event) for event in told], [Data, Finished])
        self.end.grant(7)
        self.assert_nothing_kept()

    def test_given_up(self) -> None:
        """A failure delivers what was sent before the FIN that was held."""
        self.by_hand.node.pause()
        self.end.send(b"last words")
        self.end.finish()
        self.end.fail(RESET)
        self.assertEqual(self.by_hand.drains(), [Drained(self.end, 10)])
        seen = self.by_hand.written()
        self.assertEqual(seen[-2:], [Seen("DATA", 3, 10, b"last words", FIN), rst(3)])
        self.assert_nothing_kept()


class NoHoldTests(HoldFinTests):
    """The same with ``--hold-fin 0``."""

    hold_fin = 0.0

    def test_held(self) -> None:
        """It goes out at once."""
        self.assertEqual(self.sent(), [Seen("DATA", 3, 1, b"?"), fin(3)])

    def test_counted_from_the_fin(self) -> None:
        """Nothing is counted."""
        self.sent()
        self.assertNotIn(3, self.by_hand.node._line.holds)

    def test_counted_anew(self) -> None:
        """Nor by bytes of the pod."""
        self.sent()
        self.by_hand.says(data(3, b"x"))
        self.assertNotIn(3, self.by_hand.node._line.holds)
