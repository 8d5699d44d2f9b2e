"""Tests for `spdygate.dialect.servedhttp2`: what it does as time passes."""

from __future__ import annotations

from h2.events import ConnectionTerminated, PingReceived
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.budget import LINGER
from spdygate.dialect.patience import USUAL
from spdygate.dialect.servedhttp2 import ServedHttp2
from spdygate.dialect.tunnel import Failed, Opening, Reason
from spdygate.session.http2 import Http2Session
from tests.dialect.http2client import PROXY, Client


class TimeTests(SynchronousTestCase):
    """Pings, and connections that nobody uses."""

    def setUp(self) -> None:
        """Connect at 0 s, h2 having said all it will."""
        self.client = Client()
        self.served = self.client.served

    def test_ping(self) -> None:
        """A client that is silent is asked, and an answer is enough."""
        self.assertEqual(self.served.deadline(), USUAL.quiet)
        self.assertEqual(self.served.tick(USUAL.quiet), [])
        self.client.now = USUAL.quiet + 1
        self.client.exchange()
        pings = [e for e in self.client.heard if isinstance(e, PingReceived)]
        self.assertEqual(len(pings), 1)
        self.assertEqual(self.served.deadline(), 2 * USUAL.quiet + 1)
        self.served.tick(USUAL.quiet + USUAL.answer)
        self.assertFalse(self.served.ending)

    def test_dead(self) -> None:
        """One that does not answer is gone, and its tunnels with it."""
        end = self.client.opens().end
        self.served.tick(USUAL.quiet)
        self.assertEqual(self.served.deadline(), USUAL.quiet + USUAL.answer)
        (failed,) = self.served.tick(USUAL.quiet + USUAL.answer)
        assert isinstance(failed, Failed)
        self.assertIs(failed.end, end)
        self.assertIs(failed.failure.reason, Reason.GAVE_UP)
        self.assertIn("did not answer a PING", self.served.why)
        self.assertTrue(self.served.ending)
        self.assertEqual(self.served.deadline(), float("inf"))
        self.assertEqual(self.served.tick(1e6), [])

    def until(self, last: float) -> None:
        """Let time pass, with a client that answers every PING."""
        while not self.served.ending and self.served.deadline() <= last:
            self.client.now = self.served.deadline()
            self.served.tick(self.client.now)
            self.client.exchange()

    def test_idle(self) -> None:
        """A connection that carries nothing for hours is ended with a GOAWAY."""
        self.until(USUAL.idle - 1)
        self.assertFalse(self.served.ending)
        self.until(USUAL.idle)
        self.assertTrue(self.served.ending)
        self.assertEqual(self.served.why, "idle for 4 hours")
        self.assertIsInstance(self.client.heard[-1], ConnectionTerminated)

    def test_a_silent_tunnel(self) -> None:
        """A tunnel is use, though not a byte of it passes."""
        end = self.client.opens().end
        self.until(3 * USUAL.idle)
        self.assertFalse(self.served.ending)
        end.accept()

    def test_a_tunnel_that_only_listens(self) -> None:
        """What it does not take is thrown away, as of any that is finished."""
        self.client.request(PROXY, end=True)
        opening = self.client.told()[0]
        assert isinstance(opening, Opening)
        opening.end.accept()
        self.served.pause()
        opening.end.send(b"never taken")
        opening.end.finish()
        told = self.served.tick(LINGER)
        self.assertEqual([type(event) for event in told], [Failed])
        self.assertEqual(self.served.tunnels, 0)

    def test_an_unknown_beginning(self) -> None:
        """Who was not told when it began begins when it is first told the time."""
        served = ServedHttp2(Http2Session(client=False), trusted=False)
        self.assertEqual(served.tick(1e9), [])
        self.assertFalse(served.ending)
        self.assertEqual(served.deadline(), 1e9 + USUAL.quiet)
