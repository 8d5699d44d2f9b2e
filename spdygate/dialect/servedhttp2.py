"""
Port-forward on HTTP/2 streams, from the serving side: what a node service is.

Docs/protocol.rst, 8.1: one CONNECT stream is one tunnel; it is accepted when
the target is, or refused with a status and a JSON Status.
"""

from __future__ import annotations

from ..session import events
from ..session.http2 import Http2Session
from .http2end import Http2Line, Http2Tunnels, ServedEnd
from .http2words import BadRequestError, refused, understand
from .tunnel import (
    Failure,
    Finished,
    Noted,
    Opening,
    Reason,
    TunnelEvent,
    nothing,
)


class ServedHttp2(Http2Tunnels):
    """One HTTP/2 client's connection, as tunnels."""

    def __init__(self, session: Http2Session, *, trusted: bool) -> None:
        """
        Serve a connection.

        :param trusted: whether the peer proved by certificate to be a gateway.
        """
        super().__init__(Http2Line(session))
        self._trusted = trusted

    def feed(self, data: bytes, now: float) -> list[TunnelEvent]:
        """Take bytes from the client; return what happened to its tunnels."""
        self._line.now = now
        return self._translate(self._session.feed(data, now))

    def _translate(self, happened: list[events.Event]) -> list[TunnelEvent]:
        """Say in terms of tunnels what happened to streams."""
        told: list[TunnelEvent] = []
        for event in happened:
            if type(event) is events.DataReceived:
                self._line.data(event, told)
            elif type(event) is events.StreamOpened:
                self._opened(event, told)
            elif type(event) is events.Broken:
                self.why = f"the gateway broke the protocol: {event.error}"
                self._end_all(told)
            else:
                self._line.common(event, told)
        return self._line.settled(told)

    def _opened(self, event: events.StreamOpened, told: list[TunnelEvent]) -> None:
        """Ask for a tunnel, or refuse what is none."""
        stream_id = event.stream_id
        try:
            request = understand(event.headers, trusted=self._trusted)
        except BadRequestError as error:
            self._session.refuse(stream_id, *refused(error.status, str(error)))
            told.append(Noted(f"stream {stream_id} refused: {error}"))
            return
        end = self._line.ends[stream_id] = ServedEnd(self._line, stream_id)
        told.append(Opening(end, request))
        if event.finished:
            told.append(Finished(end))

    def _end_all(self, told: list[TunnelEvent]) -> None:
        """End every tunnel: there is no client any more."""
        self.ending = True
        self._line.all_failed(Failure(Reason.GAVE_UP, self.why), told)

    def lost(self, why: str = "the gateway closed the connection") -> list[TunnelEvent]:
        """Hear that the connection is gone; return what that means."""
        told: list[TunnelEvent] = []
        self._line.wake = nothing
        self.why = self.why or why
        self._end_all(told)
        return told

    def deadline(self) -> float:
        """Return the time at which `tick` has something to do."""
        return self._line.deadline()

    def tick(self, now: float) -> list[TunnelEvent]:
        """Do what *now* demands."""
        told: list[TunnelEvent] = []
        self._line.tick(now, told)
        return told
