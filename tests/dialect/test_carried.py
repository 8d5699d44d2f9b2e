"""Tests for `spdygate.dialect.carried`: SPDY inside of a WebSocket."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import binary, integers, lists
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.carried import LARGEST_MESSAGE, Carried
from spdygate.dialect.connection import Dialect, half_closes
from spdygate.dialect.servedspdy import ServedSpdy, Visit
from spdygate.dialect.tunnel import (
    Data,
    Failed,
    Failure,
    Finished,
    Opening,
    Reason,
    TunnelEvent,
)
from spdygate.session.websocket import WebSocketSession
from tests.dialect.carriedbyhand import (
    Opcode,
    TheirWebSocket,
    TunnelClient,
    TunnelNode,
)
from tests.dialect.ends import TARGET
from tests.dialect.spdyclient import SpdyClient, data
from tests.session.spdybyhand import FIN, HandPeer, Seen

#: Sizes of the messages in which kubectl 1.33 sent its first SYN_STREAM.
CAPTURED = (2, 2, 4, 4, 4, 1, 1, 51)


class ClientCase(SynchronousTestCase):
    """A client in a WebSocket, one connection of it open: streams 1 and 3."""

    def setUp(self) -> None:
        """Connect."""
        self.client = TunnelClient()
        self.end, self.opening = self.client.connects()
        self.end.accept()
        self.client.written()
        self.carried = self.client.carried


class ByteTests(ClientCase):
    """The bytes of one stream, whatever messages they come in."""

    def test_a_shells_dialect(self) -> None:
        """It is one; its direction cannot end alone, so TCP's FIN is its end."""
        dialect: Dialect = self.carried
        self.assertFalse(half_closes(dialect))
        self.assertTrue(dialect.reading)
        self.assertFalse(dialect.ending or dialect.has_waiting)

    def test_what_a_log_asks(self) -> None:
        """Tunnels and words are the inner dialect's."""
        carried = self.carried
        self.assertEqual((carried.opened, carried.tunnels, carried.why), (1, 1, ""))
        self.assertIs(carried.inner, self.client.served)

    def test_as_captured(self) -> None:
        """A SYN_STREAM in eight messages, one read each, asks for a stream."""
        client = TunnelClient()
        frame = client.opens("data", 9001, "0")
        told: list[TunnelEvent] = []
        for size in (*CAPTURED[:-1], len(frame)):
            self.assertEqual(told, [])
            told += client.says(Opcode.BINARY, frame[:size])
            frame = frame[size:]
        (opening,) = told
        assert isinstance(opening, Opening)
        self.assertEqual(opening.request.port, 9001)

    def test_one_read(self) -> None:
        """The messages of one read are one piece for the inner dialect."""
        cut = self.client.websocket.cut
        pieces = [*cut(data(3, b"x" * 1000)), *cut(data(3, b"y" * 10, FIN))]
        told = self.carried.feed(b"".join(pieces), 0.0)
        body = b"x" * 1000 + b"y" * 10
        self.assertEqual(told, [Data(self.end, body), Finished(self.end)])

    def test_cut_through(self) -> None:
        """A message is passed on before it is whole."""
        message = self.client.websocket.message(Opcode.BINARY, data(3, bytes(100_000)))
        told = self.carried.feed(message[:5000], 0.0)
        self.assertEqual(sum(len(one.data) for one in told if type(one) is Data), 4978)
        told = self.carried.feed(message[5000:], 0.0)
        self.assertEqual(sum(len(one.data) for one in told if type(one) is Data), 95022)

    def test_nothing_is_no_use(self) -> None:
        """Pings and empty messages are not the inner dialect's business."""
        before = self.carried.deadline()
        self.client.now = 5.0
        self.client.says(Opcode.BINARY)
        self.client.says(Opcode.PING, b"?")
        self.assertEqual(self.carried.deadline(), before)
        self.client.says(Opcode.BINARY, HandPeer.ping(1))
        self.assertGreater(self.carried.deadline(), before)

    def test_to_the_client(self) -> None:
        """However much there is to say, no message is above 64 KiB."""
        body = bytes(range(256)) * 1024
        self.assertEqual(self.end.send(body), len(body))
        frames = self.client.written()
        self.assertEqual(b"".join(frame.body for frame in frames), body)
        *_, a, b, c, d, headers = self.client.websocket.sizes
        self.assertEqual([a, b, c, d], [LARGEST_MESSAGE] * 4)
        self.assertLess(headers, 100)

    def test_nothing_to_say(self) -> None:
        """Then not even an empty message is written."""
        self.assertEqual(self.carried.outgoing(), b"")

    def test_a_pong_waits(self) -> None:
        """While the transport is congested nothing is written but control."""
        self.carried.pause()
        self.client.says(Opcode.PING, b"?")
        self.end.send(b"x")
        self.assertEqual(self.carried.outgoing(), b"")
        self.carried.resume()
        self.carried.release(100)
        self.assertEqual(self.client.written(), [Seen("DATA", 3, 1, b"x")])

    def test_time(self) -> None:
        """A silent client is pinged in SPDY, as a balancer on the way wants."""
        self.carried.tick(self.carried.deadline())
        self.assertEqual([seen.name for seen in self.client.written()], ["PING"])


