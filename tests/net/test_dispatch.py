"""Tests for :mod:`spdygate.net.dispatch`: where requests go."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.exchange import Answer, Asked
from spdygate.dialect.tunnel import Data, Failure, Reason, TunnelEvent
from spdygate.gateway.rewriting import ClientFacts
from spdygate.net.frontdoor import REQUEST_TIMEOUT
from spdygate.session.http1 import LARGEST_BODY
from tests.net.frontdoorcases import GENERATION_C, VERSION, Client
from tests.session.requests import CHUNKED, GET, split

PUT = b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n"


class ApiServer:
    """Who is passed requests; it keeps them."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.facts: list[ClientFacts] = []
        self.body = b""
        #: Why nothing is passed on, if nothing is.
        self.why: Failure | Exception | None = None

    def carry(self, asked: Asked, client: ClientFacts) -> None:
        """Keep it, or fail."""
        if isinstance(self.why, Exception):
            raise self.why
        if self.why is not None:
            asked.end.fail(self.why)
            return
        self.asked.append(asked)
        self.facts.append(client)
        asked.end.receiver = self  # type: ignore[assignment]

    def act(self, event: TunnelEvent) -> None:
        """Take a body."""
        if isinstance(event, Data):
            self.body += bytes(event.data)
            event.end.grant(len(event.data))


class PassingTests(SynchronousTestCase):
    """With an API server."""

    def setUp(self) -> None:
        """Connect a client."""
        self.client = Client()
        self.api = ApiServer()
        self.client.house.passing = self.api

    def test_passed(self) -> None:
        """What is no port-forward is passed on, with what is known of the client."""
        self.assertEqual(self.client.says(VERSION), b"")
        (asked,) = self.api.asked
        self.assertEqual(asked.request.target, b"/version")
        self.assertEqual(self.api.facts, [ClientFacts("192.168.1.1", "http")])
        asked.end.respond(Answer(200, (("content-length", "2"),)))
        asked.end.send(b"ok")
        asked.end.finish()
        self.client.clock.advance(0)
        written = self.client.transport.value()
        self.assertEqual(written, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    def test_tls(self) -> None:
        """Over TLS its scheme is another one."""
        client = Client(alpn=b"http/1.1")
        client.house.passing = self.api
        client.says(VERSION)
        self.assertEqual(self.api.facts[0].scheme, "https")

    def test_streams(self) -> None:
        """A body is passed on as it comes, of whatever size."""
        self.client.says(PUT % (LARGEST_BODY * 2, b""))
        for _ in range(2):
            self.client.clock.advance(REQUEST_TIMEOUT * 2)
            self.client.says(bytes(LARGEST_BODY))
        self.assertEqual(len(self.api.body), LARGEST_BODY * 2)

    def test_port_forward_is_not(self) -> None:
        """Port-forward is ours, however it is asked for."""
        self.client.says(GENERATION_C)
        plain = GET.replace(b"/a", b"/portForward/ns/pod")
        self.assertTrue(Client().says(plain).startswith(b"HTTP/1.1 400 "))
        self.assertEqual(self.api.asked, [])

    def test_disguised(self) -> None:
        """A spelling that others might take for port-forward is passed to nobody."""
        path = b"/api/v1/namespaces/ns/pods/pod/%70ortforward"
        for target in (path, b"//portForward/ns/pod", b"/x/../portForward/ns/pod"):
            answer = self.client.says(GET.replace(b"/a", target))
            self.assertTrue(answer.startswith(b"HTTP/1.1 400 "))
        self.assertEqual(self.api.asked, [])

    def test_a_page_of_a_pod(self) -> None:
        """Who takes us for a proxy of pages is told how a proxy is asked for a port."""
        for host in (b"web.shop.pod", b"web.shop.POD:80"):
            self.setUp()
            line = b"GET http://" + host + b"/page HTTP/1.1\r\nHost: " + host
            answer = self.client.says(line + b"\r\n\r\n")
            self.assertTrue(answer.startswith(b"HTTP/1.1 421 "), answer)
            self.assertIn(b"--proxytunnel", answer)
            self.assertEqual(self.api.asked, [])
        self.client.says(b"GET http://api.shop.podium/a HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(len(self.api.asked), 1)

    def test_refused_with_a_body(self) -> None:
        """Whoever refuses need not care for the body: it is granted here."""
        self.api.why = Failure(Reason.BAD_REQUEST, "not that")
        answer = self.client.says(PUT % (5, b"") + b"hello" + PUT % (0, b""))
        self.assertEqual(answer.count(b"HTTP/1.1 400 "), 2)
        self.assertEqual(self.client.house.shared.held, 0)

    def test_fault(self) -> None:
        """A fault here is one request's, and is answered."""
        self.api.why = KeyError("oops")
        answer = self.client.says(VERSION)
        self.assertTrue(answer.startswith(b"HTTP/1.1 500 "))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.api.why = None
        self.client.says(VERSION)
        self.assertEqual(len(self.api.asked), 1)

    def test_gone(self) -> None:
        """A client that goes takes its request along."""
        self.client.says(VERSION)
        self.client.door.readConnectionLost()
        self.assertFalse(self.client.transport.connected)


class AloneTests(SynchronousTestCase):
    """Without an API server."""

    def test_with_a_body(self) -> None:
        """The API in here reads a body before it answers, so that it can go on."""
        client = Client()
        self.assertEqual(client.says(PUT % (5, b"") + b"he"), b"")
        answer = client.says(b"llo" + VERSION)
        self.assertEqual(answer.count(b"HTTP/1.1 "), 2)
        self.assertIn(b"gitVersion", answer)
        self.assertEqual(client.house.shared.held, 0)

    def test_continue(self) -> None:
        """A client that asks first is told to send its body."""
        client = Client()
        answer = client.says(PUT % (5, b"Expect: 100-continue\r\n"))
        self.assertEqual(answer, b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertTrue(client.says(b"hello").startswith(b"HTTP/1.1 4"))

    def test_too_large(self) -> None:
        """What it reads has a bound."""
        client = Client()
        piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        answer = client.says(CHUNKED + piece * (LARGEST_BODY // 0x10000))
        self.assertEqual(answer, b"")
        first, _, body = split(client.says(piece))
        self.assertEqual(first.split()[1], b"413")
        self.assertIn("larger than 1048576", json.loads(body)["message"])

    def test_too_slow(self) -> None:
        """What it waits for has a time; what is passed on has all there is."""
        client = Client()
        client.says(PUT % (5, b"") + b"hell")
        client.clock.advance(REQUEST_TIMEOUT - 1)
        self.assertTrue(client.transport.connected)
        client.clock.advance(1)
        self.assertFalse(client.transport.connected)
        self.assertEqual(client.clock.getDelayedCalls(), [])

    def test_fast_enough(self) -> None:
        """A body that came in time leaves no time limit behind."""
        client = Client()
        for _ in range(3):
            client.says(PUT % (5, b"") + b"hell")
            client.clock.advance(REQUEST_TIMEOUT - 1)
            self.assertTrue(client.says(b"o").startswith(b"HTTP/1.1 4"))
        self.assertTrue(client.transport.connected)

    def test_head(self) -> None:
        """HEAD is told the length, and no body."""
        first, headers, body = split(Client().says(b"HEAD" + VERSION[3:]))
        self.assertEqual((first, body), (b"HTTP/1.1 200 OK", b""))
        self.assertGreater(int(headers[b"content-length"]), 0)
