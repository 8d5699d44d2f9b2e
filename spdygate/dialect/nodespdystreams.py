"""
What a node does to the streams of its tunnels, in terms of tunnels.

This is how tunnels are asked for, and the receiving half; the connection and
its time are added by `spdygate.dialect.nodespdy`, which is what everyone uses.

Rules:

1. Both streams and the first bytes go out without waiting for an answer, as
   every server takes it (docs/protocol.rst, 9): an opening costs one round trip.
2. The error stream is finished at once, in a frame of its own, as client-go
   does; whatever a node has not finished when a tunnel is over is reset, so
   that its tables drain.
"""

from __future__ import annotations

from ..errors import LocalError, RstStatus
from ..session import events
from ..session.spdy import SpdySession
from ..wire.portforward import PORT, REQUEST_ID, STREAM_TYPE, Kind
from .budget import Held, Shared
from .countdown import Countdown
from .doubts import Doubts
from .errortext import understand_reset
from .nodespdyend import ANSWER, NodeLine, NodeSpdyEnd
from .tunnel import Data, Drained, Failure, Opened, Reason, Request, TunnelEvent

#: Tunnels after which the numbers of streams run out, two for each.
MOST_EVER = 2**29 - 1

#: Bytes that clients may not have taken yet.  There may be sixteen connections for
#: one client's session, and what all of them hold is as much as it may hold.
READ_AHEAD = 1024 * 1024

_RETRY = Failure(Reason.RETRY, "it is going away and did not take the stream")

_UNANSWERED = Failure(Reason.TIMEOUT, f"it took no stream within {ANSWER:.0f} s")


