"""Tests for `spdygate.session.windows`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis.strategies import integers, lists
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import CreditError
from spdygate.session.windows import WORTH, Inbound

#: A busy machine is no failure.
UNHURRIED = settings(deadline=None)


class InboundTests(SynchronousTestCase):
    """Credit that we give."""

    def test_all_of_it(self) -> None:
        """A peer may spend its whole window."""
        window = Inbound(100)
        window.received(100)
        self.assertEqual(window.room, 0)

    def test_overrun(self) -> None:
        """One byte past the window is the peer's fault, and takes nothing."""
        window = Inbound(100)
        window.received(60)
        self.assertRaises(CreditError, window.received, 41)
        self.assertEqual(window.room, 40)

    def test_put_off(self) -> None:
        """A grant waits until half of the window is owed, and is then whole."""
        window = Inbound(100)
        window.received(100)
        self.assertEqual(window.drained(49), 0)
        self.assertEqual(window.drained(1), 50)
        self.assertEqual(window.room, 50)

    def test_large(self) -> None:
        """Of a large window much less than a half is worth a grant."""
        window = Inbound(100 * WORTH)
        window.received(2 * WORTH)
        self.assertEqual(window.drained(WORTH - 1), 0)
        self.assertEqual(window.drained(1), WORTH)

    @UNHURRIED
    @given(integers(1, 1000), lists(integers(0, 1000)))
    def test_nothing_is_lost(self, size: int, amounts: list[int]) -> None:
        """Room, debts and what was not drained always add up to the window."""
        window = Inbound(size)
        held = 0
        for number, amount in enumerate(amounts):
            if number % 2:
                drained = min(amount, held)
                window.drained(drained)
                held -= drained
            else:
                received = min(amount, window.room)
                window.received(received)
                held += received
            self.assertEqual(window.room + window.owed + held, size)
            self.assertEqual(window.held, held)

    @UNHURRIED
    @given(integers(1, 1000))
    def test_never_stuck(self, size: int) -> None:
        """A peer whose window is used up is granted more once all is drained."""
        window = Inbound(size)
        window.received(size)
        self.assertEqual(window.drained(size), size)


class GrowthTests(SynchronousTestCase):
    """A window grows for who passes bytes on, and for nobody else."""

    def test_twofold(self) -> None:
        """Each grant doubles it, as far as it may grow."""
        window = Inbound(100, 350)
        sizes = []
        for _ in range(4):
            count = window.room
            window.received(count)
            self.assertEqual(window.room, 0)
            self.assertGreater(window.drained(count), 0)
            self.assertEqual(window.room, window.size)
            sizes.append(window.size)
        self.assertEqual(sizes, [200, 350, 350, 350])

    def test_stuck(self) -> None:
        """What is not passed on leaves it as it was."""
        window = Inbound(100, 400)
        window.received(100)
        self.assertEqual(window.drained(49), 0)
        self.assertEqual((window.size, window.room), (100, 0))
