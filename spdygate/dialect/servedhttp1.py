"""
An HTTP/1.1 client's connection, from the serving side.

What requests mean is in `spdygate.dialect.http1requests`; here is the rest of a
client's connection: what a shell asks of it, and its time.  Rules:

1. A client is told to go on with a body that it keeps back (100-continue) when
   its request has not been refused at once.
2. The next request is not read before the response to this one has been
   written: a client that only asks costs no memory.
3. A client that sends FIN while it waits for a response has given up, as it has
   for Go's net/http; one that waits for a tunnel may have said all it has to.
4. The time limit is for heads: a body, a response and a tunnel may take for
   ever.
"""

from __future__ import annotations

from collections.abc import Callable

from ..wire.http1head import LARGEST_HEAD
from .http1end import NEVER, Http1End
from .http1requests import Http1Requests
from .tunnel import Drained, TunnelEvent, nothing

__all__ = ["REQUEST_TIMEOUT", "Http1End", "ServedHttp1"]

#: Seconds for a request's head to arrive, and for a connection to stay without
#: one.  Go's own server has 32 s for kubectl's discovery requests.
REQUEST_TIMEOUT = 60.0


class ServedHttp1(Http1Requests):
    """One HTTP/1.1 client's connection, ready to be carried."""

    # -- what a shell asks -------------------------------------------------------

    @property
    def ending(self) -> bool:
        """Return whether the connection is to be closed once all is written."""
        line = self._line
        return line.ending and not (line.aborted or self._http.unwritten)

    @property
    def aborted(self) -> bool:
        """Return whether the connection is to be reset."""
        return self._line.aborted

    @property
    def finished(self) -> bool:
        """Return whether we have no more to say, once all is written."""
        return self._line.finished

    @property
    def tunnels(self) -> int:
        """Return how many tunnels are not over."""
        end = self._line.end
        return int(end is not None and end.is_connect and not end.over)

    @property
    def reading(self) -> bool:
        """Return whether the client may be read from."""
        line = self._line
        if line.end is None and self._outbox.paused:
            return False
        if not line.raw and self._http.waiting > LARGEST_HEAD:
            return False
        return line.held.may_read()

    @property
    def has_waiting(self) -> bool:
        """Return whether `release` might write or tell something now."""
        line = self._line
        more = line.again or line.glued or (line.raw and line.eof and self._owes_fin())
        return self._outbox.ready or (bool(more) and not self._outbox.paused)

    def _owes_fin(self) -> bool:
        """Return whether the client's FIN came before there was a tunnel."""
        end = self._line.end
        return end is not None and not end.they_finished and not end.over

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have *wake* called when there is something to write or read again."""
        self._line.wake = self._line.held.wake = wake

    def pause(self) -> None:
        """Hold bodies back: the transport is congested."""
        self._outbox.paused = True

    def resume(self) -> None:
        """Let them go again."""
        self._outbox.paused = False

    def outgoing(self) -> bytes:
        """Return, and forget, the bytes to write."""
        end = self._line.end
        if end is not None and not (end.answered or end.over):
            self._http.go_on()
        self._line.fresh = False
        return self._http.outgoing()

    def release(self, limit: int) -> list[TunnelEvent]:
        """Write about *limit* bytes of what waits; go on with what had to wait."""
        told: list[TunnelEvent] = []
        line = self._line
        for piece in self._outbox.release(limit):
            assert line.end is not None
            line.end.write(piece.data)
            told.append(Drained(line.end, len(piece.data)))
            line.moved = True
            if piece.finished:
                line.end.write_end()
        if line.again:
            line.again = False
            self._translate(self._http.feed(b""), told)
        glued, line.glued = line.glued, b""
        if glued:
            self._raw(glued, told)
        if line.raw and line.eof:
            self._hear_fin(told)
        return told

    # -- what happens ------------------------------------------------------------

    def feed(self, data: bytes, now: float) -> list[TunnelEvent]:
        """Take bytes from the client; return what happened."""
        told: list[TunnelEvent] = []
        line = self._line
        self._hear(now)
        if line.raw:
            self._raw(data, told)
        elif not (line.ending or line.finished or line.aborted):
            if self._http.idle:
                # For the whole of a head, not for each piece.
                line.since, line.stale = now, False
            self._translate(self._http.feed(data), told)
        return told

    def _hear(self, now: float) -> None:
        """Note the time."""
        self._line.now = now
        self._line.fresh = True

    # -- how it ends -------------------------------------------------------------

    def eof(self, now: float) -> list[TunnelEvent]:
        """Hear that the client has no more to say; return what that means."""
        told: list[TunnelEvent] = []
        line, end = self._line, self._line.end
        self._hear(now)
        line.eof = True
        self.why = self.why or "the client closed the connection"
        if line.raw:
            if not line.glued:
                self._hear_fin(told)
        elif end is None or end.sent:
            line.ending = True
        elif not (end.over or end.finishing or end.is_connect):
            self._give_up(self.why, told)
        return told

    def lost(self, why: str = "the client closed the connection") -> list[TunnelEvent]:
        """Hear that the connection is gone; return what that means."""
        told: list[TunnelEvent] = []
        self._line.wake = self._line.held.wake = nothing
        self._give_up(why, told)
        return told

    def deadline(self) -> float:
        """Return the time at which `tick` has something to do."""
        line = self._line
        if line.ending or line.aborted:
            return NEVER
        waits = line.end is None or (line.end.sent and not line.raw)
        head_by = line.since + REQUEST_TIMEOUT if waits else NEVER
        return min(head_by, line.until)

    def tick(self, now: float) -> list[TunnelEvent]:
        """Do what *now* demands: end what has taken too long."""
        told: list[TunnelEvent] = []
        line = self._line
        self._hear(now)
        if line.until <= now and line.moved:
            line.wait(line.patience)
        elif line.until <= now:
            self._give_up("the client was too slow", told)
            line.aborted = line.raw
        elif self.deadline() <= now and line.stale:
            line.since, line.stale = now, False
        elif self.deadline() <= now:
            line.ending = True
        return told

    def switch(
        self, token: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> tuple[bytes, bytes]:
        """
        Grant an upgrade to another dialect; this one is over.

        :returns: what is left to write, and what has come in the other dialect.
        """
        glued = self._http.switch(token, headers)
        self._line.end = None
        return self._http.outgoing(), glued
