"""Tests for :mod:`spdygate.session.http1response`."""

from __future__ import annotations

import json

import h11
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LocalError
from spdygate.session.events import Buffer
from spdygate.session.http1response import Response
from tests.session.requests import GET, split

OLD = b"GET / HTTP/1.0\r\n\r\n"


class Answered:
    """A response, to a request that h11 has read."""

    def __init__(self, request: bytes = GET) -> None:
        self.out: list[Buffer] = []
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(request)
        head = connection.next_event()
        assert isinstance(head, h11.Request)
        connection.next_event()
        self.response = Response(connection, self.out)
        self.response.method = head.method.decode()
        self.response.modern = head.http_version == b"1.1"

    def written(self) -> bytes:
        """Return, and forget, what was written."""
        data = b"".join(self.out)
        self.out.clear()
        return data


class ResponseTests(SynchronousTestCase):
    """Framing."""

    def answer(
        self, request: bytes, status: int, *headers: tuple[str, str]
    ) -> tuple[bytes, bytes]:
        """Answer with a body and a trailer; return the head's fields and the rest."""
        answered = Answered(request)
        answered.response.begin(status, headers)
        answered.response.send(b"hello")
        answered.response.finish((("x-a", "b"),))
        head, _, rest = answered.written().partition(b"\r\n\r\n")
        return head.partition(b"\r\n")[2], rest

    def test_framing(self) -> None:
        """By its length, in chunks with trailers, or by the end of the connection."""
        length, chunks = ("Content-Length", "5"), b"5\r\nhello\r\n0\r\nx-a: b\r\n\r\n"
        self.assertEqual(
            self.answer(GET, 200, length), (b"Content-Length: 5", b"hello")
        )
        self.assertEqual(self.answer(GET, 200), (b"Transfer-Encoding: chunked", chunks))
        self.assertEqual(self.answer(OLD, 200), (b"Connection: close", b"hello"))

    def test_bodiless(self) -> None:
        """To HEAD, and with 204 and 304, there is no body; 204 has no length."""
        length = ("content-length", "5")
        head = b"HEAD" + GET[3:]
        self.assertEqual(self.answer(head, 200, length), (b"content-length: 5", b""))
        self.assertEqual(self.answer(GET, 204, length), (b"", b""))
        self.assertEqual(self.answer(GET, 304), (b"", b""))

    def test_cut_shows(self) -> None:
        """A client can tell what is missing, unless the body ends with the FIN."""
        for request, headers, shows in (
            (GET, (), True),
            (OLD, (("content-length", "5"),), True),
            (OLD, (), False),
        ):
            answered = Answered(request)
            self.assertTrue(answered.response.cut_shows)
            answered.response.begin(200, headers)
            self.assertIs(answered.response.cut_shows, shows)

    def test_refuse(self) -> None:
        """A refusal is a whole Status that closes, or nothing at all."""
        answered = Answered()
        answered.response.refuse(400, "no")
        first, headers, body = split(answered.written())
        self.assertEqual(first, b"HTTP/1.1 400 Bad Request")
        self.assertEqual(headers[b"connection"], b"close")
        self.assertEqual(json.loads(body)["message"], "no")
        self.assertTrue(answered.response.begun)
        answered.response.refuse(500, "again")
        self.assertEqual(answered.written(), b"")

    def test_our_mistakes(self) -> None:
        """What is no response, or not the one announced, is our own bug."""
        answered = Answered()
        bad = (("x", "a\r\nb: c"),)
        self.assertRaises(LocalError, answered.response.begin, 200, bad)
        answered.response.begin(200, (("content-length", "1"),))
        self.assertRaises(LocalError, answered.response.send, b"ab")
