"""
From a tunnel to the node that has its pod.

Routing says which node; how it is reached, and in which dialect, is found out
by the `Access` to it.  Every opening has the same time, whatever it is spent
on; a node that cannot be reached costs the tunnels that wait for it and nothing
else, and the next one tries again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..dialect.tunnel import Failure, Reason
from ..gateway.ladder import Generation
from ..gateway.relay import Relay
from ..gateway.routing import Routing
from ..gateway.switchboard import Switchboard
from .attempts import STOPPING, Access, Node
from .lines import Lines
from .nodeasks import ChannelsAsk, SpdyAsk, Terms, TunnelAsk
from .pool import Pool
from .turn import Turn

#: Seconds for a tunnel to be opened in all, below the 30 s after which Go
#: clients give up (docs/protocol.rst, 8.1).
OPENING = 20.0


class Openings:
    """Gives every tunnel the same time to be opened, with one timer for all."""

    def __init__(self, clock: IReactorTime, turn: Turn) -> None:
        self._clock = clock
        self._turn = turn
        self._queue: deque[tuple[float, Relay]] = deque()
        self._timer: IDelayedCall | None = None

    def add(self, relay: Relay) -> None:
        """Bound the opening of *relay*."""
        self._forget_settled()
        self._queue.append((self._clock.seconds() + OPENING, relay))
        if self._timer is None:
            self._timer = self._clock.callLater(OPENING, self._expire)

    def _forget_settled(self) -> None:
        """Let go of the oldest tunnels, as far as they are open or over."""
        queue = self._queue
        while queue and (queue[0][1].opened or queue[0][1].over):
            queue.popleft()

    def _expire(self) -> None:
        """Refuse what is late, and wait for the next."""
        now = self._clock.seconds()
        words = f"the node did not connect the tunnel within {OPENING:.0f} s"
        self._timer = None
        self._forget_settled()
        late = []
        while self._queue and self._queue[0][0] <= now:
            late.append(self._queue.popleft()[1])
            self._forget_settled()
        if self._queue:
            delay = max(0.0, self._queue[0][0] - now)
            self._timer = self._clock.callLater(delay, self._expire)
        with self._turn:
            for relay in late:
                relay.refuse(Failure(Reason.TIMEOUT, words))

    def stop(self) -> None:
        """Forget all."""
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class NodeDialer:
    """Connects each tunnel to the node that has its pod."""

    def __init__(
        self,
        routing: Routing,
        turn: Turn,
        find: Callable[[str, str], Access] | None = None,
    ) -> None:
        """
        Prepare to dial.

        :param find: returns the way to a node that nobody named, from its name
            and the address that the API server tells.
        """
        self._routing = routing
        self._openings = Openings(turn.clock, turn)
        self._nodes: dict[str, Access] = {}
        self._find = find
        #: Nodes that `find` has found, and the address of each.
        self._found: dict[str, tuple[str, Access]] = {}
        self._stopped = False

    def add(self, name: str, access: Access) -> None:
        """Let the node that routing knows as *name* be reached through *access*."""
        self._nodes[name] = access

    def dial(self, relay: Relay) -> None:
        """Begin to connect *relay*."""
        if self._stopped:
            relay.refuse(STOPPING)
            return
        node = self._routing.route(relay.request.target)
        if isinstance(node, Failure):
            relay.refuse(node)
            return
        self._openings.add(relay)
        access = self._nodes.get(node) or self._by_address(node)
        access.dial(relay)

    def _by_address(self, name: str) -> Access:
        """Return the way to a node of the cluster, at the address it has now."""
        assert self._find is not None
        address = self._routing.address_of(name)
        known = self._found.get(name)
        if known is not None and known[0] == address:
            return known[1]
        self._forget_the_gone()
        access = self._find(name, address)
        self._found[name] = address, access
        return access

    def _forget_the_gone(self) -> None:
        """Close connections to nodes that are gone, or that have moved."""
        for name, (address, access) in list(self._found.items()):
            if self._routing.address_of(name) != address:
                del self._found[name]
                access.stop()

    def stop(self) -> None:
        """Close every connection to every node, and make no other."""
        self._stopped = True
        self._openings.stop()
        for access in self._nodes.values():
            access.stop()
        for _, access in self._found.values():
            access.stop()


def access_to(node: Node, switchboard: Switchboard, turn: Turn, terms: Terms) -> Access:
    """Return the way to a node, in every dialect there is."""
    access = Access(node, turn)
    old = {
        kind.generation: Lines(kind, node, switchboard, turn, access, terms)
        for kind in (SpdyAsk, TunnelAsk, ChannelsAsk)
    }
    pool = Pool(node, switchboard, turn, access, terms.patience)
    access.carry_by({Generation.HTTP2: pool, **old})
    return access
