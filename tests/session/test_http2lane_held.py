"""Tests for `spdygate.session.http2lane`: how much one peer may have waiting."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.session.http2 import Http2Limits

from .http2peer import OK, POST, Meeting

KIB = 1024

#: A session's window of 128 KiB, of which nothing is given back while more than
#: 64 KiB wait to be passed on.
HELD = Http2Limits(stream_window=64 * KIB, session_window=128 * KIB, held=64 * KIB)


class HeldTests(SynchronousTestCase):
    """Many streams that nobody passes on."""

    def setUp(self) -> None:
        """Let two streams carry 64 KiB each, of which not a byte is passed on."""
        self.meeting = Meeting(client=False, limits=HELD)
        self.first, self.second = self.meeting.connect(), self.meeting.connect()
        for stream_id in (self.first, self.second):
            for _ in range(4):
                self.meeting.peer.send_data(stream_id, bytes(16 * KIB))
                self.meeting.exchange()

    def room(self) -> int:
        """Return how many bytes h2 may send on any stream."""
        self.meeting.exchange()
        return self.meeting.peer.outbound_flow_control_window

    def test_what_may_wait(self) -> None:
        """Up to the limit credit is given back, beyond it none is."""
        self.assertEqual(self.room(), 64 * KIB)
        third = self.meeting.open(POST)
        self.meeting.session.accept(third, OK)
        for _ in range(4):
            self.meeting.peer.send_data(third, bytes(16 * KIB))
        self.assertEqual(self.room(), 0)
        self.assertFalse(self.meeting.session.broken)

    def test_passed_on(self) -> None:
        """What was passed on is given back, with all that was kept back."""
        self.meeting.session.grant(self.first, 32 * KIB)
        self.assertEqual(self.room(), 64 * KIB)
        self.meeting.session.grant(self.second, 32 * KIB)
        self.assertEqual(self.room(), 128 * KIB)

    def test_over(self) -> None:
        """What waits on a stream that is over is not waited for."""
        self.meeting.peer.reset_stream(self.first)
        self.assertEqual(self.room(), 128 * KIB)
        self.meeting.session.reset(self.second, 8)
        self.meeting.exchange()
        self.assertEqual(self.meeting.session._held, 0)

    def test_without_a_limit(self) -> None:
        """By default every byte is given back as it comes."""
        meeting = Meeting(client=False)
        before = meeting.peer.outbound_flow_control_window
        for _ in range(200):
            stream_id = meeting.connect()
            for _ in range(8):
                meeting.peer.send_data(stream_id, bytes(16 * KIB))
            meeting.exchange()
        self.assertGreater(meeting.peer.outbound_flow_control_window, before // 2)
