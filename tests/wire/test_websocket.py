"""Tests for `spdygate.wire.websocket`: what clients ask, and what servers answer."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode

from hypothesis import given
from hypothesis.strategies import lists, sampled_from, text, tuples
from twisted.trial.unittest import SynchronousTestCase
from websockets.frames import Frame, Opcode

from spdygate.wire.portforward import TUNNEL_PROTOCOL
from spdygate.wire.upgrade import Request
from spdygate.wire.websocket import (
    BEARER,
    BINARY,
    TEXT,
    BadHandshake,
    Handshake,
    answer_headers,
    check,
    check_answer,
    frame_header,
)
from tests.wire.upgraderequests import CAPTURED

V4 = "v4.channel.k8s.io"

#: RFC 6455, section 1.3.
KEY = b64encode(b"the sample nonce").decode()
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#: Keys of kubectl 1.33.1 and of oc, and what Go's own server answered to them.
ANSWERED = (
    ("u6P6+Pa0JRmywSW8kjqMwg==", "Oava7GoKjUu6Y2ARtjwDq/K8SA0="),
    ("lIjXlL8rcGa1PhuhHc+xkg==", "B6NI+XtUHxxEZCs+Hmc7xMzqBcA="),
)


def ask(*protocols: str, **changed: str) -> Request:
    """Return a request that offers *protocols*; ``key=`` and ``version=`` vary it."""
    fields = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", changed.get("upgrade", "websocket")),
        ("sec-websocket-key", changed.get("key", KEY)),
        ("sec-websocket-version", changed.get("version", "13")),
        *(("sec-websocket-protocol", line) for line in protocols),
    ]
    return Request(changed.get("method", "GET"), b"/", tuple(fields))


def bearer(token: bytes) -> str:
    """Return a token as a subprotocol, as a browser sends it."""
    return BEARER + urlsafe_b64encode(token).decode().rstrip("=")


class CheckTests(SynchronousTestCase):
    """Requests that are granted."""

    def test_captured(self) -> None:
        """Every real client that asks for the tunnel gets it."""
        asked = [captured for captured in CAPTURED if captured.token == "websocket"]
        self.assertGreaterEqual(len(asked), 4)
        for captured in asked:
            method, target, _ = captured.first_line
            request = Request(method, target.encode(), captured.headers)
            handshake = check(request, [TUNNEL_PROTOCOL])
            self.assertEqual(handshake.protocol, TUNNEL_PROTOCOL)
            self.assertEqual(handshake.offered, (TUNNEL_PROTOCOL,))

    def test_accept(self) -> None:
        """The proof is the RFC's for its key, and Go's for those of its clients."""
        for key, accept in ANSWERED:
            self.assertEqual(check(ask(key=key), []).accept, accept)
        rfc = check(ask(key="dGhlIHNhbXBsZSBub25jZQ=="), [])
        self.assertEqual(rfc.accept, ACCEPT)

    def test_the_clients_favourite(self) -> None:
        """The first it offers that is supported, on one line or on several."""
        for lines in (["v5.channel.k8s.io,v4.channel.k8s.io"], ["v9, ,v8", V4]):
            handshake = check(ask(*lines), [TUNNEL_PROTOCOL, V4])
            self.assertEqual(handshake.protocol, V4)
        both = ask(f"{V4}, {TUNNEL_PROTOCOL}")
        self.assertEqual(check(both, [TUNNEL_PROTOCOL, V4]).protocol, V4)

    def test_none(self) -> None:
        """Who offers nothing is granted none, and told of none."""
        for request in (ask(), ask(""), ask(" , ")):
            handshake = check(request, [V4])
            self.assertEqual(handshake, Handshake(ACCEPT, None, None, ()))
            expected = (("Sec-WebSocket-Accept", ACCEPT),)
            self.assertEqual(answer_headers(handshake), expected)

    def test_answer(self) -> None:
        """The subprotocol is told as it was offered, its slash included."""
        handshake = check(ask(TUNNEL_PROTOCOL), [TUNNEL_PROTOCOL])
        expected = (
            ("Sec-WebSocket-Accept", ACCEPT),
            ("Sec-WebSocket-Protocol", "SPDY/3.1+portforward.k8s.io"),
        )
        self.assertEqual(answer_headers(handshake), expected)


class RefusalTests(SynchronousTestCase):
    """Requests that are refused, and how."""

    def refused(self, request: Request, supported: tuple[str, ...]) -> BadHandshake:
        """Return why it is."""
        error: BadHandshake
        error = self.assertRaises(BadHandshake, check, request, supported)
        return error

    def test_statuses(self) -> None:
        """Each fault has its status."""
        for status, request in (
            (405, ask(method="POST")),
            (400, ask(upgrade="spdy/3.1")),
            (426, ask(version="8")),
            (426, ask(version="13, 8")),
            (400, ask(key="")),
            (400, ask(key=b64encode(bytes(15)).decode())),
            (400, ask(key=b64encode(bytes(17)).decode())),
            (400, ask(key="dGhlIHNhbXBsZSBub25jZ\xff==")),
            (400, Request("GET", b"/", (*ask().headers, ("sec-websocket-key", KEY)))),
            (403, ask("v5.channel.k8s.io")),
            (403, ask("V4.CHANNEL.K8S.IO")),
            (403, ask("evil\x1b[2J\xff" * 200)),
        ):
            with self.subTest(repr(request)):
                error = self.refused(request, (V4,))
                self.assertEqual(error.status, status)
                self.assertTrue(str(error).isprintable())
                self.assertLess(len(str(error)), 2000)

    def test_which_version(self) -> None:
        """Who asks for another version is told ours (section 4.4)."""
        error = self.refused(ask(version="8"), ())
        self.assertIn(("Sec-WebSocket-Version", "13"), error.headers)

    def test_which_method(self) -> None:
        """Who asks with POST is told of GET."""
        error = self.refused(ask(method="PUT"), ())
        self.assertEqual(error.headers, (("Allow", "GET"),))


class BearerTests(SynchronousTestCase):
    """A token among the subprotocols (docs/protocol.rst, 6.1)."""

    def test_taken_out(self) -> None:
        """It is neither chosen nor offered, nor shown."""
        token = "t\xf6ken with ?>"
        asked = bearer(token.encode())
        for request in (ask(f"{asked}, {V4}"), ask(f"{V4},{asked}"), ask(V4, asked)):
            handshake = check(request, [V4])
            self.assertEqual(handshake.token, token)
            self.assertEqual((handshake.protocol, handshake.offered), (V4, (V4,)))
            self.assertNotIn("ken with", repr(handshake))

    def test_empty(self) -> None:
        """An empty token is none, as for the API server."""
        self.assertIsNone(check(ask(BEARER, V4), [V4]).token)

    def test_alone(self) -> None:
        """There must be another to answer with."""
        error = self.assertRaises(BadHandshake, check, ask(bearer(b"abc")), [V4])
        expected = (401, "missing additional subprotocol")
        self.assertEqual((error.status, str(error)), expected)

    def test_wrong(self) -> None:
        """Two of them, or what is no base64url of UTF-8, is no proof of anyone."""
        one = bearer(b"abc")
        for line in (
            f"{one}, {one}",
            f"{BEARER}YWJj=",
            f"{BEARER}YWJ/",
            f"{BEARER}YWJ+",
            f"{BEARER}YWJjZ",
            f"{BEARER}YW\xe4j",
            bearer(b"\xff\xfe"),
        ):
            with self.subTest(line):
                asked = ask(line, V4)
                error = self.assertRaises(BadHandshake, check, asked, [V4])
                self.assertEqual(error.status, 401)


class FrameHeaderTests(SynchronousTestCase):
    """Headers of frames that are not masked."""

    def test_lengths(self) -> None:
        """At each bound it is what ``websockets`` writes."""
        for length in (0, 1, 125, 126, 65535, 65536, 70000):
            for opcode, theirs in ((TEXT, Opcode.TEXT), (BINARY, Opcode.BINARY)):
                body = bytes(length)
                expected = Frame(theirs, body).serialize(mask=False)
                self.assertEqual(frame_header(opcode, length) + body, expected)


NAMES = sampled_from(
    ["connection", "upgrade"]
    + [f"sec-websocket-{end}" for end in ("key", "version", "protocol", "accept")]
)
VALUES = text(max_size=40) | sampled_from(
    ["upgrade", "websocket", "13", KEY, V4, BEARER, BEARER + "YWJj", ACCEPT, ","]
)


class AnyTests(SynchronousTestCase):
    """Whatever is sent is granted or refused, and raises nothing else."""

    @given(lists(tuples(NAMES, VALUES), max_size=12))
    def test_any(self, headers: list[tuple[str, str]]) -> None:
        """Any headers, read by either side."""
        fields = tuple(headers)
        try:
            handshake = check(Request("GET", b"/", (*ask().headers, *fields)), [V4])
            self.assertIn(handshake.protocol, (None, V4))
        except BadHandshake as error:
            self.assertIn(error.status, (400, 401, 403, 426))
        try:
            self.assertIn(check_answer(bytes(16), fields, [V4]), (None, V4))
        except BadHandshake as error:
            self.assertEqual(error.status, 502)
