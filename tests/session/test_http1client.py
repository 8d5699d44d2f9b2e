"""Tests for :mod:`spdygate.session.http1client`, against h11 and by hand."""

from __future__ import annotations

import h11
from hypothesis import given
from hypothesis.strategies import binary, integers, lists, sampled_from
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LocalError
from spdygate.session.events import Broken
from spdygate.session.http1client import (
    MOST_INFORMED,
    Body,
    BodyFinished,
    Http1Client,
    Informed,
    Responded,
    Switched,
)
from spdygate.session.http1events import ClientEvent
from spdygate.wire.upgrade import Request

HOST = ("host", "api:6443")
GET = Request("GET", b"/api", (HOST,))
HEAD = Request("HEAD", b"/api", (HOST,))
CHUNKED = Request("POST", b"/api", (HOST, ("transfer-encoding", "chunked")))

OK = b"HTTP/1.1 200 OK\r\n"
GRANTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
    b"Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n"
)


def asked(request: Request = GET, upgrade: str = "") -> Http1Client:
    """Return a connection on which a request without a body was asked."""
    client = Http1Client()
    client.ask(request, upgrade=upgrade)
    client.finish()
    return client


def merged(events: list[ClientEvent]) -> list[ClientEvent]:
    """Return events with the pieces of a body joined."""
    found: list[ClientEvent] = []
    for event in events:
        if isinstance(event, Body) and found and isinstance(found[-1], Body):
            found[-1] = Body(bytes(found[-1].data) + bytes(event.data))
        else:
            found.append(event)
    return found


def fed(client: Http1Client, *pieces: bytes) -> list[ClientEvent]:
    """Feed pieces, and return all that happened."""
    return merged([event for piece in pieces for event in client.feed(piece)])


def complaint(events: list[ClientEvent]) -> str:
    """Return what the last event, and no other, complains of."""
    assert not any(isinstance(event, Broken) for event in events[:-1])
    (last,) = events[-1:]
    assert isinstance(last, Broken), last
    return str(last.error)


class AskTests(SynchronousTestCase):
    """What is written, as h11 reads it on the other side."""

    def setUp(self) -> None:
        """Have a server."""
        self.server = h11.Connection(h11.SERVER)
        self.client = Http1Client()

    def read(self) -> list[h11.Event]:
        """Return what the server has been told."""
        self.server.receive_data(self.client.outgoing())
        events: list[h11.Event] = []
        while True:
            event = self.server.next_event()
            if not isinstance(event, h11.Event):
                return events
            events.append(event)

    def test_bytes(self) -> None:
        """A request is written in the order that it has."""
        self.client.ask(Request("GET", b"/a?b=%2f", (HOST, ("x", "\u00e9"))))
        self.client.finish()
        self.assertEqual(
            self.client.outgoing(),
            b"GET /a?b=%2f HTTP/1.1\r\nhost: api:6443\r\nx: \xe9\r\n\r\n",
        )

    def test_length(self) -> None:
        """A body of a known length is written as it is."""
        self.client.ask(Request("PUT", b"/a", (HOST, ("content-length", "5"))))
        self.client.send(b"he")
        self.client.send(memoryview(b"llo"))
        self.client.finish()
        data = self.client.outgoing()
        self.assertEqual(data.partition(b"\r\n\r\n")[2], b"hello")

    def test_chunks(self) -> None:
        """A body of an unknown length is written in chunks, with its trailers."""
        self.client.ask(CHUNKED)
        self.client.send(b"hello")
        self.client.finish((("x-sum", "5"),))
        data = self.client.outgoing()
        self.assertEqual(
            data.partition(b"\r\n\r\n")[2], b"5\r\nhello\r\n0\r\nx-sum: 5\r\n\r\n"
        )

    def test_no_trailers_without_chunks(self) -> None:
        """Where there is no place for trailers they are left out."""
        self.client.ask(Request("PUT", b"/a", (HOST, ("content-length", "0"))))
        self.client.finish((("x-sum", "5"),))
        self.assertNotIn(b"x-sum", self.client.outgoing())

    def test_upgrade(self) -> None:
        """An upgrade says so in both headers."""
        self.client.ask(GET, upgrade="SPDY/3.1")
        self.client.finish()
        (head,) = self.read()[:1]
        assert isinstance(head, h11.Request)
        self.assertEqual(
            list(head.headers)[1:],
            [(b"connection", b"Upgrade"), (b"upgrade", b"SPDY/3.1")],
        )

    def test_wrong_length(self) -> None:
        """More or less than was announced is our own fault."""
        request = Request("PUT", b"/a", (HOST, ("content-length", "2")))
        self.client.ask(request)
        self.assertRaises(LocalError, self.client.send, b"abc")
        client = Http1Client()
        client.ask(request)
        self.assertRaises(LocalError, client.finish)
        self.assertFalse(client.reusable)

    def test_no_request(self) -> None:
        """What is no request is our own fault, and nothing of it is written."""
        for request in (
            Request("GET", b"/a b", (HOST,)),
            Request("GET", b"/a", ()),
            Request("GET", b"/a", (HOST, ("x", "a\r\nb"))),
            Request("G T", b"/a", (HOST,)),
            Request("GET", b"/a", (HOST, ("x", "\u20ac"))),
        ):
            with self.subTest(request):
                client = Http1Client()
                self.assertRaises(LocalError, client.ask, request)
                self.assertEqual(client.outgoing(), b"")

    def test_not_its_turn(self) -> None:
        """There is one exchange at a time."""
        self.client.ask(GET)
        self.assertRaises(LocalError, self.client.ask, GET)


