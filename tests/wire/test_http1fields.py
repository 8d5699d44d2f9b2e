"""Tests for :mod:`spdygate.wire.http1fields`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.wire.http1fields import PASSED, passed_on, passed_upgrade, written_upgrade
from spdygate.wire.upgrade import Request


class PassedTests(SynchronousTestCase):
    """What of a request is for somebody else."""

    def test_fields(self) -> None:
        """What was for us ends here; all else stays, in its order."""
        ours = (
            *("expect", "http2-settings", "keep-alive", "proxy-authenticate"),
            *("proxy-authorization", "proxy-connection", "transfer-encoding"),
            "upgrade",
        )
        theirs = ("host", "connection", "authorization", "te", "content-length")
        mixed = [*theirs[:2], *ours[:4], *theirs[2:], *ours[4:]]
        fields = tuple((name, "x") for name in mixed)
        kept = passed_on(Request("GET", b"/", fields)).headers
        self.assertEqual([name for name, _ in kept], list(theirs))

    def test_targets(self) -> None:
        """Absolute form becomes a path; what is one, or none, stays as it is."""
        for written, told in (
            (b"/a?b=c", b"/a?b=c"),
            (b"http://x:80/a?b", b"/a?b"),
            (b"HTTPS://x", b"/"),
            (b"http://x?b", b"/?b"),
            (b"/http://x/a", b"/http://x/a"),
            (b"*", b"*"),
        ):
            self.assertEqual(passed_on(Request("GET", written)).target, told)

    def test_upgrade(self) -> None:
        """The client's favourite of the two that pass."""
        for named, passed in (
            ("SPDY/3.1", "spdy/3.1"),
            ("WebSocket, SPDY/3.1", "websocket"),
            ("h2c", ""),
            ("", ""),
        ):
            fields = (("connection", "upgrade"), ("upgrade", named))
            self.assertEqual(passed_upgrade(Request("GET", b"/", fields)), passed)
        self.assertEqual(passed_upgrade(Request("GET", b"/", fields[1:])), "")

    def test_written(self) -> None:
        """The 101 names an upgrade as its clients do."""
        written = [written_upgrade(name) for name in PASSED]
        self.assertEqual(written, ["SPDY/3.1", "websocket"])
