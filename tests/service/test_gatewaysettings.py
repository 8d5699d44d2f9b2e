"""Tests for `spdygate.service.gatewaysettings`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.gateway.routing import ANY, EMBEDDED, Routing
from spdygate.service.gatewayoptions import Options
from spdygate.service.gatewaysettings import GatewaySettings
from spdygate.wire.urls import Target

API = ("--api-server", "https://10.0.0.1:6443")


class SettingsTests(SynchronousTestCase):
    """What follows from what is said."""

    def settings(self, *words: str) -> GatewaySettings:
        """Return what a command line says."""
        options = Options()
        options.parseOptions(words)
        return options.settings

    def routing(self, *words: str) -> Routing:
        """Return the routing of a command line; default/demo is here."""
        return self.settings(*words).routing([("default", "demo")])

    def test_embedded(self) -> None:
        """A node service is here if there is no other, or a pod is."""
        node, here = ("--node", "n1=http://h:1"), ("--pod", "a/b=h")
        for words, embedded in (
            ((), True),
            (node, False),
            (API, False),
            ((*API, *node), False),
            ((*API, *here), True),
            ((*node, *here), True),
        ):
            self.assertEqual(self.settings(*words).embedded, embedded, words)

    def test_declared_pods(self) -> None:
        """A pod is at the node it is declared at, at "*", or here."""
        nodes = ("--node", "n1=http://h:1", "--node", "*=http://h:2")
        pods = ("--pod", "a/b@n1", "--pod", "a/c@n2", "--pod", "a/d=h")
        routing = self.routing(*nodes, *pods)
        self.assertEqual(routing.nodes, {"n1", ANY})
        self.assertEqual(
            routing.pods,
            {("a", "b"): "n1", ("a", "c"): ANY, ("default", "demo"): EMBEDDED},
        )
        self.assertIsNone(routing.cluster)

    def test_cluster(self) -> None:
        """An API server makes a cluster, of which nothing is known yet."""
        routing = self.routing(*API, "--node", "*=https://{address}:10443")
        assert routing.cluster is not None
        self.assertFalse(routing.cluster.synced)
        self.assertTrue(routing.by_address)
        target = Target("n1", "default", "demo", None)
        self.assertEqual(routing.route(target), ANY)
        self.assertFalse(self.routing(*API, "--node", "*=https://h:1").by_address)
        self.assertFalse(self.routing(*API, "--node", "n1=https://h:1").by_address)
