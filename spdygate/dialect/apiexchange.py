"""
A connection to the API server, for one client's request after another.

HTTP/1.1 frames what is said until an upgrade is granted (`Http1Client`); from
then on the bytes are the other protocol's, unread.  Rules:

1. One exchange at a time.  A connection that is not at a clean end behind an
   exchange is closed: no answer may become that to somebody else's question.
2. A server may close a connection that is idle just when we use it again.
   What it has not begun to answer then fails with `Reason.RETRY`, provided
   that asking twice is the same as asking once (RFC 9110, section 9.2.2).
3. A watch may say nothing for hours, so there is no limit to how long an
   answer takes: TCP finds out who is dead.

Not done here: what the request says (`spdygate.gateway.rewriting`), who waits
for a connection and where it comes from (`spdygate.net.passing`).
"""

from __future__ import annotations

from collections.abc import Callable

from ..session.events import Broken, Buffer
from ..session.http1client import Body, BodyFinished, Responded, Switched
from ..session.http1events import ClientEvent
from ..wire.upgrade import Request
from .apiend import ApiEnd, ApiLine
from .budget import LINGER, Held, Shared
from .exchange import Answer, Answered, Trailed
from .tunnel import Data, Drained, Failed, Failure, Finished, Reason, TunnelEvent

#: Seconds without an exchange after which a connection is closed; an API server
#: keeps one for 90 (k8s.io/apiserver, pkg/server/secure_serving.go).
IDLE = 60.0

#: Bytes of an answer that the other side may not have taken yet.
READ_AHEAD = 256 * 1024

_NEVER = float("inf")

#: Headers that say that a body follows.
_FRAMING = ("content-length", "transfer-encoding")

#: Methods that may be asked twice, if there is no body to be sent twice.
_REPEATABLE = ("GET", "HEAD", "OPTIONS")


