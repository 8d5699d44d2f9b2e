"""
The ends that only a gateway's HTTP/2 clients have: of exchanges, and of plain
CONNECT.

An ordinary request is a stream like a tunnel's, with a head at each side; what
`spdygate.dialect.exchange` adds to the contract of every end is here.  The
answer that ends before its request does ends both: END_STREAM, then
RST_STREAM(NO_ERROR), as RFC 9113, section 8.1, has it.
"""

from __future__ import annotations

from ..errors import Http2Code
from ..session.events import Headers
from ..wire.upgrade import Fields
from .exchange import Answer
from .http2end import Http2Line
from .http2heads import written_answer, written_fields
from .http2tunnels import ServedEnd
from .http2words import document, refused
from .tunnel import Failure, Reason

#: RFC 9110, section 15.5.8: a 407 says how to identify oneself.
_CHALLENGE = (b"proxy-authenticate", b'Bearer realm="spdygate"')

#: RFC 9110, section 15.2.1.
_GO_ON = ((b":status", b"100"),)


class ProxyEnd(ServedEnd):
    """The end of a tunnel that was asked for as one asks a proxy."""

    __slots__ = ()

    def _refusal(self, failure: Failure) -> tuple[Headers, bytes]:
        """Return the answer that says why; a proxy has a 401 of its own."""
        if failure.reason is not Reason.UNAUTHORIZED:
            return super()._refusal(failure)
        headers, body = refused(407, failure.message, failure.reason)
        return (*headers, _CHALLENGE), body


class Http2Exchange(ServedEnd):
    """
    The end of an ordinary request.

    Nothing it is answered with carries the proof of a node service (8.1): that
    is for tunnels.
    """

    __slots__ = ("_head_only", "_trailers")

    def __init__(self, line: Http2Line, stream_id: int, *, head_only: bool) -> None:
        """
        Stand for a request that has come.

        :param head_only: whether its answer has no body, whatever it says
            (RFC 9110, section 9.3.2).
        """
        super().__init__(line, stream_id)
        self._head_only = head_only
        self._trailers: Headers = ()

    def go_on(self) -> None:
        """Have the client send the body that it keeps back."""
        self._line.session.inform(self.stream_id, _GO_ON)

    def accept(self) -> None:
        """Do nothing: the answer's head says it."""

    def respond(self, answer: Answer) -> None:
        """Write the head of the response, or of one that goes before it (1xx)."""
        if self.over or self.answered:
            return
        if answer.status == 101:
            self.fail(Failure(Reason.INTERNAL, "an upgrade that nobody asked for"))
            return
        session = self._line.session
        if answer.status < 200:
            session.inform(self.stream_id, written_answer(answer))
        else:
            self.answered = True
            session.accept(self.stream_id, written_answer(answer))
        self._line.wake()

    def trail(self, trailers: Fields) -> None:
        """Keep trailers, to be written when the response is finished."""
        self._trailers = written_fields(trailers)

    def finish(self) -> None:
        """End the response, and with it the exchange."""
        if self.over or self.finished:
            return
        self.finished = True
        session = self._line.session
        session.finish(self.stream_id, self._trailers)
        session.reset(self.stream_id, Http2Code.NO_ERROR)
        self._line.settle(self)
        if not self.over:
            self._line.linger(self)
        self._line.wake()

    def fail(self, failure: Failure) -> None:
        """Refuse with a Status, or cut the response off so that it is noticed."""
        if not (self.answered or self.over):
            super().fail(failure)
            return
        # What follows what waits was said with `finish`; asked twice it is cut.
        if self.over or not self.finished:
            self._line.reset(self, _cut_off(failure.reason))
        self.over = True
        self._line.wake()

    def _refusal(self, failure: Failure) -> tuple[Headers, bytes]:
        """Return the answer that says why."""
        headers, body = document(failure.reason.status, failure.message)
        return headers, b"" if self._head_only else body


def _cut_off(reason: Reason) -> int:
    """Return the RST_STREAM code for a response that cannot be completed."""
    if reason in (Reason.GAVE_UP, Reason.DRAINING):
        return Http2Code.CANCEL
    return Http2Code.INTERNAL_ERROR
