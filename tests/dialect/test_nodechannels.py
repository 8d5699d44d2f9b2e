"""Tests for `spdygate.dialect.nodechannels`: a kubelet's words, and our patience."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.budget import LINGER
from spdygate.dialect.nodechannels import SENT_NOTHING
from spdygate.dialect.nodehttp2 import INTRODUCTION
from spdygate.dialect.patience import USUAL
from spdygate.dialect.tunnel import (
    Data,
    Drained,
    Failed,
    Failure,
    Finished,
    Opened,
    Reason,
    TunnelEvent,
)
from tests.dialect.channelpeers import ChannelKubelet

NEVER = float("inf")


class KubeletCase(SynchronousTestCase):
    """A kubelet that was asked for port 8080, in front of us."""

    hold_fin = 30.0

    def setUp(self) -> None:
        """Connect."""
        self.kubelet = ChannelKubelet(self.hold_fin)
        self.node, self.end = self.kubelet.node, self.kubelet.end

    def failure(self, told: list[TunnelEvent]) -> Failure:
        """Return why the tunnel failed, which is all that was told."""
        (failed,) = told
        assert isinstance(failed, Failed)
        self.assertIs(failed.end, self.end)
        self.assertTrue(self.node.ending)
        self.assertEqual((self.node.tunnels, self.node.deadline()), (0, NEVER))
        return failed.failure

    def check_open(self) -> None:
        """Check that nothing has ended."""
        self.kubelet.look()
        self.assertEqual((self.node.ending, self.kubelet.closed), (False, None))

    def check_closed(self) -> None:
        """Check that we have said Close 1000, and have no more to do."""
        self.kubelet.look()
        self.assertEqual((self.node.ending, self.kubelet.closed), (True, 1000))
        self.assertEqual(self.node.deadline(), NEVER)


class OpeningTests(KubeletCase):
    """The port on both channels is all the yes there is."""

    def test_opened(self) -> None:
        """Both have to come, in whichever order."""
        for channels in ((0, 1), (1, 0)):
            kubelet = ChannelKubelet()
            self.assertEqual(kubelet.says(channels[0], b"\x90\x1f"), [])
            self.assertFalse(kubelet.node.ready)
            told = kubelet.says(channels[1], b"\x90\x1f")
            self.assertEqual(told, [Opened(kubelet.end)])
            self.assertTrue(kubelet.node.ready)

    def test_in_single_bytes(self) -> None:
        """Pieces of a preamble are put together."""
        data = self.kubelet.raw(0x82, b"\x00\x90\x1f")
        data += self.kubelet.raw(0x82, b"\x01\x90\x1f")
        told = self.kubelet.does(*(data[i : i + 1] for i in range(len(data))))
        self.assertEqual(told, [Opened(self.end)])

    def test_what_we_do_not_wait_for(self) -> None:
        """A client's first bytes go at once: the channels are open after the 101."""
        self.assertEqual(self.end.send(b"GET /"), 5)
        self.assertEqual(self.kubelet.written(), [b"\x00GET /"])

    def test_not_the_port(self) -> None:
        """Another port, or no port, is not what we asked for."""
        for body in (b"\x00\x91\x1f", b"\x00\x90", b"\x00\x90\x1f\x00", b"\x01no"):
            self.setUp()
            failure = self.failure(self.kubelet.does(self.kubelet.raw(0x82, body)))
            self.assertIs(failure.reason, Reason.PROTOCOL)
            words = "node n1: it does not begin with the port that was asked for"
            self.assertEqual(failure.message, words)
            self.assertEqual(self.node.why, words)
            self.check_closed()

    def test_too_early(self) -> None:
        """Bytes of the pod before both preambles would reach a client unasked."""
        self.kubelet.says(0, b"\x90\x1f")
        failure = self.failure(self.kubelet.says(0, b"SSH-2.0"))
        self.assertIs(failure.reason, Reason.PROTOCOL)

    def test_silence(self) -> None:
        """A node has ten seconds to name the port."""
        self.kubelet.says(0, b"\x90\x1f")
        self.assertEqual(self.kubelet.passes(INTRODUCTION - 0.1), [])
        self.assertEqual(self.node.deadline(), INTRODUCTION)
        failure = self.failure(self.kubelet.passes(0.1))
        self.assertIs(failure.reason, Reason.TIMEOUT)
        self.assertIn("within 10 s", failure.message)

    def test_once_it_is_open(self) -> None:
        """That is over with the second preamble."""
        self.kubelet.opens()
        self.assertEqual(self.kubelet.passes(10 * INTRODUCTION), [])
        self.check_open()

    def test_closed_instead(self) -> None:
        """A node that closes at once has not connected anything."""
        failure = self.failure(self.kubelet.closes())
        self.assertIs(failure.reason, Reason.LINK_LOST)
        self.assertIn("closed before it named the port", failure.message)


