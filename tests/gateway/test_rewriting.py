"""Tests for :mod:`spdygate.gateway.rewriting`."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import binary, lists, text, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.exchange import Answer
from spdygate.gateway.rewriting import (
    Base,
    ClientFacts,
    NotPassed,
    answer,
    rewrite,
    trailers,
)
from spdygate.wire.upgrade import Fields, Request

FACTS = ClientFacts("192.0.2.7", "https")
BASE = Base("api:6443", "/k8s")
EXEC = b"/api/v1/namespaces/shop/pods/web-0/exec?command=sh"


def passed(
    *headers: tuple[str, str],
    target: bytes = b"/api",
    method: str = "GET",
    bodiless: bool = True,
    upgrade: str = "",
) -> Request:
    """Return what is written for a request."""
    request = Request(method, target, (("host", "gate"), *headers))
    return rewrite(request, FACTS, BASE, bodiless=bodiless, upgrade=upgrade)


def kept(*headers: tuple[str, str]) -> Fields:
    """Return what is kept of headers, beside what is said of the way."""
    return passed(*headers).headers[1:-3]


class RequestTests(SynchronousTestCase):
    """The head of a request."""

    def test_whole(self) -> None:
        """It is put together from its parts, under the API server's name."""
        expected = (
            ("host", "api:6443"),
            ("accept", "*/*"),
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "gate"),
        )
        found = passed(("accept", "*/*"), target=b"/api?a=%2f")
        self.assertEqual(found, Request("GET", b"/k8s/api?a=%2f", expected))

    def test_hop_by_hop(self) -> None:
        """What concerns one connection stays on it, with what Connection names."""
        found = kept(
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "5"),
            ("proxy-authorization", "Basic x"),
            ("proxy-connection", "close"),
            ("te", "gzip"),
            ("trailer", "x-sum"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAMAAABkAAQ"),
            ("expect", "100-continue"),
            ("x-yours", "2"),
        )
        self.assertEqual(found, (("x-yours", "2"),))

    def test_te_trailers(self) -> None:
        """A client that takes trailers is said to."""
        self.assertEqual(
            passed(("te", "trailers")).headers[-2:],
            (("connection", "TE"), ("te", "trailers")),
        )

    def test_who_asks(self) -> None:
        """A client says for itself who it is, and nothing is added or believed."""
        said = (
            ("authorization", "Bearer abc"),
            ("impersonate-user", "jane"),
            ("impersonate-extra-x", "y"),
        )
        lies = (
            ("x-remote-user", "admin"),
            ("x_remote_user", "admin"),
            ("x-remote_user", "admin"),
            ("content_length", "5"),
            ("x-remote-group", "system:masters"),
            ("x-remote-extra-a", "b"),
        )
        self.assertEqual(kept(*said, *lies), said)
        self.assertEqual(kept(), ())

    def test_the_way(self) -> None:
        """What a client says of the way is not passed on."""
        lies = (
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-port", "1"),
            ("forwarded", "for=10.0.0.1"),
            ("x-real-ip", "10.0.0.1"),
        )
        self.assertEqual(kept(*lies), ())
        request = Request("GET", b"/", ())
        found = rewrite(
            request, ClientFacts("", "http"), BASE, bodiless=True, upgrade=""
        )
        self.assertEqual(found.headers[1:], (("x-forwarded-proto", "http"),))

    def test_named_away(self) -> None:
        """Connection names nothing away that decides who asks, or for what."""
        for name in (
            "authorization",
            "Impersonate-User",
            "host",
            "content-length",
            "cookie",
            "sec-websocket-protocol",
            "X-Stream-Protocol-Version",
        ):
            with self.subTest(name):
                self.assertRaises(NotPassed, passed, ("connection", name))

    def test_http2(self) -> None:
        """A request of HTTP/2 becomes one of HTTP/1.1."""
        found = kept((":authority", "x"), ("cookie", "a=1"), ("cookie", "b=2"))
        self.assertEqual(found, (("cookie", "a=1; b=2"),))
        self.assertEqual(passed().http_version, "1.1")

    def test_no_header(self) -> None:
        """What is no header is refused, whoever let it pass."""
        for field in (("a b", "c"), ("A", "b"), ("a", "b\r\nc: d"), ("a", "\u20ac")):
            with self.subTest(field):
                self.assertRaises(NotPassed, passed, field)
        self.assertEqual(kept(("a", " b\t")), (("a", "b"),))

    def test_method(self) -> None:
        """What is no method, or asks for a tunnel, is refused."""
        self.assertEqual(passed(method="PATCH").method, "PATCH")
        for method in ("CONNECT", "G T", "", "A" * 33):
            self.assertRaises(NotPassed, passed, method=method)


