"""Tests for `spdygate.dialect.http2exchange`: answers, and how they end."""

from __future__ import annotations

import json
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.budget import LINGER
from spdygate.dialect.exchange import Answer, Asked, Trailed
from spdygate.dialect.tunnel import (
    Data,
    Drained,
    End,
    Failed,
    Failure,
    Finished,
    Reason,
    TunnelEvent,
)
from tests.dialect.contract import Bench, EndContract
from tests.dialect.http2client import GET, PROXY, Client, with_method
from tests.session.http2peer import data, rst

BROKEN = Failure(Reason.LINK_LOST, "the API server closed the connection")


class ClientBench:
    """One end at a gateway, seen by h2 as its client."""

    def __init__(self, *, proxy: bool) -> None:
        self._client = client = Client()
        self.end: End
        if proxy:
            self.end = client.opens(PROXY).end
            self.end.accept()
        else:
            asked = client.asks(with_method(b"POST"))
            asked.end.respond(Answer(200))
            self.end = asked.end
        client.exchange()

    @property
    def arrived(self) -> bytes:
        """Return what has got through."""
        return self._client.body(1)

    @property
    def fin(self) -> bool:
        """Return whether the end of the stream has got through."""
        return self._client.ended(1)

    @property
    def dead(self) -> bool:
        """Return whether h2 has seen the stream cut off."""
        return any(self._client.resets(1))

    def told(self) -> list[TunnelEvent]:
        """Return, and forget, what has happened at the end."""
        return self._client.told()

    def hold(self) -> None:
        """Have what is sent wait: the transport is congested."""
        self._client.served.pause()

    def let_go(self) -> None:
        """Let all that waits leave."""
        self._client.served.resume()
        self._client.release()

    def peer_sends(self, body: bytes) -> None:
        """Let bytes come, also where h2 would send none any more."""
        self._client.says(data(1, body))

    def peer_finishes(self) -> None:
        """Let the client finish."""
        self._client.says(data(1, b"", end=True))

    def peer_breaks(self) -> None:
        """Let the client give up."""
        self._client.says(rst(1, 8))


class ExchangeEndTests(EndContract):
    """The contract, at the end of an ordinary request."""

    def bench(self) -> Bench:
        """Make an open end."""
        return ClientBench(proxy=False)


class ProxyEndTests(EndContract):
    """The contract, at the end of a plain CONNECT."""

    def bench(self) -> Bench:
        """Make an open end."""
        return ClientBench(proxy=True)


del EndContract


