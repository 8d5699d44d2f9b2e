"""
Our connections to nodes.

Every node has a `Pool`: one HTTP/2 connection that all clients share, opened
when somebody first needs it, and up to `MOST` when the node allows no more
streams on it.  A tunnel that cannot be opened at once waits, within the bound
of every opening; a node that cannot be reached costs the tunnels that wait for
it and nothing else, and the next one tries again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from twisted.internet.error import TCPTimedOutError, TimeoutError
from twisted.internet.interfaces import (
    IDelayedCall,
    IProtocol,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.logger import Logger
from twisted.python.failure import Failure as TwistedFailure

from ..dialect.nodehttp2 import LOST, NodeHttp2
from ..dialect.tunnel import Failure, Reason
from ..gateway.relay import Relay
from ..gateway.routing import Routing
from ..gateway.switchboard import Switchboard
from ..session.http2 import Http2Session
from .explain import explain
from .shell import Shell, Turn
from .sockets import Ready, tune

_log = Logger()

#: Connections to one node (docs/protocol.rst, 8.2).
MOST = 4

#: Seconds before a further connection is tried again that could not be made
#: while others work.
RETRY = 1.0

#: Seconds for a tunnel to be opened in all, below the 30 s after which Go
#: clients give up (docs/protocol.rst, 8.1).
OPENING = 20.0

#: Seconds for a connection to a node to be made, and for the node to introduce
#: itself on it.
CONNECTING = 10.0

_STOPPING = Failure(Reason.DRAINING, "the gateway is stopping")


@dataclass(frozen=True, slots=True)
class Node:
    """
    How a node is reached.

    :ivar name: in words for a log.
    :ivar url: the same.
    :ivar authority: what the node is called in ``:authority``.
    :ivar scheme: ``https`` or ``http``.
    """

    name: str
    url: str
    authority: str
    scheme: str
    endpoint: IStreamClientEndpoint

    def __str__(self) -> str:
        return f"{self.name} ({self.url})"


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


@dataclass(slots=True, eq=False)
class Link:
    """
    One connection to a node.

    :ivar introduced: whether the node has proved to be a node service.
    """

    dialect: NodeHttp2
    shell: Shell
    introduced: bool = False


class Pool:
    """The connections to one node."""

    def __init__(self, node: Node, switchboard: Switchboard, turn: Turn) -> None:
        self._node = node
        self._switchboard = switchboard
        self._turn = turn
        self._links: list[Link] = []
        self._waiting: deque[Relay] = deque()
        self._connecting: Deferred[IProtocol] | None = None
        self._retry_after = 0.0

    def dial(self, relay: Relay) -> None:
        """Open *relay* on the node, now or when it can be."""
        self._waiting.append(relay)
        self._serve()

    def _serve(self) -> None:
        """Open what waits, as far as the connections allow."""
        while self._waiting:
            if self._waiting[0].over:
                self._waiting.popleft()
                continue
            link = next((link for link in self._links if link.dialect.usable), None)
            if link is None:
                self._connect()
                return
            relay = self._waiting.popleft()
            relay.join(link.dialect.open(relay.request))

    def _connect(self) -> None:
        """Make one connection more, unless one is being made or none may be."""
        # One that is going away keeps its tunnels, and nobody from another.
        live = [link for link in self._links if not link.dialect.exhausted]
        unready = any(not link.dialect.ready for link in live)
        if self._connecting is not None or unready or len(live) >= MOST:
            return
        if live and self._turn.seconds() < self._retry_after:
            return
        link = self._link()
        # A connection that is made at once is not to be flushed, which would
        # look for one again, before it is noted.
        with self._turn:
            connecting = self._node.endpoint.connect(Ready(link.shell))
            self._connecting = connecting
            connecting.addTimeout(CONNECTING, self._turn.clock, _too_late)
            connecting.addCallbacks(lambda _: self._connected(link), self._unreachable)

    def _link(self) -> Link:
        """Build the protocol of a connection."""
        node = self._node
        now = self._turn.seconds()
        session = Http2Session(client=True)
        dialect = NodeHttp2(str(node), node.authority, node.scheme, session, now)
        link = Link(dialect, Shell(dialect, self._switchboard, self._turn))
        link.shell.on_flush = lambda: self._changed(link)
        link.shell.on_lost = lambda why: self._lost(link, why)
        return link

    def _connected(self, link: Link) -> None:
        """Wait for the node to introduce itself."""
        self._connecting = None
        self._links.append(link)
        tune(link.shell.transport)

    def _unreachable(self, why: TwistedFailure) -> None:
        """Refuse what waits for a node that cannot be reached."""
        self._connecting = None
        late = why.check(TimeoutError, TCPTimedOutError)
        reason = Reason.TIMEOUT if late else Reason.REFUSED
        self._give_up(Failure(reason, explain(why, f"node {self._node}")))

    def _give_up(self, failure: Failure) -> None:
        """Refuse what waits, unless there are connections on which room may come."""
        if any(
            link.dialect.ready and not link.dialect.exhausted for link in self._links
        ):
            self._retry_after = self._turn.seconds() + RETRY
        else:
            self._refuse_all(failure)

    def _refuse_all(self, failure: Failure) -> None:
        """Refuse everything that waits."""
        waiting, self._waiting = self._waiting, deque()
        with self._turn:
            for relay in waiting:
                relay.refuse(failure)

    def _changed(self, link: Link) -> None:
        """Use what a connection now allows, and retire it when it is used up."""
        if link.dialect.ready and not link.introduced:
            link.introduced = True
            _log.info("node {node}: connected, generation http2", node=self._node)
        if self._waiting:
            self._serve()
        if link.dialect.exhausted and not link.dialect.tunnels:
            link.shell.close()

    def _lost(self, link: Link, why: TwistedFailure) -> None:
        """Forget a connection; one that never worked costs what waits for it."""
        self._links = [other for other in self._links if other is not link]
        if link.introduced:
            _log.info(
                "node {node}: connection over, {why}",
                node=self._node,
                why=link.dialect.why,
            )
            self._serve()
            return
        if link.dialect.why == LOST:
            words = explain(why, f"node {self._node}")
        else:
            words = f"node {self._node}: {link.dialect.why}"
        self._give_up(Failure(Reason.REFUSED, words))

    def stop(self) -> None:
        """Refuse what waits, and close every connection."""
        self._refuse_all(_STOPPING)
        if self._connecting is not None:
            self._connecting.cancel()
        for link in list(self._links):
            link.shell.abort()


def _too_late(result: object, timeout: float) -> object:
    """Call a connect that was given up what it is; endpoints say "cancelled"."""
    if isinstance(result, TwistedFailure):
        raise TimeoutError
    return result


class NodeDialer:
    """Connects each tunnel to the node that has its pod."""

    def __init__(self, routing: Routing, turn: Turn) -> None:
        self._routing = routing
        self._openings = Openings(turn.clock, turn)
        self._pools: dict[str, Pool] = {}
        self._stopped = False

    def add(self, name: str, pool: Pool) -> None:
        """Let the node that routing knows as *name* be reached through *pool*."""
        self._pools[name] = pool

    def dial(self, relay: Relay) -> None:
        """Begin to connect *relay*."""
        if self._stopped:
            relay.refuse(_STOPPING)
            return
        node = self._routing.route(relay.request.target)
        if isinstance(node, Failure):
            relay.refuse(node)
            return
        self._openings.add(relay)
        self._pools[node].dial(relay)

    def stop(self) -> None:
        """Close every connection to every node, and make no other."""
        self._stopped = True
        self._openings.stop()
        for pool in self._pools.values():
            pool.stop()
