"""
What to ask the workers of a Go peer, and what may be sent before they answer.

This is the sending half of `spdygate.session.pingwindow`, where the theory is.
"""

from __future__ import annotations

from .workerqueue import FULL, PLACES, WORKERS, WorkerQueue

#: Frames in a queue beyond which DATA for it waits.
WINDOW = 32

#: Frames sent to a queue after which it is asked; while another one stands
#: still every question costs one of its places, so they are fewer.
OFTEN = 16
SELDOM = WINDOW - 4

#: Frames in a queue that stands still beyond which no PING is added.
PINGS = 44

#: More frames than are ever sent at once: what may go when nothing is held back.
ANY = 1 << 30

#: The largest number of a stream, and so of a question.
_LAST = 2**31 - 2 * WORKERS - 2


class Questions:
    """
    The queues of a peer, and the questions that are put into them.

    :ivar due: whether there are questions to send behind what was counted.
    :ivar broken: why the peer is not what this is made for, or empty.
    """

    def __init__(self) -> None:
        self._queues = tuple(WorkerQueue() for _ in range(WORKERS))
        self._turn = 0
        #: The last question.
        self._number = 0
        self._often = OFTEN
        self._deaf = False
        #: Whether the others are trusted while one queue is full.
        self._blind = False
        #: Whether streams of ours are answered, as far as that is known.
        self._streams: bool | None = None
        #: Whether one was ever opened.
        self._opened = False
        self.due = False
        self.broken = ""

    @property
    def trusts(self) -> bool:
        """Return whether queues are trusted that have not answered."""
        return self._deaf or self._blind

    def room(self, stream_id: int) -> int:
        """Return how many frames of DATA the stream may send; less than 1 is none."""
        queue = self._queues[stream_id % WORKERS]
        if queue.stuck:
            return 0
        if self.trusts:
            return ANY
        return 0 if queue.lost else WINDOW - len(queue.marks)

    def largest(self, stream_id: int) -> int:
        """Return how many bytes of payload one frame of the stream may have."""
        return self._queues[stream_id % WORKERS].size

    def takes(self, stream_id: int) -> bool:
        """Say whether the stream may be sent what is not DATA."""
        queue = self._queues[stream_id % WORKERS]
        return not queue.stuck and (self.trusts or len(queue.marks) < FULL)

    def stuck(self, stream_id: int) -> bool:
        """Say whether the stream's worker stands still."""
        return self._queues[stream_id % WORKERS].stuck

    def surely_takes(self, stream_id: int) -> bool:
        """
        Say whether the stream's worker is known not to wait with anything.

        If it is not, there will be a `pong`.
        """
        queue = self._queues[stream_id % WORKERS]
        if self._deaf or not any(mark > 0 for mark in queue.marks):
            return True
        if not queue.first:
            self.due = queue.wanted = True
        return False

    def sent(self, stream_id: int, mark: int = 0, count: int = 1) -> None:
        """
        Count *count* frames of a stream.

        :param mark: the stream's number if they carry bytes, with `GONE` if the
            client has finished the stream.
        """
        queue = self._queues[stream_id % WORKERS]
        queue.put(mark, count)
        if queue.fresh >= self._often:
            self.due = True

    def deals(self) -> bool:
        """Say whether the queue whose turn it is has a place."""
        return self.trusts or len(self._queues[self._turn].marks) < PLACES - 1

    def dealt(self) -> None:
        """Count a frame that goes to the queue whose turn it is."""
        self.sent(self._turn)
        self._turn = (self._turn + 1) % WORKERS

    def ping(self, *, urgent: bool = False) -> list[int]:
        """
        Count, and return, the PINGs to send behind all that was counted.

        :param urgent: use the last places also: nobody knows whether the peer
            is there at all.
        """
        if self._deaf:
            return []
        most = FULL if urgent else PINGS
        if any(queue.first and len(queue.marks) >= most for queue in self._queues):
            return []
        if urgent and not any(
            mark > 0 for queue in self._queues for mark in queue.marks
        ):
            # Nothing can hold an echo up: one is enough.
            return [self._ping()]
        self.due = False
        return [self._ping() for _ in range(WORKERS)]

    def _ping(self) -> int:
        """Count one PING, and return its number."""
        place = self._turn
        self._turn = (place + 1) % WORKERS
        self._number += 2
        return self._ask(place)

    def _ask(self, place: int) -> int:
        """Count a question, and return its number."""
        if self._number > _LAST:
            self.broken = "it has answered more than there are numbers for"
        self._queues[place].ask(self._number)
        return self._number

    def open(self) -> list[int]:
        """Count, and return, the streams to open where PINGs would cost a place."""
        if not self.due or self._deaf:
            return []
        self.due = False
        if self._streams is False:
            self._blind = True
            return []
        return [
            self._aim(place)
            for place, queue in enumerate(self._queues)
            if not queue.stuck and len(queue.marks) < PINGS
            if queue.lost or queue.wanted or queue.fresh >= OFTEN
        ]

    def _aim(self, place: int) -> int:
        """Count one stream of ours for the queue in that *place*."""
        self._opened = True
        self._number += 2
        while self._number % WORKERS != place:
            self._number += 2
        return self._ask(place)
