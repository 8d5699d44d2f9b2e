"""Tests for `spdygate.dialect.pairs`."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import integers, lists, none, one_of, sampled_from, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.pairs import PATIENCE, DuplicateStreamError, Pair, Pairing
from spdygate.wire.portforward import Kind, StreamAsk


class PairCase(SynchronousTestCase):
    """One session's pairs."""

    def setUp(self) -> None:
        """Begin without any."""
        self.pairs = Pairing()

    def add(
        self,
        kind: Kind,
        stream_id: int,
        port: int = 80,
        request_id: str | None = None,
        now: float = 0.0,
    ) -> Pair:
        """Add a stream."""
        return self.pairs.add(stream_id, StreamAsk(kind, port, request_id), now)

    def assert_empty(self) -> None:
        """Assert that nothing is kept of any pair."""
        tables = {name: value for name, value in vars(self.pairs).items() if value}
        self.assertEqual(tables, {})
        self.assertEqual(self.pairs.next(), float("inf"))


class OldTests(PairCase):
    """Clients before 1.1: first in, first out, for each port."""

    def test_one_connection(self) -> None:
        """Error, then data: one pair, complete with the second."""
        pair = self.add(Kind.ERROR, 5)
        self.assertFalse(pair.complete)
        self.assertIs(self.add(Kind.DATA, 7), pair)
        self.assertTrue(pair.complete)
        self.assertEqual((pair.error_id, pair.data_id), (5, 7))

    def test_interleaved(self) -> None:
        """e5 e7 d9 d11, which the kubelet pairs wrongly: 5 with 9, 7 with 11."""
        for number in (5, 7):
            self.add(Kind.ERROR, number)
        found = [self.add(Kind.DATA, number) for number in (9, 11)]
        pairs = [(pair.error_id, pair.data_id) for pair in found]
        self.assertEqual(pairs, [(5, 9), (7, 11)])
        self.assertEqual(self.pairs.next(), float("inf"))

    def test_data_first(self) -> None:
        """The other way round it is the oldest data stream that is completed."""
        first, second = (self.add(Kind.DATA, number) for number in (1, 3))
        self.assertIs(self.add(Kind.ERROR, 5), first)
        self.assertIs(self.add(Kind.ERROR, 7), second)

    def test_ports_do_not_mix(self) -> None:
        """A stream is never paired with one of another port."""
        self.add(Kind.ERROR, 5, port=80)
        other = self.add(Kind.DATA, 7, port=443)
        self.assertIsNone(other.error_id)
        self.assertEqual(self.add(Kind.DATA, 9, port=80).error_id, 5)

    def test_done_while_it_waits(self) -> None:
        """A pair that is given up is not found any more; its neighbours are."""
        first = self.add(Kind.ERROR, 5)
        self.add(Kind.ERROR, 7)
        self.pairs.done(first)
        self.assertEqual(self.add(Kind.DATA, 9).error_id, 7)


