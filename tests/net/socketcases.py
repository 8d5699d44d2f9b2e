"""
TLS over real sockets, in turns that a test takes by itself.

`Reactor` is a `Clock` that also watches sockets, and does with them what
Twisted's own reactors do.  Nothing happens but in `Reactor.until`, so that a
test may look at what there is between any two turns, and nobody sleeps.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL
from twisted.internet import unix
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IPushProducer,
    IReactorFDSet,
    IReactorTCP,
    IReactorTime,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.tcp import Connector, Port
from twisted.python.failure import Failure
from zope.interface import implementer

from spdygate.net.sockets import widen
from spdygate.net.tls import ClientTls, ServerTls
from spdygate.net.tlssocket import TlsSocket
from tests.net.tlscases import Files

#: Seconds that the kernel may take to bring bytes from one socket to another.
_SOON = 0.002

#: Turns after which a test has waited long enough for what it waits for.
_PATIENCE = 5000


@implementer(IReactorFDSet, IReactorTCP, IReactorTime)
class Reactor(Clock):
    """Watch sockets, a turn at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._readers: set[Any] = set()
        self._writers: set[Any] = set()

    def addReader(self, reader: Any) -> None:
        """Watch for what can be read."""
        self._readers.add(reader)

    def addWriter(self, writer: Any) -> None:
        """Watch for room to write."""
        self._writers.add(writer)

    def removeReader(self, reader: Any) -> None:
        """Watch no more."""
        self._readers.discard(reader)

    def removeWriter(self, writer: Any) -> None:
        """Watch no more."""
        self._writers.discard(writer)

    def removeAll(self) -> list[Any]:
        """Watch nothing."""
        watched = self.getReaders() + self.getWriters()
        self._readers.clear()
        self._writers.clear()
        return watched

    def getReaders(self) -> list[Any]:
        """Return who wants to read."""
        return list(self._readers)

    def getWriters(self) -> list[Any]:
        """Return who wants to write."""
        return list(self._writers)

    def listenTCP(
        self, port: int, factory: Any, backlog: int = 50, interface: str = ""
    ) -> Port:
        """Listen."""
        listening = Port(port, factory, backlog, interface, self)
        listening.startListening()
        return listening

    def listenUNIX(
        self,
        address: str,
        factory: Any,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> Any:
        """Listen at a path."""
        path = address.encode()
        listening = unix.Port(path, factory, backlog, mode, self, wantPID)
        listening.startListening()
        return listening

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float = 30,
        bindAddress: Any = None,
    ) -> Connector:
        """Connect."""
        connector = Connector(host, port, factory, timeout, bindAddress, self)
        connector.connect()
        return connector

    def turn(self) -> None:
        """Let everyone read and write who can, and make the calls that are due."""
        readable, writable, _ = select.select(self._readers, self._writers, [], _SOON)
        for each in readable:
            if each in self._readers:
                self._done(each, each.doRead(), reading=True)
        for each in writable:
            if each in self._writers:
                self._done(each, each.doWrite(), reading=False)
        self.advance(0)

    def _done(self, watched: Any, why: Exception | None, reading: bool) -> None:
        """End what says that it is over."""
        if why is None:
            return
        self.removeReader(watched)
        if reading and type(why) is ConnectionDone:
            watched.readConnectionLost(Failure(why))
        else:
            self.removeWriter(watched)
            watched.connectionLost(Failure(why))

    def until(self, condition: Callable[[], object]) -> None:
        """Take turns until something is so."""
        for _ in range(_PATIENCE):
            if condition():
                return
            self.turn()
        raise AssertionError("it never came to that")

    def settle(self) -> None:
        """Take turns for as long as anything could come of it."""
        for _ in range(10):
            self.turn()


