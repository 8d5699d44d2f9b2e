"""Tests for `spdygate.dialect.spdystreams`: streams of every kind of client."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.spdyend import Errors, SpdyEnd
from spdygate.dialect.tunnel import (
    Data,
    Drained,
    Failed,
    Failure,
    Finished,
    Noted,
    Opening,
    Reason,
    TunnelEvent,
)
from tests.dialect.ends import TARGET
from tests.dialect.spdyclient import SpdyClient, data
from tests.session.spdybyhand import FIN, Seen, headers_of
from tests.wire import captures

WHY = Failure(Reason.REFUSED, "connection refused")


def kinds(events: list[TunnelEvent]) -> list[str]:
    """Return the names of what happened."""
    return [type(event).__name__ for event in events]


class OpenTests(SynchronousTestCase):
    """From streams to the wish for a tunnel."""

    def test_what_is_asked_for(self) -> None:
        """The request has the target, the port, who asks, and a number of its own."""
        client = SpdyClient(agent="kubectl/v1.20.2")
        for number, port in ((3, 80), (7, 9001)):
            end, opening = client.connects(port)
            request = opening.request
            self.assertEqual((request.target, request.port), (TARGET, port))
            self.assertEqual(
                (request.user, request.client), ("jane", "kubectl/v1.20.2")
            )
            self.assertEqual(request.request_id, f"s1-{number}")
            self.assertEqual(end.stream_id, number)
        self.assertEqual((client.served.opened, client.served.tunnels), (2, 2))

    def test_the_error_stream_is_answered_at_once(self) -> None:
        """The client opens no other before, so it does not wait for its pair."""
        for old in (False, True):
            client = SpdyClient(old=old)
            syn = client.opens("error", 80, None if old else "0")
            self.assertEqual(client.does(syn), [])
            self.assertEqual(client.written(), [Seen("SYN_REPLY", 1, 0, bytes(4))])

    def test_the_data_stream_waits_for_nobody(self) -> None:
        """A client that opens data first gets its tunnel, and its error stream."""
        client = SpdyClient()
        (opening,) = client.does(client.opens("data", 80, "0"))
        self.assertIsInstance(opening, Opening)
        self.assertEqual(client.does(client.opens("error", 80, "0")), [])
        self.assertEqual([seen.stream_id for seen in client.written()], [3])

    def test_an_error_stream_that_comes_too_late(self) -> None:
        """If the pod has said all by then, it is answered and ended at once."""
        client = SpdyClient()
        (opening,) = client.does(client.opens("data", 80, "0"))
        assert isinstance(opening, Opening)
        opening.end.accept()
        opening.end.finish()
        client.written()
        self.assertEqual(client.does(client.opens("error", 80, "0")), [])
        expected = [Seen("SYN_REPLY", 3, 0, bytes(4)), Seen("DATA", 3, 0, b"", FIN)]
        self.assertEqual(client.written(), expected)
        client.does(data(1, b"", FIN), data(3, b"", FIN))
        self.assertEqual(client.leftovers(), {})

    def test_everything_in_one_write(self) -> None:
        """Both streams, bytes and FIN may come at once: order is kept."""
        client = SpdyClient()
        told = client.does(
            client.opens("error", 80, "0")
            + client.opens("data", 80, "0")
            + data(3, b"GET", FIN)
            + data(1, b"", FIN)
        )
        self.assertEqual(kinds(told), ["Opening", "Data", "Finished"])

    def test_fin_in_the_same_breath(self) -> None:
        """A data stream may be opened finished."""
        client = SpdyClient()
        told = client.does(client.peer.syn(1, headers_of("data"), FIN))
        self.assertEqual(kinds(told), ["Opening", "Finished"])

    def test_bad_streams(self) -> None:
        """They are reset with CANCEL without a reply, and only logged (2.3)."""
        client = SpdyClient()
        bad = (
            [(b"streamtype", b"data")],
            [(b"streamtype", b"data"), (b"port", b"http")],
            [(b"streamtype", b"data"), (b"port", b"0")],
            [(b"streamtype", b"stdin"), (b"port", b"80")],
            [(b"port", b"80"), (b"requestid", b"0")],
        )
        for number, headers in enumerate(bad):
            stream_id = 2 * number + 1
            (noted,) = client.does(client.peer.syn(stream_id, headers))
            assert isinstance(noted, Noted)
            self.assertIn(f"stream {stream_id} refused", noted.message)
            self.assertEqual(client.written(), [Seen("RST_STREAM", stream_id, 5)])
        self.assertEqual(client.leftovers(), {})

    def test_duplicates(self) -> None:
        """A third stream of a pair is reset; the pair lives on."""
        client = SpdyClient()
        end, _ = client.connects()
        for kind, number in (("error", 5), ("data", 7)):
            (noted,) = client.does(client.opens(kind, 80, "0"))
            assert isinstance(noted, Noted)
            self.assertIn(f"{kind} stream already assigned", noted.message)
            self.assertIn(Seen("RST_STREAM", number, 5), client.written())
        self.assertEqual(client.does(data(3, b"x")), [Data(end, b"x")])

    def test_lone(self) -> None:
        """The documentation's one stream is a tunnel without an error stream."""
        client = SpdyClient(old=True)
        (opening,) = client.does(client.peer.syn(1, [(b"port", b"80")]))
        self.assertIsInstance(opening, Opening)
        self.assertEqual(client.passes(31.0), [])
        self.assertEqual(client.served.tunnels, 1)

    def test_interleaved_old_connections(self) -> None:
        """Streams e5 e7 d9 d11 of one port are two tunnels, both with an error stream."""
        client = SpdyClient(old=True)
        ends = []
        client.does(*(client.opens("error", 80, None) for _ in range(2)))
        for _ in range(2):
            (opening,) = client.does(client.opens("data", 80, None))
            assert isinstance(opening, Opening)
            ends.append(opening.end)
        client.written()
        for end in ends:
            end.fail(WHY)
        ended = [seen.stream_id for seen in client.written() if seen.flags & FIN]
        self.assertEqual(ended, [1, 3])


