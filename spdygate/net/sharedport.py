"""
One listening socket, several processes that accept from it.

The process that opened the socket accepts nothing (`HeldListener`); those that
inherit it do, all of them (`SharedListener`).  Twisted's own ports are not made
for the second part, in three ways:

* One that adopts a UNIX socket makes it writable to everybody, and unlinks it
  when it is closed, while others still listen there.
* They accept whatever waits, a hundred connections at first.  Here each process
  accepts **one** connection in a turn of its loop, and leaves it to others for a
  moment if it has more than they (`spdygate.net.shares`): a crowd of clients is
  spread over all.
* A process without a descriptor left would close connections that another could
  have served.  Here it leaves them to the others, and looks again later.

All wake up for a connection that one of them gets; the rest lose some 20
microseconds.  SO_REUSEPORT would spare them that, but the kernel deals by a hash
then, without regard to who is busy; what is in the queue of a process that dies
is lost; and UNIX sockets, and those of systemd, have no such thing.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IListeningPort,
    IProtocolFactory,
    IReadDescriptor,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.haproxy import proxyEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from .listeners import Listener
from .ports import ListenerService
from .shares import WAIT, Share
from .tls import ServerTls

_log = Logger()

#: Seconds until a process that could not accept tries again.
PAUSE = 1.0

#: The client has gone again, or another process has taken it; Linux also hands
#: on here what has happened to the connection (accept(2)).
_NOBODY = frozenset(
    (errno.EAGAIN, errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.EINTR)
)


class HeldListener(ListenerService):
    """Listen, and leave it to other processes to accept."""

    def __init__(
        self,
        reactor: Any,
        listener: Listener,
        tls: ServerTls | None = None,
        *,
        allowed: bool = False,
    ) -> None:
        """
        Remember where to listen.

        :param tls: what those who accept speak, for the log.
        """
        super().__init__(reactor, listener, ForWorkers(), tls, allowed=allowed)
        self.listener = listener

    def privilegedStartService(self) -> None:
        """Listen; the reactor has not had a chance to accept anything yet."""
        super().privilegedStartService()
        self._reactor.removeReader(self.port)

    def fileno(self) -> int:
        """Return the descriptor to hand on."""
        assert self.port is not None
        number: int = IReadDescriptor(self.port).fileno()
        return number


class ForWorkers(Factory):
    """What a log calls those who accept; here nobody ever does."""

    noisy = False


@implementer(IListeningPort, IReadDescriptor)
class SharedPort:
    """Accepts from a listening socket that others accept from, too."""

    def __init__(
        self,
        reactor: Any,
        listening: socket.socket,
        share: Share,
        factory: IProtocolFactory,
    ) -> None:
        """
        Prepare to accept.

        :param listening: is closed with the port.
        :param share: counts what we have.
        """
        self._reactor = reactor
        self._socket = listening
        self._share = share
        self._factory = factory
        self._pause: IDelayedCall | None = None
        self._waited = False

    def startListening(self) -> None:
        """Begin to accept."""
        # Who else has it may be a moment faster.
        self._socket.setblocking(False)
        self._factory.doStart()
        self._reactor.addReader(self)

    def stopListening(self) -> Deferred[None]:
        """Accept no more; the others go on."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self._reactor.removeReader(self)
        self._socket.close()
        self._factory.doStop()
        return succeed(None)

    def getHost(self) -> IAddress:
        """Return where it listens."""
        name: Any = self._socket.getsockname()
        if self._socket.family == socket.AF_UNIX:
            return UNIXAddress(name or None)
        if self._socket.family == socket.AF_INET6:
            return IPv6Address("TCP", *name)
        return IPv4Address("TCP", *name)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Say in whose name a fault is logged."""
        return "SharedPort"

    def connectionLost(self, reason: Failure) -> None:
        """Be thrown out by a reactor that stops."""

    def doRead(self) -> None:
        """Accept one connection, unless it is for others, and if it is still there."""
        if not self._waited and self._share.is_more():
            self._waited = True
            self._rest(WAIT)
            return
        self._waited = False
        try:
            accepted, _ = self._socket.accept()
        except OSError as error:
            if error.errno not in _NOBODY:
                self._cannot(error)
            return
        with accepted:  # the reactor works on a duplicate of the descriptor
            accepted.setblocking(False)
            try:
                self._share.took(
                    self._reactor.adoptStreamConnection(
                        accepted.fileno(), accepted.family, self._factory
                    )
                )
            except OSError as error:
                # It is gone by now, unless it is us who have no descriptor left.
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self._cannot(error)

    def _cannot(self, error: OSError) -> None:
        """Leave it to the others, rather than be woken at once again."""
        _log.warn("cannot accept ({error}); other workers may", error=error.strerror)
        self._rest(PAUSE)

    def _rest(self, seconds: float) -> None:
        """Look away for a while."""
        self._reactor.removeReader(self)
        self._pause = self._reactor.callLater(seconds, self._resume)

    def _resume(self) -> None:
        """Try again."""
        self._pause = None
        self._reactor.addReader(self)


@implementer(IStreamServerEndpoint)
class _Inherited:
    """The endpoint of a socket that listens already."""

    def __init__(self, reactor: Any, listening: socket.socket, share: Share) -> None:
        self._reactor = reactor
        self._socket = listening
        self._share = share

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Accept."""
        port = SharedPort(self._reactor, self._socket, self._share, protocolFactory)
        port.startListening()
        return succeed(port)


class SharedListener(Service):
    """Accept from an inherited socket, from start to stop."""

    def __init__(
        self,
        reactor: Any,
        listening: socket.socket,
        share: Share,
        factory: IProtocolFactory,
        tls: ServerTls | None = None,
        *,
        proxied: bool = False,
    ) -> None:
        """
        Remember what to accept from, and for whom.

        :param listening: is closed when the service stops.
        :param share: counts what this process has.
        :param proxied: whether a proxy's PROXY header precedes each connection.
        """
        self._factory = factory if tls is None else tls.wrap_server(factory, reactor)
        self._endpoint: IStreamServerEndpoint = _Inherited(reactor, listening, share)
        if proxied:
            self._endpoint = proxyEndpoint(self._endpoint)
        self._port: IListeningPort | None = None

    def startService(self) -> None:
        """Begin to accept."""
        super().startService()
        self._endpoint.listen(self._factory).addCallback(self._listening)

    def _listening(self, port: IListeningPort) -> None:
        """Remember what to close."""
        self._port = port

    def stopService(self) -> Deferred[None] | None:
        """
        Accept no more.

        :returns: a Deferred that fires when the socket is closed here.
        """
        super().stopService()
        port, self._port = self._port, None
        return None if port is None else port.stopListening()
