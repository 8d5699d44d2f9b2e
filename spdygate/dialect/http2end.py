"""
The end of a tunnel that is an HTTP/2 stream, whichever side opened it.

What the two sides have in common is here: the streams of one connection and
the ends on them, credit, half-close, and two rules:

* *Lingering*: a stream that failed after its FIN, or was finished from both
  sides, still delivers what waits on it, unless not one byte of it leaves for
  `LINGER` seconds, or it failed because none did.
* *Starving*: bytes that wait for the credit of their stream alone may be of a
  reader that has stopped, or still on their way to one that has not.  So the
  peer is pinged: its answer is behind all that it has been sent, and a peer
  that answers none of our PINGs does not starve one stream, but is stuck with
  all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import takewhile

from ..session import events
from ..session.http2 import Http2Session
from .budget import LINGER
from .http2words import reset_code, reset_meaning
from .tunnel import (
    Data,
    Drained,
    Failed,
    Failure,
    Finished,
    Reason,
    Receiver,
    TunnelEvent,
    nothing,
)

_NEVER = float("inf")


class Http2End:
    """
    One tunnel on an HTTP/2 stream.

    :ivar answered: whether a ``:status`` has passed: ours, or one of a node
        service that proved to be one.
    :ivar finished: whether we have sent all we will.
    :ivar they_finished: whether the peer has.
    :ivar granted: bytes received that the other side has taken, ever.
    :ivar over: whether nothing more is to be reported.
    """

    __slots__ = (
        "_asked",
        "_line",
        "answered",
        "finished",
        "granted",
        "over",
        "receiver",
        "stream_id",
        "they_finished",
    )

    def __init__(self, line: Http2Line, stream_id: int) -> None:
        self._line = line
        #: The PING that tells whether the peer reads at all; 0 for none.
        self._asked = 0
        self.stream_id = stream_id
        self.receiver: Receiver | None = None
        self.answered = False
        self.finished = False
        self.they_finished = False
        self.granted = 0
        self.over = False

    @property
    def held(self) -> int:
        """Return the bytes received that the other side has not taken."""
        return self._line.session.held(self.stream_id)

    def accept(self) -> None:
        """Say that the target is connected; only a served end is told so."""
        raise NotImplementedError

    def send(self, data: events.Buffer) -> int:
        """Send DATA."""
        if self.over:
            return len(data)
        self._line.wake()
        return self._line.session.send(self.stream_id, data)

    def finish(self) -> None:
        """Send END_STREAM after what was sent."""
        if self.over or self.finished:
            return
        self.finished = True
        self._line.session.finish(self.stream_id)
        self._line.settle(self)
        self._line.wake()

    def fail(self, failure: Failure) -> None:
        """Give the stream up, with a code that says why."""
        self.over = True
        self._line.reset(self, reset_code(failure))
        if failure.reason is Reason.STALLED:
            self._line.hurry(self)
        self._line.wake()

    def starved(self) -> bool:
        """
        Say whether the peer lets this stream wait, and would let others go.

        Ask about once a second: that long it has to answer a PING.
        """
        line = self._line
        if not line.session.starved(self.stream_id):
            self._asked = 0
            return False
        if self._asked > line.ponged:
            return False
        self._asked = line.ask()
        return True

    def grant(self, count: int) -> None:
        """Give the peer credit for *count* bytes that were passed on."""
        self.granted += count
        self._line.session.grant(self.stream_id, count)
        self._line.wake()


@dataclass(slots=True)
class Http2Line:
    """
    What the ends on one HTTP/2 connection share.

    :ivar ends: by stream, until nothing waits on it.
    :ivar lingering: streams that failed with something waiting, and the time
        at which that is thrown away.
    :ivar hop: how every failure here begins: who is at the other side.
    :ivar touched: ends whose streams may be over, for `settled`.
    :ivar pinged: the number of the last PING.
    :ivar ponged: that of the last one which was answered.
    """

    session: Http2Session
    hop: str = ""
    ends: dict[int, Http2End] = field(default_factory=dict)
    lingering: dict[int, float] = field(default_factory=dict)
    touched: list[Http2End] = field(default_factory=list)
    wake: Callable[[], None] = nothing
    now: float = 0.0
    pinged: int = 0
    ponged: int = 0

    def ping(self) -> None:
        """Ask the peer whether it is there."""
        self.pinged += 1
        self.session.ping(self.pinged)
        self.wake()

    def ask(self) -> int:
        """Have a PING under way, and only one; return its number."""
        if self.pinged <= self.ponged:
            self.ping()
        return self.pinged

    def settle(self, end: Http2End) -> None:
        """Drop an end whose stream is no more."""
        if end.stream_id not in self.session:
            end.over = True
            self.ends.pop(end.stream_id, None)
            self.lingering.pop(end.stream_id, None)
        elif end.finished and end.they_finished:
            self.linger(end)

    def linger(self, end: Http2End) -> None:
        """Give what waits on the end `LINGER` seconds, from now on."""
        self.lingering.pop(end.stream_id, None)
        self.lingering[end.stream_id] = self.now + LINGER

    def hurry(self, end: Http2End) -> None:
        """Throw away at once what waits on an end, if it lingers."""
        if self.lingering.pop(end.stream_id, None) is not None:
            self.lingering = {end.stream_id: self.now, **self.lingering}

    def settled(self, told: list[TunnelEvent]) -> list[TunnelEvent]:
        """
        Drop the ends that are over, once all that happened has been translated.

        Not before: the session is ahead of its events.  A stream that has left
        in two pieces, or was finished and then reset, is gone from it already
        when the first of the two is read.
        """
        for end in self.touched:
            self.settle(end)
        self.touched.clear()
        return told

    def reset(self, end: Http2End, code: int) -> None:
        """Reset the stream of an end; what waits after a FIN may linger."""
        self.session.reset(end.stream_id, code)
        if end.stream_id in self.session:
            self.linger(end)
        self.settle(end)

    def data(self, event: events.DataReceived, told: list[TunnelEvent]) -> None:
        """Pass on what a stream carries."""
        end = self.ends.get(event.stream_id)
        if end is None or end.over:
            self.session.grant(event.stream_id, len(event.data))
        else:
            told.append(Data(end, event.data))

    def common(self, event: events.Event, told: list[TunnelEvent]) -> None:
        """Act on what means the same on both sides."""
        match event:
            case events.StreamFinished(stream_id):
                self._finished(stream_id, told)
            case events.StreamReset(stream_id, code):
                self.failed(stream_id, reset_meaning(code), told)
            case events.Pong(number):
                self.ponged = max(self.ponged, number)

    def release(self, limit: int) -> list[TunnelEvent]:
        """Write about *limit* bytes of what has waited and may go now."""
        told: list[TunnelEvent] = []
        for event in self.session.release(limit):
            assert type(event) is events.Drained
            end = self.ends.get(event.stream_id)
            if end is not None:
                told.append(Drained(end, event.count))
                self.touched.append(end)
                if end.stream_id in self.lingering:
                    self.linger(end)
        return self.settled(told)

    def _finished(self, stream_id: int, told: list[TunnelEvent]) -> None:
        """Pass on END_STREAM."""
        end = self.ends.get(stream_id)
        if end is None:
            return
        end.they_finished = True
        if not end.over:
            told.append(Finished(end))
        self.touched.append(end)

    def failed(self, stream_id: int, why: Failure, told: list[TunnelEvent]) -> None:
        """Report the end of a stream, also of one that lingered."""
        end = self.ends.pop(stream_id, None)
        if end is None:
            return
        end.over = True
        self.lingering.pop(stream_id, None)
        told.append(Failed(end, Failure(why.reason, self.hop + why.message)))

    def give_up(self, stream_id: int, why: Failure, told: list[TunnelEvent]) -> None:
        """Reset a stream at once, whatever waits on it, and report its end."""
        # Asked once, it would first deliver what was sent before the FIN.
        for _ in range(2):
            self.session.reset(stream_id, reset_code(why))
        self.failed(stream_id, why, told)

    def all_failed(self, why: Failure, told: list[TunnelEvent]) -> None:
        """Report the end of every stream: the connection is gone."""
        for stream_id in list(self.ends):
            self.failed(stream_id, why, told)

    def deadline(self) -> float:
        """Return when the oldest stream has lingered long enough."""
        for due in self.lingering.values():
            return due
        return _NEVER

    def tick(self, now: float, told: list[TunnelEvent]) -> None:
        """Throw away what has lingered too long."""
        self.now = now
        # The soonest is first: each that lingers anew goes to the end.
        late = takewhile(lambda item: item[1] <= now, self.lingering.items())
        for stream_id, _ in list(late):
            self.give_up(stream_id, _LINGERED, told)


_LINGERED = Failure(
    Reason.GAVE_UP, f"what was sent could not be delivered within {LINGER:.0f} s"
)
