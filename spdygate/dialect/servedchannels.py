"""
Port-forward on WebSocket channels, from the serving side.

A client names its ports in the URL of the upgrade, so its tunnels begin with
the connection: each is told its port at once and dialled at once, whether or
not the client ever uses it, as a kubelet does.  One WebSocket is one TCP
connection for each port, no more (docs/protocol.rst, section 4.1).

How a tunnel ends, without a FIN (section 8.4):

* What the pod has sent is delivered, then its port is silent; the tunnel is
  over both ways then, since the client can no longer be told of anything.
  When all are over the client reads Close 1000, and for one port that is its
  FIN.
* What failed is told on the port's second channel, and the other ports live
  on; without the pod, none does.
* The client's Close ends all of them, wherever they are.  What it had sent is
  delivered first: whoever writes a last line and hangs up has no other way to
  say so.  A connection that just vanishes delivers nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import RemoteError
from ..session.deadlines import Liveness, Verdict, in_words
from ..session.events import Buffer
from ..session.websocket import NORMAL, WebSocketSession
from ..wire.channels import Codec, preamble
from ..wire.portforward import error_forwarding
from ..wire.urls import Target
from .budget import Held, Shared
from .channelend import NEVER, ChannelEnd, ChannelLine, Channels
from .patience import USUAL, Patience
from .servedspdy import LAST_WORDS
from .spdystreams import Visit
from .stalls import Stalls, reset_stalled
from .tunnel import (
    Data,
    Failed,
    Failure,
    Finished,
    Opening,
    Reason,
    Request,
    TunnelEvent,
    nothing,
)


@dataclass(slots=True)
class ServedLine(ChannelLine):
    """
    What the ports of one client share.

    :ivar target: the pod, for the text of an error.
    :ivar done: ends whose pods have said all, and all of it has left.
    :ivar pod_gone: whether the session should end, for want of a pod.
    """

    target: Target = field(kw_only=True)
    done: list[ServedChannelEnd] = field(default_factory=list)
    pod_gone: bool = False

    def drop(self, end: ChannelEnd) -> None:
        """Forget an end, also one that was about to be told of as done."""
        # Not super(): a dataclass with slots is another class than this one.
        ChannelLine.drop(self, end)
        self.done = [other for other in self.done if other is not end]

    def tell(self, end: ServedChannelEnd, failure: Failure) -> None:
        """Write the words that a kubelet would have for *failure*."""
        target = self.target
        name = f"{target.namespace}/{target.pod}"
        text = error_forwarding(end.port, name, target.uid or "", failure.message)
        self.say(end.channel + 1, text.encode())
        gone = failure.reason in (Reason.POD_GONE, Reason.NO_SUCH_POD)
        self.pod_gone = self.pod_gone or gone


class ServedChannelEnd(ChannelEnd):
    """One port, as its client sees it."""

    __slots__ = ("port",)

    _line: ServedLine

    def __init__(self, line: ServedLine, channel: int, port: int) -> None:
        super().__init__(line, channel)
        self.port = port

    def finish(self) -> None:
        """Let the port fall silent behind what was sent."""
        if self.over or self.finished:
            return
        super().finish()
        if not self.waiting:
            self._line.done.append(self)

    def fail(self, failure: Failure) -> None:
        """Tell the client why, unless the pod has said all there was to say."""
        line = self._line
        if not (self.over or self.finished):
            line.tell(self, failure)
        if self.over or not (self.finished and self.waiting):
            line.drop(self)
        self.over = True
        line.wake()


class ServedChannels(Channels):
    """
    One client's WebSocket, as tunnels, ready to be carried.

    :ivar opened: how many tunnels were asked for so far.
    """

    _line: ServedLine

    def __init__(
        self,
        visit: Visit,
        ports: Sequence[int],
        codec: Codec,
        websocket: WebSocketSession,
        shared: Shared | None = None,
        now: float = 0.0,
        patience: Patience = USUAL,
    ) -> None:
        """
        Serve a client whose connection has just been upgraded.

        :param ports: what `spdygate.wire.channels.read_ports` has read.
        :param shared: the budget of all sessions of the process.
        :param now: seconds, of the clock that `tick` is told.
        """
        held = Held(shared or Shared())
        line = ServedLine(websocket, codec, held, target=visit.target)
        alive = Liveness(now, patience.quiet, idle=patience.idle)
        super().__init__(line, range(0, 2 * len(ports), 2), alive, now)
        self._stalls: Stalls[ChannelEnd] = Stalls(held, now, patience)
        self._visit = visit
        self._patience = patience
        #: Ends that nobody has been told of.
        self._new: list[ServedChannelEnd] = []
        self._end_at = NEVER
        self.opened = 0
        for index, port in enumerate(ports):
            end = ServedChannelEnd(line, 2 * index, port)
            line.add(end)
            line.say(end.channel, preamble(port))
            line.say(end.channel + 1, preamble(port))
            self._new.append(end)

    def lost(self, why: str = "the client closed the connection") -> list[TunnelEvent]:
        """Hear that the connection is gone; return what that means."""
        told = self._begin() if self.opened else []
        self._line.wake = self._line.held.wake = nothing
        self._end_all(why, told)
        return told

    def deadline(self) -> float:
        """Return the time at which `tick` has something to do."""
        line = self._line
        if self.ending:
            return NEVER
        if self._new or line.done or (line.pod_gone and self._end_at == NEVER):
            return self._now
        return min(self._end_at, self._alive.next(), self._stalls.next())

    def tick(self, now: float) -> list[TunnelEvent]:
        """Do what *now* demands: ask for tunnels, end those that are silent."""
        self._now = now
        told = self._begin()
        if self.ending:
            return told
        ends = self._line.ends.values()
        reset_stalled(self._stalls, ends, self._patience, now, told)
        if self._line.pod_gone and self._end_at == NEVER:
            # The other ports have a moment to say the same.
            self._end_at = now + LAST_WORDS
        elif now >= self._end_at:
            self._end("its pod is gone", told)
        self._look_alive(now, told)
        return told

    def _begin(self) -> list[TunnelEvent]:
        """Ask for every port, and say which of them have fallen silent."""
        told: list[TunnelEvent] = []
        new, self._new = self._new, []
        for end in new:
            told.append(Opening(end, self._request(end)))
        self.opened += len(new)
        done, self._line.done = self._line.done, []
        for end in done:
            if not end.over:
                told.append(Finished(end))
                self._line.drop(end)
        return told

    def _request(self, end: ServedChannelEnd) -> Request:
        """Return what is asked for on an end."""
        visit = self._visit
        request_id = f"{visit.session_id}-{end.channel}"
        return Request(
            visit.target,
            end.port,
            request_id,
            visit.user,
            visit.client,
            visit.session_id,
        )

    def _look_alive(self, now: float, told: list[TunnelEvent]) -> None:
        """Keep a quiet connection alive, and end one that nobody uses."""
        if self._line.busy:
            self._line.busy = False
            self._alive.used(now)
        match self._alive.judge(now):
            case Verdict.PING:
                self._ping()
            case Verdict.IDLE:
                self._end(f"idle for {in_words(self._patience.idle)}", told)

    def _drained(self, end: ChannelEnd, finished: bool) -> None:
        """Let the port fall silent once its last byte has left."""
        assert isinstance(end, ServedChannelEnd)
        if not finished:
            return
        if end.over:
            self._line.drop(end)
        else:
            self._line.done.append(end)

    def _data(
        self, channel: int, data: Buffer, finished: bool, told: list[TunnelEvent]
    ) -> None:
        """Pass on what a channel carries, as long as its port is not silent."""
        end = self._line.ends.get(channel)
        if end is not None and not end.over and len(data):
            end.take(len(data))
            told.append(Data(end, data))

    def _closed(self, code: int | None, told: list[TunnelEvent]) -> None:
        """Deliver what the client has sent, and end its tunnels."""
        for end in self._line.ends.values():
            if not end.over:
                told.append(Finished(end))
        self._end_all("the client closed the WebSocket", told)

    def _broken(self, error: RemoteError, told: list[TunnelEvent]) -> None:
        """End every tunnel: the client broke the protocol."""
        self._end_all(f"the client broke the protocol: {error}", told)

    def _end(self, why: str, told: list[TunnelEvent]) -> None:
        """End every tunnel, and tell the client so."""
        self._line.close(NORMAL, why)
        self._end_all(why, told)

    def _end_all(self, why: str, told: list[TunnelEvent]) -> None:
        """End every tunnel: there is no client any more."""
        self._line.ending = True
        self.why = self.why or why
        for end in list(self._line.ends.values()):
            self._line.drop(end)
            if self.opened:
                told.append(Failed(end, Failure(Reason.GAVE_UP, why)))
