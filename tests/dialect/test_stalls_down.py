"""
Tests for :mod:`spdygate.dialect.stalls`, downwards: clients that do not read what
comes from a node without flow control.
"""

from __future__ import annotations

from h2.events import DataReceived, Event, PingReceived, StreamReset
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.nodespdyend import NodeSpdyEnd
from spdygate.dialect.nodespdystreams import READ_AHEAD
from spdygate.dialect.patience import USUAL
from spdygate.dialect.tunnel import Opening, Reason, TunnelEvent
from spdygate.gateway.relay import Observer, Relay
from tests.dialect.http2client import PROXY, Client
from tests.dialect.spdynode import FIN, SpdyNode, data, rst

#: Bytes of one read.
PIECE = 64 * 1024


class Choosy(Client):
    """
    An HTTP/2 client that reads some of its streams, and some not.

    :ivar unread: streams that are granted nothing.
    :ivar frozen: whether it answers nothing at all.
    """

    def __init__(self) -> None:
        self.unread: set[int] = set()
        self.frozen = False
        super().__init__(exchanges=True)

    def exchange(self) -> None:
        """Let nothing pass while frozen: what is written waits in the kernel."""
        if not self.frozen:
            super().exchange()

    def _hear(self, heard: list[Event]) -> None:
        """Keep what h2 says, and give credit for what is read; all for the session."""
        self.heard += heard
        for event in heard:
            if isinstance(event, DataReceived) and event.flow_controlled_length:
                count = event.flow_controlled_length
                self.peer.increment_flow_control_window(count)
                if event.stream_id not in self.unread:
                    self.peer.increment_flow_control_window(count, event.stream_id)

    def pings(self) -> int:
        """Return how often it was asked whether it is there."""
        return sum(isinstance(event, PingReceived) for event in self.heard)


class Down:
    """
    An HTTP/2 client's tunnels, by way of a SPDY node.

    :ivar relays: of each tunnel, in order.
    """

    def __init__(self, tunnels: int) -> None:
        self.client = Choosy()
        self.node = SpdyNode()
        self.relays: list[Relay] = []
        self.streams: list[int] = []
        for _ in range(tunnels):
            self.opens()

    def opens(self) -> None:
        """Open one tunnel more."""
        self.streams.append(self.client.request(PROXY))
        (opening,) = self.client.told()
        assert isinstance(opening, Opening)
        relay = Relay(opening.end, opening.request, Observer())
        end = self.node.open()
        relay.join(end)
        self.relays.append(relay)
        self.acts(self.node.replies(end))
        self.client.exchange()

    def far(self, number: int) -> NodeSpdyEnd:
        """Return the end of a tunnel that faces the node."""
        end = self.relays[number].far
        assert isinstance(end, NodeSpdyEnd)
        return end

    def acts(self, told: list[TunnelEvent]) -> None:
        """Act on what happened, as a switchboard does."""
        for event in told:
            if not isinstance(event, Opening) and hasattr(event, "end"):
                assert event.end.receiver is not None
                event.end.receiver.act(event)

    def comes(self, number: int, count: int) -> None:
        """Let the pod of a tunnel send so much, as long as we read."""
        while count > 0 and self.node.node.reading:
            piece = data(self.far(number).data_id, bytes(min(PIECE, count)))
            self.acts(self.node.says(piece))
            self.turn()
            count -= PIECE

    def turn(self) -> None:
        """Let everything pass that may."""
        self.client.release()
        self.acts(self.client.told())

    def passes(self, seconds: float) -> None:
        """Let time pass, as two shells would, a second at a time."""
        for _ in range(int(seconds)):
            self.acts(self.node.passes(1.0))
            self.client.now += 1.0
            served = self.client.served
            if served.deadline() <= self.client.now:
                self.acts(served.tick(self.client.now))
            self.turn()

    def failed(self) -> list[int]:
        """Return the tunnels that have failed, for having stalled."""
        failures = [relay.failure for relay in self.relays]
        assert all(why is None or why.reason is Reason.STALLED for why in failures)
        return [number for number, why in enumerate(failures) if why is not None]


