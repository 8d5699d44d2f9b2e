"""Tests for `spdygate.net.sharedport`."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.abstract import FileDescriptor
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import (
    Deferred,
    ensureDeferred,
    gatherResults,
    maybeDeferred,
)
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IAddress, IListeningPort, IReadDescriptor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from spdygate.net.listeners import parse_listener
from spdygate.net.ports import CannotStart
from spdygate.net.sharedport import PAUSE, HeldListener, SharedListener, SharedPort
from spdygate.net.shares import WAIT, Share, Tally
from spdygate.net.tls import ClientTls, ServerTls
from tests.certificates import Authority

from .memory import Recorder

LOOPBACK = "tcp:0:interface=127.0.0.1"


class Greeter(Protocol):
    """Says who serves, and hangs up."""

    def __init__(self, name: bytes) -> None:
        self._name = name

    def connectionMade(self) -> None:
        """Say it."""
        assert self.transport is not None
        self.transport.write(self._name)
        self.transport.loseConnection()


class Greeters(Factory):
    """
    Serves in somebody's name.

    :ivar peers: who has connected.
    :ivar running: how many ports it has.
    """

    noisy = False

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.peers: list[IAddress | None] = []
        self.running = 0

    def startFactory(self) -> None:
        """Count."""
        self.running += 1

    def stopFactory(self) -> None:
        """Count."""
        self.running -= 1

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Serve."""
        self.peers.append(addr)
        return Greeter(self.name)


class Listener(Protocol):
    """Hears what is said until the end."""

    def __init__(self) -> None:
        self.heard = b""
        self.done: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """Gather."""
        self.heard += data

    def connectionLost(self, reason: Any = None) -> None:
        """Tell."""
        self.done.callback(self.heard)


class SharingCase(TestCase):
    """One process that listens, and stand-ins for several that accept."""

    def setUp(self) -> None:
        """Make a folder."""
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def hold(self, text: str) -> HeldListener:
        """Listen until the test is over, and accept nothing."""
        held = HeldListener(reactor, parse_listener(text))
        held.privilegedStartService()
        held.startService()
        self.addCleanup(held.stopService)
        return held

    def share(
        self, held: HeldListener, name: bytes, **more: Any
    ) -> tuple[SharedListener, Greeters]:
        """Accept from it until the test is over, in a worker's way."""
        inherited = socket.socket(fileno=os.dup(held.fileno()))
        greeters = Greeters(name)
        share = Share(Tally.make(1), 0, reactor)
        shared = SharedListener(reactor, inherited, share, greeters, **more)
        shared.startService()
        self.addCleanup(shared.stopService)
        return shared, greeters

    async def heard(self, endpoint: Any) -> bytes:
        """Connect; return what is said."""
        listener = await endpoint.connect(Factory.forProtocol(Listener))
        said: bytes = await listener.done
        return said

    def to(self, held: HeldListener) -> Any:
        """Return the way to a listener."""
        assert held.port is not None
        host = held.port.getHost()
        if isinstance(host, UNIXAddress):
            return UNIXClientEndpoint(reactor, os.fsdecode(host.name or b""))
        assert isinstance(host, IPv4Address)
        return TCP4ClientEndpoint(reactor, host.host, host.port)


