"""Tests for `spdygate.session.outbox`."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis.strategies import (
    DrawFn,
    SearchStrategy,
    booleans,
    composite,
    integers,
    just,
    lists,
    one_of,
    tuples,
)
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import CreditError
from spdygate.session.outbox import (
    ALONE,
    QUANTUM,
    SMALL,
    Outbox,
    StreamCreditError,
)
from spdygate.session.windows import LARGEST_WINDOW

#: A busy machine is no failure.
UNHURRIED = settings(deadline=None)

#: What can be done to an outbox of four streams: a verb, a stream, a number.
Step = tuple[str, int, int]


def step(verb: str, least: int, most: int) -> SearchStrategy[Step]:
    """Return one verb, on any of four streams, with any number of a range."""
    return tuples(just(verb), integers(1, 4), integers(least, most))


@composite
def steps(draw: DrawFn) -> list[Step]:
    """Return a random life of an outbox."""
    verbs = one_of(
        step("put", 1, 3 * SMALL),
        step("credit", 1, 2 * SMALL),
        step("credit session", 1, 4 * SMALL),
        step("shift", -SMALL, SMALL),
        step("release", 1, 4 * SMALL),
        step("pause", 0, 1),
    )
    return draw(lists(verbs, max_size=60))


class Model:
    """An outbox and what must be true of it, written down independently."""

    def __init__(self, window: int) -> None:
        self.outbox = Outbox(window)
        self.session = window
        self.windows = dict.fromkeys(range(1, 5), window)
        self.given: dict[int, bytes] = defaultdict(bytes)
        self.left: dict[int, bytes] = defaultdict(bytes)
        self.counter = 0
        for stream_id in self.windows:
            self.outbox.add(stream_id, window)

    def payload(self, length: int) -> bytes:
        """Return bytes that no other place in the conversation has."""
        self.counter += 1
        return (self.counter.to_bytes(4, "big") * (length // 4 + 1))[:length]

    def leave(self, stream_id: int, data: bytes) -> None:
        """Note that *data* left, which must have been paid for."""
        assert len(data) <= min(self.session, self.windows[stream_id])
        assert not self.outbox.paused
        self.session -= len(data)
        self.windows[stream_id] -= len(data)
        self.left[stream_id] += data

    def do(self, verb: str, stream_id: int, number: int) -> None:
        """Do one step, and note what came of it."""
        match verb:
            case "put":
                data = self.payload(number)
                self.given[stream_id] += data
                room = self.outbox.put(stream_id, memoryview(data))
                if room:
                    self.leave(stream_id, data[:room])
            case "credit":
                self.windows[stream_id] += number
                self.outbox.credit(stream_id, number)
            case "credit session":
                self.session += number
                self.outbox.credit(0, number)
            case "shift":
                for key in self.windows:
                    self.windows[key] += number
                self.outbox.shift(number)
            case "pause":
                self.outbox.paused = bool(number)
            case "release":
                self.release(number)

    def release(self, limit: int) -> None:
        """Take out what may go."""
        for stream_id, data, finished in self.outbox.release(limit):
            assert not finished
            self.leave(stream_id, bytes(data))

    def check(self) -> None:
        """Hold the outbox to its promises."""
        for stream_id, data in self.given.items():
            left = self.left[stream_id]
            assert data.startswith(left)
            assert self.outbox.waiting(stream_id) == len(data) - len(left)


class OutboxProperties(SynchronousTestCase):
    """What holds whatever happens."""

    @UNHURRIED
    @given(integers(0, 2 * SMALL), steps())
    def test_in_order_and_paid_for(self, window: int, life: list[Step]) -> None:
        """Bytes leave in order, and never more than the windows allow."""
        model = Model(window)
        for one in life:
            model.do(*one)
            model.check()

    @UNHURRIED
    @given(integers(0, 2 * SMALL), steps())
    def test_all_leaves_in_the_end(self, window: int, life: list[Step]) -> None:
        """With credit for everything nothing stays behind."""
        model = Model(window)
        for one in life:
            model.do(*one)
        model.outbox.paused = False
        for stream_id in (0, 1, 2, 3, 4):
            model.do(
                "credit session" if not stream_id else "credit", stream_id, 1 << 28
            )
        model.release(1 << 30)
        left = {stream_id: model.left[stream_id] for stream_id in model.given}
        self.assertEqual(left, model.given)
        self.assertFalse(model.outbox.ready)

    @UNHURRIED
    @given(integers(0, 2 * SMALL), steps())
    def test_ready_tells_the_truth(self, window: int, life: list[Step]) -> None:
        """After a release without limit nothing is left that could go."""
        model = Model(window)
        for one in life:
            model.do(*one)
        model.release(1 << 30)
        self.assertFalse(model.outbox.ready)

    @UNHURRIED
    @given(lists(integers(1, 5 * QUANTUM), min_size=2, max_size=6), booleans())
    def test_fair(self, amounts: list[int], small: bool) -> None:
        """While two streams both wait, neither gets a turn ahead of the other."""
        outbox = Outbox(0)
        for stream_id, amount in enumerate(amounts):
            outbox.add(stream_id)
            size = SMALL - 1 if small else amount
            for at in range(0, amount, size):
                outbox.put(stream_id, bytes(min(size, amount - at)))
        outbox.credit(0, sum(amounts))
        turns: list[int] = []
        while outbox.ready:
            (piece,) = outbox.release(1)
            self.assertNotIn(piece.stream_id, turns)
            turns.append(piece.stream_id)
            waiting = {key for key, _ in enumerate(amounts) if outbox.waiting(key)}
            if waiting <= set(turns):
                turns.clear()


class OutboxTests(SynchronousTestCase):
    """Single promises."""

    def test_view_is_not_kept(self) -> None:
        """What waits is a copy: whoever lent the view may use its bytes again."""
        lent = bytearray(b"x" * (SMALL * 2))
        outbox = Outbox()
        outbox.add(1, 0)
        outbox.put(1, memoryview(lent))
        lent[:] = b"y" * len(lent)
        outbox.credit(1, len(lent))
        (piece,) = outbox.release(1 << 20)
        self.assertEqual(bytes(piece.data), b"x" * len(lent))

    def test_single_bytes_are_joined(self) -> None:
        """A thousand bytes that waited one by one leave as one piece."""
        outbox = Outbox()
        outbox.add(1, 0)
        for _ in range(1000):
            outbox.put(1, b"z")
        outbox.credit(1, 2000)
        pieces = outbox.release(1 << 20)
        self.assertEqual([bytes(piece.data) for piece in pieces], [b"z" * 1000])

    def test_finish(self) -> None:
        """A FIN with nothing waiting goes now; else it is the last piece's."""
        outbox = Outbox()
        outbox.add(1, 10)
        outbox.add(2, 10)
        outbox.put(1, b"ten bytes!")
        outbox.put(2, b"eleven byte")
        self.assertTrue(outbox.finish(1))
        self.assertFalse(outbox.finish(2))
        outbox.credit(2, 5)
        self.assertEqual(outbox.release(100), [(2, b"e", True)])

    def test_stream_without_window_has_no_turn(self) -> None:
        """What waits for its own window alone is not said to be ready."""
        outbox = Outbox()
        outbox.add(1, 0)
        outbox.put(1, b"later")
        self.assertFalse(outbox.ready)
        outbox.credit(1, 1)
        self.assertTrue(outbox.ready)

    def test_paused(self) -> None:
        """A congested transport holds back what all windows would allow."""
        outbox = Outbox()
        outbox.add(1)
        outbox.paused = True
        self.assertEqual(outbox.put(1, b"wait"), 0)
        self.assertFalse(outbox.ready)
        outbox.paused = False
        self.assertTrue(outbox.ready)

    def test_removed(self) -> None:
        """A stream that is removed takes what waits with it, and its turn."""
        outbox = Outbox(0)
        outbox.add(1)
        outbox.add(2)
        outbox.put(1, b"one")
        outbox.put(2, b"two")
        outbox.remove(1)
        outbox.remove(1)
        outbox.credit(0, 100)
        self.assertEqual(outbox.release(100), [(2, b"two", False)])

    def test_too_much_credit(self) -> None:
        """2**31 - 1 bytes are the most a window holds; past it the peer is wrong."""
        outbox = Outbox(0)
        outbox.add(1, 1)
        outbox.credit(0, LARGEST_WINDOW)
        self.assertRaises(CreditError, outbox.credit, 0, 1)
        error = self.assertRaises(StreamCreditError, outbox.credit, 1, LARGEST_WINDOW)
        self.assertEqual(error.stream_id, 1)

    def test_shifted_too_far(self) -> None:
        """A new initial window that bursts a stream's is the peer's fault."""
        outbox = Outbox(0)
        outbox.add(1, LARGEST_WINDOW)
        self.assertRaises(CreditError, outbox.shift, 1)

    def test_credit_for_no_stream(self) -> None:
        """Credit for a stream that is over is dropped."""
        Outbox().credit(7, 1)


