"""Tests for :mod:`spdygate.net.passing`, in memory."""

from __future__ import annotations

import json

from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import Request as WebRequest
from twisted.web.server import Site

from spdygate.dialect.apiexchange import IDLE
from spdygate.dialect.tunnel import Reason
from spdygate.net import passing
from spdygate.net.passing import CONNECTING, MOST_IDLE
from tests.net.passingcases import EMPTY, PassingCase

GRANTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Accept: abc\r\n\r\n"
)

POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "web-0", "namespace": "shop", "uid": "u1"},
    "spec": {"nodeName": "n1", "containers": []},
    "status": {"phase": "Running"},
}


class Echo(Resource):
    """Answers with what it was asked."""

    isLeaf = True

    def render(self, request: WebRequest) -> bytes:
        """Repeat method, path, and body."""
        assert request.content is not None
        request.setHeader(b"x-asked", request.getHeader(b"x-forwarded-for") or b"")
        return b"%s %s %s" % (request.method, request.uri, request.content.read())


class WebTests(PassingCase):
    """Against Twisted's own HTTP server."""

    def setUp(self) -> None:
        """Know it."""
        self.know(Site(Echo(), reactor=Clock(), timeout=None))

    def test_get(self) -> None:
        """A question is answered, with what is said of the way."""
        end = self.ask(b"/api/v1/pods?watch=0")
        (answer,) = end.answers
        self.assertEqual(answer.status, 200)
        self.assertIn(("x-asked", "192.0.2.7"), answer.headers)
        self.assertEqual(end.sent, b"GET /api/v1/pods?watch=0 ")
        self.assertTrue(end.finished)

    def test_bodies(self) -> None:
        """A body arrives whole, of whatever framing."""
        for headers in ((), (("content-length", "11"),)):
            end = self.ask(b"/a", *headers, method="POST", body=True)
            with self.turn:
                end.comes(b"hello ")
            self.exchange()
            with self.turn:
                end.comes(b"world")
                end.ends()
            self.exchange()
            self.assertEqual(end.sent, b"POST /a hello world")
            self.assertEqual(end.granted, 11)

    def test_kept(self) -> None:
        """One connection serves one question after another."""
        for _ in range(3):
            self.assertTrue(self.ask().finished)
        self.assertEqual(len(self.endpoint.pumps), 1)

    def test_head(self) -> None:
        """HEAD has a length and no body."""
        end = self.ask(method="HEAD")
        self.assertEqual(end.sent, b"")
        self.assertTrue(end.finished)


class ConnectionTests(PassingCase):
    """Which connection serves whom."""

    def test_nothing_is_lent(self) -> None:
        """A client without credentials is anonymous: ours are never shown."""
        self.ask()
        head = self.servers()[0].read()
        self.assertNotIn(b"authorization", head.lower())
        self.assertNotIn(b"ours", head)

    def test_each_for_itself(self) -> None:
        """A slow answer holds nobody up; both connections are kept afterwards."""
        first, second = self.ask(), self.ask()
        self.say(EMPTY, 1)
        self.assertEqual((first.finished, second.finished), (False, True))
        self.say(EMPTY, 0)
        self.assertTrue(first.finished)
        self.ask()
        self.ask()
        self.assertEqual(len(self.servers()), 2)

    def test_idle(self) -> None:
        """A connection that nobody uses is closed after a while."""
        self.ask()
        self.say(EMPTY)
        self.clock.advance(IDLE)
        self.exchange()
        self.assertTrue(self.servers()[0].lost)
        self.ask()
        self.assertEqual(len(self.servers()), 2)

    def test_most_idle(self) -> None:
        """Only so many are kept."""
        for _ in range(MOST_IDLE + 1):
            self.ask()
        for number in range(MOST_IDLE + 1):
            self.say(EMPTY, number)
        lost = [server.lost for server in self.servers()]
        self.assertEqual(lost, [True] + [False] * MOST_IDLE)

    def test_most(self) -> None:
        """There is a bound to all of them."""
        self.patch(passing, "MOST", 1)
        self.ask()
        end = self.ask()
        self.assertEqual(end.failure.reason.status, 503)
        self.assertIn("ask again later", end.failure.message)

    def test_stale(self) -> None:
        """A question that a closing connection swallowed is asked on another one."""
        self.ask()
        self.say(EMPTY)
        self.servers()[0].leave()
        end = self.ask(b"/again")
        self.assertEqual(len(self.servers()), 2)
        self.assertIn(b"GET /again ", self.servers()[1].read())
        self.say(EMPTY)
        self.assertTrue(end.finished)

    def test_not_asked_twice(self) -> None:
        """What may change something is not: the client must know."""
        self.ask()
        self.say(EMPTY)
        self.servers()[0].leave()
        end = self.ask(method="DELETE")
        self.assertEqual(end.failure.reason, Reason.LINK_LOST)
        self.assertIn("API server https://api:6443", end.failure.message)
        self.assertEqual(len(self.servers()), 1)

    def test_watch(self) -> None:
        """A watch is passed on piece by piece, for hours."""
        end = self.ask(b"/api/v1/pods?watch=1")
        self.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.assertEqual(len(end.answers), 1)
        for number in range(3):
            self.clock.advance(3600)
            self.say(b'6\r\n{"%d"}\n\r\n' % number)
            self.assertTrue(end.sent.endswith(b'{"%d"}\n' % number))
        self.assertEqual(end.granted + end.left, len(end.sent))
        with self.turn:
            end.breaks(Reason.GAVE_UP)
        self.exchange()
        self.assertTrue(self.servers()[0].lost)

    def test_trailers(self) -> None:
        """Trailers pass both ways."""
        end = self.ask(b"/a", method="POST", body=True)
        with self.turn:
            end.trails((("x-sum", "1"),))
            end.ends()
        self.exchange()
        self.assertTrue(self.servers()[0].read().endswith(b"0\r\nx-sum: 1\r\n\r\n"))
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.say(chunked + b"0\r\nX-Sum: 2\r\n\r\n")
        self.assertEqual(end.trailers, (("x-sum", "2"),))


