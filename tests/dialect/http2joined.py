"""
A `NodeHttp2` and a `ServedHttp2` joined in memory: a gateway and a node service.

Bytes go over when a test says so; what happens to tunnels is kept for each
side until somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.http2end import Http2End
from spdygate.dialect.nodehttp2 import NodeHttp2
from spdygate.dialect.servedhttp2 import ServedHttp2
from spdygate.dialect.tunnel import (
    Data,
    End,
    Failed,
    Failure,
    Finished,
    Opening,
    Reason,
    TunnelEvent,
)
from spdygate.session.http2 import Http2Limits, Http2Session
from tests.dialect.ends import request

#: What is said of node ``n1`` before anything that failed there.
HOP = "node n1: "

#: Bytes that may come on a stream of a `Way` before they are granted.
WINDOW = 256 * 1024

#: What `Way.kept` is once all is over.
NOTHING_KEPT = (0,) * 6

#: A failure of an open tunnel, in the words in which it arrives.
RESET = Failure(Reason.TARGET_RESET, "the target reset the connection")


class Side:
    """
    One of the two, and what happened there.

    :ivar events: what happened since somebody last looked.
    :ivar woken: how often it had something to write.
    """

    def __init__(self, dialect: NodeHttp2 | ServedHttp2) -> None:
        self.dialect = dialect
        self.events: list[TunnelEvent] = []
        self.woken = 0
        dialect.on_wake(self._wake)

    def _wake(self) -> None:
        """Count one."""
        self.woken += 1

    def told(self) -> list[TunnelEvent]:
        """Return, and forget, what has happened."""
        events, self.events = self.events, []
        return events


class Joined:
    """
    Both sides, introduced to each other.

    :ivar now: seconds on the clock of both.
    """

    def __init__(
        self, *, trusted: bool = True, limits: Http2Limits | None = None
    ) -> None:
        self.now = 0.0
        ours = Http2Session(client=True, limits=limits)
        self.node = NodeHttp2("node n1", "n1:10260", "https", ours, self.now)
        theirs = Http2Session(client=False, limits=limits)
        self.served = ServedHttp2(theirs, trusted=trusted)
        self.gateway_side = Side(self.node)
        self.node_side = Side(self.served)
        self.exchange()

    def exchange(self) -> None:
        """Let what was written pass, until neither has more to say."""
        moved = True
        while moved:
            up, down = self.node.outgoing(), self.served.outgoing()
            moved = bool(up or down)
            if up:
                self.node_side.events += self.served.feed(up, self.now)
            if down:
                self.gateway_side.events += self.node.feed(down, self.now)

    def release(self, limit: int = 1 << 20) -> None:
        """Let what waits pass, as far as it may."""
        self.exchange()
        while self.node.has_waiting or self.served.has_waiting:
            self.gateway_side.events += self.node.release(limit)
            self.node_side.events += self.served.release(limit)
            self.exchange()

    def open(self, port: int = 8080) -> tuple[Http2End, End]:
        """Ask for a tunnel; return its two ends."""
        near = self.node.open(request(port))
        self.exchange()
        opening = self.node_side.events.pop()
        assert isinstance(opening, Opening)
        return near, opening.end

    def connect(self) -> tuple[Http2End, Http2End]:
        """Ask for a tunnel and accept it; forget that it was opened."""
        near, far = self.open()
        far.accept()
        self.exchange()
        self.gateway_side.events.pop()
        return near, cast(Http2End, far)


def arrived(events: list[TunnelEvent], end: End) -> bytes:
    """Return the bytes that came at an end."""
    mine = (e for e in events if isinstance(e, Data) and e.end is end)
    return b"".join(bytes(event.data) for event in mine)


def finished(events: list[TunnelEvent], end: End) -> bool:
    """Return whether the other side of an end has finished."""
    return Finished(end) in events


def failures(events: list[TunnelEvent], end: End) -> list[Failed]:
    """Return how an end failed, which it should do once at most."""
    return [e for e in events if isinstance(e, Failed) and e.end is end]


class Way:
    """
    One direction of an open tunnel, on a connection of its own.

    :ivar end: the end that sends, which belongs to `side`.
    :ivar other: the end that receives, which belongs to `across`.
    """

    def __init__(self, *, down: bool) -> None:
        self.joined = Joined(limits=Http2Limits(stream_window=WINDOW))
        near, far = self.joined.connect()
        self.side, self.across = self.joined.gateway_side, self.joined.node_side
        self.end, self.other = near, far
        if down:
            self.side, self.across = self.across, self.side
            self.end, self.other = far, near

    def linger(self, count: int) -> int:
        """Send so many bytes that wait, finish and fail; return how many left."""
        self.side.dialect.pause()
        left = self.end.send(bytes(count))
        self.end.finish()
        self.end.fail(RESET)
        return left

    @property
    def kept(self) -> tuple[int, ...]:
        """Return how much of tunnels is kept anywhere."""
        sides = self.joined.node, self.joined.served
        return tuple(
            count
            for side in sides
            for count in (
                side.tunnels,
                len(side._line.lingering),
                side._session.open_streams,
            )
        )


class BothWays(SynchronousTestCase):
    """What is true of both sides is tested on both."""

    def ways(self) -> Iterator[Way]:
        """Open a tunnel for each direction."""
        for down in (False, True):
            yield Way(down=down)
