"""
The contract of every end (see `spdygate.dialect.tunnel`), as one test class.

Whoever tests a kind of end mixes `EndContract` into a test case and says, in a
`Bench`, how to look at it from the outside.
"""

from __future__ import annotations

from typing import Protocol

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import (
    Data,
    Drained,
    End,
    Failed,
    Failure,
    Finished,
    Reason,
    TunnelEvent,
)

WHY = Failure(Reason.TARGET_RESET, "the target reset the connection")


class Bench(Protocol):
    """
    One end that is open, and what is around it.

    :ivar end: the end.
    :ivar told: what has happened at it since somebody last looked.
    :ivar arrived: bytes that the end's other side has got so far.
    :ivar fin: whether it has got the FIN.
    :ivar dead: whether it has been told of a failure, or can hear no more.
    """

    @property
    def end(self) -> End:
        """Return the end."""

    @property
    def arrived(self) -> bytes:
        """Return what has got through."""

    @property
    def fin(self) -> bool:
        """Return whether the FIN has got through."""

    @property
    def dead(self) -> bool:
        """Return whether the tunnel has been given up, as seen from outside."""

    def told(self) -> list[TunnelEvent]:
        """Return, and forget, what has happened at the end."""

    def hold(self) -> None:
        """Have what is sent wait."""

    def let_go(self) -> None:
        """Let all that waits leave."""

    def peer_sends(self, data: bytes) -> None:
        """Let bytes come from the other side."""

    def peer_finishes(self) -> None:
        """Let the other side finish."""

    def peer_breaks(self) -> None:
        """Let the other side give up."""


def drained(events: list[TunnelEvent]) -> int:
    """Return how many bytes were reported to have left."""
    return sum(event.count for event in events if isinstance(event, Drained))


def failures(events: list[TunnelEvent]) -> int:
    """Return how often the end was reported to be over."""
    return sum(isinstance(event, Failed) for event in events)


