"""Tests for `spdygate.dialect.nodespdystreams`, against nodes written by hand."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.nodespdyend import ANSWER
from spdygate.dialect.nodespdystreams import MOST_EVER
from spdygate.dialect.tunnel import (
    Data,
    Drained,
    Failed,
    Failure,
    Finished,
    Opened,
    Reason,
)
from spdygate.errors import LocalError
from spdygate.session import events
from tests.dialect.ends import request
from tests.dialect.spdynode import FIN, HOP, SpdyNode, data, fin, rst, text_of
from tests.session.spdybyhand import Seen

#: Header blocks as kubectl 1.20 wrote them, inflated.
ERROR_BLOCK = bytes.fromhex(
    "000000030000000a73747265616d74797065000000056572726f7200000004706f7274"
    "0000000439303031000000097265717565737469640000000130"
)
DATA_BLOCK = bytes.fromhex(
    "000000030000000a73747265616d74797065000000046461746100000004706f7274"
    "0000000439303031000000097265717565737469640000000131"
)


class OpenTests(SynchronousTestCase):
    """How a tunnel is asked for."""

    def setUp(self) -> None:
        """Connect."""
        self.by_hand = SpdyNode()
        self.node = self.by_hand.node

    def test_request(self) -> None:
        """Both streams go out at once, the error stream finished, as kubectl's."""
        self.node.open(request(9001))
        self.assertEqual(self.by_hand.woken, 1)
        expected = [
            Seen("SYN_STREAM", 1, 0, ERROR_BLOCK),
            fin(1),
            Seen("SYN_STREAM", 3, 0, ERROR_BLOCK.replace(b"\5error", b"\4data")),
        ]
        self.assertEqual(self.by_hand.written(), expected)
        self.assertEqual((self.node.tunnels, self.node.opened), (1, 1))

    def test_request_ids(self) -> None:
        """They are counted from 0, and both streams have the same."""
        for _ in range(2):
            self.node.open(request(9001))
        seen = [frame for frame in self.by_hand.written() if frame.body]
        self.assertEqual([frame.stream_id for frame in seen], [1, 3, 5, 7])
        self.assertEqual(seen[3].body, DATA_BLOCK)
        self.assertEqual(seen[2].body[-1:], b"1")

    def test_opened(self) -> None:
        """The answer to the data stream opens it, in whichever order they come."""
        end = self.by_hand.open()
        self.assertEqual(self.by_hand.says(self.by_hand.peer.reply(3)), [Opened(end)])
        self.assertEqual(self.by_hand.says(self.by_hand.peer.reply(1)), [])
        other = self.by_hand.open()
        self.assertEqual(self.by_hand.says(self.by_hand.peer.reply(5)), [])
        self.assertEqual(self.by_hand.says(self.by_hand.peer.reply(7)), [Opened(other)])

    def test_early_bytes(self) -> None:
        """What the client sends does not wait for the answer."""
        end = self.by_hand.open()
        self.assertEqual(end.send(b"early"), 5)
        self.assertEqual(self.by_hand.written(), [Seen("DATA", 3, 5, b"early")])

    def test_bytes_before_the_answer(self) -> None:
        """A session that lets them through has opened the tunnel."""
        end = self.by_hand.open()
        told = self.node._translate([events.DataReceived(3, b"x")])
        self.assertEqual(told, [Opened(end), Data(end, b"x")])
        told = self.by_hand.says(self.by_hand.peer.reply(3))
        self.assertEqual(told, [])

    def test_refused(self) -> None:
        """A reset instead of an answer refuses it, and it may say: ask again."""
        for code, reason in ((5, Reason.REFUSED), (3, Reason.RETRY)):
            end = self.by_hand.open()
            told = self.by_hand.says(self.by_hand.peer.rst(end.data_id, code))
            self.assertIs(text_of(told)[0], reason)
            self.assertTrue(text_of(told)[1].startswith(HOP))
            self.assertEqual(self.by_hand.written(), [rst(end.error_id)])
        self.assertEqual(self.by_hand.leftovers(), {})

    def test_refused_error_stream(self) -> None:
        """Without its error stream a tunnel never begins: it is given up."""
        end = self.by_hand.open()
        told = self.by_hand.says(self.by_hand.peer.rst(1, 3))
        self.assertIs(text_of(told)[0], Reason.RETRY)
        self.assertEqual(self.by_hand.written(), [rst(3)])
        self.assertEqual(end.send(b"x"), 1)
        self.assertEqual(self.by_hand.leftovers(), {})

    def test_a_text_before_the_answer(self) -> None:
        """A text says why, whether or not its stream was answered."""
        self.by_hand.open()
        told = self.by_hand.says(
            self.by_hand.peer.reply(1),
            data(1, b"could not find sandbox 5e1f", FIN),
            self.by_hand.peer.rst(3),
        )
        self.assertIs(text_of(told)[0], Reason.POD_GONE)
        self.assertEqual(len(told), 1)

    def test_no_room(self) -> None:
        """A node may take few streams: none is left behind on it."""
        self.by_hand.says(self.by_hand.peer.settings((4, 3)))
        self.assertTrue(self.node.usable)
        self.by_hand.open()
        self.assertTrue(self.node.usable)  # for one stream more
        with self.assertRaises(LocalError):
            self.node.open(request())
        self.assertEqual(self.by_hand.written()[-1], rst(5))
        self.assertEqual(self.node.tunnels, 1)
        self.by_hand.says(self.by_hand.peer.settings((4, 2)))
        self.assertFalse(self.node.usable or self.node.exhausted)

    def test_numbers_run_out(self) -> None:
        """A connection that has had all its numbers is exhausted."""
        self.node.opened = MOST_EVER - 1
        self.assertTrue(self.node.usable)
        self.by_hand.open()
        self.assertTrue(self.node.exhausted)
        self.assertFalse(self.node.usable or self.node.ending)