class SharingTests(SharingCase):
    """Who gets which connection."""

    def test_nobody_is_lost(self) -> Deferred[None]:
        """Every connection is served once, also those that were there before."""

        async def check() -> None:
            held = self.hold(LOOPBACK)
            early = [ensureDeferred(self.heard(self.to(held))) for _ in range(5)]
            self.share(held, b"a")
            self.share(held, b"b")
            late = [ensureDeferred(self.heard(self.to(held))) for _ in range(20)]
            said = await gatherResults([*early, *late])
            self.assertLessEqual(set(said), {b"a", b"b"})

        return ensureDeferred(check())

    def test_one_goes(self) -> Deferred[None]:
        """Those that are left serve on, and the socket is still there."""

        async def check() -> None:
            held = self.hold(LOOPBACK)
            first, greeters = self.share(held, b"a")
            self.assertEqual(greeters.running, 1)
            self.assertEqual(await self.heard(self.to(held)), b"a")
            self.share(held, b"b")
            await maybeDeferred(first.stopService)
            self.assertEqual(greeters.running, 0)
            for _ in range(5):
                self.assertEqual(await self.heard(self.to(held)), b"b")

        return ensureDeferred(check())

    def test_unix(self) -> Deferred[None]:
        """Its permissions stay, and it goes with who made it, not with a worker."""

        async def check() -> None:
            path = self.folder / "socket"
            held = self.hold(f"unix:{path}:mode=600")
            first, greeters = self.share(held, b"a")
            self.assertEqual(await self.heard(self.to(held)), b"a")
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
            await maybeDeferred(first.stopService)
            self.share(held, b"b")
            self.assertEqual(await self.heard(self.to(held)), b"b")
            self.assertIsInstance(greeters.peers[0], UNIXAddress)
            await maybeDeferred(held.stopService)
            self.assertFalse(path.exists())

        return ensureDeferred(check())

    def test_proxied(self) -> Deferred[None]:
        """A PROXY header is read by who accepts; it says who is there."""

        async def check() -> None:
            held = self.hold(LOOPBACK)
            _, greeters = self.share(held, b"a", proxied=True)
            connected = await self.to(held).connect(Factory.forProtocol(Listener))
            connected.transport.write(b"PROXY TCP4 192.0.2.7 192.0.2.8 5 6\r\n")
            self.assertEqual(await connected.done, b"a")
            self.assertEqual(greeters.running, 1)

        return ensureDeferred(check())

    def test_tls(self) -> Deferred[None]:
        """The handshake is made by who accepts."""

        async def check() -> None:
            ca = Authority()
            files = ca.server("127.0.0.1").write(self.folder, "server")
            held = self.hold(LOOPBACK)
            self.share(held, b"a", tls=ServerTls(*files))
            tls = ClientTls(ca.write(self.folder))
            endpoint = tls.wrap_client(self.to(held), "127.0.0.1", reactor)
            self.assertEqual(await self.heard(endpoint), b"a")

        return ensureDeferred(check())

    def test_exposed(self) -> None:
        """Who only listens is asked as well who may connect."""
        held = HeldListener(reactor, parse_listener("tcp:0"))
        self.assertRaises(CannotStart, held.privilegedStartService)

    def test_stopped_before_it_accepted(self) -> None:
        """Stopping what never began is nothing."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        share = Share(Tally.make(1), 0, reactor)
        shared = SharedListener(reactor, listening, share, Greeters(b""))
        self.assertIsNone(shared.stopService())


class Looking(Clock):
    """
    A reactor that only keeps who wants to read.

    :ivar readers: those.
    :ivar error: what adopting a connection fails with.
    :ivar adopted: how often it was tried.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []
        self.error: OSError | None = None
        self.adopted = 0

    def addReader(self, reader: Any) -> None:
        """Keep."""
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """Let go."""
        if reader in self.readers:
            self.readers.remove(reader)

    def adoptStreamConnection(self, number: int, family: int, factory: Any) -> Any:
        """Count, or fail."""
        self.adopted += 1
        if self.error is not None:
            raise self.error
        return FileDescriptor()


class Refusing(socket.socket):
    """
    A socket that cannot accept.

    :ivar number: why.
    """

    number = 0

    def accept(self) -> Any:
        """Fail, if told to."""
        if self.number:
            raise OSError(self.number, os.strerror(self.number))
        return super().accept()


