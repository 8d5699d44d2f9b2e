"""
TLS handshakes, finished or refused before a protocol hears of the connection.

Twisted calls ``connectionMade`` before the handshake, and tells the reason of
a failed one to ``connectionLost``.  Here a `Handshake` stands in for the real
protocol until the handshake is over, so

1. the real protocol is built only for a peer that was let in: ``alpn`` and
   ``peer_name`` are final in its ``connectionMade``;
2. a handshake that does not end is ended after ``HANDSHAKE_LIMIT``;
3. a client's ``connect`` fails with the reason itself; a server logs it.

Afterwards nothing of this file is in the way of the bytes.

One thing cannot be had: in TLS 1.3 the client is done before the server has
seen the client's certificate (RFC 8446, section 4.4).  If the server refuses
it, the client's protocol is connected first, and hears the alert as the
`OpenSSL.SSL.Error` of its ``connectionLost``, before any byte of data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol as Shape

from cryptography import x509
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHandshakeListener,
    IProtocol,
    IReactorTime,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from ..errors import SpdygateError
from .tlssocket import TlsSocket

#: Seconds from TCP connection to finished handshake.  Go's net/http gives it
#: 10 s (``TLSHandshakeTimeout``), Apache 20 s (``RequestReadTimeout handshake``).
HANDSHAKE_LIMIT = 10.0


class HandshakeTimeout(SpdygateError):
    """The peer did not finish the TLS handshake in time."""


#: Says what is wrong with a certificate, or None.
Judge = Callable[[x509.Certificate], SpdygateError | None]


class Outcome(Shape):
    """Who waits for a handshake."""

    def build(self, peer: IAddress) -> IProtocol | None:
        """Make the real protocol, or None to hang up."""

    def connected(self, protocol: IProtocol) -> None:
        """Hear that the real protocol has its connection."""

    def failed(self, reason: Failure, peer: IAddress) -> None:
        """Hear why there will be none."""


@implementer(IHandshakeListener)
class Handshake(Protocol):
    """
    Stand in for a protocol while TLS shakes hands.

    :ivar judge: asked about the peer's own certificate, and forgotten once it
        agreed; None from the beginning if any trusted certificate will do.
    :ivar refusal: why we ended the handshake, if it was us.
    """

    transport: TLSMemoryBIOProtocol | TlsSocket | None

    def __init__(self, outcome: Outcome, clock: IReactorTime, limit: float) -> None:
        """
        Prepare for a connection.

        :param outcome: who waits for it.
        :param limit: seconds the handshake may take.
        """
        self.judge: Judge | None = None
        self.refusal: SpdygateError | None = None
        self._outcome = outcome
        self._clock = clock
        self._limit = limit
        self._timer: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Start the clock."""
        self._timer = self._clock.callLater(self._limit, self._too_late)

    def handshakeCompleted(self) -> None:
        """Let the real protocol take our place."""
        tls = self.transport
        assert tls is not None
        self._stop_timer()
        if self.judge is not None:
            # OpenSSL lets a peer in without asking only when it resumes an
            # old session, which we never do: whatever this is, it is not known.
            self.refusal = SpdygateError("its certificate was never looked at")
            tls.abortConnection()
            return
        protocol = self._outcome.build(tls.getPeer())
        if protocol is None:
            tls.abortConnection()
            return
        self.transport = None
        tls.wrappedProtocol = protocol
        protocol.makeConnection(tls)
        self._outcome.connected(protocol)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report the failure; our own reason is more precise than OpenSSL's."""
        tls = self.transport
        assert tls is not None
        self._stop_timer()
        self.transport = None
        own = self.refusal
        self._outcome.failed(reason if own is None else Failure(own), tls.getPeer())

    def abort(self) -> None:
        """Give the connection up."""
        if self.transport is not None:
            self.transport.abortConnection()

    def _too_late(self) -> None:
        """End a handshake that did not end."""
        self.refusal = HandshakeTimeout(
            f"the TLS handshake did not end within {self._limit:g} seconds"
        )
        self.abort()

    def _stop_timer(self) -> None:
        """Forget the limit."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
