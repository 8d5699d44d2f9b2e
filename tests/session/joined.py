"""
Two SPDY sessions joined in memory, and what must be true of them.

Each side keeps its own record of what it was asked to send and of what it was
told, stream by stream; `Joined.check` compares the two.  Bytes go over when a
test says so, in slices of any length.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from spdygate.session.events import (
    Broken,
    DataReceived,
    Drained,
    Event,
    StreamFinished,
    StreamOpened,
    StreamReset,
)
from spdygate.session.spdy import SpdySession
from tests.session.spdybyhand import HandPeer


@dataclass
class Record:
    """
    One stream as one side knows it.

    :ivar sent: bytes it was asked to send.
    :ivar gone: how many of them it said were on their way.
    :ivar owed: bytes received and not granted.
    :ivar gave_up: whether it was asked to reset, and `we_reset` whether at once.
    """

    sent: bytes = b""
    gone: int = 0
    received: bytes = b""
    owed: int = 0
    accepted: bool = False
    we_finished: bool = False
    they_finished: bool = False
    gave_up: bool = False
    we_reset: bool = False
    they_reset: bool = False


@dataclass
class Side:
    """One session, its records, and the wire toward it."""

    session: SpdySession
    streams: dict[int, Record] = field(default_factory=lambda: defaultdict(Record))
    wire: bytearray = field(default_factory=bytearray)
    broken: bool = False

    def see(self, events: list[Event]) -> None:
        """Write down what happened, and that it may."""
        for event in events:
            if isinstance(event, Broken):
                self.broken = True
                continue
            assert not isinstance(event, StreamOpened) or not event.finished
            record = self.streams[getattr(event, "stream_id", 0)]
            match event:
                case DataReceived(_, data):
                    assert not record.they_finished and not record.we_reset
                    record.received += bytes(data)
                    record.owed += len(data)
                case Drained(_, count):
                    record.gone += count
                case StreamFinished():
                    assert not record.they_finished
                    record.they_finished = True
                case StreamReset(_, code):
                    assert not record.they_reset and code == 5
                    record.they_reset = True


class Joined:
    """
    A client's session and a server's.

    :ivar sides: the client's, then the server's.
    """

    def __init__(self, *, counting: bool) -> None:
        self.sides = (
            Side(SpdySession(client=True)),
            Side(SpdySession(client=False)),
        )
        self._counter = 0
        if counting:
            for side in self.sides:
                side.wire += HandPeer.settings()

    def other(self, side: Side) -> Side:
        """Return the one across."""
        return self.sides[side is self.sides[0]]

    def carry(self, side: Side, count: int) -> bool:
        """Take *count* bytes off the wire toward *side*; say if there were any."""
        side.wire += self.other(side).session.outgoing()
        data = bytes(side.wire[:count])
        del side.wire[:count]
        side.see(side.session.feed(data, 0.0) if data else [])
        return bool(data)

    def begin(self) -> None:
        """Open two streams, and answer them."""
        client, server = self.sides
        for number in (1, 3):
            self.open(client, number, 0)
        for side in (server, client):
            self.carry(side, 1 << 20)
        for number in (1, 3):
            self.accept(server, number, 0)

    # -- what a test may do, each to stream `number` of `side` -------------------

    def open(self, side: Side, number: int, count: int) -> None:
        """Open one more stream, whatever the arguments."""
        client = self.sides[0]
        if len(client.streams) < 4:
            client.streams[client.session.open_stream(())].accepted = True

    def accept(self, side: Side, number: int, count: int) -> None:
        """Answer a stream, on the serving side."""
        record = self.sides[1].streams.get(number)
        if record is not None and not record.accepted:
            record.accepted = True
            self.sides[1].session.accept(number)

    def send(self, side: Side, number: int, count: int) -> None:
        """Send bytes that appear nowhere else."""
        record = side.streams.get(number)
        if record is None or not record.accepted:
            return
        if record.we_finished or record.we_reset or record.they_reset:
            return
        self._counter += 1
        data = (self._counter.to_bytes(4) * (count // 4 + 1))[:count]
        record.sent += data
        record.gone += side.session.send(number, data)

    def finish(self, side: Side, number: int, count: int) -> None:
        """Half-close."""
        record = side.streams.get(number)
        if record is not None and record.accepted:
            record.we_finished = True
            side.session.finish(number)

    def reset(self, side: Side, number: int, count: int) -> None:
        """Give the stream up."""
        record = side.streams.get(number)
        if record is not None and count < 1000:
            # After the FIN what was sent is delivered first, unless asked twice.
            record.we_reset |= record.gave_up or not record.we_finished
            record.gave_up = True
            side.session.reset(number, 5)

    def grant(self, side: Side, number: int, count: int) -> None:
        """Let what was received be drained."""
        record = side.streams.get(number)
        if record is not None:
            count = min(count, record.owed)
            record.owed -= count
            side.session.grant(number, count)

    def pause(self, side: Side, number: int, count: int) -> None:
        """Let the transport be congested."""
        side.session.pause()

    def resume(self, side: Side, number: int, count: int) -> None:
        """Let it drain."""
        side.session.resume()

    def release(self, side: Side, number: int, count: int) -> None:
        """Write some of what waited."""
        side.see(side.session.release(count))

    def slice(self, side: Side, number: int, count: int) -> None:
        """Let some bytes arrive."""
        self.carry(side, count)

    @property
    def verbs(self) -> dict[str, Callable[[Side, int, int], None]]:
        """Return all of the above by name."""
        names = "open accept send finish reset grant pause resume release slice"
        return {name: getattr(self, name) for name in names.split()}

    def drain(self) -> None:
        """Let everything pass that can."""
        moved = True
        while moved:
            moved = False
            for side in self.sides:
                side.session.resume()
                for number in list(side.streams):
                    self.accept(side, number, 0)
                    self.grant(side, number, 1 << 40)
                while side.session.has_waiting:
                    side.see(side.session.release(1 << 20))
                    moved = True
                moved |= self.carry(side, 1 << 30)

    def check(self) -> None:
        """Compare what was sent with what arrived, after `drain`."""
        for side in self.sides:
            assert not side.broken
            other = self.other(side)
            for number, record in side.streams.items():
                mirror = other.streams[number]
                assert record.sent.startswith(mirror.received)
                if mirror.they_finished:
                    assert mirror.received == record.sent and record.we_finished
                if record.we_reset or record.they_reset or mirror.gave_up:
                    continue
                # A reset that was asked for after the FIN delivers all the same.
                assert mirror.received == record.sent
                assert record.gone == len(record.sent)
                assert mirror.they_finished == record.we_finished
                if not record.gave_up:
                    over = record.we_finished and mirror.we_finished
                    assert (number in side.session) == (not over)
