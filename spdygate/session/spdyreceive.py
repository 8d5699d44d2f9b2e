"""
What a SPDY/3.1 peer does to a session: frames in, events out.

This is the receiving half; `spdygate.session.spdy` adds what we do with the
session, and is what everyone uses.  Rules of both:

1. Every header block is inflated, also those of streams that are refused or
   long gone: the two zlib contexts belong to the connection, and a skipped
   block poisons all that follow.
2. Frames of streams that are over are ignored, never answered: a Go peer goes
   on sending DATA after a RST_STREAM, and an answer for each would be a storm.
3. A served session says nothing before the client's first bytes: every Go
   client throws away what is glued to the 101 (docs/protocol.rst, 3.7).
4. HEADERS frames are read and never sent: each one wedges a worker of a Go
   peer for good (docs/protocol.rst, 3.3).
5. A peer's bytes lead to events, to a reset stream, or to `Broken`; no input
   raises anything.  What a caller does wrong is a `LocalError`.

"Draft" is draft-mbelshe-httpbis-spdy-00 with the changes of SPDY/3.1.
"""

from __future__ import annotations

from ..errors import LimitError, RemoteError, RemoteStreamError, RstStatus
from ..wire.headerblock import HeaderInflater, bad_name
from ..wire.spdyframes import (
    Frame,
    Goaway,
    HeadersFrame,
    Ping,
    RstStream,
    Settings,
    SynReply,
    SynStream,
    WindowUpdate,
)
from ..wire.spdyparser import DataPiece, FrameParser
from .events import (
    Broken,
    DataReceived,
    Event,
    GoingAway,
    Pong,
    StreamAccepted,
    StreamFinished,
    StreamOpened,
    StreamReset,
)
from .pingwindow import PingWindow
from .ratelimit import RateLimit
from .spdylimits import SpdyLimits
from .spdywriting import Stream, Writing
from .streamstate import Input, State, advance, awaits_us, is_over
from .workerqueue import GONE

_MAX_CONCURRENT_STREAMS = 4  # ids of SETTINGS entries: draft, section 2.6.4
_INITIAL_WINDOW_SIZE = 7


