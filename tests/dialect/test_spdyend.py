"""Tests for `spdygate.dialect.spdyend`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.servedspdy import LAST_WORDS
from spdygate.dialect.spdyend import Errors, SpdyEnd
from spdygate.dialect.tunnel import Failed, Failure, Reason, TunnelEvent
from tests.dialect import contract
from tests.dialect.spdyclient import SpdyClient, data
from tests.session.spdybyhand import FIN, Seen

REFUSED = Failure(Reason.REFUSED, "connection refused")
RESET = Failure(Reason.TARGET_RESET, "the target reset the connection")
GONE = Failure(Reason.POD_GONE, "the pod was deleted")

TEXT = b"error forwarding port 80 to pod shop/web-0, uid : "
TEXT_2015 = b"Error forwarding port 80 to pod shop/web-0, uid : "


def fin(stream_id: int) -> Seen:
    """Return the empty FIN of a stream."""
    return Seen("DATA", stream_id, 0, b"", FIN)


def text(stream_id: int, words: bytes) -> Seen:
    """Return the DATA frame of a text."""
    return Seen("DATA", stream_id, len(words), words)


def rst(stream_id: int) -> Seen:
    """Return RST_STREAM with CANCEL."""
    return Seen("RST_STREAM", stream_id, 5)


class TableCase(SynchronousTestCase):
    """One connection: stream 1 for errors, 3 for data (docs/protocol.rst, 8.4)."""

    def connect(self, errors: Errors, *, old: bool = False) -> SpdyEnd:
        """Open both streams; leave what was written for the dialling aside."""
        self.client = SpdyClient(errors, old=old)
        end, _ = self.client.connects()
        self.replies = self.client.written()
        return end

    def written(self) -> list[Seen]:
        """Return what was written to the client since."""
        return self.client.written()


class AcceptTests(TableCase):
    """When SYN_REPLY goes to the data stream."""

    def test_isolate(self) -> None:
        """The error stream is answered at once, the data stream after the dial."""
        end = self.connect(Errors.ISOLATE)
        self.assertEqual([seen.stream_id for seen in self.replies], [1])
        end.accept()
        self.assertEqual(self.written(), [Seen("SYN_REPLY", 3, 0, bytes(4))])

    def test_kubelet(self) -> None:
        """Both are answered at once, and never again."""
        end = self.connect(Errors.KUBELET)
        replies = [(seen.name, seen.stream_id) for seen in self.replies]
        self.assertEqual(replies, [("SYN_REPLY", 1), ("SYN_REPLY", 3)])
        end.accept()
        self.assertEqual(self.written(), [])

    def test_too_late(self) -> None:
        """A client that gave up meanwhile is not answered."""
        end = self.connect(Errors.ISOLATE)
        self.client.does(self.client.peer.rst(3))
        self.client.written()
        end.accept()
        self.assertEqual(self.written(), [])


class RefusedTests(TableCase):
    """The dial failed."""

    def refuse(self, errors: Errors, *, old: bool = False) -> list[Seen]:
        """Have it refused; return what the client is told."""
        end = self.connect(errors, old=old)
        end.fail(REFUSED)
        return self.written()

    def test_isolate(self) -> None:
        """RST without a reply, and an empty FIN: the session lives on."""
        self.assertEqual(self.refuse(Errors.ISOLATE), [fin(1), rst(3)])

    def test_isolate_2015(self) -> None:
        """Generations A and B only log the text, so they get it, and time to."""
        words = TEXT_2015 + b"connection refused"
        expected = [text(1, words), fin(1), Seen("SYN_REPLY", 3, 0, bytes(4))]
        self.assertEqual(self.refuse(Errors.ISOLATE, old=True), expected)
        self.client.passes(0)
        self.client.passes(LAST_WORDS - 0.1)
        self.assertEqual(self.written(), [])
        self.client.passes(0.2)
        self.assertEqual(self.written(), [rst(1), rst(3)])

    def test_isolate_2015_reset_by_the_client(self) -> None:
        """Who has read the text resets both streams, and is told no more."""
        self.refuse(Errors.ISOLATE, old=True)
        self.client.passes(0)
        self.client.does(self.client.peer.rst(3), self.client.peer.rst(1))
        self.client.passes(LAST_WORDS + 0.1)
        self.assertEqual(self.written(), [])
        self.assertEqual(self.client.leftovers(), {})

    def test_kubelet(self) -> None:
        """FIN on data, the text, RST 5 on error, as cri-streaming 0.36."""
        expected = [fin(3), text(1, TEXT + b"connection refused"), rst(1)]
        self.assertEqual(self.refuse(Errors.KUBELET), expected)

    def test_kubelet_2015(self) -> None:
        """An old client has the old words in either mode."""
        seen = self.refuse(Errors.KUBELET, old=True)
        self.assertEqual(seen[1].body, TEXT_2015 + b"connection refused")

    def test_nothing_is_left(self) -> None:
        """Once the client has ended its half as well, nothing is kept."""
        self.refuse(Errors.ISOLATE)
        self.client.does(data(1, b"", FIN), data(3, b"", FIN))
        self.assertEqual(self.client.leftovers(), {})
        self.refuse(Errors.KUBELET)
        self.client.does(data(1, b"", FIN), self.client.peer.rst(3))
        self.assertEqual(self.client.leftovers(), {})


class ResetTests(TableCase):
    """The target reset an open connection."""

    def reset(self, errors: Errors, *, old: bool = False) -> list[Seen]:
        """Have it reset; return what the client is told."""
        end = self.connect(errors, old=old)
        end.accept()
        end.send(b"half an ans")
        self.client.written()
        end.fail(RESET)
        return self.written()

    def test_isolate(self) -> None:
        """RST data, empty FIN on error."""
        self.assertEqual(self.reset(Errors.ISOLATE), [fin(1), rst(3)])

    def test_isolate_2015(self) -> None:
        """Again, old clients are told why."""
        seen = self.reset(Errors.ISOLATE, old=True)
        expected = [text(1, TEXT_2015 + RESET.message.encode()), fin(1)]
        self.assertEqual(seen, expected)
        self.client.passes(0)
        self.client.passes(LAST_WORDS)
        self.assertEqual(self.written(), [rst(1), rst(3)])

    def test_kubelet(self) -> None:
        """FIN data, text, RST 5 error."""
        expected = [fin(3), text(1, TEXT + RESET.message.encode()), rst(1)]
        self.assertEqual(self.reset(Errors.KUBELET), expected)


class PodGoneTests(TableCase):
    """The pod itself is gone: text to all, and the session ends."""

    def test_everyone_is_told(self) -> None:
        """The text in the words of each generation, in either mode."""
        for errors in Errors:
            for old, words in ((False, TEXT), (True, TEXT_2015)):
                with self.subTest(f"{errors} {old}"):
                    end = self.connect(errors, old=old)
                    end.fail(GONE)
                    expected = [text(1, words + b"the pod was deleted"), fin(1), rst(3)]
                    self.assertEqual(self.written(), expected)

    def test_after_the_pods_fin(self) -> None:
        """A pod that had said all leaves nothing to tell of this tunnel."""
        end = self.connect(Errors.ISOLATE)
        end.accept()
        end.finish()
        self.client.written()
        end.fail(GONE)
        self.assertEqual(self.written(), [rst(3)])


class LoneTests(TableCase):
    """The documentation's client: one stream for a connection."""

    def lone(self, errors: Errors) -> SpdyEnd:
        """Open a stream with nothing but a port."""
        self.client = SpdyClient(errors, old=True)
        syn = self.client.peer.syn(1, [(b"port", b"80")])
        (opening,) = self.client.does(syn)
        end = getattr(opening, "end", None)
        assert isinstance(end, SpdyEnd)
        return end

    def test_whole_life(self) -> None:
        """Reply, bytes, FIN both ways, and nothing else."""
        end = self.lone(Errors.ISOLATE)
        end.accept()
        end.send(b"x")
        end.finish()
        names = [(seen.name, seen.stream_id) for seen in self.written()]
        self.assertEqual(names, [("SYN_REPLY", 1), ("DATA", 1), ("DATA", 1)])
        self.client.does(data(1, b"", FIN))
        self.assertEqual(self.client.leftovers(), {})

    def test_refused(self) -> None:
        """There is nowhere to write a text: it is reset, in either mode."""
        for errors in Errors:
            end = self.lone(errors)
            self.client.written()
            end.fail(REFUSED)
            self.assertEqual(self.written(), [rst(1)])
            self.assertEqual(self.client.leftovers(), {})