class DataTests(SynchronousTestCase):
    """Bytes, FIN and RST of a client."""

    def setUp(self) -> None:
        """Connect: stream 1 for errors, 3 for data."""
        self.client = SpdyClient()
        self.end, _ = self.client.connects()
        self.end.accept()
        self.client.written()

    def test_bytes(self) -> None:
        """They are told, and held until they are granted."""
        self.assertEqual(self.client.does(data(3, b"abc")), [Data(self.end, b"abc")])
        self.assertEqual(self.end.held, 3)
        self.end.grant(3)
        self.assertEqual(self.end.held, 0)

    def test_an_error_stream_carries_nothing(self) -> None:
        """Bytes and FIN on it are nobody's business."""
        self.assertEqual(self.client.does(data(1, b"abc"), data(1, b"", FIN)), [])
        self.assertEqual(self.client.leftovers().get("held"), None)

    def test_reset_of_the_error_stream(self) -> None:
        """The data stream alone decides the tunnel's life (2.9)."""
        self.assertEqual(self.client.does(self.client.peer.rst(1)), [])
        self.assertEqual(self.client.does(data(3, b"x")), [Data(self.end, b"x")])

    def test_the_client_gives_up(self) -> None:
        """RST is a failure, and the error stream ends with it."""
        (failed,) = self.client.does(self.client.peer.rst(3))
        assert isinstance(failed, Failed)
        self.assertIs(failed.failure.reason, Reason.GAVE_UP)
        self.assertEqual(self.client.written(), [Seen("DATA", 1, 0, b"", FIN)])
        self.client.does(data(1, b"", FIN))
        self.assertEqual(self.client.leftovers(), {})

    def test_reset_after_the_pods_fin(self) -> None:
        """What the client sent is still delivered: FIN first (kubectl since 1.32)."""
        self.end.finish()
        told = self.client.does(self.client.peer.rst(3))
        self.assertEqual(kinds(told), ["Finished", "Failed"])

    def test_reset_by_an_old_client(self) -> None:
        """Generations A and B reset where newer ones finish."""
        client = SpdyClient(old=True)
        client.connects()
        told = client.does(client.peer.rst(3))
        self.assertEqual(kinds(told), ["Finished", "Failed"])

    def test_an_id_without_the_header(self) -> None:
        """A ``requestID`` without negotiation counts as generation C (8.5)."""
        client = SpdyClient(old=True)
        syns = [client.opens(kind, 80, "0") for kind in ("error", "data")]
        client.does(*syns)
        told = client.does(client.peer.rst(3))
        self.assertEqual(kinds(told), ["Failed"])

    def test_late_bytes(self) -> None:
        """A Go client sends on after we reset: neither told nor held."""
        self.end.fail(WHY)
        self.assertEqual(self.client.does(data(3, b"late"), data(3, b"", FIN)), [])
        self.assertEqual(self.end.held, 0)

    def test_late_bytes_after_the_kubelets_fin(self) -> None:
        """The same where the stream is still half open."""
        client = SpdyClient(Errors.KUBELET)
        end, _ = client.connects()
        end.fail(WHY)
        self.assertEqual(client.served.tunnels, 0)
        self.assertEqual(client.does(data(3, b"late"), client.peer.rst(3)), [])
        self.assertEqual(end.held, 0)
        client.does(data(1, b"", FIN))
        self.assertEqual(client.leftovers(), {})

    def test_drained(self) -> None:
        """What waited for the client is reported as it leaves."""
        self.client.served.pause()
        self.assertEqual(self.end.send(b"abc"), 0)
        self.client.served.resume()
        self.assertTrue(self.client.served.has_waiting)
        self.assertEqual(self.client.served.release(100), [Drained(self.end, 3)])

    def test_held_after_the_end(self) -> None:
        """Bytes that still wait for the pod stay counted until they are granted."""
        self.client.does(data(3, b"abc", FIN))
        self.end.finish()
        self.assertEqual(self.client.served.tunnels, 0)
        self.assertEqual(self.client.leftovers()["held"], 3)
        self.end.grant(3)
        self.client.does(data(1, b"", FIN))
        self.assertEqual(self.client.leftovers(), {})


