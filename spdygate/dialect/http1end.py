"""
The end of an exchange, or of a tunnel, on a client's HTTP/1.1 connection.

They come one after another.  One that is answered with an upgrade, or a CONNECT
that is accepted, is the last: from then on the connection's bytes are the
tunnel's own, and TCP's FINs are its FINs.

What waits for a congested transport is framed when it leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import LocalError
from ..session.events import Buffer
from ..session.http1server import Http1Server
from ..session.outbox import Outbox
from ..wire.http1fields import written_upgrade
from ..wire.portforward import STATUS_TYPE, status
from ..wire.upgrade import Fields, Request
from .budget import LINGER, Held
from .exchange import Answer
from .tunnel import Failure, Reason, Receiver, nothing

#: Seconds, and bytes, for the rest of a body that nobody wants any more: closed
#: before that, a connection loses its answer (RFC 9112, section 9.6).  Go reads
#: 256 KiB and then waits half a second.
PARTING = 5.0
DISCARDED = 256 * 1024

#: RFC 9110, section 15.5.8: a 407 says how to identify oneself.
_CHALLENGE = ("Proxy-Authenticate", 'Bearer realm="spdygate"')

NEVER = float("inf")


@dataclass(slots=True)
class Http1Line:
    """
    What the ends of one connection share.

    :ivar now: when we last heard, in seconds.
    :ivar end: of the exchange that is not over, request and response.
    :ivar raw: whether the connection is the tunnel's.
    :ivar glued: what came behind a tunnel's request, not yet told.
    :ivar eof: whether the client's FIN has come.
    :ivar again: whether another request may have come already.
    :ivar since: when the last response ended, or the connection began.
    :ivar fresh: whether it is still the turn in which we heard the time.
    :ivar stale: whether ``since`` is a guess, and too early.
    :ivar patience: seconds for a client that is too slow.
    :ivar until: when it ends.
    :ivar moved: whether it begins anew then: something has left since.
    :ivar finished: whether we say no more, once all is written.
    :ivar ending: whether the connection is to be closed once all is written.
    :ivar aborted: whether it is to be reset: bytes are missing, and a FIN would
        hide it.
    """

    held: Held
    http: Http1Server = field(default_factory=Http1Server)
    outbox: Outbox = field(default_factory=Outbox)
    now: float = 0.0
    end: Http1End | None = None
    raw: bool = False
    glued: bytes = b""
    eof: bool = False
    again: bool = False
    since: float = 0.0
    fresh: bool = True
    stale: bool = False
    patience: float = 0.0
    until: float = NEVER
    moved: bool = False
    finished: bool = False
    ending: bool = False
    aborted: bool = False
    wake: Callable[[], None] = nothing

    def wait(self, seconds: float) -> None:
        """Have patience for so long, from the next look at the clock if need be."""
        self.patience, self.moved = seconds, not self.fresh
        self.until = self.now + (seconds if self.fresh else 0.0)

    def next(self) -> None:
        """Go on to the next request if all of an exchange has been written."""
        end = self.end
        if end is None or not end.sent:
            return
        self.until = NEVER
        self.since, self.stale = self.now, not self.fresh
        if self.eof or (self.http.closing and end.they_finished):
            self.ending = True
        elif self.http.closing:
            self.finished = True
            self.wait(PARTING)
        elif end.they_finished:
            self.end = None
            self.again = self.http.waiting > 0
        self.wake()


class Http1End:
    """
    One exchange of a client, or the tunnel that it became.

    :ivar head: the request as it came.
    :ivar upgrade: what `respond` may switch to with a 101.
    :ivar answered: whether a response has begun.
    :ivar finishing: whether we have said that we send no more.
    :ivar sent: whether all of that has left, with its end.
    :ivar they_finished: whether the client has said so.
    :ivar discarded: bytes of its body that nobody wanted any more.
    :ivar over: whether nothing more is to be reported, but what waits.
    """

    def __init__(
        self, line: Http1Line, number: int, head: Request, upgrade: str = ""
    ) -> None:
        """Stand for a request that has come."""
        self.receiver: Receiver | None = None
        self.head = head
        self.upgrade = upgrade
        self.answered = self.finishing = self.sent = False
        self.they_finished = self.over = False
        self.discarded = 0
        self._line = line
        self._number = number
        self._trailers: Fields = ()
        self._held = 0
        line.outbox.add(number)

    @property
    def is_connect(self) -> bool:
        """Return whether a tunnel was asked for as one asks a proxy."""
        return self.head.method == "CONNECT"

    @property
    def waits(self) -> bool:
        """Return whether bytes wait here."""
        return self._line.outbox.waiting(self._number) > 0

    def accept(self) -> None:
        """Tell the client that its tunnel is connected."""
        self.respond(Answer(200))

    def respond(self, answer: Answer) -> None:
        """
        Write the head of the response; a 1xx but 101 is left out.

        :raises LocalError: it cannot be written.
        """
        line = self._line
        if self.over or self.answered or (answer.status < 200 and answer.status != 101):
            return
        if answer.status == 101:
            token = written_upgrade(self.upgrade)
            self._switch(line.http.switch(token, answer.headers))
        elif self.is_connect and answer.status < 300:
            self._switch(line.http.connect())
        else:
            line.http.respond(answer.status, answer.headers)
        self.answered = True
        line.wake()

    def _switch(self, glued: bytes) -> None:
        """Let the connection be the tunnel's."""
        self._line.raw = True
        self._line.glued = glued
        self.they_finished = False

    def trail(self, trailers: Fields) -> None:
        """Keep trailers, to be written when the response is finished."""
        self._trailers = trailers

    def send(self, data: Buffer) -> int:
        """Send *data*; keep what a congested transport cannot take yet."""
        if self.over or self.finishing:
            return len(data)
        if not self.answered:
            raise LocalError("a body before its head")
        room = self._line.outbox.put(self._number, data)
        if room:
            self.write(data[:room])
        return room

    def write(self, data: Buffer) -> None:
        """Write what may go now."""
        self._line.http.send(data)
        self._line.wake()

    def finish(self) -> None:
        """End the response, or half-close, behind what was sent."""
        if self.over or self.finishing:
            return
        if not self.answered:
            raise LocalError("an end before its head")
        self.finishing = True
        if self._line.outbox.finish(self._number):
            self.write_end()
        elif self._line.raw and self.they_finished:
            self._linger()
        self._line.wake()

    def write_end(self) -> None:
        """Write the end, now that nothing waits before it."""
        line = self._line
        line.outbox.remove(self._number)
        self.sent = True
        if not line.raw:
            line.http.finish(self._trailers)
            self.over = True
            line.next()
            return
        line.finished = True
        if self.over or self.they_finished:
            self.over = line.ending = True

    def hear_fin(self) -> bool:
        """
        Take the client's FIN for the tunnel's.

        :returns: whether it is news to anyone.
        """
        news = not (self.over or self.they_finished)
        self.they_finished = True
        if self.sent:
            self.over = self._line.ending = True
        elif self.finishing and news:
            self._linger()
        return news

    def _linger(self) -> None:
        """Be over, but for what waits."""
        self.over = True
        self._line.wait(LINGER)

    def fail(self, failure: Failure) -> None:
        """Refuse with a Status; after `respond`, cut off so that it is noticed."""
        if self.over:
            if self.waits:
                self.cut()
        elif self.finishing and self.waits:
            self._linger()
        elif self.sent:  # a tunnel's FIN, behind which the client may go on
            self.over = self._line.ending = True
        elif self.answered:
            self.cut()
        else:
            self._refuse(failure)
        self._line.wake()

    def cut(self) -> None:
        """Throw away what waits, and let the client notice."""
        line = self._line
        self.over = True
        line.outbox.remove(self._number)
        if line.raw or not line.http.response.cut_shows:
            line.aborted = True
        else:
            line.ending = True

    def _refuse(self, failure: Failure) -> None:
        """Answer with a Status; a proxy has a 401 of its own."""
        if self.is_connect and failure.reason is Reason.UNAUTHORIZED:
            self.refuse(407, failure.message, _CHALLENGE)
        else:
            self.refuse(failure.reason.status, failure.message)

    def refuse(self, code: int, message: str, *headers: tuple[str, str]) -> None:
        """Answer with a Status, at once and whole."""
        http, body = self._line.http, status(code, message)
        fields = [("content-type", STATUS_TYPE), ("content-length", str(len(body)))]
        if self.upgrade or (self.is_connect and http.waiting):
            # What comes behind it was meant for the tunnel, and is no request.
            fields.append(("connection", "close"))
        http.respond(code, [*fields, *headers])
        http.send(body)
        self.answered = self.finishing = True
        # Of a CONNECT all has been read: what follows would be the tunnel's.
        self.they_finished = self.they_finished or self.is_connect
        self.write_end()

    def hurry(self, seconds: float) -> None:
        """Give the client so long for the rest of its request."""
        if not self.they_finished:
            self._line.wait(seconds)

    def take(self, count: int) -> None:
        """Count bytes that came and are told."""
        self._held = self._line.held.take(self._held, count)

    def grant(self, count: int) -> None:
        """Allow the client to send *count* bytes more."""
        self._held = self._line.held.give(self._held, count)
