"""Tests for :mod:`spdygate.node.demo`, over real pairs of sockets."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twisted.internet import reactor
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IPushProducer,
    IReactorSocket,
    ITCPTransport,
    ITransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from spdygate.net.socketpair import join
from spdygate.node.demo import IDLE, PORTS, Echo, PageChannel, Visitor, factory

WHO = Visitor(
    "curl/8.0; SPDY/3.1 generation C; POST pods", "id-7", "n1", "default/demo"
)

HTTP, ECHO = 80, 7


class Caller(Protocol):
    """
    The near end of a connection to the demo pod.

    :ivar heard: every byte that came.
    :ivar ended: fires with those bytes when the connection is over.
    """

    def __init__(self) -> None:
        self.heard = b""
        self.ended: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell what was heard."""
        self.ended.callback(self.heard)

    def say(self, data: bytes) -> None:
        """Send bytes, then the FIN."""
        ITransport(self.transport).write(data)
        ITCPTransport(self.transport).loseWriteConnection()


def call(port: int) -> Caller:
    """Connect to a port of the demo pod."""
    server = factory(port, WHO)
    assert server is not None
    pod = server.buildProtocol(UNIXAddress(None))
    assert pod is not None
    caller = Caller()
    join(IReactorSocket(reactor), caller, pod)
    return caller


class PortTests(SynchronousTestCase):
    """Which ports there are."""

    def test_declared_ports_are_served(self) -> None:
        """Every port that a service would name has somebody behind it."""
        self.assertEqual(PORTS, (("http", 80), ("echo", 7)))
        for _, number in PORTS:
            self.assertIsNotNone(factory(number, WHO))

    def test_other_ports_refuse(self) -> None:
        """There is nothing on any other port."""
        for number in (0, 1, 8, 79, 81, 443, 65535):
            self.assertIsNone(factory(number, WHO))

    def test_interfaces(self) -> None:
        """Both protocols say that they know half-close."""
        verifyObject(IHalfCloseableProtocol, Echo())
        verifyObject(IHalfCloseableProtocol, PageChannel())


class EchoTests(TestCase):
    """Port 7."""

    @inlineCallbacks
    def test_everything_comes_back_after_the_fin(
        self,
    ) -> Generator[Deferred[bytes], bytes, None]:
        """A megabyte and then FIN: a megabyte comes back, and then FIN."""
        sent = bytes(range(256)) * 4096
        caller = call(ECHO)
        caller.say(sent)
        heard = yield caller.ended
        self.assertEqual(len(heard), len(sent))
        self.assertTrue(heard == sent)

    @inlineCallbacks
    def test_nothing_said(self) -> Generator[Deferred[bytes], bytes, None]:
        """A FIN by itself is answered with a FIN."""
        caller = call(ECHO)
        caller.say(b"")
        self.assertEqual((yield caller.ended), b"")

    def test_who_does_not_listen_is_not_heard(self) -> None:
        """While its bytes are not taken, the pod reads no more."""
        transport = StringTransport()
        Echo().makeConnection(transport)
        self.assertIs(transport.producer, transport)
        self.assertTrue(transport.streaming)
        verifyObject(IPushProducer, transport.producer)


class PageTests(TestCase):
    """Port 80."""

    def ask(self, *lines: str) -> Deferred[bytes]:
        """Send a request, then FIN, and return all that is answered."""
        caller = call(HTTP)
        caller.say("\r\n".join((*lines, "", "")).encode())
        return caller.ended

    @inlineCallbacks
    def test_plain_text_for_curl(self) -> Generator[Deferred[bytes], bytes, None]:
        """Who takes anything gets text, though its FIN came with the request."""
        answer = yield self.ask("GET / HTTP/1.1", "Host: x", "Accept: */*")
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        self.assertIn(b"\r\nContent-Type: text/plain; charset=utf-8", head)
        self.assertIn(f"\r\nContent-Length: {len(body)}".encode(), head)
        self.assertIn(b"request id      id-7", body)

    @inlineCallbacks
    def test_html_for_browsers(self) -> Generator[Deferred[bytes], bytes, None]:
        """Who asks for HTML gets it, and may run and fetch nothing."""
        answer = yield self.ask(
            "GET /any/path HTTP/1.1", "Host: x", "Accept: text/html,*/*;q=0.8"
        )
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(b"\r\nContent-Type: text/html; charset=utf-8", head)
        self.assertIn(b"\r\nContent-Security-Policy: default-src 'none';", head)
        self.assertIn(b"\r\nVary: Accept", head)
        self.assertTrue(body.startswith(b"<!DOCTYPE html>"))

    @inlineCallbacks
    def test_http_1_0(self) -> Generator[Deferred[bytes], bytes, None]:
        """A client of HTTP/1.0 is answered, and the connection closed."""
        caller = call(HTTP)
        ITransport(caller.transport).write(b"GET / HTTP/1.0\r\n\r\n")
        answer = yield caller.ended
        self.assertIn(b" 200 ", answer.partition(b"\r\n")[0])
        self.assertIn(b"You made it", answer)

    @inlineCallbacks
    def test_keep_alive(self) -> Generator[Deferred[bytes], bytes, None]:
        """Two requests on one connection are both answered."""
        one = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = yield self.ask(one + "GET / HTTP/1.1", "Host: x")
        self.assertEqual(answer.count(b"HTTP/1.1 200 "), 2)
        self.assertEqual(answer.count(b"You made it"), 2)

    @inlineCallbacks
    def test_head(self) -> Generator[Deferred[bytes], bytes, None]:
        """HEAD is answered without a body."""
        answer = yield self.ask("HEAD / HTTP/1.1", "Host: x")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n"), answer)

    @inlineCallbacks
    def test_half_a_request(self) -> Generator[Deferred[bytes], bytes, None]:
        """A request that will never be whole ends the connection."""
        caller = call(HTTP)
        caller.say(b"GET / HT")
        self.assertEqual((yield caller.ended), b"")


class BodyTests(SynchronousTestCase):
    """Bodies are of no use here."""

    def channel(self, clock: Clock) -> tuple[Any, StringTransport]:
        """Return a channel over memory."""
        server = factory(HTTP, WHO, clock)
        assert server is not None
        channel, transport = server.buildProtocol(UNIXAddress(None)), StringTransport()
        assert channel is not None
        channel.makeConnection(transport)
        return channel, transport

    def test_a_long_body_is_not_kept(self) -> None:
        """A body of any length is let go piece by piece, then answered."""
        channel, transport = self.channel(Clock())
        size = 10_000_000
        channel.dataReceived(
            f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()
        )
        for _ in range(size // 100_000):
            channel.dataReceived(b"x" * 100_000)
            kept = [request.content.tell() for request in channel.requests]
            self.assertLessEqual(sum(kept), 0)
        self.assertTrue(transport.value().startswith(b"HTTP/1.1 405 "))

    def test_idle_connections_end(self) -> None:
        """Who says nothing for `IDLE` seconds is let go."""
        clock = Clock()
        _, transport = self.channel(clock)
        clock.advance(IDLE - 1)
        self.assertFalse(transport.disconnecting)
        clock.advance(1)
        self.assertTrue(transport.disconnecting)