class EndContract(SynchronousTestCase):
    """Rules 1 to 4, from both sides; for a subclass that makes a `Bench`."""

    def bench(self) -> Bench:
        """Make an open end."""
        raise NotImplementedError

    def test_bytes_then_fin(self) -> None:
        """Rule 1: bytes leave in the order they were sent, then the FIN."""
        bench = self.bench()
        self.assertEqual(bench.end.send(b"one "), 4)
        self.assertEqual(bench.end.send(memoryview(b"two")), 3)
        bench.end.finish()
        self.assertEqual((bench.arrived, bench.fin), (b"one two", True))

    def test_what_waits_keeps_its_place(self) -> None:
        """Rules 1 and 2: nothing is refused, nothing overtakes, all is reported."""
        bench = self.bench()
        bench.hold()
        left = sum(bench.end.send(piece) for piece in (b"one ", b"two "))
        bench.let_go()
        left += bench.end.send(b"three")
        bench.let_go()
        left += drained(bench.told())
        self.assertEqual((bench.arrived, left), (b"one two three", 13))

    def test_fin_follows_what_waits(self) -> None:
        """Rule 1: the FIN does not overtake what waits."""
        bench = self.bench()
        bench.hold()
        left = bench.end.send(b"last words")
        bench.end.finish()
        self.assertFalse(bench.fin)
        bench.let_go()
        self.assertEqual((bench.arrived, bench.fin), (b"last words", True))
        self.assertEqual(left + drained(bench.told()), 10)

    def test_fail_after_finish_delivers(self) -> None:
        """Rule 1: what was sent before the FIN arrives in spite of the failure."""
        bench = self.bench()
        bench.hold()
        left = bench.end.send(b"last words")
        bench.end.finish()
        bench.end.fail(WHY)
        bench.let_go()
        self.assertEqual(bench.arrived, b"last words")
        told = bench.told()
        self.assertEqual(left + drained(told), 10)
        self.assertEqual(failures(told), 0)

    def test_fail_alone_is_at_once(self) -> None:
        """Rule 1: without a FIN before it, what waits is thrown away."""
        bench = self.bench()
        bench.hold()
        bench.end.send(b"never mind")
        bench.end.fail(WHY)
        self.assertTrue(bench.dead)
        bench.let_go()
        self.assertEqual(bench.arrived, b"")
        self.assertEqual(bench.told(), [])

    def test_a_second_failure_is_at_once(self) -> None:
        """Rule 4: asked twice, it waits for nothing."""
        bench = self.bench()
        bench.hold()
        bench.end.send(b"never mind")
        bench.end.finish()
        bench.end.fail(WHY)
        bench.end.fail(WHY)
        bench.let_go()
        self.assertEqual(bench.arrived, b"")
        self.assertEqual(drained(bench.told()), 0)

    def test_what_comes(self) -> None:
        """Rule 3: bytes and FIN are told, and the bytes may be granted."""
        bench = self.bench()
        bench.peer_sends(b"hello")
        bench.peer_finishes()
        events = bench.told()
        data = b"".join(bytes(event.data) for event in events if type(event) is Data)
        self.assertEqual(data, b"hello")
        self.assertEqual(events[-1], Finished(bench.end))
        bench.end.grant(5)

    def test_half_close(self) -> None:
        """Each direction ends by itself."""
        bench = self.bench()
        bench.peer_finishes()
        self.assertEqual(bench.end.send(b"late answer"), 11)
        self.assertEqual((bench.arrived, bench.fin), (b"late answer", False))

    def test_over_after_fail(self) -> None:
        """Rule 4: it ignores what it is told, but for grants, and says no more."""
        bench = self.bench()
        bench.peer_sends(b"early")
        bench.told()
        bench.end.fail(WHY)
        self.assertEqual(bench.end.send(b"x"), 1)
        bench.end.finish()
        bench.end.grant(5)
        bench.peer_sends(b"late")
        bench.peer_finishes()
        self.assertEqual(bench.told(), [])
        self.assertEqual(bench.arrived, b"")

    def test_over_after_failed(self) -> None:
        """Rule 4: the same once it has reported its own failure, which is once."""
        bench = self.bench()
        bench.hold()
        bench.end.send(b"never mind")
        bench.peer_sends(b"early")
        bench.peer_breaks()
        self.assertEqual(failures(bench.told()), 1)
        self.assertEqual(bench.end.send(b"x"), 1)
        bench.end.finish()
        bench.end.fail(WHY)
        bench.end.grant(5)
        bench.let_go()
        self.assertEqual(bench.told(), [])

    def test_waiting_bytes_that_are_lost(self) -> None:
        """Rule 4: an end that is over says so if what waits will never leave."""
        bench = self.bench()
        bench.hold()
        bench.end.send(b"last words")
        bench.end.finish()
        bench.end.fail(WHY)
        bench.peer_breaks()
        self.assertEqual(failures(bench.told()), 1)

    def test_an_end_that_lingers_is_deaf(self) -> None:
        """Rule 4: while its last bytes leave, it reports that and nothing else."""
        bench = self.bench()
        bench.hold()
        left = bench.end.send(b"last words")
        bench.end.finish()
        bench.end.fail(WHY)
        bench.peer_sends(b"late")
        bench.peer_finishes()
        bench.let_go()
        told = bench.told()
        self.assertEqual(left + drained(told), 10)
        others = [event for event in told if not isinstance(event, Drained)]
        self.assertEqual(others, [])

    def test_waiting_bytes_after_both_have_finished(self) -> None:
        """Rule 4: bytes that wait go on to leave when all has been said."""
        bench = self.bench()
        bench.hold()
        left = bench.end.send(b"last words")
        bench.end.finish()
        bench.peer_finishes()
        bench.let_go()
        self.assertEqual(left + drained(bench.told()), 10)
        self.assertEqual((bench.arrived, bench.fin), (b"last words", True))
