"""Tests for `spdygate.session.spdyreceive`: what a peer does to a session."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import RemoteError, RstStatus
from spdygate.session.events import (
    Broken,
    DataReceived,
    Event,
    GoingAway,
    Pong,
    StreamAccepted,
    StreamFinished,
    StreamOpened,
    StreamReset,
)
from spdygate.session.ratelimit import BURST
from spdygate.session.spdy import SpdySession
from tests.session.spdybyhand import ERROR, FIN, HandPeer, Seen, data, headers_of
from tests.wire.byhand import control


class ServedCase(SynchronousTestCase):
    """A served session and a peer written by hand."""

    def setUp(self) -> None:
        """Begin."""
        self.session = SpdySession(client=False)
        self.peer = HandPeer()

    def feed(self, *frames: bytes, now: float = 0.0) -> list[Event]:
        """Feed frames, one by one."""
        return [event for frame in frames for event in self.session.feed(frame, now)]

    def written(self) -> list[Seen]:
        """Return what the session has written since."""
        return self.peer.read(self.session.outgoing())

    def assert_broken(self, events: list[Event]) -> None:
        """Assert that the session is over, and has said so."""
        assert isinstance(events[-1], Broken), events
        self.assertIsInstance(events[-1].error, RemoteError)
        self.assertTrue(self.session.broken)
        last = self.written()[-1]
        self.assertEqual((last.name, last.value), ("GOAWAY", 1))


class StreamTests(ServedCase):
    """SYN_STREAM, DATA and RST_STREAM, in and out of order."""

    def test_the_life_of_a_stream(self) -> None:
        """Opened, written to, finished: each is told, with all its headers."""
        events = self.feed(self.peer.syn(1), data(1, b"abc"), data(1, b"", FIN))
        expected = [StreamOpened(1, ERROR), DataReceived(1, b"abc"), StreamFinished(1)]
        self.assertEqual(events, expected)

    def test_finished_in_the_same_breath(self) -> None:
        """FLAG_FIN of SYN_STREAM is told with the opening."""
        self.assertEqual(
            self.feed(self.peer.syn(1, flags=FIN)), [StreamOpened(1, ERROR, True)]
        )
        self.assertEqual(self.feed(data(1, b"x")), [StreamReset(1, 9)])

    def test_data_with_fin(self) -> None:
        """The last bytes come before the end."""
        self.feed(self.peer.syn(1))
        expected = [DataReceived(1, b"x"), StreamFinished(1)]
        self.assertEqual(self.feed(data(1, b"x", FIN)), expected)

    def test_data_after_fin(self) -> None:
        """Whoever sends after its FIN is reset with STREAM_ALREADY_CLOSED."""
        self.feed(self.peer.syn(1), data(1, b"", FIN))
        self.assertEqual(self.feed(data(1, b"x")), [StreamReset(1, 9)])
        self.assertEqual(self.written(), [Seen("RST_STREAM", 1, 9)])

    def test_numbers_must_grow(self) -> None:
        """A number that is not higher than the last is answered with RST 1."""
        self.feed(self.peer.syn(5))
        for number in (1, 3):
            self.assertEqual(self.feed(self.peer.syn(number)), [])
            self.assertEqual(self.written(), [Seen("RST_STREAM", number, 1)])
        self.assertIn(5, self.session)

    def test_a_number_that_is_in_use(self) -> None:
        """Opening an open stream again costs that stream."""
        self.feed(self.peer.syn(5))
        self.assertEqual(self.feed(self.peer.syn(5)), [StreamReset(5, 1)])
        self.assertEqual(self.written(), [Seen("RST_STREAM", 5, 1)])

    def test_gaps_are_allowed(self) -> None:
        """Numbers may be left out."""
        events = self.feed(self.peer.syn(1), self.peer.syn(101))
        self.assertEqual(events, [StreamOpened(1, ERROR), StreamOpened(101, ERROR)])

    def test_even_numbers_are_ours(self) -> None:
        """A client that opens a stream with a server's number is refused it."""
        self.assertEqual(self.feed(self.peer.syn(2)), [])
        self.assertEqual(self.written(), [Seen("RST_STREAM", 2, 1)])

    def test_upper_case(self) -> None:
        """A name in upper case costs the stream, not the session."""
        events = self.feed(self.peer.syn(1, [(b"Port", b"80")]), self.peer.syn(3))
        self.assertEqual(events, [StreamOpened(3, ERROR)])
        self.assertEqual(self.written(), [Seen("RST_STREAM", 1, 1)])

    def test_a_refused_block_is_inflated_all_the_same(self) -> None:
        """Blocks of refused streams are part of the one zlib stream (rule 1)."""
        refused = self.peer.syn(2, [(b"a-long-name", b"a-long-value")])
        events = self.feed(refused, self.peer.syn(1, [(b"a-long-name", b"again")]))
        self.assertEqual(events, [StreamOpened(1, ((b"a-long-name", b"again"),))])

    def test_a_blocks_of_dead_streams_are_inflated(self) -> None:
        """HEADERS and SYN_REPLY of streams that are no more count as well."""
        words = [(b"a-long-name", b"a-long-value")]
        late = self.peer.headers(77, words), self.peer.reply(79, words)
        events = self.feed(*late, self.peer.syn(1, words))
        self.assertEqual(events, [StreamOpened(1, tuple(words))])
        self.assertEqual(self.written(), [])

    def test_frames_of_dead_streams_are_ignored(self) -> None:
        """A Go peer sends DATA after RST: no event, and no storm of answers."""
        self.feed(self.peer.syn(1), self.peer.rst(1))
        late = (
            data(1, b"x"),
            data(1, b"", FIN),
            self.peer.rst(1),
            data(99, b"never was"),
            self.peer.rst(99),
        )
        self.assertEqual(self.feed(*late * 100), [])
        self.assertEqual(self.written(), [])

    def test_a_reset_is_never_answered(self) -> None:
        """RST_STREAM is told with its code, and that is all."""
        events = self.feed(self.peer.syn(1), self.peer.rst(1, 7))
        self.assertEqual(events[1:], [StreamReset(1, 7)])
        self.assertEqual(self.written(), [])
        self.assertNotIn(1, self.session)

    def test_headers_with_fin(self) -> None:
        """HEADERS may carry the FIN; what they say is of no use."""
        events = self.feed(self.peer.syn(1), self.peer.headers(1, ERROR, FIN))
        self.assertEqual(events[1:], [StreamFinished(1)])

    def test_an_answer_nobody_asked_for(self) -> None:
        """SYN_REPLY to the peer's own stream is its mistake."""
        events = self.feed(self.peer.syn(1), self.peer.reply(1))
        self.assertEqual(events[1:], [StreamReset(1, 1)])


