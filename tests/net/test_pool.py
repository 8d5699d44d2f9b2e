"""Tests for :mod:`spdygate.net.pool`, with h2 as the node."""

from __future__ import annotations

from spdygate.dialect.patience import Patience
from spdygate.dialect.tunnel import Reason
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.nodeasks import Terms
from spdygate.net.nodes import access_to
from spdygate.net.pool import MOST
from tests.net.nodecases import NodesCase


class SharingTests(NodesCase):
    """Who gets which connection."""

    def test_lazy(self) -> None:
        """Nobody is dialled before somebody asks."""
        self.assertEqual(self.endpoint.attempts, 0)

    def test_asked_and_accepted(self) -> None:
        """A tunnel is asked for as the node wants it, and opened when it says so."""
        near, relay = self.dial()
        (wire,) = self.endpoint.wires
        headers = wire.asked[1]
        self.assertEqual(headers[b":path"], b"/portForward/shop/web-0")
        self.assertEqual(headers[b":authority"], b"n1:8002")
        self.assertEqual(headers[b":scheme"], b"http")
        self.assertFalse(relay.opened)
        self.accept(wire, 1)
        self.assertTrue(relay.opened)
        self.assertEqual(near.accepted, 1)

    def test_patience(self) -> None:
        """A node is pinged, and given up, after the times that were set."""
        patience = Patience(quiet=3.0, answer=2.0)
        board = Switchboard(self.dialer)
        terms = Terms(patience=patience)
        self.dialer.add("n1", access_to(self.node, board, self.turn, terms))
        self.dial()
        (wire,) = self.endpoint.wires
        wire.silent = True
        self.clock.advance(3.0)
        self.assertIn(bytes.fromhex("0000080600"), wire.value())  # a PING
        self.assertFalse(wire.over)
        self.clock.advance(2.0)
        self.assertTrue(wire.over)

    def test_one_for_all(self) -> None:
        """All tunnels share one connection, also those that wait for it."""
        self.endpoint.greets = False
        for _ in range(3):
            self.dial()
        (wire,) = self.endpoint.wires
        self.assertEqual(wire.asked, {})
        wire.silent = False
        self.exchange()
        self.dial()
        self.assertEqual(list(wire.asked), [1, 3, 5, 7])
        self.assertEqual(self.endpoint.attempts, 1)

    def test_a_second(self) -> None:
        """A second connection is made when the first takes no more, not before."""
        self.endpoint.most = 2
        for expected in (1, 1, 2, 2, 3):
            self.dial()
            self.assertEqual(self.endpoint.attempts, expected)

    def test_four_at_most(self) -> None:
        """With so many full a tunnel waits, and gets the first place that is free."""
        self.endpoint.most = 1
        for _ in range(MOST):
            self.dial()
        near, _ = self.dial()
        self.assertEqual(self.endpoint.attempts, MOST)
        wire = self.endpoint.wires[2]
        wire.node.reset_stream(1, 8)
        self.exchange()
        self.assertEqual(list(wire.asked), [1, 3])
        self.assertEqual(near.failures, [])

    def test_who_left_meanwhile(self) -> None:
        """A tunnel whose client is gone takes nobody's place."""
        self.endpoint.greets = False
        gone, _ = self.dial()
        self.dial()
        gone.breaks(Reason.GAVE_UP)
        (wire,) = self.endpoint.wires
        wire.silent = False
        self.exchange()
        self.assertEqual(list(wire.asked), [1])

    def test_lost_while_one_waits(self) -> None:
        """A full connection that is lost makes room for another, and for only one."""
        self.endpoint.most = 1
        for _ in range(MOST):
            self.dial()
        near, _ = self.dial()
        self.endpoint.wires[0].lose()
        self.exchange()
        self.assertEqual(self.endpoint.attempts, MOST + 1)
        self.assertEqual(list(self.endpoint.wires[-1].asked), [1])
        self.assertEqual(near.failures, [])

    def test_going_away(self) -> None:
        """A node that goes away keeps its tunnels; new ones get a new connection."""
        near, _ = self.dial()
        (wire,) = self.endpoint.wires
        wire.node.close_connection(last_stream_id=1)
        wire.protocol.dataReceived(wire.node.data_to_send())
        wire.silent = True  # h2 sees its own GOAWAY as the end of all
        self.dial()
        self.assertEqual(self.endpoint.attempts, 2)
        self.assertEqual((near.failures, wire.over), ([], False))
        self.assertEqual(list(self.endpoint.wires[1].asked), [1])
