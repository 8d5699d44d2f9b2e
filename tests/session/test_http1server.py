"""Tests for :mod:`spdygate.session.http1server`: requests and responses in pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LocalError
from spdygate.session.events import Broken
from spdygate.session.http1events import Body, BodyFinished
from spdygate.session.http1server import Begun, Http1Server, ServerEvent
from tests.session.requests import CHUNKED, CURL_H2C, GENERATION_A, GET

PUT = b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
CONNECT = b"CONNECT a.b.pod:80 HTTP/1.1\r\nHost: a.b.pod:80\r\n\r\n"


class RequestTests(SynchronousTestCase):
    """Requests, as they come."""

    def test_pieces(self) -> None:
        """The head is told first, and the body as it comes."""
        server = Http1Server()
        (begun,) = server.feed(PUT)
        assert isinstance(begun, Begun)
        self.assertEqual((begun.request.method, begun.bodiless), ("PUT", False))
        self.assertEqual(server.feed(b"he"), [Body(b"he")])
        self.assertEqual(server.feed(b"llo"), [Body(b"llo"), BodyFinished()])

    def test_bodiless(self) -> None:
        """A request without a body is over with its head."""
        begun, end = Http1Server().feed(GET)
        assert isinstance(begun, Begun)
        self.assertTrue(begun.bodiless)
        self.assertEqual(end, BodyFinished())

    def test_trailers(self) -> None:
        """Trailers come with the end."""
        server = Http1Server()
        told = server.feed(CHUNKED + b"2\r\nhi\r\n0\r\nX-A: b\r\n\r\n")
        self.assertEqual(told[1:], [Body(b"hi"), BodyFinished((("x-a", "b"),))])

    def test_any_length(self) -> None:
        """A body has no bound: nothing of it is kept."""
        server = Http1Server()
        server.feed(PUT.replace(b"5", b"%d" % (1 << 40)))
        for _ in range(64):
            (piece,) = server.feed(bytes(64 * 1024))
            assert isinstance(piece, Body)
        self.assertEqual(server.waiting, 0)

    def test_go_on(self) -> None:
        """A client that asks is told when we say so, and only then."""
        for asks in (False, True):
            server = Http1Server()
            line = b"Expect: 100-continue\r\n\r\n" if asks else b"\r\n"
            server.feed(PUT[:-2] + line)
            self.assertIs(server.waits_to_go_on, asks)
            self.assertEqual(server.outgoing(), b"")
            server.go_on()
            said = b"HTTP/1.1 100 Continue\r\n\r\n" if asks else b""
            self.assertEqual(server.outgoing(), said)

    def test_broken_body(self) -> None:
        """What came of a bad body is told; then it is refused, once and for all."""
        server = Http1Server()
        told = server.feed(CHUNKED + b"2\r\nhi\r\nrubbish\r\n")
        self.assertEqual(told[1], Body(b"hi"))
        self.assertIsInstance(told[2], Broken)
        self.assertTrue(server.outgoing().startswith(b"HTTP/1.1 400 "))
        self.assertEqual((server.closing, server.feed(GET)), (True, []))

    def test_broken_behind_an_answer(self) -> None:
        """If an answer has begun, no other is mixed into it."""
        server = Http1Server()
        server.feed(CHUNKED)
        server.respond(200, ())
        server.outgoing()
        self.assertIsInstance(server.feed(b"rubbish\r\n")[0], Broken)
        self.assertEqual((server.outgoing(), server.closing), (b"", True))

    def test_connect(self) -> None:
        """CONNECT has no body, and its bytes wait for the answer."""
        server = Http1Server()
        begun, end = server.feed(CONNECT + b"early")
        assert isinstance(begun, Begun)
        self.assertEqual((begun.request.target, end), (b"a.b.pod:80", BodyFinished()))
        self.assertEqual(server.waiting, 5)
        self.assertEqual(server.connect(), b"early")
        server.send(b"raw")
        self.assertEqual(
            server.outgoing(), b"HTTP/1.1 200 Connection established\r\n\r\nraw"
        )
        self.assertRaises(LocalError, server.feed, b"x")
        self.assertRaises(LocalError, server.connect)

    def test_not_connect(self) -> None:
        """Nobody is connected who did not ask."""
        server = Http1Server()
        server.feed(GET)
        self.assertRaises(LocalError, server.connect)


class ResponseTests(SynchronousTestCase):
    """Responses, whose turn it is."""

    def test_before_the_body(self) -> None:
        """A response may be over before its request; the next begins behind that."""
        server = Http1Server()
        server.feed(PUT + b"he")
        server.respond(204, ())
        server.finish()
        self.assertFalse(server.closing or server.answerable)
        self.assertEqual(server.feed(b"llo" + GET), [Body(b"llo"), BodyFinished()])
        self.assertIsInstance(server.feed(b"")[0], Begun)
        self.assertTrue(server.answerable)

    def test_without_its_body(self) -> None:
        """Who was never told to send a body is answered, and closed."""
        server = Http1Server()
        server.feed(PUT[:-2] + b"Expect: 100-continue\r\n\r\n")
        server.respond(403, (("Content-Length", "0"),))
        server.finish()
        self.assertIn(b"Connection: close\r\n", server.outgoing())
        self.assertTrue(server.closing)

    def test_nobody_waits(self) -> None:
        """A response that nobody waits for is our own bug."""
        server = Http1Server()
        self.assertRaises(LocalError, server.respond, 200, ())
        server.feed(GET)
        server.respond(200, ())
        self.assertRaises(LocalError, server.respond, 200, ())

    def test_outgoing(self) -> None:
        """What is to be written is known before, and given once."""
        server = Http1Server()
        server.feed(GET)
        self.assertFalse(server.unwritten)
        server.respond(204, ())
        self.assertTrue(server.unwritten)
        self.assertEqual(server.outgoing(), b"HTTP/1.1 204 No Content\r\n\r\n")
        self.assertFalse(server.unwritten)


FRAGMENTS = st.sampled_from(
    [*(GET, PUT, CONNECT, GENERATION_A, CURL_H2C, CHUNKED), b"1\r\na\r\n", b"0\r\n\r\n"]
)


def conversation(pieces: list[bytes]) -> list[ServerEvent]:
    """Return what is told if all is answered at its end, bodies joined."""
    server = Http1Server()
    found: list[ServerEvent] = []
    for piece in pieces:
        told = server.feed(piece)
        while told:
            for event in told:
                last = found[-1] if found else None
                if isinstance(event, Body) and isinstance(last, Body):
                    last.data = bytes(last.data) + bytes(event.data)
                    continue
                found.append(event)
                if isinstance(event, BodyFinished):
                    server.respond(404, (("content-length", "0"),))
                    server.finish()
            told = server.feed(b"")
    return [event for event in found if not isinstance(event, Broken)]


class PropertyTests(SynchronousTestCase):
    """What holds for all that a client may send."""

    @given(st.lists(FRAGMENTS).map(b"".join), st.lists(st.integers(0, 600)))
    def test_any_split(self, wire: bytes, cuts: list[int]) -> None:
        """In whatever pieces bytes come, they say the same."""
        places = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
        pieces = [wire[a:b] for a, b in zip(places, places[1:], strict=False)]
        self.assertEqual(conversation(pieces), conversation([wire]))

    @given(st.lists(st.binary() | FRAGMENTS))
    def test_any_bytes(self, pieces: list[bytes]) -> None:
        """Whatever comes, every request that ends has begun, and nothing is raised."""
        found = conversation(pieces)
        begun = sum(isinstance(event, Begun) for event in found)
        ended = sum(isinstance(event, BodyFinished) for event in found)
        self.assertIn(begun - ended, (0, 1))
