"""
What the API server has told of nodes and pods, and nothing that it has not.

Rules:

1. Of each object only what routing needs is kept: of a pod its node, its uid
   and its phase; of a node the one address by which it is reached.
2. What cannot be the name of anything is passed over, and an object that says
   something strange of itself is kept without it.  An API server is believed;
   but a node reports its own addresses, and is not believed as far as to send
   the gateway to itself (CVE-2022-3294 is what comes of that).
3. What is known is *synced* once all pods have been listed.  It stays so while
   the API server is out of reach, since where a pod was a minute ago is the
   best there is; but that there is *no* such pod is believed only *in touch*.
   It ends when the API server says that we may not know (`Cluster.forget`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ..wire.kubejson import part, text
from ..wire.urls import is_namespace, is_node_name, is_pod_name, is_uid


class Resource(Enum):
    """What is watched; the value is the plural in URLs."""

    PODS = "pods"
    NODES = "nodes"


class Change(Enum):
    """What a watch says of an object; the value is the word on the wire."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class Phase(Enum):
    """How far a pod has come (k8s.io/api, core/v1/types.go: ``PodPhase``)."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"

    @property
    def is_last(self) -> bool:
        """Return whether no other phase follows."""
        return self in (Phase.SUCCEEDED, Phase.FAILED)


@dataclass(frozen=True, slots=True)
class PodFacts:
    """
    What is known of a pod.

    :ivar node: where it runs; empty while no node has been chosen.
    :ivar uid: which of the pods that had this name one after another it is.
    """

    node: str
    uid: str
    phase: Phase


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """
    What is known of a node.

    :ivar address: its InternalIP, without brackets; empty if it has none that
        may be dialled.
    """

    address: str


#: An object cut down to what is kept: its namespace, its name, its facts.
Kept = tuple[str, str, PodFacts | NodeFacts]


class Cluster:
    """
    The nodes and pods of one cluster, as far as they are known.

    :ivar synced: whether all pods are known.
    :ivar in_touch: whether we are being told of every change to them.
    """

    def __init__(self, *, near: bool = False) -> None:
        """
        Begin knowing nothing.

        :param near: whether a node may be on this very machine, as the API
            server is; otherwise an address of the loopback is none.
        """
        self.synced = False
        self.in_touch = False
        self._near = near
        self._pods: dict[tuple[str, str], PodFacts] = {}
        self._nodes: dict[str, NodeFacts] = {}

    def pod(self, namespace: str, name: str) -> PodFacts | None:
        """Return what is known of a pod."""
        return self._pods.get((namespace, name))

    def node(self, name: str) -> NodeFacts | None:
        """Return what is known of a node."""
        return self._nodes.get(name)

    def count(self, resource: Resource) -> int:
        """Return how many there are."""
        return len(self._pods if resource is Resource.PODS else self._nodes)

    def trim(self, resource: Resource, item: object) -> Kept | None:
        """
        Cut an object down to what is kept of it.

        :param item: a Pod or a Node as JSON has it.
        :returns: nothing if it has no name that an object can have.
        """
        metadata = part(item, "metadata")
        name = text(metadata, "name")
        if resource is Resource.NODES:
            return ("", name, self._node_facts(item)) if is_node_name(name) else None
        namespace = text(metadata, "namespace")
        if not is_pod_name(name) or not is_namespace(namespace):
            return None
        return namespace, name, _pod_facts(item, text(metadata, "uid"))

    def replace(self, resource: Resource, kept: Iterable[Kept]) -> None:
        """Forget what was known of a resource for what a list has told."""
        if resource is Resource.PODS:
            self._pods = {}
            self.synced = self.in_touch = True
        else:
            self._nodes = {}
        for each in kept:
            self._keep(each)

    def apply(self, change: Change, kept: Kept) -> None:
        """Take note of what a watch tells of one object."""
        if change is not Change.DELETED:
            self._keep(kept)
            return
        namespace, name, facts = kept
        if isinstance(facts, NodeFacts):
            self._nodes.pop(name, None)
        else:
            self._pods.pop((namespace, name), None)

    def forget(self, resource: Resource) -> None:
        """Know nothing of a resource any more."""
        if resource is Resource.PODS:
            self._pods = {}
            self.synced = self.in_touch = False
        else:
            self._nodes = {}

    def _keep(self, kept: Kept) -> None:
        """Keep one object."""
        namespace, name, facts = kept
        if isinstance(facts, NodeFacts):
            self._nodes[name] = facts
        else:
            self._pods[namespace, name] = facts

    def _node_facts(self, item: object) -> NodeFacts:
        """Return the first InternalIP of a node that may be dialled."""
        addresses = part(item, "status").get("addresses")
        for each in addresses if isinstance(addresses, list) else ():
            if isinstance(each, dict) and each.get("type") == "InternalIP":
                address = text(each, "address")
                if self._may_be_dialled(address):
                    return NodeFacts(address)
        return NodeFacts("")

    def _may_be_dialled(self, text: str) -> bool:
        """Say whether an address can be that of another machine."""
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address):
            if address.scope_id is not None:
                return False
            address = address.ipv4_mapped or address
        if address.is_loopback:
            return self._near
        odd = address.is_unspecified or address.is_multicast or address.is_link_local
        return not odd and address.packed != b"\xff" * 4


def _pod_facts(item: object, uid: str) -> PodFacts:
    """Return what is kept of a pod."""
    node = text(part(item, "spec"), "nodeName")
    phase = text(part(item, "status"), "phase")
    return PodFacts(
        node if is_node_name(node) else "",
        uid if is_uid(uid) else "",
        _PHASES.get(phase, Phase.UNKNOWN),
    )


_PHASES = {phase.value: phase for phase in Phase}
