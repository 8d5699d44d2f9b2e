"""
Which pods a node serves, and where their ports are.

So far a pod is what an operator declared with ``--pod NS/NAME=HOST``, or the
demo pod, which lives in the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..dialect.tunnel import Failure, Reason
from ..wire.urls import Target

#: The demo pod: its namespace and its name.
DEMO = ("default", "demo")


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a pod's ports are.

    :ivar host: a name or an address, IPv4 or IPv6; empty for the demo pod.
    """

    host: str


#: The pod that lives in the process.
IN_PROCESS = Place("")


@dataclass(frozen=True, slots=True)
class Pods:
    """
    The pods of one node.

    :ivar places: by namespace and name.
    :ivar uids: the uid that a URL which names one must have, where known.
    """

    places: Mapping[tuple[str, str], Place]
    uids: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def find(self, target: Target) -> Place | Failure:
        """Return where the pod is, or why it is not."""
        key = target.namespace, target.pod
        name = "/".join(key)
        place = self.places.get(key)
        if place is None:
            return Failure(Reason.NO_SUCH_POD, f"pod {name} is not on this node")
        known = self.uids.get(key)
        if target.uid is not None and known is not None and target.uid != known:
            words = f"pod {name} has another uid than {target.uid}"
            return Failure(Reason.NO_SUCH_POD, words)
        return place