class AnswerTests(SynchronousTestCase):
    """What a client reads of a response."""

    def setUp(self) -> None:
        """Connect."""
        self.client = Client()

    def test_a_whole_answer(self) -> None:
        """Head, body and end arrive; fields of the other connection do not."""
        asked = self.client.asks(GET, end=True)
        headers = (
            ("Content-Type", " text/plain"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("connection", "close, x-secret"),
            ("transfer-encoding", "chunked"),
            ("keep-alive", "timeout=5"),
            ("te", "gzip"),
            ("bad name", "x"),
            (":status", "500"),
            ("broken", "a\r\nb: c"),
            ("wide", "\u20ac"),
        )
        asked.end.respond(Answer(201, headers))
        self.assertEqual(asked.end.send(b"hello"), 5)
        asked.end.finish()
        self.assertEqual(self.client.body(1), b"hello")
        self.assertTrue(self.client.ended(1))
        head = self.client.head(1)
        self.assertEqual((head[":status"], head["content-type"]), ("201", "text/plain"))
        self.assertEqual(set(head), {":status", "content-type", "set-cookie", "wide"})
        self.assertEqual(self.client.resets(1), [])
        self.assertEqual(self.client.served.tunnels, 0)
        self.assertEqual(self.client.served._session.open_streams, 0)

    def test_answered_once(self) -> None:
        """A second head is not written, nor one after the end."""
        asked = self.client.asks(GET, end=True)
        asked.end.respond(Answer(200))
        asked.end.respond(Answer(404))
        asked.end.finish()
        asked.end.respond(Answer(404))
        self.assertTrue(self.client.ended(1))
        self.assertEqual(self.client.head(1), {":status": "200"})

    def test_something_before_the_answer(self) -> None:
        """1xx goes before the answer and is not the answer."""
        asked = self.client.asks(GET, end=True)
        asked.end.respond(Answer(103, (("link", "</a>"),)))
        asked.end.respond(Answer(204))
        asked.end.finish()
        self.client.exchange()
        (hint,) = self.client.before(1)
        self.assertEqual(hint, {":status": "103", "link": "</a>"})
        self.assertEqual(self.client.head(1)[":status"], "204")

    def test_an_upgrade(self) -> None:
        """101 cannot be said in HTTP/2, and nobody asked for it."""
        asked = self.client.asks(GET, end=True)
        asked.end.respond(Answer(101, (("upgrade", "websocket"),)))
        self.assertTrue(self.client.ended(1))
        self.assertEqual(self.client.head(1)[":status"], "500")

    def test_trailers(self) -> None:
        """Trailers follow all that waits, and end the stream."""
        asked = self.client.asks(GET, end=True)
        asked.end.respond(Answer(200))
        self.client.served.pause()
        asked.end.send(b"body")
        asked.end.trail((("Grpc-Status", "0"), ("connection", "close")))
        asked.end.finish()
        self.assertFalse(self.client.ended(1))
        self.client.served.resume()
        self.client.release()
        self.assertEqual(self.client.body(1), b"body")
        self.assertEqual(self.client.trailers(1), {"grpc-status": "0"})
        self.assertTrue(self.client.ended(1))

    def test_before_the_request_has_ended(self) -> None:
        """The client is told not to go on, after all that was sent."""
        asked = self.client.asks(with_method(b"POST"))
        asked.end.respond(Answer(413))
        asked.end.send(b"too much")
        asked.end.finish()
        self.assertEqual(self.client.body(1), b"too much")
        self.assertTrue(self.client.ended(1))
        self.assertEqual(self.client.resets(1), [0])
        self.client.says(data(1, b"more"))
        self.assertEqual(self.client.told(), [])
        self.assertEqual(self.client.served.tunnels, 0)

    def test_a_body_under_way(self) -> None:
        """What a client sent before it read the answer harms nobody."""
        asked = self.client.asks(with_method(b"POST"))
        asked.end.respond(Answer(413))
        asked.end.finish()
        self.client.peer.send_data(1, b"body")
        self.client.peer.send_headers(1, ((b"checksum", b"1"),), end_stream=True)
        self.assertEqual(self.client.told(), [])
        self.assertFalse(self.client.served.ending)
        self.assertEqual(self.client.asks(GET).request.method, "GET")

    def test_an_answer_that_nobody_reads(self) -> None:
        """What waits after the end is thrown away when not a byte of it leaves."""
        asked = self.client.asks(GET, end=True)
        asked.end.respond(Answer(200))
        self.client.served.pause()
        asked.end.send(b"never read")
        asked.end.finish()
        self.assertEqual(self.client.served.tick(LINGER - 1), [])
        told = self.client.served.tick(LINGER)
        self.assertEqual([type(event) for event in told], [Failed])
        self.assertEqual(self.client.served.tunnels, 0)

    def test_windows(self) -> None:
        """A long body goes as the client takes it, and all of it is reported."""
        asked = self.client.asks(GET, end=True)
        asked.end.respond(Answer(200))
        left = asked.end.send(bytes(300_000))
        self.assertLess(left, 300_000)
        asked.end.finish()
        self.client.release()
        told = self.client.told()
        left += sum(event.count for event in told if isinstance(event, Drained))
        self.assertEqual((left, len(self.client.body(1))), (300_000, 300_000))
        self.assertTrue(self.client.ended(1))


class RequestBodyTests(SynchronousTestCase):
    """What comes of a request's body."""

    def setUp(self) -> None:
        """Ask for something that has a body."""
        self.client = Client()
        self.asked = self.client.asks(with_method(b"PUT"))

    def test_bytes_and_end(self) -> None:
        """They are told as a tunnel's are."""
        self.assertFalse(self.asked.bodiless)
        self.client.peer.send_data(1, b"hello", end_stream=True)
        told = self.client.told()
        self.assertEqual([type(event) for event in told], [Data, Finished])

    def test_credit(self) -> None:
        """More comes only when what came was passed on."""
        sent = 0
        while room := self.client.peer.local_flow_control_window(1):
            sent += min(room, 16_384)
            self.client.peer.send_data(1, bytes(min(room, 16_384)))
            self.client.exchange()
        self.assertEqual(sent, 128 * 1024)
        self.asked.end.grant(sent)
        self.client.exchange()
        self.assertGreaterEqual(self.client.peer.local_flow_control_window(1), sent)

    def test_trailers(self) -> None:
        """They are told before the end, without fields of the connection."""
        self.client.peer.send_data(1, b"x")
        trailers = ((b"checksum", b"1"), (b"te", b"trailers"))
        self.client.peer.send_headers(1, trailers, end_stream=True)
        told = cast("list[object]", self.client.told())
        self.assertEqual(
            told[1:],
            [
                Trailed(self.asked.end, (("checksum", "1"),)),
                Finished(self.asked.end),
            ],
        )

    def test_trailers_of_what_was_given_up(self) -> None:
        """Nothing more is told of an exchange that has failed."""
        self.client.peer.send_data(1, b"x", end_stream=False)
        self.client.exchange()
        self.client.told()
        self.client.peer.send_headers(1, ((b"checksum", b"1"),), end_stream=True)
        frames = self.client.peer.data_to_send()
        self.asked.end.fail(BROKEN)
        self.client.says(frames)
        self.assertEqual(self.client.told(), [])

    def test_go_on(self) -> None:
        """Who keeps the body back is told to send it, and nobody else hears of it."""
        self.assertEqual(self.client.before(1), [])
        asked = self.client.asks((*with_method(b"PUT"), (b"expect", b"100-continue")))
        self.assertEqual(self.client.before(3), [{":status": "100"}])
        self.assertIsNone(asked.request.header("expect"))
        self.client.asks((*GET, (b"expect", b"100-continue")), end=True)
        self.assertEqual(self.client.before(5), [])


class FailureTests(SynchronousTestCase):
    """How an exchange fails."""

    def setUp(self) -> None:
        """Connect."""
        self.client = Client()

    def test_before_the_answer(self) -> None:
        """It is answered with the status of the reason, and a Status."""
        asked = self.client.asks(GET, end=True)
        asked.end.fail(BROKEN)
        document = json.loads(self.client.body(1))
        head = self.client.head(1)
        self.assertEqual((head[":status"], document["code"]), ("502", 502))
        self.assertEqual(document["message"], BROKEN.message)
        self.assertEqual(head["content-type"], "application/json")
        self.assertNotIn("x-stream-protocol-version", head)
        self.assertTrue(self.client.ended(1))
        self.assertEqual(self.client.served.tunnels, 0)

    def test_head(self) -> None:
        """To HEAD no body is sent, but its length is said."""
        asked = self.client.asks(with_method(b"HEAD"), end=True)
        asked.end.fail(BROKEN)
        self.assertEqual(self.client.body(1), b"")
        self.assertTrue(self.client.ended(1))
        self.assertGreater(int(self.client.head(1)["content-length"]), 20)

    def test_after_the_answer(self) -> None:
        """It is cut off with a code, so that no one takes it for complete."""
        codes = {
            Reason.LINK_LOST: 0x2,
            Reason.INTERNAL: 0x2,
            Reason.GAVE_UP: 0x8,
            Reason.DRAINING: 0x8,
        }
        for reason, code in codes.items():
            asked: Asked = self.client.asks(GET, end=True)
            asked.end.respond(Answer(200))
            asked.end.send(b"half")
            asked.end.fail(Failure(reason, "because"))
            stream_id = 2 * list(codes).index(reason) + 1
            self.assertEqual(self.client.resets(stream_id), [code])
            self.assertFalse(self.client.ended(stream_id))

    def test_the_client_gives_up(self) -> None:
        """Its reset is told as a failure, once."""
        asked = self.client.asks(GET, end=True)
        self.client.peer.reset_stream(1, 8)
        (failed,) = self.client.told()
        assert isinstance(failed, Failed)
        self.assertIs(failed.end, asked.end)
        self.assertIs(failed.failure.reason, Reason.GAVE_UP)
        asked.end.respond(Answer(200))
        asked.end.send(b"x")
        asked.end.finish()
        self.assertEqual(self.client.told(), [])


class ProxyTests(SynchronousTestCase):
    """How a plain CONNECT is refused."""

    def test_who_is_asking(self) -> None:
        """A proxy says 407, and how to identify oneself (RFC 9110, 15.5.8)."""
        client = Client()
        client.opens().end.fail(Failure(Reason.UNAUTHORIZED, "who are you?"))
        client.exchange()
        head = client.head(1)
        self.assertEqual(head[":status"], "407")
        self.assertIn("Bearer", head["proxy-authenticate"])
        self.assertEqual(json.loads(client.body(1))["code"], 407)

    def test_any_other_reason(self) -> None:
        """Everything else is as with any tunnel."""
        client = Client()
        client.opens().end.fail(Failure(Reason.NO_SUCH_POD, "no such pod"))
        client.exchange()
        head = client.head(1)
        self.assertEqual(head[":status"], "404")
        self.assertNotIn("proxy-authenticate", head)
