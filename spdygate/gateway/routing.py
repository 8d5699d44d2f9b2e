"""
Which node a tunnel goes to: from the target a URL names to a node's name.

What is known comes from three places, and the first that knows decides: the
pods an operator declared, what the API server tells of the cluster, and, with
no API server, the URL itself, which is believed as far as the node's name.  A
node is never *addressed* from a URL: a name that is not known is refused.

With an API server known:

1. The pod must be one, be the one with the URL's uid, be running, and be on
   the node that the URL names, if it names one.
2. It is asked for at its node, if that node has a ``--node`` of its own; else
   as ``--node *`` says; else of the API server, which finds the node itself.
3. While the cluster is not known, whether because it is not known yet or
   because we may not ask, the API server is asked for the pod, and judges; and
   so it does where what is known may be out of date and would be a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..dialect.tunnel import Failure, Reason
from ..wire.urls import Target
from .cluster import Cluster, Phase, PodFacts

#: The name under which an operator gives a URL to every node not named.
ANY = "*"

#: The name of the node service inside the gateway; no Kubernetes name has it.
EMBEDDED = "(embedded)"

#: The name of the API server, asked for a pod in place of its node.
API = "(api-server)"


@dataclass(frozen=True, slots=True)
class Routing:
    """
    What is known of nodes and pods.

    :ivar nodes: names of nodes, possibly `ANY`, that have a URL.
    :ivar pods: the node of each declared pod, by namespace and name.
    :ivar embedded: whether there is a node service inside the gateway.
    :ivar cluster: what the API server tells; None if there is none to ask.
    :ivar by_address: whether the URL of `ANY` wants each node's own address.
    """

    nodes: frozenset[str] = frozenset()
    pods: Mapping[tuple[str, str], str] = field(default_factory=dict)
    embedded: bool = False
    cluster: Cluster | None = None
    by_address: bool = False

    def route(self, target: Target) -> str | Failure:
        """
        Return whom to ask for a pod, or why there is nobody.

        :returns: a name in `nodes`, `ANY`, `EMBEDDED`, `API`, or the name of a
            node of the cluster that is reached at `address_of` its name.
        """
        declared = self.pods.get((target.namespace, target.pod))
        # Of "*={address}" a pod that is declared there tells nothing.
        told = declared is not None and not (declared == ANY and self.by_address)
        if self.cluster is not None and not told:
            return self._in_cluster(self.cluster, target)
        if target.node is None:
            return declared or self._somewhere(target)
        elsewhere = declared not in (None, target.node, ANY)
        if elsewhere and target.node in self.nodes:
            words = f"pod {_name(target)} is not on node {target.node}"
            return Failure(Reason.NO_SUCH_POD, words)
        return self._node(target.node)

    def address_of(self, name: str) -> str:
        """Return the address of a node of the cluster; empty if none is known."""
        facts = None if self.cluster is None else self.cluster.node(name)
        return "" if facts is None else facts.address

    def _node(self, name: str) -> str | Failure:
        """Return how the node a URL names is reached."""
        if name in self.nodes:
            return name
        if ANY in self.nodes:
            return ANY
        if self.embedded:
            return EMBEDDED
        words = f"no node {name} is known here: start spdygate with --node {name}=URL"
        return Failure(Reason.NO_SUCH_POD, words)

    def _somewhere(self, target: Target) -> str | Failure:
        """Return where a pod is that nobody declared, if there is but one place."""
        if self.embedded and not self.nodes:
            return EMBEDDED
        if self.nodes == {ANY} and not self.embedded:
            return ANY
        words = (
            f"it is not known which node has pod {_name(target)}: start spdygate "
            f"with --pod {_name(target)}@NODE, or use a URL that names the node"
        )
        return Failure(Reason.NO_SUCH_POD, words)

    def _in_cluster(self, cluster: Cluster, target: Target) -> str | Failure:
        """Return whom to ask for a pod of the cluster."""
        if not cluster.synced:
            return API
        facts = cluster.pod(target.namespace, target.pod)
        if facts is None and target.node is None:
            # It may be too new for us to have heard of it.
            return API
        failure = _judge(facts, target)
        if facts is not None and failure is None:
            return self._cluster_node(facts.node)
        return failure if failure is not None and cluster.in_touch else API

    def _cluster_node(self, name: str) -> str:
        """Return how the node is reached that the API server names."""
        if name in self.nodes:
            return name
        if ANY not in self.nodes:
            return API
        if not self.by_address:
            return ANY
        # A node whose address nobody knows is known to the API server alone.
        return name if self.address_of(name) else API


def _judge(facts: PodFacts | None, target: Target) -> Failure | None:
    """
    Say what is wrong with asking for a pod, if anything is.

    :param facts: what is known of it; None if there is no such pod.
    """
    if facts is None:
        return Failure(Reason.NO_SUCH_POD, f'pods "{target.pod}" not found')
    if target.uid is not None and target.uid != facts.uid:
        words = f'pods "{target.pod}" not found: none has uid {target.uid} now'
        return Failure(Reason.NO_SUCH_POD, words)
    if facts.phase is not Phase.RUNNING or not facts.node:
        # What kubectl says (pkg/cmd/portforward/portforward.go).
        words = (
            "unable to forward port because pod is not running. "
            f"Current status={facts.phase.value}"
        )
        # A pod without a node is a 400 to the API server, too
        # (pkg/registry/core/pod/strategy.go: ``streamLocation``).
        reason = Reason.POD_GONE if facts.phase.is_last else Reason.BAD_REQUEST
        return Failure(reason, words)
    if target.node is not None and target.node != facts.node:
        words = f"pod {_name(target)} is on node {facts.node}, not on {target.node}"
        return Failure(Reason.NO_SUCH_POD, words)
    return None


def _name(target: Target) -> str:
    """Return the pod as an operator writes it."""
    return f"{target.namespace}/{target.pod}"
