"""Tests for `spdygate.dialect.http2tunnels`: what both sides of a connection share."""

from __future__ import annotations

from h2.events import ResponseReceived
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.http2end import Http2End
from spdygate.dialect.patience import USUAL
from spdygate.dialect.tunnel import Failed, Failure, Opening, Reason
from tests.dialect.http2client import PROXY, Client


class TunnelsTests(SynchronousTestCase):
    """A connection with one tunnel, as its client sees it."""

    def setUp(self) -> None:
        """Ask for it."""
        self.client = Client()
        self.stream_id = self.client.request(PROXY)
        (opening,) = self.client.told()
        assert isinstance(opening, Opening) and isinstance(opening.end, Http2End)
        self.end = opening.end

    def test_count(self) -> None:
        """A tunnel counts until it is over; reading never stops, for windows bound it."""
        served = self.client.served
        self.assertEqual((served.tunnels, served.reading), (1, True))
        self.end.fail(Failure(Reason.REFUSED, "no"))
        self.assertEqual(served.tunnels, 0)

    def test_accept_once(self) -> None:
        """200 is said once, and a refusal behind it is a reset."""
        self.end.accept()
        self.end.accept()
        self.client.exchange()
        heads = [e for e in self.client.heard if isinstance(e, ResponseReceived)]
        self.assertEqual(len(heads), 1)
        self.assertIn("200", str(heads[0].headers))

    def test_wake(self) -> None:
        """Whoever carries the connection hears that there is something to write."""
        woken: list[int] = []
        self.client.served.on_wake(lambda: woken.append(1))
        self.end.accept()
        self.assertEqual(woken, [1])

    def test_slow(self) -> None:
        """A client that takes what is written is alive, though it says nothing."""
        served = self.client.served
        for now in range(10, 300, 10):
            served.pause()
            served.resume()
            if served.deadline() <= now:
                self.assertEqual(served.tick(float(now)), [])
        self.assertFalse(served.ending)

    def test_stuck(self) -> None:
        """One that takes nothing either is not, within a stated time."""
        served = self.client.served
        served.pause()
        served.resume()
        served.pause()
        for now in range(10, int(USUAL.quiet + USUAL.answer) + 40, 10):
            if served.deadline() <= now:
                served.tick(float(now))
        self.assertTrue(served.ending)

    def test_lost(self) -> None:
        """A connection that is gone takes its tunnels along, and wakes nobody."""
        woken: list[int] = []
        self.client.served.on_wake(lambda: woken.append(1))
        (failed,) = self.client.served.lost()
        assert isinstance(failed, Failed)
        self.assertIs(failed.end, self.end)
        self.end.accept()
        self.assertEqual(woken, [])
