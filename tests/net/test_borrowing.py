"""Tests for :mod:`spdygate.net.borrowing`."""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from spdygate.net.borrowing import BorrowedSocket, lender
from tests.net.socketcases import Always, OverSockets


class Borrower(Protocol):
    """
    Borrows the socket of its transport, and writes down its end.

    :ivar borrowed: who has it.
    :ivar lost: why the connection ended, as often as it was told.
    """

    borrowed: BorrowedSocket

    def __init__(self) -> None:
        self.lost: list[Failure] = []

    def connectionMade(self) -> None:
        """Borrow."""
        tcp = lender(self.transport)
        assert tcp is not None
        self.borrowed = BorrowedSocket(tcp)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Write it down."""
        self.lost.append(reason)


class Other(Protocol):
    """
    Who is at the other end.

    :ivar lost: why the connection ended, once it has.
    """

    def __init__(self) -> None:
        self.lost: list[Failure] = []

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Write it down."""
        self.lost.append(reason)


class Borrowing(OverSockets):
    """Somebody who borrowed a socket, and somebody at the other end."""

    def setUp(self) -> None:
        """Connect them over TCP."""
        super().setUp()
        self.other, self.borrower = Other(), Borrower()
        port = self.reactor.listenTCP(0, Always(self.other), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        address = port.getHost()
        endpoint = TCP4ClientEndpoint(self.reactor, address.host, address.port)
        endpoint.connect(Always(self.borrower))
        self.reactor.until(lambda: self.borrower.transport and self.other.transport)
        self.borrowed = self.borrower.borrowed


class LenderTests(Borrowing):
    """Who has a socket to lend."""

    def test_others(self) -> None:
        """Memory has none, nor has a protocol between."""
        wrapper = ProtocolWrapper(WrappingFactory(Always(Other())), Other())
        for other in (None, StringTransport(), wrapper):
            self.assertIsNone(lender(other))

    def test_twisteds_own_tls(self) -> None:
        """Nor has TCP that speaks Twisted's TLS already."""
        tcp: Any = self.borrower.transport
        self.assertIs(lender(tcp), tcp)
        tcp.TLS = True
        self.assertIsNone(lender(tcp))
        tcp.TLS = False


class BorrowedTests(Borrowing):
    """The life of a borrowed socket."""

    def reason(self) -> type[BaseException]:
        """Return why the one loss was."""
        [reason] = self.borrower.lost
        assert reason.type is not None
        return reason.type

    def test_interfaces(self) -> None:
        """It is a TCP transport."""
        interfaces: tuple[Any, ...] = (ITCPTransport, IConsumer, IPushProducer)
        for interface in interfaces:
            verifyObject(interface, self.borrowed)

    def test_the_same_socket(self) -> None:
        """It is where its owner is, and the reactor has only one of them."""
        tcp: Any = self.borrower.transport
        self.assertEqual(self.borrowed.fileno(), tcp.fileno())
        self.assertIs(self.borrowed.getHandle(), tcp.getHandle())
        self.assertEqual(self.borrowed.getHost(), tcp.getHost())
        self.assertEqual(self.borrowed.getPeer(), tcp.getPeer())
        self.assertEqual(self.borrowed.logPrefix(), tcp.logPrefix())
        self.assertNotIn(tcp, self.reactor.getReaders())

    def test_given_back(self) -> None:
        """Once lost it is its owner's to close and to tell, and only once."""
        for _ in range(2):
            self.borrowed.connectionLost(Failure(CONNECTION_DONE))
        self.assertIs(self.reason(), ConnectionDone)
        self.assertEqual(self.borrowed.fileno(), -1)

    def test_abort(self) -> None:
        """It is reset in the next turn, and nothing is done until then."""
        self.borrowed.startReading()
        self.borrowed.abortConnection()
        self.borrowed.abortConnection()
        self.borrowed.startWriting()
        self.assertNotIn(self.borrowed, self.reactor.getReaders())
        self.assertNotIn(self.borrowed, self.reactor.getWriters())
        self.assertEqual(self.borrower.lost, [])
        self.reactor.until(lambda: self.borrower.lost)
        self.assertIs(self.reason(), ConnectionAborted)
        self.reactor.until(lambda: self.other.lost)
        self.assertIsNotNone(self.other.lost[0].check(ConnectionLost))
        self.borrowed.abortConnection()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_held(self) -> None:
        """What is held is not written, although it waits."""
        self.borrowed.held = True
        self.borrowed.startWriting()
        self.assertTrue(self.borrowed.busy)
        self.assertNotIn(self.borrowed, self.reactor.getWriters())
        self.borrowed.stopWriting()
        self.assertFalse(self.borrowed.busy)

    def test_fin(self) -> None:
        """FIN ends our direction; to say it twice does no harm."""
        self.borrowed.send_fin()
        self.reactor.until(lambda: self.other.lost)
        self.assertIsNotNone(self.other.lost[0].check(ConnectionDone))
        self.borrowed.send_fin()
        self.borrowed.read_out()
        self.borrowed.send_fin()
