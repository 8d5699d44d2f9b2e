"""Tests for `spdygate.wire.websocket`: the asking side, and both with a library."""

from __future__ import annotations

from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase
from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from spdygate.errors import LocalError
from spdygate.wire.portforward import TUNNEL_PROTOCOL
from spdygate.wire.upgrade import Request, switching
from spdygate.wire.websocket import (
    BadHandshake,
    answer_headers,
    ask_headers,
    check,
    check_answer,
)

V4 = "v4.channel.k8s.io"

#: RFC 6455, section 1.3.
KEY = b64encode(b"the sample nonce").decode()
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#: What a Go server answered to another key.
ANOTHER = "Oava7GoKjUu6Y2ARtjwDq/K8SA0="


class AskTests(SynchronousTestCase):
    """The other side: what we ask, and what is a good answer."""

    key = b"the sample nonce"

    def answers(self, *more: tuple[str, str], accept: str = ACCEPT) -> str | None:
        """Check an answer to an offer of the tunnel and of v4."""
        headers = (("sec-websocket-accept", accept), *more)
        return check_answer(self.key, headers, [TUNNEL_PROTOCOL, V4])

    def test_asked(self) -> None:
        """Key, version and offer, in names as a request has them."""
        offer = ("sec-websocket-protocol", f"{TUNNEL_PROTOCOL}, {V4}")
        head = (("sec-websocket-key", KEY), ("sec-websocket-version", "13"))
        asked = ask_headers(self.key, [TUNNEL_PROTOCOL, V4])
        self.assertEqual(asked, (*head, offer))
        self.assertEqual(ask_headers(self.key, []), head)
        self.assertRaises(LocalError, ask_headers, b"short", [])

    def test_chosen(self) -> None:
        """The one it chose; an empty header chooses none."""
        name = "sec-websocket-protocol"
        self.assertEqual(self.answers((name, TUNNEL_PROTOCOL)), TUNNEL_PROTOCOL)
        self.assertEqual(self.answers((name, f" {V4} ")), V4)
        self.assertIsNone(self.answers())
        self.assertIsNone(self.answers((name, "")))

    def test_bad_answers(self) -> None:
        """Another's proof, what was not offered, and more than one."""
        name = "sec-websocket-protocol"
        for more in (
            ((name, "v5.channel.k8s.io"),),
            ((name, f"{V4}, {V4}"),),
            ((name, V4), (name, V4)),
            (("sec-websocket-extensions", "permessage-deflate"),),
            (("sec-websocket-accept", ACCEPT),),
        ):
            with self.subTest(repr(more)):
                error = self.assertRaises(BadHandshake, self.answers, *more)
                self.assertEqual(error.status, 502)
        self.assertRaises(BadHandshake, self.answers, accept=ANOTHER)
        self.assertRaises(BadHandshake, check_answer, self.key, (), [])


class ForeignTests(SynchronousTestCase):
    """The same with PyPI's ``websockets`` as the other side."""

    def test_their_client(self) -> None:
        """It takes our answer, with a subprotocol and with none."""
        for offered in ([Subprotocol(V4)], None):
            client = ClientProtocol(parse_uri("ws://h/"), subprotocols=offered)
            asked = client.connect()
            fields = tuple(
                (name.lower(), value) for name, value in asked.headers.items()
            )
            handshake = check(Request("GET", b"/", fields), [V4])
            client.send_request(asked)
            client.receive_data(switching("websocket", answer_headers(handshake)))
            self.assertIs(client.state, State.OPEN)
            self.assertEqual(client.subprotocol, V4 if offered else None)

    def test_their_server(self) -> None:
        """It takes our request, and we take its answer."""
        key = bytes(range(16))
        server = ServerProtocol(subprotocols=[Subprotocol(V4)])
        lines = ["GET / HTTP/1.1", "host: h", "connection: upgrade"]
        fields = (("upgrade", "websocket"), *ask_headers(key, ["v9", V4]))
        lines += [f"{name}: {value}" for name, value in fields]
        server.receive_data("\r\n".join([*lines, "", ""]).encode())
        (request,) = server.events_received()
        response = server.accept(request)  # type: ignore[arg-type]
        found = response.headers.raw_items()
        answer = tuple((name.lower(), value) for name, value in found)
        self.assertEqual(response.status_code, 101)
        self.assertEqual(check_answer(key, answer, ["v9", V4]), V4)
