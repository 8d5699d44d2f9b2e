"""Tests for `spdygate.session.events`."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import RemoteError
from spdygate.session import events
from spdygate.session.events import (
    Broken,
    DataReceived,
    Drained,
    Event,
    GoingAway,
    Pong,
    Ready,
    StreamAccepted,
    StreamFinished,
    StreamOpened,
    StreamRefused,
    StreamReset,
)

HEADERS = ((b"port", b"80"),)

#: One of each.
EXAMPLES: tuple[Event, ...] = (
    DataReceived(1, b"x"),
    StreamOpened(1, HEADERS),
    StreamAccepted(1, ()),
    StreamRefused(1, HEADERS, b"why"),
    StreamFinished(1),
    StreamReset(1, 5),
    Drained(1, 10),
    Ready(extended_connect=True),
    Pong(2),
    GoingAway(3, 0),
    Broken(RemoteError("why")),
)


class EventTests(SynchronousTestCase):
    """Events are values: a conversation can be compared with a list."""

    def test_one_of_each(self) -> None:
        """The union names every event there is."""
        kinds = {type(event) for event in EXAMPLES}
        self.assertEqual(kinds, set(get_args(Event)))
        defined = {
            value
            for value in vars(events).values()
            if isinstance(value, type) and value.__module__ == events.__name__
        }
        self.assertEqual(kinds, defined)

    def test_equal_by_value(self) -> None:
        """Two events that tell the same are the same."""
        self.assertEqual(StreamReset(1, 5), StreamReset(1, 5))
        self.assertNotEqual(StreamReset(1, 5), StreamReset(1, 1))
        self.assertEqual(DataReceived(1, memoryview(b"x")), DataReceived(1, b"x"))

    def test_nothing_is_added_to_them(self) -> None:
        """An event has its fields and no room for others; all but one are frozen."""
        for event in EXAMPLES:
            self.assertFalse(hasattr(event, "__dict__"), event)
            if isinstance(event, DataReceived):
                continue
            name = event.__slots__[0]
            with self.assertRaises(FrozenInstanceError):
                setattr(event, name, None)
