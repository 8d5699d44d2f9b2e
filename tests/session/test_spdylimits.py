"""Tests for `spdygate.session.spdylimits`: that a session keeps to them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LimitError, RstStatus
from spdygate.session.events import Broken, StreamOpened
from spdygate.session.spdy import SpdyLimits, SpdySession
from spdygate.wire.headerblock import HeaderLimits
from tests.session.spdybyhand import HandPeer, Seen, headers_of
from tests.wire.byhand import control


class LimitTests(SynchronousTestCase):
    """Each limit, just kept and just passed."""

    def serve(self, limits: SpdyLimits) -> None:
        """Begin a served session."""
        self.session = SpdySession(client=False, limits=limits)
        self.peer = HandPeer()

    def assert_broken(self, data: bytes) -> None:
        """Assert that *data* ends the session, over a limit."""
        events = self.session.feed(data, 0.0)
        assert isinstance(events[-1], Broken), events
        self.assertIsInstance(events[-1].error, LimitError)

    def test_streams(self) -> None:
        """One stream more than may be is refused; it may be asked for again."""
        self.serve(SpdyLimits(streams=2))
        syns = b"".join(self.peer.syn(number) for number in (1, 3, 5))
        events = self.session.feed(syns, 0.0)
        self.assertEqual(
            [event.stream_id for event in events if isinstance(event, StreamOpened)],
            [1, 3],
        )
        refused = Seen("RST_STREAM", 5, RstStatus.REFUSED_STREAM)
        self.assertEqual(self.peer.read(self.session.outgoing()), [refused])

    def test_room_again(self) -> None:
        """A stream that is over makes room, and a refused one took none."""
        self.serve(SpdyLimits(streams=1))
        feed = self.session.feed
        feed(self.peer.syn(1) + self.peer.syn(3), 0.0)
        self.session.reset(1, RstStatus.CANCEL)
        opened = feed(self.peer.syn(5, headers_of("data")), 0.0)
        expected = StreamOpened(5, tuple(headers_of("data")))
        self.assertEqual(opened, [expected])

    def test_control(self) -> None:
        """A control frame is refused by its length, before its body is there."""
        self.serve(SpdyLimits(control=100))
        self.assertEqual(self.session.feed(control(4, bytes(4)), 0.0), [])
        self.assert_broken(control(1, bytes(101))[:8])

    def test_headers(self) -> None:
        """The limits of a header block are those that were asked for."""
        self.serve(SpdyLimits(headers=HeaderLimits(pairs=2)))
        self.assertEqual(
            len(self.session.feed(self.peer.syn(1, [(b"a", b"")]), 0.0)), 1
        )
        self.assert_broken(self.peer.syn(3, headers_of("error")))


class UnreadTests(SynchronousTestCase):
    """A peer that does not read may not make us pile up answers."""

    def setUp(self) -> None:
        """Serve with room for little, to a peer that does not read."""
        self.session = SpdySession(client=False, limits=SpdyLimits(unread=1000))
        self.peer = HandPeer()
        self.session.pause()

    def flood(self, rounds: int) -> bool:
        """Do `one_round` so often; return whether the session has ended."""
        for number in range(rounds):
            self.one_round(2 * number + 1)
            if self.session.broken:
                return True
        return False

    def one_round(self, number: int) -> None:
        """Make it say something small; overridden below."""
        self.session.feed(self.peer.ping(number), 0.0)

    def test_pongs(self) -> None:
        """Eighty-four pongs of twelve bytes are too many, eighty-three are not."""
        self.assertFalse(self.flood(83))
        self.assertTrue(self.flood(1))

    def test_replies(self) -> None:
        """Replies to streams that come and go pile up as well."""

        def come_and_go(number: int) -> None:
            self.session.feed(self.peer.syn(number), 0.0)
            self.session.accept(number)
            self.session.feed(self.peer.rst(number), 0.0)

        self.patch(self, "one_round", come_and_go)
        self.assertTrue(self.flood(84))

    def test_resets(self) -> None:
        """Resets of streams that are none of ours pile up as well."""

        def come_in_vain(number: int) -> None:
            self.session.feed(self.peer.syn(number), 0.0)
            self.session.reset(number, RstStatus.CANCEL)

        self.patch(self, "one_round", come_in_vain)
        self.assertTrue(self.flood(84))

    def test_reading_settles_it(self) -> None:
        """Once the transport has drained, all is forgiven."""
        for _ in range(10):
            self.assertFalse(self.flood(80))
            self.session.resume()
            self.session.pause()

    def test_nothing_counts_while_it_reads(self) -> None:
        """A peer that reads may ask as often as it likes."""
        self.session.resume()
        self.assertFalse(self.flood(10_000))
