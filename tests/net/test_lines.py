"""Tests for :mod:`spdygate.net.lines`: who shares a connection with whom."""

from __future__ import annotations

from spdygate.dialect.nodespdyend import NodeLine, NodeSpdyEnd
from spdygate.dialect.nodespdystreams import READ_AHEAD
from spdygate.dialect.tunnel import Failed, Failure, Reason
from spdygate.gateway.ladder import Generation
from spdygate.gateway.relay import Relay
from spdygate.net.lines import MOST
from tests.net.laddercases import Http1Wire, LadderCase
from tests.session.spdybyhand import HandPeer, data
from tests.session.websocketpeer import by_hand

#: Bytes of a message.
PIECE = 32 * 1024


def line_of(relay: Relay) -> NodeLine:
    """Return what a tunnel's connection is known by."""
    assert isinstance(relay.far, NodeSpdyEnd)
    return relay.far._line


class SpdyTests(LadderCase):
    """SPDY, bare: one connection for each client's session and pod."""

    pinned = Generation.SPDY

    def setUp(self) -> None:
        """Let the node speak it."""
        super().setUp()
        assert self.pinned is not None
        self.http1.speaks = self.pinned

    def test_one_each(self) -> None:
        """Tunnels that are open at once have a connection each."""
        for count in range(1, 4):
            _, relay = self.dial("s1")
            self.assertIsNotNone(relay.far)
            self.assertEqual(len(self.http1.wires), count)

    def test_one_after_the_other(self) -> None:
        """A tunnel has the connection of one that is over."""
        for _ in range(3):
            near, relay = self.dial()
            self.assertIsNotNone(relay.far)
            near.breaks()
            self.exchange()
        self.assertEqual(len(self.http1.wires), 1)

    def test_many(self) -> None:
        """Beyond `MOST` at once they share, evenly."""
        lines = [line_of(self.dial()[1]) for _ in range(2 * MOST)]
        self.assertEqual(len(self.http1.wires), MOST)
        self.assertEqual({lines.count(line) for line in lines}, {2})

    def test_doubted(self) -> None:
        """One on which a tunnel was given up is used again once the node answers."""
        near, _ = self.dial(early=b"a request")
        (wire,) = self.http1.wires
        peer = HandPeer()
        self.says(wire, peer.reply(1) + peer.reply(3))
        near.breaks()
        self.exchange()
        other, _ = self.dial()
        self.assertEqual(len(self.http1.wires), 2)
        self.says(wire, b"".join(peer.ping(number) for number in (9, 1, 3, 7)))
        self.dial()
        self.assertEqual(len(self.http1.wires), 3)
        self.says(wire, peer.ping(5))
        self.assertIsNotNone(self.dial()[1].far)
        self.assertEqual(len(self.http1.wires), 3)

    def test_not_shared(self) -> None:
        """Another session has its own, also when it is free, and so has another pod."""
        for session, pod in (("s1", "web-0"), ("s2", "web-0"), ("s1", "web-1")):
            self.dial(session, pod)[0].breaks()
            self.exchange()
        self.assertEqual(len(self.http1.wires), 3)

    def test_waiting(self) -> None:
        """Tunnels that come while connections are made wait for them."""
        relays = []
        with self.turn:
            for _ in range(MOST + 3):
                relays.append(self.dial_only())
        self.assertEqual({relay.far for relay in relays}, {None})
        self.exchange()
        self.assertNotIn(None, [relay.far for relay in relays])
        self.assertEqual(len(self.http1.wires), MOST)

    def test_lost(self) -> None:
        """A connection that is lost costs its tunnels; the next dials anew."""
        near, _ = self.dial()
        self.http1.wires[0].lose()
        self.assertEqual(len(near.failures), 1)
        other, relay = self.dial()
        self.assertEqual((other.failures, len(self.http1.wires)), ([], 2))
        self.assertIsNotNone(relay.far)

    def test_stuck(self) -> None:
        """One that a client keeps from being read is shared by nobody who need not."""
        near, first = self.dial()
        near.holds = True
        peer = HandPeer()
        self.says(self.http1.wires[0], peer.reply(1) + peer.reply(3))
        self.says(self.http1.wires[0], data(3, bytes(READ_AHEAD + 1)))
        self.assertEqual(near.waiting, READ_AHEAD + 1)
        lines = [line_of(self.dial()[1]) for _ in range(3 * MOST)]
        self.assertEqual(len(self.http1.wires), MOST + 1)
        self.assertNotIn(line_of(first), lines)

    def test_all_doubted(self) -> None:
        """However many are doubted, there is an end to new ones."""
        for count in range(3 * MOST):
            near, relay = self.dial(early=b"a request")
            self.assertIsNotNone(relay.far)
            self.assertEqual(len(self.http1.wires), min(count + 1, 2 * MOST))
            near.breaks()
            self.exchange()

    def test_stop_all(self) -> None:
        """When the gateway stops, all of them are closed."""
        for _ in range(3):
            self.dial()
        self.dialer.stop()
        self.exchange()
        self.assertTrue(all(wire.closed for wire in self.http1.wires))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def says(self, wire: Http1Wire, frames: bytes) -> None:
        """Let a node say something, in SPDY or in SPDY inside of a WebSocket."""
        if self.pinned is Generation.TUNNEL:
            frames = b"".join(
                by_hand(0x82, frames[start : start + PIECE], masked=False)
                for start in range(0, len(frames), PIECE)
            )
        wire.protocol.dataReceived(frames)
        self.exchange()

    def test_stop(self) -> None:
        """When the gateway stops, every connection is closed and no timer is left."""
        near, _ = self.dial()
        self.dialer.stop()
        self.exchange()
        self.assertEqual(len(near.failures), 1)
        self.assertTrue(self.http1.wires[0].closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_while_asking(self) -> None:
        """What waits for an answer then is refused."""
        with self.turn:
            relay = self.dial_only()
        self.dialer.stop()
        assert relay.failure is not None
        self.assertIs(relay.failure.reason, Reason.DRAINING)
        self.assertTrue(self.http1.wires[0].closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class TunnelTests(SpdyTests):
    """SPDY in a WebSocket: the same."""

    pinned = Generation.TUNNEL


class ChannelsTests(LadderCase):
    """WebSocket channels: one connection for each tunnel."""

    pinned = Generation.CHANNELS

    def test_never_shared(self) -> None:
        """Not even the tunnels of one session to one port share one."""
        self.http1.speaks = self.pinned
        for number in range(3):
            _, relay = self.dial(f"s{number}")
            self.assertIsNotNone(relay.far)
        self.assertEqual(len(self.http1.wires), 3)

    def test_client_gone_meanwhile(self) -> None:
        """A client that leaves while the node is asked leaves no connection behind."""
        self.http1.speaks = self.pinned
        with self.turn:
            relay = self.dial_only()
            relay.act(Failed(relay.near, Failure(Reason.GAVE_UP, "gone")))
        self.exchange()
        self.assertEqual([wire.closed for wire in self.http1.wires], [True])
        self.assertIsNotNone(self.dial()[1].far)
