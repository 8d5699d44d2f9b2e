"""Tests for `spdygate.gateway.routing`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import Failure, Reason
from spdygate.gateway.cluster import Cluster, NodeFacts, Phase, PodFacts, Resource
from spdygate.gateway.routing import ANY, API, EMBEDDED, Routing
from spdygate.wire.urls import Target


def target(node: str | None = None, pod: str = "web-0") -> Target:
    """Return what a URL names."""
    return Target(node, "shop", pod, None)


class RouteTests(SynchronousTestCase):
    """From what a URL names to a node's name, or to a reason with a remedy."""

    def assert_refused(self, routing: Routing, wanted: Target, *words: str) -> None:
        """Assert that there is no way, and that the message says *words*."""
        found = routing.route(wanted)
        assert isinstance(found, Failure), found
        self.assertIs(found.reason, Reason.NO_SUCH_POD)
        for word in words:
            self.assertIn(word, found.message)

    def test_a_node_that_is_known(self) -> None:
        """A URL that names a known node is believed."""
        routing = Routing(frozenset({"n1", "n2"}))
        self.assertEqual(routing.route(target("n2")), "n2")

    def test_a_node_that_is_not_known(self) -> None:
        """A node is never addressed from a URL: an unknown name is refused."""
        words = ("n3", "--node n3=URL")
        self.assert_refused(Routing(frozenset({"n1"})), target("n3"), *words)
        self.assert_refused(Routing(), target("n3"), *words)

    def test_any_node(self) -> None:
        """A URL for every node not named takes the rest, and only the rest."""
        routing = Routing(frozenset({"n1", ANY}))
        self.assertEqual(routing.route(target("n1")), "n1")
        self.assertEqual(routing.route(target("n3")), ANY)

    def test_embedded(self) -> None:
        """With a node service inside, every name that is not known is that one."""
        self.assertEqual(Routing(embedded=True).route(target("n1")), EMBEDDED)
        self.assertEqual(Routing(embedded=True).route(target()), EMBEDDED)
        both = Routing(frozenset({"n1"}), embedded=True)
        self.assertEqual(both.route(target("n1")), "n1")
        self.assertEqual(both.route(target("n2")), EMBEDDED)

    def test_a_declared_pod(self) -> None:
        """A URL without a node needs the pod to be declared."""
        routing = Routing(frozenset({"n1", "n2"}), {("shop", "web-0"): "n2"})
        self.assertEqual(routing.route(target()), "n2")
        self.assert_refused(routing, target(pod="other"), "--pod shop/other@NODE")

    def test_a_declared_pod_elsewhere(self) -> None:
        """A URL that names another known node than the declared one is refused."""
        routing = Routing(frozenset({"n1", "n2"}), {("shop", "web-0"): "n2"})
        self.assert_refused(routing, target("n1"), "shop/web-0", "n1")
        self.assertEqual(routing.route(target("n2")), "n2")

    def test_a_pod_declared_anywhere(self) -> None:
        """A pod declared at "*" is at whatever node the URL names."""
        routing = Routing(frozenset({"n1", ANY}), {("shop", "web-0"): ANY})
        self.assertEqual(routing.route(target("n1")), "n1")
        self.assertEqual(routing.route(target()), ANY)

    def test_names_are_within_namespaces(self) -> None:
        """A pod of the same name in another namespace is another pod."""
        routing = Routing(frozenset({"n1", "n2"}), {("else", "web-0"): "n2"})
        self.assert_refused(routing, target(), "shop/web-0")

    def test_only_one_place(self) -> None:
        """If there is but one place, an undeclared pod is there."""
        self.assertEqual(Routing(frozenset({ANY})).route(target()), ANY)

    def test_two_places(self) -> None:
        """If there are two, nobody guesses."""
        for routing in (
            Routing(),
            Routing(frozenset({"n1"})),
            Routing(frozenset({"n1", ANY})),
            Routing(frozenset({ANY}), embedded=True),
            Routing(frozenset({"n1"}), embedded=True),
        ):
            with self.subTest(routing):
                self.assert_refused(routing, target(), "shop/web-0", "names the node")

    def test_the_embedded_name_is_no_kubernetes_name(self) -> None:
        """No URL can name the inner service, "*" or the API server as a node."""
        for name in (EMBEDDED, ANY, API):
            self.assertNotRegex(name, r"^[a-z0-9.-]+$")


def cluster(phase: Phase = Phase.RUNNING, node: str = "n1") -> Cluster:
    """Return a cluster with one pod on one node."""
    known = Cluster()
    known.replace(Resource.NODES, [("", "n1", NodeFacts("10.0.0.1"))])
    facts = PodFacts(node, "uid-1", phase)
    known.replace(Resource.PODS, [("shop", "web-0", facts)])
    return known


