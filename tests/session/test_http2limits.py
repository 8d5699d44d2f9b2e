"""Tests for `spdygate.session.http2limits`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LocalError
from spdygate.session.http2limits import Http2Limits


class Http2LimitsTests(SynchronousTestCase):
    """Limits that would blame the peer for what it cannot know."""

    def test_windows(self) -> None:
        """No window may be smaller than what a peer believes at first."""
        Http2Limits(stream_window=65_535, session_window=65_535)
        self.assertRaises(LocalError, Http2Limits, stream_window=65_534)
        self.assertRaises(LocalError, Http2Limits, session_window=65_534)

    def test_frames(self) -> None:
        """The limit on frames is one that SETTINGS can express (RFC 9113, 6.5.2)."""
        Http2Limits(frame=16_384)
        Http2Limits(frame=2**24 - 1)
        self.assertRaises(LocalError, Http2Limits, frame=16_383)
        self.assertRaises(LocalError, Http2Limits, frame=2**24)
