"""A client of HTTP/1.1 by hand, and what is served to it."""

from __future__ import annotations

from spdygate.dialect.exchange import Answer, Asked
from spdygate.dialect.http1end import Http1End
from spdygate.dialect.servedhttp1 import ServedHttp1
from spdygate.dialect.tunnel import Data, Failed, Opening, TunnelEvent

CONNECT = b"CONNECT web-0.shop.pod:8080 HTTP/1.1\r\nHost: web-0.shop.pod:8080\r\n\r\n"
UPGRADE = (
    b"POST /exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
    b"Upgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n"
)
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Served:
    """
    A connection that is carried as a shell does, from both sides.

    :ivar events: what has happened, since somebody last looked.
    :ivar wrote: what was written.
    """

    def __init__(self, dialect: ServedHttp1 | None = None) -> None:
        self.dialect = dialect or ServedHttp1("s1")
        self.now = 0.0
        self.events: list[object] = []
        self.wrote = b""
        self.paused = False

    def says(self, data: bytes) -> list[object]:
        """Let the client say something; return what happened."""
        self.events += self.dialect.feed(data, self.now)
        self.turn()
        return self.told()

    def turn(self) -> None:
        """Do what a shell does at the end of a turn."""
        self.wrote += self.dialect.outgoing()
        while self.dialect.has_waiting and not self.paused:
            told = self.dialect.release(1 << 20)
            if not told:
                break
            self.events += told
            self.wrote += self.dialect.outgoing()
        self.wrote += self.dialect.outgoing()

    def told(self) -> list[object]:
        """Return, and forget, what has happened."""
        self.turn()
        events, self.events = self.events, []
        return events

    def written(self) -> bytes:
        """Return, and forget, what was written."""
        self.turn()
        wrote, self.wrote = self.wrote, b""
        return wrote

    def asks(self, data: bytes) -> tuple[Http1End, Asked]:
        """Let the client ask for something; return the end, and what it asked."""
        asked = next(event for event in self.says(data) if isinstance(event, Asked))
        assert isinstance(asked.end, Http1End)
        return asked.end, asked

    def connects(self, glued: bytes = b"") -> tuple[Http1End, Opening]:
        """Let the client ask for a tunnel."""
        (opening,) = self.says(CONNECT + glued)
        assert isinstance(opening, Opening)
        assert isinstance(opening.end, Http1End)
        return opening.end, opening

    def pauses(self) -> None:
        """Be congested."""
        self.paused = True
        self.dialect.pause()

    def resumes(self) -> None:
        """Be congested no longer."""
        self.paused = False
        self.dialect.resume()
        self.turn()

    def waits(self, seconds: float) -> None:
        """Let time pass, as a shell's timer sees it."""
        self.now += seconds
        while self.dialect.deadline() <= self.now:
            before = self.dialect.deadline()
            self.events += self.dialect.tick(self.now)
            self.turn()
            if self.dialect.deadline() == before:
                break


def body(events: list[object]) -> bytes:
    """Return the bytes that were told."""
    return b"".join(bytes(event.data) for event in events if isinstance(event, Data))


class RawBench:
    """A connection that is a tunnel's, for the contract of every end."""

    def __init__(self, *, upgraded: bool = False) -> None:
        """
        Ask for it.

        :param upgraded: whether by an upgrade that somebody else grants, and
            not by CONNECT.
        """
        self.served = Served()
        if upgraded:
            self.end, _ = self.served.asks(UPGRADE)
            self.end.respond(Answer(101))
        else:
            self.end, _ = self.served.connects()
            self.end.accept()
        self.served.told()
        assert self.served.written().endswith(b"\r\n\r\n")

    @property
    def arrived(self) -> bytes:
        """Return what has got through."""
        self.served.turn()
        return self.served.wrote

    @property
    def fin(self) -> bool:
        """Return whether the FIN has got through."""
        self.served.turn()
        dialect = self.served.dialect
        return dialect.finished and not (dialect.has_waiting or dialect.aborted)

    @property
    def dead(self) -> bool:
        """Return whether the connection is reset, or closed."""
        return self.served.dialect.aborted or self.served.dialect.ending

    def told(self) -> list[TunnelEvent]:
        """Return, and forget, what has happened at the end."""
        return self.served.told()  # type: ignore[return-value]

    def hold(self) -> None:
        """Have what is sent wait."""
        self.served.pauses()

    def let_go(self) -> None:
        """Let all that waits leave."""
        self.served.resumes()

    def peer_sends(self, data: bytes) -> None:
        """Let bytes come from the client."""
        self.served.events += self.served.dialect.feed(data, self.served.now)

    def peer_finishes(self) -> None:
        """Let the client's FIN come."""
        self.served.events += self.served.dialect.eof(self.served.now)

    def peer_breaks(self) -> None:
        """Let the connection be lost."""
        self.served.events += self.served.dialect.lost()


def failed(events: list[object]) -> list[str]:
    """Return what failures were told, in words."""
    return [event.failure.message for event in events if isinstance(event, Failed)]
