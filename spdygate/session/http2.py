"""
One HTTP/2 session, either side of it: bytes in, events out, bytes asked for.

A caller never sees a frame: it opens, accepts, refuses, sends, finishes and
resets streams, and writes to the peer whatever `Http2Session.outgoing`
returns.  The rules stand where they are kept: in `spdygate.session.http2lane`,
`spdygate.session.http2receive` and `spdygate.session.http2control`.

Verbs that concern a stream which is over do nothing: the peer may have reset
it a moment ago, and the caller is about to read that in an event.

What is not done here: pings and deadlines (`spdygate.session.deadlines` knows
when, and calls `Http2Session.ping`), server push, priorities.
"""

from __future__ import annotations

from typing import Self

from ..errors import LocalError
from ..wire.http2data import DEFAULT_WINDOW, goaway, window_update
from .events import Buffer, Drained, Event, Headers
from .http2answer import Answering
from .http2lane import Phase, Stream
from .http2limits import Http2Limits

__all__ = ["Http2Limits", "Http2Session"]

#: The highest stream id (RFC 9113, section 5.1.1).
_LAST_ID = 2**31 - 1

#: Retire a connection while this many streams can still be opened on it:
#: whoever dials another one has time to.
_RESERVE = 10_000


class Http2Session(Answering):
    """One side of an HTTP/2 connection, ready to use."""

    def __init__(
        self,
        *,
        client: bool,
        limits: Http2Limits | None = None,
        http2_settings: bytes | None = None,
    ) -> None:
        """
        Begin a session on a connection that has agreed on HTTP/2.

        :param client: whether we are the side that opens streams.
        :param http2_settings: see `after_upgrade`.
        """
        super().__init__(client=client, limits=limits)
        if http2_settings is None:
            self._control.start()
        else:
            self._control.upgrade(http2_settings)
        self._out.append(self._control.written())
        more = self._inbound.size - DEFAULT_WINDOW
        if more:
            # SETTINGS cannot widen the connection's window (RFC 9113, 6.9.2).
            self._out.append(window_update(0, more))

    @classmethod
    def after_upgrade(
        cls, http2_settings: bytes, limits: Http2Limits | None = None
    ) -> Self:
        """
        Serve a connection that said ``Upgrade: h2c`` (RFC 7540, section 3.2).

        Stream 1 is the request that asked for the upgrade: the caller has it
        already, so it is not reported, and answers it with `refuse`.

        :param http2_settings: the value of the ``HTTP2-Settings`` header.
        :raises RemoteError: it is not valid; nothing has been upgraded yet.
        """
        session = cls(client=False, limits=limits, http2_settings=http2_settings)
        session._highest = 1
        session._max_frame = session._control.max_frame
        session._begin(1, tunnel=False).they_finished = True
        return session

    @property
    def can_open(self) -> bool:
        """Return whether the peer takes one stream more."""
        return (
            self._client
            and self.ready
            and not self._retired
            and len(self._streams) < self._control.max_streams
            and self._highest < _LAST_ID - 1
        )

    @property
    def exhausted(self) -> bool:
        """Return whether new streams should go to another connection."""
        return self._retired or self._highest > _LAST_ID - 2 * _RESERVE

    @property
    def open_streams(self) -> int:
        """Return how many streams are not over."""
        return len(self._streams)

    def __contains__(self, stream_id: object) -> bool:
        """Return whether the stream is not over."""
        return stream_id in self._streams

    @property
    def has_waiting(self) -> bool:
        """Return whether `release` would write something now."""
        return self._outbox.ready

    @property
    def stuck(self) -> bool:
        """Return whether so much is held that no credit is given back for it."""
        return self._held > self._limits.held

    @property
    def tunnel_limit(self) -> int:
        """Return the bytes of a stream above which it shares the blame for that."""
        return self._limits.stream_window // 2

    def held(self, stream_id: int) -> int:
        """Return how many bytes of the stream have come and were not passed on."""
        stream = self._streams.get(stream_id)
        return 0 if stream is None else stream.inbound.held

    def starved(self, stream_id: int) -> bool:
        """Return whether the stream has bytes waiting that its peer does not want."""
        return self._outbox.starved(stream_id)

    def outgoing(self) -> bytes:
        """Return, and forget, the bytes to write."""
        self._announced = True
        if not self._outbox.paused:
            self._unread = 0
        data = b"".join(self._out)
        self._out.clear()
        return data

    # -- streams ------------------------------------------------------------------

    def open_stream(self, headers: Headers) -> int:
        """
        Ask the peer for a tunnel (RFC 9113, section 8.5; RFC 8441, section 4).

        :param headers: of a CONNECT request, pseudo headers first.
        :returns: the number of the stream.
        :raises LocalError: the peer takes no more streams (ask `can_open`), has
            not announced ``:protocol``, or the headers are wrong.
        """
        if not self.can_open:
            raise LocalError("the peer takes no more streams on this session")
        names = dict(headers)
        if names.get(b":method") != b"CONNECT" or b"content-length" in names:
            raise LocalError("a tunnel is a CONNECT without content-length")
        if b":protocol" in names and not self._control.extended_connect:
            raise LocalError("the peer has not announced :protocol")
        stream_id = self._highest + 2 if self._highest else 1
        self._send_headers(stream_id, headers)
        self._highest = stream_id
        self._begin(stream_id, tunnel=True).may_send = True
        return stream_id

    def send(self, stream_id: int, data: Buffer) -> int:
        """
        Send *data*; what there is no credit for waits.

        :returns: how many bytes are on their way; the rest becomes `Drained`.
        """
        stream = self._streams.get(stream_id)
        if stream is None or not data:
            return len(data)
        if not stream.may_send:
            return self._not_sent(stream_id, stream, data)
        room = self._outbox.put(stream_id, data)
        if room:
            self._frame(stream_id, data if room == len(data) else data[:room])
        return room

    @staticmethod
    def _not_sent(stream_id: int, stream: Stream, data: Buffer) -> int:
        """Drop what is sent to a peer that has just refused, or blame the caller."""
        if stream.phase is Phase.REFUSED and not stream.finishing:
            return len(data)
        raise LocalError(f"stream {stream_id}: DATA before the answer or after the end")

    def finish(self, stream_id: int, trailers: Headers = ()) -> None:
        """
        Half-close the stream with END_STREAM, once what waits on it has gone.

        :param trailers: what to say with it, of an ordinary answer.
        """
        stream = self._streams.get(stream_id)
        if stream is None or stream.finishing or stream.phase is Phase.REFUSED:
            return
        if not stream.may_send:
            raise LocalError(f"stream {stream_id}: finished before it was answered")
        stream.may_send = False
        stream.finishing = True
        stream.trailers = trailers
        if self._outbox.finish(stream_id):
            self._finish(stream_id, stream)

    def reset(self, stream_id: int, code: int) -> None:
        """
        Give the stream up with RST_STREAM.

        At once and with whatever waits; but after `finish` it follows what
        waits, so that nothing sent before is lost, unless it is asked twice.
        """
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        asked = stream.reset_after is not None
        if stream.finishing and not asked and self._outbox.waiting(stream_id):
            stream.reset_after = code
        else:
            self._reset(stream_id, code)

    def grant(self, stream_id: int, count: int) -> None:
        """
        Note that *count* bytes of the stream were passed on.

        :raises LocalError: that many have not come.
        """
        stream = self._streams.get(stream_id)
        if stream is None or not count:
            return
        if count > stream.inbound.held:
            raise LocalError(f"stream {stream_id}: {count} bytes granted, fewer came")
        self._grant(stream_id, stream, count)

    # -- the connection -------------------------------------------------------------

    def ping(self, ping_id: int) -> None:
        """
        Ask whether the peer is there; a `Pong` tells that it is.

        :param ping_id: 0 to 2**64 - 1.
        """
        payload = ping_id.to_bytes(8, "big")
        self._pings.add(payload)
        self._control.ping(payload)
        self._collect()

    def goaway(self, code: int = 0) -> None:
        """
        Say that no new streams are taken; those that are open go on.

        Streams that the peer opens all the same are refused, safely to retry.
        """
        self._leaving = True
        self._write(goaway(0 if self._client else self._highest, code))

    def pause(self) -> None:
        """Hold DATA back: the transport is congested."""
        self._outbox.paused = True

    def resume(self) -> None:
        """Let DATA go again; ask `release` for what has waited."""
        self._outbox.paused = False
        self._unread = 0

    def release(self, limit: int) -> list[Event]:
        """
        Write what has waited and may go now.

        :param limit: stop after about this many bytes.
        """
        events: list[Event] = []
        for stream_id, data, finished in self._outbox.release(limit):
            stream = self._streams[stream_id]
            self._frame(stream_id, data)
            events.append(Drained(stream_id, len(data)))
            if finished:
                self._finish(stream_id, stream)
        return events
