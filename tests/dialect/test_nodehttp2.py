"""Tests for `spdygate.dialect.nodehttp2`, against nodes written by hand."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.budget import LINGER
from spdygate.dialect.nodehttp2 import INTRODUCTION, LOST, PING_INTERVAL
from spdygate.dialect.patience import USUAL
from spdygate.dialect.tunnel import Data, Failed, Failure, Opened, Reason
from tests.dialect.http2joined import HOP, RESET, Joined, failures
from tests.dialect.nodebyhand import MOST, OK, TUNNELS, ByHand
from tests.session.http2peer import data, raw, settings


def goaway(last: int) -> bytes:
    """Write a GOAWAY frame (RFC 9113, section 6.8)."""
    return raw(7, 0, 0, last.to_bytes(4, "big") + bytes(4))


class IntroductionTests(SynchronousTestCase):
    """A node must show what it is before it is asked for anything."""

    def setUp(self) -> None:
        """Dial."""
        self.by_hand = ByHand(introduced=False)
        self.node = self.by_hand.node

    def assert_useless(self, words: str) -> None:
        """Check that the connection is given up, and why."""
        self.assertTrue(self.node.ending and self.node.exhausted)
        self.assertFalse(self.node.ready or self.node.usable)
        self.assertIn(words, self.node.why)
        self.assertEqual(self.node.deadline(), float("inf"))
        self.assertEqual(self.node.tick(1e6), [])

    def test_a_node_service(self) -> None:
        """SETTINGS with extended CONNECT make it usable."""
        self.assertFalse(self.node.ready or self.node.usable or self.node.ending)
        self.by_hand.says(settings(TUNNELS))
        self.assertTrue(self.node.ready and self.node.usable)
        self.assertFalse(self.node.exhausted or self.node.ending)

    def test_no_extended_connect(self) -> None:
        """A kubelet speaks HTTP/2 too, but not this."""
        self.by_hand.says(settings((MOST, 250)))
        self.assert_useless("no extended CONNECT")

    def test_http1(self) -> None:
        """An answer in HTTP/1.1 is recognised, whatever it says."""
        self.by_hand.says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        self.assert_useless("HTTP/1.1")

    def test_silence(self) -> None:
        """No SETTINGS within ten seconds, and it is given up."""
        self.assertEqual(INTRODUCTION, 10.0)
        self.assertEqual(self.node.deadline(), 10.0)
        self.node.tick(9.9)
        self.assertFalse(self.node.ending)
        self.node.tick(10.0)
        self.assert_useless("no SETTINGS within 10 s")

    def test_chatter(self) -> None:
        """Other frames do not put that off."""
        self.by_hand.now = 9.0
        self.by_hand.says(raw(8, 0, 0, b"\0\0\1\0"))
        self.node.tick(10.0)
        self.assertTrue(self.node.ending)

    def test_nonsense(self) -> None:
        """Bytes of any other protocol end it."""
        self.by_hand.says(b"220 mail.example.com ESMTP ready\r\n" * 10)
        self.assert_useless("broke the protocol")

    def test_introduced_in_time(self) -> None:
        """Once introduced, only the pings are waited for."""
        self.by_hand.says(settings(TUNNELS))
        self.assertEqual(self.node.deadline(), PING_INTERVAL)
        self.node.tick(10.0)
        self.assertFalse(self.node.ending)


class AliveTests(SynchronousTestCase):
    """A node that is silent is asked whether it is there."""

    def setUp(self) -> None:
        """Connect, with one tunnel."""
        self.by_hand = ByHand()
        self.node = self.by_hand.node
        self.end = self.by_hand.connect()
        self.by_hand.written()

    def test_ping(self) -> None:
        """After 15 seconds of silence a PING goes out, once."""
        self.node.tick(PING_INTERVAL - 0.1)
        self.assertEqual(self.by_hand.written(), [])
        woken = self.by_hand.woken
        self.node.tick(PING_INTERVAL)
        self.assertGreater(self.by_hand.woken, woken)
        self.node.tick(PING_INTERVAL + 1)
        (ping,) = self.by_hand.written()
        self.assertEqual(ping[:3], (6, 0, 0))

    def test_pong(self) -> None:
        """Its echo is as good as any byte, and begins the silence anew."""
        self.node.tick(PING_INTERVAL)
        ((_, _, _, payload),) = self.by_hand.written()
        self.by_hand.now = 16.0
        self.assertEqual(self.by_hand.says(raw(6, 1, 0, payload)), [])
        self.assertEqual(self.node.deadline(), 16.0 + PING_INTERVAL)
        self.assertEqual(self.node.tick(PING_INTERVAL + USUAL.answer - 5), [])
        self.assertFalse(self.node.ending)

    def test_each_ping_is_another(self) -> None:
        """A late echo of the last PING cannot be taken for one of the next."""
        payloads = set()
        for turn in range(1, 4):
            self.by_hand.now = turn * 100.0
            self.node.tick(self.by_hand.now)
            ((_, _, _, payload),) = self.by_hand.written()
            payloads.add(payload)
            self.by_hand.says(raw(6, 1, 0, payload))
        self.assertEqual(len(payloads), 3)

    def test_dead(self) -> None:
        """Silence after the PING ends every tunnel, once, naming the node."""
        self.node.tick(PING_INTERVAL)
        self.assertEqual(self.node.deadline(), PING_INTERVAL + USUAL.answer)
        told = self.node.tick(PING_INTERVAL + USUAL.answer)
        words = "node n1: it did not answer a PING within 20 s"
        self.assertEqual(told, [Failed(self.end, Failure(Reason.LINK_LOST, words))])
        self.assertTrue(self.node.ending)
        self.assertEqual(self.node.tick(1000.0), [])
        self.assertEqual(self.node.lost(), [])
        self.assertEqual(self.node.deadline(), float("inf"))


class LeavingTests(SynchronousTestCase):
    """How a connection ends."""

    def setUp(self) -> None:
        """Connect."""
        self.by_hand = ByHand()
        self.node = self.by_hand.node

    def test_goaway(self) -> None:
        """Streams that it did not take can be asked for again; the others go on."""
        ends = [self.by_hand.connect(), self.by_hand.open(), self.by_hand.open()]
        told = self.by_hand.says(goaway(1))
        for end in ends[1:]:
            (failed,) = failures(told, end)
            self.assertIs(failed.failure.reason, Reason.RETRY)
            self.assertTrue(failed.failure.message.startswith(HOP))
        self.assertEqual(len(told), 2)
        self.assertTrue(self.node.exhausted)
        self.assertFalse(self.node.usable or self.node.ending)
        self.assertEqual(self.node.tunnels, 1)
        (more,) = self.by_hand.says(data(1, b"still here"))
        self.assertIsInstance(more, Data)

    def test_goaway_in_two_steps(self) -> None:
        """A warning first (RFC 9113, section 6.8) costs no stream."""
        end = self.by_hand.open()
        self.assertEqual(self.by_hand.says(goaway(2**31 - 1)), [])
        self.assertFalse(self.node.usable)
        told = self.by_hand.says(goaway(1), self.by_hand.answer(1, OK))
        self.assertEqual(told, [Opened(end)])

    def test_a_breach(self) -> None:
        """A node that breaks the protocol ends its tunnels, after what came before."""
        end = self.by_hand.connect()
        told = self.by_hand.says(data(1, b"x"), raw(8, 0, 0, bytes(4)))
        self.assertEqual([type(event) for event in told], [Data, Failed])
        (failed,) = failures(told, end)
        self.assertIs(failed.failure.reason, Reason.LINK_LOST)
        self.assertIn("node n1: it broke the protocol", failed.failure.message)
        self.assertEqual(self.by_hand.written()[-1][0], 7)
        self.assertEqual(end.send(b"x"), 1)
        end.grant(1)
        self.assertEqual(self.by_hand.says(data(1, b"y")), [])

    def test_time_after_a_breach(self) -> None:
        """A connection that is ending is not pinged, nor anything else."""
        self.by_hand.connect()
        # A header block that HPACK cannot read: h2 takes the connection for closed.
        self.by_hand.says(raw(1, 4, 1, b"\xff\xff\xff\xff\xff"))
        self.assertTrue(self.node.ending)
        self.by_hand.written()
        self.assertEqual(self.node.tick(PING_INTERVAL), [])
        self.assertEqual(self.by_hand.written(), [])

    def test_lost(self) -> None:
        """Every tunnel fails once, whatever its state, and nothing is kept."""
        asked, half, lingering = (
            self.by_hand.open(),
            self.by_hand.connect(),
            self.by_hand.connect(),
        )
        half.finish()
        lingering.send(bytes(100_000))
        lingering.finish()
        lingering.fail(RESET)
        told = self.node.lost()
        why = Failure(Reason.LINK_LOST, HOP + LOST)
        self.assertEqual(told, [Failed(end, why) for end in (asked, half, lingering)])
        self.assertEqual(self.node.lost(), [])
        self.assertEqual(self.node.tunnels, 0)
        self.assertTrue(self.node.exhausted)
        woken = self.by_hand.woken
        half.fail(RESET)
        self.assertEqual(self.by_hand.woken, woken)

    def test_lost_after_a_reason(self) -> None:
        """What ended the connection first is what is remembered."""
        self.by_hand.says(raw(8, 0, 0, bytes(4)))
        why = self.node.why
        self.node.lost()
        self.assertEqual(self.node.why, why)

    def test_lingering_too_long(self) -> None:
        """The node's name is in this failure too, and its time in `deadline`."""
        joined = Joined()
        near, _ = joined.connect()
        joined.node.pause()
        near.send(b"last words")
        near.finish()
        near.fail(RESET)
        for now in (20.0, 40.0):
            joined.node.tick(now)
            joined.now = now
            joined.exchange()
        self.assertEqual(joined.node.tick(LINGER - 1), [])
        (failed,) = failures(joined.node.tick(LINGER), near)
        self.assertTrue(failed.failure.message.startswith(HOP))
        self.assertEqual(joined.node.tunnels, 0)
