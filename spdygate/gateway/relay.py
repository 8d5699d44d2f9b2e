"""
One tunnel: what joins the end that faces a client to the end that faces its pod.

The relay moves bytes and their ends, and keeps one account: for each
direction, the bytes that were received on one side and have not left on the
other.  Whoever sent them is granted as many again when they have, so nobody
can make us hold more than the two ends allow (the contract of
`spdygate.dialect.tunnel`).

The invariant: what is owed to an end never exceeds what it received, and is
zero once the other end has drained or is gone.

What is not done here: which pod, which node (`switchboard`, routing), and how
either end says what happened (dialects).
"""

from __future__ import annotations

from collections.abc import Callable

from ..dialect.tunnel import (
    Data,
    Drained,
    End,
    Failed,
    Failure,
    Finished,
    Opened,
    Reason,
    Request,
    TunnelEvent,
    nothing,
)
from ..session.events import Buffer

_GONE = Failure(Reason.GAVE_UP, "the client is gone")

#: Bytes up to which pieces that wait are joined: a peer that sends single bytes
#: must not make us keep a Python object for each.
JOINED = 64 * 1024


class Observer:
    """Who is told how each tunnel fared; this one does nothing with it."""

    def tunnel_opened(self, relay: Relay) -> None:
        """Hear that the target of *relay* is connected."""

    def tunnel_ended(self, relay: Relay) -> None:
        """Hear that *relay* is over; its ``failure`` says whether it failed."""

    def fault(self, error: Exception) -> None:
        """Hear of something that should not have happened."""


class Way:
    """
    One direction of a tunnel.

    :ivar source: the end that bytes come from.
    :ivar sink: the end they go to; ``None`` until there is one.
    :ivar count: bytes received from the source so far.
    :ivar owed: bytes of them that the source has not been granted again.
    :ivar finished: whether the source has sent all it will.
    """

    __slots__ = ("count", "early", "finished", "owed", "sink", "source")

    def __init__(self, source: End | None, sink: End | None) -> None:
        self.source = source
        self.sink = sink
        self.count = 0
        self.owed = 0
        self.finished = False
        self.early: list[bytearray] = []

    def data(self, data: Buffer) -> None:
        """Pass *data* on, and grant the source what has left."""
        length = len(data)
        self.count += length
        if self.sink is None:
            self.owed += length
            self._keep(data)
            return
        passed = self.sink.send(data)
        if passed and self.source is not None:
            self.source.grant(passed)
        self.owed += length - passed

    def _keep(self, data: Buffer) -> None:
        """Keep *data*, joined with what waits before it if that is little."""
        if self.early and len(self.early[-1]) < JOINED:
            self.early[-1] += data
        else:
            self.early.append(bytearray(data))

    def join(self, sink: End) -> None:
        """Begin to pass on, with what came before there was anywhere to go."""
        self.sink = sink
        early, self.early = self.early, []
        for piece in early:
            self.drained(sink.send(bytes(piece)))
        if self.finished:
            sink.finish()

    def finish(self) -> None:
        """Pass the FIN on, once."""
        if self.finished:
            return
        self.finished = True
        if self.sink is not None:
            self.sink.finish()

    def drained(self, count: int) -> None:
        """
        Grant the source *count* bytes that have left the sink.

        Never more than it is owed: a sink may still report bytes that it threw
        away, when we have long settled for them.
        """
        count = min(count, self.owed)
        self.owed -= count
        if count and self.source is not None:
            self.source.grant(count)

    @property
    def lingers(self) -> bool:
        """Return whether the sink delivers what waits even after a failure."""
        return self.finished and self.sink is not None

    def settle(self) -> None:
        """Forget what waits: the sink is gone, and takes it along."""
        self.early.clear()
        self.drained(self.owed)


def settle_lost(*ways: Way) -> None:
    """Settle what ends that have failed throw away."""
    for way in ways:
        if not way.lingers:
            way.settle()


class Relay:
    """
    A tunnel between a client's end and a pod's.

    :ivar near: the end that faces the client.
    :ivar far: the end that faces the pod, once there is one.
    :ivar up: from the client to the pod.
    :ivar down: from the pod to the client.
    :ivar cancel: called if the tunnel ends, for whatever reason, while there is
        no far end; whoever dials sets it.
    :ivar opened: whether the target is connected.
    :ivar over: whether the tunnel has ended.
    :ivar failure: why it failed, if it did.
    """

    __slots__ = (
        "_observer",
        "cancel",
        "down",
        "failure",
        "far",
        "near",
        "opened",
        "over",
        "request",
        "up",
    )

    def __init__(self, near: End, request: Request, observer: Observer) -> None:
        self.near = near
        self.request = request
        self.far: End | None = None
        self.cancel: Callable[[], None] = nothing
        self.up = Way(near, None)
        self.down = Way(None, near)
        self.opened = False
        self.over = False
        self.failure: Failure | None = None
        self._observer = observer
        near.receiver = self

    def join(self, far: End) -> None:
        """Let bytes pass to *far*, which has been asked to connect."""
        far.receiver = self
        if self.over:
            far.fail(self.failure or _GONE)
            return
        self.far = self.down.source = far
        self.up.join(far)

    def refuse(self, failure: Failure) -> None:
        """Give up a tunnel: its target cannot be had, not in time, or not safely."""
        if self.over:
            return
        self._end(failure)
        self.near.fail(failure)
        if self.far is not None:
            self.far.fail(failure)
        else:
            self.cancel()
        settle_lost(self.up, self.down)

    def act(self, event: TunnelEvent) -> None:
        """Act on what happened at one of the two ends."""
        if type(event) is Data:
            (self.up if event.end is self.near else self.down).data(event.data)
            return
        match event:
            case Drained(end, count):
                (self.down if end is self.near else self.up).drained(count)
            case Opened():
                self._opened()
            case Finished(end):
                self._finished(self.up if end is self.near else self.down)
            case Failed(end, failure):
                self._failed(end, failure)

    def _opened(self) -> None:
        """Tell the client that its target is connected, unless that is too late."""
        if self.over:
            return
        self.opened = True
        self._observer.tunnel_opened(self)
        self.near.accept()

    def _finished(self, way: Way) -> None:
        """Half-close; the second half ends the tunnel."""
        way.finish()
        if self.up.finished and self.down.finished and not self.over:
            self._end(None)

    def _failed(self, end: End, failure: Failure) -> None:
        """End the other end too, and settle what will never be delivered."""
        near = end is self.near
        lost, other = (self.down, self.far) if near else (self.up, self.near)
        lost.settle()
        if self.over:
            return
        self._end(failure)
        if other is not None:
            other.fail(failure)
        else:
            self.cancel()
        settle_lost(self.up, self.down)

    def _end(self, failure: Failure | None) -> None:
        """Note how it ended, once."""
        self.over = True
        self.failure = failure
        self._observer.tunnel_ended(self)
