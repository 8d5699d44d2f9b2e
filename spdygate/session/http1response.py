"""
The response of a server's HTTP/1.1 connection, as it is written.

How a body is framed follows from the response's head and from who asked: by
its Content-Length, else in chunks, else, for HTTP/1.0, by the end of the
connection.  To HEAD, and with 204 and 304, there is none, whoever sends one.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

import h11

from ..errors import LocalError
from ..wire import portforward
from .events import Buffer

#: Responses that have no body (RFC 9110, sections 15.3.5 and 15.4.5).
BODILESS = (204, 304)

#: Until it is told so, a client that asked may keep its body back.
_GO_ON = h11.InformationalResponse(status_code=100, headers=[], reason="Continue")


class Response:
    """
    The response to one request.

    :ivar method: the request's, once it is known.
    :ivar modern: whether the client knows chunks.
    """

    __slots__ = (
        "_bodied",
        "_chunked",
        "_h11",
        "_measured",
        "_out",
        "method",
        "modern",
    )

    def __init__(self, connection: h11.Connection, out: list[Buffer]) -> None:
        """
        Prepare to write.

        :param out: takes what is to be written.
        """
        self._h11 = connection
        self._out = out
        self.method = ""
        self.modern = True
        self._bodied = self._chunked = False
        self._measured = True

    @property
    def begun(self) -> bool:
        """Return whether its head has been written."""
        return self._h11.our_state not in (h11.IDLE, h11.SEND_RESPONSE)

    @property
    def finished(self) -> bool:
        """Return whether all of it has been written, and another may follow."""
        return self._h11.our_state is h11.DONE

    @property
    def cut_shows(self) -> bool:
        """Return whether the client notices if it is cut off now."""
        return self._measured or self._h11.our_state is not h11.SEND_BODY

    def go_on(self) -> None:
        """Tell a client that asked to send its body (RFC 9110, section 10.1.1)."""
        self._send(_GO_ON)

    def begin(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """
        Write the head.

        :raises LocalError: it is no valid one.
        """
        fields = list(headers)
        if status in BODILESS:
            fields = [field for field in fields if field[0].lower() != _LENGTH]
        try:
            head = h11.Response(
                status_code=status, headers=fields, reason=_phrase(status)
            )
        except h11.LocalProtocolError as error:
            raise LocalError(f"not an HTTP response: {error}") from error
        self._send(head)
        self._bodied = self.method != "HEAD" and status not in BODILESS
        measured = any(name.lower() == _LENGTH for name, _ in fields)
        self._chunked = self._bodied and not measured and self.modern
        self._measured = self._chunked or measured or not self._bodied

    def send(self, data: Buffer) -> None:
        """
        Write bytes of the body.

        :raises LocalError: the head did not announce them.
        """
        if self._bodied:
            self._send(h11.Data(data=bytes(data)))

    def finish(self, trailers: Iterable[tuple[str, str]] = ()) -> None:
        """
        Write the end.

        :param trailers: written behind a body in chunks, otherwise not at all.
        :raises LocalError: the head announced more.
        """
        self._send(h11.EndOfMessage(headers=list(trailers) if self._chunked else []))

    def refuse(self, status: int, message: str) -> None:
        """Write a whole response that is a Status and closes, if none has begun."""
        if self.begun:
            return
        body = portforward.status(status, message)
        self.begin(
            status,
            (
                ("Content-Type", portforward.STATUS_TYPE),
                ("Connection", "close"),
                ("Content-Length", str(len(body))),
            ),
        )
        self.send(body)
        self.finish()

    def _send(self, event: h11.Event) -> None:
        """Write what h11 makes of *event*, without copying a body."""
        try:
            self._out += self._h11.send_with_data_passthrough(event) or ()
        except h11.LocalProtocolError as error:
            raise LocalError(f"not an HTTP response: {error}") from error


_LENGTH = "content-length"


def _phrase(status: int) -> str:
    """Return the words for a status (RFC 9110, section 15)."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
