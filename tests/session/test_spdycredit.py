"""Tests for `spdygate.session.spdycredit`."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import integers, lists
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import RstStatus
from spdygate.session.outbox import UNLIMITED, Outbox
from spdygate.session.spdycredit import (
    ALL_THERE_IS,
    INITIAL_WINDOW,
    SILENCE,
    Account,
    Credit,
    OverrunError,
)

KIB = 1024


class UncountedTests(SynchronousTestCase):
    """A Go peer: it never counted, so neither do we."""

    def setUp(self) -> None:
        """Begin with one stream."""
        self.outbox = Outbox()
        self.credit = Credit(self.outbox)
        self.account = Account()

    def take(self, count: int, now: float = 0.0) -> None:
        """Receive bytes on stream 1."""
        self.credit.arrived(count)
        self.credit.received(1, self.account, count, now)

    def test_nothing_is_granted(self) -> None:
        """However much it sends and however much is drained, it hears nothing."""
        for _ in range(100):
            self.take(64 * KIB + 1)
            self.assertEqual(self.credit.arrived(0), 0)
            self.assertEqual(self.credit.drained(self.account, 64 * KIB + 1), 0)

    def test_nothing_is_held_back(self) -> None:
        """What we send it is held back by the transport alone."""
        self.assertEqual(self.credit.stream_window(), UNLIMITED)

    def test_exactly_one_window_and_silence(self) -> None:
        """A stream that stops at 64 KiB is stuck after a second of silence."""
        self.assertEqual(self.credit.next(), float("inf"))
        self.take(40 * KIB, now=5.0)
        self.take(24 * KIB, now=6.0)
        self.assertEqual(self.credit.next(), 6.0 + SILENCE)
        self.assertEqual(self.credit.stuck(6.9), [])
        self.assertEqual(self.credit.stuck(7.0), [1])
        self.assertEqual(self.credit.next(), float("inf"))

    def test_one_byte_more_is_no_silence(self) -> None:
        """Who goes on after 64 KiB does not count."""
        self.take(64 * KIB)
        self.take(1)
        self.assertEqual(self.credit.next(), float("inf"))

    def test_a_stream_that_is_over_is_not_stuck(self) -> None:
        """What has been forgotten is not granted anything."""
        self.take(64 * KIB)
        self.credit.forget(1)
        self.assertEqual(self.credit.stuck(100.0), [])

    def test_all_there_is_once(self) -> None:
        """The grant fills the largest window, and a second would pass it."""
        self.assertEqual(INITIAL_WINDOW + ALL_THERE_IS, 2**31 - 1)
        self.take(64 * KIB)
        self.assertEqual(self.credit.rescue(self.account), ALL_THERE_IS)
        self.assertEqual(self.credit.rescue(self.account), 0)
        self.assertEqual(self.credit.rescue(), ALL_THERE_IS)
        self.assertEqual(self.credit.rescue(), 0)

    def test_what_was_granted_is_not_held_against_it(self) -> None:
        """A stream that was granted all may use it, also once we count."""
        self.take(64 * KIB)
        self.credit.rescue(self.account)
        self.take(10_000 * KIB)
        self.credit.start()
        self.take(10_000 * KIB)
        self.assertEqual(self.credit.drained(self.account, 20_064 * KIB), 0)

    def test_late_counting_forgets_nothing(self) -> None:
        """From then on both windows are counted as if they always had been."""
        self.take(40 * KIB)
        self.credit.start()
        self.assertEqual(self.credit.arrived(24 * KIB), 64 * KIB)
        self.credit.received(1, self.account, 24 * KIB, 0.0)
        self.assertEqual(self.credit.drained(self.account, 64 * KIB), 64 * KIB)

    def test_a_peer_that_is_stuck_as_it_begins_to_count(self) -> None:
        """It is granted what was drained before, for nothing else will come."""
        self.take(64 * KIB)
        self.credit.drained(self.account, 64 * KIB)
        self.credit.start()
        self.assertEqual(self.credit.stuck(SILENCE), [1])
        self.assertEqual(self.credit.rescue(self.account), 64 * KIB)
        self.assertEqual(self.credit.rescue(), 64 * KIB)

    def test_no_grant_is_larger_than_a_frame_can_say(self) -> None:
        """A peer that sent gibibytes before it counted does not break us."""
        self.take(5 * 1024**3)
        self.credit.start()
        self.assertLess(self.credit.arrived(1), 2**31)
        self.assertLess(self.credit.drained(self.account, 5 * 1024**3), 2**31)


class CountedTests(SynchronousTestCase):
    """A peer that has shown that it keeps count."""

    def setUp(self) -> None:
        """Begin with one stream, on which ten bytes have been sent."""
        self.outbox = Outbox()
        self.credit = Credit(self.outbox)
        self.account = Account()
        self.outbox.add(1, self.credit.stream_window())
        self.outbox.put(1, b"x" * 10)
        self.credit.start()

    def test_what_was_sent_before_is_counted(self) -> None:
        """What is left of its 64 KiB is what the peer believes."""
        self.assertEqual(self.outbox.put(1, bytes(100 * KIB)), 64 * KIB - 10)
        self.assertEqual(self.outbox.window, 0)

    def test_start_only_once(self) -> None:
        """Showing it again changes nothing."""
        self.credit.start()
        self.assertEqual(self.outbox.window, 64 * KIB - 10)

    def test_a_new_initial_window(self) -> None:
        """SETTINGS move open streams by the difference, and set later ones."""
        self.credit.change_initial(100)
        self.assertEqual(self.credit.stream_window(), 100)
        self.assertEqual(self.outbox.put(1, bytes(200)), 90)

    def test_an_overrun_costs_the_stream(self) -> None:
        """One byte past the window, and the stream is to be reset with status 7."""
        self.credit.received(1, self.account, 64 * KIB, 0.0)
        with self.assertRaises(OverrunError) as caught:
            self.credit.received(1, self.account, 1, 0.0)
        self.assertEqual(caught.exception.stream_id, 1)
        self.assertEqual(caught.exception.rst, RstStatus.FLOW_CONTROL_ERROR)

    @given(lists(integers(1, 64 * KIB), max_size=50))
    def test_whoever_waits_for_its_grants_never_stops(self, counts: list[int]) -> None:
        """A peer that keeps count is never stuck, nor granted more than a window."""
        account, window, session = Account(), INITIAL_WINDOW, INITIAL_WINDOW
        credit = Credit(Outbox())
        credit.start()
        for count in counts:
            sent = min(count, window, session)
            self.assertGreater(sent, 0)
            window, session = window - sent, session - sent
            session += credit.arrived(sent)
            credit.received(1, account, sent, 0.0)
            window += credit.drained(account, sent)
            self.assertLessEqual(max(window, session), INITIAL_WINDOW)
