"""Tests for :mod:`spdygate.net.frontdoor`: on real sockets, with real FINs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure as TwistedFailure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from spdygate.gateway.kubeapi import KubeApi
from spdygate.gateway.routing import Routing
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.frontdoor import FrontDoor, FrontDoors
from spdygate.net.house import House
from spdygate.net.tls import ClientTls, ServerTls
from spdygate.net.turn import Turn
from tests.certificates import Authority
from tests.dialect.ends import RecordingEnd
from tests.net.frontdoorcases import Connected

#: With its interfaces, of which mypy knows only some.
_reactor: Any = reactor

CONNECT = b"CONNECT pod.ns.pod:80 HTTP/1.1\r\nHost: pod.ns.pod:80\r\n\r\n"
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@implementer(IHalfCloseableProtocol)
class Program(Protocol):
    """
    A program that knows an HTTP proxy, and TCP.

    :ivar fin: fires at the other side's FIN.
    :ivar gone: fires when the connection is gone, with whether that was clean.
    """

    def __init__(self) -> None:
        self.heard = b""
        self.greeted: Deferred[None] = Deferred()
        self.fin: Deferred[None] = Deferred()
        self.gone: Deferred[bool] = Deferred()

    def says(self, data: bytes) -> None:
        """Send the last that there is to say."""
        assert self.transport is not None
        self.transport.write(data)
        self.transport.loseWriteConnection()  # type: ignore[attr-defined]

    def dataReceived(self, data: bytes) -> None:
        """Keep what comes."""
        self.heard += data
        if CONNECTED in self.heard and not self.greeted.called:
            self.greeted.callback(None)

    def readConnectionLost(self) -> None:
        """Note the FIN."""
        self.fin.callback(None)

    def writeConnectionLost(self) -> None:
        """Do nothing: it was us who closed it."""

    def connectionLost(self, reason: TwistedFailure = connectionDone) -> None:
        """Note the end."""
        self.gone.callback(reason.check(ConnectionDone) is not None)


class Door(FrontDoor):
    """
    A front door that says when its connection is gone.

    :ivar left: fires with whether that was clean.
    """

    left: Deferred[bool]

    def connectionLost(self, reason: TwistedFailure = connectionDone) -> None:
        """Note it."""
        super().connectionLost(reason)
        self.left.callback(reason.check(ConnectionDone) is not None)


class Doors(FrontDoors):
    """Builds one of them."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.left: Deferred[bool] = Deferred()

    def buildProtocol(self, addr: IAddress | None) -> FrontDoor:
        """Receive a connection."""
        door = Door(self._house)
        door.left = self.left
        return door


class Pod(RecordingEnd):
    """A pod that says when it has heard a FIN."""

    def __init__(self) -> None:
        super().__init__()
        self.heard_fin: Deferred[None] = Deferred()

    def finish(self) -> None:
        """Note the FIN."""
        super().finish()
        self.heard_fin.callback(None)


class Pods(Connected):
    """Connects everything to one pod."""

    def __init__(self) -> None:
        super().__init__()
        self.pod = Pod()

    def new_end(self) -> RecordingEnd:
        """Return the pod."""
        return self.pod


class KernelTests(TestCase):
    """CONNECT over TCP."""

    timeout = 20

    def listens_with(self, doors: Doors) -> IProtocolFactory:
        """Return what receives connections."""
        return doors

    def dials_with(self, plain: IStreamClientEndpoint) -> IStreamClientEndpoint:
        """Return what makes them."""
        return plain

    async def connect(self) -> Program:
        """Connect a program to a pod."""
        self.dialer = Pods()
        house = House(
            Switchboard(self.dialer),
            Routing(embedded=True),
            KubeApi([], "1.0", 0.0),
            Turn(_reactor),
            lambda: 1.7e9,
        )
        self.doors = Doors(house)
        factory = self.listens_with(self.doors)
        port = _reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        plain = TCP4ClientEndpoint(_reactor, "127.0.0.1", port.getHost().port)
        endpoint = self.dials_with(plain)
        program: Program = await connectProtocol(endpoint, Program())
        assert program.transport is not None
        program.transport.write(CONNECT)
        await program.greeted
        return program

    async def test_the_client_finishes_first(self) -> None:
        """An answer to what was asked with a FIN behind it arrives."""
        program = await self.connect()
        program.says(b"question")
        await self.dialer.pod.heard_fin
        self.assertEqual(self.dialer.pod.sent, b"question")
        self.dialer.pod.comes(b"answer")
        self.dialer.pod.ends()
        await program.fin
        self.assertEqual(program.heard, CONNECTED + b"answer")
        self.assertTrue(await self.doors.left)

    async def test_the_pod_finishes_first(self) -> None:
        """A client that hears a FIN may go on, and both FINs are a clean end."""
        program = await self.connect()
        self.dialer.pod.comes(b"bye")
        self.dialer.pod.ends()
        await program.fin
        self.assertEqual(program.heard, CONNECTED + b"bye")
        program.says(b"late")
        await self.dialer.pod.heard_fin
        self.assertEqual(self.dialer.pod.sent, b"late")
        self.assertTrue(await self.doors.left)

    async def test_the_pod_breaks(self) -> None:
        """A reset is a reset: no program takes it for the end of what it reads."""
        program = await self.connect()
        self.dialer.pod.breaks()
        self.assertFalse(await program.gone)


class TlsKernelTests(KernelTests):
    """The same over TLS, where each direction ends with a close_notify."""

    def setUp(self) -> None:
        """Make certificates."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.ca = Authority()

    def listens_with(self, doors: Doors) -> IProtocolFactory:
        """Receive with a certificate."""
        cert, key = self.ca.server("localhost").write(self.folder, "server")
        return ServerTls(cert, key).wrap_server(doors, _reactor)

    def dials_with(self, plain: IStreamClientEndpoint) -> IStreamClientEndpoint:
        """Believe it."""
        tls = ClientTls(self.ca.write(self.folder), protocols=())
        return tls.wrap_client(plain, "localhost", _reactor)
