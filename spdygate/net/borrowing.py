"""
A transport on the socket of another one, which lends it and closes it.

Twisted opens and accepts TCP connections, and knows how each is to end: with
FIN or RST, and who is to be told.  A `BorrowedSocket` has the socket in
between, before the first byte was read until after the last, and is what the
reactor watches all that time.  It keeps its own account of what waits to be
written and of who produces that, which is Twisted's `FileDescriptor`; how bytes
are read and written is for a subclass to say.

Only public names of Twisted are used.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import (
    IReactorFDSet,
    IReactorTime,
    ISystemHandle,
    ITCPTransport,
)
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer

from .sockets import BUFFER


def lender(transport: object) -> Connection | None:
    """
    Return the transport, if it has a socket of its own to lend.

    What has none is memory, a protocol over another transport (the PROXY
    header's), or belongs to a reactor that does not wait for sockets.
    """
    if (
        isinstance(transport, Connection)
        and not transport.TLS
        and IReactorFDSet.providedBy(transport.reactor)
    ):
        return transport
    return None


@implementer(ITCPTransport, ISystemHandle)
class BorrowedSocket(FileDescriptor):
    """
    The life of such a transport, without its bytes.

    :ivar aborting: whether it was given up, and is about to be lost.
    :ivar busy: whether anything waits to be written.
    :ivar held: whether what waits is not to be written, even if there is room.
    :ivar leaving: whether nothing more is to be written, except by a producer.
    """

    def __init__(self, tcp: Connection) -> None:
        """
        Take the socket, which the reactor no longer watches for its owner.

        :param tcp: whose it is; its protocol hears nothing but the end.
        """
        super().__init__(tcp.reactor)
        tcp.stopReading()
        self._tcp = tcp
        self.connected = 1
        self.aborting = False
        self.busy = False
        self.held = False
        self.leaving = False

    def connectionLost(self, reason: Failure) -> None:
        """Give the socket back to be closed, once; its owner tells the protocol."""
        if not self.disconnected:
            super().connectionLost(reason)
            self._tcp.connectionLost(reason)

    def abortConnection(self) -> None:
        """Reset the connection, in the next turn of the reactor."""
        self.lose_soon(Failure(ConnectionAborted()))

    def lose_soon(self, reason: Failure) -> None:
        """Lose the connection in the next turn of the reactor, and do no more."""
        if self.disconnected or self.aborting:
            return
        self.aborting = True
        self.stopReading()
        self.stopWriting()
        clock: IReactorTime = self.reactor  # type: ignore[assignment]
        clock.callLater(0, self.connectionLost, reason)

    def send_fin(self) -> None:
        """Tell TCP that nothing more will be written."""
        with contextlib.suppress(OSError):  # the peer is gone
            self.getHandle().shutdown(socket.SHUT_WR)

    def read_out(self) -> None:
        """
        Throw away what has come.

        To close with bytes unread resets the connection, and destroys what the
        peer has yet to read (RFC 9112, section 9.6).
        """
        with contextlib.suppress(OSError):
            self.getHandle().recv(BUFFER)

    def startWriting(self) -> None:
        """Note that something waits, and write when there is room."""
        self.busy = True
        if not self.held and not self.aborting:
            super().startWriting()

    def stopWriting(self) -> None:
        """Note that nothing waits."""
        self.busy = False
        super().stopWriting()

    def unregisterProducer(self) -> None:
        """Forget the producer; the end of writing may have waited for that."""
        super().unregisterProducer()
        if self.leaving and self.connected:
            self.startWriting()

    def fileno(self) -> int:
        """Return the socket's number; -1 once it is closed."""
        return self._tcp.fileno()

    def getHandle(self) -> socket.socket:
        """Return the socket."""
        return self._tcp.getHandle()

    def getHost(self) -> IPv4Address | IPv6Address:
        """Return our address."""
        return self._tcp.getHost()  # type: ignore[no-any-return]

    def getPeer(self) -> IPv4Address | IPv6Address:
        """Return the peer's address."""
        return self._tcp.getPeer()  # type: ignore[no-any-return]

    def logPrefix(self) -> str:
        """Return what a log calls the connection."""
        return self._tcp.logPrefix()

    def getTcpNoDelay(self) -> bool:
        """Return whether small pieces are sent at once."""
        return self._tcp.getTcpNoDelay()

    def setTcpNoDelay(self, enabled: Any) -> None:
        """Send small pieces at once, or gather them."""
        self._tcp.setTcpNoDelay(enabled)

    def getTcpKeepAlive(self) -> bool:
        """Return whether a silent peer is probed."""
        return self._tcp.getTcpKeepAlive()

    def setTcpKeepAlive(self, enabled: Any) -> None:
        """Probe a silent peer, or leave it alone."""
        self._tcp.setTcpKeepAlive(enabled)
