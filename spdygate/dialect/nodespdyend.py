"""
The end of a tunnel that faces a kubelet, and what all ends of a session share.

A tunnel is two streams (docs/protocol.rst, 2.5): bytes pass on one, and on the
other the node says in words what went wrong, or ends it to say that nothing
did.  Three things about real nodes make an end more than a stream:

* *The verdict comes last.*  A port that refused looks like one that said
  nothing: FIN on data, and only then the text.  So the pod's FIN is told when
  the error stream has ended, or `VERDICT` seconds later.
* *There is no half-close.*  A second after our FIN a node closes all (2.6).  So
  our FIN waits until the pod has finished, or was silent for ``--hold-fin``.
* *Nobody reads behind the end.*  Once a node has ended both streams, DATA that
  comes all the same blocks a fifth of its connection for good (3.4).  So
  nothing is sent from then on, and what had not gone is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import RstStatus
from ..session.events import Buffer
from ..session.spdy import SpdySession
from .budget import LINGER, Held
from .countdown import Countdown
from .doubts import Doubts
from .errortext import understand_error, understand_reset
from .tunnel import Failed, Failure, Finished, Reason, Receiver, TunnelEvent, nothing

#: Seconds in which a node must take a stream, below the 20 s that an opening may
#: last in all (docs/protocol.rst, 8.1): one that does not may have lost a worker.
ANSWER = 15.0

#: Seconds for the error stream to end after the pod's FIN, or a text's first byte.
VERDICT = 1.0

#: Bytes of an error stream that are read; the longest texts have a few hundred.
LONGEST_TEXT = 4096

_CLOSED = Failure(Reason.TARGET_RESET, "it closed the connection, and reads no more")
_LINGERED = Failure(Reason.GAVE_UP, f"it took nothing of the rest in {LINGER:.0f} s")


@dataclass(slots=True)
class NodeLine:
    """
    What the ends on one connection to a node share.

    :ivar hop: how every failure here begins: who is at the other side.
    :ivar ends: by the number of the data stream, until nothing waits on it.
    :ivar errors: the same ends by the number of the error stream.
    :ivar openings: ends whose node has not taken the data stream.
    :ivar holds: FINs of ours that are held back; of 0 seconds, none is.
    :ivar verdicts: ends whose node has finished, or begun to say why not.
    :ivar lingers: ends that are over, with something waiting.
    :ivar deaf: ends that were sent something when their node reads no more.
    :ivar touched: ends whose streams may be over, for `settled`.
    :ivar used: whether there was a tunnel since somebody last looked.
    :ivar doubts: of the node, since a tunnel was given up that it may be stuck in.
    """

    session: SpdySession
    hop: str
    held: Held
    holds: Countdown
    now: float
    doubts: Doubts
    ends: dict[int, NodeSpdyEnd] = field(default_factory=dict)
    errors: dict[int, NodeSpdyEnd] = field(default_factory=dict)
    openings: Countdown = field(default_factory=lambda: Countdown(ANSWER))
    verdicts: Countdown = field(default_factory=lambda: Countdown(VERDICT))
    lingers: Countdown = field(default_factory=lambda: Countdown(LINGER))
    deaf: Countdown = field(default_factory=lambda: Countdown(0.0))
    touched: list[NodeSpdyEnd] = field(default_factory=list)
    wake: Callable[[], None] = nothing
    used: bool = False

    @property
    def countdowns(self) -> tuple[Countdown, ...]:
        """Return all that are counted down."""
        return self.openings, self.holds, self.verdicts, self.lingers, self.deaf

    def settle(self, end: NodeSpdyEnd) -> None:
        """Drop an end that is over, once nothing waits on it."""
        if end.finished and end.told_finished:
            end.over = True
        if not end.over:
            return
        self.session.reset(end.error_id, RstStatus.CANCEL)
        if end.data_id not in self.session:
            self._forget(end)
        elif not self.session.waiting(end.data_id):
            self.session.reset(end.data_id, RstStatus.CANCEL)
            self._forget(end)
        elif end.data_id not in self.lingers:
            for countdown in self.countdowns:
                countdown.stop(end.data_id)
            self.lingers.begin(end.data_id)

    def settled(self, told: list[TunnelEvent]) -> list[TunnelEvent]:
        """Settle whoever was touched, once all that happened is translated."""
        for end in self.touched:
            self.settle(end)
        self.touched.clear()
        return told

    def _forget(self, end: NodeSpdyEnd) -> None:
        """Keep nothing of an end; what it received may still be granted."""
        self.ends.pop(end.data_id, None)
        self.errors.pop(end.error_id, None)
        for countdown in self.countdowns:
            countdown.stop(end.data_id)
        self.used = True

    def tick(self, now: float, told: list[TunnelEvent]) -> None:
        """Do what *now* demands of the ends."""
        self.now = now
        for stream_id in self.holds.expired(now):
            self.ends[stream_id].send_fin()
            self.wake()
        for stream_id in self.verdicts.expired(now):
            self.ends[stream_id].judge(told)
        for stream_id in self.deaf.expired(now):
            self.failed(self.ends[stream_id], _CLOSED, told, named=False)
        for stream_id in self.lingers.expired(now):
            self.failed(self.ends[stream_id], _LINGERED, told, named=False)
            self.doubts.rise()
        self.settled(told)

    def failed(
        self, end: NodeSpdyEnd, why: Failure, told: list[TunnelEvent], *, named: bool
    ) -> None:
        """
        Report the end of a tunnel, also of one that lingers, and throw away the rest.

        :param named: whether the message says already who is at the other side.
        """
        end.over = True
        if not self.session.broken:  # nothing follows its GOAWAY
            # Asked once, it would first deliver what was sent before the FIN.
            for stream_id in (end.data_id, end.data_id, end.error_id):
                self.session.reset(stream_id, RstStatus.CANCEL)
        self._forget(end)
        message = why.message if named else self.hop + why.message
        told.append(Failed(end, Failure(why.reason, message)))


@dataclass(slots=True, eq=False, repr=False)
class NodeSpdyEnd:
    """
    One tunnel, as the node sees it.

    :ivar error_id: the number of the error stream, `data_id` of the other.
    :ivar held: bytes received that the other side has not drained.
    :ivar granted: bytes that it has, ever.
    :ivar answered: whether the node has taken the data stream.
    :ivar heard: whether it has taken the error stream.
    :ivar sent: whether the client has sent anything.
    :ivar finished: whether it will send no more, whatever of that was said.
    :ivar they_finished: whether the pod has sent all it will.
    :ivar told_finished: whether that was told.
    :ivar acquitted: whether the node has ended the error stream.
    :ivar text: what it wrote there.
    :ivar over: whether nothing more is to be reported.
    """

    _line: NodeLine
    error_id: int
    data_id: int
    receiver: Receiver | None = None
    held: int = 0
    granted: int = 0
    answered: bool = False
    heard: bool = False
    sent: bool = False
    finished: bool = False
    they_finished: bool = False
    told_finished: bool = False
    acquitted: bool = False
    text: bytearray = field(default_factory=bytearray)
    over: bool = False

    def accept(self) -> None:
        """Say that the target is connected; only a client's end is told so."""
        raise NotImplementedError

    def send(self, data: Buffer) -> int:
        """Send DATA, as long as the node reads."""
        line = self._line
        if self.over:
            return len(data)
        line.wake()
        if self.told_finished and self.acquitted:
            line.deaf.begin(self.data_id)
            return len(data)
        self.sent = True
        return line.session.send(self.data_id, data)

    def finish(self) -> None:
        """Send FIN after what was sent, or hold it back."""
        line = self._line
        if self.over or self.finished:
            return
        self.finished = True
        if line.holds.seconds and self.sent and not self.they_finished:
            line.holds.begin(self.data_id)
        else:
            self.send_fin()
        line.settle(self)
        line.wake()

    def send_fin(self) -> None:
        """Send the FIN that was asked for."""
        self._line.holds.stop(self.data_id)
        self._line.session.finish(self.data_id)

    def fail(self, failure: Failure) -> None:
        """Give both streams up; a SPDY node is not told why."""
        line = self._line
        if self.finished and not self.over:
            # A FIN that was held is behind what was sent before, like any other.
            self.send_fin()
        stuck, self.over = self.sent and not self.over, True
        line.session.reset(self.data_id, RstStatus.CANCEL)
        line.settle(self)
        if stuck:
            line.doubts.rise()
        line.wake()

    def grant(self, count: int) -> None:
        """Count *count* bytes as drained."""
        line = self._line
        self.granted += count
        self.held = line.held.give(self.held, count)
        if line.session.grant(self.data_id, count):
            line.wake()

    def they_finish(self, told: list[TunnelEvent]) -> None:
        """Take the pod's FIN; whether it is told depends on the error stream."""
        line = self._line
        self.they_finished = True
        if self.finished:
            self.send_fin()
        if self.acquitted:
            self.believe(told)
        elif self.data_id not in line.verdicts:
            line.verdicts.begin_at(self.data_id, line.now)

    def write(self, data: Buffer) -> None:
        """Keep what the node has to say, as much of it as is worth reading."""
        line = self._line
        if not self.text:
            line.verdicts.begin_at(self.data_id, line.now)
        self.text += data[: LONGEST_TEXT - len(self.text)]

    def acquit(self, told: list[TunnelEvent]) -> None:
        """Take the end of the error stream, whichever way it ends."""
        self.acquitted = True
        self._line.verdicts.stop(self.data_id)
        self.judge(told)

    def judge(self, told: list[TunnelEvent]) -> None:
        """Report what there is to report, now that all has been said."""
        if self.text:
            self.convict(told)
        elif self.they_finished:
            self.believe(told)

    def convict(self, told: list[TunnelEvent]) -> None:
        """Report what the text says."""
        why = understand_error(self.text.decode("utf-8", "replace"), self._line.hop)
        self._line.failed(self, why, told, named=True)

    def believe(self, told: list[TunnelEvent]) -> None:
        """Report the pod's FIN; and, if the node reads no more, what that costs."""
        line = self._line
        line.touched.append(self)
        if not self.told_finished:
            self.told_finished = True
            told.append(Finished(self))
        if self.acquitted and line.session.waiting(self.data_id):
            line.failed(self, _CLOSED, told, named=False)
        elif self.acquitted and not self.finished:
            line.session.reset(self.data_id, RstStatus.CANCEL)

    def they_reset(self, code: int, told: list[TunnelEvent]) -> None:
        """Take a reset of the data stream."""
        if self.text and not self.over:
            self.convict(told)
        else:
            self.lose(understand_reset(code, answered=self.answered), told)

    def lose(self, why: Failure, told: list[TunnelEvent]) -> None:
        """Report a failure, and before it a FIN that came first."""
        if self.they_finished and not (self.told_finished or self.over):
            self.told_finished = True
            told.append(Finished(self))
        self._line.failed(self, why, told, named=False)
