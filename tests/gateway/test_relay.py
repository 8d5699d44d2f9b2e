"""Tests for `spdygate.gateway.relay`."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import builds, integers, lists, sampled_from, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import Drained, Failure, Opened, Reason
from spdygate.gateway.relay import JOINED, Observer, Relay
from tests.dialect.ends import RecordingEnd, request

REFUSED = Failure(Reason.REFUSED, "connection refused")


class Recorder(Observer):
    """Writes down what it is told of a tunnel, which must be in order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.relay: Relay | None = None

    def tunnel_opened(self, relay: Relay) -> None:
        """Note that it is open, which it is once and not after its end."""
        assert not self.told
        assert not relay.over
        self.told.append("opened")

    def tunnel_ended(self, relay: Relay) -> None:
        """Note how it ended, once."""
        assert "ended" not in self.told
        assert relay.over
        self.told.append("ended")
        self.relay = relay


class RelayCase(SynchronousTestCase):
    """A relay between two recording ends."""

    def setUp(self) -> None:
        """Begin with a client's end, and nobody to talk to."""
        self.near, self.far = RecordingEnd(), RecordingEnd()
        self.observer = Recorder()
        self.relay = Relay(self.near, request(), self.observer)
        self.cancelled = 0
        self.relay.cancel = self.note_cancel

    def note_cancel(self) -> None:
        """Count how often dialling is cancelled."""
        self.cancelled += 1

    def connect(self) -> None:
        """Join the far end, and let it open."""
        self.relay.join(self.far)
        self.far.opens()

    def assert_settled(self) -> None:
        """Assert that nobody is owed anything."""
        for end in (self.near, self.far):
            self.assertEqual(end.granted, end.received)


class OpenTests(RelayCase):
    """From the client's wish to a connected target."""

    def test_opened(self) -> None:
        """The client is told once the target is connected, and not before."""
        self.relay.join(self.far)
        self.assertEqual((self.near.accepted, self.relay.opened), (0, False))
        self.far.opens()
        self.assertEqual((self.near.accepted, self.relay.opened), (1, True))
        self.assertEqual(self.observer.told, ["opened"])

    def test_early_bytes(self) -> None:
        """What comes before there is a far end waits, in order, ungranted."""
        self.near.comes(b"early ")
        self.near.comes(b"bird")
        self.assertEqual(self.near.granted, 0)
        self.relay.join(self.far)
        self.assertEqual(self.far.sent, b"early bird")
        self.assertEqual(self.near.granted, 10)

    def test_early_bytes_are_copied(self) -> None:
        """A piece that waits does not keep the read that it was a part of."""
        read = bytearray(b"abc")
        self.near.comes(memoryview(read)[:2])  # type: ignore[arg-type]
        read[0] = ord("X")
        self.relay.join(self.far)
        self.assertEqual(self.far.sent, b"ab")

    def test_early_bytes_one_by_one(self) -> None:
        """Single bytes that wait are joined, and nothing grows without bound."""
        for number in range(3 * JOINED):
            self.near.comes(bytes([number % 251]))
        self.assertEqual(len(self.relay.up.early), 3)
        self.relay.join(self.far)
        expected = bytes(number % 251 for number in range(3 * JOINED))
        self.assertEqual(self.far.sent, expected)
        self.assertEqual(self.near.granted, len(expected))

    def test_early_fin(self) -> None:
        """A FIN before the join follows the early bytes."""
        self.near.comes(b"all there is")
        self.near.ends()
        self.connect()
        self.assertEqual(self.far.sent, b"all there is")
        self.assertTrue(self.far.finished)
        self.assertFalse(self.relay.over)

    def test_early_bytes_at_a_slow_end(self) -> None:
        """Early bytes are granted when they leave, not when they are joined."""
        self.near.comes(b"early")
        self.far.holds = True
        self.relay.join(self.far)
        self.assertEqual(self.near.granted, 0)
        self.far.let_go(3)
        self.assertEqual(self.near.granted, 3)

    def test_refused(self) -> None:
        """A target that cannot be had is told to the client; early bytes are paid."""
        self.near.comes(b"early")
        self.relay.refuse(REFUSED)
        self.assertEqual(self.near.failures, [REFUSED])
        self.assertEqual(self.observer.told, ["ended"])
        self.assertEqual(self.relay.failure, REFUSED)
        self.assert_settled()
        self.assertEqual(self.relay.up.early, [])

    def test_refused_with_a_far_end(self) -> None:
        """An end that did not open in time is given up too."""
        self.relay.join(self.far)
        self.relay.refuse(REFUSED)
        self.assertEqual(self.far.failures, [REFUSED])

    def test_refused_while_the_far_end_lingers(self) -> None:
        """After an early FIN the far end still delivers, and is paid for once."""
        self.far.holds = True
        self.near.comes(b"early")
        self.near.ends()
        self.relay.join(self.far)
        self.relay.refuse(REFUSED)
        self.assertEqual(self.near.granted, 0)
        self.far.let_go()
        self.assert_settled()

    def test_refused_twice(self) -> None:
        """Only the first word counts."""
        self.relay.refuse(REFUSED)
        self.relay.refuse(Failure(Reason.TIMEOUT, "too late"))
        self.assertEqual(self.near.failures, [REFUSED])
        self.assertEqual(self.relay.failure, REFUSED)

    def test_too_late(self) -> None:
        """An end that is joined after the refusal fails for the same reason."""
        self.relay.refuse(REFUSED)
        self.relay.join(self.far)
        self.assertEqual(self.far.failures, [REFUSED])
        self.relay.act(Opened(self.far))
        self.assertEqual(self.observer.told, ["ended"])
        self.assertFalse(self.relay.opened)

    def test_the_client_goes_while_it_is_dialled(self) -> None:
        """Dialling is cancelled, and what comes of it anyway is given up."""
        self.near.comes(b"early")
        self.near.breaks(Reason.GAVE_UP)
        self.assertEqual(self.cancelled, 1)
        self.assert_settled()
        self.relay.join(self.far)
        self.assertEqual(self.far.failures[0].reason, Reason.GAVE_UP)
        self.assertEqual(self.far.sent, b"")


