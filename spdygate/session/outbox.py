"""
DATA that waits for credit: a queue for each stream, and the windows.

A session asks before it frames anything.  What may go, goes at once and is
never copied; what may not is kept here, in order, until one of three things
that can hold it back has changed: the stream's window, the session's window,
or the transport, which pauses us when it is congested.  Then `release` hands
the waiting bytes out, stream by stream in turn, so that none waits for a
busier neighbour.

Invariants: while a stream has bytes waiting, `put` lets none past them; every
stream that has bytes waiting and a window that is open has a turn, one that
waits for its own window has none, so that nobody looks at it until then.

A peer that keeps no count of its window (every Go SPDY peer, docs/protocol.rst, 3.4)
is given `UNLIMITED` ones: then only the transport holds anything back, and a
``gate``, if what a PING tells is known of it (`spdygate.session.pingwindow`).
Streams for which that is shut are set aside by their place, so that nobody
looks at them before `reopen`.

What is not done here: frames (the session writes them), budgets (whoever
reads from the other side holds back, see `spdygate.dialect.tunnel`).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import CreditError, Http2Code, RemoteStreamError, RstStatus
from .events import Buffer
from .windows import LARGEST_WINDOW
from .workerqueue import WORKERS

#: More than any connection can carry: the window of a peer that does not count.
UNLIMITED = 1 << 62

#: Bytes one stream may send before the next has its turn.
QUANTUM = 64 * 1024

#: The same while no other waits, to a peer that counts frames and not bytes.
ALONE = 4 * QUANTUM

#: Bytes below which a piece is joined with what waits before it: a peer that
#: sends single bytes must not make us keep a Python object for each.
SMALL = 4 * 1024


class StreamCreditError(RemoteStreamError):
    """The peer granted one stream more than a window can hold."""

    rst = RstStatus.FLOW_CONTROL_ERROR
    http2 = Http2Code.FLOW_CONTROL_ERROR


class Piece(NamedTuple):
    """Bytes that may go now; ``finished`` when nothing comes after them."""

    stream_id: int
    data: Buffer
    finished: bool


@dataclass(slots=True)
class _Lane:
    """
    What one stream has to send.

    :ivar window: bytes the peer will take; negative after it shrank its
        initial window (RFC 9113, section 6.9.2).
    :ivar waiting: bytes in ``queue``.
    :ivar finishing: a FIN follows the queue.
    :ivar listed: whether it has a turn, or is set aside.
    """

    window: int
    queue: deque[Buffer | bytearray] = field(default_factory=deque)
    waiting: int = 0
    finishing: bool = False
    listed: bool = False


class Outbox:
    """
    The sending half of a session's flow control.

    :ivar window: bytes the peer takes on the whole session.
    :ivar paused: whether the transport is congested.
    :ivar gate: given a stream, returns how many bytes may go for now, or less.
    """

    __slots__ = ("_aside", "_lanes", "_turns", "gate", "paused", "window")

    def __init__(self, window: int = UNLIMITED) -> None:
        self.window = window
        self.paused = False
        self._lanes: dict[int, _Lane] = {}
        #: Streams that wait for anything but their window, in turn.
        self._turns: OrderedDict[int, None] = OrderedDict()
        #: Streams that wait for the gate, by the worker that they have there.
        self._aside: dict[int, list[int]] = {}
        self.gate: Callable[[int], int] | None = None

    def add(self, stream_id: int, window: int = UNLIMITED) -> None:
        """Begin a stream whose peer takes *window* bytes."""
        self._lanes[stream_id] = _Lane(window)

    def remove(self, stream_id: int) -> None:
        """Forget a stream and what waits on it."""
        lane = self._lanes.pop(stream_id, None)
        if lane is not None and lane.listed:
            self._turns.pop(stream_id, None)

    @property
    def ready(self) -> bool:
        """Return whether something waits that `release` would hand out."""
        return bool(self._turns) and self.window > 0 and not self.paused

    def waiting(self, stream_id: int) -> int:
        """Return how many bytes of the stream wait here."""
        lane = self._lanes.get(stream_id)
        return lane.waiting if lane is not None else 0

    def starved(self, stream_id: int) -> bool:
        """Return whether bytes wait for the credit of their stream, and nothing else."""
        lane = self._lanes.get(stream_id)
        return lane is not None and lane.waiting > 0 and lane.window <= 0

    def put(self, stream_id: int, data: Buffer) -> int:
        """
        Spend credit on *data*, and keep what there is no credit for.

        :returns: how many of its first bytes the session must frame now.
        """
        lane = self._lanes[stream_id]
        length = len(data)
        if lane.waiting or self.paused:
            room = 0
        else:
            room = min(length, lane.window, self.window)
            if self.gate is not None:
                room = min(room, self.gate(stream_id))
        if room < 0:
            room = 0
        if room:
            lane.window -= room
            self.window -= room
        if room < length:
            self._keep(stream_id, lane, data[room:])
        return room

    def _keep(self, stream_id: int, lane: _Lane, rest: Buffer) -> None:
        """Queue *rest*, a copy of its own: a view would keep all that was fed."""
        last = lane.queue[-1] if lane.queue else None
        if len(rest) >= SMALL:
            lane.queue.append(bytes(rest))
        elif isinstance(last, bytearray) and len(last) < QUANTUM:
            last += rest
        else:
            lane.queue.append(bytearray(rest))
        lane.waiting += len(rest)
        self._list(stream_id, lane)

    def _list(self, stream_id: int, lane: _Lane) -> None:
        """Give the stream a turn if it waits for one and may use it."""
        if lane.waiting and lane.window > 0 and not lane.listed:
            lane.listed = True
            self._turns[stream_id] = None

    def finish(self, stream_id: int, *, shut: bool = False) -> bool:
        """
        Say whether the FIN may be written now; if not, it will be a `Piece`'s.

        :param shut: the gate lets not even that pass.
        """
        lane = self._lanes[stream_id]
        lane.finishing = True
        if shut and not lane.listed:
            lane.listed = True
            self._set_aside(stream_id)
        return not lane.waiting and not shut

    def holds(self, stream_id: int) -> bool:
        """Return whether bytes of the stream wait here, or its FIN."""
        lane = self._lanes.get(stream_id)
        if lane is None:
            return False
        return lane.waiting > 0 or (lane.finishing and lane.listed)

    def credit(self, stream_id: int, count: int) -> None:
        """
        Note that the peer takes *count* bytes more; stream 0 is the session.

        :raises CreditError: the session's window passes 2**31 - 1 bytes.
        :raises StreamCreditError: the stream's does.
        """
        if stream_id == 0:
            self.window += count
            if LARGEST_WINDOW < self.window < UNLIMITED // 2:
                raise CreditError("the session window was granted past 2**31 - 1")
            return
        lane = self._lanes.get(stream_id)
        if lane is None:
            return
        lane.window += count
        if LARGEST_WINDOW < lane.window < UNLIMITED // 2:
            raise StreamCreditError(stream_id, "granted past 2**31 - 1")
        self._list(stream_id, lane)

    def shift(self, delta: int) -> None:
        """
        Move every stream's window: the peer changed its initial window.

        :raises CreditError: one of them passes 2**31 - 1 bytes (RFC 9113,
            section 6.9.2).
        """
        for stream_id, lane in self._lanes.items():
            lane.window += delta
            if LARGEST_WINDOW < lane.window < UNLIMITED // 2:
                raise CreditError("a stream window was moved past 2**31 - 1")
            self._list(stream_id, lane)

    def release(self, limit: int) -> list[Piece]:
        """
        Hand out what may go now of what has waited, each stream in its turn.

        :param limit: stop after about this many bytes.
        """
        pieces: list[Piece] = []
        while self.ready and limit > 0:
            stream_id, _ = self._turns.popitem(last=False)
            lane = self._lanes[stream_id]
            room = min(lane.window, self.window)
            if self.gate is None:
                room = min(QUANTUM, room)
            else:
                turn = QUANTUM if self._turns else ALONE
                room = min(turn, room, self.gate(stream_id))
                if room <= 0 < lane.window:
                    self._set_aside(stream_id)
                    continue
            lane.listed = False
            # The window may have been shut since it was listed: see `shift`.
            if lane.window > 0 or not lane.waiting:
                pieces.append(self._take(stream_id, lane, room))
                limit -= len(pieces[-1].data)
                self._list(stream_id, lane)
        return pieces

    def _set_aside(self, stream_id: int) -> None:
        """Let a stream wait for the gate."""
        self._aside.setdefault(stream_id % WORKERS, []).append(stream_id)

    def reopen(self, place: int | None = None) -> None:
        """
        Give turns again to streams that waited for the gate.

        :param place: of which worker; ``None`` is all of them.
        """
        for key in list(self._aside) if place is None else [place]:
            for stream_id in self._aside.pop(key, ()):
                if stream_id in self._lanes:
                    self._turns[stream_id] = None

    def _take(self, stream_id: int, lane: _Lane, room: int) -> Piece:
        """Take a turn's worth of *lane*: *room* bytes at most."""
        whole = lane.queue.popleft() if lane.queue else b""
        data: Buffer = bytes(whole) if isinstance(whole, bytearray) else whole
        if self.gate is not None and lane.queue and len(data) < room:
            data = _gathered(data, lane.queue, room)
        if len(data) > room:
            # Views, or a peer that grants single bytes makes us copy for each.
            data, rest = memoryview(data)[:room], memoryview(data)[room:]
            lane.queue.appendleft(rest)
        lane.waiting -= len(data)
        lane.window -= len(data)
        self.window -= len(data)
        return Piece(stream_id, data, lane.finishing and not lane.waiting)


def _gathered(first: Buffer, queue: deque[Buffer | bytearray], room: int) -> Buffer:
    """Join pieces: a gate counts frames, however small they are."""
    pieces, size = [first], len(first)
    while queue and size < room:
        data = queue.popleft()
        pieces.append(bytes(data) if isinstance(data, bytearray) else data)
        size += len(data)
    return b"".join(pieces)
