"""
One node, in whichever dialect it turns out to speak.

A tunnel for the node is an `Attempt`, which goes down the ladder of
docs/protocol.rst, 8.3, by itself: those that come at the same time share
connections, so there is nothing to be gained by letting one go first, and a
target that is slow to answer keeps nobody waiting.  How a dialect makes its
connections is a `Carrier`'s business; it either joins the attempt's relay to an
end or hands the attempt back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.logger import Logger

from ..dialect.asking import Place
from ..dialect.tunnel import Failure, Reason
from ..gateway.ladder import OF_API_SERVERS, OF_NODES, Generation, Knowledge
from ..gateway.relay import Relay
from ..wire.upgrade import Fields
from .apiserver import no_credential
from .turn import Turn

_log = Logger()

STOPPING = Failure(Reason.DRAINING, "the gateway is stopping")


@dataclass(frozen=True, slots=True)
class Node:
    """
    How a node is reached.

    :ivar name: in words for a log.
    :ivar url: the same.
    :ivar place: how its URLs are written.
    :ivar scheme: ``https`` or ``http``.
    :ivar endpoint: connects, and offers HTTP/2 first if it speaks TLS.
    :ivar http1: connects, and offers HTTP/1.1 alone.
    :ivar pinned: what it speaks, if an operator says so.
    :ivar credential: returns the headers that prove who we are, read anew.
    """

    name: str
    url: str
    place: Place
    scheme: str
    endpoint: IStreamClientEndpoint
    http1: IStreamClientEndpoint
    pinned: Generation | None = None
    credential: Callable[[], Fields] = no_credential

    def __str__(self) -> str:
        return f"{self.name} ({self.url})"

    @property
    def hop(self) -> str:
        """Return how every failure of it begins."""
        return str(self) if self.place.api else f"node {self}"

    @property
    def options(self) -> str:
        """Return how the options of its TLS begin, for a remedy."""
        return "--api" if self.place.api else "--node"


@dataclass(slots=True, eq=False)
class Attempt:
    """
    One tunnel on its way to a node.

    :ivar tried: what the node turned out not to speak, and its words for it.
    :ivar repeated: whether it has been tried once more already.
    """

    relay: Relay
    tried: dict[Generation, str] = field(default_factory=dict)
    repeated: bool = False


class Carrier(Protocol):
    """One dialect's connections to one node."""

    def dial(self, attempt: Attempt) -> None:
        """
        Open the attempt's tunnel.

        Sooner or later it joins the relay, or calls `Access.handed_back`.
        """

    def stop(self) -> None:
        """Close every connection; what waits is refused by others."""


class Access:
    """One node, and what is known of it."""

    def __init__(self, node: Node, turn: Turn) -> None:
        self._node = node
        self._turn = turn
        ladder = OF_API_SERVERS if node.place.api else OF_NODES
        self._knowledge = Knowledge(ladder, node.pinned)
        self._carriers: Mapping[Generation, Carrier] = {}

    def carry_by(self, carriers: Mapping[Generation, Carrier]) -> None:
        """Use *carriers*; each of them has been told of us before."""
        self._carriers = carriers

    def dial(self, relay: Relay) -> None:
        """Open *relay* on the node, in whatever it speaks."""
        self._try(Attempt(relay))

    def _try(self, attempt: Attempt) -> None:
        """Take the next step of the ladder."""
        now = self._turn.seconds()
        generation = self._knowledge.next(attempt.tried, now)
        if generation is None:
            attempt.relay.refuse(self._nothing_left(attempt))
        else:
            self._carriers[generation].dial(attempt)

    def learnt(self, generation: Generation) -> None:
        """Hear from a carrier that the node speaks its dialect."""
        before = self._knowledge.known
        if self._knowledge.learn(generation, self._turn.seconds()):
            _log.info(
                "{node}: generation {generation}{was}",
                node=self._node.hop,
                generation=generation.value,
                was=f", was {before.value}" if before is not None else "",
            )

    def doubt(self) -> None:
        """Hear from a carrier that a connection which worked has failed."""
        self._knowledge.doubt()

    def handed_back(
        self, attempt: Attempt, generation: Generation, why: Failure
    ) -> None:
        """
        Hear from a carrier that it could not open an attempt.

        :param why: a `Reason.STRANGER` sends the attempt on to the next
            generation, a `Reason.RETRY` lets it try again, once; everything
            else is the answer.
        """
        if attempt.relay.over:
            return
        if why.reason is Reason.RETRY and not attempt.repeated:
            # Nothing of it was sent, or it would have been joined.
            attempt.repeated = True
            self._try(attempt)
            return
        if why.reason is not Reason.STRANGER:
            attempt.relay.refuse(why)
            return
        self._knowledge.doubt()
        attempt.tried[generation] = why.message
        self._try(attempt)

    def _nothing_left(self, attempt: Attempt) -> Failure:
        """Say what was tried, and what came of it."""
        came = "; ".join(f"{each.value}: {why}" for each, why in attempt.tried.items())
        words = f"{self._node.hop} speaks no port-forward that is known here ({came})"
        return Failure(Reason.REFUSED, words)

    def stop(self) -> None:
        """Refuse what waits, and close every connection."""
        for carrier in self._carriers.values():
            carrier.stop()
