"""
A Go client's reading half, for tests: written from moby/spdystream itself.

``connection.go`` (Serve, frameHandler, handleDataFrame, handleResetFrame) and
``priority.go``, in steps that a test chooses: every goroutine there is a method
here that does one thing, if it can.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field


@dataclass
class Frame:
    """
    What travels to the client.

    :ivar kind: ``data``, ``reply``, ``rst``, ``ping``, ``open`` or ``other``.
    :ivar number: of the stream, or of the PING.
    :ivar payload: how many bytes; only of ``data``.
    """

    kind: str
    number: int
    payload: int = 0
    finished: bool = False


@dataclass
class LocalStream:
    """
    One stream of the client, and the local program behind it.

    :ivar reads: whether the program takes what it is given.
    :ivar closed: whether closeChan is closed: nobody waits with its frames.
    """

    replied: bool = False
    reads: bool = True
    closed: bool = False
    taken: int = 0


@dataclass
class GoClient:
    """Five workers with a queue of fifty each, and one goroutine that reads."""

    wire: deque[Frame] = field(default_factory=deque)
    answers: deque[Frame] = field(default_factory=deque)
    streams: dict[int, LocalStream] = field(default_factory=dict)
    queues: list[list[tuple[int, int, Frame]]] = field(
        default_factory=lambda: [[] for _ in range(5)]
    )
    busy: list[Frame | None] = field(default_factory=lambda: [None] * 5)
    hand: tuple[int, int, Frame] | None = None
    turn: int = 0
    count: int = 0

    @property
    def frozen(self) -> bool:
        """Return whether the reader waits for a queue, and all the client with it."""
        return self.hand is not None and len(self.queues[self.hand[0]]) >= 50

    def read(self) -> bool:
        """Do what Serve does in one turn of its loop."""
        if self.hand is None:
            if not self.wire:
                return False
            self.hand = self._place(self.wire.popleft())
        place, priority, frame = self.hand
        if len(self.queues[place]) >= 50:
            return False
        self.count += 1
        heapq.heappush(self.queues[place], (priority, self.count, frame))
        self.hand = None
        return True

    def _place(self, frame: Frame) -> tuple[int, int, Frame]:
        """Choose a partition and a priority."""
        if frame.kind in ("ping", "other"):
            place = self.turn
            self.turn = (self.turn + 1) % 5
            return place, 0 if frame.kind == "ping" else 7, frame
        if frame.kind == "open":
            self.streams[frame.number] = LocalStream()
            return frame.number % 5, 0, frame
        priority = 0 if frame.number in self.streams else 7
        return frame.number % 5, priority, frame

    def work(self, worker: int) -> bool:
        """Let one worker do one thing; say whether it could."""
        frame = self.busy[worker]
        if frame is None:
            if not self.queues[worker]:
                return False
            frame = self.busy[worker] = heapq.heappop(self.queues[worker])[2]
        if not self._done(frame):
            return False
        self.busy[worker] = None
        return True

    def _done(self, frame: Frame) -> bool:
        """Act on a frame, unless that has to wait."""
        if frame.kind in ("ping", "open") and frame.number % 2 == 0:
            self.answers.append(frame)
        stream = self.streams.get(frame.number)
        if stream is None or frame.kind in ("ping", "open", "other"):
            return True
        if frame.kind == "reply":
            stream.replied = True
        elif frame.kind == "rst":
            # startChan: whoever opened the stream has given up.
            if not stream.replied:
                return False
            stream.closed = True
            del self.streams[frame.number]
        elif frame.payload and stream.replied and not stream.closed:
            if not stream.reads:
                return False
            stream.taken += frame.payload
        return True

    def rest(self) -> None:
        """Let everyone do all there is to do."""
        while self.read() or any([self.work(worker) for worker in range(5)]):
            pass

    def leave(self, stream_id: int, *, drops: bool) -> None:
        """End the local program; a client since 1.32 *drops* its stream then."""
        stream = self.streams[stream_id]
        stream.reads = False
        if drops:
            stream.closed = True
            del self.streams[stream_id]