class ClusterTests(SynchronousTestCase):
    """Routing by what the API server tells."""

    def refusal(self, routing: Routing, wanted: Target) -> Failure:
        """Return why there is no way."""
        found = routing.route(wanted)
        assert isinstance(found, Failure), found
        return found

    def test_the_pods_node(self) -> None:
        """A node of its own comes first, then "*", then the API server."""
        for nodes, way in (
            ({"n1", ANY}, "n1"),
            ({"n2", ANY}, ANY),
            ({"n2"}, API),
            (set[str](), API),
        ):
            routing = Routing(frozenset(nodes), cluster=cluster())
            self.assertEqual(routing.route(target()), way)
            self.assertEqual(routing.route(target("n1")), way)

    def test_by_address(self) -> None:
        """With "*" at each node's own address, the way is the node's name."""
        routing = Routing(frozenset({"n2", ANY}), cluster=cluster(), by_address=True)
        self.assertEqual(routing.route(target()), "n1")
        self.assertEqual(routing.address_of("n1"), "10.0.0.1")

    def test_without_an_address(self) -> None:
        """A node whose address nobody knows is reached by the API server."""
        known = cluster(node="n3")
        routing = Routing(frozenset({ANY}), cluster=known, by_address=True)
        self.assertEqual(routing.route(target()), API)
        self.assertEqual(routing.address_of("n3"), "")
        self.assertEqual(Routing().address_of("n3"), "")

    def test_unknown_pod(self) -> None:
        """
        A pod that is not there is a 404 in Kubernetes' words, on any node; one
        without a node in its URL may be too new, and the API server judges.
        """
        routing = Routing(cluster=cluster())
        self.assertEqual(routing.route(target(pod="nope")), API)
        failure = self.refusal(routing, target("n1", pod="nope"))
        self.assertIs(failure.reason, Reason.NO_SUCH_POD)
        self.assertEqual(failure.message, 'pods "nope" not found')

    def test_not_running(self) -> None:
        """A pod that does not run is refused in kubectl's words."""
        for phase, reason in (
            (Phase.PENDING, Reason.BAD_REQUEST),
            (Phase.UNKNOWN, Reason.BAD_REQUEST),
            (Phase.SUCCEEDED, Reason.POD_GONE),
            (Phase.FAILED, Reason.POD_GONE),
        ):
            failure = self.refusal(Routing(cluster=cluster(phase)), target())
            self.assertIs(failure.reason, reason)
            self.assertEqual(
                failure.message,
                "unable to forward port because pod is not running. "
                f"Current status={phase.value}",
            )

    def test_no_node(self) -> None:
        """A pod without a node cannot be asked, whatever its phase."""
        routing = Routing(frozenset({ANY}), cluster=cluster(node=""))
        self.assertIs(self.refusal(routing, target()).reason, Reason.BAD_REQUEST)

    def test_other_uid(self) -> None:
        """A pod of the same name that came later is another pod."""
        routing = Routing(cluster=cluster())
        self.assertEqual(routing.route(Target(None, "shop", "web-0", "uid-1")), API)
        failure = self.refusal(routing, Target(None, "shop", "web-0", "uid-0"))
        self.assertIs(failure.reason, Reason.NO_SUCH_POD)
        self.assertIn("uid-0", failure.message)

    def test_other_node(self) -> None:
        """The node in a URL must be the pod's own, known or not."""
        for nodes in ({"n1", "n2"}, {ANY}, set[str]()):
            routing = Routing(frozenset(nodes), cluster=cluster())
            failure = self.refusal(routing, target("n2"))
            self.assertIs(failure.reason, Reason.NO_SUCH_POD)
            self.assertEqual(failure.message, "pod shop/web-0 is on node n1, not on n2")

    def test_not_synced(self) -> None:
        """While nothing is known the API server is asked, and judges."""
        routing = Routing(frozenset({"n1", ANY}), cluster=Cluster())
        self.assertEqual(routing.route(target()), API)
        self.assertEqual(routing.route(target("n1")), API)

    def test_out_of_touch(self) -> None:
        """What may be out of date is used, but refuses nobody."""
        known = cluster()
        known.in_touch = False
        routing = Routing(frozenset({"n1"}), cluster=known)
        self.assertEqual(routing.route(target()), "n1")
        self.assertEqual(routing.route(target(pod="new")), API)
        self.assertEqual(routing.route(target("n2")), API)
        pending = cluster(Phase.PENDING)
        pending.in_touch = False
        self.assertEqual(
            Routing(frozenset({"n1"}), cluster=pending).route(target()), API
        )

    def test_declared(self) -> None:
        """What an operator declares comes before what the API server says."""
        pods = {("shop", "web-0"): "n2", ("shop", "demo"): EMBEDDED}
        nodes = frozenset({"n1", "n2"})
        routing = Routing(nodes, pods, embedded=True, cluster=cluster())
        self.assertEqual(routing.route(target()), "n2")
        self.assertEqual(routing.route(target(pod="demo")), EMBEDDED)
        failure = self.refusal(routing, target("n1"))
        self.assertIn("is not on node n1", failure.message)

    def test_declared_anywhere(self) -> None:
        """A pod declared at "*" is there, unless "*" is each node's own address."""
        pods = {("shop", "web-0"): ANY}
        nodes = frozenset({ANY})
        self.assertEqual(Routing(nodes, pods, cluster=cluster()).route(target()), ANY)
        routing = Routing(nodes, pods, cluster=cluster(), by_address=True)
        self.assertEqual(routing.route(target()), "n1")

    def test_embedded_is_not_the_cluster(self) -> None:
        """A node service in the gateway has its declared pods and no other."""
        routing = Routing(embedded=True, cluster=cluster())
        self.assertEqual(routing.route(target()), API)
        self.assertEqual(routing.route(target(pod="nope")), API)
