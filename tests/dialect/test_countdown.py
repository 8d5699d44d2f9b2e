"""Tests for `spdygate.dialect.countdown`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.countdown import Countdown

NEVER = float("inf")


class CountdownTests(SynchronousTestCase):
    """What is due, and when."""

    def setUp(self) -> None:
        """Count ten seconds."""
        self.countdown = Countdown(10.0)

    def test_nothing(self) -> None:
        """With nothing begun nothing is ever due."""
        self.assertEqual(self.countdown.next(5.0), NEVER)
        self.assertEqual(self.countdown.expired(1e9), [])
        self.assertNotIn(1, self.countdown)

    def test_at_a_time_that_is_known(self) -> None:
        """It is due so many seconds later, once."""
        self.countdown.begin_at(1, 5.0)
        self.assertIn(1, self.countdown)
        self.assertEqual(self.countdown.next(6.0), 15.0)
        self.assertEqual(self.countdown.expired(14.9), [])
        self.assertEqual(self.countdown.expired(15.0), [1])
        self.assertNotIn(1, self.countdown)
        self.assertEqual(self.countdown.expired(100.0), [])

    def test_at_a_time_that_is_not_known(self) -> None:
        """The clock is asked for at once, and counted from."""
        self.countdown.begin(1)
        self.assertIn(1, self.countdown)
        self.assertEqual(self.countdown.next(5.0), 5.0)
        self.assertEqual(self.countdown.expired(100.0), [])
        self.assertEqual(self.countdown.next(100.0), 110.0)
        self.assertEqual(self.countdown.expired(110.0), [1])

    def test_of_no_seconds(self) -> None:
        """It is due at the next look."""
        countdown = Countdown(0.0)
        countdown.begin(7)
        self.assertEqual(countdown.expired(3.0), [7])

    def test_begun_anew(self) -> None:
        """Whoever begins again goes to the end."""
        for stream_id, now in ((1, 0.0), (3, 1.0), (1, 2.0)):
            self.countdown.begin_at(stream_id, now)
        self.assertEqual(self.countdown.next(2.0), 11.0)
        self.assertEqual(self.countdown.expired(11.5), [3])
        self.assertEqual(self.countdown.expired(12.0), [1])

    def test_begun_anew_with_another_clock(self) -> None:
        """Either way to begin forgets the other."""
        self.countdown.begin(1)
        self.countdown.begin_at(1, 0.0)
        self.assertEqual(self.countdown.next(5.0), 10.0)
        self.countdown.begin(1)
        self.assertEqual(self.countdown.expired(50.0), [])

    def test_stopped(self) -> None:
        """What is stopped is never due, and stopping is always allowed."""
        self.countdown.begin(1)
        self.countdown.begin_at(3, 0.0)
        for stream_id in (1, 3, 5):
            self.countdown.stop(stream_id)
        self.assertEqual(self.countdown.next(0.0), NEVER)
        self.assertEqual(self.countdown.expired(1e9), [])