@implementer(IPushProducer)
class Talker(Protocol):
    """
    A protocol that writes down its life, and heeds back-pressure.

    :ivar pieces: what has come, as it came.
    :ivar told: what else it was told, in order.
    :ivar greeting: said at once.
    """

    transport: TlsSocket

    def __init__(self, greeting: bytes = b"") -> None:
        self.pieces: list[bytes] = []
        self.told: list[str] = []
        self.lost: list[Failure] = []
        self.greeting = greeting

    @property
    def heard(self) -> bytes:
        """Return what has come."""
        return b"".join(self.pieces)

    def connectionMade(self) -> None:
        """Greet."""
        widen(self.transport)
        if self.greeting:
            self.transport.write(self.greeting)

    def dataReceived(self, data: bytes) -> None:
        """Keep what comes."""
        self.pieces.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Write down why."""
        self.lost.append(reason)

    def pauseProducing(self) -> None:
        """Write it down."""
        self.told.append("pause")

    def resumeProducing(self) -> None:
        """Write it down."""
        self.told.append("resume")

    def stopProducing(self) -> None:
        """Write it down."""
        self.told.append("stop")


@implementer(IHalfCloseableProtocol)
class HalfTalker(Talker):
    """One that goes on when half of the connection is closed."""

    def readConnectionLost(self) -> None:
        """Write it down."""
        self.told.append("read lost")

    def writeConnectionLost(self) -> None:
        """Write it down."""
        self.told.append("write lost")


class OverSockets(Files):
    """
    Ours and others meet over sockets.

    :ivar reactor: watches them.
    """

    def setUp(self) -> None:
        """Make a reactor."""
        super().setUp()
        self.reactor = Reactor()
        self.addCleanup(self._close)

    def _close(self) -> None:
        """Close what is still open."""
        for each in {*self.reactor.getReaders(), *self.reactor.getWriters()}:
            if hasattr(each, "abortConnection"):
                each.abortConnection()
        self.reactor.advance(0)

    def ours(
        self, client: Protocol, server: Protocol, tls: ServerTls | None = None
    ) -> None:
        """Connect two of our protocols, handshaken."""
        address = self.listen((tls or self.server_tls()), server)
        endpoint = ClientTls(self.ca_file).wrap_client(
            TCP4ClientEndpoint(self.reactor, *address), "localhost", self.reactor
        )
        connecting = endpoint.connect(Always(client))
        self.reactor.until(lambda: client.transport and server.transport)
        self.assertIs(self.successResultOf(connecting), client)

    def listen(self, tls: ServerTls, server: Protocol) -> tuple[str, int]:
        """Serve one client with a protocol of ours; return where."""
        factory = tls.wrap_server(Always(server), self.reactor)
        endpoint = TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1")
        port = self.successResultOf(endpoint.listen(factory))
        self.addCleanup(port.stopListening)
        host = port.getHost()
        return host.host, host.port

    def foreign(
        self, server: Protocol, tls: ServerTls | None = None, **options: Any
    ) -> Stranger:
        """Connect a client that is not ours to a protocol of ours, handshaken."""
        handle = socket.create_connection(
            self.listen((tls or self.server_tls()), server)
        )
        self.addCleanup(handle.close)
        handle.setblocking(False)
        stranger = Stranger(self.reactor, handle, **options)
        stranger.do(stranger.tls.do_handshake)
        self.reactor.until(lambda: server.transport)
        return stranger


class Stranger:
    """
    A client on OpenSSL itself, which does as a test says.

    :ivar tls: the OpenSSL object.
    :ivar handle: its socket.
    """

    def __init__(
        self, reactor: Reactor, handle: socket.socket, maximum: int = SSL.TLS1_3_VERSION
    ) -> None:
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_max_proto_version(maximum)
        self._reactor = reactor
        self.handle = handle
        self.tls = SSL.Connection(context, handle)
        self.tls.set_connect_state()

    def do(self, verb: Callable[..., Any], *words: Any) -> Any:
        """Do something that may have to wait for the other side."""
        for _ in range(_PATIENCE):
            try:
                return verb(*words)
            except (SSL.WantReadError, SSL.WantWriteError):
                self._reactor.turn()
        raise AssertionError("it never came to that")

    def say(self, data: bytes) -> None:
        """Write all of it."""
        while data:
            data = data[self.do(self.tls.send, data) :]

    def hear(self, size: int) -> bytes:
        """Read as many bytes as that."""
        heard = b""
        while len(heard) < size:
            heard += self.do(self.tls.recv, size - len(heard))
        return heard

    def hear_goodbye(self) -> None:
        """Read close_notify."""
        with contextlib.suppress(SSL.ZeroReturnError):
            raise AssertionError(self.do(self.tls.recv, 1))


class Always(Factory):
    """Builds the one protocol that there is."""

    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Return it."""
        return self._protocol
