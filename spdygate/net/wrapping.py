"""
TLS between a protocol and its transport, for whoever listens and whoever dials.

A `TlsSocket` takes the place of a transport that has a socket to lend.  Over
any other one, memory or behind a PROXY header, TLS is Twisted's own, which is
slower and the same to whoever uses it.  Either way it is a `Handshake` that it
calls first: the factories that are given here see only peers that were let in.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost, NoProtocol
from twisted.internet.interfaces import (
    IAddress,
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from .borrowing import lender
from .handshakes import HANDSHAKE_LIMIT, Handshake
from .pem import openssl_reason
from .sockets import Ready
from .tlssocket import TlsSocket

_log = Logger()


#: Makes the OpenSSL object for a handshake, on a socket or on memory.
Make = Callable[[Handshake, socket.socket | None], SSL.Connection]


class _Entries(Factory):
    """Build an `_Entry` for each connection, and lend the real factory's life."""

    noisy = False

    def __init__(self, factory: IProtocolFactory, build: Callable[[], _Entry]) -> None:
        self._factory = factory
        self._build = build

    def buildProtocol(self, addr: IAddress | None) -> _Entry:
        """Begin a connection; where the peer is, its transport knows."""
        return self._build()

    def doStart(self) -> None:
        """Pass it on: the real factory counts its ports."""
        self._factory.doStart()

    def doStop(self) -> None:
        """Pass it on."""
        self._factory.doStop()


class _Entry(Protocol):
    """What a connection is introduced to, and which then only hears of its end."""

    def __init__(
        self, make: Make, handshake: Handshake, clock: IReactorTime, *, client: bool
    ) -> None:
        """
        Prepare for a connection.

        :param client: whether we speak first.
        """
        self._make = make
        self._handshake = handshake
        self._clock = clock
        self._client = client
        self._lost: Callable[[Failure], None]

    def makeConnection(self, transport: ITransport) -> None:
        """Take the transport's place, or lay Twisted's TLS over it."""
        tcp = lender(transport)
        if tcp is None:
            memory = self._over_memory()
            self._lost = memory.connectionLost
            self.dataReceived = memory.dataReceived  # type: ignore[method-assign]
            memory.makeConnection(transport)
        else:
            handshake = self._handshake
            connection = self._make(handshake, tcp.getHandle())
            tls = TlsSocket(tcp, connection, handshake, client=self._client)
            self._lost = tls.lost
            tls.begin()
        del self._handshake

    def _over_memory(self) -> Protocol:
        """Return a protocol that speaks TLS over whatever transport it is given."""
        creator = _OverMemory(lambda: self._make(self._handshake, None))
        handshakes = Ready(self._handshake)
        factory = TLSMemoryBIOFactory(creator, self._client, handshakes, self._clock)
        protocol = factory.buildProtocol(None)
        assert protocol is not None
        return protocol

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Pass it on."""
        self._lost(reason)


@implementer(IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator)
class _OverMemory:
    """Makes the OpenSSL object that Twisted's TLS asks for."""

    def __init__(self, make: Callable[[], SSL.Connection]) -> None:
        self._make = make

    def clientConnectionForTLS(
        self, tlsProtocol: TLSMemoryBIOProtocol
    ) -> SSL.Connection:
        """Make it for a client."""
        return self.serverConnectionForTLS(tlsProtocol)

    def serverConnectionForTLS(
        self, tlsProtocol: TLSMemoryBIOProtocol
    ) -> SSL.Connection:
        """Make it for a server; Twisted tells it which of the two it is."""
        connection = self._make()
        connection.set_app_data(tlsProtocol)  # Twisted 24 leaves that to us
        return connection


