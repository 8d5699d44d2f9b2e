"""Tests for `spdygate.dialect.nodespdyend`."""

from __future__ import annotations

from spdygate.dialect.budget import LINGER
from spdygate.dialect.doubts import WORKERS
from spdygate.dialect.nodespdyend import LONGEST_TEXT, VERDICT
from spdygate.dialect.tunnel import (
    Data,
    Drained,
    Failed,
    Failure,
    Finished,
    Reason,
    TunnelEvent,
)
from tests.dialect.spdynode import (
    FIN,
    HOP,
    RESET,
    EndCase,
    data,
    fin,
    rst,
    text_of,
)
from tests.session.spdybyhand import Seen

TEXT = b"error forwarding port 8080 to pod shop_web-0, uid : "
REFUSED = (
    b"failed to execute portforward in network namespace "
    b'"/var/run/netns/cni-1": failed to connect to localhost:8080 inside namespace '
    b'"5e1f", IPv4: dial tcp4 127.0.0.1:8080: connect: connection refused '
    b"IPv6 dial tcp6 [::1]:8080: connect: connection refused "
)


class VerdictTests(EndCase):
    """A pod's FIN counts when the error stream says nothing against it."""

    def test_acquitted(self) -> None:
        """FIN on both streams is told as one, at once."""
        told = self.by_hand.says(self.finishes(), self.writes(b"", FIN))
        self.assertEqual(told, [Finished(self.end)])

    def test_not_before(self) -> None:
        """FIN on data alone says nothing yet, and no longer than a second."""
        self.assertEqual(self.by_hand.says(self.finishes()), [])
        self.assertEqual(self.by_hand.passes(VERDICT - 0.01), [])
        self.assertEqual(self.by_hand.passes(0.01), [Finished(self.end)])

    def test_acquitted_first(self) -> None:
        """An error stream that has ended before is waited for no more."""
        self.assertEqual(self.by_hand.says(self.writes(b"", FIN)), [])
        self.assertEqual(self.by_hand.says(self.finishes()), [Finished(self.end)])

    def test_reset_is_an_end_too(self) -> None:
        """A reset error stream without a text says that nothing went wrong."""
        told = self.by_hand.says(self.finishes(), self.by_hand.peer.rst(1))
        self.assertEqual(told, [Finished(self.end)])

    def test_refused(self) -> None:
        """FIN, text, RST on error, as cri-streaming since 1.32: it failed."""
        told = self.by_hand.says(
            self.finishes(), self.writes(TEXT + REFUSED), self.by_hand.peer.rst(1)
        )
        reason, words = text_of(told)
        self.assertIs(reason, Reason.REFUSED)
        self.assertTrue(words.startswith(HOP + "failed to execute portforward"), words)
        self.assertEqual(len(told), 1)
        self.assertEqual(self.by_hand.written(), [rst(3)])
        self.assert_nothing_kept()

    def test_refused_and_finished(self) -> None:
        """FIN, text, FIN on error, as containerd 1.6, in pieces: the same."""
        frames = self.finishes() + self.writes(TEXT) + self.writes(REFUSED, FIN)
        told: list[TunnelEvent] = []
        for at in range(len(frames)):
            told += self.by_hand.says(frames[at : at + 1])
        self.assertIs(text_of(told)[0], Reason.REFUSED)
        self.assertEqual(len(told), 1)
        self.assert_nothing_kept()

    def test_a_text_alone(self) -> None:
        """A text whose stream never ends is believed after a second."""
        words = b"(conn=0xc0, request=0) timed out waiting for streams"
        self.assertEqual(self.by_hand.says(self.writes(words)), [])
        told = self.by_hand.passes(VERDICT)
        self.assertIs(text_of(told)[0], Reason.TIMEOUT)
        self.assertEqual(self.by_hand.written(), [rst(3), rst(1)])
        self.assert_nothing_kept()

    def test_a_text_that_drips(self) -> None:
        """More of it does not put that off."""
        self.by_hand.says(self.writes(b"slow"))
        self.by_hand.passes(VERDICT / 2)
        self.by_hand.says(self.writes(b"ly"))
        self.assertEqual(text_of(self.by_hand.passes(VERDICT / 2))[1], HOP + "slowly")

    def test_a_late_text(self) -> None:
        """A text after the FIN was told is a failure all the same."""
        self.by_hand.says(self.finishes())
        self.assertEqual(self.by_hand.passes(VERDICT), [Finished(self.end)])
        told = self.by_hand.says(self.writes(b"broken pipe", FIN))
        self.assertIs(text_of(told)[0], Reason.TARGET_RESET)

    def test_pod_gone_in_the_middle(self) -> None:
        """A text while bytes flow ends the tunnel, with what it says."""
        self.by_hand.says(data(3, b"half an ans"))
        words = b'network namespace for sandbox "5e1f" is closed'
        told = self.by_hand.says(self.writes(TEXT + words, FIN))
        self.assertEqual(text_of(told), (Reason.POD_GONE, HOP + words.decode()))

    def test_a_text_without_end(self) -> None:
        """No more than 4 KiB of it are kept."""
        for _ in range(10):
            self.by_hand.says(self.writes(bytes(1000)))
        self.assertEqual(len(self.end.text), LONGEST_TEXT)

    def test_reset_by_the_target(self) -> None:
        """RST on an open data stream; what came before is told."""
        told = self.by_hand.says(data(3, b"x"), self.by_hand.peer.rst(3))
        self.assertEqual([type(event) for event in told], [Data, Failed])
        words = HOP + "it reset the connection"
        self.assertEqual(text_of(told), (Reason.TARGET_RESET, words))
        self.assertEqual(self.by_hand.written(), [rst(1)])
        self.end.grant(1)
        self.assert_nothing_kept()

    def test_text_and_reset(self) -> None:
        """A text explains the reset that follows it."""
        told = self.by_hand.says(
            self.writes(b"read: connection reset by peer"), self.by_hand.peer.rst(3)
        )
        words = HOP + "read: connection reset by peer"
        self.assertEqual(text_of(told), (Reason.TARGET_RESET, words))

    def test_finished_and_reset(self) -> None:
        """A reset after the FIN is told after it, whatever was waited for."""
        told = self.by_hand.says(self.finishes(), self.by_hand.peer.rst(3))
        self.assertEqual([type(event) for event in told], [Finished, Failed])