class PortTests(SynchronousTestCase):
    """A port by itself."""

    def setUp(self) -> None:
        """Listen."""
        self.reactor = Looking()
        self.socket = Refusing(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(self.socket.close)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen()
        self.tally = Tally.make(2)
        self.share = Share(self.tally, 0, self.reactor)
        factory = Factory.forProtocol(Recorder)
        self.port = SharedPort(self.reactor, self.socket, self.share, factory)
        self.port.startListening()

    def connect(self) -> None:
        """Have a client wait."""
        client = socket.create_connection(self.socket.getsockname())
        self.addCleanup(client.close)

    def test_interfaces(self) -> None:
        """It is what a reactor and a service expect."""
        verifyObject(IListeningPort, self.port)
        verifyObject(IReadDescriptor, self.port)
        self.assertEqual(self.port.fileno(), self.socket.fileno())

    def test_one_at_a_time(self) -> None:
        """Of those who wait, one is accepted in a turn: the next may be another's."""
        for _ in range(3):
            self.connect()
        self.port.doRead()
        self.assertEqual(self.reactor.adopted, 1)
        self.port.doRead()
        self.assertEqual(self.reactor.adopted, 2)

    def test_others_first(self) -> None:
        """Who has more waits for those with less, and not for ever."""
        self.tally[1] = 0
        for _ in range(3):
            self.connect()
        self.port.doRead()
        self.port.doRead()
        self.port.doRead()
        self.assertEqual(self.reactor.adopted, 2)
        self.assertEqual(self.reactor.readers, [])
        self.reactor.advance(WAIT)
        self.assertEqual(self.reactor.readers, [self.port])
        self.port.doRead()
        self.assertEqual(self.reactor.adopted, 3)
        self.port.doRead()
        self.assertEqual(self.reactor.readers, [])

    def test_another_was_faster(self) -> None:
        """Being woken for nothing is nothing."""
        with capturedLogs() as events:
            self.port.doRead()
            self.socket.number = errno.ECONNABORTED
            self.port.doRead()
        self.assertEqual(events, [])
        self.assertEqual(self.reactor.readers, [self.port])

    def test_no_descriptors(self) -> None:
        """Without one it leaves clients to others for a while, and says so once."""
        self.socket.number = errno.EMFILE
        with capturedLogs() as events:
            self.port.doRead()
        (event,) = events
        self.assertIn("cannot accept (Too many open files)", str(formatEvent(event)))
        self.assertEqual(self.reactor.readers, [])
        self.socket.number = 0
        self.reactor.advance(PAUSE)
        self.assertEqual(self.reactor.readers, [self.port])

    def test_no_descriptor_for_the_reactor(self) -> None:
        """The last one may be that of the accepted socket itself."""
        self.connect()
        self.reactor.error = OSError(errno.EMFILE, "too many")
        with capturedLogs():
            self.port.doRead()
        self.assertEqual(self.reactor.readers, [])

    def test_gone_again(self) -> None:
        """A client that left before it was looked at harms nobody."""
        self.connect()
        self.reactor.error = OSError(errno.ENOTCONN, "not connected")
        self.port.doRead()
        self.assertEqual(self.reactor.readers, [self.port])

    def test_stopped_while_it_rests(self) -> None:
        """It does not come back."""
        self.socket.number = errno.EMFILE
        with capturedLogs():
            self.port.doRead()
        self.successResultOf(self.port.stopListening())
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.socket.fileno(), -1)

    def test_hosts(self) -> None:
        """Where it listens, whatever kind it is."""
        host = self.port.getHost()
        self.assertEqual(host, IPv4Address("TCP", *self.socket.getsockname()))
        for family, bound, kind in (
            (socket.AF_INET6, ("::1", 0), IPv6Address),
            (socket.AF_UNIX, self.mktemp(), UNIXAddress),
        ):
            with socket.socket(family) as listening:
                try:
                    listening.bind(bound)
                except OSError:  # a machine without IPv6
                    continue
                port = SharedPort(self.reactor, listening, self.share, Factory())
                self.assertIsInstance(port.getHost(), kind)