class BytesTests(RelayCase):
    """Both ways, and what is owed for them."""

    def setUp(self) -> None:
        """Connect."""
        super().setUp()
        self.connect()

    def test_both_ways(self) -> None:
        """Bytes arrive in order on the other side, and are granted as they leave."""
        for piece in (b"GET ", b"/\r\n"):
            self.near.comes(piece)
        self.far.comes(b"200")
        self.assertEqual((self.far.sent, self.near.sent), (b"GET /\r\n", b"200"))
        self.assert_settled()

    def test_exactly_what_left(self) -> None:
        """A side that keeps bytes is not paid for; the other one is not affected."""
        self.far.holds = True
        self.near.comes(bytes(100))
        self.far.comes(bytes(7))
        self.assertEqual((self.near.granted, self.far.granted), (0, 7))
        self.far.let_go(40)
        self.assertEqual(self.near.granted, 40)
        self.far.let_go()
        self.assert_settled()

    def test_half_close_up(self) -> None:
        """The client's FIN passes on; the answer still comes."""
        self.near.ends()
        self.assertTrue(self.far.finished)
        self.far.comes(b"a late answer")
        self.assertEqual(self.near.sent, b"a late answer")
        self.far.ends()
        self.assertTrue(self.near.finished)
        self.assertTrue(self.relay.over)
        self.assertIsNone(self.relay.failure)

    def test_half_close_down(self) -> None:
        """The pod's FIN passes on; the client may go on sending."""
        self.far.ends()
        self.assertTrue(self.near.finished)
        self.assertFalse(self.relay.over)
        self.near.comes(b"thanks")
        self.assertEqual(self.far.sent, b"thanks")
        self.near.ends()
        self.assertEqual(self.observer.told, ["opened", "ended"])

    def test_a_fin_that_is_told_twice(self) -> None:
        """An old client's reset says FIN again: it passes on once."""
        self.near.ends()
        self.near.told_finished = False
        self.near.ends()
        self.assertTrue(self.far.finished)

    def test_counts(self) -> None:
        """Each way knows how much it has carried."""
        self.near.comes(bytes(5))
        self.far.comes(bytes(9))
        self.assertEqual((self.relay.up.count, self.relay.down.count), (5, 9))

    def test_never_more_than_is_owed(self) -> None:
        """An end that reports what it threw away is not believed twice."""
        self.far.holds = True
        self.near.comes(bytes(10))
        self.near.breaks()
        self.assert_settled()
        self.relay.act(Drained(self.far, 10))
        self.assert_settled()


