"""Tests for `spdygate.session.ratelimit`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis.strategies import floats, lists
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LimitError
from spdygate.session.ratelimit import RateLimit

#: A busy machine is no failure.
UNHURRIED = settings(deadline=None)


class RateLimitTests(SynchronousTestCase):
    """A burst, and then a rate."""

    def test_burst(self) -> None:
        """The whole burst may come at once, and not one frame more."""
        limit = RateLimit(burst=3, rate=1.0)
        limit.take(3, 100.0)
        self.assertRaises(LimitError, limit.take, 1, 100.0)

    def test_time_gives_back(self) -> None:
        """A second gives back as many frames as the rate says."""
        limit = RateLimit(burst=10, rate=2.0)
        limit.take(10, 100.0)
        limit.take(2, 101.0)
        self.assertRaises(LimitError, limit.take, 1, 101.0)

    def test_silence_is_not_saved_up(self) -> None:
        """A day of silence buys one burst, no more."""
        limit = RateLimit(burst=3, rate=1.0)
        limit.take(3, 0.0)
        limit.take(3, 86_400.0)
        self.assertRaises(LimitError, limit.take, 1, 86_400.0)

    def test_nothing_costs_nothing(self) -> None:
        """Taking no token never fails, not even from an empty bucket."""
        limit = RateLimit(burst=1, rate=1.0)
        limit.take(1, 0.0)
        limit.take(0, 0.0)

    def test_clock_set_back(self) -> None:
        """A clock that jumps back takes no tokens away."""
        limit = RateLimit(burst=2, rate=1.0)
        limit.take(1, 100.0)
        limit.take(1, 50.0)

    @UNHURRIED
    @given(lists(floats(0.0, 1.0), max_size=200))
    def test_never_more_than_promised(self, pauses: list[float]) -> None:
        """However it is paced, no more passes than burst plus rate times time."""
        limit = RateLimit(burst=5, rate=3.0)
        now = passed = 0.0
        for pause in pauses:
            now += pause
            try:
                limit.take(1, now)
            except LimitError:
                break
            passed += 1
        self.assertLessEqual(passed, 5 + 3.0 * now + 1e-6)