class DoneTests(TableCase):
    """A connection that simply ends."""

    def test_the_error_stream_ends_with_the_pods_half(self) -> None:
        """Clients since 1.1 wait for it before they close their local socket."""
        for errors in Errors:
            for old in (False, True):
                end = self.connect(errors, old=old)
                end.accept()
                self.written()
                end.finish()
                self.assertEqual(self.written(), [fin(3), fin(1)])

    def test_finished_once(self) -> None:
        """A second FIN says nothing."""
        end = self.connect(Errors.ISOLATE)
        end.accept()
        end.finish()
        self.written()
        end.finish()
        self.assertEqual(self.written(), [])

    def test_congested_error_text(self) -> None:
        """A text that waits for credit goes before the reset of its stream."""
        end = self.connect(Errors.KUBELET)
        self.client.served.pause()
        end.fail(REFUSED)
        self.assertEqual(self.written(), [fin(3)])
        self.client.served.resume()
        self.client.served.release(1000)
        words = TEXT + b"connection refused"
        expected = [Seen("DATA", 1, len(words), words, FIN), rst(1)]
        self.assertEqual(self.written(), expected)


class WakeTests(TableCase):
    """Whoever has something to write says so."""

    def test_every_verb_that_writes(self) -> None:
        """Each wakes the shell, or the bytes would wait for somebody else's."""
        end = self.connect(Errors.ISOLATE)
        for verb in (end.accept, lambda: end.send(b"x"), end.finish):
            woken = self.client.woken
            verb()
            self.assertGreater(self.client.woken, woken)
            self.assertNotEqual(self.written(), [])
        woken = self.client.woken
        end.fail(RESET)
        self.assertGreater(self.client.woken, woken)

    def test_a_grant_that_the_client_counts_on(self) -> None:
        """A WINDOW_UPDATE is written when the pod drains, in whoever's turn."""
        end = self.connect(Errors.ISOLATE)
        self.client.does(self.client.peer.settings(), data(3, bytes(40 * 1024)))
        self.written()
        woken = self.client.woken
        end.grant(40 * 1024)
        self.assertGreater(self.client.woken, woken)
        self.assertEqual(self.written(), [Seen("WINDOW_UPDATE", 3, 40 * 1024)])

    def test_a_grant_that_nobody_counts(self) -> None:
        """For a Go client there is nothing to be written."""
        end = self.connect(Errors.ISOLATE)
        self.client.does(data(3, bytes(40 * 1024)))
        woken = self.client.woken
        end.grant(40 * 1024)
        self.assertEqual(self.client.woken, woken)


