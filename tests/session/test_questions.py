"""Tests for `spdygate.session.questions`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.session.questions import OFTEN, PINGS, WINDOW, Questions
from spdygate.session.workerqueue import PLACES


def fill(questions: Questions, stream_id: int, frames: int) -> None:
    """Send so many frames with bytes in them."""
    for _ in range(frames):
        questions.sent(stream_id, stream_id)


class QuestionsTests(SynchronousTestCase):
    """What is asked, and what may be sent before there is an answer."""

    def test_five_in_a_row(self) -> None:
        """PINGs have even numbers that grow, and reach all queues."""
        questions = Questions()
        self.assertEqual(questions.ping(), [2, 4, 6, 8, 10])
        self.assertEqual(questions.ping(), [12, 14, 16, 18, 20])

    def test_due(self) -> None:
        """A queue that was sent enough is to be asked, once."""
        questions = Questions()
        fill(questions, 3, OFTEN - 1)
        self.assertFalse(questions.due)
        fill(questions, 3, 1)
        self.assertTrue(questions.due)
        questions.ping()
        self.assertFalse(questions.due)

    def test_dealt(self) -> None:
        """What is dealt in turn moves the turn, and the PINGs behind it."""
        questions = Questions()
        questions.dealt()
        fill(questions, 5, WINDOW - 1)
        self.assertEqual(questions.room(5), 0)
        questions = Questions()
        for _ in range(PLACES - 1):
            self.assertTrue(questions.deals())
            for _ in range(5):
                questions.dealt()
        self.assertFalse(questions.deals())

    def test_room(self) -> None:
        """DATA has its window, in each queue for itself."""
        questions = Questions()
        fill(questions, 13, WINDOW)
        self.assertEqual(questions.room(3), 0)
        self.assertEqual(questions.room(5), WINDOW)

    def test_aimed(self) -> None:
        """Where a PING would cost one of the last places, streams are opened."""
        questions = Questions()
        questions.ping()
        fill(questions, 3, PINGS)
        fill(questions, 5, OFTEN)
        fill(questions, 6, OFTEN)
        self.assertEqual(questions.ping(), [])
        self.assertEqual(questions.open(), [20, 26])
        self.assertFalse(questions.due)
        self.assertEqual(questions.open(), [])

    def test_urgent(self) -> None:
        """A peer that may not be there is asked with the last places."""
        questions = Questions()
        questions.ping()
        fill(questions, 3, PINGS)
        self.assertEqual(len(questions.ping(urgent=True)), 5)

    def test_numbers_end(self) -> None:
        """After a thousand million questions there are no more."""
        questions = Questions()
        questions._number = 2**31 - 24
        questions.ping()
        self.assertEqual(questions.broken, "")
        questions.ping()
        self.assertIn("numbers", questions.broken)