class GateTests(SynchronousTestCase):
    """A gate holds streams back that every window would let go."""

    def setUp(self) -> None:
        """Keep streams 3 and 13 behind a gate, which streams 5 and 8 pass."""
        self.shut = {3, 13}
        self.outbox = Outbox()
        self.outbox.gate = lambda key: 0 if key in self.shut else 1 << 20
        for stream_id in (3, 5, 13):
            self.outbox.add(stream_id)

    def test_held_back(self) -> None:
        """What is behind it waits, without a turn, until it is opened."""
        self.assertEqual(self.outbox.put(3, b"wait"), 0)
        self.assertEqual(self.outbox.put(5, b"pass"), 4)
        self.assertEqual(self.outbox.release(100), [])
        self.assertFalse(self.outbox.ready)
        self.outbox.put(3, b"ing")
        self.assertFalse(self.outbox.ready)
        self.shut.clear()
        self.outbox.reopen(5 % 5)
        self.assertFalse(self.outbox.ready)
        self.outbox.reopen(3 % 5)
        self.assertEqual(self.outbox.release(100), [(3, b"waiting", False)])

    def test_opened_for_all(self) -> None:
        """Turns come back in the order in which they were lost."""
        for stream_id in (3, 13):
            self.outbox.put(stream_id, b"wait")
        self.outbox.release(100)
        self.shut.clear()
        self.outbox.reopen()
        self.assertEqual([one.stream_id for one in self.outbox.release(100)], [3, 13])

    def test_part(self) -> None:
        """It says how many bytes may go."""
        self.outbox.gate = lambda key: 3
        self.assertEqual(self.outbox.put(3, b"part"), 3)
        self.assertEqual(self.outbox.waiting(3), 1)

    def test_finish(self) -> None:
        """A FIN behind it waits as well, with bytes or without."""
        self.outbox.put(13, b"wait")
        for stream_id in (3, 13):
            self.assertFalse(self.outbox.finish(stream_id, shut=True))
            self.assertTrue(self.outbox.holds(stream_id))
        self.assertEqual(self.outbox.release(100), [])
        self.shut.clear()
        self.outbox.reopen()
        pieces = sorted(self.outbox.release(100))
        self.assertEqual(pieces, [(3, b"", True), (13, b"wait", True)])
        self.assertFalse(self.outbox.holds(3))

    def test_removed(self) -> None:
        """A stream that is removed behind it does not come back."""
        self.outbox.put(3, b"wait")
        self.outbox.release(100)
        self.outbox.remove(3)
        self.outbox.reopen()
        self.assertFalse(self.outbox.ready)

    def test_joined(self) -> None:
        """Pieces that waited behind it leave in as few as can be."""
        for _ in range(20):
            self.outbox.put(3, bytes(SMALL * 8))
        self.outbox.put(13, bytes(SMALL * 64))
        self.shut.clear()
        sizes = [len(one.data) for one in self.outbox.release(1 << 30)]
        # In turns while both wait, and more at once while only one does.
        self.assertEqual(sizes[:2], [QUANTUM, QUANTUM])
        self.assertEqual(max(sizes), ALONE)
        self.assertEqual(sum(sizes), SMALL * (160 + 64))
