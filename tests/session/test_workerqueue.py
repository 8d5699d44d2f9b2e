"""Tests for `spdygate.session.workerqueue`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.session.workerqueue import GONE, PLACES, WorkerQueue


def queue(*marks: int) -> WorkerQueue:
    """Return a queue that was sent frames, and questions where less than 0."""
    result = WorkerQueue()
    for mark in marks:
        if mark < 0:
            result.ask(-mark)
        else:
            result.put(mark)
    return result


class WorkerQueueTests(SynchronousTestCase):
    """The copy of one queue."""

    def test_answered(self) -> None:
        """An answer forgets what was sent before its question, and no more."""
        one = queue(3, 0, -2, 13, -12, 3)
        self.assertEqual((one.first, one.fresh), (2, 1))
        one.answered(0.0)
        self.assertEqual((one.marks, one.first), ([13, -12, 3], 12))
        one.answered(0.0)
        self.assertEqual((one.marks, one.first), ([3], 0))

    def test_suspects(self) -> None:
        """The worker waits with a payload before the first question."""
        self.assertEqual(queue(3, 0, 13, -2, 23).suspects(), [3, 13])
        self.assertEqual(queue(3, 0, 13).suspects(), [3, 13])

    def test_left(self) -> None:
        """What a client has left is marked, wherever it is."""
        one = queue(3, 0, 13, -2, 3)
        one.left(3, 3 | GONE)
        self.assertEqual(one.marks, [3 | GONE, 0, 13, -2, 3 | GONE])
        one.left(3, 0)
        self.assertEqual(one.marks, [0, 0, 13, -2, 0])

    def test_doubt(self) -> None:
        """Only what was sent before the first question can hold a worker up."""
        one = queue(3, -2, 13)
        one.left(13, 13 | GONE)
        one.doubt(1.0)
        self.assertEqual(one.gone, float("inf"))
        one.left(3, 3 | GONE)
        one.doubt(1.0)
        one.doubt(2.0)
        self.assertEqual(one.gone, 1.0)
        one.left(3, 0)
        one.doubt(3.0)
        self.assertEqual(one.gone, float("inf"))

    def test_lost(self) -> None:
        """What is too much to be noted is known again after a question of its own."""
        one = queue(*[3] * 10, -2, *[3] * PLACES)
        self.assertTrue(one.lost)
        self.assertEqual(len(one.marks), PLACES)
        one.ask(4)
        one.answered(0.0)
        self.assertTrue(one.lost)
        one.answered(0.0)
        self.assertFalse(one.lost)
        self.assertEqual(one.marks, [])

    def test_lost_again(self) -> None:
        """A question that was sent before more was lost proves nothing about that."""
        one = queue(*[3] * (PLACES + 1), -2, 3)
        self.assertTrue(one.lost)
        one.answered(0.0)
        self.assertTrue(one.lost)

    def test_sizes(self) -> None:
        """Frames for a slow worker are small, and grow while it is quick."""
        one = WorkerQueue()
        sizes = []
        for lag in (1.0, 1.0, 1.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0):
            one.ask(2)
            one.behind = 5.0
            one.answered(5.0 + lag)
            sizes.append(one.size // 1024)
        self.assertEqual(sizes, [64, 16, 16, 16, 32, 64, 128, 256, 256])
