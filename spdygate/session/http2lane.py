"""
The fast lane: DATA and its credit, written and counted without h2.

h2 relays a third of what the lane does for the same CPU.  So:

1. DATA of tunnels, in both directions, and every WINDOW_UPDATE go past h2.
   A stream we serve is on the lane from its CONNECT on, one of ours from the
   200 on: DATA before it is an error, and h2 must see it.  All else goes
   through h2; `spdygate.session.http2control` says what the lane relies on.
2. Everything we send as DATA is on the lane, error bodies too: one set of
   windows for all that is sent, and h2's need not be kept in step with it.
3. Credit for the connection is given back as bytes arrive, so that one stuck
   stream starves no other; credit for a stream when its bytes were passed on.
   But when very many are stuck (`Http2Limits.held`) no more is given back.

Here is what both halves of a session share: `spdygate.session.http2receive`
is what the peer does, `spdygate.session.http2` what we do, and that is what
everyone uses.  Sections are those of RFC 9113.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ..errors import Http2Code, RemoteError, RemoteStreamError
from ..wire.http2data import (
    DEFAULT_WINDOW,
    FrameCutter,
    data_header,
    goaway,
    window_update,
)
from .events import Broken, Buffer, Event, Headers, StreamRefused, StreamReset
from .http2control import Control
from .http2limits import Http2Limits
from .outbox import Outbox
from .ratelimit import RateLimit
from .windows import Inbound


class Phase(Enum):
    """How a stream has been answered."""

    ASKED = auto()
    #: With 200: bytes flow.
    CONNECTED = auto()
    #: With anything else: only the answer's body is still on its way.
    REFUSED = auto()


@dataclass(slots=True)
class Stream:
    """
    One stream that is not over.

    :ivar inbound: bytes the peer may send on it.
    :ivar tunnel: whether its method is CONNECT.
    :ivar lane: whether the peer's DATA goes straight to the caller.
    :ivar may_send: whether we may send DATA.
    :ivar finishing: whether END_STREAM follows what waits, or has been sent.
    :ivar we_finished: whether we have sent END_STREAM.
    :ivar they_finished: whether the peer has.
    :ivar reset_after: the code of a RST_STREAM that follows what waits.
    :ivar trailers: what we say behind the body, in place of a bare END_STREAM.
    :ivar refusal: the headers with which the peer refused.
    :ivar body: what it gave as a reason.
    """

    inbound: Inbound
    tunnel: bool
    phase: Phase = Phase.ASKED
    lane: bool = False
    may_send: bool = False
    finishing: bool = False
    we_finished: bool = False
    they_finished: bool = False
    reset_after: int | None = None
    trailers: Headers = ()
    refusal: Headers = ()
    body: bytes = b""


class StreamOverrunError(RemoteStreamError):
    """The peer sent more on a stream than it had been granted (section 6.9)."""

    http2 = Http2Code.FLOW_CONTROL_ERROR


class StreamOverError(RemoteStreamError):
    """The peer sent DATA after its END_STREAM (section 5.1)."""

    http2 = Http2Code.STREAM_CLOSED


class Lane:
    """
    The streams, windows and waiting bytes of one side of a connection.

    :ivar ready: whether the peer's SETTINGS have arrived.
    :ivar broken: whether the session has ended itself.
    """

    def __init__(self, *, client: bool, limits: Http2Limits | None = None) -> None:
        """
        Begin with nothing.

        :param client: whether we are the side that opens streams.
        """
        self._limits = limits or Http2Limits()
        self._client = client
        self._cutter = FrameCutter(
            preface=not client,
            max_frame=self._limits.frame,
            max_control=self._limits.control,
        )
        self._streams: dict[int, Stream] = {}
        self._control = Control(self._limits, self._streams, client)
        #: The highest stream id in use so far; only clients open streams.
        self._highest = 0
        self._inbound = Inbound(self._limits.session_window)
        #: Bytes that were not passed on yet, and credit kept back because of it.
        self._held = self._withheld = 0
        self._outbox = Outbox(DEFAULT_WINDOW)
        self._max_frame = self._control.max_frame
        self._noise = RateLimit()
        self._out: list[Buffer] = []
        self._unread = 0
        self._pings: set[bytes] = set()
        self._announced = False
        self._leaving = self._left_alone = False
        self._now = 0.0
        self.ready = False
        self.broken = False

    @property
    def _retired(self) -> bool:
        """Return whether there will be no new streams, whoever wants it so."""
        over = self.broken or self._leaving or self._left_alone
        return over or self._control.out_of_step

    # -- credit -----------------------------------------------------------------

    def _count(self, stream_id: int, stream: Stream | None, counted: int) -> None:
        """
        Take a DATA frame's length from the windows (section 6.9).

        :raises CreditError: the connection was not granted that many bytes.
        :raises StreamOverrunError: the stream was not.
        """
        self._inbound.received(counted)
        self._withheld += counted
        overrun = stream is not None and counted > stream.inbound.room
        if stream is not None and not overrun:
            stream.inbound.room -= counted
            self._held += counted
        self._refill()
        if overrun:
            raise StreamOverrunError(stream_id, "more DATA than was granted")

    def _refill(self) -> None:
        """Give the connection's credit back, unless too much is held (rule 3)."""
        if self._held <= self._limits.held:
            grant = self._inbound.drained(self._withheld)
            self._withheld = 0
            if grant:
                self._write(window_update(0, grant))

    def _grant(self, stream_id: int, stream: Stream, count: int) -> None:
        """Give back a stream's credit, once it is worth a frame."""
        self._pass_on(count)
        grant = stream.inbound.drained(count)
        if grant and not stream.they_finished:
            self._write(window_update(stream_id, grant))

    def _pass_on(self, count: int) -> None:
        """Take note that so many bytes are held no longer."""
        self._held -= count
        if self._withheld:
            self._refill()

    def _credit(self, stream_id: int, increment: int) -> None:
        """Take credit that the peer gives (section 6.9)."""
        if stream_id and stream_id not in self._streams:
            self._require_used(stream_id)
        elif increment:
            self._outbox.credit(stream_id, increment)
        elif stream_id:
            raise RemoteStreamError(stream_id, "a WINDOW_UPDATE of 0 bytes")
        else:
            raise RemoteError("a WINDOW_UPDATE of 0 bytes")

    # -- writing ----------------------------------------------------------------

    def _frame(self, stream_id: int, data: Buffer) -> None:
        """Queue DATA, in frames as large as the peer takes (section 6.1)."""
        most = self._max_frame
        if len(data) > most:
            data = memoryview(data)
            while len(data) > most:
                self._out += (data_header(stream_id, most), data[:most])
                data = data[most:]
        self._out += (data_header(stream_id, len(data)), data)

    def _write(self, frame: bytes) -> None:
        """Queue a frame that never waits behind DATA."""
        self._out.append(frame)
        self._unread += len(frame)

    def _collect(self) -> None:
        """Queue what h2 has written; due after whatever makes it write."""
        written = self._control.written()
        if written:
            self._write(written)

    # -- streams ------------------------------------------------------------------

    def _begin(self, stream_id: int, *, tunnel: bool) -> Stream:
        """Keep a stream that has just been opened, by whichever side."""
        stream = Stream(
            Inbound(self._limits.stream_window, self._limits.widest_window), tunnel
        )
        self._streams[stream_id] = stream
        self._outbox.add(stream_id, self._control.initial_window)
        return stream

    def _send_headers(self, stream_id: int, headers: Headers) -> None:
        """Send a request or an answer."""
        self._control.send_headers(stream_id, headers)
        self._collect()

    def _finish(self, stream_id: int, stream: Stream) -> None:
        """Send END_STREAM: all that waited has gone; and what is to follow it."""
        stream.we_finished = True
        if stream.trailers:
            self._control.send_headers(stream_id, stream.trailers, finished=True)
        else:
            self._control.end(stream_id)
        self._collect()
        if stream.they_finished:
            self._forget(stream_id)
        elif stream.reset_after is not None:
            self._reset(stream_id, stream.reset_after)

    def _reset(self, stream_id: int, code: int) -> None:
        """Send RST_STREAM and drop the stream."""
        self._control.reset(stream_id, code)
        self._collect()
        self._forget(stream_id)

    def _forget(self, stream_id: int) -> None:
        """Drop a stream that is over, and whatever waits on it."""
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            self._pass_on(stream.inbound.held)
        self._outbox.remove(stream_id)

    def _fail(self, stream_id: int, code: int, events: list[Event]) -> None:
        """
        Reset the one stream on which the peer broke a rule.

        It costs a token: a peer that makes us reset its streams makes us do
        what a rapid reset does (CVE-2025-8671, "MadeYouReset").
        """
        self._noise.take(1, self._now)
        stream = self._streams.get(stream_id)
        self._reset(stream_id, code)
        if stream is not None:
            self._report_over(stream_id, stream, code, events)

    def _report_over(
        self, stream_id: int, stream: Stream, code: int, events: list[Event]
    ) -> None:
        """Say that a stream ended early; of a refusal what we have of it."""
        if self._client and stream.phase is Phase.REFUSED:
            events.append(StreamRefused(stream_id, stream.refusal, stream.body))
        else:
            events.append(StreamReset(stream_id, code))

    def _require_used(self, stream_id: int) -> None:
        """
        Tell a stream that is over, whose late frames are dropped, from no stream.

        :raises RemoteError: it was never opened (section 5.1, "idle").
        """
        if not self._is_used(stream_id):
            raise RemoteError(f"a frame on stream {stream_id}, which is not open")

    def _is_used(self, stream_id: int) -> bool:
        """Say whether the stream is open or was."""
        return stream_id % 2 == 1 and stream_id <= self._highest

    def _end(self, error: RemoteError, events: list[Event]) -> None:
        """Say goodbye to a peer that broke the protocol."""
        self.broken = True
        last = 0 if self._client else self._highest
        self._out.append(goaway(last, error.http2, str(error)))
        self._streams.clear()
        self._outbox = Outbox()
        events.append(Broken(error))
