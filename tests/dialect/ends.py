"""
An end of a tunnel that does nothing but keep to the contract, and a record.

It is strict: it fails a test that has it granted more than it received, or
sent anything after it was finished.
"""

from __future__ import annotations

from spdygate.dialect.tunnel import (
    Data,
    Drained,
    Failed,
    Failure,
    Finished,
    Opened,
    Reason,
    Receiver,
    Request,
    TunnelEvent,
)
from spdygate.session.events import Buffer
from spdygate.wire.urls import Target

TARGET = Target(node="n1", namespace="shop", pod="web-0", uid=None)


def request(port: int = 8080) -> Request:
    """Return what a client asks for."""
    return Request(TARGET, port, "s1-3")


class RecordingEnd:
    """
    One end, in memory.

    :ivar holds: whether what is sent waits here until `let_go`.
    :ivar sent: all that was sent, `left` bytes of which have left.
    :ivar received: bytes that were told of, `granted` of which were granted.
    """

    def __init__(self, *, holds: bool = False) -> None:
        self.receiver: Receiver | None = None
        self.holds = holds
        self.sent = b""
        self.left = 0
        self.waiting = 0
        self.received = 0
        self.granted = 0
        self.accepted = 0
        self.finished = False
        self.told_finished = False
        self.failures: list[Failure] = []
        self.over = False

    def accept(self) -> None:
        """Count how often it is accepted."""
        if not self.over:
            self.accepted += 1

    def send(self, data: Buffer) -> int:
        """Take *data*, and keep it if told to."""
        if self.over:
            return len(data)
        assert not self.finished, "sent after finish"
        assert data, "sent nothing"
        self.sent += bytes(data)
        if self.holds:
            self.waiting += len(data)
            return 0
        assert not self.waiting, "what waits must go first"
        self.left += len(data)
        return len(data)

    def finish(self) -> None:
        """Note the FIN."""
        if not self.over:
            assert not self.finished, "finished twice"
            self.finished = True

    def fail(self, failure: Failure) -> None:
        """Note the failure; throw away what waits unless the FIN was before."""
        if self.over or not self.finished:
            self.waiting = 0
        if not self.over:
            self.failures.append(failure)
        self.over = True

    def grant(self, count: int) -> None:
        """Count credit, which is never more than what came."""
        assert count > 0, "granted nothing"
        self.granted += count
        assert self.granted <= self.received, "granted too much"

    # -- what happens at this end ------------------------------------------------

    def tell(self, event: TunnelEvent) -> None:
        """Tell whoever holds this end."""
        if self.receiver is not None:
            self.receiver.act(event)

    def comes(self, data: bytes) -> None:
        """Let bytes come, as long as they may."""
        if not (self.over or self.told_finished):
            self.received += len(data)
            self.tell(Data(self, data))

    def opens(self) -> None:
        """Report that the target is connected."""
        if not self.over:
            self.tell(Opened(self))

    def ends(self) -> None:
        """Let the other side finish."""
        if not (self.over or self.told_finished):
            self.told_finished = True
            self.tell(Finished(self))

    def breaks(self, reason: Reason = Reason.TARGET_RESET) -> None:
        """Let it fail, with all that waits; an end that is over says it if any does."""
        if not self.over or self.waiting:
            self.waiting = 0
            self.over = True
            self.tell(Failed(self, Failure(reason, "it broke")))

    def let_go(self, count: int = 1 << 40) -> None:
        """Let what waits leave, or *count* bytes of it."""
        count = min(count, self.waiting)
        if count:
            self.waiting -= count
            self.left += count
            self.tell(Drained(self, count))
        if not self.waiting:
            self.holds = False
