"""Tests for :mod:`spdygate.dialect.connection`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.apiexchange import ApiExchange
from spdygate.dialect.connection import Dialect, half_closes
from spdygate.dialect.nodehttp2 import NodeHttp2
from spdygate.dialect.nodespdy import NodeSpdy
from spdygate.dialect.servedhttp1 import ServedHttp1
from spdygate.dialect.servedspdy import ServedSpdy, Visit
from spdygate.session.http2 import Http2Session
from spdygate.wire.urls import Target


class HalfCloseTests(SynchronousTestCase):
    """Which dialects leave half-close to TCP."""

    def test_frames(self) -> None:
        """Those with frames of their own do not: a FIN below them is the end."""
        target = Target(None, "shop", "web-0", None)
        framed: list[Dialect] = [
            ServedSpdy(Visit(target, "s1")),
            NodeSpdy("node n1", 0.0),
            NodeHttp2("node n1", "n1", "http", Http2Session(client=True), 0.0),
        ]
        for dialect in framed:
            self.assertFalse(half_closes(dialect))

    def test_http1(self) -> None:
        """HTTP/1.1 does, once it has become raw bytes."""
        raw: list[Dialect] = [ServedHttp1(), ApiExchange("the API server", 0.0)]
        for dialect in raw:
            self.assertTrue(half_closes(dialect))
