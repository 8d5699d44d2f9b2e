"""Tests for `spdygate.session.streamstate`."""

from __future__ import annotations

from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LocalError, RemoteStreamError, RstStatus
from spdygate.session.streamstate import (
    TRANSITIONS,
    Input,
    State,
    advance,
    awaits_us,
    is_over,
    may_finish,
    may_send,
)

#: Every cell: the next state, "we" or "they" for who broke the protocol by it,
#: and "late" for a peer that sends after its FIN.
CHART = """
                         WE_ASK   THEY_ASK   WE_ANSWER     THEY_ANSWER WE_SEND               THEY_SEND   WE_FINISH             THEY_FINISH             RESET
IDLE                     WE_ASKED THEY_ASKED we            they        we                    they        we                    they                    we
THEY_ASKED               we       they       OPEN          they        we                    THEY_ASKED  we                    THEY_ASKED_AND_FINISHED CLOSED
THEY_ASKED_AND_FINISHED  we       they       THEY_FINISHED late        we                    late        we                    late                    CLOSED
WE_ASKED                 we       they       we            OPEN        WE_ASKED              they        WE_ASKED_AND_FINISHED they                    CLOSED
WE_ASKED_AND_FINISHED    we       they       we            WE_FINISHED we                    they        we                    they                    CLOSED
OPEN                     we       they       we            they        OPEN                  OPEN        WE_FINISHED           THEY_FINISHED           CLOSED
WE_FINISHED              we       they       we            they        we                    WE_FINISHED we                    CLOSED                  CLOSED
THEY_FINISHED            we       they       we            late        THEY_FINISHED         late        CLOSED                late                    CLOSED
CLOSED                   we       they       we            late        we                    late        we                    late                    we
"""


def chart() -> dict[tuple[State, Input], str]:
    """Read the chart."""
    head, *rows = (line.split() for line in CHART.strip().splitlines())
    return {
        (State[row[0]], Input[name]): cell
        for row in rows
        for name, cell in zip(head, row[1:], strict=True)
    }


def outcome(state: State, happening: Input) -> str:
    """Return what a cell of the real table leads to, in the chart's words."""
    try:
        return advance(state, happening, 7).name
    except LocalError:
        return "we"
    except RemoteStreamError as error:
        assert error.stream_id == 7
        late = error.rst is RstStatus.STREAM_ALREADY_CLOSED
        assert late or error.rst is RstStatus.PROTOCOL_ERROR
        return "late" if late else "they"


class AdvanceTests(SynchronousTestCase):
    """The table is small enough to try every cell."""

    def test_every_cell(self) -> None:
        """Each cell leads where the chart says, or blames whom it says."""
        expected = chart()
        self.assertEqual(len(expected), len(State) * len(Input))
        for state, happening in product(State, Input):
            with self.subTest(f"{happening.name} while {state.name}"):
                self.assertEqual(outcome(state, happening), expected[state, happening])

    def test_the_words_name_all_three(self) -> None:
        """An error says which stream, what happened, and in which state."""
        with self.assertRaises(RemoteStreamError) as caught:
            advance(State.WE_ASKED, Input.THEY_SEND, 9)
        for word in ("9", "THEY_SEND", "WE_ASKED"):
            self.assertIn(word, str(caught.exception))

    def test_every_state_can_be_reached(self) -> None:
        """No row of the table is a room that nobody enters."""
        reached = {State.IDLE}
        for _ in State:
            for state in tuple(reached):
                reached.update(TRANSITIONS[state].values())
        self.assertEqual(reached, set(State))

    def test_data_never_goes_before_the_answer(self) -> None:
        """Who was asked may not send: a Go client drops such DATA silently."""
        for state in (State.THEY_ASKED, State.THEY_ASKED_AND_FINISHED):
            self.assertFalse(may_send(state))
            self.assertFalse(may_finish(state))


class QuestionTests(SynchronousTestCase):
    """Nobody else compares states: they ask."""

    def test_over(self) -> None:
        """A stream is over when it is closed, and only then."""
        self.assertEqual({s for s in State if is_over(s)}, {State.CLOSED})

    def test_may_send_and_finish(self) -> None:
        """Whoever may send may also finish, and nobody else."""
        sending = {State.WE_ASKED, State.OPEN, State.THEY_FINISHED}
        self.assertEqual({s for s in State if may_send(s)}, sending)
        self.assertEqual({s for s in State if may_finish(s)}, sending)

    def test_awaits_us(self) -> None:
        """A stream that was asked for waits for us, whether or not it is FINed."""
        waiting = {State.THEY_ASKED, State.THEY_ASKED_AND_FINISHED}
        self.assertEqual({s for s in State if awaits_us(s)}, waiting)
