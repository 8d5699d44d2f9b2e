"""Tests for :mod:`spdygate.net.frontdoor`: every generation of client, by its bytes."""

from __future__ import annotations

import json
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived
from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure as TwistedFailure
from twisted.trial.unittest import SynchronousTestCase
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection
from zope.interface.verify import verifyObject

from spdygate.dialect.tunnel import Failure, Reason
from spdygate.gateway.routing import Routing
from tests.net.frontdoorcases import Client
from tests.session.requests import GET, split
from tests.session.spdybyhand import data

PATH = b"/api/v1/namespaces/ns/pods/pod/portforward"
CONNECT = b"CONNECT pod.ns.pod:80 HTTP/1.1\r\nHost: pod.ns.pod:80\r\n\r\n"
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"

#: RFC 6455, section 1.3.
KEY, ACCEPT = b"dGhlIHNhbXBsZSBub25jZQ==", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#: curl's and nghttp's settings, as the latter writes them.
H2C = (
    b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
)


def websocket(path: bytes, *protocols: bytes) -> bytes:
    """Return a client's request for a WebSocket."""
    lines = [b"GET " + path + b" HTTP/1.1", b"Host: x", b"User-Agent: py/1"]
    lines += [b"Connection: Upgrade", b"Upgrade: websocket"]
    lines += [b"Sec-WebSocket-Key: " + KEY, b"Sec-WebSocket-Version: 13"]
    if protocols:
        lines.append(b"Sec-WebSocket-Protocol: " + b", ".join(protocols))
    return b"\r\n".join([*lines, b"", b""])


class Socket:
    """A client's WebSocket, by wsproto."""

    def __init__(self, client: Client, request: bytes) -> None:
        self.client = client
        self.wsproto = Connection(ConnectionType.CLIENT)
        head, _, rest = client.says(request).partition(b"\r\n\r\n")
        self.first, self.headers, _ = split(head + b"\r\n\r\n")
        self.rest = rest

    def says(self, message: bytes) -> None:
        """Send a message."""
        self.hears(self.client.says(self.wsproto.send(BytesMessage(message))))

    def hears(self, written: bytes) -> None:
        """Keep what came."""
        self.rest += written

    def messages(self) -> list[bytes]:
        """Return the messages that have come; Close is an empty one."""
        self.client.clock.advance(0)
        self.hears(self.client.transport.value())
        self.client.transport.clear()
        self.wsproto.receive_data(self.rest)
        self.rest = b""
        found = []
        for event in self.wsproto.events():
            if isinstance(event, BytesMessage):
                found.append(bytes(event.data))
            elif isinstance(event, CloseConnection):
                found.append(b"")
        return found


