"""
Port-forward as kubelets speak it, from the asking side: SPDY/3.1 after the 101.

A connection carries the tunnels of one client's session to one pod: it was the
upgrade's URL that named the pod.  What streams mean is in
`spdygate.dialect.nodespdystreams`; here is the rest of the connection: what a
shell asks of it, and its time.

A client that has stopped reading one of its tunnels keeps the whole connection
from being read: that tunnel is reset, and `spdygate.dialect.stalls` says when;
never if it is the only one, for nobody waits then.
And a pod that has stopped reading may keep a node from doing so, for good.
Whoever opens tunnels should use another connection while one is `disturbed`.

GOAWAY is the last thing that is said, when there are no tunnels: a Go server
closes upon it, whatever was on its way (docs/protocol.rst, 3.6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..session.deadlines import Liveness, Verdict, in_words
from .budget import Shared
from .nodespdyend import NodeSpdyEnd
from .nodespdystreams import NodeSpdyStreams
from .patience import USUAL, Patience
from .stalls import Stalls, stalled, starved
from .tunnel import TunnelEvent, nothing

#: Seconds after which a connection without tunnels is closed.
IDLE_TIMEOUT = 30.0

#: Seconds for which our FIN is held back, unless an operator says otherwise.
HOLD_FIN = 30.0

#: What is said of a connection that ended without a reason of its own.
LOST = "the connection was lost"


_NEVER = float("inf")


class NodeSpdy(NodeSpdyStreams):
    """Our connection to one kubelet, or to an API server, ready to be carried."""

    def __init__(
        self,
        name: str,
        now: float,
        hold_fin: float = HOLD_FIN,
        shared: Shared | None = None,
        patience: Patience = USUAL,
    ) -> None:
        """
        Begin on a connection that has just been upgraded.

        :param hold_fin: seconds; with 0 no FIN is held back.
        :param shared: the budget of all sessions of the process.
        """
        super().__init__(name, now, hold_fin, shared)
        self._patience = patience
        # Kubelets never ping (docs/protocol.rst, 3.5): we do.
        self._alive = Liveness(now, patience.quiet, patience.answer, IDLE_TIMEOUT)
        self._stalls: Stalls[NodeSpdyEnd] = Stalls(
            self._line.held, now, replace(patience, alone=_NEVER), starved
        )
        #: Whether the node has taken what was written to it since the last look.
        self._moved = False
        self.outgoing = self._session.outgoing
        self.pause = self._session.pause

    @property
    def reading(self) -> bool:
        """Return whether the node may be read from."""
        return self._line.held.may_read()

    @property
    def disturbed(self) -> bool:
        """Return whether a tunnel that is opened here may have to wait for others."""
        return self._line.held.stuck or bool(self._line.doubts)

    @property
    def has_waiting(self) -> bool:
        """Return whether `release` might write something now."""
        return self._session.has_waiting

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have *wake* called when there is something to write or read again."""
        self._line.wake = self._line.held.wake = wake

    def feed(self, data: bytes, now: float) -> list[TunnelEvent]:
        """Take bytes from the node; return what happened to the tunnels."""
        line = self._line
        line.now = now
        self._alive.heard(now)
        told = self._translate(self._session.feed(data, now))
        if (
            line.used and not line.ends
        ):  # a tick for this would cost more than it is worth
            line.used = False
            self._alive.used(now)
        return told

    def release(self, limit: int) -> list[TunnelEvent]:
        """Write about *limit* bytes of what has waited and may go now."""
        return self._translate(self._session.release(limit))

    def resume(self) -> None:
        """Let DATA go again: the node has taken what was written."""
        self._moved = True
        self._session.resume()

    def lost(self, why: str = LOST) -> list[TunnelEvent]:
        """Hear that the connection is gone; return what that means."""
        told: list[TunnelEvent] = []
        self._line.wake = self._line.held.wake = nothing
        self._end_all(why, told)
        return told

    def deadline(self) -> float:
        """Return the time at which `tick` has something to do."""
        line = self._line
        if self.ending:
            return float("inf")
        if not line.ends and (line.used or self._leaving):
            return line.now
        times = [countdown.next(line.now) for countdown in line.countdowns]
        times += [self._session.deadline(), self._alive.next(), self._stalls.next()]
        return min(times)

    def tick(self, now: float) -> list[TunnelEvent]:
        """Do what *now* demands: of tunnels, then of the connection."""
        told: list[TunnelEvent] = []
        if self.ending:
            return told
        for stream_id in self._line.openings.expired(now):
            if self.reading:
                self._unanswered(stream_id, told)
            else:  # the answer may lie there unread
                self._line.openings.begin_at(stream_id, now)
        self._line.tick(now, told)
        self._session.tick(now)
        self._reset_stalled(now, told)
        self._look_alive(now, told)
        return told

    def _reset_stalled(self, now: float, told: list[TunnelEvent]) -> None:
        """Reset the tunnel whose client keeps all the others waiting, alone."""
        line = self._line
        end = self._stalls.look(line.ends.values(), now)
        if end is not None:
            others = len(line.ends) - 1
            why = stalled(end, others, self._patience, "client")
            line.failed(end, why, told, named=True)

    def _look_alive(self, now: float, told: list[TunnelEvent]) -> None:
        """Ping a quiet node, give up a dead one, leave one that is not used."""
        line, alive = self._line, self._alive
        if line.used or line.ends:
            line.used = False
            alive.used(now)
        if self._moved or not self.reading:
            # It takes what we write; or an answer may lie there unread.
            self._moved = False
            alive.heard(now)
        if self._leaving and not line.ends:
            self._leave("", told)
            return
        match alive.judge(now):
            case Verdict.PING:
                line.doubts.ping()
                line.wake()
            case Verdict.DEAD:
                seconds = in_words(self._patience.answer)
                self._end_all(f"it did not answer a PING within {seconds}", told)
            case Verdict.IDLE:
                self._leave(f"no tunnel for {IDLE_TIMEOUT:.0f} s", told)

    def _leave(self, why: str, told: list[TunnelEvent]) -> None:
        """Say goodbye: there is nothing left to be said."""
        self._session.goaway()
        self._end_all(why, told)
        self._line.wake()