class FailureTests(RelayCase):
    """What one end's end means to the other."""

    def setUp(self) -> None:
        """Connect."""
        super().setUp()
        self.connect()

    def test_the_pod_fails(self) -> None:
        """The client's end is given up, for the same reason."""
        self.far.breaks()
        self.assertEqual(
            [why.reason for why in self.near.failures], [Reason.TARGET_RESET]
        )
        self.assertEqual(self.relay.failure, self.near.failures[0])
        self.assertEqual(self.observer.told, ["opened", "ended"])

    def test_the_client_fails(self) -> None:
        """The pod's end is given up; nothing is left to cancel."""
        self.near.breaks(Reason.GAVE_UP)
        self.assertEqual([why.reason for why in self.far.failures], [Reason.GAVE_UP])
        self.assertEqual(self.cancelled, 0)

    def test_both_fail(self) -> None:
        """The second failure is nobody's business."""
        self.near.breaks()
        self.far.breaks()
        self.assertEqual(self.near.failures, [])
        self.assertEqual(self.observer.told, ["opened", "ended"])

    def test_what_waited_for_the_client_is_paid(self) -> None:
        """A node's connection gets its credit back when the client vanishes."""
        self.near.holds = True
        self.far.comes(bytes(1000))
        self.near.breaks(Reason.GAVE_UP)
        self.assert_settled()

    def test_what_waited_for_the_pod_is_paid(self) -> None:
        """A client's budget is given back when the pod vanishes."""
        self.far.holds = True
        self.near.comes(bytes(1000))
        self.far.breaks()
        self.assert_settled()

    def test_both_waited(self) -> None:
        """Whoever fails, what either end throws away is paid for."""
        for breaking in ("near", "far"):
            with self.subTest(breaking):
                self.setUp()
                self.near.holds = self.far.holds = True
                self.far.comes(bytes(10))
                self.near.comes(bytes(20))
                getattr(self, breaking).breaks()
                self.assert_settled()

    def test_lingering_up(self) -> None:
        """A client that sent all and left: the pod still gets it."""
        self.far.holds = True
        self.near.comes(b"precious")
        self.near.ends()
        self.near.breaks(Reason.GAVE_UP)
        self.assertEqual(self.far.waiting, 8)
        self.assertEqual(self.near.granted, 0)
        self.far.let_go()
        self.assert_settled()

    def test_lingering_down(self) -> None:
        """A pod that answered and broke: the client still gets it."""
        self.near.holds = True
        self.far.comes(b"answer")
        self.far.ends()
        self.far.breaks()
        self.near.let_go(4)
        self.assertEqual(self.far.granted, 4)
        self.near.breaks(Reason.GAVE_UP)
        self.assert_settled()

    def test_loss_after_a_good_end(self) -> None:
        """Bytes that wait when both have finished may still be lost, and are paid."""
        self.near.holds = self.far.holds = True
        self.near.comes(bytes(5))
        self.far.comes(bytes(6))
        self.near.ends()
        self.far.ends()
        self.assertTrue(self.relay.over)
        self.near.breaks(Reason.GAVE_UP)
        self.assertEqual((self.near.granted, self.far.granted), (0, 6))
        self.far.let_go()
        self.assert_settled()
        self.assertIsNone(self.relay.failure)


_VERBS = (
    *("near comes", "far comes") * 3,
    *("near holds", "far holds") * 2,
    *("near ends", "far ends"),
    *("near let_go", "far let_go") * 2,
    *("near breaks", "far breaks", "far opens", "join", "refuse"),
)
_STEP = tuples(sampled_from(_VERBS), integers(1, 300))
Steps = list[tuple[str, int]]


def _life(before: Steps, after: Steps) -> Steps:
    """Return a life in which there is a far end for most of the time."""
    return [*before, ("join", 0), *after]


_STEPS = builds(_life, lists(_STEP, max_size=4), lists(_STEP, min_size=12, max_size=40))


class AnyOrderTests(RelayCase):
    """Everything that may happen, in any order."""

    def step(self, verb: str, count: int) -> None:
        """Let one thing happen."""
        name, _, what = verb.partition(" ")
        if verb == "join":
            if self.relay.far is None and not self.far.over:
                self.relay.join(self.far)
            return
        if verb == "refuse":
            if not self.relay.opened:
                self.relay.refuse(REFUSED)
            return
        end: RecordingEnd = getattr(self, name)
        if end is self.far and end.receiver is None:
            return
        match what:
            case "comes":
                end.comes(count.to_bytes(2) * count)
            case "let_go":
                end.let_go(count)
            case "holds":
                end.holds = True
            case "opens":
                if not self.relay.opened:
                    end.opens()
            case _:
                getattr(end, what)()

    @given(_STEPS)
    def test_accounts(self, steps: Steps) -> None:
        """
        Nobody is granted more than it sent, and all of it once nothing waits.

        The ends themselves check the first half at every step.
        """
        self.setUp()
        for verb, count in steps:
            self.step(verb, count)
            for end, other in ((self.near, self.far), (self.far, self.near)):
                owed = end.received - end.granted
                early = owed if other.receiver is None else 0
                self.assertEqual(owed, other.waiting + early)
        if self.far.receiver is None:
            self.step("join", 0)
        self.near.let_go()
        self.far.let_go()
        self.assert_settled()
        ended = self.observer.told.count("ended")
        self.assertEqual(ended, int(self.relay.over))

    @given(_STEPS)
    def test_order(self, steps: Steps) -> None:
        """Without failures, what was sent is what arrives, then the FIN."""
        self.setUp()
        sent = {"near": b"", "far": b""}
        for verb, count in steps:
            name, _, what = verb.partition(" ")
            if what == "breaks" or verb == "refuse":
                continue
            if what == "comes":
                end = getattr(self, name)
                if not end.told_finished and end.receiver is not None:
                    sent[name] += count.to_bytes(2) * count
            self.step(verb, count)
        self.step("join", 0)
        self.assertEqual(self.far.sent, sent["near"])
        self.assertEqual(self.near.sent, sent["far"])
        self.assertEqual(self.far.finished, self.near.told_finished)
        self.assertEqual(self.near.finished, self.far.told_finished)
