"""Tests for :mod:`spdygate.wire.origin`."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import text
from twisted.trial.unittest import SynchronousTestCase

from spdygate.wire.origin import is_foreign
from spdygate.wire.upgrade import Request


def foreign(host: str, *origins: str, secure: bool = False) -> bool:
    """Say what is thought of a request."""
    lines = tuple(("origin", origin) for origin in origins)
    return is_foreign(Request("GET", b"/", (("host", host), *lines)), secure=secure)


class OriginTests(SynchronousTestCase):
    """Whose page it is."""

    def test_programs(self) -> None:
        """A program sends no Origin, or that of the URL it asks (PyPI kubernetes)."""
        self.assertFalse(foreign("127.0.0.1:8001"))
        self.assertFalse(foreign("127.0.0.1:8001", "http://127.0.0.1:8001"))
        self.assertFalse(foreign("gate.example", "https://gate.example", secure=True))
        self.assertFalse(foreign("[::1]:8001", "http://[::1]:8001"))
        self.assertFalse(foreign("Gate.example:80", "http://gate.EXAMPLE"))

    def test_pages_of_others(self) -> None:
        """Another host, another port or none at all is somebody else's page."""
        for origin in (
            "http://evil.example",
            "http://127.0.0.1:3000",
            "http://127.0.0.1",
            "null",
            "",
            "http://127.0.0.1:8001.evil.example",
            "http://127.0.0.1:8001@evil.example",
            "file://",
            "http://127.0.0.1:99999",
        ):
            self.assertTrue(foreign("127.0.0.1:8001", origin), origin)

    def test_two(self) -> None:
        """Two Origins are one too many."""
        same = "http://127.0.0.1:8001"
        self.assertTrue(foreign("127.0.0.1:8001", same, same))

    @given(text(), text())
    def test_anything(self, host: str, origin: str) -> None:
        """Whatever they are, there is a verdict."""
        self.assertIn(foreign(host, origin), (True, False))