class UnreachableTests(PassingCase):
    """No API server, or none that can be understood."""

    def test_refused(self) -> None:
        """The client is told which server, and what to look at."""
        self.endpoint.error = ConnectionRefusedError()
        failure = self.ask().failure
        self.assertEqual(failure.reason.status, 502)
        self.assertIn("API server https://api:6443: nothing listens", failure.message)

    def test_silent(self) -> None:
        """One that does not answer is not waited for without end."""
        self.endpoint.silent = True
        end = self.ask()
        self.clock.advance(CONNECTING - 1)
        self.assertEqual(end.failures, [])
        self.clock.advance(1)
        self.assertEqual(end.failure.reason.status, 504)
        self.assertIn("it does not answer", end.failure.message)

    def test_the_client_goes(self) -> None:
        """A connection that nobody waits for any more is given up."""
        self.endpoint.silent = True
        end = self.ask()
        with self.turn:
            end.breaks(Reason.GAVE_UP)
        self.assertEqual(self.endpoint.cancelled, 1)
        self.assertEqual(end.failures, [])

    def test_nonsense(self) -> None:
        """What is no HTTP is the API server's fault, and ends the connection."""
        end = self.ask()
        self.say(b"220 smtp.example.com ESMTP\r\n")
        self.assertEqual(end.failure.reason.status, 502)
        self.assertTrue(self.servers()[0].lost)

    def test_gone(self) -> None:
        """One that hangs up on a new question is said to."""
        end = self.ask()
        self.servers()[0].leave()
        self.exchange()
        self.assertEqual(end.failure.reason, Reason.LINK_LOST)

    def test_not_passed(self) -> None:
        """What is not passed on is refused, and nobody is asked."""
        end = self.ask(b"/api/../etc")
        self.assertEqual(end.failure.reason.status, 400)
        self.assertEqual(self.servers(), [])

    def test_stopped(self) -> None:
        """When the gateway stops, everything ends, and nothing begins."""
        first = self.ask()
        self.endpoint.silent = True
        second = self.ask()
        self.passing.stop()
        self.exchange()
        third = self.ask()
        self.assertEqual(len(first.failures) + len(second.failures), 2)
        self.assertEqual(third.failure.reason, Reason.DRAINING)
        self.assertEqual(self.endpoint.cancelled, 1)


