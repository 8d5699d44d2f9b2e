"""
What the workers of a Go peer have taken from us, learnt from echoes of PINGs.

A Go client has no flow control, and one local program that does not read stops
all that its kubectl forwards.  What happens there is this (moby/spdystream,
connection.go and priority.go, alike in every version since 2015; each rule is
proven in docs/protocol.rst, section 3.4):

1. One goroutine reads frames and puts each into one of five queues; five
   workers take them out.  A queue holds fifty frames of any size.
2. SYN_STREAM, SYN_REPLY, RST_STREAM and DATA go to queue ``stream_id % 5``;
   PING, SETTINGS and WINDOW_UPDATE to the queues in turn, from 0 on.
3. A worker waits until the stream's reader has taken a frame of DATA.  Its
   queue fills, the goroutine waits for the queue, and nothing is read any more.
4. PINGs have the priority of live streams, so the echo, which the worker itself
   writes, says that all it was sent before has been taken.  Only what belongs
   to streams that the client has already dropped may be overtaken.

So a copy of every queue is kept (`spdygate.session.workerqueue`).  Five PINGs in
a row ask all five.  DATA for a queue with `WINDOW` frames in it waits; whatever
else there is to say waits only when hardly a place is left.  Then a worker that
stands still stops no more than its own fifth of the streams.

What else is taken care of:

* *Deaf*: while we do not read, answers cannot arrive, and a pod that reads only
  when its own bytes are taken must not wait for them.  Then DATA passes, and
  is asked after as soon as we read again.
* *Full*: every PING sent while a queue stands still stays in it.  When it has no
  place for more, the other queues are asked one by one instead, by opening a
  stream in each: the client answers (rule 2), and forgets it only with the
  session, which is why this is not done before.
* *Proof*: of a peer that answers nothing, or in an order that the rules forbid,
  or is late without a reason, none of the above is true: `broken`.
* *Death*: clients before 1.32 never drop the stream of a program that has gone
  away, so its worker stands still for good; `dead` says when.
"""

from __future__ import annotations

from .questions import OFTEN, PINGS, SELDOM, WINDOW, Questions
from .workerqueue import GONE, WORKERS, WorkerQueue

_NEVER = float("inf")

#: Seconds for which the others are ahead before a worker is said to stand still.
LATE = 2.0

#: Seconds in which a Go peer answers its first question.
SILENCE = 5.0

#: Seconds between two notes about the same queue.
QUIET = 60.0


