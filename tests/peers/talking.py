"""
Programs at both ends of a tunnel, in the test's own process.

What the local program and the pod do here is decided by the test while it goes
on: to read nothing, and to begin again; to send without end; to take a little at
a time.  Between them are real programs only.

A wait is for something that has happened to a connection, and has a bound.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, DeferredQueue, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IDelayedCall, IPullProducer, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

#: Bytes that are handed to the kernel at once.
BLOCK = 64 * 1024

#: Seconds without a byte after which a connection is taken to stand still, and
#: seconds between two looks at it.
STILL = 0.5
LOOK = 0.05

#: Seconds within which anything that a test waits for happens.
PATIENCE = 20


def endless() -> Iterator[bytes]:
    """Return blocks without end."""
    block = b"spdygate" * (BLOCK // 8)
    while True:
        yield block


def pieces(words: bytes) -> Iterator[bytes]:
    """Return *words* in blocks."""
    return (words[at : at + BLOCK] for at in range(0, len(words), BLOCK))


@implementer(IPullProducer)
class Talker(Protocol):
    """
    One end of a TCP connection.

    :ivar sent: bytes that were handed to the kernel, or soon will be.
    :ivar received: bytes that came.
    :ivar digest: their hash.
    :ivar over: why the connection has ended, once it has.
    """

    transport: Connection

    def __init__(self, sends: Iterable[bytes] = (), *, reads: bool = True) -> None:
        """
        Describe what is done as soon as there is a connection.

        :param sends: blocks to be sent, one when the last one has left.
        :param reads: whether anything is read.
        """
        self._sends = iter(sends)
        self._reads = reads
        self._waits: list[tuple[Callable[[], bool], Deferred[None]]] = []
        self._hash = hashlib.sha256()
        self.sent = 0
        self.received = 0
        self.over: Failure | None = None

    @property
    def digest(self) -> str:
        """Return the hash of what came."""
        return self._hash.hexdigest()

    def connectionMade(self) -> None:
        """Begin."""
        if not self._reads:
            self.transport.pauseProducing()
        self.transport.registerProducer(self, streaming=False)

    def send(self, words: bytes) -> None:
        """Send *words*, when all that was to be sent before has gone."""
        self._sends = pieces(words)
        self.transport.registerProducer(self, streaming=False)

    def resumeProducing(self) -> None:
        """Send the next block."""
        block = next(self._sends, None)
        if block is not None:
            self.sent += len(block)
            self.transport.write(block)
            return
        self.transport.unregisterProducer()

    def finish(self) -> None:
        """Send FIN, and go on reading."""
        self.transport.loseWriteConnection()

    def stopProducing(self) -> None:
        """Send no more: the connection is gone."""
        self._sends = iter(())

    def read_on(self) -> None:
        """Read again, or for the first time."""
        self.transport.resumeProducing()

    def dataReceived(self, data: bytes) -> None:
        """Count what comes."""
        self.received += len(data)
        self._hash.update(data)
        self._look()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Take the end: what has not happened by now never will."""
        self.over = reason
        self._look()
        waits, self._waits = self._waits, []
        for _, answer in waits:
            answer.errback(AssertionError("it is over"))

    def gone(self) -> Deferred[None]:
        """Go away, as a program does that is killed."""
        if self.over is None:
            self.transport.abortConnection()
        return self.ends()

    def until(self, happened: Callable[[], bool]) -> Deferred[None]:
        """Wait until something has happened here."""
        answer: Deferred[None] = Deferred()
        answer.addTimeout(PATIENCE, IReactorTime(reactor))
        answer.addErrback(self._explain)
        self._waits.append((happened, answer))
        self._look()
        return answer

    def ends(self) -> Deferred[None]:
        """Wait until the connection has ended."""
        return self.until(lambda: self.over is not None)

    def _look(self) -> None:
        """Wake whom it concerns."""
        for wait in [wait for wait in self._waits if wait[0]()]:
            self._waits.remove(wait)
            wait[1].callback(None)

    def _explain(self, why: Failure) -> Failure:
        """Say how far it had come."""
        words = f"sent {self.sent}, received {self.received}, over: {self.over}"
        return Failure(AssertionError(f"{why.getErrorMessage()}: {words}"))


class Slow(Talker):
    """
    A pod that takes one block at a time, with pauses, until it is told to hurry.

    :ivar pause: seconds between two blocks.
    """

    def __init__(self, pause: float) -> None:
        super().__init__()
        self._pause = pause
        self._next: IDelayedCall | None = None

    def dataReceived(self, data: bytes) -> None:
        """Take a block, and rest."""
        super().dataReceived(data)
        if self._pause:
            self.transport.pauseProducing()
            clock = IReactorTime(reactor)
            self._next = clock.callLater(self._pause, self.transport.resumeProducing)

    def hurry(self) -> None:
        """Take everything as it comes."""
        self._pause = 0.0

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Take the end."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        super().connectionLost(reason)


async def stands_still(talker: Talker) -> int:
    """Wait until no byte has moved for `STILL`; return how many had been sent."""
    clock = IReactorTime(reactor)
    before, since = -1, clock.seconds()
    until = since + PATIENCE
    while talker.over is None and clock.seconds() - since < STILL:
        now = talker.sent + talker.received
        assert clock.seconds() < until, f"it still moves: {now} bytes"
        if now != before:
            before, since = now, clock.seconds()
        turn: Deferred[None] = Deferred()
        clock.callLater(LOOK, turn.callback, None)
        await turn
    return talker.sent


AnyTalker = TypeVar("AnyTalker", bound=Talker)


class Door(Factory, Generic[AnyTalker]):
    """
    A port of a pod.

    :ivar port: its number.
    :ivar came: its connections, in order.
    """

    def __init__(self, makes: Callable[[], AnyTalker]) -> None:
        """Answer every connection with what *makes* returns."""
        self._makes = makes
        self._arrivals: DeferredQueue[AnyTalker] = DeferredQueue()
        self.port = 0
        self.came: list[AnyTalker] = []

    def buildProtocol(self, addr: object) -> AnyTalker:
        """Answer one."""
        talker = self._makes()
        self.came.append(talker)
        self._arrivals.put(talker)
        return talker

    def next(self) -> Deferred[AnyTalker]:
        """Wait for a connection; each is returned once."""
        return self._arrivals.get().addTimeout(PATIENCE, IReactorTime(reactor))


async def pod(case: TestCase, makes: Callable[[], AnyTalker]) -> Door[AnyTalker]:
    """Open a port of a pod, until the test is over."""
    door = Door(makes)
    endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    port = await endpoint.listen(door)
    address = port.getHost()
    assert isinstance(address, IPv4Address)
    door.port = address.port
    case.addCleanup(lambda: gatherResults([one.gone() for one in door.came]))
    case.addCleanup(port.stopListening)
    return door


async def connect(case: TestCase, address: str, talker: Talker) -> Talker:
    """Connect to ``HOST:PORT``, until the test is over."""
    host, number = address.rsplit(":", 1)
    endpoint = TCP4ClientEndpoint(reactor, host, int(number))
    await endpoint.connect(Factory.forProtocol(lambda: talker))
    case.addCleanup(talker.gone)
    return talker
