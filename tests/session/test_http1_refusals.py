"""Tests for :mod:`spdygate.session.http1`: what is refused, and what always holds."""

from __future__ import annotations

import itertools
import json

from hypothesis import given
from hypothesis.strategies import binary, integers, lists, sampled_from
from twisted.trial.unittest import SynchronousTestCase

from spdygate.session.http1 import LARGEST_BODY, Http1Session, RequestReceived

from .requests import CHUNKED, CURL_H2C, GENERATION_A, GET, only, split


def with_headers(*lines: str, version: str = "1.1") -> bytes:
    """Return a request with these headers."""
    head = "\r\n".join([f"POST /a HTTP/{version}", "Host: x", *lines, "", ""])
    return head.encode()


#: Requests that are not to be answered, and the words of the refusal.
BAD = (
    (400, b"GET / HTTP/1.1\nHost: x\n\n", "ends with LF"),
    (400, with_headers("A: b", " c"), "folded"),
    (400, with_headers("Content-Length: 1", "Content-Length: 1"), "more than one"),
    (400, with_headers("Content-Length: 1, 1"), "not one plain number"),
    (400, with_headers("Content-Length: 1", "Transfer-Encoding: chunked"), "both"),
    (501, with_headers("Transfer-Encoding: gzip, chunked"), "Transfer-Encoding"),
    (400, with_headers("Transfer-Encoding: chunked", version="1.0"), "HTTP/1.0"),
    (
        400,
        with_headers("Connection: Upgrade", "Upgrade: SPDY/3.1", version="1.0"),
        "no Upgrade in HTTP/1.0",
    ),
    (400, with_headers("Upgrade: SPDY/3.1"), "without 'Connection: Upgrade'"),
    (
        400,
        with_headers("Upgrade: SPDY/3.1", "Connection: close"),
        "without 'Connection: Upgrade'",
    ),
    (400, b"GET / HTTP/1.1\r\n\r\n", "Host"),
    (400, with_headers("Host: y"), "Host"),
    (400, with_headers("Bad Name: x"), "header"),
    (400, with_headers("Content-Length : 1"), "header"),
    (400, with_headers("no colon"), "header"),
    (400, with_headers("A: \0"), "header"),
    (400, with_headers("A: x\ry"), "header"),
    (400, b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "request line"),
    (400, b"GET /\r\n\r\n", "request line"),
    (400, b"\x16\x03\x01", "TLS"),
    (505, b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/2.0"),
    (431, with_headers("A: " + "x" * 70_000), "larger than 65536"),
    (413, with_headers(f"Content-Length: {LARGEST_BODY + 1}"), "larger than 1048576"),
    (400, CHUNKED + b"x\r\n", "chunk"),
    (400, CHUNKED + b"1\r\nab\r\n", "chunk"),
    (400, CHUNKED + b"0\r\n\n", "does not end with CR LF"),
    (400, CHUNKED + b"0\r\nA: b\n\r\n", "does not end with CR LF"),
    (413, CHUNKED + b"100001\r\n" + b"x" * (LARGEST_BODY + 1), "larger than 1048576"),
)


class RefusalTests(SynchronousTestCase):
    """Input that is refused."""

    def test_bad_requests(self) -> None:
        """Each is answered with a Status that says what is wrong, and closed."""
        for status, wire, words in BAD:
            with self.subTest(wire[:80]):
                session = Http1Session()
                self.assertEqual(session.feed(wire), [])
                first, headers, body = split(session.outgoing())
                document = json.loads(body)
                self.assertEqual(first.split(b" ")[1], str(status).encode())
                self.assertEqual(headers[b"connection"], b"close")
                self.assertEqual(headers[b"content-type"], b"application/json")
                self.assertEqual(headers[b"content-length"], str(len(body)).encode())
                self.assertEqual(document["code"], status)
                self.assertIn(words, document["message"])
                self.assertTrue(session.closing)

    def test_nothing_follows(self) -> None:
        """What comes behind bad input is thrown away unread."""
        session = Http1Session()
        session.feed(b"\n" + GET)
        session.outgoing()
        self.assertEqual(session.feed(GET), [])
        self.assertEqual(session.outgoing(), b"")

    def test_after_an_answer(self) -> None:
        """A bad second request does not spoil the answer to the first."""
        session = Http1Session()
        only(session.feed(GET + b"\x16"))
        session.respond(200, (), b"")
        self.assertFalse(session.closing)
        self.assertEqual(session.feed(b""), [])
        self.assertTrue(session.closing)
        good, bad = session.outgoing().split(b"HTTP/1.1 400 ")
        self.assertTrue(good.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertIn(b"TLS", bad)

    def test_head_is_refused_without_body(self) -> None:
        """A bad HEAD, once it is known to be one, has no body behind its refusal."""
        session = Http1Session()
        session.feed(b"HEAD / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n")
        first, headers, body = split(session.outgoing())
        self.assertEqual((first, body), (b"HTTP/1.1 400 Bad Request", b""))
        self.assertIn(b"content-length", headers)

    def test_complaints_are_short(self) -> None:
        """A long line is not repeated whole."""
        session = Http1Session()
        session.feed(b"G" * 60_000 + b"\r\n\r\n")
        self.assertLess(len(session.outgoing()), 600)


def conversation(pieces: list[bytes]) -> tuple[list[RequestReceived], bytes, bool]:
    """Return what comes of *pieces*, if every request is answered at once."""
    session = Http1Session()
    received: list[RequestReceived] = []
    for piece in pieces:
        requests = session.feed(piece)
        while requests:
            received += requests
            session.respond(200, (), b"ok")
            requests = session.feed(b"")
    return received, session.outgoing(), session.closing


FRAGMENTS = sampled_from(
    [
        *(GET, GENERATION_A, CURL_H2C, CHUNKED, b"1\r\na\r\n", b"0\r\n\r\n", b"\r\n"),
        *(b"GET / HTTP/1.1\r\n", b"Host: x\r\n", b"Content-Length: 2\r\n", b"\n", b"a"),
        *(b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"X: y\r\n z\r\n"),
    ]
)


class PropertyTests(SynchronousTestCase):
    """What holds for all that a client may send."""

    @given(lists(FRAGMENTS).map(b"".join), lists(integers(0, 600)))
    def test_any_split(self, wire: bytes, cuts: list[int]) -> None:
        """In whatever pieces bytes come, requests and answers are the same."""
        places = [0, *sorted(cuts), len(wire)]
        pieces = [wire[start:end] for start, end in itertools.pairwise(places)]
        self.assertEqual(conversation(pieces), conversation([wire]))

    def test_byte_by_byte(self) -> None:
        """So it is for real requests that come byte by byte."""
        wire = GET + CURL_H2C + CHUNKED + b"2\r\nhi\r\n0\r\n\r\n" + GENERATION_A
        pieces = [wire[index : index + 1] for index in range(len(wire))]
        received, answers, closing = conversation(pieces)
        self.assertEqual((received, answers, closing), conversation([wire]))
        bodies = [request.body for request in received]
        self.assertEqual(bodies, [b"", b"abc", b"hi", b""])

    @given(lists(binary() | FRAGMENTS))
    def test_any_bytes(self, pieces: list[bytes]) -> None:
        """Whatever comes, nothing is raised, and a session that closes says why."""
        received, answers, closing = conversation(pieces)
        self.assertEqual(answers.count(b"HTTP/1.1 200 OK\r\n"), len(received))
        if closing:
            self.assertIn(b"Connection: close\r\n", answers)
