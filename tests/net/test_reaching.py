"""Tests for :mod:`spdygate.net.reaching`."""

from __future__ import annotations

from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from spdygate.net.reaching import client_endpoint


class ClientEndpointTests(SynchronousTestCase):
    """Names are looked up, addresses are not."""

    def _dials(self, host: str) -> list[tuple[str, int]]:
        """Return what is dialled at once for a host."""
        reactor = MemoryReactorClock()
        factory = Factory.forProtocol(Protocol)
        connecting = client_endpoint(reactor, host, 80).connect(factory)
        self.addCleanup(connecting.addErrback, lambda why: None)
        self.addCleanup(connecting.cancel)
        return [(client[0], client[1]) for client in reactor.tcpClients]

    def test_addresses(self) -> None:
        """An address is dialled at once, with no thread between."""
        for host in ("127.0.0.1", "2001:db8::1"):
            self.assertEqual(self._dials(host), [(host, 80)])

    def test_name(self) -> None:
        """A name has all of its addresses tried, as Twisted does it."""
        endpoint = client_endpoint(MemoryReactorClock(), "node-1.example", 80)
        self.assertIsInstance(endpoint, HostnameEndpoint)
