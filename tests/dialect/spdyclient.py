"""
A SPDY client written by hand, and the served side that it speaks to.

Frames go in one by one, what happens to tunnels comes out, and what the
served side writes is read back without its own parser.
"""

from __future__ import annotations

from spdygate.dialect.servedspdy import Errors, ServedSpdy, Visit
from spdygate.dialect.spdyend import SpdyEnd
from spdygate.dialect.tunnel import Opening, TunnelEvent
from tests.dialect.ends import TARGET
from tests.session.spdybyhand import HandPeer, Seen, data, headers_of

__all__ = ["SpdyClient", "data"]


class SpdyClient:
    """
    A client of any generation.

    :ivar served: our side of the connection.
    :ivar now: seconds on its clock.
    :ivar woken: how often it had something to write or to read again.
    """

    def __init__(
        self, errors: Errors = Errors.ISOLATE, *, old: bool = False, agent: str = ""
    ) -> None:
        visit = Visit(TARGET, "s1", agent, "jane", negotiated=not old)
        self.served = ServedSpdy(visit, errors)
        self.served.on_wake(self.wake)
        self.peer = HandPeer()
        self.old = old
        self.now = 0.0
        self.woken = 0
        self._next = 1
        self._connections = 0

    def wake(self) -> None:
        """Count one."""
        self.woken += 1

    def does(self, *frames: bytes) -> list[TunnelEvent]:
        """Send frames, one by one; return what happened to tunnels."""
        feed = self.served.feed
        return [event for frame in frames for event in feed(frame, self.now)]

    def written(self) -> list[Seen]:
        """Return what was written to the client since."""
        return self.peer.read(self.served.outgoing())

    def answers(self) -> None:
        """Read all there is, and echo the PINGs among it."""
        for seen in self.written():
            if seen.name == "PING":
                self.does(self.peer.ping(seen.value))

    def opens(self, kind: str, port: int, request_id: str | None) -> bytes:
        """Write the SYN_STREAM of the next stream."""
        number, self._next = self._next, self._next + 2
        return self.peer.syn(number, headers_of(kind, port, request_id))

    def connects(self, port: int = 80) -> tuple[SpdyEnd, Opening]:
        """Open both streams of a connection; return its end, and what was asked."""
        request_id = None if self.old else str(self._connections)
        self._connections += 1
        error = self.does(self.opens("error", port, request_id))
        (opening,) = self.does(self.opens("data", port, request_id))
        assert not error and isinstance(opening, Opening)
        assert isinstance(opening.end, SpdyEnd)
        return opening.end, opening

    def passes(self, seconds: float) -> list[TunnelEvent]:
        """Let time pass, and do what is due."""
        self.now += seconds
        told: list[TunnelEvent] = []
        if self.served.deadline() <= self.now:
            told += self.served.tick(self.now)
        return told

    def leftovers(self) -> dict[str, object]:
        """Return every table that is not empty: of streams, pairs, bytes, ends."""
        served = self.served
        session, pairs = served._session, served._pairs
        tables: dict[str, object] = {
            "streams": session._streams,
            "lanes": session._outbox._lanes,
            "turns": session._outbox._turns,
            "suspects": session._credit._suspects,
            "ends": served._ends,
            "early": served._early,
            "held": served._line.held.total,
            "shared": served._line.held.shared.held,
            **vars(pairs),
        }
        return {name: table for name, table in tables.items() if table}