class UpgradeTests(PassingCase):
    """Bytes behind a verified 101 (docs/protocol.rst, 2.8)."""

    def test_granted(self) -> None:
        """They pass both ways, unread, the glued ones first (Hijack rules)."""
        end = self.ask(b"/exec", ("sec-websocket-key", "x"), upgrade="websocket")
        head = self.servers()[0].read()
        self.assertIn(b"connection: Upgrade\r\nupgrade: websocket\r\n", head)
        self.say(GRANTED + b"glued")
        self.assertEqual(end.answers[0].status, 101)
        self.assertEqual(end.answers[0].headers, (("sec-websocket-accept", "abc"),))
        with self.turn:
            end.comes(b"\x00up")
        self.say(b"\xffdown")
        self.assertEqual(self.servers()[0].read(), b"\x00up")
        self.assertEqual(end.sent, b"glued\xffdown")
        self.servers()[0].leave()
        self.exchange()
        self.assertTrue(end.finished)

    def test_spdy(self) -> None:
        """SPDY's token is written as every server knows it."""
        self.ask(b"/exec", method="POST", upgrade="spdy/3.1")
        self.assertIn(b"upgrade: SPDY/3.1\r\n", self.servers()[0].read())

    def test_another_101(self) -> None:
        """A 101 for something else is a breach, and nothing passes."""
        end = self.ask(b"/exec", upgrade="spdy/3.1")
        self.say(GRANTED + b"glued")
        self.assertEqual(end.failure.reason.status, 502)
        self.assertEqual((end.answers, end.sent), ([], b""))

    def test_body_bytes_that_were_not_asked_for(self) -> None:
        """A refusal is passed on whole, and its connection is not used again."""
        end = self.ask(b"/exec", upgrade="websocket")
        self.say(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno" + GRANTED)
        self.assertEqual((end.answers[0].status, end.sent), (403, b"no"))
        self.assertTrue(self.servers()[0].lost)

    def test_pipelined(self) -> None:
        """What is sent behind a refused upgrade reaches nobody (Hijack rules)."""
        end = self.ask(b"/exec", upgrade="websocket")
        self.servers()[0].read()
        with self.turn:
            end.comes(b"GET /secrets HTTP/1.1\r\n\r\n")
        self.exchange()
        self.assertEqual(self.servers()[0].count, 0)
        self.say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual(self.servers()[0].count, 0)
        self.assertTrue(self.servers()[0].lost)
        self.assertEqual(end.granted, end.received)

    def test_with_a_body(self) -> None:
        """An upgrade that comes with a body is refused, and nobody is asked."""
        end = self.ask(b"/exec", method="POST", upgrade="spdy/3.1", body=True)
        self.assertEqual(end.failure.reason.status, 400)
        self.assertEqual(self.servers(), [])

    def test_in_disguise(self) -> None:
        """An upgrade on a path with another spelling is refused, too."""
        for path in (b"/api//v1/exec", b"/api/v1/%65xec"):
            end = self.ask(path, upgrade="websocket")
            self.assertEqual(end.failure.reason.status, 400)
        self.assertEqual(self.servers(), [])

    def test_redirect(self) -> None:
        """A redirect is no answer to an upgrade, and is not followed (BlockRedirects)."""
        end = self.ask(b"/exec", upgrade="websocket")
        self.say(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual(end.failure.reason.status, 502)
        self.assertEqual(len(self.servers()), 1)
        self.assertTrue(self.servers()[0].lost)

    def test_never_shared(self) -> None:
        """An upgrade gets a connection of its own."""
        self.ask()
        self.say(EMPTY)
        self.ask(b"/exec", upgrade="websocket")
        self.assertEqual(len(self.servers()), 2)

    def test_no_other(self) -> None:
        """What asks for anything else is asked without it, h2c least of all."""
        end = self.ask(
            b"/api", ("connection", "Upgrade"), ("upgrade", "h2c"), upgrade="h2c"
        )
        self.assertNotIn(b"h2c", self.servers()[0].read())
        self.say(GRANTED)
        self.assertEqual(end.failure.reason.status, 502)


class LookUpTests(PassingCase):
    """A client of 2015 asks for its pod."""

    def test_translated(self) -> None:
        """The question is asked in today's words, and answered in its own."""
        end = self.ask(
            b"/api/v1beta1/pods/web-0?namespace=shop", ("accept-encoding", "gzip")
        )
        head = self.servers()[0].read()
        self.assertIn(b"GET /api/v1/namespaces/shop/pods/web-0 HTTP/1.1\r\n", head)
        self.assertNotIn(b"gzip", head)
        body = json.dumps(POD).encode()
        self.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        found = json.loads(end.sent)
        self.assertEqual(found["apiVersion"], "v1beta1")
        self.assertEqual(found["id"], "web-0")
        length = dict(end.answers[0].headers)["content-length"]
        self.assertEqual(int(length), len(end.sent))
