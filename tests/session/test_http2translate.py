"""Tests for `spdygate.session.http2translate`: requests, answers, refusals."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import Http2Code
from spdygate.session.events import (
    DataReceived,
    StreamAccepted,
    StreamFinished,
    StreamOpened,
    StreamRefused,
    StreamReset,
)
from spdygate.session.http2 import Http2Session

from .http2peer import (
    BAD_GATEWAY,
    CONNECT,
    OK,
    PLAIN_CONNECT,
    POST,
    PREFACE,
    Meeting,
    raw,
    settings,
)


class RequestTests(SynchronousTestCase):
    """Streams that the peer opens."""

    def test_connect(self) -> None:
        """CONNECT, extended or not, is reported with all its headers."""
        meeting = Meeting(client=False)
        for stream_id, headers in ((1, CONNECT), (3, PLAIN_CONNECT)):
            meeting.open(headers)
            self.assertEqual(meeting.taken(), [StreamOpened(stream_id, headers)])

    def test_early_data(self) -> None:
        """DATA before the answer is passed on; END_STREAM too."""
        meeting = Meeting(client=False)
        meeting.peer.send_headers(1, CONNECT)
        meeting.peer.send_data(1, b"early", end_stream=True)
        meeting.exchange()
        self.assertEqual(
            meeting.taken(),
            [StreamOpened(1, CONNECT), DataReceived(1, b"early"), StreamFinished(1)],
        )

    def test_finished_at_once(self) -> None:
        """A CONNECT with END_STREAM is reported finished, and once."""
        meeting = Meeting(client=False)
        meeting.peer.send_headers(1, CONNECT, end_stream=True)
        meeting.exchange()
        self.assertEqual(meeting.taken(), [StreamOpened(1, CONNECT, finished=True)])

    def test_protocol_before_it_was_announced(self) -> None:
        """A client that says ``:protocol`` before our SETTINGS left is wrong."""
        session = Http2Session(client=False)
        greeting = PREFACE + settings()
        block = Meeting(client=False).peer.encoder.encode(CONNECT)
        session.feed(greeting + raw(1, 4, 1, block), 0.0)
        self.assertEqual(session.open_streams, 0)
        self.assertTrue(
            session.outgoing().endswith(bytes([3, 0, 0, 0, 0, 1, 0, 0, 0, 1]))
        )

    def test_tunnel_with_a_length(self) -> None:
        """A tunnel has no content-length (RFC 9110, section 9.3.6)."""
        meeting = Meeting(client=False)
        meeting.open((*CONNECT, (b"content-length", b"0")))
        self.assertEqual((meeting.taken(), meeting.session.open_streams), ([], 0))

    def test_request_too_long(self) -> None:
        """An ordinary request is held to its content-length (section 8.1.1)."""
        meeting = Meeting(client=False)
        meeting.open((*POST, (b"content-length", b"3")))
        meeting.peer.send_data(1, b"four")
        meeting.feed(meeting.peer.data_to_send())
        self.assertEqual(meeting.broken().http2, Http2Code.PROTOCOL_ERROR)

    def test_long_body(self) -> None:
        """An ordinary request's body passes on for ever, as it is granted."""
        meeting = Meeting(client=False)
        meeting.open(POST)
        meeting.taken()
        for _ in range(200):
            meeting.peer.send_data(1, bytes(16_384))
            meeting.exchange()
            self.assertEqual(meeting.taken(), [DataReceived(1, bytes(16_384))])
            meeting.session.grant(1, 16_384)
            meeting.exchange()

    def test_trailers_of_a_request(self) -> None:
        """Trailers end an ordinary request, and are told with its end."""
        meeting = Meeting(client=False)
        meeting.open(POST)
        meeting.peer.send_headers(1, ((b"checksum", b"1"),), end_stream=True)
        meeting.exchange()
        told = meeting.taken()[1:]
        self.assertEqual(told, [StreamFinished(1, ((b"checksum", b"1"),))])

    def test_body_of_a_refused_request(self) -> None:
        """What still comes of a refused request is dropped."""
        meeting = Meeting(client=False)
        meeting.feed(settings((4, 0)))
        meeting.open(POST)
        meeting.taken()
        meeting.session.refuse(1, BAD_GATEWAY, b"waits")
        meeting.peer.send_data(1, b"nobody reads this")
        meeting.exchange()
        self.assertEqual(meeting.taken(), [])


