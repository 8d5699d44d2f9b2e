"""Tests for `spdygate.dialect.servedhttp2`: what a gateway's clients ask for."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.exchange import Answer, Asked
from spdygate.dialect.tunnel import Data, Failed, Finished, Noted, Opening
from spdygate.session.events import Headers
from spdygate.session.http2 import Http2Session
from spdygate.wire.urls import Target
from tests.dialect.http2client import GET, PROXY, Client, with_method
from tests.session.http2peer import CONNECT, data, rst

#: A pod's own URL, as kubectl writes it.
PODS = b"/api/v1/namespaces/shop/pods/web-0/portforward"


def extended(**changed: bytes) -> Headers:
    """Return an extended CONNECT for a pod's URL, with pseudo headers changed."""
    fields = {b":path": PODS} | {b":" + k.encode(): v for k, v in changed.items()}
    return tuple((name, fields.get(name, value)) for name, value in CONNECT)


class TunnelTests(SynchronousTestCase):
    """The two ways to ask for a tunnel."""

    def setUp(self) -> None:
        """Connect."""
        self.client = Client()

    def test_extended_connect(self) -> None:
        """Any URL generation will do; the answer carries the proof."""
        opening = self.client.opens(extended())
        self.assertEqual(opening.request.target, Target(None, "shop", "web-0", None))
        self.assertEqual(opening.request.port, 5000)
        opening.end.accept()
        self.client.exchange()
        proof = self.client.head(1)["x-stream-protocol-version"]
        self.assertEqual(proof, "portforward.k8s.io")

    def test_plain_connect(self) -> None:
        """The authority names the port of a pod (RFC 9113, section 8.5)."""
        opening = self.client.opens(PROXY)
        self.assertEqual(opening.request.target, Target(None, "shop", "web-0", None))
        self.assertEqual(opening.request.port, 8080)
        opening.end.accept()
        opening.end.send(b"hello")
        self.assertEqual(self.client.body(1), b"hello")
        self.assertEqual(self.client.head(1)[":status"], "200")

    def test_early_bytes(self) -> None:
        """What comes behind a plain CONNECT at once is told in order."""
        self.client.request(PROXY)
        self.client.says(data(1, b"GET / ") + data(1, b"", end=True))
        kinds = [type(event) for event in self.client.told()]
        self.assertEqual(kinds, [Opening, Data, Finished])

    def test_bytes_are_not_http(self) -> None:
        """HEADERS on an open tunnel reset it (RFC 9113, section 8.5)."""
        self.client.opens(PROXY).end.accept()
        self.client.exchange()
        self.client.peer.send_headers(1, ((b"checksum", b"1"),), end_stream=True)
        (failed,) = self.client.told()
        self.assertIsInstance(failed, Failed)

    def test_who_asks(self) -> None:
        """A tunnel is numbered by its session and its stream, whatever it says."""
        claims = (
            (b"x-request-id", b"mine"),
            (b"spdygate-user", b"system:admin"),
            (b"user-agent", b"curl/8"),
        )
        for number, headers in enumerate((extended(), PROXY)):
            request = self.client.opens((*headers, *claims)).request
            self.assertEqual(request.request_id, f"s1-{2 * number + 1}")
            self.assertEqual((request.session, request.user), ("s1", ""))
            self.assertEqual(request.client, "curl/8; 10.0.0.7")
        self.assertEqual(
            (self.client.served.opened, self.client.served.tunnels), (2, 2)
        )

    def test_who_asks_through_a_gateway(self) -> None:
        """A gateway's number for a tunnel is kept, if it has one."""
        client = Client(trusted=True)
        named = client.opens((*PROXY, (b"x-request-id", b"g7-3"))).request
        self.assertEqual((named.request_id, named.session), ("g7-3", "s1"))
        self.assertEqual(client.opens(PROXY).request.request_id, "s1-3")


class RefusalTests(SynchronousTestCase):
    """What is not served."""

    def refusal(self, headers: Headers, *, exchanges: bool = True) -> tuple[int, str]:
        """Return status and words of a refusal, which opens nothing."""
        client = Client(exchanges=exchanges)
        client.request(headers)
        (note,) = client.told()
        self.assertIsInstance(note, Noted)
        document = json.loads(client.body(1))
        self.assertEqual(str(document["code"]), client.head(1)[":status"])
        self.assertEqual(client.resets(1), [0])
        self.assertEqual((client.served.tunnels, client.served.opened), (0, 0))
        return int(document["code"]), document["message"]

    def test_other_protocols(self) -> None:
        """An upgrade belongs into HTTP/1.1, wherever it leads."""
        for protocol in (b"websocket", b"SPDY/3.1", b"connect-udp"):
            for path in (PODS, b"/api/v1/namespaces/shop/pods/web-0/exec"):
                code, words = self.refusal(extended(protocol=protocol, path=path))
                self.assertEqual(code, 501)
                self.assertIn("use HTTP/1.1", words)

    def test_no_pod(self) -> None:
        """A CONNECT to anything else is no way into the cluster's network."""
        for authority in (b"kubernetes.default.svc:443", b"10.96.0.1:443", b"x"):
            plain = ((b":method", b"CONNECT"), (b":authority", authority))
            self.assertIn(self.refusal(plain)[0], (400, 403))
        self.assertEqual(self.refusal(extended(path=b"/healthz"))[0], 400)

    def test_without_exchanges(self) -> None:
        """A node service knows port-forward alone."""
        self.assertEqual(self.refusal(GET, exchanges=False)[0], 404)
        self.assertEqual(self.refusal(PROXY, exchanges=False)[0], 404)

    def test_head(self) -> None:
        """A refusal of HEAD has no body."""
        client = Client(exchanges=False)
        client.request(with_method(b"HEAD"), end=True)
        self.assertEqual((client.body(1), client.head(1)[":status"]), (b"", "404"))
        self.assertTrue(client.ended(1))

    def test_bad_requests(self) -> None:
        """What cannot be passed on costs its stream alone."""
        client = Client()
        client.request((*GET[:3], (b":path", b"no-path")))
        self.assertEqual(client.head(1)[":status"], "400")
        client.told()
        self.assertIsInstance(client.asks(GET), Asked)


