"""Tests for `spdygate.session.http2connection`."""

from __future__ import annotations

from h2.exceptions import FlowControlError
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import Http2Code
from spdygate.session.http2connection import Http2Error
from spdygate.session.http2limits import Http2Limits

from .http2peer import OK, POST, Meeting, raw


class Http2ErrorTests(SynchronousTestCase):
    """What h2 raises, in our words."""

    def test_code(self) -> None:
        """The code is the one h2 has chosen."""
        error = Http2Error(FlowControlError("too much"))
        self.assertEqual(error.http2, Http2Code.FLOW_CONTROL_ERROR)

    def test_codes_outside_the_list(self) -> None:
        """An error of another package's is PROTOCOL_ERROR, with its words."""
        error = Http2Error(ValueError("odd"))
        self.assertEqual((str(error), error.http2), ("odd", Http2Code.PROTOCOL_ERROR))


class CountTests(SynchronousTestCase):
    """How many streams h2 believes to be open."""

    def test_count_is_right(self) -> None:
        """h2 counts what we count, through everything that ends a stream."""
        for client in (True, False):
            meeting = Meeting(client=client)
            connection = meeting.session._control._h2
            streams = [meeting.connect() for _ in range(5)]
            meeting.session.reset(streams[0], 8)
            meeting.peer.reset_stream(streams[1], 8)
            meeting.session.finish(streams[2])
            meeting.peer.end_stream(streams[2])
            meeting.exchange()
            self.assertEqual(len(meeting.session._streams), 2)
            counted = sum(stream.open for stream in connection.streams.values())
            self.assertEqual(counted, 2)

    def test_swept(self) -> None:
        """Streams that are over are not kept for ever."""
        meeting = Meeting(client=False)
        for stream_id in range(1, 1001, 2):
            meeting.open(POST)
            meeting.session.refuse(stream_id, OK, b"")
        self.assertLess(len(meeting.session._control._h2.streams), 50)

    def test_limit(self) -> None:
        """A client that opens more streams than we announced is refused."""
        meeting = Meeting(client=False, limits=Http2Limits(streams=3))
        for stream_id in (1, 3, 5):
            meeting.open(POST)
            self.assertIn(stream_id, meeting.session)
        block = meeting.peer.encoder.encode(POST)
        meeting.feed(raw(1, 4, 7, bytes(block)))
        self.assertIsInstance(meeting.broken(), Http2Error)
