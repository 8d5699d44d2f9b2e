"""
A server's HTTP/1.1 connection: requests in, responses out, or an upgrade.

`HeadScanner` finds a request and refuses what is open to two readings, h11
parses it and frames its body and the response, and this file says whose turn
it is.  Rules:

1. One request at a time.  What comes behind it waits, unread, because only
   the answer decides whether it is another request or, after an upgrade, the
   first bytes of another protocol.  So after `Http1Session.respond`, feed
   nothing (``b""``) to get the request that may have waited.
2. Bad input raises nothing.  It is answered with a JSON Status, and the
   connection is `closing`: whatever follows is thrown away unread.
3. A new h11 connection is made for each request: h11 has no way to be given
   back what it was fed too much.

Not done here: time limits (the caller has the clock, and `idle` and
`closing` tell it what to wait for), bodies that are passed on as they come,
and HTTP/2 (its preface is looked for before: `spdygate.wire.upgrade`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

import h11

from ..errors import LocalError
from ..wire import portforward
from ..wire.http1head import LARGEST_HEAD, BadHead, HeadScanner
from ..wire.upgrade import Request, switching, wants_upgrade

#: Bytes of a body; port-forward has none, and an API request that we answer
#: ourselves needs none.  The Kubernetes API server takes 3 MiB.
LARGEST_BODY = 1024 * 1024

#: Bytes that may wait behind a request until it is answered.  A caller that
#: takes its time should stop reading from the transport instead.
LARGEST_WAITING = 1024 * 1024

#: Characters of h11's complaint, which quotes the peer, that are sent back.
_COMPLAINT = 256

#: Responses that have no body (RFC 9110, sections 15.3.5 and 15.4.5).
_BODILESS = (204, 304)


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """
    A request is complete: answer it, or switch to another protocol.

    :ivar body: all of it.
    """

    request: Request
    body: bytes


class _Turn(Enum):
    """What the connection waits for."""

    HEAD = "a request's head"
    BODY = "a request's body"
    ANSWER = "our answer"
    SWITCHED = "nothing: it is another protocol's"


class Http1Session:
    """
    One connection.

    :ivar closing: whether to close it once `outgoing` is written.
    """

    def __init__(self) -> None:
        self.closing = False
        self._out: list[bytes] = []
        #: What has come and was not given to h11.
        self._buffer = bytearray()
        self._start()

    def _start(self) -> None:
        """Begin to wait for a request."""
        self._turn = _Turn.HEAD
        self._scanner = HeadScanner()
        self._h11 = h11.Connection(h11.SERVER, LARGEST_HEAD)
        self._request = Request("", b"")
        self._body = bytearray()
        #: The last bytes of a body that have been read.
        self._tail = b""

    @property
    def idle(self) -> bool:
        """Return whether no request is in progress, however little of it."""
        return self._turn is _Turn.HEAD and not self._buffer

    def outgoing(self) -> bytes:
        """Return what is to be written, once."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    # -- reading ---------------------------------------------------------------

    def feed(self, data: bytes) -> list[RequestReceived]:
        """
        Take bytes from the client.

        :param data: what came; nothing, after a response, to go on with what
            came before.
        :returns: at most one request.
        :raises LocalError: the connection has been switched.
        """
        if self._turn is _Turn.SWITCHED:
            raise LocalError("these bytes are another protocol's: see switch()")
        if self.closing:
            return []
        self._buffer += data
        try:
            return self._read()
        except BadHead as error:
            self._refuse(error.status, str(error))
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint, str(error)[:_COMPLAINT])
        return []

    def _read(self) -> list[RequestReceived]:
        """Read on, as far as the request goes."""
        if self._turn is _Turn.HEAD:
            self._read_head()
        if self._turn is _Turn.BODY and self._read_body():
            self._turn = _Turn.ANSWER
            return [RequestReceived(self._request, bytes(self._body))]
        if self._turn is _Turn.ANSWER and len(self._buffer) > LARGEST_WAITING:
            # No answer can be squeezed in before the one that is due.
            self.closing = True
            self._buffer.clear()
        return []

    def _read_head(self) -> None:
        """Read request line and headers once they are whole."""
        end = self._scanner.find(self._buffer)
        if not end:
            return
        self._h11.receive_data(bytes(self._buffer[:end]))
        del self._buffer[:end]
        head = self._h11.next_event()
        assert isinstance(head, h11.Request)
        self._request = _request(head)
        _check(self._request)
        self._turn = _Turn.BODY
        if self._h11.they_are_waiting_for_100_continue:
            self._out.append(self._h11.send(_GO_ON))

    def _read_body(self) -> bool:
        """Read what has come of the body; say whether that is all of it."""
        data = bytes(self._buffer)
        self._buffer.clear()
        if data:
            self._h11.receive_data(data)
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > LARGEST_BODY:
                    raise BadHead(413, _TOO_LARGE)
            elif isinstance(event, h11.EndOfMessage):
                self._end_body(data)
                return True
            else:
                self._tail = (self._tail + data)[-4:]
                return False

    def _end_body(self, data: bytes) -> None:
        """
        Take back from h11 what follows the body.

        A chunked one ends with an empty line, and h11 takes LF alone for such.

        :param data: what h11 was fed last.
        """
        waiting, _ = self._h11.trailing_data
        self._buffer += waiting
        ending = (self._tail + data[: len(data) - len(waiting)])[-4:]
        if self._request.header("transfer-encoding") and ending != b"\r\n\r\n":
            raise BadHead(400, "the body does not end with CR LF CR LF")

    # -- answering -------------------------------------------------------------

    def respond(
        self, status: int, headers: Iterable[tuple[str, str]], body: bytes
    ) -> None:
        """
        Queue the response to the request.

        Content-Length is added, and "Connection: close" where it is due.  To
        HEAD the body is not sent, its length is.

        :raises LocalError: no request waits for one, or it is no valid one.
        """
        if self.closing:
            return
        if self._turn is not _Turn.ANSWER:
            raise LocalError(f"a response, while waiting for {self._turn.value}")
        self._send(status, headers, body)
        if self._h11.our_state is h11.DONE:
            self._start()
        else:
            self.closing = True

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
        self._turn = _Turn.SWITCHED
        return bytes(self._buffer)

    def _refuse(self, status: int, message: str) -> None:
        """Answer what cannot be read on, and close."""
        headers = (("Content-Type", portforward.STATUS_TYPE), ("Connection", "close"))
        self._send(status, headers, portforward.status(status, message))
        self.closing = True
        self._buffer.clear()

    def _send(
        self, status: int, headers: Iterable[tuple[str, str]], body: bytes
    ) -> None:
        """Write a response."""
        fields = list(headers)
        if status not in _BODILESS:
            fields.append(("Content-Length", str(len(body))))
        try:
            response = h11.Response(
                status_code=status, headers=fields, reason=_phrase(status)
            )
            self._out.append(self._h11.send(response))
            if body and self._request.method != "HEAD" and status not in _BODILESS:
                self._out.append(self._h11.send(h11.Data(data=body)))
            self._out.append(self._h11.send(h11.EndOfMessage()))
        except h11.LocalProtocolError as error:
            raise LocalError(f"not an HTTP response: {error}") from error


