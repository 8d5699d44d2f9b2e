"""
What a SPDY/3.1 session writes, frame by frame, and what it may not write yet.

Both halves of a session write: `spdygate.session.spdyreceive` what the peer's
frames demand, `spdygate.session.spdy` what we want.  Here a frame is made, and
counted if the peer has a `PingWindow`.  What its workers do not take is kept:

* DATA, and a FIN behind it, in the outbox, whose gate is the window;
* SYN_REPLY, RST_STREAM and echoes here, in order.  They are compressed and
  counted when they are written and not before.

A Go client waits for the answer to a stream for thirty seconds.  What it reads
later costs it a worker for good (docs/protocol.rst, 3.4): a RST_STREAM without an
answer before it, and DATA, which nobody reads.  So a RST_STREAM is not put behind
anything that may stand still; and a stream that is answered late is reset as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import RstStatus
from ..wire.headerblock import HeaderDeflater, Headers
from ..wire.spdyframes import (
    MAX_DATA,
    Ping,
    RstStream,
    SynReply,
    SynStream,
    WindowUpdate,
    data_header,
)
from .events import Buffer, Event, StreamReset
from .outbox import UNLIMITED, Outbox
from .pingwindow import PingWindow
from .spdycredit import Account, Credit
from .spdylimits import SpdyLimits
from .streamstate import State
from .workerqueue import WORKERS

#: Seconds after which an answer comes too late: Go clients have nearly given up.
TOO_LATE = 25.0

#: Echoes that are owed at most: Go clients send no PING before the last came back.
_ECHOES = 8


@dataclass(slots=True)
class Stream:
    """
    One stream of the session.

    :ivar mark: what stands for its payload in a `PingWindow`.
    :ivar born: when it was asked for.
    :ivar reset_after: the status of a RST_STREAM that follows what waits.
    """

    state: State
    mark: int = 0
    born: float = 0.0
    account: Account = field(default_factory=Account)
    reset_after: int | None = None


class _Kept(NamedTuple):
    """
    A frame for a worker that takes none now.

    :ivar status: of a RST_STREAM; ``None`` makes it a SYN_REPLY.
    :ivar answered: whether the stream was answered before.
    :ivar born: when the stream was asked for.
    """

    stream_id: int
    headers: Headers
    status: int | None
    answered: bool
    born: float


class Writing:
    """
    The state of the side that writes.

    :ivar notes: what a log should have; whoever reads them empties the list.
    """

    def __init__(self, limits: SpdyLimits, window: PingWindow | None) -> None:
        self._limits = limits
        self._deflater = HeaderDeflater()
        self._streams: dict[int, Stream] = {}
        self._outbox = Outbox()
        self._credit = Credit(self._outbox)
        self._out: list[Buffer] = []
        self._unread = 0
        self._now = 0.0
        self._window = window
        self._kept: list[_Kept] = []
        self._owed: list[Ping] = []
        #: Streams that were given up here, and nobody has been told.
        self._late: list[int] = []
        self.notes: list[str] = []
        if window is not None:
            self.notes = window.notes
            self._outbox.gate = self._room

    def _room(self, stream_id: int) -> int:
        """Return how many bytes the stream's worker takes."""
        window = self._window
        if window is None:
            return UNLIMITED
        return window.room(stream_id) * window.largest(stream_id)

    def _write(self, frame: bytes) -> None:
        """Queue a control frame; they never wait behind DATA."""
        self._out.append(frame)
        if self._outbox.paused:
            self._unread += len(frame)

    def _frame(self, stream_id: int, data: Buffer, *, finished: bool) -> None:
        """Queue a DATA frame, or several if it is more than one can hold."""
        size, length = MAX_DATA, len(data)
        if self._window is not None:
            size = self._window.largest(stream_id)
            if length:
                mark = self._streams[stream_id].mark
                self._window.sent(stream_id, mark, -(-length // size))
            else:
                self._window.sent(stream_id)
        if length > size:
            view = memoryview(data)
            last = (length - 1) // size * size
            for start in range(0, last, size):
                piece = view[start : start + size]
                self._out += (data_header(stream_id, size, False), piece)
            data = view[last:]
        self._out += (data_header(stream_id, len(data), finished), data)

    def _grant(self, stream_id: int, count: int) -> None:
        """Tell the peer of *count* bytes more; stream 0 is the session (2.6.8)."""
        if count:
            if self._window is not None:
                self._window.dealt()
            self._write(WindowUpdate(stream_id, count).pack())

    def _echo(self, ping: Ping) -> None:
        """Answer the peer's PING."""
        if self._window is None:
            self._write(ping.pack())
        elif self._window.deals():
            self._window.dealt()
            self._write(ping.pack())
        elif len(self._owed) < _ECHOES:
            self._owed.append(ping)

    def _answer(self, stream_id: int, headers: Headers, born: float) -> None:
        """Write SYN_REPLY, now or when its worker takes it."""
        if self._window is not None:
            if not self._window.takes(stream_id):
                self._keep(_Kept(stream_id, headers, None, True, born))
                return
            self._window.sent(stream_id)
        block = self._deflater.deflate(headers)
        self._write(SynReply(stream_id, block).pack())

    def _give_up(
        self, stream_id: int, status: int, born: float, *, answered: bool
    ) -> None:
        """Write RST_STREAM, now or when its worker takes it."""
        window = self._window
        if window is not None:
            if (
                not window.takes(stream_id)
                or not (answered or window.surely_takes(stream_id))
                or any(kept.stream_id == stream_id for kept in self._kept)
            ):
                self._keep(_Kept(stream_id, (), status, answered, born))
                return
            window.sent(stream_id)
        self._write(RstStream(stream_id, status).pack())

    def _keep(self, kept: _Kept) -> None:
        """Keep a frame; the oldest go if there are too many that nobody misses."""
        self._kept.append(kept)
        if len(self._kept) > 2 * self._limits.streams:
            self._kept = [
                kept for kept in self._kept if kept.stream_id in self._streams
            ]

    def _let_go(self, place: int | None = None) -> None:
        """
        Write what may be written now of what was kept.

        :param place: the worker that has just moved, if it is known.
        """
        kept, self._kept = self._kept, []
        for one in kept:
            if self._still(one, place):
                self._kept.append(one)
            else:
                self._say(one)
        while self._owed and (self._window is None or self._window.deals()):
            self._echo(self._owed.pop(0))
        self._outbox.reopen(place)

    def _still(self, one: _Kept, place: int | None) -> bool:
        """Say whether a frame has to be kept on."""
        window, stream_id = self._window, one.stream_id
        if window is None:
            return False
        if not window.takes(stream_id):
            return True
        moves = one.answered or place == stream_id % WORKERS
        return not (moves or window.surely_takes(stream_id))

    def _say(self, one: _Kept) -> None:
        """Write a frame that was kept, as its age demands."""
        stream_id, headers, status, answered, born = one
        late = self._now >= born + TOO_LATE
        if status is None:
            self._answer(stream_id, headers, born)
            if late and stream_id in self._streams:
                self._forget(stream_id)
                self._late.append(stream_id)
                self._give_up(stream_id, RstStatus.CANCEL, born, answered=True)
            return
        if late and not answered:
            self._answer(stream_id, (), born)
        self._give_up(stream_id, status, born, answered=True)

    def _forget(self, stream_id: int) -> None:
        """Drop a stream and whatever waits on it."""
        del self._streams[stream_id]
        self._outbox.remove(stream_id)
        self._credit.forget(stream_id)

    def _told_late(self) -> list[Event]:
        """Return what happened to streams that were given up here."""
        late, self._late = self._late, []
        return [StreamReset(stream_id, RstStatus.CANCEL) for stream_id in late]

    def _ask(self, window: PingWindow) -> None:
        """Write the questions that are due, behind all that was counted."""
        for number in window.ping():
            self._out.append(Ping(number).pack())
        for number in window.open():
            block = self._deflater.deflate(())
            stream = SynStream(number, block, unidirectional=True)
            self._out.append(stream.pack())
        if window.trusts:
            self._let_go()

    def _moved(self, place: int | None) -> None:
        """Go on with what waited for a worker that has answered."""
        if place is not None:
            self._let_go(place)

    def _counts(self) -> None:
        """Take note that the peer grants credit: no worker has to be watched."""
        self._credit.start()
        self._unwatch()

    def _unwatch(self) -> None:
        """Write what was kept: from now on nothing is, but for want of credit."""
        if self._window is not None:
            self._window = None
            self._outbox.gate = None
            self._let_go()

    def _judge(self) -> None:
        """Leave the peer alone if it is none that can be watched."""
        window = self._window
        if window is not None and window.broken:
            self.notes.append(f"the client is not watched any more: {window.broken}")
            self._unwatch()