class ExchangeTests(SynchronousTestCase):
    """Ordinary requests."""

    def test_asked(self) -> None:
        """A request is told with its head, and with its end if it has no body."""
        client = Client()
        client.request(GET, end=True)
        asked, finished = client.told()
        assert isinstance(asked, Asked)
        self.assertEqual(finished, Finished(asked.end))
        self.assertEqual((asked.upgrade, asked.bodiless), ("", True))
        self.assertEqual(asked.request.method, "GET")
        self.assertEqual(asked.request.target, b"/api/v1/pods?watch=1")
        self.assertEqual(asked.request.http_version, "2")
        self.assertEqual(asked.request.headers, (("host", "gate:8001"),))
        self.assertEqual((client.served.tunnels, client.served.opened), (1, 0))

    def test_beside_a_tunnel(self) -> None:
        """Exchanges and tunnels share a connection and nothing else."""
        client = Client()
        tunnel = client.opens(PROXY).end
        tunnel.accept()
        asked = client.asks(GET, end=True)
        asked.end.respond(Answer(200))
        for piece in (b"a", b"b"):
            tunnel.send(piece)
            asked.end.send(piece.upper())
        asked.end.finish()
        self.assertEqual((client.body(1), client.body(3)), (b"ab", b"AB"))
        self.assertEqual((client.ended(1), client.ended(3)), (False, True))

    def test_the_end_of_the_connection(self) -> None:
        """Every exchange fails with it, once."""
        client = Client()
        asked = client.asks(GET)
        (failed,) = client.served.lost()
        assert isinstance(failed, Failed)
        self.assertIs(failed.end, asked.end)
        self.assertEqual(client.served.why, "the client closed the connection")
        self.assertEqual(client.served.lost(), [])


class FloodTests(SynchronousTestCase):
    """A client that makes work and wants nothing (CVE-2023-44487)."""

    def flood(self, *, answered: bool) -> int:
        """Ask and give up, again and again; return how often that works."""
        client = Client()
        client.served.pause()
        for count in range(2_000):
            stream_id = client.request(GET, end=True)
            asked = client.told()[0]
            if answered:
                assert isinstance(asked, Asked)
                asked.end.respond(Answer(200))
                asked.end.send(b"never read")
            client.peer.reset_stream(stream_id, 8)
            client.says(client.peer.data_to_send())
            client.events.clear()
            if client.served.ending:
                self.assertIn("too many frames", client.served.why)
                return count
        return 2_000

    def test_before_the_answer(self) -> None:
        """Requests that are given up at once end the session."""
        self.assertLess(self.flood(answered=False), 1_100)

    def test_before_the_end_of_the_answer(self) -> None:
        """So do requests that are answered, and given up unread."""
        self.assertLess(self.flood(answered=True), 1_100)

    def test_after_the_answer(self) -> None:
        """Whoever takes what it asked for may ask as often as it likes."""
        client = Client()
        for _ in range(2_000):
            asked = client.asks(GET, end=True)
            asked.end.respond(Answer(200))
            asked.end.finish()
            client.exchange()
        self.assertFalse(client.served.ending)

    def test_streams_at_once(self) -> None:
        """A client is told how many streams it may have, and held to it."""
        client = Client()
        self.assertEqual(client.peer.remote_settings.max_concurrent_streams, 1_000)
        block = bytes(client.peer.encoder.encode(GET))
        for number in range(1_001):
            head = len(block).to_bytes(3, "big") + b"\1\4"
            client.says(head + (2 * number + 1).to_bytes(4, "big") + block)
            block = bytes(client.peer.encoder.encode(GET))
        self.assertTrue(client.served.ending)


class UpgradeTests(SynchronousTestCase):
    """A connection that began as HTTP/1.1 (docs/protocol.rst, section 8.2)."""

    def test_answer_upgrade(self) -> None:
        """Stream 1 is answered with a Success; tunnels are streams from 3 on."""
        client = Client()
        peer = client.peer = type(client.peer)(client.peer.config)
        settings = peer.initiate_upgrade_connection()
        assert settings is not None
        session = Http2Session.after_upgrade(settings.rstrip(b"="))
        client.served = type(client.served)(
            session, trusted=False, session_id="s2", exchanges=True
        )
        client.served.answer_upgrade()
        document = json.loads(client.body(1))
        self.assertEqual((document["code"], document["status"]), (200, "Success"))
        self.assertTrue(client.ended(1))
        self.assertEqual(client.head(1)[":status"], "200")
        self.assertEqual(client.opens(PROXY).request.request_id, "s2-3")
        client.says(rst(1, 8))
        self.assertFalse(client.served.ending)
