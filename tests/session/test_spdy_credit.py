"""Tests for `spdygate.session.spdy`: flow control as a peer sees it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.session.events import DataReceived, Drained, Event, StreamReset
from spdygate.session.spdy import SpdySession
from tests.session.spdybyhand import ERROR, FIN, HandPeer, Seen, data

KIB = 1024
ALL = 2**31 - 1 - 64 * KIB


class Case(SynchronousTestCase):
    """A served session with stream 1 open."""

    def setUp(self) -> None:
        """Open and answer one stream."""
        self.session = SpdySession(client=False)
        self.peer = HandPeer()
        self.feed(self.peer.syn(1))
        self.session.accept(1)
        self.written()

    def feed(self, *frames: bytes, now: float = 0.0) -> list[Event]:
        """Feed frames, one by one."""
        return [event for frame in frames for event in self.session.feed(frame, now)]

    def written(self) -> list[Seen]:
        """Return what the session has written since."""
        return self.peer.read(self.session.outgoing())

    def sent(self) -> int:
        """Return how many bytes of DATA the session has written since."""
        return sum(seen.value for seen in self.written() if seen.name == "DATA")

    def open_another(self, number: int) -> None:
        """Open and answer one more stream."""
        self.feed(self.peer.syn(number))
        self.session.accept(number)
        self.written()


class GoTests(Case):
    """A peer that does not count: every Go client."""

    def test_it_hears_of_no_window(self) -> None:
        """However much it sends, it gets neither WINDOW_UPDATE nor SETTINGS."""
        for _ in range(50):
            self.feed(data(1, bytes(32 * KIB)))
            self.assertFalse(self.session.grant(1, 32 * KIB))
        self.session.tick(1000.0)
        self.assertEqual(self.written(), [])

    def test_it_is_sent_without_bound(self) -> None:
        """It grants nothing, and is not waited for."""
        self.assertEqual(self.session.send(1, bytes(1_000_000)), 1_000_000)

    def test_one_grant_after_64_kib_and_silence(self) -> None:
        """Exactly 64 KiB, then a second of nothing: all there is, once."""
        self.feed(data(1, bytes(40 * KIB)), data(1, bytes(24 * KIB)), now=10.0)
        self.assertEqual(self.session.deadline(), 11.0)
        self.session.tick(10.9)
        self.assertEqual(self.written(), [])
        self.session.tick(11.0)
        expected = [Seen("WINDOW_UPDATE", 0, ALL), Seen("WINDOW_UPDATE", 1, ALL)]
        self.assertEqual(self.written(), expected)
        self.assertEqual(self.session.deadline(), float("inf"))
        self.session.tick(100.0)
        self.assertEqual(self.written(), [])

    def test_a_second_stuck_stream(self) -> None:
        """The session window is full of credit: only the stream is granted more."""
        self.feed(data(1, bytes(64 * KIB)))
        self.session.tick(1.0)
        self.open_another(3)
        self.feed(data(3, bytes(64 * KIB)), now=5.0)
        self.written()
        self.session.tick(6.0)
        self.assertEqual(self.written(), [Seen("WINDOW_UPDATE", 3, ALL)])

    def test_fin_after_64_kib_is_no_silence(self) -> None:
        """An upload that simply was 64 KiB long is granted nothing."""
        self.feed(data(1, bytes(64 * KIB)), data(1, b"", FIN))
        self.session.tick(100.0)
        self.assertEqual(self.written(), [])

    def test_going_on_is_no_silence(self) -> None:
        """A stream that goes on, or is reset, is granted nothing."""
        self.open_another(3)
        self.feed(data(1, bytes(64 * KIB)), data(1, b"x"))
        self.feed(data(3, bytes(64 * KIB)), self.peer.rst(3))
        self.session.tick(100.0)
        self.assertEqual(self.written(), [])

    def test_it_may_use_what_it_was_granted(self) -> None:
        """Whoever begins to count after that grant is not held to 64 KiB."""
        self.feed(data(1, bytes(64 * KIB)))
        self.session.tick(1.0)
        self.feed(data(1, bytes(64 * KIB)), self.peer.grant(1, 100))
        events = self.feed(data(1, bytes(64 * KIB)))
        self.assertEqual(events, [DataReceived(1, bytes(64 * KIB))])


class ShownTests(Case):
    """Each of the three ways to show that one counts."""

    def assert_counted(self, stream_id: int) -> None:
        """Assert that the peer is held to its windows, and ours are kept."""
        events = self.feed(data(stream_id, bytes(64 * KIB)), data(stream_id, b"x"))
        self.assertEqual(events[-1], StreamReset(stream_id, 7))

    def test_settings(self) -> None:
        """SETTINGS, even empty ones."""
        self.feed(self.peer.settings())
        self.assert_counted(1)

    def test_window_update(self) -> None:
        """WINDOW_UPDATE, even of a stream that is no more."""
        self.feed(self.peer.grant(99, 1))
        self.assert_counted(1)

    def test_pseudo_headers(self) -> None:
        """``:path`` and its like, which no Go peer sends."""
        self.feed(self.peer.syn(3, (*ERROR, (b":path", b"/"))))
        self.assert_counted(3)


class CountingTests(Case):
    """A peer that counts, such as Undertow."""

    def setUp(self) -> None:
        """Let the peer show it."""
        super().setUp()
        self.feed(self.peer.settings())

    def test_the_session_never_waits_for_a_drain(self) -> None:
        """The session's window is given back on arrival, in halves."""
        self.feed(data(1, bytes(31 * KIB)))
        self.assertEqual(self.written(), [])
        self.feed(data(1, bytes(1 * KIB)))
        self.assertEqual(self.written(), [Seen("WINDOW_UPDATE", 0, 32 * KIB)])

    def test_dead_streams_give_session_credit_back(self) -> None:
        """DATA of a stream that is gone is paid back to the session alone."""
        self.feed(self.peer.rst(1), data(1, bytes(32 * KIB)))
        self.assertEqual(self.written(), [Seen("WINDOW_UPDATE", 0, 32 * KIB)])

    def test_a_stream_is_granted_what_was_drained(self) -> None:
        """A stream's window is given back when its bytes have left."""
        self.feed(data(1, bytes(60 * KIB)))
        self.written()
        self.assertFalse(self.session.grant(1, 31 * KIB))
        self.assertEqual(self.written(), [])
        self.assertTrue(self.session.grant(1, 1 * KIB))
        self.assertEqual(self.written(), [Seen("WINDOW_UPDATE", 1, 32 * KIB)])

    def test_overrun(self) -> None:
        """More than was granted is answered with RST 7; others live on."""
        self.open_another(3)
        self.feed(data(1, bytes(64 * KIB)))
        self.session.grant(1, 32 * KIB)
        self.feed(data(1, bytes(32 * KIB)))
        self.written()
        events = self.feed(data(1, b"x"), data(3, b"y"))
        self.assertEqual(events, [StreamReset(1, 7), DataReceived(3, b"y")])
        self.assertEqual(self.written(), [Seen("RST_STREAM", 1, 7)])

    def test_we_keep_to_its_windows(self) -> None:
        """64 KiB go; the rest waits for the stream's and the session's grant."""
        self.assertEqual(self.session.send(1, bytes(100 * KIB)), 64 * KIB)
        self.assertEqual(self.sent(), 64 * KIB)
        self.feed(self.peer.grant(1, 50 * KIB))
        self.assertFalse(self.session.has_waiting)
        self.feed(self.peer.grant(0, 10 * KIB))
        self.assertEqual(self.session.release(10**6), [Drained(1, 10 * KIB)])
        self.feed(self.peer.grant(0, 100 * KIB))
        self.assertEqual(self.session.release(10**6), [Drained(1, 26 * KIB)])
        self.assertEqual(self.sent(), 36 * KIB)

    def test_a_smaller_initial_window(self) -> None:
        """SETTINGS shrink open streams' windows, below zero if must be."""
        self.session.send(1, bytes(50 * KIB))
        self.feed(self.peer.settings((7, 10 * KIB)), self.peer.grant(1, 40 * KIB))
        self.assertEqual(self.session.send(1, b"x"), 0)
        self.feed(self.peer.grant(1, 1))
        self.assertEqual(self.session.release(100), [Drained(1, 1)])

    def test_a_larger_initial_window(self) -> None:
        """SETTINGS let go what waited, and count for streams to come."""
        self.feed(self.peer.grant(0, 10**6))
        self.session.send(1, bytes(100 * KIB))
        self.feed(self.peer.settings((7, 90 * KIB)))
        self.assertEqual(self.session.release(10**6), [Drained(1, 26 * KIB)])
        self.open_another(3)
        self.assertEqual(self.session.send(3, bytes(100 * KIB)), 90 * KIB)

    def test_a_stream_granted_past_the_largest_window(self) -> None:
        """It is reset with FLOW_CONTROL_ERROR, alone."""
        events = self.feed(self.peer.grant(1, 2**31 - 1))
        self.assertEqual(events, [StreamReset(1, 7)])
        self.assertFalse(self.session.broken)