class NodeSpdyStreams:
    """
    The streams of one connection to a node, as tunnels.

    :ivar name: who is at the other side, as every failure begins: "node n1".
    :ivar ending: whether the connection is to be closed once all is written.
    :ivar why: what ended the connection, when it was not simply closed.
    :ivar opened: how many tunnels were asked for so far.
    """

    def __init__(
        self, name: str, now: float, hold_fin: float, shared: Shared | None
    ) -> None:
        self._session = SpdySession(client=True)
        held = Held(shared or Shared(), READ_AHEAD, READ_AHEAD)
        holds = Countdown(hold_fin)
        doubts = Doubts(self._session)
        self._line = NodeLine(self._session, f"{name}: ", held, holds, now, doubts)
        #: Whether no more is to be opened here: it said goodbye, or is stuck.
        self._leaving = False
        self.name = name
        self.ending = False
        self.why = ""
        self.opened = 0

    @property
    def usable(self) -> bool:
        """Return whether a tunnel can be opened here now."""
        return not self.exhausted and self._session.can_open

    @property
    def exhausted(self) -> bool:
        """Return whether no tunnel can ever be opened here again."""
        return self.ending or self._leaving or self.opened >= MOST_EVER

    @property
    def tunnels(self) -> int:
        """Return how many tunnels are not over."""
        return len(self._line.ends)

    def open(self, request: Request) -> NodeSpdyEnd:
        """
        Ask for a tunnel; ask whether we are `usable` first.

        :raises LocalError: the node takes no more streams.
        """
        line, session = self._line, self._session
        error_id = session.open_stream(self._headers(Kind.ERROR, request.port))
        session.finish(error_id)
        try:
            data_id = session.open_stream(self._headers(Kind.DATA, request.port))
        except LocalError:
            session.reset(error_id, RstStatus.CANCEL)
            raise
        self.opened += 1
        end = NodeSpdyEnd(line, error_id, data_id)
        line.ends[data_id] = line.errors[error_id] = end
        line.openings.begin(data_id)
        line.wake()
        return end

    def _headers(self, kind: Kind, port: int) -> events.Headers:
        """Return the headers of one stream of the next tunnel."""
        return (
            (STREAM_TYPE, kind.value.encode()),
            (PORT, b"%d" % port),
            (REQUEST_ID, b"%d" % self.opened),
        )

    def _translate(self, happened: list[events.Event]) -> list[TunnelEvent]:
        """Say in terms of tunnels what happened to streams."""
        told: list[TunnelEvent] = []
        for event in happened:
            if type(event) is events.DataReceived:
                self._data(event, told)
            else:
                self._other(event, told)
        return self._line.settled(told)

    def _data(self, event: events.DataReceived, told: list[TunnelEvent]) -> None:
        """Pass on what a data stream carries, keep what an error stream does."""
        line, stream_id = self._line, event.stream_id
        end = line.ends.get(stream_id)
        if end is None or end.over:
            self._session.grant(stream_id, len(event.data))
            speaking = line.errors.get(stream_id)
            if speaking is not None and not speaking.over:
                speaking.write(event.data)
            return
        self._take(end, told)
        end.held = line.held.take(end.held, len(event.data))
        if stream_id in line.holds:
            line.holds.begin_at(stream_id, line.now)
        told.append(Data(end, event.data))

    def _other(self, event: events.Event, told: list[TunnelEvent]) -> None:
        """Act on whatever is not DATA."""
        match event:
            case events.StreamAccepted(stream_id):
                self._accepted(stream_id, told)
            case events.StreamFinished(stream_id):
                self._finished(stream_id, told)
            case events.StreamReset(stream_id, code):
                self._reset(stream_id, code, told)
            case events.Drained(stream_id, count):
                self._drained(stream_id, count, told)
            case events.StreamOpened(stream_id):
                # No node asks a client for anything.
                self._session.reset(stream_id, RstStatus.REFUSED_STREAM)
            case events.Pong(ping_id):
                self._line.doubts.answered(ping_id)
            case events.GoingAway(last_stream_id):
                self._going_away(last_stream_id, told)
            case events.Broken(error):
                self._end_all(f"it broke the protocol: {error}", told)

    def _accepted(self, stream_id: int, told: list[TunnelEvent]) -> None:
        """Open a tunnel: the node has taken its data stream."""
        end = self._line.ends.get(stream_id)
        if end is None:
            heard = self._line.errors.get(stream_id)
            if heard is not None:
                heard.heard = True
        elif not end.over:
            self._take(end, told)

    def _take(self, end: NodeSpdyEnd, told: list[TunnelEvent]) -> None:
        """Report, once, that the node has taken a data stream."""
        if not end.answered:
            end.answered = True
            self._line.openings.stop(end.data_id)
            told.append(Opened(end))

    def _finished(self, stream_id: int, told: list[TunnelEvent]) -> None:
        """Take the FIN of either stream."""
        end = self._line.ends.get(stream_id)
        speaking = self._line.errors.get(stream_id)
        if end is not None:
            if not end.over:
                self._take(end, told)
                end.they_finish(told)
            self._line.touched.append(end)
        elif speaking is not None and not speaking.over:
            speaking.acquit(told)
            self._line.touched.append(speaking)

    def _reset(self, stream_id: int, code: int, told: list[TunnelEvent]) -> None:
        """Take the reset of either stream; of an error stream it is an end."""
        end = self._line.ends.get(stream_id)
        speaking = self._line.errors.get(stream_id)
        if end is not None:
            end.they_reset(code, told)
        elif speaking is not None and not speaking.over:
            if speaking.heard or speaking.text:
                speaking.acquit(told)
                self._line.touched.append(speaking)
            else:
                speaking.lose(understand_reset(code, answered=False), told)

    def _drained(self, stream_id: int, count: int, told: list[TunnelEvent]) -> None:
        """Report bytes that have left; one that lingers may do so anew."""
        end = self._line.ends.get(stream_id)
        if end is None:
            return
        told.append(Drained(end, count))
        if stream_id in self._line.lingers:
            self._line.lingers.begin(stream_id)
        self._line.touched.append(end)

    def _going_away(self, last_stream_id: int, told: list[TunnelEvent]) -> None:
        """Open no more here, and give up what the node will not act on."""
        self._leaving = True
        self.why = self.why or "it said goodbye"
        for end in list(self._line.ends.values()):
            if end.data_id > last_stream_id and not end.answered:
                self._line.failed(end, _RETRY, told, named=False)

    def _unanswered(self, stream_id: int, told: list[TunnelEvent]) -> None:
        """Give up a stream that the node does not take, and open no more here."""
        self._leaving = True
        self.why = self.why or _UNANSWERED.message
        self._line.ends[stream_id].lose(_UNANSWERED, told)

    def _end_all(self, why: str, told: list[TunnelEvent]) -> None:
        """End every tunnel: the node cannot be reached any more."""
        self.ending = True
        self.why = self.why or why
        failure = Failure(Reason.LINK_LOST, self.why)
        for end in list(self._line.ends.values()):
            if end.text and not end.over:
                end.convict(told)
            else:
                end.lose(failure, told)