class NewTests(PairCase):
    """Clients since 1.1: by ``requestID``."""

    def test_either_order(self) -> None:
        """Streams with one ``requestID`` are one pair, whichever comes first."""
        for first, second in ((Kind.ERROR, Kind.DATA), (Kind.DATA, Kind.ERROR)):
            with self.subTest(first):
                pair = self.add(first, 1, request_id=first.value)
                self.assertFalse(pair.complete)
                self.assertIs(self.add(second, 3, request_id=first.value), pair)
                self.assertTrue(pair.complete)

    def test_interleaved(self) -> None:
        """The order of the wire does not matter."""
        for number, name in ((1, "a"), (3, "b")):
            self.add(Kind.ERROR, number, request_id=name)
        self.assertEqual(self.add(Kind.DATA, 5, request_id="b").error_id, 3)
        self.assertEqual(self.add(Kind.DATA, 7, request_id="a").error_id, 1)

    def test_only_the_data_streams_port_counts(self) -> None:
        """A pair may name two ports: docs/protocol.rst, 2.4."""
        self.add(Kind.ERROR, 1, port=1, request_id="a")
        self.assertEqual(self.add(Kind.DATA, 3, port=80, request_id="a").port, 80)
        self.add(Kind.DATA, 5, port=80, request_id="b")
        self.assertEqual(self.add(Kind.ERROR, 7, port=1, request_id="b").port, 80)

    def test_duplicates(self) -> None:
        """A third stream has no place; the pair that has two is not harmed."""
        for kind, number in ((Kind.ERROR, 1), (Kind.DATA, 3)):
            pair = self.add(kind, number, request_id="a")
        for kind in (Kind.ERROR, Kind.DATA):
            with self.assertRaises(DuplicateStreamError) as caught:
                self.add(kind, 5, request_id="a")
            self.assertIs(caught.exception.pair, pair)
            words = f"{kind.value} stream already assigned"
            self.assertEqual(str(caught.exception), words)
        self.assertEqual((pair.error_id, pair.data_id), (1, 3))

    def test_a_duplicate_of_one_that_waits(self) -> None:
        """A second error stream does not replace the first."""
        pair = self.add(Kind.ERROR, 1, request_id="a")
        with self.assertRaises(DuplicateStreamError):
            self.add(Kind.ERROR, 3, request_id="a")
        self.assertEqual(pair.error_id, 1)
        self.assertIs(self.add(Kind.DATA, 5, request_id="a"), pair)

    def test_used_again(self) -> None:
        """When its pair is done, a ``requestID`` may be used again."""
        first = self.add(Kind.DATA, 1, request_id="a")
        self.pairs.done(first)
        self.assertIsNot(self.add(Kind.DATA, 3, request_id="a"), first)

    def test_done_twice(self) -> None:
        """Forgetting a pair again does not touch its successor's name."""
        first = self.add(Kind.DATA, 1, request_id="a")
        self.pairs.done(first)
        second = self.add(Kind.ERROR, 3, request_id="a")
        self.pairs.done(first)
        self.assertIs(self.add(Kind.DATA, 5, request_id="a"), second)

    def test_old_and_new_do_not_mix(self) -> None:
        """A stream without ``requestID`` is not paired with one that has it."""
        self.add(Kind.ERROR, 1, request_id="a")
        self.assertIsNone(self.add(Kind.DATA, 3).error_id)

    def test_lone(self) -> None:
        """One that is alone is complete at once, and kept nowhere."""
        pair = self.add(Kind.LONE, 1)
        self.assertTrue(pair.complete and pair.alone)
        self.assert_empty()


class TimeTests(PairCase):
    """Thirty seconds for the second stream."""

    def test_expiry(self) -> None:
        """The oldest expires first, and each after its own thirty seconds."""
        first = self.add(Kind.ERROR, 1, request_id="a", now=100.0)
        second = self.add(Kind.DATA, 3, now=110.0)
        self.assertEqual(PATIENCE, 30.0)
        self.assertEqual(self.pairs.next(), 130.0)
        self.assertEqual(self.pairs.expired(129.9), [])
        self.assertEqual(self.pairs.expired(130.0), [first])
        self.assertEqual(self.pairs.expired(140.0), [first, second])
        self.pairs.done(first)
        self.assertEqual(self.pairs.next(), 140.0)

    def test_complete_pairs_do_not_expire(self) -> None:
        """Nobody waits for anything once both are there."""
        self.add(Kind.ERROR, 1, request_id="a")
        self.add(Kind.DATA, 3, request_id="a")
        self.add(Kind.LONE, 5)
        self.assertEqual(self.pairs.expired(1e9), [])


_KINDS = sampled_from(list(Kind))
_IDS = one_of(none(), sampled_from("abc"))
_STEPS = lists(
    tuples(_KINDS, sampled_from((80, 443)), _IDS, integers(0, 3)),
    min_size=5,
    max_size=40,
)


class LeftoverTests(PairCase):
    """Whatever comes and goes, nothing stays."""

    @given(_STEPS)
    def test_no_leftovers(self, steps: list[tuple[Kind, int, str | None, int]]) -> None:
        """After `done` of every pair, in any order, the tables are empty."""
        self.setUp()
        pairs: list[Pair] = []
        for number, (kind, port, request_id, index) in enumerate(steps):
            try:
                pair = self.add(kind, 2 * number + 1, port, request_id, number)
            except DuplicateStreamError:
                continue
            if pair not in pairs:
                pairs.append(pair)
            if not index and pairs:
                self.pairs.done(pairs.pop(number % len(pairs)))
        waiting = [pair for pair in pairs if not pair.complete]
        self.assertEqual(self.pairs.expired(1e9), waiting)
        for pair in pairs:
            self.pairs.done(pair)
        self.assert_empty()
