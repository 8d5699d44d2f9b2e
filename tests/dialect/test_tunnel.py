"""Tests for `spdygate.dialect.tunnel`, and the contract kept by a plain record."""

from __future__ import annotations

from http import HTTPStatus
from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import (
    Data,
    Drained,
    End,
    Exchanged,
    Failed,
    Failure,
    Finished,
    Noted,
    Opened,
    Opening,
    Reason,
    TunnelEvent,
    nothing,
)
from tests.dialect.contract import EndContract
from tests.dialect.ends import RecordingEnd, request


class ReasonTests(SynchronousTestCase):
    """Reasons are words for logs, and statuses for HTTP."""

    def test_labels(self) -> None:
        """No two reasons have one label, and each is a word or two."""
        labels = [reason.label for reason in Reason]
        self.assertEqual(len(set(labels)), len(Reason))
        for label in labels:
            self.assertRegex(label, r"^[a-z]+(-[a-z]+)*$")

    def test_statuses(self) -> None:
        """Each status is a refusal; reasons that share one are still two."""
        for reason in Reason:
            self.assertGreaterEqual(reason.status, 400)
            self.assertLess(reason.status, 600)
        self.assertIsNot(Reason.DRAINING, Reason.RETRY)

    def test_the_refusals_of_the_protocol(self) -> None:
        """Docs/protocol.rst, 8.1: the status says what went wrong."""
        self.assertEqual(
            {
                Reason.BAD_REQUEST: HTTPStatus.BAD_REQUEST,
                Reason.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
                Reason.FORBIDDEN: HTTPStatus.FORBIDDEN,
                Reason.NO_SUCH_POD: HTTPStatus.NOT_FOUND,
                Reason.REFUSED: HTTPStatus.BAD_GATEWAY,
                Reason.TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
                Reason.DRAINING: HTTPStatus.SERVICE_UNAVAILABLE,
                Reason.LIMIT: HTTPStatus.TOO_MANY_REQUESTS,
            },
            {
                reason: reason.status
                for reason in Reason
                if reason.label
                in (
                    *("bad-request", "unauthorized", "forbidden", "no-such-pod"),
                    *("refused", "timeout", "draining", "limit"),
                )
            },
        )


class EventTests(SynchronousTestCase):
    """Events are values that name their end."""

    def test_one_of_each(self) -> None:
        """The union has these eight; all but `Noted` say where it happened."""
        end: End = RecordingEnd()
        why = Failure(Reason.REFUSED, "why")
        events: list[TunnelEvent] = [
            Opening(end, request()),
            Opened(end),
            Data(end, b"x"),
            Finished(end),
            Failed(end, why),
            Drained(end, 1),
            Exchanged(end),
            Noted("words"),
        ]
        self.assertEqual({type(event) for event in events}, set(get_args(TunnelEvent)))
        for event in events:
            if not isinstance(event, Noted):
                self.assertIs(event.end, end)

    def test_equal_by_value(self) -> None:
        """A list of events can be compared with another."""
        end = RecordingEnd()
        self.assertEqual([Opened(end), Drained(end, 3)], [Opened(end), Drained(end, 3)])
        self.assertNotEqual(Opened(end), Opened(RecordingEnd()))

    def test_nothing(self) -> None:
        """The callback that nobody has set does nothing."""
        self.assertIsNone(nothing())  # type: ignore[func-returns-value]


class RecordBench:
    """A `Bench` around a `RecordingEnd`."""

    def __init__(self) -> None:
        self.end = RecordingEnd()
        self.end.receiver = self
        self._told: list[TunnelEvent] = []

    def act(self, event: TunnelEvent) -> None:
        """Write down what happened."""
        self._told.append(event)

    def refuse(self, failure: Failure) -> None:
        """Fail the test: no end gives its receiver up."""
        raise AssertionError(failure)

    def told(self) -> list[TunnelEvent]:
        """Return, and forget, what has happened."""
        told, self._told = self._told, []
        return told

    @property
    def arrived(self) -> bytes:
        """Return what has left."""
        return self.end.sent[: self.end.left]

    @property
    def fin(self) -> bool:
        """Return whether the FIN has left as well."""
        return self.end.finished and not self.end.waiting

    @property
    def dead(self) -> bool:
        """Return whether it failed."""
        return bool(self.end.failures)

    def hold(self) -> None:
        """Have what is sent wait."""
        self.end.holds = True

    def let_go(self) -> None:
        """Let all that waits leave."""
        self.end.let_go()

    def peer_sends(self, data: bytes) -> None:
        """Let bytes come."""
        self.end.comes(data)

    def peer_finishes(self) -> None:
        """Let the other side finish."""
        self.end.ends()

    def peer_breaks(self) -> None:
        """Let the other side give up."""
        self.end.breaks()


class RecordingEndTests(EndContract):
    """What other tests use for an end is one."""

    def bench(self) -> RecordBench:
        """Make one."""
        return RecordBench()


# It is for subclasses: trial is not to run it by itself.
del EndContract
