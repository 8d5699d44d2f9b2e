"""Tests for `spdygate.dialect.http2end`: credit, on both sides of a connection."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from, tuples

from spdygate.dialect.http2end import Http2End
from spdygate.dialect.tunnel import TunnelEvent
from spdygate.session.http2 import Http2Limits
from tests.dialect.contract import drained
from tests.dialect.http2joined import (
    NOTHING_KEPT,
    RESET,
    WINDOW,
    BothWays,
    Way,
    arrived,
)

KIB = 1024


def is_at(event: TunnelEvent, end: Http2End) -> bool:
    """Return whether something happened at this end."""
    return getattr(event, "end", None) is end


class Course:
    """
    One direction with bytes going through it, and its account.

    :ivar sent: bytes that were sent, of which `left` have left.
    :ivar received: bytes that arrived, of which `granted` were granted.
    """

    def __init__(self) -> None:
        self.way = Way(down=True)
        self.sent = self.left = self.received = self.granted = 0

    def does(self, verb: str, count: int) -> None:
        """Do one thing."""
        way = self.way
        match verb:
            case "send":
                self.sent += count
                self.left += way.end.send(bytes(count))
            case "back":
                way.other.send(bytes(count))
            case "grant":
                count = min(count, self.received - self.granted)
                self.granted += count
                way.other.grant(count)
            case "pause":
                way.side.dialect.pause()
            case "resume":
                way.side.dialect.resume()
                way.joined.release(count)
            case "carry":
                way.joined.exchange()
        self.left += drained([e for e in way.side.told() if is_at(e, way.end)])
        self.received += len(arrived(way.across.told(), way.other))

    def rest(self) -> tuple[int, int]:
        """Let everything pass; return the bytes that left and that arrived."""
        for _ in range(100):
            self.does("resume", 1 << 20)
            self.does("grant", 1 << 30)
        return self.left, self.received


class CreditTests(BothWays):
    """Back-pressure is HTTP/2's own."""

    def test_a_window_and_no_more(self) -> None:
        """Without a grant one window's worth arrives; with grants, all of it."""
        sent = bytes(range(256)) * (4 * KIB)
        for way in self.ways():
            left = way.end.send(sent)
            way.joined.release()
            got = arrived(way.across.told(), way.other)
            self.assertEqual(len(got), WINDOW)
            self.assertEqual(left, WINDOW)
            more = got
            while len(got) < len(sent):
                way.other.grant(len(more))
                way.joined.release()
                before, more = more, arrived(way.across.told(), way.other)
                # What was granted; and the window grows twofold with it.
                self.assertTrue(0 < len(more) <= 2 * len(before))
                got += more
            self.assertEqual(got, sent)
            self.assertEqual(left + drained(way.side.told()), len(sent))

    def test_a_stuck_neighbour(self) -> None:
        """A tunnel that nobody drains costs the others nothing."""
        for way in self.ways():
            near, far = way.joined.connect()
            second = near if way.side is way.joined.gateway_side else far
            way.end.send(bytes(4 * WINDOW))
            for _ in range(4):
                self.assertEqual(second.send(b"x"), 1)
            way.joined.exchange()
            reader = far if second is near else near
            self.assertEqual(arrived(way.across.told(), reader), b"xxxx")

    def test_many_stuck_neighbours(self) -> None:
        """Tunnels that nobody drains hold more than the connection's window, and
        take none of it from the others."""
        for way in self.ways():
            stuck = 1 + Http2Limits().session_window // WINDOW
            for _ in range(stuck):
                near, far = way.joined.connect()
                (near if way.side is way.joined.gateway_side else far).send(
                    bytes(2 * WINDOW)
                )
            way.joined.release()
            way.across.told()
            for _ in range(8):
                self.assertEqual(way.end.send(bytes(WINDOW)), WINDOW)
                way.joined.exchange()
                got = arrived(way.across.told(), way.other)
                self.assertEqual(len(got), WINDOW)
                way.other.grant(WINDOW)
                way.joined.exchange()

    def test_late_grants(self) -> None:
        """Bytes that came before the end are granted after it, and that is that."""
        for way in self.ways():
            way.end.send(b"early")
            way.joined.exchange()
            way.other.fail(RESET)
            way.other.grant(5)
            way.joined.exchange()
            self.assertEqual(way.kept, NOTHING_KEPT)

    def test_unread_bytes_of_a_lingering_end(self) -> None:
        """An end that failed reads on without telling: its peer must not be stuck."""
        for way in self.ways():
            way.linger(10)
            self.assertEqual(way.other.send(bytes(4 * WINDOW)), WINDOW)
            way.joined.release()
            told = way.across.told()
            self.assertEqual(drained(told), 3 * WINDOW)
            self.assertEqual(way.side.told(), [])

    @given(
        lists(
            tuples(
                sampled_from(("send", "back", "grant", "pause", "resume", "carry")),
                integers(1, 100_000),
            ),
            max_size=40,
        )
    )
    def test_any_course(self, steps: list[tuple[str, int]]) -> None:
        """Whatever the course, no window is overrun and everything arrives."""
        course = Course()
        for verb, count in steps:
            course.does(verb, count)
            self.assertLessEqual(course.received - course.granted, WINDOW)
        self.assertEqual(course.rest(), (course.sent, course.sent))
