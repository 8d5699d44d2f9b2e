"""Tests for `spdygate.gateway.routing`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import Failure, Reason
from spdygate.gateway.routing import ANY, EMBEDDED, Routing
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
        """No URL can name the inner service or "*" as a node of Kubernetes."""
        for name in (EMBEDDED, ANY):
            self.assertNotRegex(name, r"^[a-z0-9.-]+$")
