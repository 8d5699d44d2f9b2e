"""
Who has how many connections, where all that accept from one socket see it.

A kernel that wakes several processes for a connection does not ask which of them
has the most to do: on two busy processors three processes shared 40 sessions as
30, 10 and none.  A session of port-forward lasts for hours and may carry
gigabytes, so that would not even out by itself.

So each process keeps its number of connections in memory that all of them have
(a `Tally`), and one that has clearly more than the one with the least waits
`WAIT` seconds before it takes another: the others are faster then.  If none of
them is, they have no time, and it takes it after all.  Nothing depends on the
numbers being right: a process that is gone is not waited for, and one that is
stuck costs the others that time for each connection and no more.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from typing import Any

#: Seconds to leave a connection to others; to make a session takes about as long.
WAIT = 0.002

#: Seconds between two looks at which connections are over.
LOOK = 0.1

#: Bytes of a number.
_SIZE = 8

#: The number of who is not there: more than anybody has.
ABSENT = 1 << 62


class Tally:
    """
    The numbers, one for each process; each writes its own.

    :ivar number: the descriptor of the memory, to be inherited.
    """

    def __init__(self, number: int, places: int) -> None:
        """
        Look at memory that is there.

        :param places: how many numbers there are in it.
        """
        self.number = number
        self._memory = mmap.mmap(number, places * _SIZE)
        self._places = memoryview(self._memory).cast("q")

    @classmethod
    def make(cls, places: int) -> Tally:
        """Make the memory; nobody is there yet."""
        if hasattr(os, "memfd_create"):
            number = os.memfd_create("spdygate")
        else:
            with tempfile.TemporaryFile() as file:
                number = os.dup(file.fileno())
        os.truncate(number, places * _SIZE)
        tally = cls(number, places)
        for place in range(places):
            tally[place] = ABSENT
        return tally

    def __setitem__(self, place: int, value: int) -> None:
        """Write a number; it is never seen half written."""
        self._places[place] = value

    def __getitem__(self, place: int) -> int:
        """Return a number."""
        return self._places[place]

    def least(self) -> int:
        """Return the smallest number of all."""
        return min(self._places)


class Share:
    """What one process has."""

    def __init__(self, tally: Tally, place: int, clock: Any) -> None:
        """
        Be there, with nothing.

        :param place: which of the numbers is ours, from 0.
        :param clock: tells the time, in seconds.
        """
        self._tally = tally
        self._place = place
        self._clock = clock
        self._looked = clock.seconds()
        self._open: list[Any] = []
        self._tell()

    def _tell(self) -> None:
        """Write our number down."""
        self._tally[self._place] = len(self._open)

    def took(self, transport: object) -> None:
        """Count a connection, until it is disconnected."""
        self._open.append(transport)
        self._tell()

    def is_more(self) -> bool:
        """Return whether we have clearly more than the one with the least."""
        now = self._clock.seconds()
        if now - self._looked >= LOOK:
            self._looked = now
            self._open = [each for each in self._open if _lives(each)]
            self._tell()
        least = self._tally.least()
        # Whoever has much anyway need not be exact: waiting has its price.
        return len(self._open) > least + 1 + least // 8


def _lives(transport: Any) -> bool:
    """Return whether a connection has not ended."""
    return not getattr(transport, "disconnected", True)
