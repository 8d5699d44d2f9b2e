"""
TLS between a protocol and its transport, for whoever listens and whoever dials.

Both ends are Twisted's ``TLSMemoryBIOFactory`` around a `Handshake`.  The
factories that are given here see only peers that were let in.
"""

from __future__ import annotations

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
)
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from .handshakes import HANDSHAKE_LIMIT, Handshake
from .pem import openssl_reason

_log = Logger()


class _Handshakes(Factory):
    """Build a `Handshake` for each connection, and lend the real factory's life."""

    noisy = False

    def __init__(
        self,
        factory: IProtocolFactory,
        shake: Callable[[], Handshake],
    ) -> None:
        self._factory = factory
        self._shake = shake

    def buildProtocol(self, addr: IAddress | None) -> Handshake:
        """Begin a handshake; where the peer is, its transport knows."""
        return self._shake()

    def doStart(self) -> None:
        """Pass it on: the real factory counts its ports."""
        self._factory.doStart()

    def doStop(self) -> None:
        """Pass it on."""
        self._factory.doStop()


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
    creator: IOpenSSLServerConnectionCreator,
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

    def shake() -> Handshake:
        return Handshake(reception, clock, limit)

    return TLSMemoryBIOFactory(creator, False, _Handshakes(factory, shake), clock)


@implementer(IStreamClientEndpoint)
class TlsEndpoint:
    """Connect through another endpoint, and shake hands."""

    def __init__(
        self,
        creator: IOpenSSLClientConnectionCreator,
        endpoint: IStreamClientEndpoint,
        clock: IReactorTime,
        limit: float = HANDSHAKE_LIMIT,
    ) -> None:
        """
        Remember how to connect.

        :param endpoint: where the TCP connection comes from.
        :param limit: seconds the handshake may take, after the connect.
        """
        self._creator = creator
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
        return attempt.start(self._creator, self._endpoint)


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

    def start(
        self,
        creator: IOpenSSLClientConnectionCreator,
        endpoint: IStreamClientEndpoint,
    ) -> Deferred[IProtocol]:
        """Dial."""
        inner = _Handshakes(self._factory, self._shake)
        self._dialling = endpoint.connect(
            TLSMemoryBIOFactory(creator, True, inner, self._clock)
        )
        self._dialling.addCallbacks(lambda tls: None, self._tell)
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

    def _shake(self) -> Handshake:
        """Begin the handshake: TCP is connected."""
        self._handshake = Handshake(self, self._clock, self._limit)
        return self._handshake

    def _cancel(self, result: Deferred[IProtocol]) -> None:
        """Stop wherever it has got to."""
        if self._handshake is not None:
            self._handshake.abort()
        elif self._dialling is not None:
            self._dialling.cancel()