class ChoosyTests(SynchronousTestCase):
    """One stream is not read, and fills what its node's session may hold."""

    def setUp(self) -> None:
        """Stop reading the first of three."""
        self.down = Down(3)
        self.node = self.down.node.node
        self.client = self.down.client
        self.client.unread.add(self.down.streams[0])

    def fill(self) -> None:
        """Let its pod send until the node is not read from."""
        self.down.comes(0, READ_AHEAD)
        last = data(self.down.far(0).data_id, bytes(4 * PIECE))
        self.down.acts(self.down.node.says(last))
        self.assertFalse(self.node.reading)
        self.assertTrue(self.node.disturbed)

    def test_reset_alone(self) -> None:
        """After the deadline it is reset, at both sides, and the others go on."""
        self.fill()
        self.down.passes(USUAL.stall - 1)
        self.assertEqual(self.down.failed(), [])
        far = self.down.far(0)
        self.down.node.written()
        self.down.passes(2)
        self.assertEqual(self.down.failed(), [0])
        failure = self.down.relays[0].failure
        assert failure is not None
        self.assertIn("the client has taken none of", failure.message)
        self.assertIn("while 2 other tunnels waited", failure.message)
        self.assertIn(rst(far.data_id), self.down.node.written())
        resets = [e for e in self.client.heard if isinstance(e, StreamReset)]
        self.assertEqual([e.stream_id for e in resets], [self.down.streams[0]])
        self.assertTrue(self.node.reading)
        self.down.comes(1, READ_AHEAD)
        self.assertEqual(self.down.far(1).held, 0)

    def test_nothing_is_left(self) -> None:
        """What it held is settled, to the last byte."""
        self.fill()
        self.down.passes(USUAL.stall + 1)
        self.assertEqual(self.node._line.held.total, 0)

    def test_behind_a_fin(self) -> None:
        """A pod that had said all does not make it linger: it is over at once."""
        far = self.down.far(0)
        self.down.comes(0, READ_AHEAD - PIECE)
        last = data(far.data_id, bytes(4 * PIECE), FIN)
        self.down.acts(self.down.node.says(last + data(far.error_id, b"", FIN)))
        self.assertTrue(self.node.disturbed)
        self.down.passes(USUAL.stall + 2)
        self.assertEqual(self.down.failed(), [0])
        self.assertTrue(self.node.reading)

    def test_slow_but_moving(self) -> None:
        """A client that takes one byte in time is borne for ever."""
        self.fill()
        stream_id = self.down.streams[0]
        for _ in range(20):
            self.down.passes(USUAL.stall - 2)
            self.client.peer.increment_flow_control_window(1, stream_id)
            self.down.turn()
        self.assertEqual(self.down.failed(), [])
        self.assertFalse(self.node.reading)

    def test_alone(self) -> None:
        """The only tunnel of a connection has all the time there is."""
        self.down = Down(1)
        self.node, self.client = self.down.node.node, self.down.client
        self.client.unread.add(self.down.streams[0])
        self.fill()
        self.down.passes(3 * USUAL.alone)
        self.assertEqual(self.down.failed(), [])

    def test_two(self) -> None:
        """Two that stall at once are reset one look apart, not one deadline."""
        self.client.unread.add(self.down.streams[1])
        much = bytes(READ_AHEAD + 2 * PIECE)
        rest = [data(self.down.far(n).data_id, much) for n in (0, 1)]
        self.down.acts(self.down.node.says(*rest))
        self.down.passes(USUAL.stall + 3)
        self.assertEqual(self.down.failed(), [0, 1])
        self.assertTrue(self.node.reading)

    def test_many_half_full(self) -> None:
        """Of many that fill the session together, one at a time is reset, as needed."""
        self.down = Down(6)
        self.node, self.client = self.down.node.node, self.down.client
        self.client.unread.update(self.down.streams[:5])
        for number in range(5):
            self.down.comes(number, READ_AHEAD // 5 + (2 + number) * PIECE)
        self.assertTrue(self.node.disturbed)
        self.down.passes(USUAL.stall + 2)
        self.assertEqual(self.down.failed(), [2])
        self.assertTrue(self.node.reading)


class FrozenTests(SynchronousTestCase):
    """A client that reads nothing at all loses nothing for it, until it is dead."""

    def setUp(self) -> None:
        """Freeze a client of three tunnels, then fill the first."""
        self.down = Down(3)
        self.down.client.unread.update(self.down.streams)
        self.down.comes(0, READ_AHEAD)
        self.down.client.frozen = True
        rest = data(self.down.far(0).data_id, bytes(2 * PIECE))
        self.down.acts(self.down.node.says(rest))

    def test_nobody_is_reset(self) -> None:
        """It answers no PING, so nothing says that only one tunnel is stuck."""
        self.assertTrue(self.down.node.node.disturbed)
        self.down.passes(USUAL.quiet - 1)
        self.assertEqual(self.down.failed(), [])

    def test_back_in_time(self) -> None:
        """One that comes back, and reads, has lost nothing."""
        self.down.passes(USUAL.quiet - 1)
        client = self.down.client
        client.frozen = False
        client.unread.clear()
        for stream_id in self.down.streams:
            client.peer.increment_flow_control_window(1 << 30, stream_id)
        self.down.passes(USUAL.stall + 2)
        self.assertEqual(self.down.failed(), [])
        self.assertTrue(self.down.node.node.reading)

    def test_back_but_choosy(self) -> None:
        """One that comes back, and goes on not to read the one, loses that one."""
        self.down.passes(USUAL.quiet - 1)
        self.down.client.frozen = False
        self.down.passes(USUAL.stall + 3)
        self.assertEqual(self.down.failed(), [0])

    def test_few_pings(self) -> None:
        """It is not asked again before it has answered."""
        self.down.passes(USUAL.quiet - 1)
        before = self.down.client.pings()
        self.down.client.frozen = False
        self.down.turn()
        self.assertEqual(self.down.client.pings(), before + 1)


class SpdyClientTests(SynchronousTestCase):
    """A client without flow control cannot tell: `Starving` is not said of it."""

    def test_never_blamed(self) -> None:
        """Its tunnels stand still together, and are not reset one by one."""
        node = SpdyNode()
        ends = [node.connect() for _ in range(3)]
        for end in ends:
            node.says(data(end.data_id, bytes(READ_AHEAD + 1)))
        self.assertTrue(node.node.disturbed)
        for _ in range(10):
            self.assertEqual(node.passes(USUAL.stall), [])