class WebSocketTests(SynchronousTestCase):
    """SPDY in WebSocket, and channels."""

    def test_tunnel(self) -> None:
        """Newest kubectl is served at its first attempt (4.2)."""
        client = Client()
        socket = Socket(client, websocket(PATH, b"SPDY/3.1+portforward.k8s.io"))
        self.assertEqual(socket.first.split()[1], b"101")
        self.assertEqual(socket.headers[b"sec-websocket-accept"], ACCEPT.lower())
        self.assertEqual(
            socket.headers[b"sec-websocket-protocol"], b"spdy/3.1+portforward.k8s.io"
        )
        socket.says(client.opens())
        socket.says(data(3, b"question"))
        frames = client.peer.read(b"".join(socket.messages()))
        self.assertIn(("SYN_REPLY", 3), [(f.name, f.stream_id) for f in frames])
        (pod,) = client.dialer.ends
        self.assertEqual(pod.sent, b"question")
        pod.comes(b"answer")
        frames = client.peer.read(b"".join(socket.messages()))
        self.assertEqual([f.body for f in frames if f.name == "DATA"], [b"answer"])
        (session,) = client.house.sessions
        self.assertEqual(session.visit.client, "py/1; SPDY/3.1 in WebSocket; GET pods")
        self.assertEqual(session.dialect.opened, 1)

    def test_tunnel_with_a_token(self) -> None:
        """A bearer token may be a subprotocol beside it, and is not echoed (6.1)."""
        token = b"base64url.bearer.authorization.k8s.io.dG9rZW4"
        request = websocket(PATH, token, b"SPDY/3.1+portforward.k8s.io")
        socket = Socket(Client(), request)
        self.assertEqual(
            socket.headers[b"sec-websocket-protocol"], b"spdy/3.1+portforward.k8s.io"
        )

    def test_channels(self) -> None:
        """Ports are named in the URL, each with two channels (4.1)."""
        client = Client()
        request = websocket(PATH + b"?ports=80&ports=443", b"v4.channel.k8s.io")
        socket = Socket(client, request)
        self.assertEqual(
            socket.messages(),
            [b"\0\x50\0", b"\1\x50\0", b"\2\xbb\1", b"\3\xbb\1"],
        )
        self.assertEqual([r.request.port for r in client.dialer.relays], [80, 443])
        socket.says(b"\2hello")
        self.assertEqual([end.sent for end in client.dialer.ends], [b"", b"hello"])
        client.dialer.ends[0].comes(b"world")
        self.assertEqual(socket.messages(), [b"\0world"])
        (session,) = client.house.sessions
        self.assertIn("WebSocket channels v4;", session.visit.client)

    def test_kubelet_path(self) -> None:
        """A kubelet's path names its ports with ``port``, and there may be a list."""
        client = Client()
        path = b"/portForward/ns/pod?port=80,81"
        socket = Socket(client, websocket(path, b"v4.base64.channel.k8s.io"))
        self.assertEqual(socket.first.split()[1], b"101")
        socket.messages()
        self.assertEqual([r.request.port for r in client.dialer.relays], [80, 81])

    def test_no_subprotocol(self) -> None:
        """A client that offers none is told of none: no empty header (4.1)."""
        client = Client()
        socket = Socket(client, websocket(PATH + b"?ports=80"))
        self.assertEqual(socket.first.split()[1], b"101")
        self.assertNotIn(b"sec-websocket-protocol", socket.headers)
        (session,) = client.house.sessions
        self.assertIn("; WebSocket channels;", session.visit.client)

    def test_refusals(self) -> None:
        """What is no handshake, or names no ports, is told so; none is a session."""
        good = websocket(PATH + b"?ports=80", b"v4.channel.k8s.io")
        for bad, status, words in (
            (good.replace(b"?ports=80", b""), 400, "port"),
            (good.replace(b"ports=80", b"ports=0"), 400, "port"),
            (good.replace(KEY, b"short"), 400, "Key"),
            (good.replace(b"Version: 13", b"Version: 8"), 426, "13"),
            (good.replace(b"GET", b"POST"), 405, "GET"),
        ):
            client = Client()
            first, _, body = split(client.says(bad))
            self.assertEqual(first.split()[1], b"%d" % status)
            self.assertIn(words, json.loads(body)["message"])
            self.assertEqual((client.house.sessions, client.dialer.ends), (set(), []))

    def test_unknown_pod(self) -> None:
        """A pod that nobody knows is refused before the upgrade."""
        client = Client(Routing())
        answer = client.says(websocket(PATH + b"?ports=80"))
        self.assertTrue(answer.startswith(b"HTTP/1.1 404 "))


class H2Client:
    """A client of HTTP/2, by h2."""

    def __init__(self, client: Client, upgraded: bytes = b"") -> None:
        self.client = client
        self.h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self.events: list[Event] = []
        if upgraded:
            self.h2.initiate_upgrade_connection()
            self.h2.receive_data(upgraded)
        else:
            self.h2.initiate_connection()

    def turn(self) -> list[Event]:
        """Exchange what there is; return what came."""
        events: list[Event] = []
        for _ in range(3):
            written = self.client.says(self.h2.data_to_send())
            self.client.clock.advance(0)
            written += self.client.transport.value()
            self.client.transport.clear()
            if written:
                events += self.h2.receive_data(written)
        return events

    def asks(self, *fields: tuple[str, str], end: bool = False) -> tuple[str, bytes]:
        """Ask for something; return the status and the body."""
        stream_id = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream_id, fields, end_stream=end)
        status, body = "", b""
        for event in self.turn():
            if isinstance(event, ResponseReceived):
                status = cast(dict[str, str], dict(event.headers))[":status"]
            elif isinstance(event, DataReceived):
                body += event.data or b""
        return status, body


TUNNEL = (
    (":method", "CONNECT"),
    (":protocol", "portforward.k8s.io"),
    (":scheme", "http"),
    (":authority", "x"),
    (":path", "/portForward/ns/pod"),
    ("port", "80"),
    ("user-agent", "go/2"),
)