class AnswerTests(SynchronousTestCase):
    """Responses, in every framing."""

    def test_length(self) -> None:
        """A body of a known length, and the connection is free again."""
        client = asked()
        events = fed(client, OK + b"Content-Length: 5\r\n\r\nhe", b"llo")
        self.assertEqual(
            events,
            [
                Responded(200, (("content-length", "5"),)),
                Body(b"hello"),
                BodyFinished(),
            ],
        )
        self.assertTrue(client.reusable)

    def test_chunks(self) -> None:
        """A body in chunks, with trailers."""
        client = asked()
        wire = b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n"
        head, *rest = fed(client, OK + wire)
        self.assertEqual(rest, [Body(b"abcde"), BodyFinished((("x", "y"),))])
        self.assertTrue(client.reusable)

    def test_until_the_end(self) -> None:
        """A body of no known length ends with the connection, which is not free."""
        client = asked()
        self.assertEqual(fed(client, OK + b"\r\nabc")[1:], [Body(b"abc")])
        self.assertEqual(client.eof(), [BodyFinished()])
        self.assertFalse(client.reusable)

    def test_no_body(self) -> None:
        """To HEAD, and of 204 and 304, there is none, whatever the headers say."""
        for request, wire in (
            (HEAD, OK + b"Content-Length: 5\r\n\r\n"),
            (HEAD, OK + b"Transfer-Encoding: chunked\r\n\r\n"),
            (GET, b"HTTP/1.1 204 No Content\r\n\r\n"),
            (GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        ):
            with self.subTest(wire):
                client = asked(request)
                events = client.feed(wire)
                self.assertEqual(
                    [type(event) for event in events], [Responded, BodyFinished]
                )
                self.assertTrue(client.reusable)

    def test_one_after_another(self) -> None:
        """A connection serves any number of exchanges."""
        client = Http1Client()
        for number in range(3):
            client.ask(GET)
            client.finish()
            client.outgoing()
            events = fed(client, OK + b"Content-Length: 1\r\n\r\n%d" % number)
            self.assertEqual(events[1], Body(b"%d" % number))

    def test_interim(self) -> None:
        """Interim responses are reported and do not count as the answer."""
        client = asked()
        wire = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + OK
        events = client.feed(wire + b"Content-Length: 0\r\n\r\n")
        self.assertEqual(events[0], Informed(103, (("link", "a"),)))
        self.assertEqual(events[-1], BodyFinished())

    def test_interim_without_end(self) -> None:
        """They are not waited through for ever."""
        client = asked()
        events = client.feed(b"HTTP/1.1 100 Continue\r\n\r\n" * (MOST_INFORMED + 1))
        self.assertIn("interim", complaint(events))

    def test_early_answer(self) -> None:
        """An answer may end before the request does; only then is it free."""
        client = Http1Client()
        client.ask(CHUNKED)
        client.send(b"abc")
        events = client.feed(OK + b"Content-Length: 0\r\n\r\n")
        self.assertEqual(events[-1], BodyFinished())
        self.assertFalse(client.reusable)
        client.send(b"def")
        client.finish()
        self.assertTrue(client.reusable)

    def test_not_free(self) -> None:
        """A server that closes, or that speaks HTTP/1.0, is not asked again."""
        for wire in (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        ):
            client = asked()
            self.assertEqual(client.feed(wire)[-1], BodyFinished())
            self.assertFalse(client.reusable)

    def test_glued_to_the_answer(self) -> None:
        """What follows an answer is no answer to the next question."""
        client = asked()
        wire = OK + b"Content-Length: 0\r\n\r\n"
        events = client.feed(wire + wire)
        self.assertEqual(events[1:], [BodyFinished()])
        self.assertFalse(client.reusable)

    def test_unasked(self) -> None:
        """An answer that nobody asked for breaks the connection."""
        client = Http1Client()
        self.assertIn("nobody had asked", complaint(client.feed(OK)))
        self.assertFalse(client.reusable)
        self.assertEqual(client.feed(OK), [])

    def test_closed(self) -> None:
        """A connection that ends too early is broken, idle or not is told apart."""
        client = Http1Client()
        self.assertEqual(client.eof(), [])
        self.assertFalse(client.reusable)
        for wire in (
            b"",
            b"HTTP/1.1 2",
            OK + b"Content-Length: 5\r\n\r\nhell",
            OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n",
        ):
            with self.subTest(wire):
                client = asked()
                client.feed(wire)
                self.assertTrue(complaint(client.eof()))


class RefusedTests(SynchronousTestCase):
    """What cannot be understood in one way only."""

    def test_heads(self) -> None:
        """A head with two readings breaks the connection (HeaderInterceptingConn)."""
        for wire in (
            b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
            OK + b"X: a\r\n b\r\n\r\n",
            OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
            OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"HTTP/3.1 200 OK\r\n\r\n",
            b"SSH-2.0-OpenSSH_9.2\r\n",
        ):
            with self.subTest(wire):
                client = asked()
                complaint(client.feed(wire))
                self.assertFalse(client.reusable)
                self.assertEqual((client.feed(OK), client.eof()), ([], []))

    def test_chunks(self) -> None:
        """A body that ends in two ways is reported as far as it is understood."""
        head = OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        for rest in (b"0\r\n\n", b"x\r\n", b"-1\r\n", b"3\nabc", b"0\r\nX: y\n\n"):
            with self.subTest(rest):
                client = asked()
                events = fed(client, head, rest)
                if isinstance(events[-1], Broken):
                    complaint(events)
                else:
                    complaint(client.eof())
                self.assertEqual(events[1], Body(b"abc"))

    def test_large_head(self) -> None:
        """A head may have 1 MiB, or what somebody else has said (1 MiB header cap)."""
        wire = OK + b"X: " + bytes([120]) * (1024 * 1024)
        self.assertIn("1048576", complaint(asked().feed(wire)))
        client = Http1Client(100)
        client.ask(GET)
        self.assertIn("100 bytes", complaint(client.feed(wire)))


class UpgradeTests(SynchronousTestCase):
    """From HTTP to another protocol, or not."""

    def test_granted(self) -> None:
        """The 101 is taken for what was asked for, with what follows it."""
        client = asked(GET, "SPDY/3.1")
        (event,) = client.feed(GRANTED + b"\x80\x03\x00\x01")
        assert isinstance(event, Switched)
        self.assertEqual(event.glued, b"\x80\x03\x00\x01")
        self.assertIn(("x-stream-protocol-version", "v4.channel.k8s.io"), event.headers)
        self.assertRaises(LocalError, client.feed, b"x")
        self.assertFalse(client.reusable)

    def test_every_split(self) -> None:
        """It does not matter where the 101 is cut (HeaderInterceptingConn)."""
        wire = b"HTTP/1.1 100 Continue\r\n\r\n" + GRANTED
        for cut in range(1, len(wire)):
            client = asked(GET, "SPDY/3.1")
            first = client.feed(wire[:cut])
            last = client.feed(wire[cut:] + b"glued")[-1]
            assert isinstance(last, Switched)
            self.assertEqual(last.glued, b"glued")
            self.assertLess(len(first), 2)

    def test_not_what_was_asked_for(self) -> None:
        """Any other 101 breaks the connection."""
        for wire in (
            GRANTED.replace(b"SPDY/3.1", b"websocket"),
            GRANTED.replace(b"SPDY/3.1", b"SPDY/3.1, h2c"),
            GRANTED.replace(b"Upgrade: SPDY/3.1\r\n", b""),
            GRANTED.replace(b"Connection: Upgrade", b"Connection: close"),
            GRANTED.replace(b"HTTP/1.1", b"HTTP/1.0"),
            GRANTED.replace(b"\r\n", b"\n"),
        ):
            with self.subTest(wire):
                complaint(asked(GET, "SPDY/3.1").feed(wire))

    def test_not_asked_for_at_all(self) -> None:
        """A 101 that nobody asked for breaks the connection."""
        complaint(asked().feed(GRANTED))

    def test_refused(self) -> None:
        """Another answer is one, and the connection is not used again."""
        client = asked(GET, "SPDY/3.1")
        events = fed(client, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        self.assertEqual(events[1:], [Body(b"no"), BodyFinished()])
        self.assertFalse(client.reusable)


ANSWERS = (
    OK + b"Content-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 100 Continue\r\n\r\n"
    + OK
    + b"Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\n",
    OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
)


class AnyTests(SynchronousTestCase):
    """Whatever comes, however it is cut."""

    @given(sampled_from(ANSWERS), lists(integers(0, 110), max_size=6))
    def test_any_split(self, wire: bytes, cuts: list[int]) -> None:
        """The pieces in which bytes come change nothing but the pieces of a body."""
        whole = asked()
        expected = fed(whole, wire)
        edges = sorted({0, *(cut for cut in cuts if cut < len(wire)), len(wire)})
        pieces = [wire[a:b] for a, b in zip(edges, edges[1:], strict=False)]
        client = asked()
        self.assertEqual(repr(fed(client, *pieces)), repr(expected))
        self.assertEqual(client.reusable, whole.reusable)

    @given(lists(binary(max_size=40), max_size=5), sampled_from(("", "SPDY/3.1")))
    def test_any_bytes(self, pieces: list[bytes], upgrade: str) -> None:
        """Any bytes are understood or break the connection; none raises."""
        for start in (b"", OK, OK + b"Transfer-Encoding: chunked\r\n\r\n"):
            client = asked(GET, upgrade)
            events = fed(client, start, *pieces) + client.eof()
            broken = [isinstance(event, Broken) for event in events]
            self.assertNotIn(True, broken[:-1])

    @given(lists(binary(min_size=1, max_size=30), max_size=5))
    def test_h11_agrees(self, pieces: list[bytes]) -> None:
        """What h11 writes as a server is what is read here, and the other way."""
        server, client = h11.Connection(h11.SERVER), Http1Client()
        client.ask(CHUNKED)
        for piece in pieces:
            client.send(piece)
        client.finish()
        server.receive_data(client.outgoing())
        body = b""
        while not isinstance(event := server.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                body += event.data
        self.assertEqual(body, b"".join(pieces))
        wire = server.send(h11.Response(status_code=200, headers=[])) or b""
        for piece in pieces:
            wire += server.send(h11.Data(data=piece)) or b""
        wire += server.send(h11.EndOfMessage()) or b""
        events = fed(client, wire)
        data = [event.data for event in events if isinstance(event, Body)]
        self.assertEqual(data, [b"".join(pieces)] if pieces else [])
        self.assertTrue(client.reusable)
