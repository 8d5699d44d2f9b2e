"""Tests for `spdygate.dialect.budget`."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import integers, lists, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.budget import PROCESS, SESSION, TUNNEL, Held, Shared


class BudgetTests(SynchronousTestCase):
    """Three budgets, of which each can stop a session."""

    def setUp(self) -> None:
        """Begin with small ones, and two sessions."""
        self.shared = Shared(limit=100)
        self.one = Held(self.shared, limit=50, tunnel_limit=10)
        self.other = Held(self.shared, limit=500, tunnel_limit=500)
        self.woken: list[str] = []
        self.one.wake = lambda: self.woken.append("one")
        self.other.wake = lambda: self.woken.append("other")

    def test_the_usual_ones(self) -> None:
        """4 MiB a tunnel, 16 MiB a session, 1 GiB a process."""
        self.assertEqual((TUNNEL, SESSION, PROCESS), (4 << 20, 16 << 20, 1 << 30))
        held = Held(Shared())
        self.assertEqual((held.tunnel_limit, held.limit), (TUNNEL, SESSION))
        self.assertEqual(held.shared.limit, PROCESS)

    def test_a_tunnel(self) -> None:
        """One byte over its limit, a tunnel stops its session."""
        self.assertEqual(self.one.take(0, 10), 10)
        self.assertFalse(self.one.over)
        self.assertEqual(self.one.take(10, 1), 11)
        self.assertTrue(self.one.over)
        self.assertEqual(self.one.give(11, 1), 10)
        self.assertFalse(self.one.over)

    def test_two_full_tunnels(self) -> None:
        """The session goes on when the last of them does."""
        for _ in range(2):
            self.one.take(0, 11)
        self.one.give(11, 5)
        self.assertTrue(self.one.over)
        self.one.give(11, 5)
        self.assertFalse(self.one.over)

    def test_a_session(self) -> None:
        """Many tunnels together stop their session."""
        for _ in range(5):
            self.one.take(0, 10)
        self.assertFalse(self.one.over)
        self.one.take(0, 1)
        self.assertTrue(self.one.over)

    def test_a_process(self) -> None:
        """All sessions together stop those that hold something."""
        self.other.take(0, 100)
        self.assertFalse(self.other.over)
        self.one.take(0, 1)
        self.assertTrue(self.one.over and self.other.over)
        self.one.give(1, 1)
        self.assertFalse(self.one.over or self.other.over)

    def test_who_holds_nothing_may_go_on(self) -> None:
        """A session without a byte held is read from, or nobody ever would be."""
        self.other.take(0, 400)
        self.assertTrue(self.other.over)
        self.assertFalse(self.one.over)

    def test_woken_when_it_may_go_on(self) -> None:
        """A session that was stopped is woken once, when it is not any more."""
        self.one.take(0, 12)
        self.assertFalse(self.one.may_read())
        self.one.give(12, 1)
        self.assertEqual(self.woken, [])
        self.one.give(11, 1)
        self.one.give(10, 1)
        self.assertEqual(self.woken, ["one"])

    def test_who_was_not_stopped_is_not_woken(self) -> None:
        """Giving back wakes nobody who may be read from anyway."""
        self.one.take(0, 50)
        self.one.give(50, 50)
        self.assertTrue(self.one.may_read())
        self.one.take(0, 5)
        self.one.give(5, 5)
        self.assertEqual(self.woken, [])

    def test_woken_by_somebody_else(self) -> None:
        """Who was stopped by the process's budget is woken when others make room."""
        self.other.take(0, 100)
        self.one.take(0, 1)
        self.assertFalse(self.one.may_read() or self.other.may_read())
        self.other.give(100, 1)
        self.assertEqual(sorted(self.woken), ["one", "other"])
        self.assertEqual(self.shared.stopped, set())

    def test_room_for_all_but_the_full(self) -> None:
        """When there is room again, a session over its own limit stays stopped."""
        self.one.take(0, 60)
        self.other.take(0, 41)
        self.assertFalse(self.one.may_read() or self.other.may_read())
        self.other.give(41, 1)
        self.assertEqual(self.woken, ["other"])
        self.assertTrue(self.one.over)
        self.assertEqual(self.shared.stopped, {self.one})

    @given(lists(tuples(integers(0, 5), integers(1, 30)), max_size=60))
    def test_nothing_is_lost_count_of(self, steps: list[tuple[int, int]]) -> None:
        """However bytes come and go: over is over, stopped is woken, all is zero."""
        self.setUp()
        tunnels = [0] * 6
        sessions = [self.one] * 3 + [self.other] * 3
        for index, count in [*steps, *((index, 1000) for index in range(6))]:
            held, before = sessions[index], tunnels[index]
            if count % 2:
                tunnels[index] = held.take(before, count)
            else:
                tunnels[index] = held.give(before, min(count, before))
            mine = tunnels[:3]
            self.assertEqual(self.one.total, sum(mine))
            self.assertEqual(self.shared.held, sum(tunnels))
            full = max(mine) > 10 or sum(mine) > 50
            expected = full or (sum(mine) > 0 and sum(tunnels) > 100)
            self.assertEqual(self.one.may_read(), not expected)
            self.assertEqual(self.one in self.shared.stopped, expected)
        self.assertEqual((self.shared.held, self.shared.stopped), (0, set()))