class EndTests(ClientCase):
    """How it ends, from either side."""

    def failure(self, told: list[TunnelEvent]) -> Failure:
        """Return how the one tunnel failed."""
        (failed,) = told
        assert isinstance(failed, Failed)
        self.assertTrue(self.carried.ending)
        return failed.failure

    def test_goodbye(self) -> None:
        """kubectl's: GOAWAY, then Close, and Close is answered."""
        self.client.does(data(3, b"", FIN))
        self.end.finish()
        self.client.written()
        self.client.does(HandPeer.goaway())
        self.assertTrue(self.carried.ending)
        self.client.written()
        self.assertEqual(self.client.websocket.close, 1000)
        self.assertEqual(self.client.says(Opcode.CLOSE, b"\x03\xe8"), [])
        self.assertEqual(self.carried.outgoing(), b"")

    def test_close(self) -> None:
        """Close with a usual code is the end of the connection, as TCP's is."""
        plain = SpdyClient()
        plain.connects()
        (lost,) = plain.served.lost()
        assert isinstance(lost, Failed)
        for code in (b"\x03\xe8", b"\x03\xe9", b""):
            self.setUp()
            failure = self.failure(self.client.says(Opcode.CLOSE, code))
            self.assertEqual(failure, lost.failure)
            self.assertEqual(self.carried.outgoing()[2:], code)
            self.assertEqual(self.carried.lost(), [])

    def test_close_with_a_code(self) -> None:
        """Another code is told."""
        failure = self.failure(self.client.says(Opcode.CLOSE, b"\x03\xf3"))
        self.assertIs(failure.reason, Reason.GAVE_UP)
        self.assertIn("code 1011", failure.message)
        self.assertIn("code 1011", self.carried.why)

    def test_no_close(self) -> None:
        """A connection that is cut ends all the same, once."""
        (failed,) = self.carried.lost("the cable was cut")
        assert isinstance(failed, Failed)
        self.assertIs(failed.failure.reason, Reason.GAVE_UP)
        self.assertIn("the cable was cut", failed.failure.message)
        self.assertEqual(self.carried.lost(), [])

    def test_text(self) -> None:
        """Text, empty or not, is answered with Close 1003."""
        for words in (b"", b"hello"):
            self.setUp()
            failure = self.failure(self.client.says(Opcode.TEXT, words))
            self.assertIn("text", failure.message)
            self.client.written()
            self.assertEqual(self.client.websocket.close, 1003)

    def test_text_behind_bytes(self) -> None:
        """What came before the breach counts, what comes after it does not."""
        message, cut = self.client.websocket.message, self.client.websocket.cut
        sent = [*cut(data(3, b"x")), message(Opcode.TEXT, b"?"), *cut(data(3, b"y"))]
        first, *rest = self.carried.feed(b"".join(sent), 0.0)
        self.assertEqual(first, Data(self.end, b"x"))
        self.failure(rest)

    def test_broken(self) -> None:
        """Who breaks the framing is told so, and its tunnels are over."""
        failure = self.failure(self.carried.feed(b"\xff\xff\xff\xff", 0.0))
        self.assertIn("WebSocket", failure.message)
        self.client.written()
        self.assertEqual(self.client.websocket.close, 1002)

    def test_broken_spdy(self) -> None:
        """Who breaks SPDY hears GOAWAY, then Close."""
        self.client.says(Opcode.BINARY, b"\x80\x02\x00\x01" + bytes(4))
        self.assertTrue(self.carried.ending)
        self.assertEqual([seen.name for seen in self.client.written()], ["GOAWAY"])
        self.assertEqual(self.client.websocket.close, 1000)

    def test_nothing_leaves_after_the_end(self) -> None:
        """What waited when the peer closed is not written behind our Close."""
        self.carried.pause()
        self.end.send(b"too late")
        self.client.says(Opcode.CLOSE, b"\x03\xe8")
        self.carried.resume()
        self.assertFalse(self.carried.has_waiting)
        self.assertEqual(self.carried.release(100), [])
        self.assertEqual(self.client.written(), [])


