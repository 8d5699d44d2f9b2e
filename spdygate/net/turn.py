"""
One turn of the reactor, and what is written at its end.

Whatever the reactor tells one connection gives others something to say.  Each
of them is written to once, when all that happened in the turn has been acted
on, however many frames that made.
"""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from .pulse import Pulses

_log = Logger()


class Flushed(Protocol):
    """
    Who has something to say at the end of a turn.

    :ivar awake: whether it is about to be flushed; `Turn` keeps it.
    """

    awake: bool

    def flush(self) -> None:
        """Write what there is."""

    def abort(self) -> None:
        """Close the connection at once."""


class Turn:
    """
    One turn of the reactor: what was said during it is written at its end.

    Use it as a context around everything the reactor calls.  A connection
    that is woken outside of any turn has one of its own, as soon as can be.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self.seconds = clock.seconds
        #: Looks after every connection that is written to in our turns.
        self.pulses = Pulses(clock)
        self._depth = 0
        self._awake: deque[Flushed] = deque()

    def wake(self, shell: Flushed) -> None:
        """Have *shell* flushed at the end of the turn."""
        if shell.awake:
            return
        shell.awake = True
        self._awake.append(shell)
        if not self._depth and len(self._awake) == 1:
            self.clock.callLater(0, self.flush)

    def flush(self) -> None:
        """
        Write what everyone has to say, whoever was woken first at first.

        That is mostly the one that something was received for, which others
        wait for; what is left to do for the one it came from can wait.
        """
        while self._awake:
            shell = self._awake.popleft()
            shell.awake = False
            try:
                shell.flush()
            except Exception:
                _log.failure("a connection could not be written to")
                shell.abort()

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if not self._depth:
            self.flush()
