"""
What goes first, in every dialect: control frames do not wait behind DATA that is
held here, and of DATA every tunnel has its turn.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from h2.events import DataReceived, PingAckReceived, ResponseReceived, StreamReset
from hpack import Encoder
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.connection import Dialect
from spdygate.dialect.tunnel import Drained, End, Failure, Opening, Reason, TunnelEvent
from spdygate.session.outbox import QUANTUM
from tests.dialect.channelpeers import ChannelClient, Opcode
from tests.dialect.ends import request
from tests.dialect.http2client import PROXY, Client
from tests.dialect.http2joined import Joined
from tests.dialect.nodebyhand import OK, TUNNELS, ByHand
from tests.dialect.spdyclient import SpdyClient
from tests.dialect.spdynode import SpdyNode, data
from tests.session.http2peer import kinds, raw
from tests.session.spdybyhand import Seen

#: What waits of the busy tunnel.
MUCH = 4 * 1024 * 1024

RESET = Failure(Reason.TARGET_RESET, "it broke")

#: SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113, section 6.5.2), as large as can be.
WIDE = (4, 2**31 - 1)


class SpdyTests(SynchronousTestCase):
    """SPDY, in both directions: nothing but DATA ever waits."""

    def test_served(self) -> None:
        """Echoes, replies, resets and PINGs of ours pass MiBs for a client."""
        client = SpdyClient()
        busy, _ = client.connects()
        other, _ = client.connects()
        busy.accept()
        client.written()
        client.served.pause()
        self.assertEqual(busy.send(bytes(MUCH)), 0)
        client.does(client.peer.ping(7))
        other.accept()
        seen = client.written()
        self.assertEqual([frame.name for frame in seen], ["PING", "SYN_REPLY"])
        other.fail(RESET)
        client.passes(30.0)
        names = [frame.name for frame in client.written()]
        self.assertIn("RST_STREAM", names)
        self.assertIn("PING", names)

    def test_node(self) -> None:
        """New streams, resets, echoes and credit pass MiBs for a node."""
        by_hand = SpdyNode()
        busy, other = by_hand.connect(), by_hand.connect()
        by_hand.written()
        by_hand.node.pause()
        self.assertEqual(busy.send(bytes(MUCH)), 0)
        by_hand.says(by_hand.peer.ping(2))
        self.assertEqual(by_hand.written(), [Seen("PING", 0, 2)])
        other.fail(RESET)
        self.assertEqual({f.name for f in by_hand.written()}, {"RST_STREAM"})
        by_hand.node.open(request())
        names = [frame.name for frame in by_hand.written()]
        self.assertEqual(names, ["SYN_STREAM", "DATA", "SYN_STREAM"])

    def test_reading_goes_on(self) -> None:
        """A congested way out does not stop the way in."""
        by_hand = SpdyNode()
        busy = by_hand.connect()
        by_hand.node.pause()
        busy.send(bytes(MUCH))
        self.assertTrue(by_hand.node.reading)
        (event,) = by_hand.says(data(busy.data_id, b"answer"))
        self.assertIs(getattr(event, "end", None), busy)


class Http2Tests(SynchronousTestCase):
    """HTTP/2, in both directions, held back by the transport or by a window."""

    def test_served(self) -> None:
        """Answers, acknowledged PINGs and resets pass MiBs for a client."""
        client = Client()
        ends = self.tunnels(client, 3)
        ends[0].accept()
        client.exchange()
        client.served.pause()
        ends[0].send(bytes(MUCH))
        client.heard.clear()
        client.peer.ping(b"01234567")
        ends[1].accept()
        ends[2].accept()
        ends[2].fail(RESET)
        client.exchange()
        kinds_heard = [type(event) for event in client.heard]
        for kind in (PingAckReceived, ResponseReceived, StreamReset):
            self.assertIn(kind, kinds_heard)
        self.assertNotIn(DataReceived, kinds_heard)

    def tunnels(self, client: Client, count: int) -> list[End]:
        """Ask for some tunnels; return their ends."""
        for _ in range(count):
            client.request(PROXY)
        return [e.end for e in client.told() if isinstance(e, Opening)]

    def test_node(self) -> None:
        """Acknowledged PINGs, resets and credit pass MiBs for a node."""
        by_hand = ByHand(TUNNELS)
        busy, other = by_hand.node.open(request()), None
        other = by_hand.node.open(request())
        encoder = Encoder()
        for end in (busy, other):
            by_hand.says(raw(1, 4, end.stream_id, encoder.encode(OK)))
        by_hand.node.outgoing()
        by_hand.node.pause()
        busy.send(bytes(MUCH))
        by_hand.says(raw(6, 0, 0, b"01234567"))
        other.fail(RESET)
        seen = [(kind, stream) for kind, _, stream, _ in kinds(by_hand.node.outgoing())]
        self.assertEqual(seen, [(6, 0), (3, other.stream_id)])

    def test_credit(self) -> None:
        """Who sends us DATA is granted more while our own waits."""
        joined = Joined()
        near, far = joined.connect()
        joined.node.pause()
        near.send(bytes(MUCH))
        count = 128 * 1024
        self.assertEqual(far.send(bytes(count)), count)
        joined.exchange()
        near.grant(count)
        written = kinds(joined.node.outgoing())
        self.assertIn((8, near.stream_id), [(k, stream) for k, _, stream, _ in written])


class ChannelsTests(SynchronousTestCase):
    """WebSocket: a Pong waits for the transport, and then for nothing else."""

    def test_pong_goes_first(self) -> None:
        """The Pong goes before all that has waited, as soon as anything goes."""
        client = ChannelClient((80, 443))
        busy, _ = client.connects()
        client.served.pause()
        busy.send(bytes(MUCH))
        client.does(client.raw(0x89, b"there?"))
        self.assertEqual(client.served.outgoing(), b"")
        client.served.resume()
        first = client.served.outgoing()
        self.assertEqual(first, bytes((0x80 | Opcode.PONG, 6)) + b"there?")

    def test_ping(self) -> None:
        """Our own Ping waits for nothing."""
        client = ChannelClient((80,))
        (busy,) = client.connects()
        client.served.pause()
        busy.send(bytes(MUCH))
        client.passes(30.0)
        client.look()
        self.assertEqual((client.pings, client.messages), (1, []))


class TurnsTests(SynchronousTestCase):
    """Of many tunnels that wait, each has a turn of `QUANTUM` bytes at most."""

    def assert_in_turn(self, dialect: Dialect, ends: list[End]) -> None:
        """Fill some tunnels, let a small one come last, and see who goes when."""
        *busy, small = ends
        dialect.pause()
        for end in busy:
            self.assertEqual(end.send(bytes(MUCH)), 0)
        self.assertEqual(small.send(b"echo"), 0)
        dialect.resume()
        left: list[tuple[End, int]] = []
        while dialect.has_waiting and len(left) < 200:
            for event in dialect.release(1):
                assert isinstance(event, Drained)
                left.append((event.end, event.count))
            dialect.outgoing()
        self.assertLessEqual(max(count for _, count in left), QUANTUM)
        first = [end for end, _ in left[: len(ends)]]
        self.assertEqual(first, [*busy, small])
        rounds = [end for end, _ in left[len(ends) :]]
        runs = [len(list(run)) for _, run in groupby(rounds)]
        self.assertEqual(set(runs), {1})

    def test_spdy_client(self) -> None:
        """To a SPDY client."""
        client = SpdyClient()
        ends: list[End] = [client.connects()[0] for _ in range(4)]
        for end in ends:
            end.accept()
        self.assert_in_turn(client.served, ends)

    def test_spdy_node(self) -> None:
        """To a SPDY node."""
        by_hand = SpdyNode()
        ends: list[End] = [by_hand.connect() for _ in range(4)]
        self.assert_in_turn(by_hand.node, ends)

    def test_channels(self) -> None:
        """To a client of channels."""
        client = ChannelClient((80, 443, 8080, 9090))
        ends: list[End] = [*client.connects()]
        self.assert_in_turn(client.served, ends)

    def test_http2_node(self) -> None:
        """To a node service."""
        by_hand = ByHand(TUNNELS, WIDE)
        by_hand.says(raw(8, 0, 0, (2**30).to_bytes(4, "big")))
        encoder = Encoder()
        ends: list[End] = []
        for _ in range(4):
            end = by_hand.node.open(request())
            by_hand.says(raw(1, 4, end.stream_id, encoder.encode(OK)))
            ends.append(end)
        self.assert_in_turn(by_hand.node, ends)


class BoundTests(SynchronousTestCase):
    """Control frames that the peer does not take do not pile up without end."""

    def test_echoes(self) -> None:
        """Of a peer that asks and never reads little is kept, and most are ended."""
        spdy, node = SpdyClient(), SpdyNode()
        h2, channels = ByHand(TUNNELS), ChannelClient((80,))
        ask: list[tuple[Dialect, Callable[[], list[TunnelEvent]]]] = [
            (spdy.served, lambda: spdy.does(spdy.peer.ping(1) * 1000)),
            (node.node, lambda: node.says(node.peer.ping(2) * 1000)),
            (h2.node, lambda: h2.says(raw(6, 0, 0, bytes(8)) * 1000)),
            (channels.served, lambda: channels.does(channels.raw(0x89) * 1000)),
        ]
        for dialect, says in ask:
            dialect.pause()
            for _ in range(200):
                says()
            self.assertLess(len(dialect.outgoing()), MUCH)
            # One whose answers wait for its workers is only owed no more of them.
            self.assertTrue(dialect.ending or dialect is spdy.served, dialect)
