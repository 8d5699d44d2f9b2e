"""
What a SPDY client does to its streams, in terms of tunnels.

This is the receiving half of port-forward as SPDY clients speak it;
`spdygate.dialect.servedspdy` adds the connection and its time, and is what
everyone uses.

The error stream of a pair is answered at once, and a tunnel is asked for as
soon as the data stream comes, whether or not its pair is complete: an old
client opens the second stream only when the first has been answered, and a
new one may open them in either order (docs/protocol.rst, 8.5).  From then on
the data stream alone decides the tunnel's life, and `spdyend` says how it is
told of an end.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import RstStatus
from ..session import events
from ..session.pingwindow import PingWindow
from ..session.spdy import SpdySession
from ..wire.portforward import BadStream, Kind, StreamAsk, check_stream
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
)


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


class SpdyStreams:
    """
    The streams of one SPDY client, as tunnels.

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
        window: PingWindow | None = None,
    ) -> None:
        """
        Serve a client whose connection has just been upgraded.

        :param shared: the budget of all sessions of the process.
        :param now: seconds, of the clock that `ServedSpdy.tick` is told.
        :param window: what is known of the client's workers, if anybody asks.
        """
        self._visit = visit
        self._session = SpdySession(client=False, window=window)
        held = Held(shared or Shared())
        old = not visit.negotiated
        self._line = Line(self._session, visit.target, errors, held, old)
        self._ends = self._line.ends
        self._pairs = self._line.pairs
        #: Error streams whose data stream has not come.
        self._early: dict[int, Pair] = {}
        #: Ends whose streams may be over, once all that happened is translated.
        self._touched: list[SpdyEnd] = []
        self._now = now
        self.ending = False
        self.why = ""
        self.opened = 0

    def _translate(self, happened: list[events.Event]) -> list[TunnelEvent]:
        """Say in terms of tunnels what happened to streams."""
        told: list[TunnelEvent] = []
        for event in happened:
            if self.ending:
                break
            if type(event) is events.DataReceived:
                self._data(event, told)
            else:
                self._other(event, told)
        # Not before: the session is ahead of its events.  A stream that has
        # left in two pieces, or was finished and then reset, is gone from it
        # already when the first of the two is read.
        for end in self._touched:
            if end.stream_id not in self._session:
                self._line.forget(end)
        self._touched.clear()
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
        request = Request(
            visit.target,
            ask.port,
            request_id,
            visit.user,
            visit.client,
            visit.session_id,
        )
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
        self._touched.append(end)

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
            self._line.end_error_stream(end.pair)
        # One that is over and still here has bytes waiting: they are lost now.
        end.over = True
        told.append(Failed(end, Failure(Reason.GAVE_UP, "the client gave up")))
        self._pairs.done(end.pair)

    def _drained(self, stream_id: int, count: int, told: list[TunnelEvent]) -> None:
        """Report bytes that had waited for the client."""
        end = self._ends.get(stream_id)
        if end is None:
            return
        told.append(Drained(end, count))
        self._touched.append(end)

    def _end_all(self, told: list[TunnelEvent], why: str) -> None:
        """End every tunnel: there is no client any more."""
        self.ending = True
        self.why = self.why or why
        for end in self._ends.values():
            end.over = True
            told.append(Failed(end, Failure(Reason.GAVE_UP, why)))
        self._ends.clear()

    def _expire(self, pair: Pair, told: list[TunnelEvent]) -> None:
        """Give up a pair of which one stream never came (2.4 and 8.5)."""
        self._pairs.done(pair)
        if pair.data_id is None:
            assert pair.error_id is not None
            self._early.pop(pair.error_id, None)
            self._line.end_error_stream(pair, self._line.timeout_text(pair))
            told.append(Noted(f"no data stream within {PATIENCE:.0f} s"))
            return
        if self._line.is_old(pair):
            # Its own error stream may long be someone else's: see `pairs`.
            return
        end = self._ends.get(pair.data_id)
        if end is not None and not end.over:
            words = f"no error stream within {PATIENCE:.0f} s of the data stream"
            failure = Failure(Reason.PROTOCOL, words)
            end.fail(failure)
            told.append(Failed(end, failure))
