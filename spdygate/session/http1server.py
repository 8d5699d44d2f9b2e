"""
A server's HTTP/1.1 connection: requests in and responses out, piece by piece.

`HeadScanner` finds a request and refuses what is open to two readings, h11
parses it and frames its body and the response, and this file says whose turn
it is.  Rules:

1. One request at a time.  What comes behind it waits, unread, because only
   the answer decides whether it is another request or, after an upgrade, the
   first bytes of another protocol.  So after a response is finished, feed
   nothing (``b""``) to get the request that may have waited.
2. Bad input raises nothing.  It is answered with a JSON Status, unless another
   answer has begun, and the connection is `closing`: whatever follows is
   thrown away unread.  `Broken` is then the last event.
3. A new h11 connection is made for each request: h11 has no way to be given
   back what it was fed too much.
4. A response may be finished before its request is.  What is left of the
   request's body is still reported; the next request begins behind it.

Not done here: time limits (the caller has the clock), holding anything back,
and HTTP/2 (its preface is looked for before: `spdygate.wire.upgrade`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import h11

from ..errors import LocalError
from ..wire.http1head import (
    LARGEST_HEAD,
    BadHead,
    HeadScanner,
    check_length,
    check_request,
)
from ..wire.upgrade import Request, switching, wants_upgrade
from .events import Broken, Buffer
from .http1body import BodyReader
from .http1events import Body, BodyFinished, read_fields
from .http1response import Response

#: Bytes that may wait behind a request until it is answered.  A caller that
#: takes its time should stop reading from the transport instead.
LARGEST_WAITING = 1024 * 1024

#: Characters of h11's complaint, which quotes the peer, that are sent back.
_COMPLAINT = 256


@dataclass(frozen=True, slots=True)
class Begun:
    """A request's head came; if it is bodiless, `BodyFinished` follows."""

    request: Request
    bodiless: bool


ServerEvent = Begun | Body | BodyFinished | Broken


class _Turn(Enum):
    """What is to be read."""

    HEAD = "a request's head"
    BODY = "a request's body"
    ANSWER = "our answer"
    SWITCHED = "nothing: it is another protocol's"