class AnswerTests(SynchronousTestCase):
    """How our streams are answered."""

    def test_refusal(self) -> None:
        """A status and a body that end are reported as one, when they end."""
        meeting = Meeting(client=True)
        stream_id = meeting.open()
        meeting.peer.send_headers(stream_id, BAD_GATEWAY)
        meeting.peer.send_data(stream_id, b"because ")
        meeting.exchange()
        self.assertEqual(meeting.taken(), [])
        self.assertEqual(meeting.session.send(stream_id, b"too late"), 8)
        meeting.peer.send_data(stream_id, b"of that", end_stream=True)
        meeting.exchange()
        self.assertEqual(
            meeting.taken(),
            [StreamRefused(stream_id, BAD_GATEWAY, b"because of that")],
        )
        self.assertEqual(meeting.session.open_streams, 0)
        self.assertEqual(meeting.peer.open_inbound_streams, 0)

    def test_refusal_without_body(self) -> None:
        """HEADERS with END_STREAM are a whole refusal."""
        meeting = Meeting(client=True)
        stream_id = meeting.open()
        meeting.session.send(stream_id, b"x" * 70_000)
        meeting.session.finish(stream_id)
        meeting.peer.send_headers(stream_id, BAD_GATEWAY, end_stream=True)
        meeting.exchange()
        self.assertEqual(meeting.taken(), [StreamRefused(stream_id, BAD_GATEWAY, b"")])
        self.assertEqual(meeting.peer.open_inbound_streams, 0)

    def test_refusal_cut_short(self) -> None:
        """A reset after the headers ends the refusal; what came of it counts."""
        meeting = Meeting(client=True)
        stream_id = meeting.open()
        meeting.peer.send_headers(stream_id, BAD_GATEWAY)
        meeting.peer.send_data(stream_id, b"beca")
        meeting.peer.reset_stream(stream_id)
        meeting.exchange()
        self.assertEqual(
            meeting.taken(), [StreamRefused(stream_id, BAD_GATEWAY, b"beca")]
        )

    def test_endless_refusal(self) -> None:
        """Of a long reason 64 KiB are kept, and the rest is not waited for."""
        meeting = Meeting(client=True)
        stream_id = meeting.open()
        meeting.peer.send_headers(stream_id, BAD_GATEWAY)
        for _ in range(5):
            meeting.peer.send_data(stream_id, b"a" * 16_384)
        meeting.exchange()
        self.assertEqual(
            meeting.taken(), [StreamRefused(stream_id, BAD_GATEWAY, b"a" * 65_536)]
        )
        self.assertNotIn(stream_id, meeting.session)
        meeting.connect()

    def test_refusal_and_its_length(self) -> None:
        """A refusal has a content-length like any answer."""
        meeting = Meeting(client=True)
        stream_id = meeting.open()
        headers = (*BAD_GATEWAY, (b"content-length", b"3"))
        meeting.peer.send_headers(stream_id, headers)
        meeting.peer.send_data(stream_id, b"why", end_stream=True)
        meeting.exchange()
        self.assertEqual(meeting.taken(), [StreamRefused(stream_id, headers, b"why")])

    def test_informational(self) -> None:
        """1xx answers are not the answer."""
        meeting = Meeting(client=True)
        stream_id = meeting.open()
        meeting.peer.send_headers(stream_id, ((b":status", b"103"),))
        meeting.peer.send_headers(stream_id, OK)
        meeting.exchange()
        self.assertEqual(meeting.taken(), [StreamAccepted(stream_id, OK)])

    def test_accepted_and_finished(self) -> None:
        """A 200 with END_STREAM is a tunnel whose far side sends nothing."""
        meeting = Meeting(client=True)
        stream_id = meeting.open()
        meeting.peer.send_headers(stream_id, OK, end_stream=True)
        meeting.exchange()
        self.assertEqual(
            meeting.taken(), [StreamAccepted(stream_id, OK), StreamFinished(stream_id)]
        )
        meeting.session.send(stream_id, b"one way")
        meeting.exchange()
        self.assertEqual(meeting.got(stream_id), b"one way")

    def test_accepted_with_a_length(self) -> None:
        """A 200 to CONNECT with a content-length is malformed (RFC 9110, 9.3.6)."""
        meeting = Meeting(client=True)
        stream_id = meeting.open()
        meeting.peer.send_headers(stream_id, (*OK, (b"content-length", b"0")))
        meeting.exchange()
        code = Http2Code.PROTOCOL_ERROR
        self.assertEqual(meeting.taken(), [StreamReset(stream_id, code)])

    def test_reset_without_an_answer(self) -> None:
        """A reset before any headers is just that."""
        meeting = Meeting(client=True)
        stream_id = meeting.open()
        meeting.peer.reset_stream(stream_id, Http2Code.REFUSED_STREAM)
        meeting.exchange()
        code = Http2Code.REFUSED_STREAM
        self.assertEqual(meeting.taken(), [StreamReset(stream_id, code)])
