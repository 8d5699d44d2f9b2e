"""
A post that is always filled: one worker, and the next one when it dies.

Who has served for `SETTLED` seconds is replaced at once.  Who dies sooner will
do so again, as a rule: the next one waits for a second, then two, and so on up
to `LONGEST_WAIT`, and the other workers serve meanwhile.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import (
    IDelayedCall,
    IProcessTransport,
    IReactorTime,
)
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger, globalLogPublisher
from twisted.python.failure import Failure

from . import orders

_log = Logger()

#: Seconds after which a worker has proved that it can live.
SETTLED = 10.0

#: Seconds that the first and any further replacement waits, if it had not.
FIRST_WAIT = 1.0
LONGEST_WAIT = 30.0

#: Seconds for a worker to end in order.
STOPPING = 10.0

Spawn = Callable[[ProcessProtocol, int], IProcessTransport]


class Post:
    """
    One worker of several.

    :ivar number: which, from 1.
    """

    def __init__(
        self,
        number: int,
        spawn: Spawn,
        clock: IReactorTime,
        absent: Callable[[int], object],
    ) -> None:
        """
        Prepare to fill it.

        :param spawn: starts a process, given what it is to talk to and its number.
        :param absent: is told the number when there is no worker any more.
        """
        self.number = number
        self._spawn = spawn
        self._clock = clock
        self._absent = absent
        self._worker: Worker | None = None
        self._since = 0.0
        self._serving = False
        self._wait = FIRST_WAIT
        self._timer: IDelayedCall | None = None
        self._stopped: Deferred[None] | None = None

    def fill(self) -> None:
        """Start a worker."""
        self._timer = None
        self._since = self._clock.seconds()
        self._serving = False
        worker = Worker(self)
        try:
            self._spawn(worker, self.number)
        except OSError as error:
            self.ended(f"cannot be started ({error.strerror})")
        else:
            self._worker = worker

    def serves(self, pid: int) -> None:
        """Hear that the worker accepts connections."""
        self._serving = True
        _log.info("worker {number} (pid {pid}) serves", number=self.number, pid=pid)

    def ended(self, how: str) -> None:
        """
        Hear that the worker has ended, and have another one take its place.

        :param how: in words.
        """
        self._worker = None
        self._absent(self.number)
        if self._stopped is not None:
            self._over()
            return
        lived = self._clock.seconds() - self._since
        wait = 0.0 if lived >= SETTLED else self._wait
        self._wait = FIRST_WAIT if lived >= SETTLED else min(2 * wait, LONGEST_WAIT)
        _log.error(
            "worker {number} {how} after {lived:.1f} s; the next one starts {when}",
            number=self.number,
            how=how,
            lived=lived,
            when=f"in {wait:g} s" if wait else "at once",
        )
        self._timer = self._clock.callLater(wait, self.fill)

    def stop(self) -> Deferred[None]:
        """
        Let the worker end in order, within `STOPPING` seconds.

        :returns: a Deferred that fires when there is none any more.
        """
        stopped = self._stopped = Deferred()
        if self._worker is None:
            self._over()
        else:
            self._timer = self._clock.callLater(STOPPING, self._late)
            if self._serving:
                self._worker.order(orders.STOP)
            else:  # it has nothing to end in order
                self.kill()
        return stopped

    def kill(self) -> None:
        """End the worker now."""
        if self._worker is not None:
            self._worker.kill()

    def _late(self) -> None:
        """Lose patience."""
        self._timer = None
        words = "worker {number} does not end within {seconds:g} s; it is killed"
        _log.warn(words, number=self.number, seconds=STOPPING)
        self.kill()

    def _over(self) -> None:
        """Be empty for good."""
        self._cancel()
        stopped = self._stopped
        assert stopped is not None
        if not stopped.called:
            stopped.callback(None)

    def _cancel(self) -> None:
        """Wait for nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Worker(ProcessProtocol):
    """Talks to one process."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._lines: dict[int, orders.Lines] = {}
        self._pid = 0

    @property
    def _process(self) -> IProcessTransport:
        """Return the process."""
        process: Any = self.transport
        return process  # type: ignore[no-any-return]

    def connectionMade(self) -> None:
        """Remember who it is: when it has ended, nobody knows."""
        self._pid = self._process.pid

    def order(self, word: str) -> None:
        """Tell it what to do, if it still listens."""
        with contextlib.suppress(KeyError):  # it has closed that pipe
            self._process.writeToChild(orders.ORDERS, f"{word}\n".encode())

    def kill(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessExitedAlready):
            self._process.signalProcess("KILL")

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Read what it says."""
        lines = self._lines.setdefault(childFD, orders.Lines())
        for word, more in lines.feed(data):
            self._said(childFD, word, more)

    def _said(self, number: int, word: str, more: str) -> None:
        """Understand a report; show everything else as it is."""
        if number == orders.REPORTS and word == orders.SERVING:
            self._post.serves(self._pid)
            return
        if number == orders.REPORTS and word == orders.LOG:
            try:
                globalLogPublisher(orders.read_event(more, self._post.number))
                return
            except ValueError:
                pass  # cut off by its death
        words = f"{word} {more}".rstrip()
        _log.warn("worker {number}: {words}", number=self._post.number, words=words)

    def processEnded(self, reason: Failure) -> None:
        """Say how."""
        for number, lines in self._lines.items():
            for word, more in lines.last():
                self._said(number, word, more)
        self._post.ended(f"(pid {self._pid}) {_how(reason)}")


def _how(reason: Failure) -> str:
    """Say how a process has ended."""
    number = getattr(reason.value, "signal", None)
    if number is None:
        return f"ended with status {getattr(reason.value, 'exitCode', 0) or 0}"
    try:
        name = signal.Signals(number).name
    except ValueError:  # a real-time signal
        name = f"signal {number}"
    return f"was ended by {name}"