class Http1Server:
    """
    One connection.

    :ivar closing: whether to close it once `outgoing` is written.
    :ivar response: the response to the request that is read.
    """

    def __init__(self, largest_body: int | None = None) -> None:
        """
        Begin.

        :param largest_body: bytes up to which a client that asks is told at
            once to send its body; without it, see `go_on`.
        """
        self.closing = False
        self._largest = largest_body
        self._out: list[Buffer] = []
        #: What has come and was not given to h11.
        self._buffer = bytearray()
        self._start()

    def _start(self) -> None:
        """Begin to wait for a request."""
        self._turn = _Turn.HEAD
        self._scanner = HeadScanner()
        self._h11 = h11.Connection(h11.SERVER, LARGEST_HEAD)
        self._body = BodyReader(self._h11, chunked=False)
        self._request = Request("", b"")
        self.response = Response(self._h11, self._out)

    @property
    def idle(self) -> bool:
        """Return whether no request is in progress, however little of it."""
        return self._turn is _Turn.HEAD and not self._buffer

    @property
    def answerable(self) -> bool:
        """Return whether a request has begun, and no response to it."""
        begun = self._turn in (_Turn.BODY, _Turn.ANSWER)
        return begun and not self.response.begun

    @property
    def waits_to_go_on(self) -> bool:
        """Return whether the client keeps its body back until it is told."""
        return self._turn is _Turn.BODY and self._h11.they_are_waiting_for_100_continue

    @property
    def unwritten(self) -> bool:
        """Return whether `outgoing` has something to write."""
        return bool(self._out)

    @property
    def waiting(self) -> int:
        """Return how many bytes have come that nobody has read."""
        return len(self._buffer)

    def outgoing(self) -> bytes:
        """Return what is to be written, once."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    # -- reading ---------------------------------------------------------------

    def feed(self, data: bytes) -> list[ServerEvent]:
        """
        Take bytes from the client.

        :param data: what came; nothing, after a response, to go on.
        :returns: what there is of one request.
        :raises LocalError: the connection has been switched.
        """
        if self._turn is _Turn.SWITCHED:
            raise LocalError("these bytes are another protocol's: see switch()")
        if self.closing:
            return []
        self._buffer += data
        told: list[ServerEvent] = []
        try:
            self._read(told)
        except BadHead as error:
            self.refuse(error.status, str(error))
            told.append(Broken(error))
        except h11.RemoteProtocolError as error:
            status, words = error.error_status_hint, str(error)[:_COMPLAINT]
            self.refuse(status, words)
            told.append(Broken(BadHead(status, words)))
        return told

    def _read(self, told: list[ServerEvent]) -> None:
        """Read on, as far as the request goes."""
        if self._turn is _Turn.HEAD:
            self._read_head(told)
        if self._turn is _Turn.BODY:
            self._read_body(told)
        if self._turn is _Turn.ANSWER and len(self._buffer) > LARGEST_WAITING:
            self.closing = True  # no answer goes before the one that is due
            raise BadHead(400, "it sends on without its answer")

    def _read_head(self, told: list[ServerEvent]) -> None:
        """Read request line and headers once they are whole."""
        end = self._scanner.find(self._buffer)
        if not end:
            return
        self._h11.receive_data(bytes(self._buffer[:end]))
        del self._buffer[:end]
        head = self._h11.next_event()
        assert isinstance(head, h11.Request)
        method, version = head.method.decode("ascii"), head.http_version.decode()
        headers = read_fields(head.headers)
        self._request = request = Request(method, bytes(head.target), headers, version)
        self.response.method, self.response.modern = method, version == "1.1"
        bodiless = check_request(request)
        chunked = request.header("transfer-encoding") is not None
        self._body = BodyReader(self._h11, chunked=chunked)
        self._turn = _Turn.BODY
        if self._largest is not None:
            check_length(request, self._largest)
            self.go_on()
        told.append(Begun(request, bodiless))

    def _read_body(self, told: list[ServerEvent]) -> None:
        """Read what has come of the body, as one piece."""
        data = bytes(self._buffer)
        self._buffer.clear()
        pieces: list[bytes] = []
        try:
            self._body.read(data, pieces)
        finally:
            if pieces:
                told.append(Body(b"".join(pieces)))
        if self._body.end is not None:
            self._buffer += self._body.rest
            told.append(BodyFinished(read_fields(self._body.end.headers)))
            self._turn = _Turn.ANSWER
            if self.response.finished:
                self._start()

    # -- answering -------------------------------------------------------------

    def go_on(self) -> None:
        """Tell a client that keeps its body back to send it."""
        if self.waits_to_go_on:
            self.response.go_on()

    def respond(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """
        Queue the head of the response, to which the framing is added.

        :raises LocalError: no request waits for one, or it is no valid one.
        """
        if self.closing:
            return
        if not self.answerable:
            raise LocalError(f"a response, while waiting for {self._turn.value}")
        fields = list(headers)
        if self.waits_to_go_on:
            # It may send its body or not: there is no telling what comes next.
            fields.append(("Connection", "close"))
        self.response.begin(status, fields)

    def send(self, data: Buffer) -> None:
        """
        Queue bytes of the response's body, or, once switched, bytes.

        :raises LocalError: the head did not announce them.
        """
        if self._turn is _Turn.SWITCHED:
            self._out.append(bytes(data))
        elif not self.closing:
            self.response.send(data)

    def finish(self, trailers: Iterable[tuple[str, str]] = ()) -> None:
        """
        Queue the end of the response.

        :raises LocalError: its head announced more.
        """
        if self.closing:
            return
        self.response.finish(trailers)
        if not self.response.finished:
            self.closing = True
        elif self._turn is _Turn.ANSWER:
            self._start()

    def refuse(self, status: int, message: str) -> None:
        """Answer what cannot be read on, unless an answer has begun, and close."""
        if not self.closing:
            self.response.refuse(status, message)
        self.closing = True
        self._buffer.clear()

    def switch(self, token: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
        """
        Queue the 101 that grants the upgrade; the connection is no longer ours.

        :returns: what the client sent behind its request, in the new protocol.
        :raises LocalError: no request waits for that.
        """
        wanted = wants_upgrade(self._request)
        if self._turn is not _Turn.ANSWER or token.lower() not in wanted:
            raise LocalError(f"nobody asked for an upgrade to {token}")
        self._out.append(switching(token, headers))
        return self._glued()

    def connect(self) -> bytes:
        """
        Queue the 200 that grants a CONNECT; the connection is no longer ours.

        :returns: what the client sent behind its request.
        :raises LocalError: no request waits for that.
        """
        if self._turn is not _Turn.ANSWER or self._request.method != "CONNECT":
            raise LocalError("nobody asked for a connection")
        self._out.append(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return self._glued()

    def _glued(self) -> bytes:
        """Speak HTTP no longer; return what waits."""
        self._turn = _Turn.SWITCHED
        glued = bytes(self._buffer)
        self._buffer.clear()
        return glued