class ApiExchange:
    """
    One connection.

    :ivar blame: why it was lost, for a person; whoever knows sets it.
    """

    def __init__(self, name: str, now: float, shared: Shared | None = None) -> None:
        """
        Prepare to ask the API server that *name* says to a person.

        :param shared: what all connections of the process hold.
        """
        self._name = name
        self._now = now
        self._line = ApiLine(Held(shared or Shared(), READ_AHEAD, READ_AHEAD))
        self._count = 0
        self._repeatable = False
        self._due = now + IDLE
        self.blame = f"{name}: the connection was lost"

    # -- what is asked ---------------------------------------------------------

    @property
    def end(self) -> ApiEnd | None:
        """Return the end of the exchange in progress."""
        return self._line.end

    @property
    def usable(self) -> bool:
        """Return whether another request may be asked."""
        line = self._line
        return line.end is None and not line.ending and line.client.reusable

    def ask(self, request: Request, *, upgrade: str = "") -> ApiEnd:
        """
        Begin an exchange, with a request as `Http1Client.ask` takes it.

        :param upgrade: what to go over to; then the request has no body, and
            what is sent to its end waits for the upgrade.
        :returns: its end, which will report `Answered` or `Failed`.
        :raises LocalError: the connection is not `usable`.
        """
        line = self._line
        line.client.ask(request, upgrade=upgrade)
        if upgrade:
            line.client.finish()
        self._count += 1
        bodiless = not any(name in _FRAMING for name, _ in request.headers)
        safe = bodiless and not upgrade and request.method in _REPEATABLE
        self._repeatable = safe and self._count > 1
        self._due = _NEVER
        line.end = ApiEnd(line, self._count, upgrade)
        line.wake()
        return line.end

    # -- what a shell asks -----------------------------------------------------

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have *wake* called when there is something to write or read again."""
        self._line.wake = self._line.held.wake = wake

    @property
    def ending(self) -> bool:
        """Return whether the connection is to be closed once all is written."""
        end = self._line.end
        return self._line.ending and (end is None or not end.waiting)

    @property
    def finished(self) -> bool:
        """Return whether our half of a connection that was switched is over."""
        return self._line.raw and self._line.fin

    @property
    def reading(self) -> bool:
        """Return whether the API server may be read from."""
        return self._line.end is None or self._line.held.may_read()

    @property
    def has_waiting(self) -> bool:
        """Return whether `release` might write something now."""
        return self._line.outbox.ready

    def pause(self) -> None:
        """Hold bodies back: the transport is congested."""
        self._line.outbox.paused = True

    def resume(self) -> None:
        """Let them go again."""
        self._line.outbox.paused = False

    def outgoing(self) -> bytes:
        """Return, and forget, the bytes to write."""
        self._settle()
        raw, self._line.raw_out = self._line.raw_out, []
        return b"".join((self._line.client.outgoing(), *raw))

    def release(self, limit: int) -> list[TunnelEvent]:
        """Write about *limit* bytes of what has waited and may go now."""
        end = self._line.end
        if end is None:
            return []
        told: list[TunnelEvent] = []
        for piece in self._line.outbox.release(limit):
            self._line.write(piece.data)
            told.append(Drained(end, len(piece.data)))
            if piece.finished:
                end.end_request()
        if told and self._lingers:
            self._due = _NEVER  # its time begins anew
        return told

    def feed(self, data: bytes, now: float) -> list[TunnelEvent]:
        """Take bytes from the API server; return what happened."""
        self._now = now
        if self._line.ending:
            return []
        self._repeatable = False
        told: list[TunnelEvent] = []
        if self._line.raw:
            self._data(data, told)
        else:
            self._translate(self._line.client.feed(data), told)
        self._settle()
        return told

    def _translate(
        self,
        happened: list[ClientEvent],
        told: list[TunnelEvent],
        breach: Reason = Reason.PROTOCOL,
    ) -> None:
        """Say in the vocabulary of exchanges what happened."""
        end = self._line.end
        for event in happened:
            if isinstance(event, Body):
                self._data(event.data, told)
            elif isinstance(event, Broken):
                self._fail(told, breach, f"{self._name}: {event.error}")
            elif end is None or end.over:
                continue
            elif isinstance(event, Responded):
                told.append(Answered(end, Answer(event.status, event.headers)))
            elif isinstance(event, BodyFinished):
                if event.trailers:
                    told.append(Trailed(end, event.trailers))
                self._finished(told)
            elif isinstance(event, Switched):
                self._switched(end, event, told)

    def _switched(self, end: ApiEnd, event: Switched, told: list[TunnelEvent]) -> None:
        """Let the connection be the other protocol's, from the glued bytes on."""
        self._line.raw = True
        end.grant_upgrade()
        told.append(Answered(end, Answer(101, event.headers)))
        if event.glued:
            self._data(event.glued, told)

    def _data(self, data: Buffer, told: list[TunnelEvent]) -> None:
        """Pass bytes on, and count them until they have left."""
        end = self._line.end
        if end is not None and not end.over:
            self._line.take(len(data))
            told.append(Data(end, data))

    def _finished(self, told: list[TunnelEvent]) -> None:
        """Pass the end of the response on."""
        end = self._line.end
        if end is not None and not end.over and not end.told_finished:
            end.told_finished = True
            told.append(Finished(end))

    def _fail(self, told: list[TunnelEvent], reason: Reason, words: str) -> None:
        """End the exchange in progress, and the connection with it."""
        line, end = self._line, self._line.end
        line.ending, line.end = True, None
        if end is None:
            return
        waited = end.waiting
        line.outbox.remove(end.number)
        if waited or not (end.over or (end.told_finished and end.sent_all)):
            # An idle connection that closes swallows what it was just asked.
            reason = Reason.RETRY if self._repeatable else reason
            told.append(Failed(end, Failure(reason, words)))
        end.over = True

    def _settle(self) -> None:
        """See whether the exchange is complete, and the connection fit for another."""
        line, end = self._line, self._line.end
        if end is None or line.ending or not (end.told_finished and end.sent_all):
            return
        line.outbox.remove(end.number)
        end.over = True
        line.end = None
        self._due = self._now + IDLE
        line.ending = not line.client.reusable

    def eof(self, now: float) -> list[TunnelEvent]:
        """Hear that the API server has no more to say; return what that means."""
        self._now = now
        told: list[TunnelEvent] = []
        line = self._line
        if line.raw:
            self._finished(told)
        elif line.end is None:
            line.ending = True
        elif not line.ending:
            self._translate(line.client.eof(), told, Reason.LINK_LOST)
        self._settle()
        return told

    def lost(self, why: str = "") -> list[TunnelEvent]:
        """
        End whatever is in progress, because of *why*, or what is to `blame`.

        One that was switched ends in good order first: it has its own last words.
        """
        told: list[TunnelEvent] = []
        if self._line.raw:
            self._finished(told)
        self._fail(told, Reason.LINK_LOST, why or self.blame)
        return told

    # -- time ------------------------------------------------------------------

    def deadline(self) -> float:
        """Return when an idle connection, or one that lingers, is to be closed."""
        if self._lingers and self._due is _NEVER:
            return self._now  # so that `tick` tells the time, and begins to count
        return self._due

    @property
    def _lingers(self) -> bool:
        """Return whether all that is left to do is to deliver what waits."""
        end = self._line.end
        return self._line.ending and end is not None and end.waiting > 0

    def tick(self, now: float) -> list[TunnelEvent]:
        """Close a connection that has been idle, or lingered, for long enough."""
        self._now = now
        told: list[TunnelEvent] = []
        if now >= self._due:
            self._due = _NEVER
            self._fail(told, Reason.GAVE_UP, "nothing was asked or taken for a while")
        elif self._lingers and self._due is _NEVER:
            self._due = now + LINGER
        return told