class Http2Tests(SynchronousTestCase):
    """HTTP/2 clients (8.2)."""

    def tunnel(self, peer: H2Client) -> None:
        """Check that tunnels are to be had."""
        peer.turn()
        settings = peer.h2.remote_settings
        self.assertEqual(settings[SettingCodes.ENABLE_CONNECT_PROTOCOL], 1)
        self.assertEqual(peer.asks(*TUNNEL)[0], "200")
        (relay,) = peer.client.dialer.relays
        self.assertEqual(relay.request.port, 80)
        (session,) = peer.client.house.sessions
        self.assertIn("HTTP/2", session.visit.client)
        self.assertIn("go/2", session.visit.client)

    def test_prior_knowledge(self) -> None:
        """A connection that begins with the preface is HTTP/2."""
        self.tunnel(H2Client(Client()))

    def test_preface_in_drops(self) -> None:
        """So it is if the preface comes byte by byte."""
        client = Client()
        peer = H2Client(client)
        for byte in peer.h2.data_to_send():
            peer.h2.receive_data(client.says(bytes([byte])))
        self.tunnel(peer)

    def test_alpn(self) -> None:
        """Where ALPN said h2, we need not be spoken to first."""
        client = Client(alpn=b"h2")
        self.assertTrue(client.transport.value())
        self.tunnel(H2Client(client))

    def test_plain_connect(self) -> None:
        """CONNECT to a port of a pod needs no protocol of ours."""
        client = Client()
        peer = H2Client(client)
        fields = (":method", "CONNECT"), (":authority", "pod.ns.pod:81")
        self.assertEqual(peer.asks(*fields)[0], "200")
        self.assertEqual(client.dialer.relays[0].request.port, 81)

    def test_api(self) -> None:
        """An ordinary request is answered as over HTTP/1.1, and is no session."""
        client = Client()
        peer = H2Client(client)
        get = (":method", "GET"), (":scheme", "http"), (":authority", "x")
        status, body = peer.asks(*get, (":path", "/version"), end=True)
        self.assertEqual(status, "200")
        self.assertIn("gitVersion", json.loads(body))
        status, body = peer.asks(*get, (":path", PATH.decode()), end=True)
        self.assertEqual(status, "400")
        self.assertIn("CONNECT", json.loads(body)["message"])
        self.assertEqual(client.house.sessions, set())

    def test_h2c(self) -> None:
        """An upgrade on a port-forward URL is answered, and then it is HTTP/2."""
        client = Client()
        answer = client.says(H2C % PATH)
        head, _, rest = answer.partition(b"\r\n\r\n")
        self.assertEqual(
            head,
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c",
        )
        peer = H2Client(client, rest)
        self.tunnel(peer)

    def test_h2c_with_a_body(self) -> None:
        """The body is read first; what follows it is HTTP/2."""
        client = Client()
        length = b"HTTP/1.1\r\nContent-Length: 3\r\n"
        asked = (H2C % PATH).replace(b"HTTP/1.1\r\n", length, 1)
        self.assertEqual(client.says(asked + b"ab"), b"")
        peer = H2Connection(H2Configuration())
        peer.initiate_upgrade_connection()
        answer = client.says(b"c" + peer.data_to_send())
        self.assertTrue(answer.startswith(b"HTTP/1.1 101 "))
        events = peer.receive_data(answer.partition(b"\r\n\r\n")[2])
        (response,) = (e for e in events if isinstance(e, ResponseReceived))
        self.assertEqual(response.stream_id, 1)

    def test_h2c_needs_no_pod(self) -> None:
        """The pod of its URL is asked for by nobody."""
        answer = Client(Routing()).says(H2C % PATH)
        self.assertTrue(answer.startswith(b"HTTP/1.1 101 "))

    def test_h2c_elsewhere(self) -> None:
        """On every other URL it is ignored."""
        answer = Client().says(H2C % b"/version")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"))

    def test_h2c_over_tls(self) -> None:
        """Over TLS there is ALPN, and no upgrade (RFC 7540, section 3.2)."""
        answer = Client(alpn=b"http/1.1").says(H2C % PATH)
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "))


