"""Tests for `spdygate.session.http2`: who waits for whom, told in numbers."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.session.http2 import Http2Limits, Http2Session

#: Of a CONNECT as one asks a proxy (RFC 9113, section 8.5).
CONNECT = ((b":method", b"CONNECT"), (b":authority", b"web-0.shop.pod:80"))
OK = ((b":status", b"200"),)

KIB = 1024


class StuckTests(SynchronousTestCase):
    """Two sessions of ours, with two tunnels between them."""

    def setUp(self) -> None:
        """Open both."""
        limits = Http2Limits(stream_window=64 * KIB, held=96 * KIB)
        self.client = Http2Session(client=True)
        self.server = Http2Session(client=False, limits=limits)
        self.exchange()
        self.one, self.two = (self.client.open_stream(CONNECT) for _ in range(2))
        self.exchange()
        for stream_id in (self.one, self.two):
            self.server.accept(stream_id, OK)
        self.exchange()

    def exchange(self) -> None:
        """Carry what either has to say."""
        while written := (self.client.outgoing(), self.server.outgoing()):
            if not any(written):
                return
            self.server.feed(written[0], 0.0)
            self.client.feed(written[1], 0.0)

    def test_starved(self) -> None:
        """A stream starves whose own window is shut, and no other."""
        self.client.send(self.one, bytes(65 * KIB))
        self.exchange()
        self.client.send(self.two, b"x")
        self.assertTrue(self.client.starved(self.one))
        self.assertFalse(self.client.starved(self.two))
        self.server.grant(self.one, 64 * KIB)
        self.exchange()
        self.assertFalse(self.client.starved(self.one))

    def test_congested(self) -> None:
        """What waits for the transport, or is not there, starves nobody."""
        self.client.pause()
        self.client.send(self.one, b"x")
        self.assertFalse(self.client.starved(self.one))
        self.assertFalse(self.client.starved(99))

    def test_stuck(self) -> None:
        """A session is stuck that holds more than it may, and not for one stream."""
        self.client.send(self.one, bytes(64 * KIB))
        self.exchange()
        self.assertFalse(self.server.stuck)
        self.client.send(self.two, bytes(64 * KIB))
        self.exchange()
        self.assertTrue(self.server.stuck)
        held = [self.server.held(stream) for stream in (self.one, self.two, 99)]
        self.assertEqual(held, [64 * KIB, 64 * KIB, 0])
        self.assertGreater(held[0], self.server.tunnel_limit)
        self.server.grant(self.one, 64 * KIB)
        self.assertFalse(self.server.stuck)

    def test_without_limit(self) -> None:
        """One that may hold whatever its windows allow is never stuck."""
        self.assertFalse(Http2Session(client=True).stuck)
