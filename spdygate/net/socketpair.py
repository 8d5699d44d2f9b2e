"""
A connection that never leaves the process: two ends of one socket pair.

The gateway reaches its embedded node service through one, and the node service
its demo pod.  They are kernel sockets, with the buffers, the half-close and
the back-pressure of any other, and no address that anyone else could connect
to.
"""

from __future__ import annotations

import socket

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IReactorSocket,
    IStreamClientEndpoint,
)
from zope.interface import implementer

from .sockets import Ready


def adopt(reactor: IReactorSocket, end: socket.socket, protocol: IProtocol) -> None:
    """Give a connected socket to the reactor, with *protocol* on it."""
    end.setblocking(False)
    factory = Ready(protocol)
    with end:  # the reactor works on a duplicate of the descriptor
        # It takes any factory, though Twisted declares a server's.
        reactor.adoptStreamConnection(
            end.fileno(),
            socket.AF_UNIX,
            factory,  # type: ignore[arg-type]
        )


def join(reactor: IReactorSocket, one: IProtocol, other: IProtocol) -> None:
    """Connect two protocols to each other."""
    left, right = socket.socketpair()
    adopt(reactor, left, one)
    adopt(reactor, right, other)


@implementer(IStreamClientEndpoint)
class SocketpairEndpoint:
    """A client endpoint whose server is in the same process."""

    def __init__(self, reactor: IReactorSocket, server: IProtocolFactory) -> None:
        """
        Prepare to connect.

        :param server: builds the protocol at the other end, for each connection.
        """
        self._reactor = reactor
        self._server = server

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect; this cannot be refused, but a server may build nothing."""
        # There is no address to tell, and both factories are our own.
        client = protocolFactory.buildProtocol(None)  # type: ignore[arg-type]
        server = self._server.buildProtocol(None)  # type: ignore[arg-type]
        if client is None or server is None:
            return fail(ConnectionRefusedError("nothing listens there"))
        try:
            join(self._reactor, server, client)
        except OSError:  # of descriptors there may be none left
            return fail()
        return succeed(client)
