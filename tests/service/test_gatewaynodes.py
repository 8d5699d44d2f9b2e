"""Tests for :mod:`spdygate.service.gatewaynodes`."""

from __future__ import annotations

from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import Request
from spdygate.gateway.relay import Observer, Relay
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.attempts import Access
from spdygate.net.nodeasks import Terms
from spdygate.net.turn import Turn
from spdygate.node.pods import DEMO, IN_PROCESS, Pods
from spdygate.service import gatewaynodes
from spdygate.service.gatewaynodes import NodeWays
from spdygate.service.gatewayoptions import Options
from spdygate.wire.urls import Target
from tests.dialect.ends import RecordingEnd


class Nobody:
    """A dialer that is never asked."""

    def dial(self, relay: Relay) -> None:
        """Fail the test."""
        raise AssertionError("nobody opens a tunnel here")


class WaysTests(SynchronousTestCase):
    """Which address a way leads to."""

    def setUp(self) -> None:
        """Note whom we are to connect to; a resolver in memory knows one address."""
        self.reactor = MemoryReactorClock()
        self.dialled: list[tuple[str, int]] = []

        def endpoint(reactor: object, host: str, port: int) -> HostnameEndpoint:
            self.dialled.append((host, port))
            return HostnameEndpoint(reactor, host, port)

        self.patch(gatewaynodes, "client_endpoint", endpoint)

    def ways(self, *words: str) -> NodeWays:
        """Return what makes the ways of a command line."""
        options = Options()
        options.parseOptions(words)
        turn = Turn(self.reactor)
        board = Switchboard(Nobody())
        return NodeWays(self.reactor, options.settings, board, turn, Terms())

    def dial(self, access: Access) -> None:
        """Open a tunnel."""
        target = Target(None, "default", "demo", None)
        near = RecordingEnd()
        self.relay = Relay(near, Request(target, 80, "s1-1"), Observer())
        access.dial(self.relay)
        self.reactor.advance(0)

    def test_named(self) -> None:
        """A node that has a URL is dialled there."""
        ways = self.ways("--node", "n1=http://10.0.0.7:10443")
        self.dial(ways.named(ways.settings.nodes[0]))
        self.assertEqual(self.dialled, [("10.0.0.7", 10443)])
        self.assertEqual(len(self.reactor.tcpClients), 1)

    def test_by_address(self) -> None:
        """One without is dialled at its address, with the port of the template."""
        ways = self.ways(
            *("--node", "*=http://{address}:10443"),
            *("--api-server", "http://127.0.0.1:6443"),
        )
        self.dial(ways.by_address("n7", "fd00::7"))
        self.assertEqual(self.dialled, [("fd00::7", 10443)])
        self.assertEqual(len(self.reactor.tcpClients), 1)

    def test_api_server(self) -> None:
        """The API server is dialled where it is, and not asked for HTTP/2."""
        ways = self.ways("--api-server", "http://127.0.0.1:6443/k8s")
        assert ways.settings.api is not None
        self.dial(ways.api_server(ways.settings.api.connect(self.reactor)))
        (call,) = self.reactor.tcpClients
        self.assertEqual(call[:2], ("127.0.0.1", 6443))

    def test_embedded(self) -> None:
        """The embedded node service is reached without any address."""
        access = self.ways().embedded(Pods({DEMO: IN_PROCESS}))
        self.dial(access)
        self.assertEqual(self.reactor.tcpClients, [])
        self.assertFalse(self.relay.over)
        access.stop()
        self.assertTrue(self.relay.over)
