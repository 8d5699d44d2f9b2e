"""Tests for :mod:`spdygate.dialect.stalls`, by itself and in a SPDY session."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.budget import TUNNEL, Held, Shared
from spdygate.dialect.spdyend import SpdyEnd
from spdygate.dialect.stalls import ALONE, INTERVAL, PATIENCE, Stalls
from spdygate.dialect.tunnel import Failed, Reason
from tests.dialect.spdyclient import SpdyClient, data

NEVER = float("inf")


@dataclass(eq=False)
class Holder:
    """A tunnel that holds bytes."""

    held: int = 0
    granted: int = 0
    over: bool = False


class StallsTests(SynchronousTestCase):
    """Who is blamed, and when."""

    def setUp(self) -> None:
        """Watch a session whose first tunnel is full."""
        self.held = Held(Shared())
        self.stuck, self.other = Holder(), Holder()
        self.ends = [self.stuck, self.other]
        self.stalls: Stalls[Holder] = Stalls(self.held, 0.0)
        self.stuck.held = self.held.take(0, TUNNEL + 1)

    def looks(self, start: float, stop: float) -> Holder | None:
        """Look once in each interval; return whoever is blamed at the end."""
        found = None
        while start <= stop:
            found = self.stalls.look(self.ends, start)
            start += INTERVAL
        return found

    def test_a_session_that_is_read_from(self) -> None:
        """Nobody is watched while the session is read from."""
        self.stuck.held = self.held.give(self.stuck.held, 1)
        self.assertEqual(self.stalls.next(), NEVER)
        self.assertIsNone(self.looks(0.0, 100.0))

    def test_patience(self) -> None:
        """Who takes nothing for so long while others wait is stalled, and not before."""
        self.assertEqual(self.stalls.next(), INTERVAL)
        self.assertIsNone(self.looks(0.0, PATIENCE - INTERVAL))
        self.assertIs(self.looks(PATIENCE, PATIENCE), self.stuck)

    def test_one_byte(self) -> None:
        """One byte in time is enough, for ever."""
        for now in range(0, 100, 4):
            self.stuck.granted += 1
            self.assertIsNone(self.looks(float(now), float(now)))

    def test_alone(self) -> None:
        """The only tunnel of a session has more patience: nobody waits that we know."""
        self.other.over = True
        self.assertIsNone(self.looks(0.0, ALONE - INTERVAL))
        self.assertIs(self.looks(ALONE, ALONE), self.stuck)

    def test_the_fullest(self) -> None:
        """Of many that hold a little, the one that holds most is blamed."""
        ends = [Holder(held=self.held.take(0, TUNNEL - n)) for n in range(5)]
        self.stuck.held = self.held.give(self.stuck.held, self.stuck.held)
        self.ends = [self.other, *reversed(ends)]
        self.assertTrue(self.held.stuck)
        self.assertIs(self.looks(0.0, PATIENCE), ends[0])

    def test_the_process(self) -> None:
        """That others fill the process is nobody's stall."""
        shared = Shared(limit=1)
        held = Held(shared)
        held.take(0, 1)
        Held(shared).take(0, 1)
        self.assertTrue(held.over)
        self.assertEqual(Stalls(held, 0.0).next(), NEVER)


class SessionTests(SynchronousTestCase):
    """A SPDY session with a pod that does not read."""

    def setUp(self) -> None:
        """Fill a tunnel, beside another."""
        self.client = SpdyClient()
        self.stuck, _ = self.client.connects()
        self.other, _ = self.client.connects()
        for _ in range(TUNNEL // 65536 + 1):
            self.client.does(data(self.stuck.stream_id, bytes(65536)))
        self.client.written()

    def waits(self, seconds: float, mover: SpdyEnd | None = None) -> list[Failed]:
        """Let time pass, second by second; return who failed."""
        failed: list[Failed] = []
        for _ in range(int(seconds)):
            told = self.client.passes(1.0)
            failed += [event for event in told if isinstance(event, Failed)]
            if mover is not None:
                mover.grant(1)
        return failed

    def test_reset_alone(self) -> None:
        """It is reset, and the session is read from as soon as its bytes are settled."""
        self.assertFalse(self.client.served.reading)
        (failed,) = self.waits(PATIENCE + 2)
        self.assertIs(failed.end, self.stuck)
        self.assertIs(failed.failure.reason, Reason.STALLED)
        self.assertIn("while 1 other tunnels waited", failed.failure.message)
        seen = str(self.client.written())
        self.assertIn(f"stream_id={self.stuck.stream_id}", seen.replace("'", ""))
        self.stuck.grant(self.stuck.held)  # as the relay settles
        self.assertTrue(self.client.served.reading)
        self.client.does(data(self.other.stream_id, b"goes on"))
        self.assertEqual(self.other.held, 7)

    def test_slow_but_moving(self) -> None:
        """A pod that takes a byte a second only throttles."""
        self.assertEqual(self.waits(100, self.stuck), [])
        self.assertFalse(self.client.served.reading)
