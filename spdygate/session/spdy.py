"""
One SPDY/3.1 session, either side of it: bytes in, events out, bytes asked for.

The receiving half, with the rules of both, is `spdygate.session.spdyreceive`.
A caller never sees a frame: it opens, accepts, sends, finishes and resets
streams, and writes to the peer whatever `SpdySession.outgoing` returns.

Verbs that concern a stream which is over do nothing: the peer may have reset
it a moment ago, and the caller is about to read that in an event.
"""

from __future__ import annotations

from ..errors import LocalError
from ..wire.spdyframes import Goaway, Ping, SynStream
from .events import Buffer, Drained, Event, Headers
from .spdylimits import SpdyLimits
from .spdyreceive import Receiving
from .spdywriting import Stream
from .streamstate import (
    Input,
    State,
    advance,
    awaits_us,
    is_over,
    may_finish,
    may_send,
)

__all__ = ["SpdyLimits", "SpdySession"]


class SpdySession(Receiving):
    """One side of a SPDY/3.1 connection, ready to use."""

    def __contains__(self, stream_id: int) -> bool:
        """Say whether the stream is not over, or something still waits on it."""
        return stream_id in self._streams

    @property
    def open_streams(self) -> int:
        """Return how many streams are not over."""
        return len(self._streams)

    @property
    def can_open(self) -> bool:
        """Return whether the peer takes one stream more."""
        return len(self._streams) < self._their_limit and self._next_id < 2**31

    @property
    def has_waiting(self) -> bool:
        """Return whether `release` might write something now."""
        return self._outbox.ready

    @property
    def dead(self) -> str:
        """Return why the session is to be closed, if its peer is beyond help."""
        return self._window.dead if self._window is not None else ""

    def hears(self, reading: bool) -> None:
        """Take note of whether we read from the peer."""
        if self._window is not None and self._window.hears(reading, self._now):
            self._let_go()

    def starved(self, stream_id: int) -> bool:
        """Return whether the peer lets this stream's bytes wait, and not all."""
        window, outbox = self._window, self._outbox
        if outbox.paused or window is None:
            return outbox.starved(stream_id) and not outbox.paused
        return window.stuck(stream_id) and outbox.waiting(stream_id) > 0

    def waiting(self, stream_id: int) -> int:
        """Return how many bytes of the stream wait here."""
        return self._outbox.waiting(stream_id)

    def outgoing(self) -> bytes:
        """
        Return, and forget, the bytes to write.

        A served session has none before it has heard the client.
        """
        window = self._window
        if window is not None and window.due and self._may_speak:
            self._ask(window)
        if not self._may_speak or not self._out:
            return b""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def open_stream(self, headers: Headers, *, finished: bool = False) -> int:
        """
        Ask the peer for a stream (draft, section 2.3.2).

        :param finished: send FIN in the same breath.
        :returns: the number of the stream.
        :raises LocalError: the peer takes no more streams: ask `can_open`.
        """
        if not self.can_open:
            raise LocalError("the peer takes no more streams on this session")
        block = self._deflater.deflate(headers)
        stream_id = self._next_id
        self._next_id += 2
        state = advance(State.IDLE, Input.WE_ASK, stream_id)
        if finished:
            state = advance(state, Input.WE_FINISH, stream_id)
        self._streams[stream_id] = Stream(state, stream_id)
        self._outbox.add(stream_id, self._credit.stream_window())
        self._out.append(SynStream(stream_id, block, finished).pack())
        return stream_id

    def accept(self, stream_id: int, headers: Headers = ()) -> None:
        """Answer the peer's stream with SYN_REPLY (draft, section 2.6.2)."""
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        stream.state = advance(stream.state, Input.WE_ANSWER, stream_id)
        self._answer(stream_id, headers, stream.born)

    def send(self, stream_id: int, data: Buffer) -> int:
        """
        Send *data*; what there is no credit for waits.

        :returns: how many bytes are on their way; the rest becomes `Drained`.
        """
        stream = self._streams.get(stream_id)
        if stream is None:
            return len(data)
        if not may_send(stream.state):
            raise LocalError(f"stream {stream_id}: DATA while {stream.state.name}")
        room = self._outbox.put(stream_id, data)
        if room:
            self._frame(stream_id, data[:room], finished=False)
        return room

    def finish(self, stream_id: int) -> None:
        """Half-close the stream with FIN, once what waits on it has gone."""
        stream = self._streams.get(stream_id)
        if stream is None or not may_finish(stream.state):
            return
        stream.state = advance(stream.state, Input.WE_FINISH, stream_id)
        shut = self._window is not None and not self._window.takes(stream_id)
        if self._outbox.finish(stream_id, shut=shut):
            self._frame(stream_id, b"", finished=True)
            self._forget_if_over(stream_id, stream)

    def reset(self, stream_id: int, status: int) -> None:
        """
        Give the stream up with RST_STREAM.

        At once and with whatever waits; but after `finish` it follows what
        waits, so that nothing sent before is lost, unless it is asked twice.
        """
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        finished = not may_finish(stream.state)
        if finished and stream.reset_after is None and self._outbox.holds(stream_id):
            stream.reset_after = status
            return
        answered = not awaits_us(stream.state)
        self._forget(stream_id)
        self._give_up(stream_id, status, stream.born, answered=answered)

    def grant(self, stream_id: int, count: int) -> bool:
        """
        Note that *count* bytes of the stream were passed on.

        :returns: whether there is now a WINDOW_UPDATE to be written.
        """
        stream = self._streams.get(stream_id)
        if stream is None:
            return False
        owed = self._credit.drained(stream.account, count)
        self._grant(stream_id, owed)
        return owed > 0

    def ping(self, ping_id: int) -> None:
        """
        Ask whether the peer is there; a `Pong` tells that it is.

        :param ping_id: odd for a client, even for a server, and never 0: a Go
            peer closes the connection over it (docs/protocol.rst, 3.5).  A peer
            whose workers are watched is asked with their numbers instead.
        """
        window = self._window
        numbers = [ping_id] if window is None else window.ping(urgent=True)
        for number in numbers:
            self._out.append(Ping(number).pack())

    def goaway(self, status: int = 0) -> None:
        """
        Say goodbye; to a Go peer this is immediate death, so it comes last.

        Docs/protocol.rst, 3.6.
        """
        self._out.append(Goaway(self._last_theirs, status).pack())

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
        while limit > 0 and self._outbox.ready:
            # One by one where each has to be counted before the next may go.
            helping = limit if self._window is None else 1
            for stream_id, data, finished in self._outbox.release(helping):
                limit -= len(data) or 1
                self._frame(stream_id, data, finished=finished)
                events.append(Drained(stream_id, len(data)))
                if finished:
                    self._last_piece(stream_id, self._streams[stream_id])
        return events

    def _last_piece(self, stream_id: int, stream: Stream) -> None:
        """Do what had to follow the bytes that waited."""
        if is_over(stream.state):
            self._forget(stream_id)
        elif stream.reset_after is not None:
            self.reset(stream_id, stream.reset_after)

    def deadline(self) -> float:
        """Return the time at which `tick` has something to do."""
        window = self._window
        credit = self._credit.next()
        return credit if window is None else min(credit, window.next())

    def tick(self, now: float) -> list[Event]:
        """Judge the peer, and grant all to streams that stopped at exactly 64 KiB."""
        self._now = now
        window = self._window
        if window is not None:
            window.tick(now, congested=self._outbox.paused)
            self._judge()
            self._let_go()
        for stream_id in self._credit.stuck(now):
            self._grant(0, self._credit.rescue())
            account = self._streams[stream_id].account
            self._grant(stream_id, self._credit.rescue(account))
        return self._told_late()
