"""
A dialect inside of a WebSocket: kubectl's SPDY since Kubernetes 1.31.

The bytes of the inner dialect travel in BINARY messages, whose bounds mean
nothing (docs/protocol.rst, 4.2); everything else about tunnels is the inner
dialect's, and so is the keepalive, which in Kubernetes is SPDY's PING.  Rules:

1. What comes is passed in at once, all of one read in one piece: a Go peer
   cuts a SPDY frame into up to eight messages.
2. Close from the peer, whatever its code, is the end of the connection; so is
   TCP's.  There is no half-close of a WebSocket.
3. A message of text cannot be part of a byte stream, and ends the connection.
4. Our own Close is the last thing said, once the inner dialect has said all.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from ..session import events
from ..session.events import Buffer
from ..session.websocket import (
    GOING_AWAY,
    NORMAL,
    UNSUPPORTED,
    Closed,
    MessagePiece,
    WebSocketEvent,
    WebSocketSession,
)
from .connection import Dialect
from .tunnel import TunnelEvent

#: Bytes of the largest message we send.  Go peers read any; 64 KiB is what
#: Jetty takes when nobody tells it otherwise.
LARGEST_MESSAGE = 64 * 1024


class Inner(Dialect, Protocol):
    """What a dialect must be like to be carried, and to be told of in a log."""

    @property
    def why(self) -> str:
        """Return what ended the connection, when it was not simply closed."""

    @property
    def tunnels(self) -> int:
        """Return how many tunnels are not over."""


class Served(Inner, Protocol):
    """A dialect that faces clients, of which a log tells how much they asked."""

    @property
    def opened(self) -> int:
        """Return how many tunnels were asked for so far."""


AnyInner = TypeVar("AnyInner", bound=Inner)
AnyServed = TypeVar("AnyServed", bound=Served)


class Carried(Generic[AnyInner]):
    """
    A dialect whose connection is a WebSocket.

    :ivar inner: the dialect; ask it for tunnels.
    :ivar leaving: whether it ends because we go away, which Close then says.
    """

    def __init__(self, inner: AnyInner, websocket: WebSocketSession) -> None:
        """Carry *inner*, from the end of the handshake on."""
        self.inner = inner
        self.leaving = False
        self._websocket = websocket
        #: Whether the inner dialect has been told that the connection is gone.
        self._lost = False
        self.on_wake = inner.on_wake
        self.deadline = inner.deadline
        self.tick = inner.tick

    @property
    def ending(self) -> bool:
        """Return whether the connection is to be closed once all is written."""
        return self._websocket.closed or self.inner.ending

    @property
    def reading(self) -> bool:
        """Return whether the peer may be read from."""
        return self.inner.reading

    @property
    def has_waiting(self) -> bool:
        """Return whether `release` might write something now."""
        return not self._lost and self.inner.has_waiting

    @property
    def why(self) -> str:
        """Return what ended the connection, when it was not simply closed."""
        return self.inner.why

    @property
    def tunnels(self) -> int:
        """Return how many tunnels are not over."""
        return self.inner.tunnels

    @property
    def opened(self: Carried[AnyServed]) -> int:
        """Return how many tunnels were asked for so far (client side only)."""
        return self.inner.opened

    def feed(self, data: bytes, now: float) -> list[TunnelEvent]:
        """Take bytes from the peer; return what happened to tunnels."""
        pieces: list[Buffer] = []
        last: WebSocketEvent | None = None
        for event in self._websocket.feed(data, now):
            if type(event) is not MessagePiece:
                last = event
            elif event.text:
                self._websocket.close(UNSUPPORTED, "only binary messages carry SPDY")
                last = event
                break
            elif event.data:
                pieces.append(event.data)
        told: list[TunnelEvent] = []
        if pieces:
            told += self.inner.feed(_joined(pieces), now)
        if last is not None:
            told += self._end(last)
        return told

    def _end(self, event: WebSocketEvent) -> list[TunnelEvent]:
        """Tell the inner dialect, if *event* is the end of the connection."""
        match event:
            case Closed(None | 1000 | 1001):
                return self.lost()
            case Closed(code):
                return self.lost(f"its WebSocket was closed with code {code}")
            case MessagePiece():
                return self.lost("it sent text, and only binary messages carry SPDY")
            case events.Broken(error):
                return self.lost(f"it broke the protocol of WebSocket: {error}")
            case _:
                return []

    def outgoing(self) -> bytes:
        """Return, and forget, the bytes to write."""
        data = memoryview(self.inner.outgoing())
        for start in range(0, len(data), LARGEST_MESSAGE):
            self._websocket.send(data[start : start + LARGEST_MESSAGE])
        if self.inner.ending and not self.inner.has_waiting:
            self._websocket.close(GOING_AWAY if self.leaving else NORMAL)
        return self._websocket.outgoing()

    def release(self, limit: int) -> list[TunnelEvent]:
        """Write about *limit* bytes of what has waited and may go now."""
        return [] if self._lost else self.inner.release(limit)

    def pause(self) -> None:
        """Hold DATA back: the transport is congested."""
        self._websocket.paused = True
        self.inner.pause()

    def resume(self) -> None:
        """Let DATA go again."""
        self._websocket.paused = False
        self.inner.resume()

    def lost(self, why: str = "") -> list[TunnelEvent]:
        """
        Hear that the connection is gone; return what that means.

        :param why: in words, or empty to say what the inner dialect would.
        """
        if self._lost:
            return []
        self._lost = True
        return self.inner.lost(why) if why else self.inner.lost()


def _joined(pieces: list[Buffer]) -> bytes:
    """Return what came as one piece; what is one already is not copied."""
    first = pieces[0]
    if len(pieces) == 1 and isinstance(first, bytes):
        return first
    return b"".join(pieces)
