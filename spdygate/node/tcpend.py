"""
The end of a tunnel that is an ordinary TCP connection to a port of a pod.

TCP has all that a tunnel needs, so this is mostly naming: FIN is
`loseWriteConnection`, a reset is `abortConnection`, and back-pressure is the
producer and consumer pair.  Four things want care:

* a transport that is paused does not notice the peer's reset, so we pause only
  while the other side owes us a grant for more than `READ_AHEAD` bytes;
* what a pod's socket does not take waits here, and the transport gets it one
  `HELPING` at a time, for which it asks as of a pull producer: a slow pod is
  then seen to move, where Twisted would tell only that all has gone;
* a transport with a producer never gets to its FIN: it asks for more instead
  (``FileDescriptor.doWrite``).  So we finish only when nothing waits, and are
  its producer no longer then;
* after FIN and failure what was written is still delivered, but a pod that
  reads no more must not keep it for ever: `LINGER`.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    IPullProducer,
    IPushProducer,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure as TwistedFailure
from zope.interface import implementer

from ..dialect.budget import LINGER
from ..dialect.tunnel import (
    Data,
    Drained,
    Failed,
    Failure,
    Finished,
    Reason,
    Receiver,
    TunnelEvent,
)
from ..net.sockets import Closing, narrow, widen, write_some
from ..net.turn import Turn
from ..session.events import Buffer

#: Bytes received from a pod that the other side may not have taken yet.
READ_AHEAD = 256 * 1024

#: Bytes that wait in the transport of a pod that is slow.
HELPING = 128 * 1024

#: Bytes up to which pieces that wait are joined: who sends single bytes must not
#: make us keep an object for each.
SMALL = 4 * 1024


@implementer(IHalfCloseableProtocol, IPullProducer)
class TcpEnd(Protocol):
    """
    One connection to a pod.

    :ivar over: whether nothing more is to be reported.
    """

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self.receiver: Receiver | None = None
        self.over = False
        self._owed = 0
        self._reading = True
        #: What the socket did not take, all but the helping, and both in bytes.
        self._queue: deque[bytes] = deque()
        self._helping = 0
        self._waiting = 0
        self._we_finished = False
        self._they_finished = False
        self._closing = Closing(turn.clock, LINGER)

    # -- what the reactor tells us ---------------------------------------------

    def connectionMade(self) -> None:
        """Prepare the socket."""
        widen(self.transport)
        narrow(self.transport)

    def dataReceived(self, data: bytes) -> None:
        """Pass bytes on, and stop reading when too many are under way."""
        if self.over:
            return
        self._owed += len(data)
        with self._turn:
            self._tell(Data(self, data))
        self._choose_reading()

    def readConnectionLost(self) -> None:
        """Pass the pod's FIN on."""
        self._they_finished = True
        if not self.over:
            with self._turn:
                self._tell(Finished(self))
        self._close_if_finished()

    def writeConnectionLost(self) -> None:
        """Do nothing: it was us who closed it."""

    def connectionLost(self, reason: TwistedFailure = connectionDone) -> None:
        """Report a connection that ended before both directions had."""
        self._closing.over()
        finished = self._we_finished and self._they_finished
        with self._turn:
            lost = self._waiting and not reason.check(ConnectionDone)
            if lost or not (self.over or finished):
                self._report_loss(reason)
            elif self._waiting:
                self._tell(Drained(self, self._waiting))
        self.over = True
        self._forget()

    def _forget(self) -> None:
        """Throw away what waits."""
        self._queue.clear()
        self._helping = self._waiting = 0

    def _report_loss(self, reason: TwistedFailure) -> None:
        """Say how the connection ended."""
        if reason.check(ConnectionDone):
            words = "the target closed the connection"
        else:
            words = f"the target reset the connection ({reason.getErrorMessage()})"
        self._tell(Failed(self, Failure(Reason.TARGET_RESET, words)))

    def resumeProducing(self) -> None:
        """Report that a helping has gone, and write another, if there is one."""
        count, self._helping = self._helping, 0
        self._waiting -= count
        if self._queue:
            helping = self._next_helping()
            self._helping = len(helping)
            assert self.transport is not None
            self.transport.write(helping)
        else:
            IConsumer(self.transport).unregisterProducer()
            if self._we_finished:
                self._send_fin()
        if count:
            with self._turn:
                self._tell(Drained(self, count))

    def _next_helping(self) -> bytes:
        """Take a helping of what waits."""
        helping: list[bytes] = []
        room = HELPING
        while self._queue and room:
            piece = self._queue.popleft()
            if len(piece) > room:
                self._queue.appendleft(piece[room:])
                piece = piece[:room]
            helping.append(piece)
            room -= len(piece)
        return b"".join(helping)

    def stopProducing(self) -> None:
        """Do nothing: ``connectionLost`` follows."""

    def _tell(self, event: TunnelEvent) -> None:
        """Tell whoever holds this end."""
        if self.receiver is not None:
            self.receiver.act(event)

    # -- what the relay asks of us ---------------------------------------------

    def accept(self) -> None:
        """Refuse: a pod asks for nothing."""
        raise NotImplementedError("a pod's end is never accepted")

    def send(self, data: Buffer) -> int:
        """Write to the pod; what its socket does not take at once waits."""
        if self.over or self._we_finished:
            return len(data)
        piece = bytes(data)
        took = 0 if self._waiting else self._write(piece)
        if took < len(piece):
            self._keep(piece[took:])
        return took

    def _keep(self, rest: bytes) -> None:
        """Have *rest* wait, joined with what waits before it if that is little."""
        first = not self._waiting
        self._waiting += len(rest)
        if self._queue and len(self._queue[-1]) < SMALL:
            self._queue[-1] += rest
        else:
            self._queue.append(rest)
        if first:  # which asks for the first helping at once
            IConsumer(self.transport).registerProducer(self, False)

    def _write(self, data: bytes) -> int:
        """Write what the socket takes at once; return how much that is."""
        assert self.transport is not None
        return write_some(self.transport, data)

    def finish(self) -> None:
        """Send FIN after what was written."""
        if self.over or self._we_finished:
            return
        self._we_finished = True
        if not self._waiting:
            self._send_fin()
        self._close_if_finished()

    def _send_fin(self) -> None:
        """Half-close behind what has been written."""
        self.transport.loseWriteConnection()  # type: ignore[union-attr]

    def fail(self, failure: Failure) -> None:
        """Reset the connection; after FIN, deliver what was written first."""
        if self.transport is None:
            return
        at_once = self.over or not self._we_finished
        # First of all: closing may lose the connection before it returns.
        self.over = True
        if at_once:
            self._forget()
            self.transport.abortConnection()  # type: ignore[attr-defined]
        else:
            self._close()

    def grant(self, count: int) -> None:
        """Note that *count* bytes have left on the other side."""
        self._owed -= count
        self._choose_reading()

    def _choose_reading(self) -> None:
        """Read while the other side keeps up."""
        reading = self._owed <= READ_AHEAD
        if reading is self._reading or self._they_finished:
            return
        self._reading = reading
        producer = IPushProducer(self.transport)
        if reading:
            producer.resumeProducing()
        else:
            producer.pauseProducing()

    def _close_if_finished(self) -> None:
        """Close a connection on which both sides have said all."""
        if self._we_finished and self._they_finished:
            self._close()

    def _close(self) -> None:
        """Close once what was written has gone, but do not wait for ever."""
        assert self.transport is not None
        self._closing.begin(self.transport)
