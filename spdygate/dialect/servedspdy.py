"""
Port-forward as SPDY clients speak it, from the serving side.

What streams mean is in `spdygate.dialect.spdystreams`; here is the rest of a
client's connection: what a shell asks of it, and its time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..errors import RstStatus
from ..session.deadlines import Liveness, Verdict, in_words
from ..session.events import Pong
from ..session.pingwindow import PingWindow
from .budget import Shared
from .patience import USUAL, Patience
from .spdyend import Errors, SpdyEnd
from .spdystreams import SpdyStreams, Visit
from .stalls import Stalls, reset_stalled
from .tunnel import Noted, TunnelEvent, nothing

__all__ = ["Errors", "ServedSpdy", "Visit"]

_NEVER = float("inf")

#: Seconds a client has to read the text that tells it of an end.
LAST_WORDS = 1.0


class ServedSpdy(SpdyStreams):
    """One SPDY client's session, as tunnels, ready to be carried."""

    def __init__(
        self,
        visit: Visit,
        errors: Errors = Errors.ISOLATE,
        shared: Shared | None = None,
        now: float = 0.0,
        patience: Patience = USUAL,
        ping_window: bool = True,
    ) -> None:
        """
        Serve a client; see `SpdyStreams`.

        :param ping_window: whether it may be asked which of its workers go on.
        """
        window = PingWindow(patience.frozen) if ping_window else None
        super().__init__(visit, errors, shared, now, window)
        self._patience = patience
        self._alive = Liveness(now, patience.quiet, idle=patience.idle)
        self._pings = 0
        self._end_at = _NEVER
        #: Streams to reset, and when, the soonest first.
        self._resets: deque[tuple[float, int]] = deque()
        self._stalls: Stalls[SpdyEnd] = Stalls(self._line.held, now, patience)
        self.pause = self._session.pause
        self.resume = self._session.resume

    @property
    def reading(self) -> bool:
        """Return whether the client may be read from."""
        return self._line.held.may_read()

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
        self._line.wake = self._line.held.wake = wake

    def feed(self, data: bytes, now: float) -> list[TunnelEvent]:
        """Take bytes from the client; return what happened to its tunnels."""
        self._now = now
        self._alive.heard(now)
        session = self._session
        happened = session.feed(data, now)
        if not happened or any(type(event) is not Pong for event in happened):
            # Its own PINGs are use, as a kubelet counts; answers to ours are not.
            self._alive.used(now)
        told = self._translate(happened)
        if session.notes:
            self._note(told)
        return told

    def _note(self, told: list[TunnelEvent]) -> None:
        """Pass on what a log should have of the session."""
        notes = self._session.notes
        told.extend(Noted(note) for note in notes)
        notes.clear()

    def outgoing(self) -> bytes:
        """Return, and forget, the bytes to write."""
        session = self._session
        session.hears(not self._line.held.over)
        return session.outgoing()

    def release(self, limit: int) -> list[TunnelEvent]:
        """Write about *limit* bytes of what has waited and may go now."""
        return self._translate(self._session.release(limit))

    def lost(self, why: str = "the client closed the connection") -> list[TunnelEvent]:
        """Hear that the connection is gone; return what that means."""
        told: list[TunnelEvent] = []
        self._line.wake = self._line.held.wake = nothing
        self._end_all(told, why)
        return told

    def deadline(self) -> float:
        """Return the time at which `tick` has something to do."""
        if self._line.farewells or (self._line.pod_gone and self._end_at == _NEVER):
            return self._now
        pairs, session = self._pairs.next(), self._session.deadline()
        resets = self._resets[0][0] if self._resets else _NEVER
        stalls = self._stalls.next()
        return min(pairs, session, resets, stalls, self._end_at, self._alive.next())

    def tick(self, now: float) -> list[TunnelEvent]:
        """Do what *now* demands: end pairs that never became one."""
        self._now = now
        told = self._translate(self._session.tick(now))
        self._note(told)
        for pair in self._pairs.expired(now):
            self._expire(pair, told)
        ends = self._ends.values()
        reset_stalled(self._stalls, ends, self._patience, now, told)
        self._take_leave(now)
        if self._line.pod_gone and self._end_at == _NEVER:
            self._end_at = now + LAST_WORDS
        elif now >= self._end_at:
            self._end_all(told, "its pod is gone")
        elif self._session.dead:
            self._end_all(told, self._session.dead)
        self._look_alive(now, told)
        return told

    def _take_leave(self, now: float) -> None:
        """Reset streams whose clients have had time to read why."""
        farewells, self._line.farewells = self._line.farewells, []
        self._resets.extend((now + LAST_WORDS, stream_id) for stream_id in farewells)
        while self._resets and self._resets[0][0] <= now:
            self._session.reset(self._resets.popleft()[1], RstStatus.CANCEL)

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
                self._end_all(told, f"idle for {in_words(self._patience.idle)}")
