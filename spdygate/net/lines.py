"""
Connections to one node that go over from HTTP/1.1: SPDY and WebSocket.

A SPDY session, bare or inside a WebSocket, is for one pod, and its peer has no
flow control.  When a port of the pod does not read, a kubelet reads nothing of
the whole session any more, and not even the reset that would help
(docs/protocol.rst, 3.4); when a client does not read one tunnel, we stop reading
all of them.  So a tunnel has a connection for itself while it is open, and the
next one has it when that is over: however short tunnels are, they cost no
handshakes.  Only beyond `MOST` at once do they share.  And a client's session
shares with no other, so that a client which stalls holds up only itself.

A WebSocket with channels is for one tunnel, ever.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure as TwistedFailure

from ..dialect.nodespdy import NodeSpdy
from ..dialect.tunnel import Failure, Reason, Request
from ..gateway.ladder import Generation, verdict
from ..gateway.switchboard import Switchboard
from ..session.http1events import Switched
from ..wire.urls import Target
from .attempts import STOPPING, Access, Attempt, Node
from .explain import unreachable
from .nodeasks import (
    Ask,
    BadAnswerError,
    ChannelsAsk,
    Opener,
    SpdyAsk,
    Terms,
    TunnelAsk,
)
from .pool import CONNECTING
from .shell import Shell
from .sockets import Ready, too_late, tune
from .turn import Turn
from .upgrading import Refused, Upgrading

#: Connections of one client's session to one pod.
MOST = 16

#: Whose connection it is, and to which pod.
_Key = tuple[str, Target]

AskKind = type[SpdyAsk] | type[TunnelAsk] | type[ChannelsAsk]


@dataclass(slots=True, eq=False)
class Line:
    """
    One connection, from the dial on.

    :ivar waiting: what will be opened on it.
    :ivar opener: set once the node has gone over.
    """

    key: _Key
    ask: Ask
    waiting: deque[Attempt] = field(default_factory=deque)
    opener: Opener | None = None
    shell: Shell | None = None
    upgrading: Upgrading | None = None
    connecting: Deferred[IProtocol] | None = None

    @property
    def load(self) -> int:
        """Return how many tunnels are on it, or will be."""
        opener = self.opener
        open_now = opener.tunnels if isinstance(opener, NodeSpdy) else 1
        return len(self.waiting) + open_now

    @property
    def free(self) -> bool:
        """Return whether there is no tunnel on it, and nothing against one."""
        opener = self.opener
        return (
            opener is not None
            and not self.load
            and not opener.exhausted
            and not self.disturbed
        )

    @property
    def disturbed(self) -> bool:
        """Return whether one of them may be in the way of all others."""
        return isinstance(self.opener, NodeSpdy) and self.opener.disturbed


class Lines:
    """
    The connections to one node in one of these generations.

    :ivar generation: which.
    """

    def __init__(
        self,
        kind: AskKind,
        node: Node,
        switchboard: Switchboard,
        turn: Turn,
        access: Access,
        terms: Terms,
    ) -> None:
        self.generation = kind.generation
        self._kind = kind
        self._node = node
        self._switchboard = switchboard
        self._turn = turn
        self._access = access
        self._terms = terms
        #: Those on which tunnels may still be opened.
        self._lines: dict[_Key, list[Line]] = {}
        #: All there are.
        self._all: set[Line] = set()

    def dial(self, attempt: Attempt) -> None:
        """Open the attempt's tunnel, now or when its connection is there."""
        request = attempt.relay.request
        key = self._key(request)
        line = self._free(key)
        if line is not None:
            line.waiting.append(attempt)
            self._serve(line)
            return
        line = Line(key, self._kind(self._node, request, self._terms))
        self._lines.setdefault(key, []).append(line)
        line.waiting.append(attempt)
        self._connect(line)

    def _free(self, key: _Key) -> Line | None:
        """Return a connection to open a tunnel on, if it should not be a new one."""
        for line in self._lines.get(key, ()):
            if line.free:
                return line
        lines = [
            line
            for line in self._lines.get(key, ())
            if line.opener is None or not line.opener.exhausted
        ]
        calm = [line for line in lines if not line.disturbed]
        least = min(calm or lines, key=lambda line: line.load, default=None)
        # Those that are disturbed make room, but not for ever.
        return None if len(calm) < MOST and len(lines) < 2 * MOST else least

    def _key(self, request: Request) -> _Key:
        """Return who shares a connection."""
        alone = self.generation is Generation.CHANNELS or not request.session
        return request.request_id if alone else request.session, request.target

    def _serve(self, line: Line) -> None:
        """Open what waits, as far as the connection allows."""
        opener = line.opener
        while opener is not None and line.waiting and opener.usable:
            relay = line.waiting.popleft().relay
            if not relay.over:
                relay.join(opener.open(relay.request))
        if opener is not None and line.waiting and opener.exhausted:
            why = f"{self._node.hop}: the connection takes no more tunnels"
            self._hand_back(line, Failure(Reason.RETRY, why))

    def _connect(self, line: Line) -> None:
        """Make a connection, and ask for the upgrade on it."""
        self._all.add(line)
        line.upgrading = Upgrading(
            line.ask.head,
            line.ask.token,
            self._turn,
            lambda event: self._switched(line, event),
            lambda why: self._refused(line, why),
        )
        with self._turn:
            connecting = self._node.http1.connect(Ready(line.upgrading))
            line.connecting = connecting
            connecting.addTimeout(CONNECTING, self._turn.clock, too_late)
            connecting.addCallbacks(
                lambda _: self._connected(line),
                lambda why: self._unreachable(line, why),
            )

    def _connected(self, line: Line) -> None:
        """Wait for the node's answer."""
        line.connecting = None
        if line.upgrading is not None:
            tune(line.upgrading.transport)

    def _unreachable(self, line: Line, why: TwistedFailure) -> None:
        """Hand back what waits for a node that cannot be reached."""
        line.connecting = None
        node = self._node
        self._over(line, unreachable(why, node.hop, node.options))

    def _refused(self, line: Line, why: Refused) -> None:
        """Hand back what waits: the node did not go over."""
        judged = verdict(why.status, why.body)
        if judged is None:
            failure = Failure(Reason.STRANGER, why.words)
        else:
            failure = Failure(judged.reason, f"{self._node.hop}: {judged.message}")
        self._over(line, failure)

    def _over(self, line: Line, why: Failure) -> None:
        """Forget a connection that has ended."""
        self._all.discard(line)
        self._hand_back(line, why)

    def _hand_back(self, line: Line, why: Failure) -> None:
        """Use a connection for no further tunnel, and hand back what waited for it."""
        lines = self._lines.get(line.key, [])
        if line in lines:
            lines.remove(line)
        if not lines:
            self._lines.pop(line.key, None)
        waiting, line.waiting = line.waiting, deque()
        with self._turn:
            for attempt in waiting:
                self._access.handed_back(attempt, self.generation, why)

    def _switched(self, line: Line, event: Switched) -> Shell | str:
        """Put the dialect on a connection that has gone over."""
        if all(attempt.relay.over for attempt in line.waiting):
            # A tunnel that is joined to nobody is never ended by anybody, either.
            return "nobody waits for it any more"
        try:
            accepted = line.ask.accept(event.headers, self._turn.seconds())
        except BadAnswerError as error:
            return str(error)
        line.opener, line.upgrading = accepted.opener, None
        shell = line.shell = Shell(accepted.dialect, self._switchboard, self._turn)
        shell.on_flush = lambda: self._serve(line)
        shell.on_lost = lambda why: self._lost(line, why)
        with self._turn:
            self._access.learnt(self.generation)
            self._serve(line)
        return shell

    def _lost(self, line: Line, why: TwistedFailure) -> None:
        """Forget a connection, and doubt a node that closed it on us."""
        assert line.opener is not None
        if line.shell is not None and not line.shell.closing:
            self._access.doubt()
        words = f"{self._node.hop}: {line.opener.why}"
        self._over(line, Failure(Reason.RETRY, words))

    def stop(self) -> None:
        """Close every connection."""
        for line in list(self._all):
            self._over(line, STOPPING)
            if line.connecting is not None:
                line.connecting.cancel()
            elif line.shell is not None:
                line.shell.abort()
            elif line.upgrading is not None:
                line.upgrading.abort()