class EndingTests(KubeletCase):
    """How the pod's side ends (docs/protocol.rst, sections 2.5 and 4.1)."""

    def setUp(self) -> None:
        """Connect, and open."""
        super().setUp()
        self.kubelet.opens()
        self.kubelet.passes(0)

    def test_finished(self) -> None:
        """Close 1000 is the pod's FIN, and so is one without a code."""
        for code in (1000, None):
            self.setUp()
            told = self.kubelet.says(0, b"bye") + self.kubelet.closes(code)
            self.assertEqual(told, [Data(self.end, b"bye"), Finished(self.end)])
            self.assertTrue(self.node.ending)
            self.assertEqual((self.node.why, self.node.tunnels), ("", 0))
            self.assertEqual(self.node.lost(), [])

    def test_other_codes(self) -> None:
        """Whatever else it says, it has not said that all is well."""
        failure = self.failure(self.kubelet.closes(1001))
        self.assertIs(failure.reason, Reason.LINK_LOST)
        words = "node n1: it closed the connection with code 1001"
        self.assertEqual(failure.message, words)

    def test_the_connection_is_lost(self) -> None:
        """A node that vanishes may have cut an answer off, also after our FIN."""
        for finished in (False, True):
            self.setUp()
            self.kubelet.says(0, b"half an ans")
            if finished:
                self.end.finish()
            failure = self.failure(self.node.lost())
            self.assertIs(failure.reason, Reason.LINK_LOST)
            self.assertEqual(failure.message, "node n1: the connection was lost")

    def test_refused(self) -> None:
        """The text of a dial that failed is understood, and the connection closed."""
        text = (
            b"error forwarding port 8080 to pod 0f3a, uid : failed to connect to "
            b'localhost:8080 inside namespace "0f3a", connection refused'
        )
        failure = self.failure(self.kubelet.says(1, text))
        self.assertIs(failure.reason, Reason.REFUSED)
        self.assertTrue(failure.message.startswith("node n1: failed to connect to"))
        self.check_closed()

    def test_pod_gone(self) -> None:
        """That the pod is no more is told apart."""
        failure = self.failure(self.kubelet.says(1, b"failed to find sandbox 0f3a"))
        self.assertIs(failure.reason, Reason.POD_GONE)

    def test_reset_behind_data(self) -> None:
        """What the pod had said before is delivered."""
        data, *failed = [
            *self.kubelet.says(0, b"half an ans"),
            *self.kubelet.says(1, b"read: connection reset by peer"),
        ]
        self.assertEqual(data, Data(self.end, b"half an ans"))
        self.assertIs(self.failure(failed).reason, Reason.TARGET_RESET)

    def test_text_in_pieces(self) -> None:
        """It is read to its end, or as far as it came."""
        whole = self.kubelet.raw(0x82, b"\x01connection reset by peer")
        self.assertEqual(self.kubelet.does(whole[:20]), [])
        failure = self.failure(self.kubelet.does(whole[20:]))
        self.assertIs(failure.reason, Reason.TARGET_RESET)
        self.setUp()
        self.kubelet.does(whole[:-8])
        failure = self.failure(self.node.lost())
        self.assertEqual(failure.message, "node n1: connection reset")
        self.setUp()
        self.kubelet.does(self.kubelet.raw(0x02, b"\x01broken pipe"))
        failure = self.failure(self.kubelet.closes())
        self.assertEqual(failure.message, "node n1: broken pipe")

    def test_a_long_text(self) -> None:
        """A part of it is enough, and no more is kept."""
        self.kubelet.does(self.kubelet.raw(0x02, b"\x01" + b"x" * 4000))
        for _ in range(50):
            self.kubelet.does(self.kubelet.raw(0x00, b"x" * 4000))
        self.assertEqual(len(self.node._text), 4096)
        failure = self.failure(self.kubelet.does(self.kubelet.raw(0x80)))
        self.assertLess(len(failure.message), 1200)

    def test_an_empty_text(self) -> None:
        """It says nothing, and so it ends nothing."""
        self.assertEqual(self.kubelet.says(1, b""), [])
        self.check_open()

    def test_we_give_up(self) -> None:
        """The connection is closed at once: nobody else is on it."""
        self.end.fail(Failure(Reason.GAVE_UP, "the client gave up"))
        self.check_closed()
        self.assertEqual(self.node.tick(100.0), [])
        self.assertEqual(self.node.lost(), [])

    def test_we_give_up_behind_what_waits(self) -> None:
        """After a FIN it is closed when the last byte has left."""
        self.node.pause()
        self.end.send(b"last words")
        self.end.finish()
        self.end.fail(Failure(Reason.GAVE_UP, "the client gave up"))
        self.check_open()
        self.node.resume()
        self.assertEqual(self.node.release(100), [Drained(self.end, 10)])
        self.assertEqual(self.kubelet.written(), [b"\x00last words"])
        self.check_closed()

    def test_lingering_ends(self) -> None:
        """A minute without a byte leaving is as long as that waits."""
        self.node.pause()
        self.end.send(b"last words")
        self.end.finish()
        self.end.fail(Failure(Reason.GAVE_UP, "the client gave up"))
        self.kubelet.passes(10)
        self.assertEqual(self.kubelet.passes(LINGER - 1), [])
        failure = self.failure(self.kubelet.passes(1))
        self.assertIn("could not be delivered", failure.message)

    def test_lingering_goes_on(self) -> None:
        """As long as something leaves, it has time."""
        self.node.pause()
        for _ in range(4):
            self.end.send(bytes(64 * 1024))
        self.end.finish()
        self.end.fail(Failure(Reason.GAVE_UP, "the client gave up"))
        for _ in range(3):
            self.kubelet.passes(LINGER - 1)
            self.node.resume()
            self.node.release(1)
            self.node.pause()
        self.check_open()
        self.kubelet.passes(0)
        self.failure(self.kubelet.passes(LINGER))