class PingWindow(Questions):
    """
    How many frames may still be sent to each worker of one Go client.

    :ivar dead: why the session is to be closed, or empty.
    :ivar notes: what a log should have; whoever reads them empties the list.
    """

    def __init__(self, frozen: float) -> None:
        """
        Begin with a peer whose queues are empty.

        :param frozen: seconds for which a queue may stand still that nobody
            is going to move.
        """
        super().__init__()
        self._frozen = frozen
        #: The newest question that was answered.
        self._newest = 0
        #: Since when a first answer is waited for.
        self._unanswered = _NEVER
        #: Whether the client has been seen to drop streams with RST_STREAM.
        self._recovers = False
        self.dead = ""
        self.notes: list[str] = []

    def pong(self, number: int, now: float) -> int | None:
        """
        Hear the answer to a question.

        :returns: the place of the queue that was asked, if it was one of ours;
            then `room`, `takes` and `surely_takes` may say yes where they said no.
        """
        for place, queue in enumerate(self._queues):
            if queue.first == number:
                self._newest = max(self._newest, number)
                queue.answered(now)
                if queue.stuck:
                    self._moves(queue)
                self._compare(now)
                return place
        if any(-number in queue.marks for queue in self._queues):
            self.broken = "it answers PINGs in an order that no such client does"
        return None

    def opened(self, stream_id: int, now: float) -> int | None:
        """Hear that a stream of ours was accepted, or refused; see `pong`."""
        self._streams = True
        return self.pong(stream_id, now)

    def _moves(self, queue: WorkerQueue) -> None:
        """Take note that a worker goes on."""
        queue.stuck = False
        if queue.told:
            queue.told = False
            self.notes.append(
                "the client takes again what it was sent: no stream waits for another"
            )

    def _compare(self, now: float) -> None:
        """See which queues are behind the newest answer."""
        newest, slow, full = self._newest, False, False
        for queue in self._queues:
            if queue.first and newest > queue.first:
                queue.behind = min(queue.behind, now)
                slow = slow or newest - queue.first > 4 * WORKERS
            full = full or bool(queue.first) and len(queue.marks) >= PINGS
        self._often = SELDOM if slow else OFTEN
        if self._blind and not full:
            self._blind = False
            self.due = True

    def left(self, stream_id: int, now: float, *, reset: bool) -> None:
        """
        Hear that the client sends no more on a stream.

        :param reset: it has dropped the stream, and takes what was sent on it.
        """
        queue = self._queues[stream_id % WORKERS]
        self._recovers = self._recovers or reset
        queue.left(stream_id, 0 if reset else stream_id | GONE)
        if reset and queue.behind < _NEVER:
            queue.behind = now
        if queue.stuck:
            queue.doubt(now)

    def hears(self, reading: bool, now: float) -> bool:
        """
        Take note of whether we read from the peer.

        :returns: whether that has changed.
        """
        if self._deaf is not reading:
            return False
        self._deaf = not reading
        self._unanswered = _NEVER
        for queue in self._queues:
            if queue.behind < _NEVER:
                queue.behind = now
            if reading and (queue.lost or queue.fresh >= OFTEN):
                self.due = True
        return True

    # -- time --------------------------------------------------------------------

    @property
    def _waits(self) -> bool:
        """Return whether something waits for a first answer."""
        if self._newest:
            return self._opened and self._streams is None
        return any(len(queue.marks) >= WINDOW for queue in self._queues)

    def next(self) -> float:
        """Return the time at which `tick` has something to do."""
        soonest = _NEVER
        if self._waits:
            known = self._unanswered < _NEVER
            soonest = self._unanswered + SILENCE if known else -_NEVER
        for queue in self._queues:
            if queue.stuck:
                if not self._recovers:
                    soonest = min(soonest, queue.gone + self._frozen)
            elif not self._deaf:
                soonest = min(soonest, queue.behind + LATE)
        return soonest

    def tick(self, now: float, *, congested: bool) -> None:
        """
        Judge the peer; then `room` and `takes` may say yes where they said no.

        :param congested: whether the transport does not take our bytes.
        """
        self._wait(now, self._deaf or congested)
        for queue in self._queues:
            if queue.stuck:
                if queue.gone + self._frozen <= now and not self._recovers:
                    self._bury(queue)
            elif queue.behind + LATE <= now and not self._deaf:
                self._judge(queue, now)

    def _wait(self, now: float, unheard: bool) -> None:
        """See whether a first answer is overdue."""
        if not self._waits:
            self._unanswered = _NEVER
        elif unheard or self._unanswered == _NEVER:
            self._unanswered = now
        elif now < self._unanswered + SILENCE:
            return
        elif not self._newest:
            self.broken = f"it has answered no PING for {SILENCE:.0f} s"
        else:
            self._streams = False
            self._blind = True

    def _judge(self, queue: WorkerQueue, now: float) -> None:
        """Say that a worker stands still, if there is anything it can wait with."""
        if self._newest - queue.first <= 2 * WORKERS:
            # One round has been answered in part: all may be asleep since.
            self.due |= not any(one.first > self._newest for one in self._queues)
            queue.behind += LATE / 2
            return
        suspects = queue.suspects()
        if not suspects and not queue.lost:
            self.broken = "answers are late that nothing can have held up"
            return
        queue.stuck = True
        queue.doubt(now)
        if queue.noted > now - QUIET:
            return
        queue.noted, queue.told = now, True
        self.notes.append(
            f"the client does not take what it was sent on {_names(suspects)}: the "
            "fifth of its streams that shares a worker with it waits, the others run on"
        )

    def _bury(self, queue: WorkerQueue) -> None:
        """Give the session up: a fifth of it will never move again."""
        gone = _names([mark for mark in queue.suspects() if mark & GONE])
        self.dead = (
            f"the client has taken nothing for {self._frozen:.0f} s on a fifth of its "
            f"streams, since the program behind {gone} finished; clients before 1.32 "
            "never recover from that"
        )


def _names(marks: list[int]) -> str:
    """Name the streams of payloads, each once."""
    names = dict.fromkeys(str(mark & ~GONE) for mark in marks)
    return f"stream {' or '.join(names)}" if names else "a stream"
