"""Tests for :mod:`spdygate.net.turn`."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from spdygate.net.turn import Turn


class Said:
    """Somebody with something to say."""

    def __init__(self, turn: Turn, diary: list[str], name: str) -> None:
        self.awake = False
        self.fails = False
        self.wakes: Said | None = None
        self._turn = turn
        self._diary = diary
        self._name = name

    def flush(self) -> None:
        """Say it, and give another one something to say."""
        if self.fails:
            raise ValueError("nothing to write to")
        self._diary.append(self._name)
        other, self.wakes = self.wakes, None
        if other is not None:
            self._turn.wake(other)

    def abort(self) -> None:
        """Note it."""
        self._diary.append(f"{self._name} aborted")


class TurnTests(SynchronousTestCase):
    """When what is written."""

    def setUp(self) -> None:
        """Have two who may speak."""
        self.clock = Clock()
        self.turn = Turn(self.clock)
        self.diary: list[str] = []
        self.one = Said(self.turn, self.diary, "one")
        self.two = Said(self.turn, self.diary, "two")

    def test_at_the_end(self) -> None:
        """Within a turn nobody writes before all has happened, and each once."""
        with self.turn:
            for said in (self.one, self.two, self.one):
                self.turn.wake(said)
            with self.turn:
                self.turn.wake(self.two)
            self.assertEqual(self.diary, [])
        self.assertEqual(self.diary, ["one", "two"])

    def test_outside(self) -> None:
        """Outside of any turn there is one of its own, soon and not at once."""
        self.turn.wake(self.one)
        self.assertEqual(self.diary, [])
        self.clock.advance(0)
        self.assertEqual(self.diary, ["one"])

    def test_while_writing(self) -> None:
        """Who is given something to say by another's writing is written in this turn."""
        self.one.wakes = self.two
        with self.turn:
            self.turn.wake(self.one)
        self.assertEqual(self.diary, ["one", "two"])

    def test_a_fault(self) -> None:
        """One that cannot be written to is closed, and costs nobody else his turn."""
        self.two.fails = True
        with self.turn:
            self.turn.wake(self.one)
            self.turn.wake(self.two)
        self.assertEqual(sorted(self.diary), ["one", "two aborted"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