class BodyTests(SynchronousTestCase):
    """Where a request ends."""

    def framing(
        self, *headers: tuple[str, str], method: str = "GET", bodiless: bool = True
    ) -> Fields:
        """Return what is said of the body."""
        return passed(*headers, method=method, bodiless=bodiless).headers[4:]

    def test_framing(self) -> None:
        """A length is kept, chunks are ours, and nothing is said of nothing."""
        none, some = ("content-length", "0"), ("content-length", "5")
        chunks = ("transfer-encoding", "chunked")
        self.assertEqual(self.framing(), ())
        self.assertEqual(self.framing(none), (none,))
        self.assertEqual(self.framing(method="POST"), (none,))
        self.assertEqual(self.framing(some, bodiless=False), (some,))
        padded = ("content-length", "0005")
        self.assertEqual(self.framing(padded, bodiless=False), (some,))
        self.assertEqual(self.framing(bodiless=False), (chunks,))
        self.assertEqual(self.framing(chunks, bodiless=False), (chunks,))

    def test_refused(self) -> None:
        """A length that is none, or more than one, is refused."""
        five = ("content-length", "5")
        for headers, bodiless in (
            ((five, five), False),
            ((("content-length", "+5"),), False),
            ((("content-length", "5, 5"),), False),
            ((five,), True),
        ):
            with self.subTest(headers):
                self.assertRaises(NotPassed, self.framing, *headers, bodiless=bodiless)


class TargetTests(SynchronousTestCase):
    """What a request is about."""

    def test_forms(self) -> None:
        """A path is passed as it was written; the absolute form is reduced to it."""
        for target, path in (
            (b"/", b"/"),
            (b"/a//b/%2f?x=../y", b"/a//b/%2f?x=../y"),
            (b"https://gate/a?b", b"/a?b"),
            (b"http://gate", b"/"),
            (b"http://gate?a", b"/?a"),
            (b"/a..b/...", b"/a..b/..."),
        ):
            with self.subTest(target):
                self.assertEqual(passed(target=target).target, b"/k8s" + path)

    def test_refused(self) -> None:
        """What is no path, or leads out of the prefix, is refused."""
        for target in (
            b"*",
            b"gate:443",
            b"",
            b"/a b",
            b"/a#b",
            b"/\xff",
            b"/../x",
            b"/a/./b",
            b"/a/%2e%2E/b",
            b"/a/%252e%252e/b",
            b"/a%2f..%2fb",
            b"/a\\..\\b",
        ):
            with self.subTest(target):
                self.assertRaises(NotPassed, passed, target=target)

    def test_port_forward(self) -> None:
        """Port-forward is never passed on, however it is written."""
        for target in (
            b"/api/v1/namespaces/shop/pods/web-0/portforward",
            b"/api/v1/namespaces/shop/pods/web-0/%70ortforward",
            b"/api/v1//namespaces/shop/pods/web-0/portforward",
            b"/api/v1/nodes/n1/proxy/portForward/shop/web-0",
        ):
            with self.subTest(target):
                self.assertRaises(NotPassed, passed, target=target)

    def test_upgrade(self) -> None:
        """An upgrade's path has one spelling."""
        kubevirt = (
            b"/apis/subresources.kubevirt.io/v1/namespaces/a/vms/b/portforward/80"
        )
        for target in (EXEC, kubevirt, b"/", b"/a/b/", b"/a/https:b:80/c", b"/%C3%A9"):
            with self.subTest(target):
                passed(target=target, upgrade="websocket")
        for target in (
            b"/api//v1",
            b"//api",
            b"/a//",
            b"/%61",
            b"/a%2Fb",
            b"/a%5cb",
            b"/a\\b",
            b"/a%0Ab",
            b"/a%25",
            b"/a%zz",
            b"/a%",
        ):
            with self.subTest(target):
                self.assertRaises(NotPassed, passed, target=target, upgrade="websocket")

    def test_upgrade_by_whom(self) -> None:
        """An upgrade is asked for by GET or POST, without a body."""
        passed(target=EXEC, method="POST", upgrade="spdy/3.1")
        for method, bodiless in (("PUT", True), ("POST", False)):
            with self.subTest(method):
                self.assertRaises(
                    NotPassed,
                    passed,
                    target=EXEC,
                    method=method,
                    bodiless=bodiless,
                    upgrade="spdy/3.1",
                )

    def test_upgrade_headers(self) -> None:
        """What belongs to an upgrade passes, the bearer's subprotocol too."""
        said = (
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "base64url.bearer.authorization.k8s.io.YQ, v4"),
            ("x-stream-protocol-version", "v4.channel.k8s.io"),
        )
        found = passed(
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            *said,
            target=EXEC,
            upgrade="websocket",
        )
        self.assertEqual(found.headers[1:5], said)
        self.assertIsNone(found.header("connection"))

    @given(binary(max_size=60), lists(tuples(text(max_size=9), text(max_size=9))))
    def test_anything(self, path: bytes, headers: list[tuple[str, str]]) -> None:
        """Whatever is asked is rewritten or refused, and stays under the prefix."""
        try:
            found = passed(*headers, target=b"/" + path)
        except NotPassed:
            return
        self.assertTrue(found.target.startswith(b"/k8s/"))
        self.assertEqual(found.headers[0], ("host", "api:6443"))


