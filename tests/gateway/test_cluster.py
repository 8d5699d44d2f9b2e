"""Tests for `spdygate.gateway.cluster`."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from spdygate.gateway.cluster import (
    Change,
    Cluster,
    Kept,
    NodeFacts,
    Phase,
    PodFacts,
    Resource,
)

PODS, NODES = Resource.PODS, Resource.NODES

#: As ``kubectl get pod -o json`` has it, much shortened.
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "web-0",
        "namespace": "shop",
        "uid": "0f0c7c2e-5b0e-4a6e-9f0e-0a0b0c0d0e0f",
        "resourceVersion": "1234",
    },
    "spec": {"nodeName": "n1", "containers": [{"name": "web"}]},
    "status": {"phase": "Running", "podIP": "10.244.1.7"},
}

FACTS = PodFacts("n1", "0f0c7c2e-5b0e-4a6e-9f0e-0a0b0c0d0e0f", Phase.RUNNING)


def node(*addresses: tuple[str, str]) -> dict[str, Any]:
    """Return a node with these (type, address) pairs."""
    listed = [{"type": kind, "address": address} for kind, address in addresses]
    return {"metadata": {"name": "n1"}, "status": {"addresses": listed}}


class TrimTests(SynchronousTestCase):
    """What is kept of an object."""

    def kept(self, resource: Resource, item: object, near: bool = False) -> Kept:
        """Return what is kept of an object, which must be something."""
        kept = Cluster(near=near).trim(resource, item)
        assert kept is not None
        return kept

    def test_pod(self) -> None:
        """Node, uid and phase."""
        self.assertEqual(self.kept(PODS, POD), ("shop", "web-0", FACTS))

    def test_pod_without_a_node(self) -> None:
        """A pod that waits for a node has none, and no phase is an unknown one."""
        bare = {"metadata": {"name": "web-0", "namespace": "shop"}}
        facts = PodFacts("", "", Phase.UNKNOWN)
        self.assertEqual(self.kept(PODS, bare), ("shop", "web-0", facts))

    def test_strange_parts(self) -> None:
        """What cannot be a node, a uid or a phase is none."""
        strange: dict[str, Any] = {
            "metadata": {"name": "web-0", "namespace": "shop", "uid": "a/b"},
            "spec": {"nodeName": "https:n1:10250"},
            "status": {"phase": ["Running"]},
        }
        self.assertEqual(self.kept(PODS, strange)[2], PodFacts("", "", Phase.UNKNOWN))

    def test_no_name(self) -> None:
        """An object that has no name that one can have is none."""
        cluster = Cluster()
        strange: tuple[object, ...] = (
            None,
            [],
            "x",
            {},
            {"metadata": None},
            {"metadata": {"name": "web-0"}},
            {"metadata": {"name": "A", "namespace": "shop"}},
            {"metadata": {"name": "a/b", "namespace": "shop"}},
            {"metadata": {"name": "a", "namespace": "a.b"}},
            {"metadata": {"name": 7, "namespace": "shop"}},
        )
        for item in strange:
            self.assertIsNone(cluster.trim(PODS, item))
        self.assertIsNone(cluster.trim(NODES, {"metadata": {"name": ".."}}))

    def test_address(self) -> None:
        """The first InternalIP is the address, whatever stands before it."""
        item = node(
            ("Hostname", "n1"), ("ExternalIP", "192.0.2.1"), ("InternalIP", "10.0.0.1"),
            ("InternalIP", "fd00::1"),
        )  # fmt: skip
        self.assertEqual(self.kept(NODES, item), ("", "n1", NodeFacts("10.0.0.1")))

    def test_addresses_that_are_none(self) -> None:
        """A node cannot send us to ourselves, to everybody, or to a name."""
        for address in (
            "127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::",
            "169.254.169.254", "fe80::1", "fe80::1%eth0", "224.0.0.1", "ff02::1",
            "255.255.255.255", "evil.example", "10.0.0.1:80", "",
        ):  # fmt: skip
            with self.subTest(address):
                item = node(("InternalIP", address))
                self.assertEqual(self.kept(NODES, item)[2], NodeFacts(""))
        item = node(("InternalIP", "127.0.0.1"), ("InternalIP", "fd00::1"))
        self.assertEqual(self.kept(NODES, item)[2], NodeFacts("fd00::1"))

    def test_all_on_one_machine(self) -> None:
        """Where the API server is on this machine, a node may be as well."""
        item = node(("InternalIP", "127.0.0.1"))
        self.assertEqual(self.kept(NODES, item, near=True)[2], NodeFacts("127.0.0.1"))
        item = node(("InternalIP", "0.0.0.0"))
        self.assertEqual(self.kept(NODES, item, near=True)[2], NodeFacts(""))

    @given(
        st.recursive(
            st.none() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["metadata", "name", "namespace", "uid", "spec", "nodeName"]
                        + ["status", "phase", "addresses", "type", "address"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=20,
        )
    )
    def test_anything(self, item: object) -> None:
        """Any JSON is an object or none."""
        for resource in Resource:
            Cluster().trim(resource, item)


class ClusterTests(SynchronousTestCase):
    """What is known, as lists and watches come."""

    def setUp(self) -> None:
        """Know one pod and one node."""
        self.cluster = Cluster()
        self.cluster.replace(PODS, [("shop", "web-0", FACTS)])
        self.cluster.replace(NODES, [("", "n1", NodeFacts("10.0.0.1"))])

    def test_known(self) -> None:
        """A pod is known within its namespace, a node by its name."""
        self.assertEqual(self.cluster.pod("shop", "web-0"), FACTS)
        self.assertIsNone(self.cluster.pod("else", "web-0"))
        self.assertEqual(self.cluster.node("n1"), NodeFacts("10.0.0.1"))
        self.assertIsNone(self.cluster.node("n2"))

    def test_synced(self) -> None:
        """It is when all pods are known; nodes alone are not enough."""
        cluster = Cluster()
        self.assertFalse(cluster.synced)
        cluster.replace(NODES, [])
        self.assertFalse(cluster.synced)
        self.assertFalse(cluster.in_touch)
        cluster.replace(PODS, [])
        self.assertTrue(cluster.synced)
        self.assertTrue(cluster.in_touch)

    def test_changes(self) -> None:
        """What is added or modified is kept, what is deleted is not."""
        pending = PodFacts("", "u", Phase.PENDING)
        self.cluster.apply(Change.ADDED, ("shop", "db", pending))
        self.cluster.apply(Change.MODIFIED, ("shop", "web-0", pending))
        self.cluster.apply(Change.DELETED, ("", "n1", NodeFacts("")))
        self.assertEqual(self.cluster.pod("shop", "db"), pending)
        self.assertEqual(self.cluster.pod("shop", "web-0"), pending)
        self.assertIsNone(self.cluster.node("n1"))
        self.cluster.apply(Change.DELETED, ("shop", "db", pending))
        self.cluster.apply(Change.DELETED, ("shop", "never-was", pending))
        self.assertEqual(self.cluster.count(PODS), 1)
        self.cluster.apply(Change.ADDED, ("", "n2", NodeFacts("10.0.0.2")))
        self.assertEqual(self.cluster.count(NODES), 1)

    def test_a_list_is_all_there_is(self) -> None:
        """What a new list does not have is gone."""
        self.cluster.replace(PODS, [("shop", "db", FACTS)])
        self.assertIsNone(self.cluster.pod("shop", "web-0"))
        self.assertEqual(self.cluster.count(PODS), 1)
        self.assertEqual(self.cluster.count(NODES), 1)

    def test_forgotten(self) -> None:
        """What we may not know is unknown; the other resource stays."""
        self.cluster.forget(NODES)
        self.assertTrue(self.cluster.synced)
        self.assertIsNone(self.cluster.node("n1"))
        self.cluster.forget(PODS)
        self.assertFalse(self.cluster.synced)
        self.assertIsNone(self.cluster.pod("shop", "web-0"))
