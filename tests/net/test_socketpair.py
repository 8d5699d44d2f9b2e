"""Tests for :mod:`spdygate.net.socketpair`: on real sockets, as it is meant."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from spdygate.net.socketpair import SocketpairEndpoint, join
from tests.net.memory import Recorder, Recorders

_reactor: Any = global_reactor

#: What a test with a reactor does.
Steps = Generator["Deferred[Any]", Any, None]


@implementer(IHalfCloseableProtocol)
class HalfRecorder(Recorder):
    """
    A recorder that half-closes.

    :ivar fin: whether the other side has finished.
    """

    fin = False

    def readConnectionLost(self) -> None:
        """Write it down."""
        self.fin = True

    def writeConnectionLost(self) -> None:
        """Do nothing."""


class SocketpairTests(TestCase):
    """Two protocols of one process."""

    timeout = 20

    @inlineCallbacks
    def once(self, condition: Callable[[], object]) -> Steps:
        """Turn the reactor until something is so; the test's time is the bound."""
        while not condition():
            yield deferLater(_reactor, 0)

    @inlineCallbacks
    def _end(self, *ends: Recorder) -> Steps:
        """Leave nothing in the reactor."""
        for end in ends:
            if end.lost is None and end.transport is not None:
                end.transport.abortConnection()  # type: ignore[attr-defined]
        yield self.once(lambda: all(end.lost or not end.transport for end in ends))

    def joined(self) -> tuple[HalfRecorder, HalfRecorder]:
        """Join two recorders."""
        one, other = HalfRecorder(), HalfRecorder()
        self.addCleanup(self._end, one, other)
        join(_reactor, one, other)
        return one, other

    @inlineCallbacks
    def test_both_ways(self) -> Steps:
        """What one writes the other receives, more than a socket holds at once."""
        one, other = self.joined()
        assert one.transport is not None and other.transport is not None
        one.transport.write(b"a" * 3_000_000)
        other.transport.write(b"b" * 3_000_000)
        yield self.once(lambda: len(one.data) == len(other.data) == 3_000_000)
        self.assertEqual((one.data.strip(b"b"), other.data.strip(b"a")), (b"", b""))

    @inlineCallbacks
    def test_half_close(self) -> Steps:
        """A FIN goes through, and the other direction lives on."""
        one, other = self.joined()
        assert one.transport is not None and other.transport is not None
        one.transport.loseWriteConnection()  # type: ignore[attr-defined]
        yield self.once(lambda: other.fin)
        other.transport.write(b"answer")
        yield self.once(lambda: one.data)
        self.assertEqual((one.data, one.fin), (b"answer", False))

    @inlineCallbacks
    def test_close(self) -> Steps:
        """Nothing holds a descriptor back: when one closes, the other hears it."""
        one, other = self.joined()
        assert one.transport is not None
        one.transport.loseConnection()
        yield self.once(lambda: one.lost and other.fin)
        assert one.lost is not None
        self.assertTrue(one.lost.check(ConnectionDone))

    @inlineCallbacks
    def test_endpoint(self) -> Steps:
        """An endpoint connects at once, and a server that speaks first is heard."""
        servers, clients = Recorders(b"welcome"), Recorders(b"hello")
        endpoint = SocketpairEndpoint(_reactor, servers)
        verifyObject(IStreamClientEndpoint, endpoint)
        client: Any = self.successResultOf(endpoint.connect(clients))
        self.addCleanup(self._end, *servers.built, *clients.built)
        self.assertEqual(clients.built, [client])
        yield self.once(lambda: client.data and servers.built[0].data)
        self.assertEqual((client.data, servers.built[0].data), (b"welcome", b"hello"))

    @inlineCallbacks
    def test_each_its_own(self) -> Steps:
        """Every connection has a server of its own."""
        servers = Recorders()
        endpoint = SocketpairEndpoint(_reactor, servers)
        factory = Factory.forProtocol(Recorder)
        made: list[Any] = [endpoint.connect(factory) for _ in range(2)]
        one, two = map(self.successResultOf, made)
        self.addCleanup(self._end, *servers.built, one, two)
        two.transport.write(b"two")
        yield self.once(lambda: any(server.data for server in servers.built))
        self.assertEqual([server.data for server in servers.built], [b"", b"two"])

    def test_refused(self) -> None:
        """A side that builds nothing refuses, and nobody is connected."""
        for refuses in (True, False):
            servers, clients = Recorders(refuse=refuses), Recorders(refuse=not refuses)
            connecting = SocketpairEndpoint(_reactor, servers).connect(clients)
            self.failureResultOf(connecting, ConnectionRefusedError)
            for built in servers.built + clients.built:
                self.assertIsNone(built.transport)
