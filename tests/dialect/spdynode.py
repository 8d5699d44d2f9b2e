"""
A SPDY node written by hand, and our connection to it.

Frames go in as the draft draws them, and what we write is read back without
our own parser.  Time passes when a test says so.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.nodespdy import NodeSpdy
from spdygate.dialect.nodespdyend import NodeSpdyEnd
from spdygate.dialect.tunnel import Failed, Failure, Reason, TunnelEvent
from tests.dialect.ends import request
from tests.session.spdybyhand import FIN, HandPeer, Seen, data

__all__ = [
    "FIN",
    "HOP",
    "RESET",
    "EndCase",
    "SpdyNode",
    "data",
    "fin",
    "rst",
    "text_of",
]

#: What is said of node ``n1`` before anything that failed there.
HOP = "node n1: "

#: A failure that a relay may give an end.
RESET = Failure(Reason.TARGET_RESET, "the client's side broke")


def fin(stream_id: int) -> Seen:
    """Return the empty FIN of a stream."""
    return Seen("DATA", stream_id, 0, b"", FIN)


def rst(stream_id: int) -> Seen:
    """Return RST_STREAM with CANCEL."""
    return Seen("RST_STREAM", stream_id, 5)


def text_of(told: list[TunnelEvent]) -> tuple[Reason, str]:
    """Return why the one tunnel that failed did."""
    (failed,) = [event for event in told if isinstance(event, Failed)]
    return failed.failure.reason, failed.failure.message


class SpdyNode:
    """
    A node, as its gateway sees it.

    :ivar node: our side of the connection.
    :ivar now: seconds on its clock.
    :ivar woken: how often we had something to write or to read again.
    """

    def __init__(self, hold_fin: float = 30.0) -> None:
        self.node = NodeSpdy("node n1", 0.0, hold_fin)
        self.node.on_wake(self._wake)
        self.peer = HandPeer()
        self.now = 0.0
        self.woken = 0

    def _wake(self) -> None:
        """Count one."""
        self.woken += 1

    def says(self, *frames: bytes) -> list[TunnelEvent]:
        """Let the node send frames in one read; return what that means."""
        return self.node.feed(b"".join(frames), self.now)

    def written(self) -> list[Seen]:
        """Return the frames that we wrote since."""
        return self.peer.read(self.node.outgoing())

    def open(self, port: int = 8080) -> NodeSpdyEnd:
        """Ask for a tunnel; leave what was written for it aside."""
        end = self.node.open(request(port))
        self.written()
        return end

    def replies(self, end: NodeSpdyEnd) -> list[TunnelEvent]:
        """Answer both streams of a tunnel."""
        peer = self.peer
        return self.says(peer.reply(end.error_id), peer.reply(end.data_id))

    def connect(self, port: int = 8080) -> NodeSpdyEnd:
        """Ask for a tunnel, and answer."""
        end = self.open(port)
        self.replies(end)
        return end

    def passes(self, seconds: float) -> list[TunnelEvent]:
        """Let time pass, as a shell would; return what that means."""
        told: list[TunnelEvent] = []
        until = self.now + seconds
        for _ in range(1000):
            due = self.node.deadline()
            if due > until:
                self.now = until
                return told
            self.now = max(self.now, due)
            told += self.node.tick(self.now)
        raise AssertionError("the clock is looked at for ever")

    def drains(self) -> list[TunnelEvent]:
        """Let the transport drain."""
        told: list[TunnelEvent] = []
        self.node.resume()
        while self.node.has_waiting:
            told += self.node.release(1 << 20)
        return told

    def leftovers(self) -> dict[str, object]:
        """Return every table that is not empty: of streams, bytes, ends."""
        line, session = self.node._line, self.node._session
        tables: dict[str, object] = {
            "streams": session._streams,
            "lanes": session._outbox._lanes,
            "turns": session._outbox._turns,
            "suspects": session._credit._suspects,
            "ends": line.ends,
            "errors": line.errors,
            "touched": line.touched,
            "held": line.held.total,
            "shared": line.held.shared.held,
        }
        for count, countdown in enumerate(line.countdowns):
            tables[f"due {count}"] = countdown._due
            tables[f"fresh {count}"] = countdown._fresh
        return {name: table for name, table in tables.items() if table}


class EndCase(SynchronousTestCase):
    """One tunnel, open: streams 1 and 3."""

    hold_fin = 30.0

    def setUp(self) -> None:
        """Connect."""
        self.by_hand = SpdyNode(self.hold_fin)
        self.end = self.by_hand.connect()
        self.by_hand.written()

    def finishes(self) -> bytes:
        """Write the FIN of the pod."""
        return data(3, b"", FIN)

    def writes(self, words: bytes, flags: int = 0) -> bytes:
        """Write DATA on the error stream."""
        return data(1, words, flags)

    def assert_nothing_kept(self) -> None:
        """Check that every table is empty."""
        self.assertEqual(self.by_hand.leftovers(), {})