class _Reception:
    """Who waits for a server's handshakes, all of them."""

    def __init__(self, factory: IProtocolFactory) -> None:
        self._factory = factory

    def build(self, peer: IAddress) -> IProtocol | None:
        """Make the real protocol."""
        return self._factory.buildProtocol(peer)

    def connected(self, protocol: IProtocol) -> None:
        """Nobody waits: it is the protocol's turn."""

    def failed(self, reason: Failure, peer: IAddress) -> None:
        """Log it, unless there was no handshake to speak of."""
        error = reason.value
        if isinstance(error, (ConnectionDone, ConnectionLost)):
            # Port scans, and the TCP probes of load balancers and kubelets.
            _log.debug("{peer} left during the TLS handshake", peer=peer)
            return
        why = openssl_reason(error) if isinstance(error, SSL.Error) else str(error)
        _log.info("TLS handshake with {peer} failed: {why}", peer=peer, why=why)


def wrap_server(
    make: Make,
    factory: IProtocolFactory,
    clock: IReactorTime,
    limit: float = HANDSHAKE_LIMIT,
) -> IProtocolFactory:
    """
    Put TLS before the protocols of a factory.

    ``factory.buildProtocol`` is called after the handshake, so what it counts
    is peers that were let in.

    :param limit: seconds a handshake may take.
    """

    reception = _Reception(factory)

    def build() -> _Entry:
        handshake = Handshake(reception, clock, limit)
        return _Entry(make, handshake, clock, client=False)

    return _Entries(factory, build)


@implementer(IStreamClientEndpoint)
class TlsEndpoint:
    """Connect through another endpoint, and shake hands."""

    def __init__(
        self,
        make: Make,
        endpoint: IStreamClientEndpoint,
        clock: IReactorTime,
        limit: float = HANDSHAKE_LIMIT,
    ) -> None:
        """
        Remember how to connect.

        :param endpoint: where the TCP connection comes from.
        :param limit: seconds the handshake may take, after the connect.
        """
        self._make = make
        self._endpoint = endpoint
        self._clock = clock
        self._limit = limit

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect, shake hands, then build the protocol.

        :returns: a Deferred of the protocol, fired after its
            ``connectionMade`` and before any data; or of the reason why the
            connection or the handshake failed.
        """
        attempt = _Attempt(protocolFactory, self._clock, self._limit)
        return attempt.start(self._make, self._endpoint)


class _Attempt:
    """One client's connection, from the dial to the end of its handshake."""

    def __init__(
        self, factory: IProtocolFactory, clock: IReactorTime, limit: float
    ) -> None:
        self._factory = factory
        self._clock = clock
        self._limit = limit
        self._handshake: Handshake | None = None
        self._dialling: Deferred[IProtocol] | None = None
        self._result: Deferred[IProtocol] = Deferred(self._cancel)

    def start(self, make: Make, endpoint: IStreamClientEndpoint) -> Deferred[IProtocol]:
        """Dial."""
        entries = _Entries(self._factory, lambda: self._enter(make))
        self._dialling = endpoint.connect(entries)
        self._dialling.addCallbacks(lambda entry: None, self._tell)
        return self._result

    def build(self, peer: IAddress) -> IProtocol | None:
        """Make the real protocol, if its factory will."""
        protocol = self._factory.buildProtocol(peer)
        if protocol is None:
            self._tell(Failure(NoProtocol()))
        return protocol

    def connected(self, protocol: IProtocol) -> None:
        """Hand the protocol over."""
        if not self._result.called:
            self._result.callback(protocol)

    def failed(self, reason: Failure, peer: IAddress) -> None:
        """Tell the caller why not."""
        self._tell(reason)

    def _tell(self, reason: Failure) -> None:
        """Tell the caller why not, once."""
        if not self._result.called:
            self._result.errback(reason)

    def _enter(self, make: Make) -> _Entry:
        """Begin the handshake: TCP is connected."""
        self._handshake = Handshake(self, self._clock, self._limit)
        return _Entry(make, self._handshake, self._clock, client=True)

    def _cancel(self, result: Deferred[IProtocol]) -> None:
        """Stop wherever it has got to."""
        if self._handshake is not None:
            self._handshake.abort()
        elif self._dialling is not None:
            self._dialling.cancel()