class LeavingTests(SynchronousTestCase):
    """Our own Close is the last thing said."""

    def test_a_node_that_is_not_needed(self) -> None:
        """GOAWAY, then Close: 1000, or 1001 if the gateway itself is leaving."""
        for leaving, code in ((False, 1000), (True, 1001)):
            by_hand = TunnelNode()
            by_hand.carried.leaving = leaving
            by_hand.passes(30.0)
            self.assertTrue(by_hand.carried.ending)
            self.assertEqual([seen.name for seen in by_hand.written()], ["GOAWAY"])
            self.assertEqual(by_hand.websocket.close, code)

    def test_what_waits_goes_first(self) -> None:
        """While bytes wait that may go, Close does."""
        client = TunnelClient()
        end, _ = client.connects()
        end.accept()
        client.written()
        client.carried.pause()
        end.send(b"last words")
        client.served.ending = True
        client.carried.resume()
        self.assertEqual(client.written(), [])
        self.assertIsNone(client.websocket.close)
        client.carried.release(100)
        self.assertEqual([seen.body for seen in client.written()], [b"last words"])
        self.assertEqual(client.websocket.close, 1000)


class AnyTests(SynchronousTestCase):
    """Whatever a client sends, and however it is cut."""

    @given(lists(binary(max_size=30), max_size=6), lists(integers(1, 40), min_size=1))
    def test_any_split(self, payloads: list[bytes], cuts: list[int]) -> None:
        """The same is told of it."""
        tells = []
        for sizes in ([1 << 20], cuts):
            client = TunnelClient()
            end, _ = client.connects()
            pieces = [
                piece
                for payload in payloads
                for piece in client.websocket.cut(data(3, payload))
            ]
            whole, received, turn = b"".join(pieces), b"", 0
            while whole:
                size = sizes[turn % len(sizes)]
                told = client.carried.feed(whole[:size], 0.0)
                for event in told:
                    assert type(event) is Data and event.end is end
                    received += bytes(event.data)
                whole, turn = whole[size:], turn + 1
            tells.append(received)
        self.assertEqual(tells, [b"".join(payloads)] * 2)

    @given(lists(binary(max_size=40), max_size=6))
    def test_any_bytes(self, payloads: list[bytes]) -> None:
        """Bytes of any kind, in messages and without, raise nothing."""
        for framed in (True, False):
            websocket = TheirWebSocket(client=True)
            inner = ServedSpdy(Visit(TARGET, "s1"))
            carried = Carried(inner, WebSocketSession(client=False))
            for payload in payloads:
                if framed:
                    payload = websocket.message(Opcode.BINARY, payload)
                carried.feed(payload, 0.0)
            websocket.read(carried.outgoing())
            self.assertEqual(carried.ending, websocket.close is not None)