class SpdyBench:
    """A `contract.Bench` around an open `SpdyEnd`."""

    def __init__(self, errors: Errors, *, old: bool) -> None:
        self.client = SpdyClient(errors, old=old)
        self.end, _ = self.client.connects()
        self.end.accept()
        self._seen: list[Seen] = []
        self._told: list[TunnelEvent] = []

    def _data(self) -> list[Seen]:
        """Return the frames that the client has got on its data stream so far."""
        self._seen += self.client.written()
        return [seen for seen in self._seen if seen.stream_id == 3]

    @property
    def arrived(self) -> bytes:
        """Return what the client has got."""
        return b"".join(seen.body for seen in self._data() if seen.name == "DATA")

    @property
    def fin(self) -> bool:
        """Return whether it has got the FIN."""
        return any(seen.flags & FIN for seen in self._data())

    @property
    def dead(self) -> bool:
        """Return whether its stream was reset."""
        return rst(3) in self._data()

    def told(self) -> list[TunnelEvent]:
        """Return, and forget, what has happened."""
        told, self._told = self._told, []
        return told

    def hold(self) -> None:
        """Let the transport be congested."""
        self.client.served.pause()

    def let_go(self) -> None:
        """Let it drain."""
        self.client.served.resume()
        while self.client.served.has_waiting:
            self._told += self.client.served.release(1 << 20)

    def peer_sends(self, payload: bytes) -> None:
        """Let the client send."""
        self._told += self.client.does(data(3, payload))

    def peer_finishes(self) -> None:
        """Let it half-close."""
        self._told += self.client.does(data(3, b"", FIN))

    def peer_breaks(self) -> None:
        """Let it give up."""
        self._told += self.client.does(self.client.peer.rst(3))


class IsolateContractTests(contract.EndContract):
    """The contract of every end, for clients of today."""

    def bench(self) -> contract.Bench:
        """Make one."""
        return SpdyBench(Errors.ISOLATE, old=False)


class OldContractTests(contract.EndContract):
    """The contract of every end, for clients of 2015."""

    def bench(self) -> contract.Bench:
        """Make one."""
        return SpdyBench(Errors.ISOLATE, old=True)


class KubeletContractTests(contract.EndContract):
    """The contract of every end, with a kubelet's ways."""

    def bench(self) -> contract.Bench:
        """Make one."""
        return SpdyBench(Errors.KUBELET, old=False)


class LostTests(SynchronousTestCase):
    """The other ways in which an end can be over with bytes waiting."""

    def test_the_connection_is_lost(self) -> None:
        """An end that lingered reports that its bytes will never leave."""
        bench = SpdyBench(Errors.ISOLATE, old=False)
        bench.hold()
        bench.end.send(b"last words")
        bench.end.finish()
        bench.end.fail(RESET)
        (failed,) = bench.client.served.lost()
        assert isinstance(failed, Failed)
        self.assertIs(failed.end, bench.end)
        self.assertEqual(bench.client.served.lost(), [])