#: Until it is told so, a client that asked may keep its body back.
_GO_ON = h11.InformationalResponse(status_code=100, headers=[], reason="Continue")

_TOO_LARGE = f"the request's body is larger than {LARGEST_BODY} bytes"


def _request(head: h11.Request) -> Request:
    """Return h11's request as ours."""
    headers = tuple(
        (name.decode("ascii"), value.decode("latin-1")) for name, value in head.headers
    )
    method = head.method.decode("ascii")
    return Request(method, bytes(head.target), headers, head.http_version.decode())


def _check(request: Request) -> None:
    """
    Refuse what h11 lets pass, and what is known to be too large.

    :raises BadHead: the request is not to be answered.
    """
    version = request.http_version
    if version not in ("1.0", "1.1"):
        raise BadHead(505, f"HTTP/{version} is not spoken here")
    if request.header("transfer-encoding") and version == "1.0":
        raise BadHead(400, "there is no Transfer-Encoding in HTTP/1.0")
    if request.header("upgrade") is not None:
        if version == "1.0":
            raise BadHead(400, "there is no Upgrade in HTTP/1.0")
        if "upgrade" not in request.tokens("connection"):
            raise BadHead(400, "Upgrade came without 'Connection: Upgrade'")
    if int(request.header("content-length") or 0) > LARGEST_BODY:
        raise BadHead(413, _TOO_LARGE)


def _phrase(status: int) -> str:
    """Return the words for a status (RFC 9110, section 15)."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
