"""
The end of a tunnel that is a WebSocket channel, whichever side asked for it.

Channels are the poorest of the dialects (docs/protocol.rst, sections 4.1 and
8.4).  What both sides make do with is here:

* A channel has no FIN.  A server that has nothing more to say is silent until
  it ends the whole connection; a client cannot say that it has finished at
  all.  What each side does about it is told in `servedchannels` and
  `nodechannels`.
* There is no credit: a peer that sends too much is not read from, with all its
  channels (`budget`), and what the transport does not take waits here.
* A kubelet ignores a message that it cannot make sense of, and so do we.  But
  one that sends nothing else is stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field

from ..errors import LimitError, RemoteError
from ..session.deadlines import Liveness
from ..session.events import Broken, Buffer, Pong
from ..session.outbox import Outbox, Piece
from ..session.ratelimit import RateLimit
from ..session.websocket import (
    NORMAL,
    POLICY,
    Closed,
    MessagePiece,
    WebSocketSession,
)
from ..wire.channels import Codec, Reader
from .budget import Held
from .tunnel import Drained, Failure, Receiver, TunnelEvent, nothing

NEVER = float("inf")


@dataclass(slots=True)
class ChannelLine:
    """
    What the ends on one WebSocket share.

    :ivar ends: by the channel of their bytes, until nothing waits on it.
    :ivar wake: called when there is something to write or read again.
    :ivar ending: whether the connection is to be closed once all is written.
    :ivar busy: whether anything was sent since somebody last looked.
    """

    websocket: WebSocketSession
    codec: Codec
    held: Held
    outbox: Outbox = field(default_factory=Outbox)
    ends: dict[int, ChannelEnd] = field(default_factory=dict)
    wake: Callable[[], None] = nothing
    ending: bool = False
    busy: bool = False

    def add(self, end: ChannelEnd) -> None:
        """Give a new end its place."""
        self.ends[end.channel] = end
        self.outbox.add(end.channel)

    def say(self, channel: int, data: Buffer) -> None:
        """Write *data*, in messages of a size that every peer takes."""
        codec = self.codec
        for start in range(0, len(data), codec.payload):
            part = data[start : start + codec.payload]
            self.websocket.send(codec.message(channel, part), text=codec.text)

    def send(self, channel: int, data: Buffer) -> int:
        """Write what may go now of *data*, keep the rest; say how much went."""
        passed = self.outbox.put(channel, data)
        if passed:
            self.say(channel, data[:passed])
        self.busy = True
        self.wake()
        return passed

    def release(self, limit: int) -> list[Piece]:
        """Write about *limit* bytes of what has waited; return what that was."""
        pieces = self.outbox.release(limit)
        for channel, data, _ in pieces:
            self.say(channel, data)
        return pieces

    def drop(self, end: ChannelEnd) -> None:
        """Forget an end and what waits on it; the last takes the connection along."""
        end.over = True
        self.ends.pop(end.channel, None)
        self.outbox.remove(end.channel)
        if not self.ends:
            self.close()

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """End the connection behind what has been written."""
        self.ending = True
        self.websocket.close(code, reason)
        self.wake()


class ChannelEnd:
    """
    One tunnel on a channel.

    :ivar channel: the one that its bytes are on; its error is on the next.
    :ivar held: bytes received that the other side has not drained.
    :ivar granted: bytes that it has, ever.
    :ivar finished: whether we have been given all that is to be sent.
    :ivar over: whether nothing more is to be reported.
    """

    __slots__ = ("_line", "channel", "finished", "granted", "held", "over", "receiver")

    def __init__(self, line: ChannelLine, channel: int) -> None:
        self._line = line
        self.receiver: Receiver | None = None
        self.channel = channel
        self.held = 0
        self.granted = 0
        self.finished = False
        self.over = False

    @property
    def waiting(self) -> int:
        """Return how many bytes of the tunnel wait here."""
        return self._line.outbox.waiting(self.channel)

    def accept(self) -> None:
        """Say nothing: a channel is open from the start."""

    def send(self, data: Buffer) -> int:
        """Send *data*."""
        if self.over:
            return len(data)
        return self._line.send(self.channel, data)

    def finish(self) -> None:
        """Note that nothing more is to be sent."""
        if self.over or self.finished:
            return
        self.finished = True
        self._line.outbox.finish(self.channel)
        self._line.wake()

    def fail(self, failure: Failure) -> None:
        """Give the tunnel up; each side has its own way."""
        raise NotImplementedError

    def take(self, count: int) -> None:
        """Count *count* bytes as received."""
        self.held = self._line.held.take(self.held, count)

    def grant(self, count: int) -> None:
        """Count *count* bytes as drained."""
        self.granted += count
        self.held = self._line.held.give(self.held, count)


class Channels:
    """
    The tunnels of one WebSocket, as far as both sides are alike.

    :ivar why: what ended the connection, when it was not simply closed.
    """

    def __init__(
        self, line: ChannelLine, channels: Container[int], alive: Liveness, now: float
    ) -> None:
        """
        Begin to read.

        :param channels: those on which the peer may say something.
        """
        self._line = line
        self._channels = channels
        self._alive = alive
        self._reader = Reader(line.codec)
        self._noise = RateLimit()
        #: Whether the message that is being read has been of any use.
        self._useful = False
        self._pings = 0
        self._now = now
        self.why = ""
        self.outgoing = line.websocket.outgoing

    @property
    def ending(self) -> bool:
        """Return whether the connection is to be closed once all is written."""
        return self._line.ending

    @property
    def reading(self) -> bool:
        """Return whether the peer may be read from."""
        return self._line.held.may_read()

    @property
    def has_waiting(self) -> bool:
        """Return whether `release` might write something now."""
        return self._line.outbox.ready

    @property
    def tunnels(self) -> int:
        """Return how many tunnels are not over."""
        return len(self._line.ends)

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have *wake* called when there is something to write or read again."""
        self._line.wake = self._line.held.wake = wake

    def pause(self) -> None:
        """Hold bytes back: the transport is congested."""
        self._line.outbox.paused = self._line.websocket.paused = True

    def resume(self) -> None:
        """Let bytes go again."""
        self._line.outbox.paused = self._line.websocket.paused = False

    def release(self, limit: int) -> list[TunnelEvent]:
        """Write about *limit* bytes of what has waited and may go now."""
        told: list[TunnelEvent] = []
        for channel, data, finished in self._line.release(limit):
            end = self._line.ends[channel]
            told.append(Drained(end, len(data)))
            self._drained(end, finished)
        return told

    def feed(self, data: bytes, now: float) -> list[TunnelEvent]:
        """Take bytes from the peer; return what happened to the tunnels."""
        self._now = now
        self._alive.heard(now)
        told = self._begin()
        happened = self._line.websocket.feed(data, now)
        if not happened or any(type(event) is not Pong for event in happened):
            # Its own Pings are use, answers to ours are not.
            self._alive.used(now)
        for event in happened:
            if self.ending:
                break
            match event:
                case MessagePiece():
                    self._piece(event, told)
                case Closed(code):
                    self._closed(code, told)
                case Broken(error):
                    self._broken(error, told)
        return told

    def _piece(self, piece: MessagePiece, told: list[TunnelEvent]) -> None:
        """Read on in a message, and count it if it was of no use."""
        reader = self._reader
        data = reader.take(piece.data, finished=piece.finished)
        channel = reader.channel
        if channel is not None and channel in self._channels:
            self._useful = self._useful or len(data) > 0
            self._data(channel, data, piece.finished, told)
        if not piece.finished or self.ending:
            return
        useless = reader.bad or not self._useful
        self._useful = False
        try:
            self._noise.take(int(useless), self._now)
        except LimitError as error:
            self._line.websocket.close(POLICY, str(error))
            self._broken(error, told)

    def _ping(self) -> None:
        """Ask the peer whether it is there."""
        self._pings += 1
        self._line.websocket.ping(self._pings)
        self._line.wake()

    # -- what is different on the two sides --------------------------------------

    def _begin(self) -> list[TunnelEvent]:
        """Return what is to be told before anything else."""
        return []

    def _drained(self, end: ChannelEnd, finished: bool) -> None:
        """Hear that bytes have left, the last of the tunnel if *finished*."""
        raise NotImplementedError

    def _data(
        self, channel: int, data: Buffer, finished: bool, told: list[TunnelEvent]
    ) -> None:
        """Act on a part of a message; *finished* if it is the last."""
        raise NotImplementedError

    def _closed(self, code: int | None, told: list[TunnelEvent]) -> None:
        """Act on the peer's Close."""
        raise NotImplementedError

    def _broken(self, error: RemoteError, told: list[TunnelEvent]) -> None:
        """End every tunnel: the peer broke the protocol, and has been told."""
        raise NotImplementedError
