"""Tests for :mod:`spdygate.net.nodes`."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from spdygate.dialect.tunnel import Reason
from spdygate.gateway.cluster import Cluster, NodeFacts, Phase, PodFacts, Resource
from spdygate.gateway.routing import ANY, Routing
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.attempts import Access
from spdygate.net.nodeasks import Terms
from spdygate.net.nodes import OPENING, NodeDialer, access_to
from spdygate.net.pool import MOST
from tests.net.nodecases import NodesCase


class OpeningTests(NodesCase):
    """The bound of every opening."""

    def test_bound(self) -> None:
        """A node that does not answer a tunnel in time costs that tunnel alone."""
        near, _ = self.dial()
        self.clock.advance(5)
        opened, _ = self.dial()
        self.accept(self.endpoint.wires[0], 3)
        self.clock.advance(OPENING - 5.1)
        self.assertEqual(near.failures, [])
        self.clock.advance(0.1)
        self.assertIs(self.only(near)[0], Reason.TIMEOUT)
        self.assertEqual(opened.failures, [])

    def test_each_its_own_time(self) -> None:
        """One timer serves all, and each is refused when its own time is up."""
        ends = []
        for _ in range(3):
            ends.append(self.dial()[0])
            self.clock.advance(1)
            ours = [
                call for call in self.clock.getDelayedCalls() if "_expire" in str(call)
            ]
            self.assertEqual(len(ours), 1)
        self.clock.advance(OPENING - 3)
        counts = []
        for _ in range(3):
            counts.append([len(near.failures) for near in ends])
            self.clock.advance(1)
        self.assertEqual(counts, [[1, 0, 0], [1, 1, 0], [1, 1, 1]])

    def test_refused_while_it_waits(self) -> None:
        """A tunnel that waits for a place has no more time than others."""
        self.endpoint.most = 1
        for number in range(MOST):
            self.dial()
            self.accept(self.endpoint.wires[number], 1)
        near, _ = self.dial()
        self.clock.advance(OPENING)
        self.assertIs(self.only(near)[0], Reason.TIMEOUT)


class StopTests(NodesCase):
    """The end of the gateway."""

    def test_stop(self) -> None:
        """Every connection is closed, whoever waits is told, no timer is left."""
        _, relay = self.dial()
        self.accept(self.endpoint.wires[0], 1)
        self.dialer.stop()
        self.assertTrue(relay.over)
        self.assertTrue(self.endpoint.wires[0].over)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_while_connecting(self) -> None:
        """A connect that is under way is given up."""
        cancelled: list[object] = []
        self.endpoint.answers = lambda: Deferred(cancelled.append)
        near, _ = self.dial()
        self.dialer.stop()
        self.assertIs(self.only(near)[0], Reason.DRAINING)
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_none_afterwards(self) -> None:
        """Afterwards every tunnel is refused, and nobody is dialled."""
        self.dialer.stop()
        near, _ = self.dial()
        self.assertIs(self.only(near)[0], Reason.DRAINING)
        self.assertEqual(self.endpoint.attempts, 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ByAddressTests(NodesCase):
    """Nodes that nobody named, at the address the API server tells."""

    def setUp(self) -> None:
        """Know a cluster of one pod."""
        super().setUp()
        self.cluster = Cluster()
        pod = PodFacts("n7", "", Phase.RUNNING)
        self.cluster.replace(Resource.PODS, [("shop", "web-0", pod)])
        self.move("10.0.0.1")
        self.found: list[tuple[str, str]] = []
        routing = Routing(frozenset({ANY}), cluster=self.cluster, by_address=True)
        self.dialer = NodeDialer(routing, self.turn, self.find)

    def move(self, address: str) -> None:
        """Let the node have another address."""
        self.cluster.replace(Resource.NODES, [("", "n7", NodeFacts(address))])

    def find(self, name: str, address: str) -> Access:
        """Note who is looked for; it is always the same node."""
        self.found.append((name, address))
        return access_to(self.node, Switchboard(self.dialer), self.turn, Terms())

    def test_once(self) -> None:
        """A node is looked for when it is first needed, and then known."""
        self.dial(None)
        self.dial("n7")
        self.assertEqual(self.found, [("n7", "10.0.0.1")])
        self.assertEqual(self.endpoint.attempts, 1)

    def test_moved(self) -> None:
        """One that has another address is another machine: the old one is let go."""
        near, _ = self.dial(None)
        self.move("10.0.0.2")
        other, _ = self.dial(None)
        self.assertEqual(self.found[1:], [("n7", "10.0.0.2")])
        self.assertEqual((len(near.failures), other.failures), (1, []))
        self.assertTrue(self.endpoint.wires[0].over)

    def test_stop(self) -> None:
        """When the gateway stops, so do they."""
        self.dial(None)
        self.dialer.stop()
        self.assertTrue(self.endpoint.wires[0].over)
        self.assertEqual(self.clock.getDelayedCalls(), [])
