"""
The queue of one worker of a Go peer, as far as we can know it.

Marks stand for the frames that were sent to it and have not been shown to be
taken, the oldest first:

* a stream's number for DATA with bytes in it, and `GONE` added once the client
  has finished the stream: there may be nobody left to take it;
* less than 0 for a question, which the worker itself answers;
* 0 for anything else, which no worker ever waits with.
"""

from __future__ import annotations

#: Workers of a Go peer, and frames in the queue of each (connection.go).
WORKERS = 5
PLACES = 50

#: Frames beyond which nothing more is put into a queue by choice.
FULL = 48

#: Marks a payload of a stream on which the client will send no more.
GONE = 1 << 32

#: Bytes of payload in one frame: while a worker is quick, so that few questions
#: do for many bytes; and while it is slow, so that those who share it with a slow
#: stream need not wait for megabytes of that.
LARGEST = 256 * 1024
SMALLEST = 16 * 1024

#: Seconds behind the others that make a worker slow, or quick.
SLOW = 0.25
QUICK = 0.05

_NEVER = float("inf")


class WorkerQueue:
    """
    What one worker has been sent.

    :ivar marks: what may still be in its queue.
    :ivar size: bytes of payload that a frame for it may have.
    :ivar fresh: frames sent to it since it was last asked.
    :ivar first: the oldest question in it, or 0.
    :ivar lost: whether more was sent to it than ``marks`` can hold.
    :ivar wanted: whether it is to be asked although it was sent little.
    :ivar behind: since when an answer from elsewhere has proven it late.
    :ivar stuck: whether it stands still.
    :ivar noted: when a log was last told so.
    :ivar told: whether it will be told the end of it.
    :ivar gone: since when what it waits with may have nobody to take it.
    """

    __slots__ = (
        "_cover",
        "behind",
        "first",
        "fresh",
        "gone",
        "lost",
        "marks",
        "noted",
        "size",
        "stuck",
        "told",
        "wanted",
    )

    def __init__(self) -> None:
        self.marks: list[int] = []
        self.size = LARGEST
        self.fresh = 0
        self.first = 0
        self.lost = False
        #: The first question after all that was lost, or 0.
        self._cover = 0
        self.wanted = False
        self.behind = _NEVER
        self.stuck = False
        self.noted = -_NEVER
        self.told = False
        self.gone = _NEVER

    def put(self, mark: int, count: int = 1) -> None:
        """Note that *count* such frames were sent."""
        self.fresh += count
        marks = self.marks
        if len(marks) + count <= PLACES:
            marks += [mark] * count
        else:
            marks += [mark] * (PLACES - len(marks))
            self.lost = True
            self._cover = 0

    def ask(self, question: int) -> None:
        """Note that a question was sent; their numbers grow."""
        self.fresh = 0
        self.wanted = False
        self.marks.append(-question)
        self.first = self.first or question
        if self.lost:
            self._cover = self._cover or question

    def answered(self, now: float) -> None:
        """Forget all that was sent up to the oldest question."""
        if now - self.behind > SLOW:
            self.size = max(self.size // 4, SMALLEST)
        elif now - self.behind < QUICK:
            self.size = min(self.size * 2, LARGEST)
        marks = self.marks
        question = self.first
        del marks[: marks.index(-question) + 1]
        self.first = next((-mark for mark in marks if mark < 0), 0)
        if self._cover and question >= self._cover:
            self.lost = False
            self._cover = 0
        self.behind = self.gone = _NEVER

    def suspects(self) -> list[int]:
        """Return the payloads of which one is what the worker waits with."""
        marks = self.marks
        end = marks.index(-self.first) if self.first else len(marks)
        return [mark for mark in marks[:end] if mark > 0]

    def left(self, stream_id: int, mark: int) -> None:
        """Mark the payloads of a stream anew: the client has left it."""
        marks = self.marks
        for place, old in enumerate(marks):
            if old > 0 and old & ~GONE == stream_id:
                marks[place] = mark

    def doubt(self, now: float) -> None:
        """See whether what the worker waits with may have nobody to take it."""
        if any(mark & GONE for mark in self.suspects()):
            self.gone = min(self.gone, now)
        else:
            self.gone = _NEVER
