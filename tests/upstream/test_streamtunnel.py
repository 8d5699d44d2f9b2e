"""
An API server's cases about SPDY in WebSocket.

They are in ``pkg/util/proxy/streamtunnel_test.go`` (k8s.io/apiserver).  What they
promise of the API server's handler is promised here of the gateway in its place.

Without a counterpart, since they are about types of Go:
``TestTunnelingResponseWriter_Hijack``, ``_DelegateResponseWriter``,
``TestTunnelingWebsocketUpgraderConn_LocalRemoteAddress``, ``_SetDeadline``.
"""

from __future__ import annotations

import hashlib
import json
import random

from twisted.trial.unittest import SynchronousTestCase

from spdygate.session.events import Broken
from spdygate.session.http1client import Body, Http1Client, Responded, Switched
from spdygate.session.http1events import ClientEvent
from spdygate.wire.upgrade import Request
from tests.net.frontdoorcases import Client
from tests.net.test_frontdoor_generations import websocket
from tests.session.requests import split
from tests.upstream.cases import PODS, local, read_all
from tests.upstream.stubs import StubCase, stub

MIB = 1 << 20

HEADERS = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
    b"Upgrade: SPDY/3.1\r\nX-App-Protocol: portforward.k8s.io\r\n\r\n"
)
BODY = b"split this body\r\nand\nthat"
REFUSED = (
    b"HTTP/1.1 400 Error\r\nContent-Type: text/plain\r\nContent-Length: 22\r\n\r\n"
)
WORDS = b"refused, split in two\n"


class TunnelingHandlerTests(StubCase):
    """``TestTunnelingHandler_*``, with client-go before the gateway."""

    async def test_upgrade_streaming_and_tunneling(self) -> None:
        """
        streamtunnel_test.go, TestTunnelingHandler_UpgradeStreamingAndTunneling:
        a MiB of random bytes arrives through SPDY in WebSocket.
        """
        port = await self.pod("hash", "-bytes", str(MIB))
        gateway, url = await self.cluster("spdy")
        words = ("-dialer", "websocket")
        forward = await self.forward("clientgo", url + PODS, [port], *words)
        sent = random.randbytes(MIB)

        def talk() -> bytes:
            with local(forward.address(port)) as connection:
                connection.sendall(sent)
                return read_all(connection)

        expected = f"{hashlib.sha256(sent).hexdigest()} {MIB}\n".encode()
        self.assertEqual(await self.talk(talk), expected)
        self.assertIn("SPDY/3.1 in WebSocket", gateway.output)

    async def test_upstream_spdy_server_error_propagated(self) -> None:
        """
        streamtunnel_test.go, TestTunnelingHandler_UpstreamSPDYServerErrorPropagated:
        the gateway has upgraded by then, so its log has the node's status, the
        local connection ends, and the session goes on.
        """
        for status in (500, 502, 503):
            answer = b"HTTP/1.1 %d No\r\nContent-Length: 3\r\n\r\nno\n" % status
            node = await self.listen(stub(answer))
            gateway, url = await self.before(node)
            forward = await self.forward(
                "clientgo", url + PODS, [80], "-dialer", "websocket"
            )
            for _ in range(2):
                self.assertEqual(await self.read(forward.address(80)), b"")
            await gateway.says(rf"tunnel \S+ failed: .*\b{status}\b")
            self.assertIsNone(forward.running.status)


class TunnelingHandshakeTests(SynchronousTestCase):
    """``TestTunnelingHandler_*``: requests that are refused."""

    def refused(self, status: int, *protocols: bytes) -> str:
        """Ask for a WebSocket with these subprotocols; return why not."""
        client = Client()
        first, _, body = split(client.says(websocket(PODS.encode(), *protocols)))
        self.assertEqual(first.split()[1], b"%d" % status)
        self.assertEqual(client.house.sessions, set())
        return str(json.loads(body)["message"])

    def test_bad_request_without_protocols(self) -> None:
        """
        streamtunnel_test.go, TestTunnelingHandler_BadRequestWithoutProtcols: a 400
        (without ports: a client of channels may leave the subprotocol out).
        """
        self.refused(400)

    def test_bad_handshake_error(self) -> None:
        """
        streamtunnel_test.go, TestTunnelingHandler_BadHandshakeError: a subprotocol
        that nobody knows is a refusal, whose text says what is known.
        """
        words = self.refused(403, b"SPDY/3.1+UNKNOWN_SUBPROTOCOL")
        self.assertIn("SPDY/3.1+portforward.k8s.io", words)


