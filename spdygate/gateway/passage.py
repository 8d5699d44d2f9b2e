"""
One exchange: what joins a client's request to the API server's answer.

Bodies are moved and accounted for as a relay moves the bytes of a tunnel, by
two `Way`s; the heads are put together anew (`spdygate.gateway.rewriting`).
Rules, beyond those of `spdygate.dialect.exchange`:

1. An answer that ends before the request does ends the exchange.  What still
   comes of the request is granted and thrown away, for as long as the client
   sends it; the connection to the API server is not used again.
2. The request of an upgrade ends with its head, so the client's first
   `Finished` says no more than that if it comes before the answer.  Bytes that
   are already there wait until the upgrade is granted, and are thrown away if
   it is not.
3. What was swallowed by a connection that nobody listened to any more is asked
   once again, on a new one, provided that it may be (`Reason.RETRY`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..dialect.exchange import Answer, Answered, Asked, Trailed
from ..dialect.tunnel import (
    Data,
    Drained,
    End,
    Failed,
    Failure,
    Finished,
    Reason,
    TunnelEvent,
    nothing,
)
from ..session.events import Buffer
from ..wire.upgrade import Fields, Request
from . import rewriting
from .relay import Way, settle_lost
from .rewriting import Base, NotPassed

#: Bytes of an answer that is gathered to be translated.
LARGEST_GATHERED = 1024 * 1024

_OVER = Failure(Reason.GAVE_UP, "the answer came before the end of the request")

#: From a status and a whole body to the body that the client gets.
Translate = Callable[[int, bytes], bytes]


class FarEnd(End, Protocol):
    """The end of an exchange that faces the API server."""

    def trail(self, trailers: Fields) -> None:
        """Keep trailers, to be written when the request is finished."""


@dataclass(frozen=True, slots=True)
class Passed:
    """
    What is passed on.

    :ivar request: as it is written to the API server.
    :ivar upgrade: what it would go over to, or empty.
    :ivar base: where it is passed to.
    :ivar scheme: with which the API server is reached.
    :ivar translate: makes the answer's body, if the client would not
        understand the API server's.
    """

    request: Request
    upgrade: str
    base: Base
    scheme: str
    translate: Translate | None = None


class Passage:
    """
    The relay of one exchange.

    :ivar near: the end that faces the client.
    :ivar far: the end that faces the API server, once there is one.
    :ivar up: the request's body.
    :ivar down: the response's body.
    :ivar over: whether the exchange has ended.
    :ivar cancel: called if it ends while there is no far end.
    :ivar again: called if it is to be asked on a new connection.
    """

    def __init__(self, asked: Asked, passed: Passed) -> None:
        self.near = asked.end
        self.passed = passed
        self.far: FarEnd | None = None
        self.up = Way(asked.end, None)
        self.down = Way(None, asked.end)
        self.over = False
        self.cancel: Callable[[], None] = nothing
        self.again: Callable[[], None] = nothing
        self._method = asked.request.method
        self._answered = False
        self._switched = False
        self._head_ended = False
        self._retried = False
        self._trailers: Fields = ()
        #: The answer's body, if it is gathered.
        self._gathered = bytearray()
        self._status = 0
        asked.end.receiver = self

    def join(self, far: FarEnd) -> None:
        """Let the body pass to *far*, which was told the head."""
        far.receiver = self
        if self.over:
            far.fail(_OVER)
            return
        self.far = self.down.source = far
        if self._trailers:
            far.trail(self._trailers)
        self.up.join(far)

    def refuse(self, failure: Failure) -> None:
        """Give the exchange up."""
        if self.over:
            return
        self.over = True
        self.near.fail(failure)
        if self.far is not None:
            self.far.fail(failure)
        else:
            self.cancel()
        settle_lost(self.up, self.down)

    def act(self, event: TunnelEvent) -> None:
        """Act on what happened at one of the two ends."""
        near = event.end is self.near  # type: ignore[union-attr]
        match event:
            case Data(_, data):
                self._data(near, data)
            case Drained(_, count):
                (self.down if near else self.up).drained(count)
            case Answered(_, answer):
                self._answer(answer)
            case Trailed(_, trailers):
                self._trail(near, rewriting.trailers(trailers))
            case Finished():
                self._near_finished() if near else self._far_finished()
            case Failed(_, failure):
                self._failed(near, failure)

    # -- what the client does --------------------------------------------------

    def _data(self, near: bool, data: Buffer) -> None:
        """Pass bytes on, gather them, or let them go."""
        if near and self.over:
            self.near.grant(len(data))
        elif near:
            self.up.data(data)
        elif self.passed.translate is None:
            self.down.data(data)
        else:
            self._gather(data)

    def _trail(self, near: bool, trailers: Fields) -> None:
        """Pass trailers on."""
        if not near:
            self.near.trail(trailers)
            return
        self._trailers = trailers
        if self.far is not None:
            self.far.trail(trailers)

    def _near_finished(self) -> None:
        """Pass the end of the request on."""
        if self.passed.upgrade and not self._answered and not self._head_ended:
            self._head_ended = True
            return
        self.up.finish()
        self._see_whether_over()

    # -- what the API server does ----------------------------------------------

    def _answer(self, found: Answer) -> None:
        """Begin the response."""
        passed = self.passed
        try:
            answer = rewriting.answer(
                found, self._method, passed.base, passed.scheme, upgrade=passed.upgrade
            )
        except NotPassed as error:
            self.refuse(Failure(Reason.PROTOCOL, str(error)))
            return
        self._answered = True
        self._switched = found.status == 101
        self._status = found.status
        if passed.translate is None:
            self.near.respond(answer)

    def _far_finished(self) -> None:
        """Pass the end of the response on."""
        if self.passed.translate is not None and not self.over:
            self._translate(self.passed.translate)
        self.down.finish()
        self._see_whether_over()

    def _see_whether_over(self) -> None:
        """End an exchange whose response is complete, and whatever is left of it."""
        if self.over or not self.down.finished:
            return
        if self.up.finished:
            self.over = True
        elif not self._switched:
            self.over = True
            self._stop_asking()

    def _stop_asking(self) -> None:
        """Let go of the far end, which waits for more of the request."""
        if self.far is not None:
            self.far.fail(_OVER)
        self.up.settle()

    def _failed(self, near: bool, failure: Failure) -> None:
        """End the other end too, and settle what will never be delivered."""
        if not near and self._may_ask_again(failure):
            self._retried = True
            self.far = self.up.sink = self.down.source = None
            self.again()
            return
        (self.down if near else self.up).settle()
        if self.over:
            return
        self.over = True
        if not near:
            self.near.fail(failure)
        elif self.far is not None:
            self.far.fail(failure)
        else:
            self.cancel()
        settle_lost(self.up, self.down)

    def _may_ask_again(self, failure: Failure) -> bool:
        """Say whether the exchange may begin anew."""
        fresh = not (self.over or self._answered or self._retried or self.up.count)
        return fresh and failure.reason is Reason.RETRY

    # -- an answer that is translated ------------------------------------------

    def _gather(self, data: Buffer) -> None:
        """Keep a piece of the answer, within bounds."""
        if self.far is not None:
            self.far.grant(len(data))
        if self.over:
            return
        self._gathered += data
        if len(self._gathered) > LARGEST_GATHERED:
            words = f"an object of more than {LARGEST_GATHERED} bytes is not translated"
            self.refuse(Failure(Reason.PROTOCOL, words))

    def _translate(self, translate: Translate) -> None:
        """Answer with what the client understands."""
        body = translate(self._status, bytes(self._gathered))
        length = ("content-length", str(len(body)))
        fields = (("content-type", "application/json"), length)
        self.near.respond(Answer(self._status, fields))
        if body:
            self.down.source = None
            self.down.data(body)