class Receiving(Writing):
    """
    The state of one side of a SPDY/3.1 connection, and what the peer does to it.

    :ivar broken: whether the session has ended itself.
    """

    def __init__(
        self,
        *,
        client: bool,
        limits: SpdyLimits | None = None,
        window: PingWindow | None = None,
    ) -> None:
        """
        Begin a session on a connection that has just been upgraded.

        :param client: whether we are the side that asked for the upgrade.
        :param window: what is known of the peer's workers, if it is a Go peer as
            far as that is known.
        """
        super().__init__(limits or SpdyLimits(), window)
        self._parser = FrameParser(self._limits.control)
        self._inflater = HeaderInflater(self._limits.headers)
        self._parity = 1 if client else 0
        self._next_id = 1 if client else 2
        self._last_theirs = 0
        self._their_limit = self._limits.streams
        self._noise = RateLimit()
        self._may_speak = client
        self.broken = False

    def feed(self, data: bytes, now: float) -> list[Event]:
        """
        Take bytes from the peer.

        :param now: seconds, of the clock that `deadline` is asked for.
        :returns: what happened, in order; `Broken` is the last there will be.
        """
        if self.broken:
            return []
        self._may_speak = True
        self._now = now
        events: list[Event] = []
        try:
            for frame in self._parser.feed(data):
                if isinstance(frame, DataPiece):
                    self._read_data(frame, events)
                else:
                    self._read_control(frame, events)
            if self._parser.failed is not None:
                raise self._parser.failed
            self._noise.take(self._parser.take_empty_frames(), now)
            if self._unread > self._limits.unread:
                raise LimitError("the peer does not read our answers")
            self._judge()
            events += self._told_late()
        except RemoteError as error:
            self._end(error, events)
        return events

    def _read_data(self, piece: DataPiece, events: list[Event]) -> None:
        """Pass on a piece of a DATA frame (draft, section 2.2.2)."""
        stream_id, data, finished = piece
        stream = self._streams.get(stream_id)
        self._grant(0, self._credit.arrived(len(data)))
        if stream is None:
            if finished:
                self._left(stream_id, reset=False)
            return
        try:
            if data:
                advance(stream.state, Input.THEY_SEND, stream_id)
                self._credit.received(stream_id, stream.account, len(data), self._now)
                events.append(DataReceived(stream_id, data))
            if finished:
                self._finished(stream_id, stream, events)
        except RemoteStreamError as error:
            self._refuse(error, events)

    def _finished(self, stream_id: int, stream: Stream, events: list[Event]) -> None:
        """Take note of the peer's FIN."""
        stream.state = advance(stream.state, Input.THEY_FINISH, stream_id)
        stream.mark |= GONE
        self._left(stream_id, reset=False)
        self._credit.forget(stream_id)
        events.append(StreamFinished(stream_id))
        self._forget_if_over(stream_id, stream)

    def _read_control(self, frame: Frame, events: list[Event]) -> None:
        """Act on a control frame (draft, section 2.6)."""
        try:
            match frame:
                case SynStream():
                    self._read_syn_stream(frame, events)
                case SynReply():
                    self._read_syn_reply(frame, events)
                case RstStream():
                    self._read_rst(frame, events)
                case Settings():
                    self._read_settings(frame)
                case Ping():
                    self._read_ping(frame, events)
                case Goaway():
                    events.append(GoingAway(frame.last_stream_id, frame.status))
                case HeadersFrame():
                    self._read_headers(frame, events)
                case WindowUpdate():
                    self._counts()
                    self._outbox.credit(frame.stream_id, frame.delta)
        except RemoteStreamError as error:
            self._refuse(error, events)

    def _read_syn_stream(self, frame: SynStream, events: list[Event]) -> None:
        """Open a stream for the peer, or refuse it (draft, section 2.3.2)."""
        headers = self._inflater.inflate(frame.block)
        stream_id = frame.stream_id
        if stream_id <= self._last_theirs or stream_id % 2 == self._parity:
            raise RemoteStreamError(stream_id, "a stream id out of order")
        self._last_theirs = stream_id
        bad = bad_name(headers)
        if bad is not None:
            raise RemoteStreamError(stream_id, f"a header may not be named {bad!r}")
        if len(self._streams) >= self._limits.streams:
            self._noise.take(1, self._now)
            refused = RstStatus.REFUSED_STREAM
            self._give_up(stream_id, refused, self._now, answered=False)
            return
        if any(name.startswith(b":") for name, _ in headers):
            self._counts()
        state = advance(State.IDLE, Input.THEY_ASK, stream_id)
        if frame.finished:
            state = advance(state, Input.THEY_FINISH, stream_id)
        mark = stream_id | GONE if frame.finished else stream_id
        self._streams[stream_id] = Stream(state, mark, self._now)
        self._outbox.add(stream_id, self._credit.stream_window())
        events.append(StreamOpened(stream_id, headers, frame.finished))

    def _read_syn_reply(self, frame: SynReply, events: list[Event]) -> None:
        """Take note that the peer accepted (draft, section 2.6.2)."""
        headers = self._inflater.inflate(frame.block)
        stream = self._streams.get(frame.stream_id)
        if stream is None:
            self._answered(frame.stream_id)
            return
        stream.state = advance(stream.state, Input.THEY_ANSWER, frame.stream_id)
        events.append(StreamAccepted(frame.stream_id, headers))
        if frame.finished:
            self._finished(frame.stream_id, stream, events)

    def _read_headers(self, frame: HeadersFrame, events: list[Event]) -> None:
        """Inflate late headers, which port-forward has no use for (2.6.7)."""
        self._inflater.inflate(frame.block)
        stream = self._streams.get(frame.stream_id)
        if stream is not None and frame.finished:
            self._finished(frame.stream_id, stream, events)

    def _read_rst(self, frame: RstStream, events: list[Event]) -> None:
        """Drop a stream that the peer gave up; a RST is never answered (2.6.3)."""
        if frame.status != RstStatus.PROTOCOL_ERROR:
            self._left(frame.stream_id, reset=True)
        stream = self._streams.get(frame.stream_id)
        if stream is None:
            self._answered(frame.stream_id)
            return
        if awaits_us(stream.state):
            # A rapid reset: each one costs us a dial, and the peer nothing.
            self._noise.take(1, self._now)
        self._forget(frame.stream_id)
        events.append(StreamReset(frame.stream_id, frame.status))

    def _read_settings(self, frame: Settings) -> None:
        """Follow the two settings that concern us (draft, section 2.6.4)."""
        # Every stream's window may have to be moved: that costs, and is paid for.
        self._noise.take(1 + len(self._streams) // 100, self._now)
        self._counts()
        for entry in frame.entries:
            if entry.id == _INITIAL_WINDOW_SIZE:
                if entry.value > 2**31 - 1:
                    raise RemoteError("an initial window past 2**31 - 1")
                self._credit.change_initial(entry.value)
            elif entry.id == _MAX_CONCURRENT_STREAMS:
                self._their_limit = entry.value

    def _read_ping(self, frame: Ping, events: list[Event]) -> None:
        """Echo the peer's PINGs, report our own (draft, section 2.6.5)."""
        if frame.ping_id % 2 == self._parity:
            if self._window is not None:
                self._moved(self._window.pong(frame.ping_id, self._now))
            events.append(Pong(frame.ping_id))
        else:
            self._echo(frame)

    def _answered(self, stream_id: int) -> None:
        """Hear that a stream of ours was answered that was only a question."""
        if self._window is not None and stream_id % 2 == self._parity:
            self._moved(self._window.opened(stream_id, self._now))

    def _left(self, stream_id: int, *, reset: bool) -> None:
        """Hear that the peer sends no more on a stream."""
        if self._window is not None and stream_id % 2 != self._parity:
            self._window.left(stream_id, self._now, reset=reset)

    def _refuse(self, error: RemoteStreamError, events: list[Event]) -> None:
        """Reset the one stream on which the peer broke a rule."""
        self._noise.take(1, self._now)
        stream = self._streams.get(error.stream_id)
        answered, born = False, self._now
        if stream is not None:
            answered, born = not awaits_us(stream.state), stream.born
            self._forget(error.stream_id)
            events.append(StreamReset(error.stream_id, error.rst))
        self._give_up(error.stream_id, error.rst, born, answered=answered)

    def _end(self, error: RemoteError, events: list[Event]) -> None:
        """Say goodbye to a peer that broke the protocol."""
        self.broken = True
        self._out.append(Goaway(self._last_theirs, error.goaway).pack())
        events.append(Broken(error))

    # -- shared with the sending half ------------------------------------------

    def _forget_if_over(self, stream_id: int, stream: Stream) -> None:
        """Drop a stream once both sides have finished and nothing waits on it."""
        if is_over(stream.state) and not self._outbox.holds(stream_id):
            self._forget(stream_id)
