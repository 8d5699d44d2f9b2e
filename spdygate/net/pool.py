"""
HTTP/2 connections to one node, shared by all clients.

There is one, opened when somebody first needs it, and up to `MOST` when the
node allows no more streams on it.  A tunnel that cannot be opened at once waits,
within the bound of every opening.

What speaks HTTP/2, and even extended CONNECT, is not for that a node service:
only an answer that says so proves it (docs/protocol.rst, 8.3).  Until then every
tunnel on a connection is on *trial*: nothing of its client's is sent on it, so
that it can still be opened in another dialect.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
)
from twisted.internet.interfaces import IProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure as TwistedFailure

from ..dialect.http2end import Http2End
from ..dialect.nodehttp2 import LOST, NodeHttp2
from ..dialect.patience import USUAL, Patience
from ..dialect.tunnel import Failed, Failure, Opened, Reason, TunnelEvent, nothing
from ..gateway.ladder import Generation
from ..gateway.switchboard import Switchboard
from ..session.http2 import Http2Session
from .attempts import STOPPING, Access, Attempt, Node
from .explain import explain, unreachable
from .shell import Shell
from .sockets import Ready, too_late, tune
from .turn import Turn
from .upgrading import Greeting, Refused

_log = Logger()

#: Connections to one node (docs/protocol.rst, 8.2).
MOST = 4

#: Seconds before a further connection is tried again that could not be made
#: while others work.
RETRY = 1.0

#: Seconds for a connection to a node to be made, and for the node to introduce
#: itself on it.
CONNECTING = 10.0

_HUNG_UP = "it hung up without a word of HTTP/2"

_GONE = Failure(Reason.GAVE_UP, "the client is gone")


@dataclass(slots=True, eq=False)
class Link:
    """
    One connection to a node.

    :ivar proven: whether a node service has answered on it.
    :ivar refused: why nothing can come of it, as far as TLS told.
    """

    dialect: NodeHttp2
    shell: Shell
    proven: bool = False
    refused: str = ""


class Trial:
    """A tunnel on an unproven connection: joined once a node service answers."""

    def __init__(self, pool: Pool, link: Link, attempt: Attempt, end: Http2End) -> None:
        self._pool = pool
        self._link = link
        self._attempt = attempt
        self._end = end
        attempt.relay.cancel = lambda: self._give_up(_GONE)
        end.receiver = self

    def act(self, event: TunnelEvent) -> None:
        """Hear how the node answered."""
        match event:
            case Opened():
                self._over()
                relay = self._attempt.relay
                relay.join(self._end)
                relay.act(event)
            case Failed(_, failure):
                self._over()
                if not self._end.answered:
                    failure = Failure(Reason.STRANGER, failure.message)
                self._pool.failed(self._attempt, failure)

    def refuse(self, failure: Failure) -> None:
        """Give the tunnel up, because of a fault on its connection."""
        self._give_up(failure)
        self._pool.failed(self._attempt, failure)

    def _give_up(self, why: Failure) -> None:
        """Let go of the end: nobody is to have the tunnel."""
        self._over()
        self._end.fail(why)

    def _over(self) -> None:
        """End the trial; an answer has proved the connection."""
        self._attempt.relay.cancel = nothing
        self._end.receiver = None
        if self._end.answered and not self._link.proven:
            self._link.proven = True
            self._pool.proved()


class Pool:
    """The HTTP/2 connections to one node."""

    generation = Generation.HTTP2

    def __init__(
        self,
        node: Node,
        switchboard: Switchboard,
        turn: Turn,
        access: Access,
        patience: Patience = USUAL,
    ) -> None:
        self._node = node
        self._switchboard = switchboard
        self._turn = turn
        self._access = access
        self._patience = patience
        self._links: list[Link] = []
        self._waiting: deque[Attempt] = deque()
        self._connecting: Deferred[IProtocol] | None = None
        self._retry_after = 0.0

    def dial(self, attempt: Attempt) -> None:
        """Open the attempt's tunnel, now or when it can be."""
        self._waiting.append(attempt)
        self._serve()

    def _serve(self) -> None:
        """Open what waits, as far as the connections allow."""
        while self._waiting:
            if self._waiting[0].relay.over:
                self._waiting.popleft()
                continue
            link = next((link for link in self._links if link.dialect.usable), None)
            if link is None:
                self._connect()
                return
            attempt = self._waiting.popleft()
            end = link.dialect.open(attempt.relay.request)
            if link.proven:
                attempt.relay.join(end)
            else:
                Trial(self, link, attempt, end)

    def proved(self) -> None:
        """Hear that a node service has answered."""
        self._access.learnt(self.generation)

    def failed(self, attempt: Attempt, why: Failure) -> None:
        """Hear that a tunnel could not be opened."""
        self._access.handed_back(attempt, self.generation, why)

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
        greeting = Greeting(link.shell, lambda why: self._greeted(link, why))
        # A connection that is made at once is not to be flushed, which would
        # look for one again, before it is noted.
        with self._turn:
            connecting = self._node.endpoint.connect(Ready(greeting))
            self._connecting = connecting
            connecting.addTimeout(CONNECTING, self._turn.clock, too_late)
            connecting.addCallbacks(lambda _: self._connected(link), self._unreachable)

    def _link(self) -> Link:
        """Build the protocol of a connection."""
        node = self._node
        now = self._turn.seconds()
        session = Http2Session(client=True)
        dialect = NodeHttp2(
            node.hop, node.place.authority, node.scheme, session, now, self._patience
        )
        link = Link(dialect, Shell(dialect, self._switchboard, self._turn))
        link.shell.on_flush = lambda: self._changed(link)
        link.shell.on_lost = lambda why: self._lost(link, why)
        return link

    def _greeted(self, link: Link, why: Refused) -> None:
        """Hear that TLS has agreed on something else."""
        link.refused = why.words

    def _connected(self, link: Link) -> None:
        """Wait for the node to introduce itself."""
        self._connecting = None
        if link.refused:
            self._hand_back(Failure(Reason.STRANGER, link.refused))
            return
        self._links.append(link)
        tune(link.shell.transport)

    def _unreachable(self, why: TwistedFailure) -> None:
        """Refuse what waits for a node that cannot be reached."""
        self._connecting = None
        node = self._node
        self._give_up(unreachable(why, node.hop, node.options))

    def _give_up(self, failure: Failure) -> None:
        """Hand back what waits, unless there is a connection to get room on."""
        if any(
            link.dialect.ready and not link.dialect.exhausted for link in self._links
        ):
            self._retry_after = self._turn.seconds() + RETRY
        else:
            self._hand_back(failure)

    def _hand_back(self, failure: Failure) -> None:
        """Hand back everything that waits."""
        waiting, self._waiting = self._waiting, deque()
        with self._turn:
            for attempt in waiting:
                self._access.handed_back(attempt, self.generation, failure)

    def _changed(self, link: Link) -> None:
        """Use what a connection now allows, and retire it when it is used up."""
        if self._waiting:
            self._serve()
        if link.dialect.exhausted and not link.dialect.tunnels:
            link.shell.close()

    def _lost(self, link: Link, why: TwistedFailure) -> None:
        """Forget a connection; one that never worked costs what waits for it."""
        self._links = [other for other in self._links if other is not link]
        if link.dialect.ready:
            _log.info(
                "{node}: connection over, {why}",
                node=self._node.hop,
                why=link.dialect.why,
            )
            self._access.doubt()
            self._serve()
            return
        words = link.dialect.why
        stranger = link.dialect.stranger
        if words == LOST:
            # Nothing of HTTP/2 came, and that is what HTTP/1.1 would do.
            hop = self._node.hop
            stranger = bool(why.check(ConnectionDone, ConnectionLost))
            words = _HUNG_UP if stranger else explain(why, hop, self._node.options)
        reason = Reason.STRANGER if stranger else Reason.REFUSED
        self._give_up(Failure(reason, words))

    def stop(self) -> None:
        """Close every connection, and make no other."""
        self._hand_back(STOPPING)
        if self._connecting is not None:
            self._connecting.cancel()
        for link in list(self._links):
            link.shell.abort()