class SessionTests(ServedCase):
    """What concerns no stream."""

    def test_pings_are_echoed(self) -> None:
        """A client's PING has an odd number, and comes back as it is."""
        self.assertEqual(self.feed(self.peer.ping(1), self.peer.ping(2**31 + 1)), [])
        expected = [Seen("PING", 0, 1), Seen("PING", 0, 2**31 + 1)]
        self.assertEqual(self.written(), expected)

    def test_our_pings_come_back(self) -> None:
        """An even number is an answer: it is told and not echoed."""
        self.assertEqual(self.feed(self.peer.ping(2)), [Pong(2)])
        self.assertEqual(self.written(), [])

    def test_going_away(self) -> None:
        """GOAWAY is told with what the peer may have acted on."""
        self.assertEqual(self.feed(self.peer.goaway(4, 2)), [GoingAway(4, 2)])

    def test_unknown_frames(self) -> None:
        """Control frames of unknown types are ignored (draft, 2.2.1)."""
        self.assertEqual(self.feed(control(5, b""), control(10, bytes(50))), [])
        self.assertEqual(self.written(), [])

    def test_what_came_before_is_kept(self) -> None:
        """Events before a broken frame in the same read are not lost."""
        events = self.feed(self.peer.syn(1) + data(1, b"x") + data(0, b"y"))
        self.assertEqual(events[:2], [StreamOpened(1, ERROR), DataReceived(1, b"x")])
        self.assert_broken(events)

    def test_nothing_comes_after_the_end(self) -> None:
        """A broken session takes no more bytes."""
        self.assert_broken(self.feed(data(0, b"y")))
        self.assertEqual(self.feed(self.peer.syn(1)), [])

    def test_each_way_to_break_it(self) -> None:
        """Whatever cannot be understood ends the session with GOAWAY 1."""
        for bad in (
            data(0, b"x"),
            control(1, bytes(3)),
            control(1, bytes(10) + b"no zlib"),
            control(6, bytes(5)),
            control(9, bytes(8)),
            control(1, bytes(18), version=2),
            HandPeer.settings((7, 2**31)),
            HandPeer.grant(0, 2**31 - 1),
        ):
            with self.subTest(bad.hex()):
                self.setUp()
                self.assert_broken(self.feed(bad))


