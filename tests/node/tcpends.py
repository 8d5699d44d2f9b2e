"""The end of a tunnel that is a TCP connection, on a transport in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure as TwistedFailure

from spdygate.dialect.tunnel import (
    Data,
    Failure,
    TunnelEvent,
)
from spdygate.net.turn import Turn
from spdygate.node.tcpend import TcpEnd


class Record:
    """
    Whoever holds an end in a test.

    :ivar events: what it was told.
    :ivar count: bytes it was told of.
    """

    def __init__(self) -> None:
        self.events: list[TunnelEvent] = []
        self.count = 0

    def act(self, event: TunnelEvent) -> None:
        """Keep it, with bytes that are still there when it is looked at."""
        if isinstance(event, Data):
            event = Data(event.end, bytes(event.data))
            self.count += len(event.data)
        self.events.append(event)

    def refuse(self, failure: Failure) -> None:
        """Fail the test: no end gives its receiver up."""
        raise AssertionError(failure)

    def told(self) -> list[TunnelEvent]:
        """Return, and forget, what has happened."""
        events, self.events = self.events, []
        return events


class SocketLike(StringTransport):
    """
    A transport that does with a pull producer what Twisted's sockets do.

    What is written waits while it is `held`; FIN and close wait behind that,
    and for ever while there is a producer.
    """

    def __init__(self, end: TcpEnd) -> None:
        super().__init__()
        self.end = end
        self.held = False
        self.waiting = b""
        self.fin = False
        self.fin_wanted = False
        self.lost = False

    def write(self, data: bytes) -> None:
        """Write, or keep it."""
        if self.held:
            self.waiting += data
        else:
            super().write(data)

    def take(self, data: bytes) -> int:
        """Write what a socket would take at once."""
        if self.held or self.waiting or self.lost:
            return 0
        super().write(data)
        return len(data)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Ask for something at once."""
        super().registerProducer(producer, streaming)
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """Ask no longer; as of a socket, this may be said twice."""
        self.producer = None

    def loseWriteConnection(self) -> None:
        """Half-close, once nothing waits."""
        self.fin_wanted = True
        self._go_on()

    def loseConnection(self) -> None:
        """Close, once nothing waits."""
        super().loseConnection()
        self._go_on()

    def abortConnection(self) -> None:
        """Close at once."""
        self.waiting = b""
        self.lose(ConnectionAborted())

    def let_go(self) -> None:
        """Write what waits, and then ask the producer, or close."""
        self.held = False
        waiting, self.waiting = self.waiting, b""
        if self.lost or not waiting:
            return
        super().write(waiting)
        while self.producer is not None and not self.lost:
            self.end.resumeProducing()
        self._go_on()

    def _go_on(self) -> None:
        """Do what was to be done behind the bytes, as ``doWrite`` does."""
        if self.waiting or self.lost or self.producer is not None:
            return
        self.fin = self.fin or self.fin_wanted or self.disconnecting
        if self.disconnecting:
            self.lose(ConnectionDone())

    def lose(self, why: Exception) -> None:
        """Be lost, once."""
        if not self.lost:
            self.lost = True
            self.end.connectionLost(TwistedFailure(why))


class MemoryEnd(TcpEnd):
    """An end whose transport is not one that `write_some` knows."""

    def _write(self, data: bytes) -> int:
        """Write what the transport takes at once."""
        assert isinstance(self.transport, SocketLike)
        return self.transport.take(data)


class MemoryBench:
    """One end on a transport in memory (see `tests.dialect.contract.Bench`)."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.end = MemoryEnd(Turn(self.clock))
        self.record = self.end.receiver = Record()
        self.transport = SocketLike(self.end)
        self.end.makeConnection(self.transport)
        self.told = self.record.told

    @property
    def arrived(self) -> bytes:
        """Return what got through."""
        value: bytes = self.transport.value()
        return value

    @property
    def fin(self) -> bool:
        """Return whether the FIN got through."""
        return self.transport.fin

    @property
    def dead(self) -> bool:
        """Return whether the connection is gone."""
        return self.transport.lost

    def hold(self) -> None:
        """Let the pod read no more."""
        self.transport.held = True

    def let_go(self) -> None:
        """Let it read on."""
        self.transport.let_go()

    def peer_sends(self, data: bytes) -> None:
        """Let bytes come, if there is a connection."""
        if not self.transport.lost:
            self.end.dataReceived(data)

    def peer_finishes(self) -> None:
        """Let a FIN come."""
        if not self.transport.lost:
            self.end.readConnectionLost()

    def peer_breaks(self) -> None:
        """Let a RST come."""
        self.transport.lose(ConnectionLost())