class AnswerTests(SynchronousTestCase):
    """The head of a response."""

    def head(
        self,
        status: int,
        *headers: tuple[str, str],
        method: str = "GET",
        upgrade: str = "",
    ) -> Fields:
        """Return what the client gets of it."""
        found = Answer(status, headers)
        given = answer(found, method, BASE, "https", upgrade=upgrade)
        self.assertEqual(given.status, status)
        return given.headers

    def test_hop_by_hop(self) -> None:
        """What concerns one connection stays on it; the length is the client's."""
        found = self.head(
            200,
            ("connection", "close, x-mine, content-length"),
            ("x-mine", "1"),
            ("transfer-encoding", "chunked"),
            ("trailer", "x"),
            ("keep-alive", "1"),
            ("proxy-authenticate", "Basic"),
            ("alt-svc", 'h2="other:443"'),
            ("content-length", "5"),
            ("audit-id", "7"),
        )
        self.assertEqual(found, (("content-length", "5"), ("audit-id", "7")))

    def test_switched(self) -> None:
        """Of a 101 there is left what belongs to the other protocol."""
        found = self.head(
            101,
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("content-length", "0"),
            ("sec-websocket-accept", "abc"),
            ("x-stream-protocol-version", "v4.channel.k8s.io"),
            upgrade="websocket",
        )
        self.assertEqual(
            [name for name, _ in found],
            ["sec-websocket-accept", "x-stream-protocol-version"],
        )

    def test_redirects(self) -> None:
        """A redirect that leads back to the API server leads here (BlockRedirects)."""
        for location, here in (
            ("/k8s/apis/", "/apis/"),
            ("/other", "/other"),
            ("https://api:6443/k8s/apis", "/apis"),
            ("https://api:6443", "/"),
            ("https://api:6443.evil/x", "https://api:6443.evil/x"),
            ("https://elsewhere/login", "https://elsewhere/login"),
        ):
            with self.subTest(location):
                self.assertEqual(
                    self.head(307, ("location", location)), (("location", here),)
                )

    def test_blocked_redirects(self) -> None:
        """Nobody who writes or upgrades is sent elsewhere (BlockRedirects)."""
        there = ("location", "https://elsewhere/")
        self.assertRaises(NotPassed, self.head, 302, there, method="POST")
        self.assertRaises(NotPassed, self.head, 302, there, upgrade="websocket")
        self.assertRaises(NotPassed, self.head, 302, upgrade="spdy/3.1")
        self.assertEqual(self.head(304, ("etag", "x")), (("etag", "x"),))

    def test_trailers(self) -> None:
        """What decides anything is no trailer."""
        good = (("x-sum", "5"), ("grpc-status", "0"))
        bad = (
            ("content-length", "5"),
            ("transfer-encoding", "chunked"),
            ("authorization", "x"),
            ("x-remote-user", "x"),
            ("impersonate-user", "x"),
            ("host", "x"),
            ("set-cookie", "x"),
            ("a b", "x"),
            ("a", "b\nc"),
        )
        self.assertEqual(trailers(bad + good), good)
