"""Tests for :mod:`spdygate.dialect.http1requests`: what is asked for."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.servedhttp1 import ServedHttp1
from spdygate.dialect.tunnel import Finished, Noted
from tests.dialect.http1clients import CONNECT, Served
from tests.session.requests import GET, split


class AskedTests(SynchronousTestCase):
    """Ordinary requests."""

    def test_head(self) -> None:
        """A request is told without what was meant for us alone."""
        lines = (
            b"Proxy-Authorization: Basic c2VjcmV0\r\nKeep-Alive: 5\r\n"
            b"Expect: 100-continue\r\nAccept: */*\r\n"
        )
        served = Served()
        end, asked = served.asks(GET[:-2] + lines + b"\r\n")
        self.assertEqual(asked.request.headers, (("host", "x"), ("accept", "*/*")))
        self.assertEqual((asked.request.method, asked.request.target), ("GET", b"/a"))
        self.assertEqual((asked.upgrade, asked.bodiless), ("", True))
        self.assertEqual(end.head.header("keep-alive"), "5")

    def test_finished(self) -> None:
        """A request without a body ends at once."""
        served = Served()
        self.assertEqual(served.says(GET)[-1], Finished(served.dialect._line.end))  # type: ignore[arg-type]

    def test_upgrades(self) -> None:
        """Two upgrades may be passed on; no other is, h2c least of all."""
        for named, passed in (
            (b"SPDY/3.1", "spdy/3.1"),
            (b"websocket", "websocket"),
            (b"h2c", ""),
            (b"TLS/1.0", ""),
            (b"h2c, websocket", "websocket"),
        ):
            request = GET[:-2] + b"Connection: Upgrade\r\nUpgrade: " + named
            served = Served()
            _, asked = served.asks(request + b"\r\n\r\n")
            self.assertEqual(asked.upgrade, passed)
            self.assertIsNone(asked.request.header("upgrade"))

    def test_absolute(self) -> None:
        """A target in absolute form is told as its path."""
        served = Served()
        _, asked = served.asks(GET.replace(b"/a", b"http://elsewhere/b?c=d"))
        self.assertEqual(asked.request.target, b"/b?c=d")


class ConnectTests(SynchronousTestCase):
    """CONNECT."""

    def test_tunnel(self) -> None:
        """It asks for a port of a pod."""
        served = Served(ServedHttp1("run-7"))
        agent = CONNECT[:-2] + b"User-Agent: curl/8\r\nProxy-Authorization: x\r\n\r\n"
        (opening,) = served.says(agent)
        request = opening.request  # type: ignore[attr-defined]
        target = request.target
        self.assertEqual((target.namespace, target.pod), ("shop", "web-0"))
        self.assertEqual((target.node, target.uid, request.port), (None, None, 8080))
        self.assertEqual((request.request_id, request.session), ("run-7-1", "run-7"))
        self.assertEqual(request.client, "curl/8; CONNECT")
        self.assertEqual((served.dialect.opened, served.dialect.tunnels), (1, 1))

    def test_anything_else(self) -> None:
        """It reaches nothing but pods, and says what to write."""
        for target, status in ((b"example.com:443", 403), (b"a.b.pod:0", 400)):
            served = Served()
            (noted,) = served.says(
                CONNECT.replace(b"web-0.shop.pod:8080 ", target + b" ")
            )
            self.assertIsInstance(noted, Noted)
            first, _, body = split(served.written())
            self.assertEqual(first.split()[1], b"%d" % status)
            self.assertIn("<pod>.<namespace>.pod:<port>", json.loads(body)["message"])
            self.assertEqual(served.dialect.opened, 0)
            served.asks(GET)

    def test_no_body(self) -> None:
        """What follows its head is the tunnel's, so it has no body."""
        served = Served()
        served.says(CONNECT[:-2] + b"Content-Length: 3\r\n\r\n")
        self.assertTrue(served.written().startswith(b"HTTP/1.1 400 "))
