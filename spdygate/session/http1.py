"""
A server's HTTP/1.1 connection whose requests are read whole before they are told.

This is for whoever answers them by himself.  `spdygate.session.http1server`
does the work, and its rules hold; here bodies are gathered, and bounded, and
every response is given in one piece.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..wire.http1head import too_large
from ..wire.upgrade import Request
from .http1events import Body, BodyFinished
from .http1response import BODILESS
from .http1server import LARGEST_WAITING, Begun, Http1Server, ServerEvent

__all__ = ["LARGEST_BODY", "LARGEST_WAITING", "Http1Session", "RequestReceived"]

#: Bytes of a body; port-forward has none, and an API request that we answer
#: ourselves needs none.  The Kubernetes API server takes 3 MiB.
LARGEST_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """
    A request is complete: answer it, or switch to another protocol.

    :ivar body: all of it.
    """

    request: Request
    body: bytes


class Http1Session:
    """One connection."""

    def __init__(self) -> None:
        self._server = Http1Server(LARGEST_BODY)
        self._request = Request("", b"")
        self._body = bytearray()
        self.outgoing = self._server.outgoing
        self.switch = self._server.switch

    @property
    def closing(self) -> bool:
        """Return whether to close the connection once `outgoing` is written."""
        return self._server.closing

    @property
    def idle(self) -> bool:
        """Return whether no request is in progress, however little of it."""
        return self._server.idle

    def feed(self, data: bytes) -> list[RequestReceived]:
        """
        Take bytes from the client.

        :param data: what came; nothing, after a response, to go on with what
            came before.
        :returns: at most one request.
        :raises LocalError: the connection has been switched.
        """
        whole: list[RequestReceived] = []
        for event in self._server.feed(data):
            self._gather(event, whole)
        return whole

    def _gather(self, event: ServerEvent, whole: list[RequestReceived]) -> None:
        """Put a request together."""
        match event:
            case Begun(request):
                self._request = request
                self._body = bytearray()
            case Body(data):
                self._body += data
                if len(self._body) > LARGEST_BODY:
                    self._server.refuse(413, too_large(LARGEST_BODY))
            case BodyFinished() if not self.closing:
                whole.append(RequestReceived(self._request, bytes(self._body)))

    def respond(
        self, status: int, headers: Iterable[tuple[str, str]], body: bytes
    ) -> None:
        """
        Queue the response to the request.

        Content-Length is added, and "Connection: close" where it is due.  To
        HEAD the body is not sent, its length is.

        :raises LocalError: no request waits for one, or it is no valid one.
        """
        fields = list(headers)
        if status not in BODILESS:
            fields.append(("Content-Length", str(len(body))))
        self._server.respond(status, fields)
        if body:
            self._server.send(body)
        self._server.finish()
