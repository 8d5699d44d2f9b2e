"""Tests for :mod:`spdygate.dialect.exchange`."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.exchange import Answer, Asked
from spdygate.dialect.http2exchange import Http2Exchange
from spdygate.dialect.servedhttp1 import ServedHttp1
from spdygate.wire.upgrade import Request

EVENTS = b"GET /api HTTP/1.1\r\nHost: gateway\r\n\r\n"


class VocabularyTests(SynchronousTestCase):
    """What both front dialects make of a request is the same value."""

    def test_asked(self) -> None:
        """A request of HTTP/1.1 is asked with all that the vocabulary has."""
        served = ServedHttp1()
        told: list[object] = list(served.feed(EVENTS, 0.0))
        (asked,) = (event for event in told if isinstance(event, Asked))
        self.assertEqual((asked.upgrade, asked.bodiless), ("", True))
        self.assertEqual(asked.request.target, b"/api")
        for verb in ("respond", "trail", "send", "finish", "fail", "grant"):
            self.assertTrue(callable(getattr(asked.end, verb)), verb)
            self.assertTrue(callable(getattr(Http2Exchange, verb)), verb)

    def test_values(self) -> None:
        """Heads are values: nobody on the way changes them."""
        answer = Answer(200, (("content-type", "text/plain"),))
        self.assertEqual(answer, Answer(200, (("content-type", "text/plain"),)))
        with self.assertRaises(FrozenInstanceError):
            answer.status = 500  # type: ignore[misc]
        with self.assertRaises(FrozenInstanceError):
            Request("GET", b"/").method = "POST"  # type: ignore[misc]
