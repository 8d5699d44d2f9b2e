"""The end of an exchange, seen by an API server that is h11 itself, or raw bytes."""

from __future__ import annotations

import h11

from spdygate.dialect.apiend import ApiEnd
from spdygate.dialect.apiexchange import ApiExchange
from spdygate.dialect.exchange import Answered
from spdygate.dialect.tunnel import Data, TunnelEvent
from spdygate.wire.upgrade import Request

HOST = ("host", "api:6443")
GET = Request("GET", b"/api", (HOST,))
POST = Request("POST", b"/api", (HOST, ("transfer-encoding", "chunked")))

GRANTED = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"
)


class Bench:
    """
    A connection on which something was asked (see `tests.dialect.contract.Bench`).

    :ivar events: what has happened since somebody last looked.
    """

    def __init__(self) -> None:
        self.dialect = ApiExchange("API server https://api", 0.0)
        self.events: list[TunnelEvent] = []
        self.woken = 0
        self.dialect.on_wake(self._note_wake)
        self.lost = False
        self.end: ApiEnd

    def _note_wake(self) -> None:
        """Count."""
        self.woken += 1

    def feed(self, data: bytes, now: float = 0.0) -> None:
        """Let bytes come."""
        self._keep(self.dialect.feed(data, now))

    def _keep(self, told: list[TunnelEvent]) -> None:
        """Keep what happened, with bytes that are still there when it is read."""
        for event in told:
            if isinstance(event, Data):
                event = Data(event.end, bytes(event.data))
            if not isinstance(event, Answered):
                self.events.append(event)

    def told(self) -> list[TunnelEvent]:
        """Return, and forget, what has happened at the end."""
        events, self.events = self.events, []
        return events

    @property
    def dead(self) -> bool:
        """Return whether the connection is being closed, or is gone."""
        return self.lost or self.dialect.ending

    def hold(self) -> None:
        """Have what is sent wait."""
        self.dialect.pause()

    def let_go(self) -> None:
        """Let all that waits leave."""
        self.dialect.resume()
        while self.dialect.has_waiting:
            self._keep(self.dialect.release(1 << 20))

    def peer_breaks(self) -> None:
        """Lose the connection."""
        self.lost = True
        self._keep(self.dialect.lost())


class BodyBench(Bench):
    """A request and a response whose bodies go on."""

    def __init__(self) -> None:
        super().__init__()
        self.server = h11.Connection(h11.SERVER)
        self._arrived, self._fin = b"", False
        self.end = self.dialect.ask(POST)
        self._read()
        self._say(h11.Response(status_code=200, headers=[]))

    def _say(self, event: h11.Response | h11.Data | h11.EndOfMessage) -> None:
        """Let the server say something."""
        self.feed(self.server.send(event) or b"")

    def _read(self) -> None:
        """Let the server read what was written."""
        data = self.dialect.outgoing()
        if data:
            self.server.receive_data(data)
        while isinstance(event := self.server.next_event(), h11.Event):
            if isinstance(event, h11.Data):
                self._arrived += event.data
            self._fin = self._fin or isinstance(event, h11.EndOfMessage)

    @property
    def arrived(self) -> bytes:
        """Return what the server has got."""
        self._read()
        return self._arrived

    @property
    def fin(self) -> bool:
        """Return whether it has got all of the request."""
        self._read()
        return self._fin

    def peer_sends(self, data: bytes) -> None:
        """Let a piece of the response come."""
        if not self.lost:
            self._say(h11.Data(data=data))

    def peer_finishes(self) -> None:
        """Let the response end."""
        if not self.lost:
            self._say(h11.EndOfMessage())


class RawBench(Bench):
    """A connection that was switched."""

    def __init__(self) -> None:
        super().__init__()
        self._arrived = b""
        self.end = self.dialect.ask(GET, upgrade="SPDY/3.1")
        self.dialect.outgoing()
        self.feed(GRANTED)

    @property
    def arrived(self) -> bytes:
        """Return what was written."""
        self._arrived += self.dialect.outgoing()
        return self._arrived

    @property
    def fin(self) -> bool:
        """Return whether a FIN is due behind it."""
        return self.dialect.finished and not self.dialect.has_waiting

    def peer_sends(self, data: bytes) -> None:
        """Let bytes come."""
        if not self.lost:
            self.feed(data)

    def peer_finishes(self) -> None:
        """Let a FIN come."""
        if not self.lost:
            self._keep(self.dialect.eof(0.0))