class ConnectTests(SynchronousTestCase):
    """HTTP/1.1 CONNECT: what any program that knows a proxy can do."""

    def test_tunnel(self) -> None:
        """Bytes go through, also those that came early, and each FIN by itself."""
        client = Client()
        self.assertEqual(client.says(CONNECT + b"early"), CONNECTED)
        (pod,) = client.dialer.ends
        client.says(b" late")
        self.assertEqual(pod.sent, b"early late")
        client.door.readConnectionLost()
        self.assertTrue(pod.finished)
        pod.comes(b"answer")
        client.clock.advance(0)
        self.assertEqual(client.transport.value(), b"answer")
        self.assertTrue(client.transport.connected)
        pod.ends()
        client.clock.advance(0)
        self.assertFalse(client.transport.connected)

    def test_our_fin(self) -> None:
        """The pod's FIN is TCP's, and the client may go on."""
        client = Client()
        client.says(CONNECT)
        (pod,) = client.dialer.ends
        pod.ends()
        client.clock.advance(0)
        self.assertTrue(client.transport.fin)
        client.says(b"more")
        self.assertEqual(pod.sent, b"more")

    def test_reset(self) -> None:
        """A pod that resets is not taken for one that has finished."""
        client = Client()
        client.says(CONNECT)
        client.dialer.ends[0].breaks()
        client.clock.advance(0)
        self.assertTrue(client.transport.aborted)
        self.assertFalse(client.transport.fin)

    def test_session(self) -> None:
        """It is a session in the log, with its pod."""
        client = Client()
        client.says(CONNECT)
        (session,) = client.house.sessions
        target = session.visit.target
        assert target is not None
        self.assertEqual((target.namespace, target.pod), ("ns", "pod"))
        self.assertIn("CONNECT", session.visit.client)
        self.assertEqual(
            client.dialer.relays[0].request.session, session.visit.session_id
        )

    def test_refused(self) -> None:
        """A tunnel that cannot be had is refused, and the next request answered."""
        client = Client()
        client.dialer.why = Failure(Reason.NO_SUCH_POD, "no such pod")
        answer = client.says(CONNECT)
        self.assertTrue(answer.startswith(b"HTTP/1.1 404 "))
        self.assertTrue(client.says(GET).startswith(b"HTTP/1.1 404 "))

    def test_refused_and_then_upgraded(self) -> None:
        """A session that the same connection begins later is in the log as well."""
        client = Client()
        client.dialer.why = Failure(Reason.NO_SUCH_POD, "no such pod")
        client.says(CONNECT)
        client.dialer.why = None
        answer = client.says(H2C % PATH)
        peer = H2Client(client, answer.partition(b"\r\n\r\n")[2])
        peer.turn()
        self.assertEqual(peer.asks(*TUNNEL)[0], "200")
        self.assertEqual(len(client.house.sessions), 1)

    def test_not_a_pod(self) -> None:
        """It is no proxy to anywhere else."""
        answer = Client().says(CONNECT.replace(b"pod.ns.pod:80 ", b"example.com:443 "))
        self.assertTrue(answer.startswith(b"HTTP/1.1 403 "))

    @given(st.lists(st.integers(1, 80), max_size=6))
    def test_any_split(self, cuts: list[int]) -> None:
        """However request and bytes are cut, the same happens."""
        client, answer = Client(), b""
        said = CONNECT + b"early bytes"
        edges = [0, *sorted({cut for cut in cuts if cut < len(said)})]
        for start, end in zip(edges, [*edges[1:], len(said)], strict=True):
            answer += client.says(said[start:end])
        self.assertEqual(answer, CONNECTED)
        self.assertEqual(client.dialer.ends[0].sent, b"early bytes")


class FinTests(SynchronousTestCase):
    """A client's FIN."""

    def test_interface(self) -> None:
        """Twisted is told that a FIN is not the end of a connection."""
        verifyObject(IHalfCloseableProtocol, Client().door)

    def test_before_anything(self) -> None:
        """A connection that says nothing and goes is closed."""
        client = Client()
        client.door.readConnectionLost()
        self.assertFalse(client.transport.connected)
        self.assertEqual(client.clock.getDelayedCalls(), [])

    def test_session(self) -> None:
        """To SPDY it is the end of the connection, and its tunnels."""
        client = Client()
        client.says(
            b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
            b"Upgrade: SPDY/3.1\r\n\r\n" % PATH
        )
        client.says(client.opens(None))
        client.door.readConnectionLost()
        client.door.connectionLost(TwistedFailure(ConnectionDone()))
        self.assertTrue(client.dialer.relays[0].over)
        self.assertEqual(client.house.sessions, set())
