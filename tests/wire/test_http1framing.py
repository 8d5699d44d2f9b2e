"""Tests for :mod:`spdygate.wire.http1framing`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.wire.http1framing import Framing


def framing(*headers: bytes) -> Framing:
    """Return what is known after these headers, each of which is taken."""
    found = Framing()
    for header in headers:
        assert found.take(bytearray(header)), header
    return found


class FramingTests(SynchronousTestCase):
    """Where a message ends."""

    def test_no_doubt(self) -> None:
        """One length, one coding, or neither, is beyond doubt."""
        for headers in (
            (),
            (b"Host: x",),
            (b"Content-Length: 5",),
            (b"CONTENT-LENGTH:\t5 ", b"X-Content-Length: 6"),
            (b"Transfer-Encoding: chunked",),
        ):
            self.assertEqual(framing(*headers).doubt(), "")

    def test_doubt(self) -> None:
        """Two lengths are one too many, even if they are equal; so is a coding."""
        twice = framing(b"Content-Length: 5", b"content-length: 5")
        self.assertEqual(twice.doubt(), "more than one Content-Length")
        for headers in (
            (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
            (b"transfer-encoding: gzip", b"content-length: 0"),
        ):
            both = "both Content-Length and Transfer-Encoding"
            self.assertEqual(framing(*headers).doubt(), both)

    def test_lengths(self) -> None:
        """A length is digits alone, and not too many."""
        for value in (b"", b"+5", b"-1", b"5, 5", b"0x5", b"5 5", b"9" * 21):
            header = bytearray(b"Content-Length: " + value)
            self.assertFalse(Framing().take(header), value)
