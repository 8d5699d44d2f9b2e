"""Tests for `spdygate.dialect.http2end`, on both sides of a connection."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.http2end import LINGER, Http2End
from spdygate.dialect.tunnel import Drained, Failed, Failure, Reason, TunnelEvent
from spdygate.session.http2 import Http2Limits
from tests.dialect.contract import Bench, EndContract, drained
from tests.dialect.http2joined import HOP, Joined, Side, arrived, failures, finished

KIB = 1024
WINDOW = 256 * KIB

GONE = Failure(Reason.POD_GONE, "the pod was deleted")
RESET = Failure(Reason.TARGET_RESET, "the target reset the connection")


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


class JoinedCase(SynchronousTestCase):
    """One tunnel that is open, between a gateway and a node."""

    def setUp(self) -> None:
        """Open it."""
        self.joined = Joined()
        self.near, self.far = self.joined.connect()

    def assert_nothing_left(self) -> None:
        """Check that neither side keeps anything of a tunnel."""
        for dialect in (self.joined.node, self.joined.served):
            self.assertEqual(dialect.tunnels, 0)
            self.assertEqual(dialect._line.lingering, {})
            self.assertEqual(dialect._session.open_streams, 0)


class DrainTests(JoinedCase):
    """What has waited is accounted for to the last byte."""

    def test_more_than_a_turn(self) -> None:
        """What leaves in several pieces is all reported, though the stream is over."""
        for side, end, other in self.both():
            side.dialect.pause()
            left = end.send(bytes(200 * KIB))
            end.finish()
            other.finish()
            side.dialect.resume()
            self.joined.release()
            self.assertEqual(left + drained(side.told()), 200 * KIB)
            self.assert_nothing_left()

    def test_more_than_a_turn_lingering(self) -> None:
        """The same for a stream that failed."""
        for side, end, other in self.both():
            side.dialect.pause()
            left = end.send(bytes(200 * KIB))
            end.finish()
            end.fail(RESET)
            side.dialect.resume()
            across = self.joined.gateway_side
            if side is across:
                across = self.joined.node_side
            self.joined.release()
            self.assertEqual(left + drained(side.told()), 200 * KIB)
            told = across.told()
            self.assertEqual(len(arrived(told, other)), 200 * KIB)
            self.assertTrue(finished(told, other))
            self.assertEqual(len(failures(told, other)), 1)
            self.assert_nothing_left()

    def both(self) -> list[tuple[Side, Http2End, Http2End]]:
        """Return a tunnel for each direction: the side that sends, its end, the other."""
        near, far = self.joined.connect()
        return [
            (self.joined.gateway_side, self.near, self.far),
            (self.joined.node_side, far, near),
        ][:1] + self.second()

    def second(self) -> list[tuple[Side, Http2End, Http2End]]:
        """Return nothing more."""
        return []
