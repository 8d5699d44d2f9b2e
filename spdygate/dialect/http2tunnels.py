"""
The tunnels of one HTTP/2 connection, as far as both of its sides are alike; and
the end of one that the peer asked for.

What each side adds is in `servedhttp2` and `nodehttp2`.
"""

from __future__ import annotations

from collections.abc import Callable

from ..session import events
from ..session.deadlines import Liveness, Verdict
from .http2end import Http2End, Http2Line
from .http2words import accepted, refused
from .tunnel import Failure


class Http2Tunnels:
    """
    The tunnels of one HTTP/2 connection, as far as both sides are alike.

    :ivar ending: whether the connection is to be closed once all is written.
    :ivar why: what ended the connection, when it was not simply closed.
    :ivar reading: always; HTTP/2 windows bound what the peer may send.
    """

    reading = True

    def __init__(self, line: Http2Line, alive: Liveness) -> None:
        self._line = line
        self._alive = alive
        self._session = line.session
        #: Whether the peer has taken what was written to it since the last look.
        self._moved = False
        self.ending = False
        self.why = ""
        self.outgoing = line.session.outgoing
        self.pause = line.session.pause
        self.release = line.release

    @property
    def has_waiting(self) -> bool:
        """Return whether `release` might write something now."""
        return self._session.has_waiting

    @property
    def tunnels(self) -> int:
        """Return how many tunnels are not over."""
        return len(self._line.ends)

    def resume(self) -> None:
        """Let DATA go again: the peer has taken what was written."""
        self._moved = True
        self._session.resume()

    def _look_alive(self, now: float) -> Verdict:
        """
        Say what to make of the peer's silence.

        One that takes what is written is alive, though its answer may be far
        behind what is still on its way: windows are granted in large parts.
        """
        if self._moved:
            self._moved = False
            self._alive.heard(now)
        return self._alive.judge(now)

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have *wake* called when there is something to write."""
        self._line.wake = wake


class ServedEnd(Http2End):
    """The end of a tunnel that the peer asked us for."""

    __slots__ = ()

    def accept(self) -> None:
        """Answer with ``:status`` 200: the target is connected."""
        if not (self.over or self.answered):
            self.answered = True
            self._line.session.accept(self.stream_id, accepted())
            self._line.wake()

    def fail(self, failure: Failure) -> None:
        """Refuse with a status and a reason, or reset what was accepted."""
        if self.answered or self.over:
            super().fail(failure)
            return
        self.answered = self.over = True
        headers, body = self._refusal(failure)
        self._line.session.refuse(self.stream_id, headers, body)
        # If the body waits, that is no byte of the tunnel: nobody is told.
        self._line.ends.pop(self.stream_id, None)
        self._line.wake()

    def _refusal(self, failure: Failure) -> tuple[events.Headers, bytes]:
        """Return the answer that says why."""
        return refused(failure.reason.status, failure.message, failure.reason)
