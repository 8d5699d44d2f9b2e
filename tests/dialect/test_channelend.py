"""Tests for `spdygate.dialect.channelend`: the contract, and what both sides share."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis.strategies import binary, booleans, integers, lists, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.budget import TUNNEL, Shared
from spdygate.dialect.channelend import ChannelEnd
from spdygate.dialect.nodechannels import NodeChannels
from spdygate.dialect.servedchannels import ServedChannels
from spdygate.dialect.tunnel import (
    Data,
    End,
    Failed,
    Failure,
    Finished,
    Opened,
    Opening,
    Reason,
    TunnelEvent,
)
from tests.dialect import contract
from tests.dialect.channelpeers import (
    ChannelClient,
    ChannelKubelet,
    ChannelPeer,
    Opcode,
)
from tests.dialect.contract import WHY, drained, failures

KIB = 1024


class ChannelBench:
    """One end, seen from the peer written by hand."""

    def __init__(self, peer: ChannelPeer, end: ChannelEnd) -> None:
        self.peer = peer
        self.end = end
        self._told: list[TunnelEvent] = []

    def _do(self) -> None:
        """Do what is due."""
        self._told += self.peer.passes(0)

    @property
    def arrived(self) -> bytes:
        """Return what has got through."""
        self._do()
        return self.peer.got(0)

    @property
    def fin(self) -> bool:
        """Return whether the peer knows that nothing more comes."""
        self._do()
        self.peer.look()
        return self.peer.closed == 1000

    @property
    def dead(self) -> bool:
        """Return whether the peer has been told, by a text or by Close alone."""
        return self.fin

    def told(self) -> list[TunnelEvent]:
        """Return, and forget, what has happened at the end."""
        self._do()
        told, self._told = self._told, []
        return told

    def hold(self) -> None:
        """Have what is sent wait: the transport is congested."""
        self.peer.ours.pause()

    def let_go(self) -> None:
        """Let all that waits leave."""
        self.peer.ours.resume()
        while self.peer.ours.has_waiting:
            self._told += self.peer.ours.release(100)
        self._do()

    def peer_sends(self, data: bytes) -> None:
        """Let bytes come from the other side."""
        self._told += self.peer.says(0, data)

    def peer_finishes(self) -> None:
        """Let the other side finish."""
        self._told += self.peer.closes()

    def peer_breaks(self) -> None:
        """Let the other side give up."""
        self._told += self.peer.says(1, b"connection reset by peer")


class ServedBench(ChannelBench):
    """The end that faces a client of one port."""

    def __init__(self) -> None:
        client = ChannelClient()
        (end,) = client.connects()
        end.accept()
        super().__init__(client, end)

    @property
    def dead(self) -> bool:
        """Return whether the client has read why."""
        return self.fin and b"the target reset" in self.peer.got(1)

    def peer_finishes(self) -> None:
        """Do nothing: a client has no way to say that it has finished."""

    def peer_breaks(self) -> None:
        """Have the client close the WebSocket."""
        self._told += self.peer.closes()


class NodeBench(ChannelBench):
    """The end that faces a kubelet, to which a FIN is passed on without delay."""

    def __init__(self) -> None:
        kubelet = ChannelKubelet(hold_fin=0)
        kubelet.opens()
        kubelet.passes(0)
        super().__init__(kubelet, kubelet.end)


class ServedEndTests(contract.EndContract):
    """The contract, at the end that faces a client."""

    def bench(self) -> ServedBench:
        """Make an open end."""
        return ServedBench()

    def test_what_comes(self) -> None:
        """
        Bytes are told and may be granted.

        A FIN is not: the client has none.
        """
        bench = self.bench()
        bench.peer_sends(b"hello")
        self.assertEqual(bench.told(), [Data(bench.end, b"hello")])
        bench.end.grant(5)

    def test_half_close(self) -> None:
        """
        The client's only farewell ends both directions.

        What it sent is told to be all, so that it is delivered; then the end
        is over, and an answer goes nowhere.
        """
        bench = self.bench()
        bench.peer_breaks()
        finished, failed = bench.told()
        self.assertEqual(finished, Finished(bench.end))
        assert isinstance(failed, Failed)
        self.assertIs(failed.failure.reason, Reason.GAVE_UP)
        self.assertEqual(bench.end.send(b"late answer"), 11)
        self.assertEqual(bench.arrived, b"")

    def test_the_pods_fin_ends_it(self) -> None:
        """
        Rule 4, with the pod's FIN counting for both directions.

        The client learns of it by the Close, behind which it says nothing.
        """
        bench = self.bench()
        bench.peer_sends(b"question")
        bench.told()
        bench.end.send(b"answer")
        bench.end.finish()
        self.assertEqual(bench.told(), [Finished(bench.end)])
        bench.peer_sends(b"late")
        self.assertEqual(bench.told(), [])
        bench.end.grant(8)
        self.assertEqual((bench.arrived, bench.fin), (b"answer", True))


class NodeEndTests(contract.EndContract):
    """The contract, at the end that faces a kubelet."""

    def bench(self) -> NodeBench:
        """Make an open end."""
        return NodeBench()

    def test_half_close(self) -> None:
        """
        The pod's finish ends the tunnel.

        The kubelet has closed the connection by then, so what is sent later
        goes nowhere, as with any pod that has closed its socket.
        """
        bench = self.bench()
        bench.peer_finishes()
        self.assertEqual(bench.told(), [Finished(bench.end)])
        self.assertEqual(bench.end.send(b"late answer"), 11)
        self.assertEqual(bench.arrived, b"")

    def test_an_end_that_lingers_is_deaf(self) -> None:
        """
        Bytes are not told of any more; the pod's finish is, if it loses some.

        It takes along what waits, and that is told as rule 4 demands.
        """
        bench = self.bench()
        bench.hold()
        bench.end.send(b"last words")
        bench.end.finish()
        bench.end.fail(WHY)
        bench.peer_sends(b"late")
        self.assertEqual(bench.told(), [])
        bench.peer_finishes()
        (failed,) = bench.told()
        self.assertIsInstance(failed, Failed)

    def test_waiting_bytes_after_both_have_finished(self) -> None:
        """
        Bytes that wait cannot leave when the pod has closed the connection.

        So its finish is told, for all that it has said has come, and behind it
        that not all was delivered.
        """
        bench = self.bench()
        bench.hold()
        bench.end.send(b"last words")
        bench.end.finish()
        bench.peer_finishes()
        told = bench.told()
        self.assertEqual(told[0], Finished(bench.end))
        self.assertEqual((len(told), failures(told), drained(told)), (2, 1, 0))


class BothWays(SynchronousTestCase):
    """What is alike at both ends."""

    def benches(self) -> list[ChannelBench]:
        """Return an open end of each kind."""
        return [ServedBench(), NodeBench()]

    def test_messages_are_bounded(self) -> None:
        """What is sent at once leaves in messages of 32 KiB and a byte."""
        for bench in self.benches():
            data = bytes(range(256)) * 400
            self.assertEqual(bench.end.send(data), len(data))
            self.assertEqual(bench.arrived, data)
            sizes = [len(message.body) for message in bench.peer.messages]
            self.assertEqual(sizes, [32 * KIB + 1] * 3 + [4 * KIB + 1])
            opcodes = {message.opcode for message in bench.peer.messages}
            self.assertEqual(opcodes, {Opcode.BINARY})

    def test_so_is_what_waited(self) -> None:
        """The same for what leaves later, and all of it is reported."""
        for bench in self.benches():
            bench.hold()
            self.assertEqual(bench.end.send(bytes(100 * KIB)), 0)
            self.assertFalse(bench.peer.ours.has_waiting)
            bench.let_go()
            self.assertEqual(drained(bench.told()), 100 * KIB)
            bench.peer.look()
            sizes = [len(message.body) for message in bench.peer.messages]
            self.assertEqual((max(sizes), sum(sizes)), (32 * KIB + 1, 100 * KIB + 4))

    def test_pieces_of_a_message(self) -> None:
        """A long message is passed on as it comes, whatever pieces that makes."""
        for bench in self.benches():
            peer = bench.peer
            whole = peer.raw(0x82, b"\x00" + bytes(100))
            told = peer.does(whole[:50], whole[50:])
            self.assertEqual([type(event) for event in told], [Data, Data])
            fragments = peer.raw(0x02), peer.raw(0x00, b"\x00"), peer.raw(0x80, b"x")
            (data,) = peer.does(*fragments)
            assert isinstance(data, Data)
            self.assertEqual(bytes(data.data), b"x")

    def test_text_is_as_good(self) -> None:
        """The raw codec reads text messages, too, as kubelets do."""
        for bench in self.benches():
            self.assertEqual(
                bench.peer.does(bench.peer.raw(0x81, b"\x00abc")),
                [Data(bench.end, b"abc")],
            )

    def test_nonsense_is_ignored(self) -> None:
        """Messages that say nothing harm nobody."""
        for bench in self.benches():
            peer = bench.peer
            frames = b"", b"\x00", b"\x07abc", b"\xff"
            self.assertEqual(peer.does(*(peer.raw(0x82, body) for body in frames)), [])
            self.assertEqual(peer.says(0, b"x"), [Data(bench.end, b"x")])

    def test_but_not_for_ever(self) -> None:
        """Whoever sends nothing else is stopped, and told so."""
        for bench in self.benches():
            peer = bench.peer
            nonsense = peer.raw(0x82, b"\x07abc") * 100
            told = peer.does(*[nonsense] * 10)
            self.assertEqual(told, [])
            (failed,) = peer.does(nonsense)
            self.assertIsInstance(failed, Failed)
            peer.look()
            self.assertEqual(peer.closed, 1008)
            self.assertTrue(peer.ours.ending)
            self.assertIn("too many frames without use", peer.ours.why)

    def test_a_broken_frame(self) -> None:
        """What is no WebSocket ends the tunnel; what came before it counts."""
        for bench in self.benches():
            peer = bench.peer
            good = peer.raw(0x82, b"\x00last")
            data, failed = peer.does(good + peer.raw(0x83, b"?"))
            self.assertEqual(data, Data(bench.end, b"last"))
            assert isinstance(failed, Failed)
            self.assertIn("broke the protocol", failed.failure.message)
            self.assertTrue(peer.ours.ending)
            self.assertEqual(peer.says(0, b"more"), [])

    def test_the_connection_is_lost(self) -> None:
        """Everybody is told, once; grants are still counted."""
        for bench in self.benches():
            bench.peer_sends(b"hello")
            bench.told()
            (failed,) = bench.peer.ours.lost()
            self.assertIsInstance(failed, Failed)
            self.assertEqual(bench.peer.ours.lost(), [])
            self.assertEqual(bench.peer.ours.tunnels, 0)
            bench.end.grant(5)
            self.assertEqual(bench.end.held, 0)

    def test_budget(self) -> None:
        """At 4 MiB it is read from, one byte above it is not, until it drains."""
        for bench in self.benches():
            for _ in range(TUNNEL // (512 * KIB)):
                bench.peer_sends(bytes(512 * KIB))
            self.assertTrue(bench.peer.ours.reading)
            bench.peer_sends(b"x")
            self.assertFalse(bench.peer.ours.reading)
            woken = bench.peer.woken
            bench.end.grant(1)
            self.assertTrue(bench.peer.ours.reading)
            self.assertEqual(bench.peer.woken, woken + 1)

    def test_shared_budget(self) -> None:
        """What either side holds counts for the whole process."""
        shared = Shared(limit=10)
        client, kubelet = ChannelClient(shared=shared), ChannelKubelet(shared=shared)
        (end,) = client.connects()
        kubelet.opens()
        client.says(0, bytes(6))
        kubelet.says(0, bytes(6))
        self.assertFalse(client.served.reading or kubelet.node.reading)
        end.grant(2)
        self.assertTrue(client.served.reading and kubelet.node.reading)

    def test_after_it_is_over(self) -> None:
        """What comes for a tunnel that has ended is not counted."""
        for bench in self.benches():
            bench.end.fail(WHY)
            bench.peer_sends(b"late")
            self.assertEqual(bench.end.held, 0)
            self.assertEqual(bench.peer.ours.deadline(), float("inf"))

    def test_wake(self) -> None:
        """Whatever gives the connection something to write wakes it."""
        for bench in self.benches():
            for act in (
                lambda end=bench.end: end.send(b"x"),
                bench.end.finish,
                lambda end=bench.end: end.fail(WHY),
            ):
                woken = bench.peer.woken
                act()
                self.assertGreater(bench.peer.woken, woken)

    @given(
        booleans(),
        lists(tuples(integers(0, 3), binary(max_size=9)), max_size=6),
        lists(integers(1, 30), min_size=1, max_size=9),
    )
    def test_any_split(
        self, served: bool, said: list[tuple[int, bytes]], sizes: list[int]
    ) -> None:
        """However the frames are cut, the same is told."""
        results = []
        for cut in (False, True):
            bench = ServedBench() if served else NodeBench()
            peer = bench.peer
            data = b"".join(
                peer.raw(0x82, bytes((channel,)) + body) for channel, body in said
            )
            step = sizes if cut else [len(data) or 1]
            told: list[TunnelEvent] = []
            while data:
                told += peer.does(data[: step[0]])
                data, step = data[step[0] :], [*step[1:], step[0]]
            parts = [bytes(event.data) for event in told if isinstance(event, Data)]
            others = [event for event in told if not isinstance(event, Data)]
            results.append((b"".join(parts), [str(type(one)) for one in others]))
        self.assertEqual(results[0], results[1])

    @given(booleans(), lists(binary(max_size=60), max_size=5))
    def test_any_bytes(self, served: bool, reads: list[bytes]) -> None:
        """No bytes raise anything, and the end is told at most once."""
        bench = ServedBench() if served else NodeBench()
        told = [event for read in reads for event in bench.peer.does(read)]
        told += bench.peer.ours.lost()
        self.assertEqual(failures(told), 1)


class LoopbackTests(SynchronousTestCase):
    """Our two sides joined: what one writes the other one reads."""

    def setUp(self) -> None:
        """Join them, and open the tunnel."""
        self.dice = random.Random(20151)
        client, kubelet = ChannelClient((8080,)), ChannelKubelet()
        self.served, self.node = client.served, kubelet.node
        (opening,) = self.served.tick(0.0)
        assert isinstance(opening, Opening)
        self.far, self.near = opening.end, self.node.end
        self.told: list[TunnelEvent] = []
        self.exchange()
        self.assertEqual(self.told, [Opened(self.near)])

    def exchange(self) -> None:
        """Take over what has been written, in reads of any size."""
        pairs: tuple[tuple[ServedChannels | NodeChannels, ...], ...]
        pairs = (self.node, self.served), (self.served, self.node)
        for source, sink in pairs:
            data = source.outgoing()
            while data:
                size = self.dice.randrange(1, 50_000)
                self.told += sink.feed(data[:size], 0.0)
                data = data[size:]

    def arrived(self, end: End) -> bytes:
        """Return what has come at an end."""
        events = [event for event in self.told if isinstance(event, Data)]
        return b"".join(bytes(event.data) for event in events if event.end is end)

    def test_random_bytes(self) -> None:
        """Both ways at once, in chunks of any size, with pauses in between."""
        up, down = self.dice.randbytes(500_000), self.dice.randbytes(500_000)
        places = 0, *sorted(self.dice.sample(range(500_000), 40)), 500_000
        left = 0
        for start, stop in pairwise(places):
            for side in (self.node, self.served):
                (side.pause if self.dice.random() < 0.5 else side.resume)()
            left += self.near.send(up[start:stop]) + self.far.send(down[start:stop])
            for side in (self.node, self.served):
                self.told += side.release(self.dice.randrange(100_000))
            self.exchange()
        for side in (self.node, self.served):
            side.resume()
            self.told += side.release(1 << 30)
        self.exchange()
        self.assertEqual(left + drained(self.told), 1_000_000)
        self.assertEqual(self.arrived(self.far), up)
        self.assertEqual(self.arrived(self.near), down)

    def test_the_pod_finishes(self) -> None:
        """Its last bytes come, and then its FIN."""
        self.far.send(b"bye")
        self.far.finish()
        self.assertEqual(self.served.tick(0.0), [Finished(self.far)])
        self.exchange()
        expected = [Opened(self.near), Data(self.near, b"bye"), Finished(self.near)]
        self.assertEqual(self.told, expected)

    def test_the_pod_fails(self) -> None:
        """Why it did comes through, and is understood."""
        self.far.fail(Failure(Reason.POD_GONE, "failed to find sandbox 0f3a"))
        self.exchange()
        why = Failure(Reason.POD_GONE, "node n1: failed to find sandbox 0f3a")
        self.assertEqual(self.told, [Opened(self.near), Failed(self.near, why)])

    def test_the_client_gives_up(self) -> None:
        """The Close of one side is the other's end."""
        self.near.send(b"never mind")
        self.near.finish()
        self.near.fail(WHY)
        self.exchange()
        types = [type(event) for event in self.told]
        self.assertEqual(types, [Opened, Data, Finished, Failed])