class DoneTests(EndCase):
    """What is left behind when a tunnel is over."""

    def test_client_first(self) -> None:
        """The FIN that was held goes out with the pod's, and nothing is reset."""
        self.end.send(b"request")
        self.end.finish()
        told = self.by_hand.says(data(3, b"answer", FIN), self.writes(b"", FIN))
        self.assertEqual([type(event) for event in told], [Data, Finished])
        self.end.grant(6)
        self.assertEqual(
            self.by_hand.written(), [Seen("DATA", 3, 7, b"request"), fin(3)]
        )
        self.assert_nothing_kept()

    def test_pod_first(self) -> None:
        """Nobody reads at a node that has ended both: the stream is reset."""
        self.by_hand.says(self.finishes(), self.writes(b"", FIN))
        self.assertEqual(self.by_hand.written(), [rst(3)])
        self.end.finish()
        self.assertEqual(self.by_hand.written(), [])
        self.assert_nothing_kept()

    def test_sent_to_nobody(self) -> None:
        """What is sent then gets nowhere, and the client hears so."""
        self.by_hand.says(self.finishes(), self.writes(b"", FIN))
        self.by_hand.written()
        woken = self.by_hand.woken
        self.assertEqual(self.end.send(b"more"), 4)
        self.assertGreater(self.by_hand.woken, woken)
        reason, words = text_of(self.by_hand.passes(0))
        self.assertIs(reason, Reason.TARGET_RESET)
        self.assertEqual(words, HOP + "it closed the connection, and reads no more")
        self.assertEqual(self.by_hand.written(), [])
        self.assert_nothing_kept()

    def test_waiting_for_nobody(self) -> None:
        """What waits when the node ends both is lost, which is told after the FIN."""
        self.by_hand.node.pause()
        self.end.send(b"more")
        told = self.by_hand.says(self.finishes(), self.writes(b"", FIN))
        self.assertEqual([type(event) for event in told], [Finished, Failed])
        self.assertEqual(self.by_hand.drains(), [])
        self.assertEqual(self.by_hand.written(), [rst(3)])
        self.assert_nothing_kept()

    def test_an_error_stream_left_open(self) -> None:
        """Once all is told, an error stream that the node keeps is reset."""
        self.end.finish()
        self.by_hand.says(self.finishes())
        self.by_hand.written()
        self.assertEqual(self.by_hand.passes(VERDICT), [Finished(self.end)])
        self.assertEqual(self.by_hand.written(), [rst(1)])
        self.assert_nothing_kept()

    def test_we_give_up(self) -> None:
        """Both streams are reset, and the node is asked whether it minds."""
        self.end.send(b"x")
        self.by_hand.written()
        self.end.fail(RESET)
        first, second, *rest = self.by_hand.written()
        self.assertEqual([first, second], [rst(3), rst(1)])
        self.assertEqual([frame.name for frame in rest], ["PING"] * WORKERS)
        self.assert_nothing_kept()

    def test_lingering_too_long(self) -> None:
        """What waits after a FIN and does not move at all is thrown away."""
        self.by_hand.node.pause()
        self.end.send(b"last words")
        self.end.finish()
        self.end.fail(RESET)
        for _ in range(5):
            self.assertEqual(self.by_hand.passes(LINGER / 5 - 0.01), [])
            self.by_hand.says(self.by_hand.peer.ping(2))
        told = self.by_hand.passes(1.0)
        self.assertIs(text_of(told)[0], Reason.GAVE_UP)
        self.assert_nothing_kept()

    def test_an_end_that_lingers_is_not_judged(self) -> None:
        """What was counted down for it is forgotten."""
        self.by_hand.node.pause()
        self.end.send(b"last words")
        self.end.finish()
        self.by_hand.says(self.finishes())
        self.end.fail(RESET)
        self.assertEqual(self.by_hand.passes(VERDICT + 1), [])
        self.assertEqual(self.by_hand.drains(), [Drained(self.end, 10)])
        self.assert_nothing_kept()


class FailureTests(EndCase):
    """What an end says when its connection is gone."""

    def test_lost_while_a_verdict_is_awaited(self) -> None:
        """The pod's FIN came: it is told, and then the loss."""
        self.by_hand.says(self.finishes())
        told = self.by_hand.node.lost()
        why = Failure(Reason.LINK_LOST, HOP + "the connection was lost")
        self.assertEqual(told, [Finished(self.end), Failed(self.end, why)])

    def test_lost_with_a_text(self) -> None:
        """A text that had begun says more than the loss."""
        self.by_hand.says(self.writes(b"could not find sandbox 5e1f"))
        self.assertIs(text_of(self.by_hand.node.lost())[0], Reason.POD_GONE)

    def test_accept_is_for_clients(self) -> None:
        """Nobody tells a node that its target is connected."""
        with self.assertRaises(NotImplementedError):
            self.end.accept()
