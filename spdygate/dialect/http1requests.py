"""
What HTTP/1.1 clients ask for, as exchanges; a CONNECT, as a tunnel.

An ordinary request is told as `Asked`, and whoever hears it answers it or
passes it on.  A CONNECT to ``<pod>.<namespace>.pod:<port>`` is an `Opening`, so
that whatever knows an HTTP proxy reaches a pod.

Here requests and bytes are translated; the rest of what a connection is, and
its time, is in `spdygate.dialect.servedhttp1`.
"""

from __future__ import annotations

from ..session.events import Broken
from ..session.http1events import Body, BodyFinished
from ..session.http1server import Begun, ServerEvent
from ..wire.http1fields import passed_on, passed_upgrade
from ..wire.upgrade import Fields, agent
from ..wire.upgrade import Request as Head
from ..wire.urls import BadUrl, parse_authority
from .budget import Held, Shared
from .exchange import Asked, Trailed
from .http1end import DISCARDED, NEVER, PARTING, Http1End, Http1Line
from .tunnel import (
    Data,
    Failed,
    Failure,
    Finished,
    Noted,
    Opening,
    Reason,
    Request,
    TunnelEvent,
)


class Http1Requests:
    """
    One HTTP/1.1 client's requests, one after another.

    :ivar opened: how many tunnels were asked for so far.
    :ivar why: what ended the connection.
    """

    def __init__(
        self, session_id: str = "", shared: Shared | None = None, now: float = 0.0
    ) -> None:
        """
        Serve a client.

        :param session_id: unique among connections; tunnels are named after it.
        :param shared: what all clients together may have waiting here.
        :param now: seconds.
        """
        held = Held(shared or Shared())
        self._line = Http1Line(held, now=now, since=now)
        self._http = self._line.http
        self._outbox = self._line.outbox
        self._session_id = session_id
        self._numbers = 0
        self.opened = 0
        self.why = ""

    def _raw(self, data: bytes, told: list[TunnelEvent]) -> None:
        """Tell bytes of a tunnel."""
        end = self._line.end
        if end is not None and not (end.over or end.they_finished):
            end.take(len(data))
            told.append(Data(end, data))

    def _translate(self, happened: list[ServerEvent], told: list[TunnelEvent]) -> None:
        """Say in terms of exchanges what came."""
        for event in happened:
            match event:
                case Begun(head, bodiless):
                    self._begin(head, bodiless, told)
                case Body(data):
                    self._body(bytes(data), told)
                case BodyFinished(trailers):
                    self._body_finished(trailers, told)
                case Broken(error):
                    self._give_up(f"the client broke the protocol: {error}", told)

    def _begin(self, head: Head, bodiless: bool, told: list[TunnelEvent]) -> None:
        """Ask for what the client asks for."""
        self._numbers += 1
        upgrade = passed_upgrade(head)
        end = Http1End(self._line, self._numbers, head, upgrade)
        self._line.end = end
        if end.is_connect:
            self._connect(end, told)
            return
        asked = Asked(end, passed_on(head), upgrade, bodiless)
        told.append(asked)

    def _connect(self, end: Http1End, told: list[TunnelEvent]) -> None:
        """Ask for a tunnel, or refuse what is none of a pod's."""
        try:
            target, port = parse_authority(end.head.target)
        except BadUrl as error:
            end.refuse(error.status, error.message)
            told.append(Noted(f"CONNECT refused: {error.message}"))
            return
        self.opened += 1
        request_id = f"{self._session_id}-{self._numbers}"
        client = f"{agent(end.head)}; CONNECT"
        request = Request(
            target, port, request_id, client=client, session=self._session_id
        )
        told.append(Opening(end, request))

    def _body(self, data: bytes, told: list[TunnelEvent]) -> None:
        """Tell bytes of a body, or throw away what nobody waits for any more."""
        line, end = self._line, self._line.end
        assert end is not None
        if not end.over:
            end.take(len(data))
            told.append(Data(end, data))
            return
        end.discarded += len(data)
        if end.discarded > DISCARDED and not line.finished:
            line.finished = True
            line.wait(PARTING)

    def _body_finished(self, trailers: Fields, told: list[TunnelEvent]) -> None:
        """Tell the end of a request."""
        end = self._line.end
        if end is None:  # a CONNECT that was refused at once
            return
        end.they_finished = not end.is_connect
        if end.over:
            self._line.next()
            return
        self._line.until = NEVER
        if trailers:
            told.append(Trailed(end, trailers))
        if not end.is_connect:
            told.append(Finished(end))

    def _hear_fin(self, told: list[TunnelEvent]) -> None:
        """Take the client's FIN for the tunnel's."""
        end = self._line.end
        if end is not None and end.hear_fin():
            told.append(Finished(end))

    def _give_up(self, why: str, told: list[TunnelEvent]) -> None:
        """Tell that there is no client any more."""
        line, end = self._line, self._line.end
        self.why = self.why or why
        line.ending = True
        if end is not None and (end.waits or not end.over):
            end.cut()
            told.append(Failed(end, Failure(Reason.GAVE_UP, self.why)))
