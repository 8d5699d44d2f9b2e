"""
What an HTTP/2 peer does to a session: frames in, events out.

1. After CONNECT was answered with 200 only DATA and stream management may
   come (section 8.5); h2 would let trailers pass.
2. Frames of streams that are over are dropped, and never answered: they may
   have been on their way when the stream ended.
3. Noise costs tokens: frames that make work and carry nothing, resets of
   streams that were never answered, and resets that the peer provokes
   (docs/protocol.rst, section 6.4).  WINDOW_UPDATEs cost none: the smallest
   is cheaper to read than one byte of DATA, and nothing answers it.
4. A peer's bytes lead to events, to a reset stream, or to `Broken`; no input
   raises anything.  What a caller does wrong is a `LocalError`.

Sections are those of RFC 9113.
"""

from __future__ import annotations

from ..errors import Http2Code, LimitError, RemoteError, RemoteStreamError
from ..wire import http2data as wire
from .events import Buffer, DataReceived, Event, GoingAway
from .http2lane import Phase, Stream, StreamOverError
from .http2translate import Translating


class Receiving(Translating):
    """The receiving half of an HTTP/2 session."""

    def feed(self, data: bytes, now: float) -> list[Event]:
        """
        Take bytes from the peer.

        :param now: seconds, of any clock that does not jump.
        :returns: what happened, in order; `Broken` is the last there will be.
        """
        events: list[Event] = []
        if self.broken:
            return events
        self._now = now
        try:
            for cut in self._cutter.cut(data):
                try:
                    if cut[0] == wire.DATA:
                        self._read_data(cut, events)
                    else:
                        self._read_control(cut, events)
                except RemoteStreamError as error:
                    self._fail(error.stream_id, error.http2, events)
            if self._unread > self._limits.unread:
                raise LimitError("the peer does not read our answers")
        except RemoteError as error:
            self._end(error, events)
        return events

    # -- DATA (section 6.1) -------------------------------------------------------

    def _read_data(self, cut: wire.Cut, events: list[Event]) -> None:
        """Pass on a piece of DATA; this is what must be short."""
        _, stream_id, data, counted, finished = cut
        stream = self._streams.get(stream_id)
        if counted:
            self._count(stream_id, stream, counted)
        if stream is not None and stream.lane:
            if data:
                events.append(DataReceived(stream_id, data))
        elif stream is None:
            self._require_used(stream_id)
        elif stream.they_finished:
            raise StreamOverError(stream_id, "DATA after END_STREAM")
        elif self._client or not stream.tunnel:
            self._translate(self._control.read_body(stream_id, data), events)
        if finished:
            self._read_end(stream_id, stream, events)
        elif not data:
            self._noise.take(1, self._now)

    def _read_end(
        self, stream_id: int, stream: Stream | None, events: list[Event]
    ) -> None:
        """Take note of END_STREAM, unless the stream has just ended otherwise."""
        if stream is not None and self._streams.get(stream_id) is stream:
            self._translate(self._control.read_end(stream_id), events)

    def _read_padding(self, cut: wire.Cut) -> None:
        """Count padding, and give it back at once: nobody else will."""
        _, stream_id, _, counted, _ = cut
        stream = self._streams.get(stream_id)
        self._count(stream_id, stream, counted)
        if stream is not None:
            self._grant(stream_id, stream, counted)

    # -- other frames ---------------------------------------------------------------

    def _read_control(self, cut: wire.Cut, events: list[Event]) -> None:
        """Act on any frame but DATA (section 6)."""
        kind, stream_id, whole, _, flags = cut
        match kind:
            case wire.PADDING:
                self._read_padding(cut)
            case wire.WINDOW_UPDATE:
                self._credit(stream_id, wire.read_window_update(whole))
            case wire.HEADERS:
                self._read_headers(stream_id, whole, events)
            case wire.RST_STREAM:
                self._read_rst(stream_id, whole, events)
            case wire.SETTINGS:
                self._noise.take(1, self._now)
                self._read_settings(whole, flags, events)
            case wire.PING:
                if not flags & wire.ACK:
                    self._noise.take(1, self._now)
                self._translate(self._control.read(whole), events)
            case wire.PRIORITY:
                self._noise.take(1, self._now)
                self._translate(self._control.read(whole), events)
            case wire.GOAWAY:
                self._noise.take(1, self._now)
                self._read_goaway(whole, events)
            case _:
                # Of a type that nobody knows (section 5.5).
                self._noise.take(1, self._now)

    def _read_headers(self, stream_id: int, block: Buffer, events: list[Event]) -> None:
        """Read a request, an answer, or what may not come (section 6.2)."""
        stream = self._streams.get(stream_id)
        used = self._is_used(stream_id)
        closed = not self._client or (stream and stream.phase is Phase.CONNECTED)
        if stream is not None and stream.tunnel and closed:
            self._fail(stream_id, Http2Code.PROTOCOL_ERROR, events)
            stream = None
        if stream is not None or not (self._client or used):
            self._translate(self._control.read(block), events)
            return
        self._require_used(stream_id)
        self._noise.take(1, self._now)
        self._control.read_dead(block)

    def _read_rst(self, stream_id: int, whole: Buffer, events: list[Event]) -> None:
        """Drop a stream that the peer gave up (section 6.4)."""
        if stream_id in self._streams:
            self._translate(self._control.read(whole), events)
        else:
            self._require_used(stream_id)

    def _read_settings(self, whole: Buffer, flags: int, events: list[Event]) -> None:
        """Follow the peer's settings, or see ours acknowledged (section 6.5)."""
        if flags & wire.ACK:
            self._translate(self._control.read(whole), events)
        else:
            self._translate(self._control.read_announced(whole), events)

    def _read_goaway(self, whole: Buffer, events: list[Event]) -> None:
        """Let the streams that the peer will never look at be asked for again."""
        last, code = wire.read_goaway(whole)
        self._left_alone = True
        events.append(GoingAway(last, code))
        if self._client:
            code = Http2Code.REFUSED_STREAM
            for stream_id in [key for key in self._streams if key > last]:
                stream = self._streams[stream_id]
                self._reset(stream_id, Http2Code.CANCEL)
                self._report_over(stream_id, stream, code, events)
