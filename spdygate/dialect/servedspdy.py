"""
Port-forward as SPDY clients speak it, from the serving side.

The error stream of a pair is answered at once, and a tunnel is asked for as
soon as the data stream comes, whether or not its pair is complete: an old
client opens the second stream only when the first has been answered, and a
new one may open them in either order (docs/protocol.rst, 8.5).  From then on
the data stream alone decides the tunnel's life, and `spdyend` says how it is
told of an end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import RstStatus
from ..session import events
from ..session.deadlines import Liveness, Verdict
from ..session.spdy import SpdySession
from ..wire.portforward import (
    BadStream,
    Kind,
    StreamAsk,
    check_stream,
    timed_out,
    timed_out_2015,
)
from ..wire.urls import Target
from .budget import Held, Shared
from .pairs import PATIENCE, DuplicateStreamError, Pair
from .spdyend import Errors, Line, SpdyEnd
from .tunnel import (
    Data,
    Drained,
    Failed,
    Failure,
    Finished,
    Noted,
    Opening,
    Reason,
    Request,
    TunnelEvent,
    nothing,
)

__all__ = ["Errors", "ServedSpdy", "Visit"]

_NEVER = float("inf")

#: Seconds of a client's silence before it is pinged: balancers and NAT tables
#: forget a quiet connection after 4 minutes (Azure) or more, and clients before
#: 1.21 never ping themselves (docs/protocol.rst, 3.5).
PING_INTERVAL = 30.0

#: Seconds after which a session that carries nothing is ended, as a kubelet
#: does by default (``--streaming-connection-idle-timeout``).
IDLE_TIMEOUT = 4 * 3600.0

#: Seconds a client has to read the text that tells it of its pod's end.
LAST_WORDS = 1.0


@dataclass(frozen=True, slots=True)
class Visit:
    """
    What the upgrade request told about one client's session.

    :ivar session_id: unique among sessions; its tunnels are numbered with it.
    :ivar client: user agent and generation, in words for a log.
    :ivar negotiated: whether it sent X-Stream-Protocol-Version, as clients
        since Kubernetes 1.1 do.
    """

    target: Target
    session_id: str
    client: str = ""
    user: str = ""
    negotiated: bool = True


class ServedSpdy:
    """
    One SPDY client's session, as tunnels.

    :ivar ending: whether the connection is to be closed once all is written.
    :ivar why: what ended the session, when it was not simply closed.
    :ivar opened: how many tunnels were asked for so far.
    """

    def __init__(
        self,
        visit: Visit,
        errors: Errors = Errors.ISOLATE,
        shared: Shared | None = None,
        now: float = 0.0,
    ) -> None:
        """
        Serve a client whose connection has just been upgraded.

        :param shared: the budget of all sessions of the process.
        :param now: seconds, of the clock that `tick` is told.
        """
        self._visit = visit
        self._session = SpdySession(client=False)
        held = Held(shared or Shared())
        old = not visit.negotiated
        self._line = Line(self._session, visit.target, errors, held, old)
        self._ends = self._line.ends
        self._pairs = self._line.pairs
        #: Error streams whose data stream has not come.
        self._early: dict[int, Pair] = {}
        self._alive = Liveness(now, PING_INTERVAL, idle=IDLE_TIMEOUT)
        self._pings = 0
        self._now = now
        self._end_at = _NEVER
        self.ending = False
        self.why = ""
        self.opened = 0
        self.outgoing = self._session.outgoing
        self.pause = self._session.pause
        self.resume = self._session.resume

    @property
    def reading(self) -> bool:
        """Return whether the client may be read from."""
        return not self._line.held.over

    @property
    def has_waiting(self) -> bool:
        """Return whether `release` might write something now."""
        return self._session.has_waiting

    @property
    def tunnels(self) -> int:
        """Return how many tunnels are not over."""
        return len(self._ends)

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have *wake* called when there is something to write or read again."""
        self._line.wake = wake

    def feed(self, data: bytes, now: float) -> list[TunnelEvent]:
        """Take bytes from the client; return what happened to its tunnels."""
        self._now = now
        self._alive.heard(now)
        self._alive.used(now)
        return self._translate(self._session.feed(data, now))

    def release(self, limit: int) -> list[TunnelEvent]:
        """Write about *limit* bytes of what has waited and may go now."""
        return self._translate(self._session.release(limit))

    def _translate(self, happened: list[events.Event]) -> list[TunnelEvent]:
        """Say in terms of tunnels what happened to streams."""
        told: list[TunnelEvent] = []
        for event in happened:
            if type(event) is events.DataReceived:
                self._data(event, told)
            else:
                self._other(event, told)
        return told

    def _data(self, event: events.DataReceived, told: list[TunnelEvent]) -> None:
        """Pass on what a data stream carries; an error stream carries nothing."""
        end = self._ends.get(event.stream_id)
        count = len(event.data)
        if end is None or end.over:
            self._session.grant(event.stream_id, count)
            return
        end.held = self._line.held.take(end.held, count)
        told.append(Data(end, event.data))

    def _other(self, event: events.Event, told: list[TunnelEvent]) -> None:
        """Act on whatever is not DATA."""
        match event:
            case events.StreamOpened():
                self._opened(event, told)
            case events.StreamFinished(stream_id):
                self._finished(stream_id, told)
            case events.StreamReset(stream_id):
                self._reset(stream_id, told)
            case events.Drained(stream_id, count):
                self._drained(stream_id, count, told)
            case events.GoingAway():
                self._end_all(told, "the client said goodbye")
            case events.Broken(error):
                self._end_all(told, f"the client broke the protocol: {error}")

    def _opened(self, event: events.StreamOpened, told: list[TunnelEvent]) -> None:
        """Give a new stream its place, or refuse it as a kubelet does."""
        stream_id = event.stream_id
        try:
            ask = check_stream(event.headers)
            pair = self._pairs.add(stream_id, ask, self._now)
        except (BadStream, DuplicateStreamError) as error:
            self._session.reset(stream_id, RstStatus.CANCEL)
            told.append(Noted(f"stream {stream_id} refused: {error}"))
        else:
            if ask.kind is Kind.ERROR:
                self._error_stream(stream_id, pair)
            else:
                self._data_stream(stream_id, pair, ask, event.finished, told)

    def _error_stream(self, stream_id: int, pair: Pair) -> None:
        """Answer an error stream; the client opens no other before."""
        self._session.accept(stream_id)
        if pair.over:
            self._line.end_error_stream(pair)
        elif pair.data_id is None:
            self._early[stream_id] = pair

    def _data_stream(
        self,
        stream_id: int,
        pair: Pair,
        ask: StreamAsk,
        finished: bool,
        told: list[TunnelEvent],
    ) -> None:
        """Ask for a tunnel."""
        end = self._ends[stream_id] = SpdyEnd(self._line, pair, stream_id)
        if pair.error_id is not None:
            self._early.pop(pair.error_id, None)
        if self._line.errors is Errors.KUBELET:
            self._session.accept(stream_id)
        self.opened += 1
        visit = self._visit
        request_id = f"{visit.session_id}-{stream_id}"
        request = Request(visit.target, ask.port, request_id, visit.user, visit.client)
        told.append(Opening(end, request))
        if finished:
            told.append(Finished(end))

    def _finished(self, stream_id: int, told: list[TunnelEvent]) -> None:
        """Pass on the client's FIN; on an error stream it says nothing."""
        end = self._ends.get(stream_id)
        if end is None:
            return
        if not end.over:
            told.append(Finished(end))
        if stream_id not in self._session:
            self._line.forget(end)

    def _reset(self, stream_id: int, told: list[TunnelEvent]) -> None:
        """
        End the tunnel whose client gave it up.

        A client of generation A or B resets where a newer one finishes, and
        any client may once the pod has sent all: then what it sent before is
        still delivered.
        """
        end = self._ends.pop(stream_id, None)
        if end is None:
            early = self._early.pop(stream_id, None)
            if early is not None:
                self._pairs.done(early)
            return
        if not end.over:
            if end.finished or self._line.is_old(end.pair):
                told.append(Finished(end))
            told.append(Failed(end, Failure(Reason.GAVE_UP, "the client gave up")))
            end.over = True
            self._line.end_error_stream(end.pair)
        self._pairs.done(end.pair)

    def _drained(self, stream_id: int, count: int, told: list[TunnelEvent]) -> None:
        """Report bytes that had waited for the client."""
        end = self._ends.get(stream_id)
        if end is None:
            return
        told.append(Drained(end, count))
        if stream_id not in self._session:
            self._line.forget(end)

    def _end_all(self, told: list[TunnelEvent], why: str) -> None:
        """End every tunnel: there is no client any more."""
        self.ending = True
        self.why = self.why or why
        for end in list(self._ends.values()):
            if not end.over:
                end.over = True
                told.append(Failed(end, Failure(Reason.GAVE_UP, why)))
        self._ends.clear()

    def lost(self, why: str = "the client closed the connection") -> list[TunnelEvent]:
        """Hear that the connection is gone; return what that means."""
        told: list[TunnelEvent] = []
        self._line.wake = nothing
        self._end_all(told, why)
        return told

    def deadline(self) -> float:
        """Return the time at which `tick` has something to do."""
        if self._line.pod_gone and self._end_at == _NEVER:
            return self._now
        pairs, session = self._pairs.next(), self._session.deadline()
        return min(pairs, session, self._end_at, self._alive.next())

    def tick(self, now: float) -> list[TunnelEvent]:
        """Do what *now* demands: end pairs that never became one."""
        told: list[TunnelEvent] = []
        self._now = now
        self._session.tick(now)
        for pair in self._pairs.expired(now):
            self._expire(pair, told)
        if self._line.pod_gone and self._end_at == _NEVER:
            self._end_at = now + LAST_WORDS
        elif now >= self._end_at:
            self._end_all(told, "its pod is gone")
        self._look_alive(now, told)
        return told

    def _look_alive(self, now: float, told: list[TunnelEvent]) -> None:
        """Keep a quiet connection alive, and end one that nobody uses."""
        if self._line.busy:
            self._line.busy = False
            self._alive.used(now)
        match self._alive.judge(now):
            case Verdict.PING:
                self._pings += 2
                self._session.ping(self._pings)
                self._line.wake()
            case Verdict.IDLE:
                self._end_all(told, f"idle for {IDLE_TIMEOUT / 3600:.0f} hours")

    def _expire(self, pair: Pair, told: list[TunnelEvent]) -> None:
        """Give up a pair of which one stream never came (2.4 and 8.5)."""
        self._pairs.done(pair)
        if pair.data_id is None:
            assert pair.error_id is not None
            self._early.pop(pair.error_id, None)
            self._line.end_error_stream(pair, self._timeout_text(pair))
            told.append(Noted(f"no data stream within {PATIENCE:.0f} s"))
            return
        end = self._ends.get(pair.data_id)
        if end is not None and not end.over:
            words = f"no error stream within {PATIENCE:.0f} s of the data stream"
            failure = Failure(Reason.PROTOCOL, words)
            end.fail(failure)
            told.append(Failed(end, failure))

    def _timeout_text(self, pair: Pair) -> str:
        """Return what a kubelet would write, where it does no harm or is wanted."""
        if self._line.is_old(pair):
            return timed_out_2015()
        if self._line.errors is Errors.KUBELET:
            return timed_out(pair.request_id or "")
        return ""
