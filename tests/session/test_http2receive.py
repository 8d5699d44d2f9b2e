"""Tests for `spdygate.session.http2receive`: frames in, events out."""

from __future__ import annotations

from h2 import events as h2
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import Http2Code, LimitError
from spdygate.session.events import (
    DataReceived,
    GoingAway,
    Pong,
    StreamFinished,
    StreamReset,
)
from spdygate.session.http2 import Http2Limits

from .http2peer import (
    CONNECT,
    OK,
    Meeting,
    data,
    kinds,
    raw,
    settings,
    window_update,
)


class TunnelTests(SynchronousTestCase):
    """After the 200 only DATA and stream management may come (section 8.5)."""

    def test_trailers_at_a_server(self) -> None:
        """HEADERS on a connected stream cost it; the connection goes on."""
        meeting = Meeting(client=False)
        stream_id = meeting.connect()
        meeting.peer.send_headers(stream_id, ((b"x", b"y"),), end_stream=True)
        meeting.exchange()
        code = Http2Code.PROTOCOL_ERROR
        self.assertEqual(meeting.taken(), [StreamReset(stream_id, code)])
        meeting.connect()

    def test_trailers_at_a_client(self) -> None:
        """The same from the other side, and HPACK stays in step."""
        meeting = Meeting(client=True)
        stream_id = meeting.connect()
        meeting.peer.send_headers(
            stream_id, ((b"brand-new", b"entry"),), end_stream=True
        )
        meeting.exchange()
        code = Http2Code.PROTOCOL_ERROR
        self.assertEqual(meeting.taken(), [StreamReset(stream_id, code)])
        meeting.connect()

    def test_headers_of_a_stream_that_is_over(self) -> None:
        """Headers that were on their way when we reset are decoded and dropped."""
        meeting = Meeting(client=True)
        stream_id = meeting.open()
        meeting.session.reset(stream_id, Http2Code.CANCEL)
        meeting.peer.send_headers(stream_id, (*OK, (b"brand-new", b"entry")))
        meeting.feed(meeting.peer.data_to_send())
        self.assertEqual(meeting.taken(), [])
        self.assertEqual([f[0] for f in kinds(meeting.session.outgoing())], [3])

    def test_data_before_the_answer(self) -> None:
        """A server that sends DATA before its answer is wrong (section 8.1)."""
        meeting = Meeting(client=True)
        meeting.feed(data(meeting.open(), b"early"))
        self.assertEqual(meeting.broken().http2, Http2Code.PROTOCOL_ERROR)

    def test_server_opens_a_stream(self) -> None:
        """A server may open no stream, and answer none that we did not open."""
        for stream_id in (2, 9):
            meeting = Meeting(client=True)
            meeting.feed(raw(1, 4, stream_id, b"\x88"))
            self.assertEqual(meeting.broken().http2, Http2Code.PROTOCOL_ERROR)


class GoawayTests(SynchronousTestCase):
    """The peer leaves (section 6.8)."""

    def test_streams_go_on(self) -> None:
        """Streams it knows go on; those it will never look at may be retried."""
        meeting = Meeting(client=True)
        known = meeting.connect()
        unknown = meeting.session.open_stream(CONNECT)
        meeting.feed(raw(7, 0, 0, known.to_bytes(4, "big") + bytes(4)))
        self.assertEqual(
            meeting.taken(),
            [
                GoingAway(known, 0),
                StreamReset(unknown, Http2Code.REFUSED_STREAM),
            ],
        )
        self.assertTrue(meeting.session.exhausted)
        self.assertFalse(meeting.session.can_open)
        meeting.session.send(known, b"still")
        meeting.session.finish(known)
        meeting.feed(data(known, b"here", end=True))
        self.assertEqual(
            meeting.taken(), [DataReceived(known, b"here"), StreamFinished(known)]
        )
        self.assertEqual(meeting.session.open_streams, 0)

    def test_client_leaves(self) -> None:
        """A client's GOAWAY says nothing about the streams it opened."""
        meeting = Meeting(client=False)
        stream_id = meeting.connect()
        meeting.feed(raw(7, 0, 0, bytes(8)))
        self.assertEqual(meeting.taken(), [GoingAway(0, 0)])
        self.assertIn(stream_id, meeting.session)