class EndTests(SynchronousTestCase):
    """The end of a session is the end of every tunnel on it."""

    def setUp(self) -> None:
        """Open two tunnels."""
        self.client = SpdyClient()
        self.ends = [self.client.connects()[0] for _ in range(2)]

    def assert_all_failed(self, told: list[TunnelEvent], words: str) -> None:
        """Assert that both tunnels failed because the client is gone."""
        failed = [event for event in told if isinstance(event, Failed)]
        self.assertEqual([event.end for event in failed], self.ends)
        for event in failed:
            self.assertIs(event.failure.reason, Reason.GAVE_UP)
            self.assertIn(words, event.failure.message)
        self.assertTrue(self.client.served.ending)
        self.assertEqual(self.client.served.tunnels, 0)

    def test_goodbye(self) -> None:
        """GOAWAY means now, as Go means it."""
        self.assert_all_failed(self.client.does(self.client.peer.goaway()), "goodbye")

    def test_broken(self) -> None:
        """A client that breaks the protocol is told so with GOAWAY 1."""
        self.client.written()
        self.assert_all_failed(self.client.does(data(0, b"x")), "DATA on stream 0")
        self.assertEqual(self.client.written(), [Seen("GOAWAY", 7, 1)])
        self.assertIn("stream 0", self.client.served.why)

    def test_lost(self) -> None:
        """A lost connection says so once, and is never woken again."""
        self.assert_all_failed(self.client.served.lost(), "closed the connection")
        self.assertEqual(self.client.served.lost(), [])
        woken = self.client.woken
        for end in self.ends:
            end.fail(WHY)
            end.send(b"x")
        self.assertEqual(self.client.woken, woken)

    def test_the_first_reason_stays(self) -> None:
        """What ended the session is not what closed its connection."""
        self.client.does(self.client.peer.goaway())
        self.client.served.lost()
        self.assertEqual(self.client.served.why, "the client said goodbye")


class CaptureTests(SynchronousTestCase):
    """kubectl 1.20, as captured: two curls, then Ctrl-C."""

    def test_two_curls(self) -> None:
        """Its bytes are two tunnels, each with a request and a FIN; then goodbye."""
        client = SpdyClient()
        told = client.does(*captures.CLIENT[:-1])
        names = ["Opening", "Data", "Finished"] * 2
        self.assertEqual(kinds(told), names)
        openings = [event for event in told if isinstance(event, Opening)]
        self.assertEqual([event.request.port for event in openings], [9001, 9001])
        for event in openings:
            assert isinstance(event.end, SpdyEnd)
            event.end.accept()
            event.end.send(captures.SERVER[2][8:])
            event.end.finish()
            event.end.grant(79)
        self.assertEqual(client.leftovers(), {})
        self.assertEqual(client.does(captures.CLIENT[-1]), [])
        self.assertTrue(client.served.ending)
        self.assertEqual(
            [(seen.name, seen.stream_id, seen.flags) for seen in client.written()],
            [
                *(("SYN_REPLY", 1, 0), ("SYN_REPLY", 5, 0)),
                *(("SYN_REPLY", 3, 0), ("DATA", 3, 0), ("DATA", 3, 1), ("DATA", 1, 1)),
                *(("SYN_REPLY", 7, 0), ("DATA", 7, 0), ("DATA", 7, 1), ("DATA", 5, 1)),
            ],
        )

    def test_finished(self) -> None:
        """The two FINs are told of the ends that were opened."""
        client = SpdyClient()
        told = client.does(*captures.CLIENT)
        opened = [event.end for event in told if isinstance(event, Opening)]
        ended = [event.end for event in told if isinstance(event, Finished)]
        self.assertEqual(opened, ended)
