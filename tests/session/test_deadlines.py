"""Tests for `spdygate.session.deadlines`."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import floats, lists, none, one_of, sampled_from, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.session.deadlines import Liveness, Verdict, in_words

_SECONDS = floats(0.5, 50)
_STEPS = lists(tuples(sampled_from(("heard", "used")), _SECONDS), max_size=30)


class WordsTests(SynchronousTestCase):
    """Times as a person says them."""

    def test_in_words(self) -> None:
        """The largest unit is taken that has no rest."""
        spoken = {
            3600.0: "1 hour",
            14400.0: "4 hours",
            5400.0: "90 minutes",
            60.0: "1 minute",
            90.0: "90 s",
            20.0: "20 s",
            0.5: "0.5 s",
            0.0: "0 s",
        }
        for seconds, words in spoken.items():
            self.assertEqual(in_words(seconds), words)


class LivenessTests(SynchronousTestCase):
    """Time is an argument: nothing here waits."""

    def test_silence_leads_to_pings(self) -> None:
        """After every interval of silence a PING is due, one at a time."""
        alive = Liveness(100.0, 30.0)
        self.assertEqual(alive.next(), 130.0)
        self.assertIs(alive.judge(129.9), Verdict.FINE)
        self.assertIs(alive.judge(130.0), Verdict.PING)
        self.assertIs(alive.judge(130.0), Verdict.FINE)
        self.assertIs(alive.judge(159.9), Verdict.FINE)
        self.assertIs(alive.judge(160.0), Verdict.PING)

    def test_a_stuck_go_client_is_never_dead(self) -> None:
        """Without patience it is asked again and again, and never given up."""
        alive = Liveness(0.0, 30.0)
        verdicts = {alive.judge(alive.next()) for _ in range(100)}
        self.assertEqual(verdicts, {Verdict.PING})

    def test_no_answer_is_death(self) -> None:
        """With patience, a peer that says nothing at all after a PING is dead."""
        alive = Liveness(0.0, 15.0, patience=20.0)
        self.assertIs(alive.judge(15.5), Verdict.PING)
        self.assertEqual(alive.next(), 35.5)
        self.assertIs(alive.judge(35.4), Verdict.FINE)
        self.assertIs(alive.judge(35.5), Verdict.DEAD)

    def test_anything_is_an_answer(self) -> None:
        """Whatever comes shows that the peer is there, and begins the interval."""
        alive = Liveness(0.0, 15.0, patience=20.0)
        alive.judge(15.0)
        alive.heard(34.0)
        self.assertEqual(alive.next(), 49.0)
        self.assertIs(alive.judge(40.0), Verdict.FINE)
        self.assertIs(alive.judge(49.0), Verdict.PING)

    def test_an_idle_session_has_outlived_its_use(self) -> None:
        """A peer that is there but carries nothing is idle, whatever it says."""
        alive = Liveness(0.0, 30.0, idle=100.0)
        for now in range(10, 100, 10):
            alive.heard(now)
        self.assertIs(alive.judge(99.0), Verdict.FINE)
        self.assertEqual(alive.next(), 100.0)
        self.assertIs(alive.judge(100.0), Verdict.IDLE)

    def test_use_puts_idleness_off(self) -> None:
        """A tunnel's frame begins the idle time anew."""
        alive = Liveness(0.0, 1000.0, idle=100.0)
        alive.used(60.0)
        self.assertIs(alive.judge(159.0), Verdict.FINE)
        self.assertIs(alive.judge(160.0), Verdict.IDLE)

    @given(_STEPS, one_of(none(), _SECONDS), one_of(none(), _SECONDS))
    def test_next_is_when_judge_has_news(
        self,
        steps: list[tuple[str, float]],
        patience: float | None,
        idle: float | None,
    ) -> None:
        """Before `next` all is fine, and from then on it no longer is."""
        now = 0.0
        alive = Liveness(now, 10.0, patience, idle)
        for verb, seconds in steps:
            now += seconds
            due = alive.next()
            verdict = alive.judge(now)
            self.assertEqual(verdict is Verdict.FINE, now < due)
            if verdict in (Verdict.DEAD, Verdict.IDLE):
                return
            getattr(alive, verb)(now)
