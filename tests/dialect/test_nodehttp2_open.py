"""Tests for `spdygate.dialect.nodehttp2`: how tunnels are asked for and answered."""

from __future__ import annotations

from hpack import Decoder
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.budget import LINGER
from spdygate.dialect.tunnel import Data, Failed, Failure, Finished, Opened, Reason
from tests.dialect.ends import request
from tests.dialect.http2joined import HOP, RESET, failures
from tests.dialect.nodebyhand import MOST, NOT_FOUND, OK, PROOF, TUNNELS, ByHand
from tests.session.http2peer import data, raw, rst


class OpenTests(SynchronousTestCase):
    """How a tunnel is asked for and answered."""

    def setUp(self) -> None:
        """Connect."""
        self.by_hand = ByHand()
        self.node = self.by_hand.node

    def test_request(self) -> None:
        """CONNECT leaves at once, without END_STREAM, and wakes the shell."""
        end = self.node.open(request(5432))
        self.assertEqual(self.by_hand.woken, 1)
        ((kind, flags, stream_id, block),) = self.by_hand.written()
        self.assertEqual((kind, flags, stream_id), (1, 4, end.stream_id))
        fields = dict(Decoder().decode(block, raw=True))
        self.assertEqual(fields[b":path"], b"/portForward/shop/web-0")
        self.assertEqual(fields[b"port"], b"5432")
        self.assertEqual(self.node.tunnels, 1)

    def test_accepted(self) -> None:
        """A 200 with the proof opens it."""
        end = self.by_hand.open()
        told = self.by_hand.says(self.by_hand.answer(1, OK), data(1, b"hi"))
        self.assertEqual(told[0], Opened(end))
        self.assertIsInstance(told[1], Data)

    def test_accepted_finished_and_reset_in_one_read(self) -> None:
        """Everything that came is told, though the stream is long over."""
        end = self.by_hand.open()
        told = self.by_hand.says(
            self.by_hand.answer(1, OK), data(1, b"bye", end=True), rst(1, 0xA)
        )
        names = [type(event) for event in told]
        self.assertEqual(names, [Opened, Data, Finished, Failed])
        self.assertEqual(
            told[-1], Failed(end, Failure(RESET.reason, HOP + RESET.message))
        )
        self.assertEqual(self.node.tunnels, 0)

    def test_not_ours(self) -> None:
        """A 200 of something else is not believed: the stream is reset."""
        end = self.by_hand.open()
        told = self.by_hand.says(
            self.by_hand.answer(1, ((b":status", b"200"),)), data(1, b"<html>")
        )
        (failed,) = failures(told, end)
        self.assertEqual(told, [failed])
        self.assertIs(failed.failure.reason, Reason.STRANGER)
        self.assertTrue(failed.failure.message.startswith(HOP))
        self.assertEqual(self.by_hand.written(), [(3, 0, 1, b"\0\0\0\1")])
        self.assertEqual(self.node.tunnels, 0)
        self.assertFalse(self.node.ending)

    def test_not_ours_and_much_waiting(self) -> None:
        """Nothing that waits is delivered to it, and the failure is told once."""
        end = self.by_hand.open()
        self.assertEqual(end.send(bytes(100_000)), 65_535)
        end.finish()
        self.node.outgoing()
        told = self.by_hand.says(self.by_hand.answer(1, ((b":status", b"200"),)))
        self.assertEqual(len(failures(told, end)), 1)
        self.assertEqual(self.by_hand.written(), [(3, 0, 1, b"\0\0\0\1")])
        self.assertEqual(self.node.tunnels, 0)
        self.assertEqual(self.node.tick(LINGER), [])

    def test_refused(self) -> None:
        """A refusal arrives with its reason and words, and names the node."""
        end = self.by_hand.open()
        body = b'{"kind":"Status","message":"no such pod: web-0"}'
        told = self.by_hand.says(
            self.by_hand.answer(1, NOT_FOUND), data(1, body, end=True)
        )
        why = Failure(Reason.NO_SUCH_POD, "node n1: no such pod: web-0")
        self.assertEqual(told, [Failed(end, why)])
        self.assertEqual(self.node.tunnels, 0)

    def test_a_status_without_end(self) -> None:
        """A number of thousands of digits is no status, and no error of ours."""
        end = self.by_hand.open()
        told = self.by_hand.says(
            self.by_hand.answer(1, ((b":status", b"9" * 5000), PROOF), end=True)
        )
        (failed,) = failures(told, end)
        self.assertIs(failed.failure.reason, Reason.PROTOCOL)

    def test_given_up_before_the_answer(self) -> None:
        """The answer to a tunnel that failed here is of no interest."""
        end = self.by_hand.open()
        end.fail(RESET)
        told = self.by_hand.says(self.by_hand.answer(1, OK), data(1, b"x"))
        self.assertEqual(told, [])
        self.assertEqual(self.node.tunnels, 0)

    def test_lingering_before_the_answer(self) -> None:
        """Nor is that to one which only waits for its last bytes to leave."""
        end = self.by_hand.open()
        end.send(bytes(100_000))
        end.finish()
        end.fail(RESET)
        told = self.by_hand.says(self.by_hand.answer(1, OK), data(1, b"x"))
        self.assertEqual(told, [])
        self.by_hand.says(raw(8, 0, 0, b"\0\1\0\0"), raw(8, 0, 1, b"\0\1\0\0"))
        told = self.node.release(1 << 20)
        self.assertEqual(sum(getattr(event, "count", 0) for event in told), 34_465)
        self.assertEqual(self.node.tunnels, 0)

    def test_the_stream_limit(self) -> None:
        """A node that takes one stream is usable again when that one is over."""
        by_hand = ByHand(TUNNELS, (MOST, 1))
        end = by_hand.open()
        self.assertFalse(by_hand.node.usable)
        self.assertFalse(by_hand.node.exhausted)
        end.fail(RESET)
        self.assertTrue(by_hand.node.usable)
