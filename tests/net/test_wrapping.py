"""Tests for :mod:`spdygate.net.wrapping`."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint, UNIXServerEndpoint
from twisted.internet.error import ConnectionRefusedError, NoProtocol
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.logger import LogEvent, LogLevel, capturedLogs
from twisted.protocols.haproxy import proxyEndpoint
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from spdygate.net.handshakes import HANDSHAKE_LIMIT
from spdygate.net.tls import ClientTls
from spdygate.net.tlssocket import TlsSocket
from tests.net.memory import MemoryEndpoint, Recorders, flush
from tests.net.socketcases import Always, OverSockets, Stranger, Talker
from tests.net.tlscases import Files


@implementer(IStreamClientEndpoint)
class Pending:
    """
    An endpoint that never comes to an end by itself.

    :ivar dialling: what it promised.
    """

    def __init__(self) -> None:
        self.dialling: Deferred[IProtocol] = Deferred()

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Promise."""
        return self.dialling


class ServerFactoryTests(Files):
    """What a factory notices of the TLS before it."""

    def test_life(self) -> None:
        """It is started and stopped with its port."""
        recorders = Recorders()
        server = self.server_tls().wrap_server(recorders, self.clock)
        verifyObject(IProtocolFactory, server)
        server.doStart()
        self.assertEqual(recorders.starts, 1)
        server.doStop()
        self.assertEqual(recorders.starts, 0)

    def test_refusal(self) -> None:
        """It may build nothing: the peer is shown out."""
        server = self.server_tls().wrap_server(Recorders(refuse=True), self.clock)
        memory = MemoryEndpoint(server)
        clients = Recorders()
        ClientTls(self.ca_file).wrap_client(memory, "localhost", self.clock).connect(
            clients
        )
        flush(memory.pump, self.clock)
        self.assertIsNotNone(clients.built[0].lost)


