"""
The one place where a dialect meets a transport.

The shell owns no protocol knowledge.  Whatever the reactor tells it, it does
three things, always in this order: feed the dialect, let the switchboard act
on what happened, write what is to be said.  Since acting on one connection's
events gives others something to say, the third is put off to the end of the
turn and then done for all of them: one write for each connection that has
anything, however many frames it is.

Back-pressure, both ways:

* the transport pauses us when it is congested; the dialect then holds DATA
  back, and releases it in small helpings when the transport resumes;
* the dialect says whether it may be read from; we pause the transport.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol as Shape

from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IHalfCloseableProtocol,
    IPushProducer,
    ITransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ..dialect.connection import Dialect, half_closes
from ..dialect.tunnel import TunnelEvent, nothing
from .sockets import Closing, can_half_close, widen, write
from .turn import Turn

#: Bytes released at a time to a transport that has just resumed: enough to be
#: worth a write, few enough that it can say stop.
HELPING = 256 * 1024

#: Seconds by which a dialect's deadline may be missed: to ask for it after every
#: read took a tenth of the time of an echo.
GRAIN = 0.1


class Board(Shape):
    """Who acts on what happened on a connection: the switchboard, mostly."""

    def act(self, told: list[TunnelEvent]) -> list[str]:
        """
        Act on what happened.

        :returns: what a log should have about the connection itself.
        """


@implementer(IPushProducer, IHalfCloseableProtocol)
class Shell(Protocol):
    """
    Carry one dialect over one transport.

    :ivar awake: whether we are about to be flushed; `Turn` keeps it.
    :ivar lingers: whether the peer must read our last words, however much it
        still has to say.
    :ivar on_note: given what a log should have about this connection.
    :ivar on_flush: called when all is written that was to be.
    :ivar on_lost: called when the connection is gone and all has been told.
    """

    def __init__(self, dialect: Dialect, board: Board, turn: Turn) -> None:
        self._dialect = dialect
        self._board = board
        self._turn = turn
        self._seconds = turn.seconds
        self._paused = False
        self._reading = True
        self._timer: IDelayedCall | None = None
        self._due = float("inf")
        self._asked = float("-inf")
        self._lost = False
        self._closing = Closing(turn.clock)
        #: The dialect, if its bytes are TCP's own.
        self._raw = dialect if half_closes(dialect) else None
        self._fin_sent = False
        self._peer_finished = False
        self.awake = False
        self.lingers = False
        self.on_note: Callable[[str], None] = _ignore
        self.on_flush: Callable[[], None] = nothing
        self.on_lost: Callable[[Failure], None] = _ignore
        dialect.on_wake(self._wake)

    def _wake(self) -> None:
        """Be flushed at the end of the turn."""
        if not self.awake:
            self._turn.wake(self)

    def connectionMade(self) -> None:
        """Register for back-pressure, then greet."""
        widen(self.transport)
        IConsumer(self.transport).registerProducer(self, True)
        self._turn.pulses.watch(self)
        with self._turn:
            self._wake()

    def dataReceived(self, data: bytes) -> None:
        """Feed, act, write."""
        if self._closing.begun:  # TLS goes on reading until the peer closes, too
            return
        with self._turn:
            self._act(self._dialect.feed(data, self._seconds()))
            self._wake()

    def _act(self, told: list[TunnelEvent]) -> None:
        """Let the board act."""
        for note in self._board.act(told):
            self.on_note(note)

    def flush(self) -> None:
        """Write what there is, and see what has changed."""
        if self._lost or self._closing.begun or self.transport is None:
            return
        dialect = self._dialect
        self._write(self.transport)
        while dialect.has_waiting and not self._paused:
            told = dialect.release(HELPING)
            self._act(told)
            if not self._write(self.transport) and not told:
                break
        if dialect.ending:
            self.close()
            return
        if self._raw is not None and self._raw.finished:
            self._send_fin()
        if dialect.reading is not self._reading:
            self._toggle_reading()
        self._mind_time()
        self.on_flush()

    def _write(self, transport: ITransport) -> bool:
        """Write what the dialect has ready; say whether that was anything."""
        data = self._dialect.outgoing()
        if data:
            write(transport, data)
        return bool(data)

    def _toggle_reading(self) -> None:
        """Stop reading from a peer that is owed too much, or go on."""
        self._reading = not self._reading
        producer = IPushProducer(self.transport)
        if self._reading:
            producer.resumeProducing()
        else:
            producer.pauseProducing()

    def _mind_time(self) -> None:
        """Come back when the dialect has something to do."""
        now = self._seconds()
        due = self._asked + GRAIN
        if now >= due:
            self._asked = now
            due = self._dialect.deadline()
        if due < self._due:
            self._stop_timer()
            self._due = due
            delay = max(0.0, due - now)
            self._timer = self._turn.clock.callLater(delay, self._tick)

    def _stop_timer(self) -> None:
        """Forget the timer."""
        self._due = float("inf")
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _tick(self) -> None:
        """Let the dialect do what the time demands."""
        self._due = float("inf")
        self._asked = float("-inf")
        now = self._seconds()
        if now < self._dialect.deadline():
            self._mind_time()
            return
        with self._turn:
            self._act(self._dialect.tick(now))
            self._wake()

    def readConnectionLost(self) -> None:
        """Pass the peer's FIN on, or take it for the end of the connection."""
        self._peer_finished = True
        if self._closing.begun:
            assert self.transport is not None
            self.transport.loseConnection()
        elif self._raw is None:
            self.close()
        else:
            with self._turn:
                self._act(self._raw.eof(self._seconds()))
                self._wake()

    def writeConnectionLost(self) -> None:
        """Do nothing: it was us who closed it."""

    def _send_fin(self) -> None:
        """Half-close behind what has been written, once nothing waits."""
        if self._fin_sent or self._paused or self._dialect.has_waiting:
            return
        if not can_half_close(self.transport):
            self.close()
            return
        self._fin_sent = True
        # A transport with a producer asks for more instead of finishing.
        IConsumer(self.transport).unregisterProducer()
        self.transport.loseWriteConnection()  # type: ignore[union-attr]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell every tunnel, so that none waits for ever."""
        self._lost = True
        self._turn.pulses.forget(self)
        self._stop_timer()
        self._closing.over()
        try:
            with self._turn:
                self._act(self._dialect.lost())
        finally:
            self.on_lost(reason)

    def close(self) -> None:
        """Close the connection once what was written has gone."""
        if self.transport is None or self._lost or self._closing.begun:
            return
        self._stop_timer()
        if not self._fin_sent:
            IConsumer(self.transport).unregisterProducer()
        reads = self.lingers and not self._peer_finished
        self._closing.begin(self.transport, reads=reads)

    @property
    def closing(self) -> bool:
        """Return whether it is us who close the connection."""
        return self._closing.begun

    def abort(self) -> None:
        """Close the connection at once."""
        if self.transport is not None and not self._lost:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def pauseProducing(self) -> None:
        """Hold back: the transport is congested."""
        self._paused = True
        self._dialect.pause()

    def resumeProducing(self) -> None:
        """Go on: the transport has drained."""
        with self._turn:
            self._paused = False
            self._dialect.resume()
            self._wake()

    def stopProducing(self) -> None:
        """Do nothing: ``connectionLost`` follows."""


def _ignore(what: object) -> None:
    """Do nothing with *what*: what a callback is before somebody sets it."""
