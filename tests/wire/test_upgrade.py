"""Tests for :mod:`spdygate.wire.upgrade`."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import binary, text
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LocalError
from spdygate.wire.upgrade import (
    PREFACE,
    SPDY,
    PrefaceState,
    Request,
    agent,
    http2_settings,
    preface_state,
    switching,
    wants_upgrade,
)

from .upgraderequests import CAPTURED

#: Captured from curl 7.88: MAX_CONCURRENT_STREAMS 100, INITIAL_WINDOW_SIZE 32 MiB,
#: ENABLE_PUSH 0.
CURLS_SETTINGS = "AAMAAABkAAQCAAAAAAIAAAAA"


def request(*headers: tuple[str, str], version: str = "1.1") -> Request:
    """Return a request with *headers*."""
    return Request("GET", b"/", headers, version)


class RequestTests(SynchronousTestCase):
    """Looking for headers."""

    sample = request(("a", "1, X ,,y"), ("b", "2"), ("a", "Z"))

    def test_header(self) -> None:
        """The first line of a header, or none."""
        self.assertEqual(self.sample.header("a"), "1, X ,,y")
        self.assertIsNone(self.sample.header("c"))

    def test_headers_named(self) -> None:
        """All lines of a header, in order."""
        self.assertEqual(self.sample.headers_named("a"), ["1, X ,,y", "Z"])
        self.assertEqual(self.sample.headers_named("c"), [])

    def test_tokens(self) -> None:
        """Lines and lists are one list, and case does not matter."""
        self.assertEqual(self.sample.tokens("a"), ("1", "x", "y", "z"))
        self.assertEqual(self.sample.tokens("c"), ())


class WantsUpgradeTests(SynchronousTestCase):
    """What asks for an upgrade."""

    def test_captured(self) -> None:
        """Every real client is understood."""
        for captured in CAPTURED:
            with self.subTest(captured.client):
                asked = request(*captured.headers)
                self.assertEqual(wants_upgrade(asked), (captured.token,))

    def test_lists(self) -> None:
        """Both headers are lists; case does not matter."""
        asked = request(
            ("connection", "keep-alive, UpGrade"), ("upgrade", "h2c, Spdy/3.1")
        )
        self.assertEqual(wants_upgrade(asked), ("h2c", "spdy/3.1"))

    def test_whole_tokens(self) -> None:
        """Part of a token is no token, though Kubernetes takes it for one."""
        asked = request(("connection", "noupgrade"), ("upgrade", "SPDY/3.1"))
        self.assertEqual(wants_upgrade(asked), ())
        asked = request(("connection", "upgrade"), ("upgrade", "xspdy/3.1"))
        self.assertNotIn("spdy/3.1", wants_upgrade(asked))

    def test_not_asked(self) -> None:
        """It takes both headers, and HTTP/1.1."""
        connection, upgrade = ("connection", "Upgrade"), ("upgrade", SPDY)
        for asked in (
            request(),
            request(connection),
            request(upgrade),
            request(connection, upgrade, version="1.0"),
        ):
            self.assertEqual(wants_upgrade(asked), ())


class Http2SettingsTests(SynchronousTestCase):
    """The upgrade to ``h2c`` (RFC 7540, section 3.2)."""

    def asked(
        self, *values: str, connection: str = "Upgrade, HTTP2-Settings"
    ) -> Request:
        """Return a request for ``h2c`` with these settings."""
        settings = [("http2-settings", value) for value in values]
        return request(("connection", connection), ("upgrade", "h2c"), *settings)

    def test_curl(self) -> None:
        """The value comes back as it was sent."""
        settings = http2_settings(self.asked(CURLS_SETTINGS))
        self.assertEqual(settings, CURLS_SETTINGS.encode())

    def test_whole_settings(self) -> None:
        """A setting has six bytes, which are eight characters; none will do."""
        self.assertEqual(http2_settings(self.asked("AAMAAABk")), b"AAMAAABk")
        self.assertEqual(http2_settings(self.asked("")), b"")
        for value in ("AAMAAABkAA", "AAMAAABkAA==", "AAMAAABkAAMA"):
            self.assertIsNone(http2_settings(self.asked(value)))

    def test_exactly_one(self) -> None:
        """None and two are no upgrade."""
        self.assertIsNone(http2_settings(self.asked()))
        twice = self.asked(CURLS_SETTINGS, CURLS_SETTINGS)
        self.assertIsNone(http2_settings(twice))

    def test_named_in_connection(self) -> None:
        """``Connection`` must name it, or a proxy has passed it on by mistake."""
        asked = self.asked(CURLS_SETTINGS, connection="Upgrade")
        self.assertIsNone(http2_settings(asked))

    def test_another_upgrade(self) -> None:
        """Settings mean nothing to another protocol."""
        connection = ("connection", "Upgrade, HTTP2-Settings")
        asked = request(
            connection, ("upgrade", SPDY), ("http2-settings", CURLS_SETTINGS)
        )
        self.assertIsNone(http2_settings(asked))

    def test_not_base64url(self) -> None:
        """What cannot be decoded is no upgrade."""
        for value in (
            "!",
            "AAMAAABkA",
            "AAMA AABk",
            "AAM+AABk",
            "AAM/AABk",
            "=",
            "\xe9",
        ):
            with self.subTest(value):
                self.assertIsNone(http2_settings(self.asked(value)))

    @given(text(alphabet=[chr(code) for code in range(256)]))
    def test_any_value(self, value: str) -> None:
        """Any value is the settings or none."""
        self.assertIn(
            http2_settings(self.asked(value)), (None, value.encode("latin-1"))
        )


class SwitchingTests(SynchronousTestCase):
    """The 101."""

    def test_negotiated(self) -> None:
        """The answer that kubectl was captured with, but for the date."""
        self.assertEqual(
            switching(SPDY, [("X-Stream-Protocol-Version", "portforward.k8s.io")]),
            b"HTTP/1.1 101 Switching Protocols\r\n"
            b"Connection: Upgrade\r\n"
            b"Upgrade: SPDY/3.1\r\n"
            b"X-Stream-Protocol-Version: portforward.k8s.io\r\n"
            b"\r\n",
        )

    def test_not_negotiated(self) -> None:
        """Generations A and B get no header that they did not ask for."""
        self.assertEqual(
            switching(SPDY),
            b"HTTP/1.1 101 Switching Protocols\r\n"
            b"Connection: Upgrade\r\n"
            b"Upgrade: SPDY/3.1\r\n"
            b"\r\n",
        )

    def test_no_injection(self) -> None:
        """A header that would begin another line is our own bug."""
        for name, value in (
            ("X", "a\r\nY: b"),
            ("X\r\nY", "a"),
            ("", "a"),
            ("X", "\u2026"),
        ):
            self.assertRaises(LocalError, switching, SPDY, [(name, value)])


class PrefaceTests(SynchronousTestCase):
    """Telling HTTP/2 from HTTP/1.1."""

    def test_every_prefix(self) -> None:
        """One is unsure until the last of the 24 bytes, and sure from then on."""
        self.assertEqual(len(PREFACE), 24)
        for length in range(24):
            self.assertIs(preface_state(PREFACE[:length]), PrefaceState.UNSURE)
        self.assertIs(preface_state(PREFACE), PrefaceState.YES)
        self.assertIs(preface_state(PREFACE + b"\0"), PrefaceState.YES)

    def test_http1(self) -> None:
        """A request is told by its first byte that differs."""
        self.assertIs(preface_state(b"G"), PrefaceState.NO)
        self.assertIs(preface_state(b"P"), PrefaceState.UNSURE)
        self.assertIs(preface_state(b"PO"), PrefaceState.NO)
        self.assertIs(preface_state(b"PRI * HTTP/1.1"), PrefaceState.NO)

    @given(binary(), binary())
    def test_any_bytes(self, first: bytes, more: bytes) -> None:
        """What is sure stays so, whatever follows."""
        state = preface_state(first)
        if state is not PrefaceState.UNSURE:
            self.assertIs(preface_state(first + more), state)


class AgentTests(SynchronousTestCase):
    """What a client calls itself."""

    def test_agent(self) -> None:
        """It is fit for a line of a log, whatever was sent."""
        for written, told in (
            ("kubectl/v1.30.0", "kubectl/v1.30.0"),
            ("", "unknown client"),
            ("a\x1b[2Jb", "a [2Jb"),
            ("x" * 300, "x" * 200),
        ):
            request = Request("GET", b"/", (("user-agent", written),))
            self.assertEqual(agent(request), told)
        self.assertEqual(agent(Request("GET", b"/")), "unknown client")