class BytesTests(SynchronousTestCase):
    """What passes on the streams of a tunnel."""

    def setUp(self) -> None:
        """Connect, with one tunnel."""
        self.by_hand = SpdyNode()
        self.node = self.by_hand.node
        self.end = self.by_hand.connect()
        self.by_hand.written()

    def test_everything_in_one_read(self) -> None:
        """All that came is told, though the streams are long over."""
        end = self.by_hand.open()
        told = self.by_hand.says(
            self.by_hand.peer.reply(5),
            self.by_hand.peer.reply(7),
            data(7, b"bye", FIN),
            data(5, b"", FIN),
        )
        self.assertEqual(told, [Opened(end), Data(end, b"bye"), Finished(end)])

    def test_drained(self) -> None:
        """What waited is reported when it has left."""
        self.node.pause()
        self.assertEqual(self.end.send(b"wait"), 0)
        self.assertTrue(self.node.tunnels)
        self.assertEqual(self.by_hand.drains(), [Drained(self.end, 4)])

    def test_streams_of_nobody(self) -> None:
        """Frames of streams that are over, or never were, say nothing."""
        peer = self.by_hand.peer
        self.assertEqual(
            self.by_hand.says(peer.reply(99), data(99, b"x", FIN), peer.rst(99)), []
        )
        self.assertEqual(self.by_hand.written(), [])

    def test_a_node_that_asks(self) -> None:
        """A stream of the node's own is refused, and costs nobody else."""
        self.assertEqual(self.by_hand.says(self.by_hand.peer.syn(2)), [])
        self.assertEqual(self.by_hand.written(), [Seen("RST_STREAM", 2, 3)])
        self.assertEqual(self.node.tunnels, 1)

    def test_a_text_is_paid_for(self) -> None:
        """A node that keeps count is granted what it wrote on an error stream."""
        self.by_hand.says(self.by_hand.peer.settings(), data(1, bytes(40_000)))
        self.assertIn(Seen("WINDOW_UPDATE", 1, 40_000), self.by_hand.written())

    def test_a_grant_that_the_node_counts_on(self) -> None:
        """A WINDOW_UPDATE is written when the client drains, in whoever's turn."""
        self.by_hand.says(self.by_hand.peer.settings(), data(3, bytes(40_000)))
        self.by_hand.written()
        woken = self.by_hand.woken
        self.end.grant(40_000)
        self.assertGreater(self.by_hand.woken, woken)
        self.assertEqual(self.by_hand.written(), [Seen("WINDOW_UPDATE", 3, 40_000)])

    def test_a_grant_that_nobody_counts(self) -> None:
        """For a Go server there is nothing to be written."""
        self.by_hand.says(data(3, bytes(40_000)))
        woken = self.by_hand.woken
        self.end.grant(40_000)
        self.assertEqual((self.by_hand.woken, self.by_hand.written()), (woken, []))

    def test_late_bytes(self) -> None:
        """What comes for a tunnel that was given up is dropped, and not held."""
        self.node.pause()
        self.end.send(b"last words")
        self.end.finish()
        self.end.fail(Failure(Reason.GAVE_UP, "the client is gone"))
        self.assertEqual(self.by_hand.says(data(3, b"late")), [])
        self.assertEqual(self.node._line.held.total, 0)