class HeaderInterceptingConnTests(SynchronousTestCase):
    """``TestTunnelingHandler_HeaderInterceptingConn``: answers of a node."""

    def feed(self, *pieces: bytes) -> list[ClientEvent]:
        """Feed pieces of an answer; stop at the 101."""
        client = Http1Client()
        request = Request("POST", b"/portForward/ns/pod", (("host", "node"),))
        client.ask(request, upgrade="SPDY/3.1")
        client.finish()
        found: list[ClientEvent] = []
        for index, piece in enumerate(pieces):
            found += client.feed(piece)
            if found and isinstance(found[-1], Switched):
                rest = found[-1].glued + b"".join(pieces[index + 1 :])
                found[-1] = Switched(found[-1].headers, rest)
                break
        return found

    def switched(self, *pieces: bytes, body: bytes = b"") -> None:
        """Feed a 101, and see what is behind it."""
        (event,) = self.feed(*pieces)
        assert isinstance(event, Switched), event
        self.assertIn(("x-app-protocol", "portforward.k8s.io"), event.headers)
        self.assertEqual(event.glued, body)

    def refused(self, *pieces: bytes) -> None:
        """Feed another answer, and see its text."""
        first, *rest = self.feed(*pieces)
        assert isinstance(first, Responded), first
        self.assertEqual(first.status, 400)
        body = b"".join(bytes(e.data) for e in rest if isinstance(e, Body))
        self.assertEqual(body, WORDS)

    def broken(self, *pieces: bytes) -> str:
        """Feed what cannot be read; return the complaint."""
        (event,) = self.feed(*pieces)
        assert isinstance(event, Broken), event
        return str(event.error)

    def test_simple_no_body(self) -> None:
        """streamtunnel_test.go, HeaderInterceptingConn, "simple-no-body"."""
        self.switched(HEADERS)

    def test_simple_single_write(self) -> None:
        """streamtunnel_test.go, HeaderInterceptingConn, "simple-single-write"."""
        self.switched(HEADERS + BODY, body=BODY)

    def test_simple_byte_by_byte(self) -> None:
        """streamtunnel_test.go, HeaderInterceptingConn, "simple-byte-by-byte"."""
        self.switched(*(bytes([byte]) for byte in HEADERS + BODY), body=BODY)

    def test_simple_span_headerbody(self) -> None:
        """streamtunnel_test.go, HeaderInterceptingConn, "simple-span-headerbody"."""
        first, last = (HEADERS + BODY).split(b"split")
        self.switched(first, b"split", last, body=BODY)

    def test_simple_tolerate_lf(self) -> None:
        """
        streamtunnel_test.go, HeaderInterceptingConn, "simple-tolerate-lf": here
        alone we are stricter, for what one hop reads as the end of a line another
        does not (RFC 9112, section 2.2, leaves it to the recipient).
        """
        self.assertTrue(self.broken((HEADERS + BODY).replace(b"\r", b"")))

    def test_content_length_body(self) -> None:
        """streamtunnel_test.go, HeaderInterceptingConn, "content-length-body"."""
        self.refused(REFUSED + WORDS)

    def test_content_length_headers_body(self) -> None:
        """streamtunnel_test.go, "content-length-headers-body"."""
        self.refused(REFUSED, WORDS)

    def test_content_length_byte_by_byte(self) -> None:
        """streamtunnel_test.go, "content-length-byte-by-byte"."""
        self.refused(*(bytes([byte]) for byte in REFUSED + WORDS))

    def test_content_length_span_headerbody(self) -> None:
        """streamtunnel_test.go, "content-length-span-headerbody"."""
        first, last = (REFUSED + WORDS).split(b"split")
        self.refused(first, b"split", last)

    def test_invalid_single_write(self) -> None:
        """streamtunnel_test.go, HeaderInterceptingConn, "invalid-single-write"."""
        self.assertTrue(self.broken(b"INVALID/1.1 101 Switching Protocols\r\n\r\n"))

    def test_invalid_byte_by_byte(self) -> None:
        """streamtunnel_test.go, HeaderInterceptingConn, "invalid-byte-by-byte"."""
        wire = b"INVALID/1.1 101 Switching Protocols\r\n\r\n"
        self.assertTrue(self.broken(*(bytes([byte]) for byte in wire)))

    def test_huge_single_write(self) -> None:
        """
        streamtunnel_test.go, HeaderInterceptingConn, headers beyond 1 MiB: no
        more of them is kept.
        """
        huge = HEADERS[:-2] + b"X-Huge: " + b"x" * MIB
        self.assertIn("1048576", self.broken(huge))
