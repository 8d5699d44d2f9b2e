"""Tests for `spdygate.session.http2answer`, and for trailers behind an answer."""

from __future__ import annotations

from h2 import events as h2
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LocalError
from spdygate.session.events import Headers

from .http2peer import BAD_GATEWAY, CONNECT, OK, POST, Meeting, settings

HINT: Headers = ((b":status", b"103"), (b"link", b"</a>"))
TRAILERS: Headers = ((b"grpc-status", b"0"),)


class AnswerTests(SynchronousTestCase):
    """Ordinary requests of h2's, answered by us."""

    def setUp(self) -> None:
        """Ask."""
        self.meeting = Meeting(client=False)
        self.session = self.meeting.session
        self.meeting.open(POST)
        self.meeting.taken()

    def heard(self, kind: type[h2.Event]) -> list[h2.Event]:
        """Return what h2 has heard of a kind."""
        self.meeting.exchange()
        return [event for event in self.meeting.heard if isinstance(event, kind)]

    def test_inform(self) -> None:
        """Any number of 1xx may go before the answer, and none after it."""
        self.session.inform(1, HINT)
        self.session.inform(1, HINT)
        self.session.accept(1, OK)
        self.assertEqual(len(self.heard(h2.InformationalResponseReceived)), 2)
        self.assertEqual(len(self.heard(h2.ResponseReceived)), 1)
        self.assertRaises(LocalError, self.session.inform, 1, HINT)

    def test_inform_nobody(self) -> None:
        """A stream that is over hears nothing."""
        self.meeting.peer.reset_stream(1)
        self.meeting.exchange()
        self.session.inform(1, HINT)
        self.assertEqual(self.heard(h2.InformationalResponseReceived), [])

    def test_body(self) -> None:
        """A body is sent as a tunnel's bytes are, and ends by itself."""
        self.session.accept(1, OK)
        self.assertEqual(self.session.send(1, b"hello"), 5)
        self.session.finish(1)
        self.assertEqual(len(self.heard(h2.StreamEnded)), 1)
        self.assertEqual(self.meeting.got(1), b"hello")
        self.assertIn(1, self.session)
        self.meeting.peer.end_stream(1)
        self.meeting.exchange()
        self.assertNotIn(1, self.session)

    def test_trailers(self) -> None:
        """Trailers end the stream for both sides alike."""
        self.session.accept(1, OK)
        self.session.send(1, b"hello")
        self.session.finish(1, TRAILERS)
        (trailers,) = self.heard(h2.TrailersReceived)
        assert isinstance(trailers, h2.TrailersReceived)
        self.assertEqual(tuple(trailers.headers or ()), TRAILERS)
        self.assertEqual(len(self.heard(h2.StreamEnded)), 1)
        self.meeting.peer.end_stream(1)
        self.meeting.exchange()
        self.assertEqual(self.session.open_streams, 0)
        self.assertEqual(self.meeting.peer.open_outbound_streams, 0)

    def test_trailers_wait(self) -> None:
        """Trailers do not overtake the body."""
        self.session.accept(1, OK)
        left = self.session.send(1, bytes(100_000))
        self.session.finish(1, TRAILERS)
        self.assertEqual(self.heard(h2.TrailersReceived), [])
        self.meeting.peer.increment_flow_control_window(100_000)
        self.meeting.peer.increment_flow_control_window(100_000, 1)
        self.meeting.exchange()
        for event in self.session.release(1 << 20):
            left += event.count  # type: ignore[union-attr]
        self.assertEqual(len(self.heard(h2.TrailersReceived)), 1)
        self.assertEqual((left, len(self.meeting.got(1))), (100_000, 100_000))

    def test_a_reset_of_an_answer(self) -> None:
        """What is given up before its answer has left costs a token (6.4)."""
        meeting = Meeting(client=False)
        meeting.feed(settings((4, 0)))
        for _ in range(1_100):
            stream_id = meeting.peer.get_next_available_stream_id()
            meeting.peer.send_headers(stream_id, POST, end_stream=True)
            meeting.exchange()
            meeting.session.refuse(stream_id, BAD_GATEWAY, b"waits for a window")
            meeting.peer.reset_stream(stream_id)
            meeting.exchange()
            if meeting.session.broken:
                break
        self.assertIn("too many frames", str(meeting.broken()))

    def test_a_reset_of_a_tunnel(self) -> None:
        """A tunnel that was connected may be given up as often as one likes."""
        meeting = Meeting(client=False)
        for _ in range(1_100):
            stream_id = meeting.open(CONNECT)
            meeting.session.accept(stream_id, OK)
            meeting.peer.reset_stream(stream_id)
            meeting.exchange()
        self.assertFalse(meeting.session.broken)