class HoldTests(KubeletCase):
    """A client's FIN cannot be said, so it is held (section 2.6)."""

    def setUp(self) -> None:
        """Open, and ask something."""
        super().setUp()
        self.kubelet.opens()
        self.end.send(b"question")
        self.kubelet.passes(0)

    def test_the_answer_comes(self) -> None:
        """As long as the pod speaks now and then, nothing is closed."""
        self.kubelet.passes(1000)
        self.end.finish()
        for _ in range(5):
            self.assertEqual(self.kubelet.passes(29), [])
            self.assertEqual(len(self.kubelet.says(0, b"answer")), 1)
            self.end.grant(6)
        self.check_open()
        self.assertEqual(self.kubelet.closes(), [Finished(self.end)])

    def test_the_pod_is_silent(self) -> None:
        """After 30 s the tunnel ends, both ways and in peace."""
        self.kubelet.passes(1000)
        self.end.finish()
        self.assertEqual(self.kubelet.passes(0), [])
        self.assertEqual(self.kubelet.passes(29.9), [])
        self.check_open()
        self.assertEqual(self.kubelet.passes(0.1), [Finished(self.end)])
        self.check_closed()
        self.assertEqual(self.node.why, "")

    def test_what_waits_is_not_silence(self) -> None:
        """The pod's time begins when it has all of the question."""
        self.node.pause()
        self.end.send(b"more")
        self.end.finish()
        self.assertEqual(self.kubelet.passes(100), [])
        self.node.resume()
        self.node.release(100)
        self.assertEqual(self.kubelet.passes(0), [])
        self.assertEqual(self.kubelet.passes(29.9), [])
        self.assertEqual(self.kubelet.passes(0.1), [Finished(self.end)])

    def test_a_slow_client_is_not_silence(self) -> None:
        """While the client has not taken what came, we may be keeping more back."""
        self.end.finish()
        self.kubelet.passes(0)
        self.kubelet.says(0, b"answer")
        self.assertEqual(self.kubelet.passes(31), [])
        self.assertGreater(self.node.deadline(), 60.0)
        self.end.grant(6)
        self.assertEqual(self.kubelet.passes(29), [])
        self.assertEqual(self.kubelet.passes(1), [Finished(self.end)])

    def test_a_fin_before_the_port_is_named(self) -> None:
        """The pod's time begins when it is connected, as far as we can tell."""
        kubelet = ChannelKubelet(5.0)
        kubelet.end.send(b"question")
        kubelet.end.finish()
        self.assertEqual(kubelet.passes(8), [])
        kubelet.opens()
        kubelet.passes(0)
        self.assertEqual(kubelet.passes(4.9), [])
        self.assertEqual(kubelet.passes(0.1), [Finished(kubelet.end)])

    def test_nothing_was_asked(self) -> None:
        """A client that sent nothing waits for nothing but a greeting."""
        kubelet = ChannelKubelet()
        kubelet.opens()
        kubelet.end.finish()
        kubelet.passes(0)
        self.assertEqual(kubelet.passes(SENT_NOTHING - 0.1), [])
        kubelet.says(0, b"220 hello")
        kubelet.end.grant(9)
        self.assertEqual(kubelet.passes(SENT_NOTHING - 0.1), [])
        self.assertEqual(kubelet.passes(0.1), [Finished(kubelet.end)])

    def test_switched_off(self) -> None:
        """With 0 the FIN closes the connection at once, whatever waits elsewhere."""
        kubelet = ChannelKubelet(0)
        kubelet.opens()
        kubelet.says(0, b"half an ans")
        kubelet.end.send(b"question")
        kubelet.end.finish()
        self.assertEqual(kubelet.passes(0), [Finished(kubelet.end)])
        self.assertEqual(kubelet.written(), [b"\x00question"])
        self.assertEqual(kubelet.closed, 1000)


class AliveTests(KubeletCase):
    """A quiet connection is kept alive, and a silent node is borne."""

    def test_pings(self) -> None:
        """Each 30 s, answered or not: a node that is stuck answers nothing."""
        self.kubelet.opens()
        for count in range(1, 10):
            self.assertEqual(self.kubelet.passes(USUAL.quiet), [])
            self.kubelet.look()
            self.assertEqual(self.kubelet.pings, count)
        self.check_open()