class NoiseTests(SynchronousTestCase):
    """Frames that make work and carry nothing (docs/protocol.rst, 6.4)."""

    def flood(self, frame: bytes, *, open_stream: bool = False) -> None:
        """Send 2000 of a frame; the session must give up and say so."""
        meeting = Meeting(client=False)
        if open_stream:
            meeting.connect()
        meeting.feed(frame * 2000)
        error = meeting.broken()
        self.assertIsInstance(error, LimitError)
        frames = kinds(meeting.session.outgoing())
        self.assertEqual(frames[-1][3][4:8], bytes([0, 0, 0, 0x0B]))

    def test_pings(self) -> None:
        """PINGs (CVE-2019-9512), and echoes of PINGs that we never sent."""
        self.flood(raw(6, 0, 0, bytes(8)))
        self.flood(raw(6, 1, 0, bytes(8)))

    def test_settings(self) -> None:
        """SETTINGS (CVE-2019-9515), and acknowledgements of none."""
        self.flood(settings())
        self.flood(raw(4, 1, 0))

    def test_empty_data(self) -> None:
        """DATA without a byte (CVE-2019-9518), padded or not."""
        self.flood(data(1, b""), open_stream=True)
        self.flood(raw(0, 8, 1, b"\0"), open_stream=True)

    def test_other_frames(self) -> None:
        """PRIORITY, GOAWAY, and types that nobody knows."""
        self.flood(raw(2, 0, 1, bytes.fromhex("00000003 10")))
        self.flood(raw(7, 0, 0, bytes(8)))
        self.flood(raw(0x77, 0, 0, b"?"))

    def test_continuations(self) -> None:
        """A header block without end (CVE-2024-27316)."""
        meeting = Meeting(client=False)
        meeting.feed(raw(1, 0, 1) + raw(9, 0, 1, bytes(1000)) * 70)
        self.assertIsInstance(meeting.broken(), LimitError)

    def resets(self, *, answer: bool) -> Meeting:
        """Open and reset 2000 streams, answering each in between or not."""
        meeting = Meeting(client=False)
        for stream_id in range(1, 4001, 2):
            meeting.peer.send_headers(stream_id, CONNECT)
            meeting.feed(meeting.peer.data_to_send())
            if answer and not meeting.session.broken:
                meeting.session.accept(stream_id, OK)
            meeting.peer.reset_stream(stream_id)
            meeting.feed(meeting.peer.data_to_send())
            meeting.session.outgoing()
        return meeting

    def test_rapid_reset(self) -> None:
        """Streams reset before they were answered (CVE-2023-44487)."""
        self.assertIsInstance(self.resets(answer=False).broken(), LimitError)

    def test_answered_resets_are_free(self) -> None:
        """A client that goes through many tunnels and resets each is welcome."""
        self.assertFalse(self.resets(answer=True).session.broken)

    def test_made_you_reset(self) -> None:
        """Resets of ours that the peer provokes (CVE-2025-8671)."""
        meeting = Meeting(client=False)
        for stream_id in range(1, 4001, 2):
            meeting.peer.send_headers(stream_id, CONNECT)
            meeting.feed(meeting.peer.data_to_send() + window_update(stream_id, 0))
            meeting.session.outgoing()
        self.assertIsInstance(meeting.broken(), LimitError)

    def test_window_updates_are_free(self) -> None:
        """WINDOW_UPDATEs are traffic, however small."""
        meeting = Meeting(client=False)
        stream_id = meeting.connect()
        meeting.feed(window_update(stream_id, 1) * 5000)
        self.assertEqual(meeting.taken(), [])

    def test_a_slow_drizzle(self) -> None:
        """A PING a second is no flood, and neither are late frames."""
        meeting = Meeting(client=False)
        for second in range(3000):
            meeting.now = float(second)
            meeting.feed(raw(6, 0, 0, bytes(8)))
            meeting.session.outgoing()
        self.assertFalse(meeting.session.broken)

    def test_answers_nobody_reads(self) -> None:
        """Answers that pile up while the transport is paused have a bound."""
        limits = Http2Limits(unread=1000)
        meeting = Meeting(client=False, limits=limits)
        meeting.session.pause()
        for _ in range(100):
            meeting.feed(raw(6, 0, 0, bytes(8)))
            meeting.session.outgoing()
        self.assertIsInstance(meeting.broken(), LimitError)


class EchoTests(SynchronousTestCase):
    """What is answered, and what answers us."""

    def test_ping_is_echoed(self) -> None:
        """The peer's PING comes back as it was."""
        meeting = Meeting(client=False)
        meeting.peer.ping(b"abcdefgh")
        meeting.exchange()
        (echo,) = meeting.heard[-1:]
        assert isinstance(echo, h2.PingAckReceived)
        self.assertEqual(echo.ping_data, b"abcdefgh")

    def test_settings_are_acknowledged(self) -> None:
        """The peer's SETTINGS are acknowledged at once (section 6.5.3)."""
        meeting = Meeting(client=False)
        meeting.feed(settings((1, 2**32 - 1), (0x4242, 7)))
        self.assertEqual(kinds(meeting.session.outgoing()), [(4, 1, 0, b"")])

    def test_pong_of_ours_only(self) -> None:
        """An echo is reported once, however often it comes."""
        session = Meeting(client=True).session
        session.ping(5)
        echo = raw(6, 1, 0, (5).to_bytes(8, "big"))
        self.assertEqual(session.feed(echo * 3, 0.0), [Pong(5)])
