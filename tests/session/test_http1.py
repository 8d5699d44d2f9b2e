"""Tests for :mod:`spdygate.session.http1`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LocalError
from spdygate.session.http1 import LARGEST_WAITING, Http1Session, RequestReceived
from spdygate.wire.upgrade import Request, http2_settings, wants_upgrade

from ..wire.upgraderequests import CAPTURED
from .requests import CHUNKED, CURL_H2C, GENERATION_A, GET, only, split

HOST = (("host", "x"),)


class RequestTests(SynchronousTestCase):
    """Requests that come."""

    def test_get(self) -> None:
        """A request without a body is complete with its head."""
        session = Http1Session()
        received = only(session.feed(GET))
        self.assertEqual(received, RequestReceived(Request("GET", b"/a", HOST), b""))
        self.assertEqual(session.outgoing(), b"")

    def test_captured(self) -> None:
        """Every real upgrade request is understood, and switched with what follows."""
        for captured in CAPTURED:
            with self.subTest(captured.client):
                session = Http1Session()
                received = only(session.feed(captured.wire + b"\x80\x03more"))
                method, target, _ = captured.first_line
                expected = Request(method, target.encode(), captured.headers)
                self.assertEqual(received, RequestReceived(expected, b""))
                self.assertEqual(wants_upgrade(received.request), (captured.token,))
                self.assertEqual(session.switch(captured.token), b"\x80\x03more")

    def test_generation_a(self) -> None:
        """A GET of 2015 asks for SPDY and for nothing else."""
        received = only(Http1Session().feed(GENERATION_A))
        self.assertEqual(wants_upgrade(received.request), ("spdy/3.1",))
        self.assertIsNone(received.request.header("x-stream-protocol-version"))

    def test_body(self) -> None:
        """A body is waited for, by its length."""
        session = Http1Session()
        head = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
        self.assertEqual(session.feed(head + b"he"), [])
        self.assertFalse(session.idle)
        self.assertEqual(only(session.feed(b"llo")).body, b"hello")

    def test_chunked(self) -> None:
        """A body may come in chunks, with a trailer that is not looked at."""
        wire = CHUNKED + b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
        self.assertEqual(only(Http1Session().feed(wire)).body, b"abcde")

    def test_continue(self) -> None:
        """A client that keeps its body back until it may send it is told so."""
        session = Http1Session()
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
        self.assertEqual(session.feed(head + b"Expect: 100-continue\r\n\r\n"), [])
        self.assertEqual(session.outgoing(), b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertEqual(only(session.feed(b"hi")).body, b"hi")

    def test_obsolete_text(self) -> None:
        """Bytes beyond ASCII in a value are kept, one character each."""
        received = only(Http1Session().feed(GET[:-2] + b"X: \xe9\xff\r\n\r\n"))
        self.assertEqual(received.request.header("x"), "\u00e9\u00ff")

    def test_idle(self) -> None:
        """A connection is idle between requests, and only then."""
        session = Http1Session()
        self.assertTrue(session.idle)
        session.feed(GET[:1])
        self.assertFalse(session.idle)
        session.feed(GET[1:])
        self.assertFalse(session.idle)
        session.respond(200, (), b"")
        self.assertTrue(session.idle)


class ResponseTests(SynchronousTestCase):
    """Answers that go."""

    def answered(self, request: bytes, status: int = 200) -> tuple[Http1Session, bytes]:
        """Return a session that answered *request*, and its answer."""
        session = Http1Session()
        only(session.feed(request))
        session.respond(status, [("Content-Type", "text/plain")], b"hello")
        return session, session.outgoing()

    def test_bytes(self) -> None:
        """The response is framed by its length."""
        session, response = self.answered(GET)
        self.assertEqual(
            response,
            b"HTTP/1.1 200 OK\r\n"
            b"Content-Type: text/plain\r\n"
            b"Content-Length: 5\r\n"
            b"\r\n"
            b"hello",
        )
        self.assertFalse(session.closing)
        self.assertEqual(session.outgoing(), b"")

    def test_keep_alive(self) -> None:
        """The next request is read on the same connection."""
        session, _ = self.answered(GET)
        self.assertEqual(only(session.feed(GET)).request.target, b"/a")

    def test_close(self) -> None:
        """A client that will close, or of HTTP/1.0, is closed."""
        for request in (
            GET[:-2] + b"Connection: close\r\n\r\n",
            b"GET / HTTP/1.0\r\n\r\n",
        ):
            session, response = self.answered(request)
            self.assertEqual(split(response)[1][b"connection"], b"close")
            self.assertTrue(session.closing)
            self.assertEqual(session.feed(GET), [])

    def test_head(self) -> None:
        """HEAD is told how long the body is, and not the body."""
        _, response = self.answered(b"HEAD" + GET[3:])
        _, headers, body = split(response)
        self.assertEqual((headers[b"content-length"], body), (b"5", b""))

    def test_no_content(self) -> None:
        """A response without a body has no length either."""
        _, response = self.answered(GET, 204)
        first, headers, body = split(response)
        self.assertEqual((first, body), (b"HTTP/1.1 204 No Content", b""))
        self.assertNotIn(b"content-length", headers)

    def test_refused_upgrade(self) -> None:
        """An upgrade may be refused, and the connection goes on."""
        session, response = self.answered(GENERATION_A, 403)
        self.assertTrue(response.startswith(b"HTTP/1.1 403 Forbidden\r\n"))
        self.assertEqual(only(session.feed(GET)).request.target, b"/a")

    def test_unknown_status(self) -> None:
        """A status that has no name goes without."""
        _, response = self.answered(GET, 499)
        self.assertTrue(response.startswith(b"HTTP/1.1 499 \r\n"))

    def test_pipelined(self) -> None:
        """A second request waits until the first is answered."""
        session = Http1Session()
        second = GET.replace(b"/a", b"/b")
        self.assertEqual(only(session.feed(GET + second)).request.target, b"/a")
        self.assertEqual(session.feed(second[:3]), [])
        session.respond(200, (), b"1")
        self.assertEqual(only(session.feed(b"")).request.target, b"/b")
        session.respond(200, (), b"2")
        self.assertEqual(session.feed(b""), [])
        self.assertEqual(only(session.feed(second[3:])).request.target, b"/b")
        bodies = session.outgoing().split(b"HTTP/1.1 200 OK\r\n")
        self.assertEqual([body[-1:] for body in bodies], [b"", b"1", b"2"])

    def test_too_much_waits(self) -> None:
        """A client that does not wait for the answer is hung up on."""
        session = Http1Session()
        only(session.feed(GET + b"x" * LARGEST_WAITING))
        self.assertFalse(session.closing)
        self.assertEqual(session.feed(b"x"), [])
        self.assertTrue(session.closing)
        session.respond(200, (), b"late")
        self.assertEqual(session.outgoing(), b"")

    def test_our_mistakes(self) -> None:
        """An answer that nobody waits for, or that is none, is our own bug."""
        session = Http1Session()
        self.assertRaises(LocalError, session.respond, 200, (), b"")
        only(session.feed(GET))
        injected = [("X", "a\r\nY: b")]
        self.assertRaises(LocalError, session.respond, 200, injected, b"")


class SwitchTests(SynchronousTestCase):
    """Upgrades that are granted."""

    def test_switch(self) -> None:
        """The 101 is queued, and the connection is another protocol's."""
        session = Http1Session()
        only(session.feed(GENERATION_A))
        self.assertEqual(session.switch("SPDY/3.1", [("X-A", "b")]), b"")
        self.assertEqual(
            session.outgoing(),
            b"HTTP/1.1 101 Switching Protocols\r\n"
            b"Connection: Upgrade\r\n"
            b"Upgrade: SPDY/3.1\r\n"
            b"X-A: b\r\n"
            b"\r\n",
        )
        self.assertFalse(session.idle)
        self.assertRaises(LocalError, session.feed, b"\x80\x03")

    def test_early_bytes(self) -> None:
        """What a client sent before it was answered is kept, however it came."""
        session = Http1Session()
        only(session.feed(GENERATION_A + b"\x80"))
        self.assertEqual(session.feed(b"\x03GET / HTTP/1.1\n\n"), [])
        self.assertEqual(session.switch("SPDY/3.1"), b"\x80\x03GET / HTTP/1.1\n\n")

    def test_h2c(self) -> None:
        """The body of an upgrade to ``h2c`` is read first (docs/protocol.rst, 8.2)."""
        session = Http1Session()
        received = only(session.feed(CURL_H2C + b"PRI * HTTP/2.0"))
        self.assertEqual(received.body, b"abc")
        settings = http2_settings(received.request)
        self.assertEqual(settings, b"AAMAAABkAAQCAAAAAAIAAAAA")
        self.assertEqual(session.switch("h2c"), b"PRI * HTTP/2.0")

    def test_only_what_was_asked(self) -> None:
        """Nobody is switched to what they did not ask for."""
        session = Http1Session()
        self.assertRaises(LocalError, session.switch, "SPDY/3.1")
        only(session.feed(GENERATION_A))
        self.assertRaises(LocalError, session.switch, "h2c")