class ServerLogTests(Files):
    """What a server writes down about those whom it did not let in."""

    def logged(self, data: bytes, seconds: float = 0.0) -> list[LogEvent]:
        """Return what is logged of a client that says this, waits, and leaves."""
        server = self.server_tls().wrap_server(Recorders(), self.clock)
        transport = StringTransportWithDisconnection()
        protocol = server.buildProtocol(transport.getPeer())
        assert protocol is not None
        transport.protocol = protocol
        with capturedLogs() as events:
            protocol.makeConnection(transport)
            if data:
                protocol.dataReceived(data)
            self.clock.advance(seconds)
            if transport.connected:
                transport.loseConnection()
        return [e for e in events if e.get("log_namespace") == "spdygate.net.wrapping"]

    def test_plain_http(self) -> None:
        """A client that does not speak TLS costs one line, with OpenSSL's reason."""
        [event] = self.logged(b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(event["log_level"], LogLevel.info)
        self.assertEqual(event["why"], "http request")

    def test_silence(self) -> None:
        """So does one that is too slow."""
        [event] = self.logged(b"\x16\x03", HANDSHAKE_LIMIT)
        self.assertIn("did not end within 10 seconds", event["why"])

    def test_probe(self) -> None:
        """One that comes and goes costs none, unless somebody debugs."""
        [event] = self.logged(b"")
        self.assertEqual(event["log_level"], LogLevel.debug)


class ClientEndpointTests(Files):
    """Connecting with TLS."""

    def connect(
        self, endpoint: IStreamClientEndpoint, factory: Recorders
    ) -> Deferred[IProtocol]:
        """Connect through an endpoint."""
        wrapped = ClientTls(self.ca_file).wrap_client(endpoint, "localhost", self.clock)
        verifyObject(IStreamClientEndpoint, wrapped)
        return wrapped.connect(factory)

    def test_fires_connected(self) -> None:
        """The protocol has its transport, and no data yet, when connect fires."""
        server = self.server_tls().wrap_server(Recorders(b"data"), self.clock)
        memory = MemoryEndpoint(server)
        recorders = Recorders()
        connecting = self.connect(memory, recorders)
        seen: list[tuple[bool, bytes]] = []

        def connected(protocol: IProtocol) -> IProtocol:
            self.assertIs(protocol, recorders.built[0])
            recorder = recorders.built[0]
            seen.append((recorder.transport is not None, recorder.data))
            return protocol

        connecting.addCallback(connected)
        flush(memory.pump, self.clock)
        self.assertEqual(seen, [(True, b"")])
        self.assertEqual(recorders.built[0].data, b"data")

    def test_refused(self) -> None:
        """A connection that fails before TLS fails with that reason."""
        pending = Pending()
        connecting = self.connect(pending, Recorders())
        pending.dialling.errback(Failure(ConnectionRefusedError()))
        self.failureResultOf(connecting, ConnectionRefusedError)

    def test_no_protocol(self) -> None:
        """A factory that builds nothing is told as an endpoint tells it."""
        server = self.server_tls().wrap_server(Recorders(), self.clock)
        memory = MemoryEndpoint(server)
        connecting = self.connect(memory, Recorders(refuse=True))
        flush(memory.pump, self.clock)
        self.failureResultOf(connecting, NoProtocol)

    def test_cancelled_while_dialling(self) -> None:
        """Giving up ends the dial."""
        pending = Pending()
        connecting = self.connect(pending, Recorders())
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        self.assertTrue(pending.dialling.called)

    def test_cancelled_in_handshake(self) -> None:
        """Giving up ends the handshake and the connection."""
        plain = Recorders()
        memory = MemoryEndpoint(plain)
        connecting = self.connect(memory, Recorders())
        flush(memory.pump, self.clock)
        connecting.cancel()
        self.failureResultOf(connecting, CancelledError)
        flush(memory.pump, self.clock)
        self.assertIsNotNone(plain.built[0].lost)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class PlacesTests(OverSockets):
    """Where TLS is spoken: on the socket, or over what has none."""

    def serve(self, endpoint: IStreamServerEndpoint) -> tuple[Talker, Any]:
        """Serve one client; return the protocol it gets, and where."""
        server = Talker(greeting=b"welcome")
        factory = self.server_tls().wrap_server(Always(server), self.reactor)
        port = self.successResultOf(endpoint.listen(factory))
        self.addCleanup(port.stopListening)
        return server, port.getHost()

    def dial(self, handle: socket.socket) -> None:
        """Shake hands, and hear the greeting."""
        self.addCleanup(handle.close)
        handle.setblocking(False)
        stranger = Stranger(self.reactor, handle)
        self.assertEqual(stranger.hear(7), b"welcome")

    def tcp(self) -> TCP4ServerEndpoint:
        """Return where to listen."""
        return TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1")

    def test_tcp(self) -> None:
        """On TCP, OpenSSL has the socket."""
        server, host = self.serve(self.tcp())
        self.dial(socket.create_connection((host.host, host.port)))
        self.assertIsInstance(server.transport, TlsSocket)

    def test_unix(self) -> None:
        """On a UNIX socket as well."""
        path = str(self.folder / "socket")
        server, _ = self.serve(UNIXServerEndpoint(self.reactor, path))
        handle = socket.socket(socket.AF_UNIX)
        handle.connect(path)
        self.dial(handle)
        self.assertIsInstance(server.transport, TlsSocket)

    def test_proxy_header(self) -> None:
        """Behind a PROXY header TLS is Twisted's, and knows who the client is."""
        server, host = self.serve(proxyEndpoint(self.tcp()))
        handle = socket.create_connection((host.host, host.port))
        handle.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 1234 443\r\n")
        self.dial(handle)
        self.assertIsInstance(server.transport, TLSMemoryBIOProtocol)
        self.assertEqual(server.transport.getPeer().host, "192.0.2.7")
