"""Tests for `spdygate.dialect.http2end`, on both sides of a connection."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from spdygate.dialect.budget import LINGER
from spdygate.dialect.tunnel import Drained, Failure, Reason, TunnelEvent
from tests.dialect.contract import Bench, EndContract, drained
from tests.dialect.http2joined import (
    HOP,
    NOTHING_KEPT,
    RESET,
    BothWays,
    Joined,
    arrived,
    failures,
    finished,
)

KIB = 1024

GONE = Failure(Reason.POD_GONE, "the pod was deleted")


class Http2Bench:
    """One end of the two of a tunnel, seen from the other."""

    def __init__(self, *, served: bool) -> None:
        self._joined = joined = Joined()
        near, far = joined.connect()
        self._side, self._across = joined.gateway_side, joined.node_side
        self.end, self._other = near, far
        if served:
            self._side, self._across = self._across, self._side
            self.end, self._other = far, near

    def _seen(self) -> list[TunnelEvent]:
        """Return what the other side has seen."""
        self._joined.exchange()
        return self._across.events

    @property
    def arrived(self) -> bytes:
        """Return what has got through."""
        return arrived(self._seen(), self._other)

    @property
    def fin(self) -> bool:
        """Return whether the FIN has got through."""
        return finished(self._seen(), self._other)

    @property
    def dead(self) -> bool:
        """Return whether the other side has seen it fail."""
        return bool(failures(self._seen(), self._other))

    def told(self) -> list[TunnelEvent]:
        """Return, and forget, what has happened at the end."""
        self._joined.exchange()
        return self._side.told()

    def hold(self) -> None:
        """Have what is sent wait: the transport is congested."""
        self._side.dialect.pause()

    def let_go(self) -> None:
        """Let all that waits leave."""
        self._side.dialect.resume()
        self._joined.release()

    def peer_sends(self, data: bytes) -> None:
        """Let bytes come from the other side."""
        self._other.send(data)
        self._joined.exchange()

    def peer_finishes(self) -> None:
        """Let the other side finish."""
        self._other.finish()
        self._joined.exchange()

    def peer_breaks(self) -> None:
        """Let the other side give up."""
        self._other.fail(RESET)
        self._joined.exchange()


class NodeEndTests(EndContract):
    """The contract, at the end of a tunnel that we asked for."""

    def bench(self) -> Bench:
        """Make an open end."""
        return Http2Bench(served=False)


class ServedEndTests(EndContract):
    """The contract, at the end of a tunnel that we were asked for."""

    def bench(self) -> Bench:
        """Make an open end."""
        return Http2Bench(served=True)


del EndContract


class DrainTests(BothWays):
    """What has waited is accounted for to the last byte."""

    def test_more_than_a_turn(self) -> None:
        """What leaves in several pieces is all reported, though the stream is over."""
        for way in self.ways():
            way.side.dialect.pause()
            left = way.end.send(bytes(200 * KIB))
            way.end.finish()
            way.other.finish()
            way.side.dialect.resume()
            way.joined.release()
            self.assertEqual(left + drained(way.side.told()), 200 * KIB)
            self.assertEqual(way.kept, NOTHING_KEPT)

    def test_more_than_a_turn_lingering(self) -> None:
        """The same for a stream that failed: bytes, FIN and failure arrive."""
        for way in self.ways():
            left = way.linger(200 * KIB)
            way.side.dialect.resume()
            way.joined.release()
            self.assertEqual(left + drained(way.side.told()), 200 * KIB)
            told = way.across.told()
            self.assertEqual(len(arrived(told, way.other)), 200 * KIB)
            self.assertTrue(finished(told, way.other))
            (failed,) = failures(told, way.other)
            self.assertIs(failed.failure.reason, Reason.TARGET_RESET)
            self.assertEqual(way.kept, NOTHING_KEPT)

    def test_a_little_at_a_time(self) -> None:
        """`release` writes about as much as it is told to, and goes on from there."""
        for way in self.ways():
            way.side.dialect.pause()
            way.end.send(bytes(200 * KIB))
            way.side.dialect.resume()
            told = way.side.dialect.release(1)
            self.assertEqual([type(event) for event in told], [Drained])
            self.assertTrue(way.side.dialect.has_waiting)
            way.side.events += told
            way.joined.release(1)
            self.assertEqual(drained(way.side.told()), 200 * KIB)
            self.assertFalse(way.side.dialect.has_waiting)

    def test_wake(self) -> None:
        """Whatever makes something to write says so."""
        for way in self.ways():
            verbs: list[Callable[[], object]] = [
                partial(way.end.send, b"x"),
                way.end.finish,
                partial(way.end.fail, RESET),
            ]
            for verb in verbs:
                before = way.side.woken
                verb()
                self.assertGreater(way.side.woken, before)


class LingerTests(BothWays):
    """A stream that failed after its FIN may deliver for a while."""

    def test_a_minute(self) -> None:
        """What has not left after 60 seconds is thrown away, and that is told."""
        for way in self.ways():
            way.linger(10)
            dialect = way.side.dialect
            self.assertEqual(dialect._line.deadline(), LINGER)
            self.assertEqual(dialect._line.ends, {way.end.stream_id: way.end})
            told: list[TunnelEvent] = []
            dialect._line.tick(LINGER - 0.001, told)
            self.assertEqual(told, [])
            dialect._line.tick(LINGER, told)
            (failed,) = failures(told, way.end)
            self.assertIn("60 s", failed.failure.message)
            dialect.resume()
            way.joined.release()
            self.assertEqual(arrived(way.across.told(), way.other), b"")
            self.assertEqual(way.side.told(), [])
            self.assertEqual(way.kept, NOTHING_KEPT)
            self.assertEqual(dialect._line.deadline(), float("inf"))

    def test_finished_from_both_sides(self) -> None:
        """What waits though all is said has a minute, too, and so has an end."""
        for way in self.ways():
            way.side.dialect.pause()
            way.end.send(bytes(10))
            way.end.finish()
            way.other.finish()
            way.joined.exchange()
            way.side.told()
            told: list[TunnelEvent] = []
            way.side.dialect._line.tick(LINGER, told)
            self.assertEqual(len(failures(told, way.end)), 1)
            self.assertEqual(way.side.dialect.tunnels, 0)

    def test_the_other_side_gives_up_first(self) -> None:
        """What waits is then lost at once, which is told once."""
        for way in self.ways():
            way.linger(10)
            way.other.fail(RESET)
            way.joined.exchange()
            self.assertEqual(len(failures(way.side.told(), way.end)), 1)
            told: list[TunnelEvent] = []
            way.side.dialect._line.tick(LINGER, told)
            self.assertEqual(told, [])
            self.assertEqual(way.kept, NOTHING_KEPT)

    def test_both_linger(self) -> None:
        """Two ends that both failed deliver both, and neither stays."""
        for way in self.ways():
            way.linger(10)
            way.across.dialect.pause()
            way.other.send(b"back")
            way.other.finish()
            way.other.fail(GONE)
            for dialect in (way.side.dialect, way.across.dialect):
                dialect.resume()
            way.joined.release()
            self.assertEqual(drained(way.side.told()), 10)
            self.assertEqual(way.kept, NOTHING_KEPT)

    def test_the_connection_is_lost(self) -> None:
        """What lingers is then told to be lost, once."""
        for way in self.ways():
            way.linger(10)
            told = way.side.dialect.lost()
            self.assertEqual(len(failures(told, way.end)), 1)
            self.assertEqual(way.side.dialect.lost(), [])
            self.assertEqual(way.side.dialect.tunnels, 0)


class ResetTests(BothWays):
    """Why a tunnel ended, from one side to the other."""

    CODES = (
        Reason.TARGET_RESET,
        Reason.GAVE_UP,
        Reason.RETRY,
        Reason.LIMIT,
        Reason.POD_GONE,
        Reason.PROTOCOL,
    )

    def test_each_reason(self) -> None:
        """What has a code of its own arrives as what it was."""
        for reason in self.CODES:
            for way in self.ways():
                way.end.fail(Failure(reason, "why"))
                way.joined.exchange()
                (failed,) = failures(way.across.told(), way.other)
                self.assertIs(failed.failure.reason, reason)
                named = failed.failure.message.startswith(HOP)
                self.assertEqual(named, way.across is way.joined.gateway_side)
                self.assertEqual(way.side.told(), [])
                self.assertEqual(way.kept, NOTHING_KEPT)

    def test_after_both_have_finished(self) -> None:
        """A tunnel that is done cannot fail any more."""
        for way in self.ways():
            way.end.finish()
            way.other.finish()
            way.joined.exchange()
            self.assertTrue(way.end.over and way.other.over)
            self.assertTrue(finished(way.side.told(), way.end))
            way.across.told()
            way.end.fail(RESET)
            way.joined.exchange()
            self.assertEqual(way.across.told(), [])
            self.assertEqual(way.kept, NOTHING_KEPT)

    def test_fail_after_finish(self) -> None:
        """With nothing waiting, bytes, FIN and failure arrive in that order."""
        for way in self.ways():
            way.end.send(b"last words")
            way.end.finish()
            way.end.fail(GONE)
            way.joined.exchange()
            told = way.across.told()
            names = [type(event).__name__ for event in told]
            self.assertEqual(names, ["Data", "Finished", "Failed"])
            self.assertEqual(arrived(told, way.other), b"last words")