class LeavingTests(SynchronousTestCase):
    """A node that goes away."""

    def setUp(self) -> None:
        """Connect, with one tunnel that is open and two that are asked for."""
        self.by_hand = SpdyNode()
        self.node = self.by_hand.node
        self.ends = [self.by_hand.connect(), self.by_hand.open(), self.by_hand.open()]
        self.by_hand.written()

    def test_goaway(self) -> None:
        """What it did not take can be asked for again; the others go on."""
        told = self.by_hand.says(self.by_hand.peer.goaway(7))
        self.assertEqual(len(told), 1)
        self.assertIs(text_of(told)[0], Reason.RETRY)
        self.assertTrue(self.node.exhausted)
        self.assertFalse(self.node.usable or self.node.ending)
        self.assertEqual(self.node.tunnels, 2)
        (more,) = self.by_hand.says(data(3, b"still here"))
        self.assertIsInstance(more, Data)

    def test_goaway_that_names_nothing(self) -> None:
        """A Go server names stream 0: what is open goes on nevertheless."""
        told = self.by_hand.says(self.by_hand.peer.goaway(0))
        self.assertEqual(len(told), 2)
        self.assertEqual(list(self.node._line.ends.values()), self.ends[:1])

    def test_a_stream_that_is_not_taken(self) -> None:
        """It is given up after 15 s, and the next is not asked for here."""
        self.by_hand.passes(ANSWER - 0.1)
        self.assertTrue(self.node.usable)
        told = self.by_hand.passes(0.1)
        self.assertEqual([type(event) for event in told], [Failed, Failed])
        self.assertIs(text_of(told[:1])[0], Reason.TIMEOUT)
        self.assertTrue(self.node.exhausted)
        self.assertFalse(self.node.usable or self.node.ending)
        self.assertEqual(list(self.node._line.ends.values()), self.ends[:1])

    def test_a_breach(self) -> None:
        """A node that breaks the protocol ends its tunnels, after what came before."""
        told = self.by_hand.says(data(3, b"x"), b"\x80\x03\x00\x01\x00\x00\x00\x00")
        self.assertIsInstance(told[0], Data)
        self.assertEqual([type(event) for event in told[1:]], [Failed] * 3)
        self.assertTrue(self.node.ending and self.node.exhausted)
        self.assertIn("it broke the protocol", self.node.why)
        self.assertEqual(self.by_hand.written()[-1].name, "GOAWAY")
        self.ends[0].grant(1)
        self.assertEqual(self.by_hand.says(data(3, b"y")), [])

    def test_waiting_at_a_breach(self) -> None:
        """What waited then leaves unreported: its tunnel has failed."""
        self.node.pause()
        self.ends[0].send(b"never mind")
        told = self.by_hand.says(b"\x80\x03\x00\x01\x00\x00\x00\x00")
        self.assertEqual([type(event) for event in told], [Failed] * 3)
        self.assertEqual(self.by_hand.drains(), [])