class NoiseTests(ServedCase):
    """What costs us work and the peer nothing may come a thousand times."""

    def test_rapid_resets(self) -> None:
        """Streams that are reset before they are answered are counted."""
        for number in range(1, 2 * BURST, 2):
            self.feed(self.peer.syn(number) + self.peer.rst(number))
        self.assertFalse(self.session.broken)
        number = 2 * BURST + 1
        self.assert_broken(self.feed(self.peer.syn(number) + self.peer.rst(number)))

    def test_resets_after_the_answer_are_no_noise(self) -> None:
        """A client of 2015 resets both streams of each connection: it may."""
        for number in range(1, 4 * BURST, 2):
            self.feed(self.peer.syn(number))
            self.session.accept(number)
            self.feed(self.peer.rst(number))
        self.assertFalse(self.session.broken)

    def test_time_forgives(self) -> None:
        """Thirty-three a second may come for ever."""
        for number in range(1, 6 * BURST, 2):
            frames = self.peer.syn(number) + self.peer.rst(number)
            self.feed(frames, now=number / 60)
        self.assertFalse(self.session.broken)

    def test_the_other_kinds(self) -> None:
        """Refused streams, SETTINGS and empty DATA share the same bucket."""
        noise = self.peer.settings() + data(99, b"") + control(5, b"")
        rounds = BURST // 4
        for number in range(rounds):
            self.feed(self.peer.syn(2 * number + 2) + noise)
        self.assertFalse(self.session.broken)
        self.assert_broken(self.feed(self.peer.settings()))


class ClientTests(SynchronousTestCase):
    """The asking side: what a server does to a session."""

    def setUp(self) -> None:
        """Ask for one stream."""
        self.session = SpdySession(client=True)
        self.peer = HandPeer()
        self.session.open_stream(tuple(headers_of("data")))

    def feed(self, *frames: bytes) -> list[Event]:
        """Feed frames, one by one."""
        return [event for frame in frames for event in self.session.feed(frame, 0.0)]

    def test_accepted(self) -> None:
        """SYN_REPLY, DATA and FIN are told."""
        self.assertEqual(
            self.feed(self.peer.reply(1), data(1, b"x", FIN)),
            [StreamAccepted(1, ()), DataReceived(1, b"x"), StreamFinished(1)],
        )

    def test_accepted_and_finished(self) -> None:
        """SYN_REPLY may carry the FIN."""
        events = self.feed(self.peer.reply(1, [(b"a", b"b")], FIN))
        expected = [StreamAccepted(1, ((b"a", b"b"),)), StreamFinished(1)]
        self.assertEqual(events, expected)

    def test_data_before_the_answer(self) -> None:
        """A server may not send before its SYN_REPLY."""
        self.assertEqual(self.feed(data(1, b"x")), [StreamReset(1, 1)])

    def test_two_answers(self) -> None:
        """A second SYN_REPLY costs the stream."""
        events = self.feed(self.peer.reply(1), self.peer.reply(1))
        self.assertEqual(events[1:], [StreamReset(1, RstStatus.PROTOCOL_ERROR)])

    def test_refused(self) -> None:
        """RST_STREAM instead of SYN_REPLY is told with its code."""
        self.assertEqual(self.feed(self.peer.rst(1, 3)), [StreamReset(1, 3)])

    def test_odd_pings_are_ours(self) -> None:
        """Parity is the other way round for a client."""
        self.session.outgoing()
        self.assertEqual(self.feed(self.peer.ping(1)), [Pong(1)])
        self.assertEqual(self.feed(self.peer.ping(2)), [])
        self.assertEqual(self.peer.read(self.session.outgoing()), [Seen("PING", 0, 2)])

    def test_a_server_opens_nothing_odd(self) -> None:
        """A pushed stream has an even number."""
        events = self.feed(self.peer.syn(2), self.peer.syn(3))
        self.assertEqual(events, [StreamOpened(2, ERROR)])
