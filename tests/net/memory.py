"""Connections made of memory, over which TLS is spoken for real."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.python.failure import Failure
from twisted.test.iosim import IOPump, connect, makeFakeClient, makeFakeServer
from zope.interface import implementer

from spdygate.net.tls import alpn, peer_name


class Recorder(Protocol):
    """
    A protocol that writes down its life.

    :ivar alpn: what ALPN had agreed on when the connection was made.
    :ivar peer: whom the certificate had named by then.
    :ivar data: what has come.
    :ivar lost: why it ended, once it has.
    """

    def __init__(self, greeting: bytes = b"") -> None:
        self.greeting = greeting
        self.alpn: bytes | None = None
        self.peer: str | None = None
        self.data = b""
        self.lost: Failure | None = None

    def connectionMade(self) -> None:
        """Write down what the handshake told; greet."""
        self.alpn = alpn(self.transport)
        self.peer = peer_name(self.transport)
        if self.greeting:
            assert self.transport is not None
            self.transport.write(self.greeting)

    def dataReceived(self, data: bytes) -> None:
        """Gather."""
        self.data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Write down why."""
        self.lost = reason


class Recorders(Factory):
    """
    Build recorders, and keep them.

    :ivar built: all of them, in order.
    :ivar starts: how often it was started, less how often it was stopped.
    """

    noisy = False

    def __init__(self, greeting: bytes = b"", refuse: bool = False) -> None:
        self.built: list[Recorder] = []
        self.starts = 0
        self._greeting = greeting
        self._refuse = refuse

    def buildProtocol(self, addr: IAddress | None) -> Recorder | None:
        """Build one, unless told to refuse."""
        if self._refuse:
            return None
        self.built.append(Recorder(self._greeting))
        return self.built[-1]

    def doStart(self) -> None:
        """Count."""
        self.starts += 1

    def doStop(self) -> None:
        """Count."""
        self.starts -= 1


@implementer(IStreamClientEndpoint)
class MemoryEndpoint:
    """
    Connect to a server factory without any network.

    :ivar pump: moves the bytes, once there is a connection.
    """

    def __init__(self, server: IProtocolFactory) -> None:
        self._server = server
        self.pump: IOPump | None = None

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect at once, and move no byte yet."""
        address: IAddress = StringTransportWithDisconnection().getPeer()
        client = protocolFactory.buildProtocol(address)
        server = self._server.buildProtocol(address)
        self.pump = connect(
            server, makeFakeServer(server), client, makeFakeClient(client), greet=False
        )
        assert client is not None
        return succeed(client)


def flush(pump: IOPump | None, clock: Clock) -> None:
    """Move bytes until none is left; TLS writes in the next turn of the reactor."""
    assert pump is not None
    for _ in range(4):
        clock.advance(0)
        pump.flush()


class ForeignClient:
    """
    A TLS client that is not ours: Python's, on the OpenSSL of the system.

    :ivar tls: its end of the connection.
    :ivar transport: the server's end.
    :ivar error: why the handshake failed, if it did.
    """

    def __init__(self, context: ssl.SSLContext, hostname: str = "localhost") -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=hostname
        )
        self.transport = StringTransportWithDisconnection()
        self.error: ssl.SSLError | None = None

    def connect(self, server: IProtocolFactory, clock: Clock) -> None:
        """Connect to a server factory and shake hands."""
        protocol = server.buildProtocol(self.transport.getPeer())
        assert protocol is not None
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)
        for _ in range(6):
            self._shake_hands()
            if self._outgoing.pending and self.transport.connected:
                protocol.dataReceived(self._outgoing.read())
            clock.advance(0)
            self._incoming.write(self.transport.value())
            self.transport.clear()

    def _shake_hands(self) -> None:
        """Go on with the handshake, unless it has failed."""
        if self.error is not None:
            return
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.error = error

    def read(self) -> bytes:
        """Return what the server has said."""
        with contextlib.suppress(ssl.SSLWantReadError):
            return self.tls.read(65536)
        return b""


def client_of_2015(ca_file: str | Path) -> ssl.SSLContext:
    """
    Return what a Go 1.4 client could do (docs/protocol.rst, section 3.9).

    No TLS 1.3, no X25519, no ALPN, and one good suite.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(ca_file))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    context.set_ecdh_curve("prime256v1")
    return context


def any_client(ca_file: str | Path, *protocols: str) -> ssl.SSLContext:
    """Return a client of today that offers these protocols."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(ca_file))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context
