"""Tests for :mod:`spdygate.net.lines`: who shares a connection with whom."""

from __future__ import annotations

from spdygate.dialect.tunnel import Failed, Failure, Reason
from spdygate.gateway.ladder import Generation
from tests.net.laddercases import LadderCase


class SpdyTests(LadderCase):
    """SPDY, bare: one connection for each client's session and pod."""

    pinned = Generation.SPDY

    def setUp(self) -> None:
        """Let the node speak it."""
        super().setUp()
        assert self.pinned is not None
        self.http1.speaks = self.pinned

    def test_shared(self) -> None:
        """The tunnels of one session to one pod share a connection."""
        for _ in range(3):
            _, relay = self.dial("s1")
            self.assertIsNotNone(relay.far)
        self.assertEqual(len(self.http1.wires), 1)

    def test_not_shared(self) -> None:
        """Another session has its own, and so has another pod."""
        self.dial("s1")
        self.dial("s2")
        self.dial("s1", pod="web-1")
        self.assertEqual(len(self.http1.wires), 3)

    def test_waiting(self) -> None:
        """Tunnels that come while a connection is made wait for it."""
        relays = []
        with self.turn:
            for _ in range(3):
                relays.append(self.dial_only())
        self.assertEqual([relay.far for relay in relays], [None] * 3)
        self.exchange()
        self.assertNotIn(None, [relay.far for relay in relays])
        self.assertEqual(len(self.http1.wires), 1)

    def test_lost(self) -> None:
        """A connection that is lost costs its tunnels; the next dials anew."""
        near, _ = self.dial()
        self.http1.wires[0].lose()
        self.assertEqual(len(near.failures), 1)
        other, relay = self.dial()
        self.assertEqual((other.failures, len(self.http1.wires)), ([], 2))
        self.assertIsNotNone(relay.far)

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
