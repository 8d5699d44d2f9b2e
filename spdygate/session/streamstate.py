"""
What one SPDY stream may do next (SPDY/3.1 draft, section 2.3).

Rule 1: every transition lives in `TRANSITIONS`; what is not in the table is
an error, and nothing outside this file compares stream states.

Rule 2: this file does not know which side we are.  "We" and "they" differ
only in who is to blame.

A stream is asked for by one side and answered by the other (SYN_STREAM,
SYN_REPLY).  The one who asked may send before the answer; the one who answers
may not: a Go client drops DATA that comes before its SYN_REPLY, silently.

The members are integers because a table is looked up for every piece of DATA,
and a plain ``Enum`` is hashed in Python, an ``int`` in C.
"""

from __future__ import annotations

from enum import IntEnum, auto

from ..errors import LocalError, RemoteStreamError, RstStatus


class State(IntEnum):
    """How much of the stream is still open."""

    IDLE = auto()
    #: They asked, and we have not answered.
    THEY_ASKED = auto()
    #: They asked and have sent all they will, and we have not answered.
    THEY_ASKED_AND_FINISHED = auto()
    #: We asked, and they have not answered.
    WE_ASKED = auto()
    #: We asked and have sent all we will, and they have not answered.
    WE_ASKED_AND_FINISHED = auto()
    OPEN = auto()
    WE_FINISHED = auto()
    THEY_FINISHED = auto()
    CLOSED = auto()


class Input(IntEnum):
    """What can happen to a stream."""

    WE_ASK = auto()
    THEY_ASK = auto()
    WE_ANSWER = auto()
    THEY_ANSWER = auto()
    WE_SEND = auto()
    THEY_SEND = auto()
    WE_FINISH = auto()
    THEY_FINISH = auto()
    #: RST_STREAM, whoever sends it.
    RESET = auto()


TRANSITIONS: dict[State, dict[Input, State]] = {
    State.IDLE: {
        Input.WE_ASK: State.WE_ASKED,
        Input.THEY_ASK: State.THEY_ASKED,
    },
    State.THEY_ASKED: {
        Input.WE_ANSWER: State.OPEN,
        Input.THEY_SEND: State.THEY_ASKED,
        Input.THEY_FINISH: State.THEY_ASKED_AND_FINISHED,
        Input.RESET: State.CLOSED,
    },
    State.THEY_ASKED_AND_FINISHED: {
        Input.WE_ANSWER: State.THEY_FINISHED,
        Input.RESET: State.CLOSED,
    },
    State.WE_ASKED: {
        Input.THEY_ANSWER: State.OPEN,
        Input.WE_SEND: State.WE_ASKED,
        Input.WE_FINISH: State.WE_ASKED_AND_FINISHED,
        Input.RESET: State.CLOSED,
    },
    State.WE_ASKED_AND_FINISHED: {
        Input.THEY_ANSWER: State.WE_FINISHED,
        Input.RESET: State.CLOSED,
    },
    State.OPEN: {
        Input.WE_SEND: State.OPEN,
        Input.THEY_SEND: State.OPEN,
        Input.WE_FINISH: State.WE_FINISHED,
        Input.THEY_FINISH: State.THEY_FINISHED,
        Input.RESET: State.CLOSED,
    },
    State.WE_FINISHED: {
        Input.THEY_SEND: State.WE_FINISHED,
        Input.THEY_FINISH: State.CLOSED,
        Input.RESET: State.CLOSED,
    },
    State.THEY_FINISHED: {
        Input.WE_SEND: State.THEY_FINISHED,
        Input.WE_FINISH: State.CLOSED,
        Input.RESET: State.CLOSED,
    },
    State.CLOSED: {},
}

_THEIRS = frozenset(
    {Input.THEY_ASK, Input.THEY_ANSWER, Input.THEY_SEND, Input.THEY_FINISH}
)


class StreamOrderError(RemoteStreamError):
    """The peer did on a stream what the stream's state forbids."""


class StreamClosedError(StreamOrderError):
    """The peer sent after its own FIN (SPDY/3.1 draft, section 2.2.2)."""

    rst = RstStatus.STREAM_ALREADY_CLOSED


_AFTER_FIN = frozenset(
    {State.THEY_FINISHED, State.THEY_ASKED_AND_FINISHED, State.CLOSED}
)


def advance(state: State, happening: Input, stream_id: int) -> State:
    """
    Return the state after *happening*.

    :raises RemoteStreamError: the peer did what *state* forbids.
    :raises LocalError: we did.
    """
    try:
        return TRANSITIONS[state][happening]
    except KeyError:
        pass
    words = f"stream {stream_id}: {happening.name} while {state.name}"
    if happening not in _THEIRS:
        raise LocalError(words)
    if state in _AFTER_FIN and happening is not Input.THEY_ASK:
        raise StreamClosedError(stream_id, words)
    raise StreamOrderError(stream_id, words)


def is_over(state: State) -> bool:
    """Say whether nothing more can happen to the stream."""
    return not TRANSITIONS[state]


def may_send(state: State) -> bool:
    """Say whether we may send DATA now."""
    return Input.WE_SEND in TRANSITIONS[state]


def may_finish(state: State) -> bool:
    """Say whether we may send a FIN now."""
    return Input.WE_FINISH in TRANSITIONS[state]


def awaits_us(state: State) -> bool:
    """Say whether the peer asked for the stream and we have not answered."""
    return Input.WE_ANSWER in TRANSITIONS[state]
