"""
Which node a tunnel goes to: from the target a URL names to a node's name.

Three things are known: the nodes an operator named, the pods an operator
declared, and whether there is a node service embedded in the gateway.  A URL
that names its node is believed as far as the name; one that does not needs the
pod to be declared.  A node is never *addressed* from a URL: a name that is not
known is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..dialect.tunnel import Failure, Reason
from ..wire.urls import Target

#: The name under which an operator gives a URL to every node not named.
ANY = "*"

#: The name of the node service inside the gateway; no Kubernetes name has it.
EMBEDDED = "(embedded)"


@dataclass(frozen=True, slots=True)
class Routing:
    """
    What is known of nodes and pods.

    :ivar nodes: names of nodes, possibly `ANY`, that have a URL.
    :ivar pods: the node of each declared pod, by namespace and name.
    :ivar embedded: whether there is a node service inside the gateway.
    """

    nodes: frozenset[str] = frozenset()
    pods: Mapping[tuple[str, str], str] = field(default_factory=dict)
    embedded: bool = False

    def route(self, target: Target) -> str | Failure:
        """Return the name of the node to ask, or why there is none."""
        declared = self.pods.get((target.namespace, target.pod))
        if target.node is None:
            return declared or self._somewhere(target)
        elsewhere = declared not in (None, target.node, ANY)
        if elsewhere and target.node in self.nodes:
            words = f"pod {_name(target)} is not on node {target.node}"
            return Failure(Reason.NO_SUCH_POD, words)
        return self._node(target.node)

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


def _name(target: Target) -> str:
    """Return the pod as an operator writes it."""
    return f"{target.namespace}/{target.pod}"
