"""Tests for :mod:`spdygate.wire.http1head`."""

from __future__ import annotations

import contextlib
import itertools

from hypothesis import given
from hypothesis.strategies import binary, integers, lists, sampled_from
from twisted.trial.unittest import SynchronousTestCase

from spdygate.wire.http1head import (
    LARGEST_HEAD,
    BadHead,
    HeadScanner,
    check_length,
    check_request,
    too_large,
)
from spdygate.wire.upgrade import Request

from .upgraderequests import CAPTURED


def scan(*pieces: bytes) -> tuple[int, bytes]:
    """Return what a scanner finds in bytes that come in *pieces*, and the buffer."""
    scanner = HeadScanner()
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        end = scanner.find(buffer)
        if end:
            return end, bytes(buffer)
    return 0, bytes(buffer)


def outcome(*pieces: bytes) -> tuple[bytes, int, str]:
    """Return the head, or the status and the words of the refusal."""
    try:
        end, buffer = scan(*pieces)
    except BadHead as error:
        return b"", error.status, str(error)
    return buffer[:end], 0, ""


class FindTests(SynchronousTestCase):
    """Where a head ends."""

    def test_captured(self) -> None:
        """Every real request is found whole, and not a byte of what follows."""
        for captured in CAPTURED:
            with self.subTest(captured.client):
                end, buffer = scan(captured.wire + b"\x80\x03\n\n")
                self.assertEqual(buffer[:end], captured.wire)

    def test_not_whole(self) -> None:
        """Nothing is found before the last byte has come."""
        wire = CAPTURED[0].wire
        for length in range(len(wire)):
            self.assertEqual(scan(wire[:length])[0], 0)

    def test_one_empty_line(self) -> None:
        """One empty line in front is taken away, a second is no request."""
        request = b"GET / HTTP/1.1\r\n\r\n"
        self.assertEqual(scan(b"\r\n" + request), (len(request), request))
        self.assertEqual(scan(b"\r", b"\n", request), (len(request), request))
        self.assertRaises(BadHead, scan, b"\r\n\r\n" + request)

    def test_largest(self) -> None:
        """A head of 64 KiB is taken; one that would be longer is a 431."""
        start = b"GET / HTTP/1.1\r\nX: "
        fill = LARGEST_HEAD - len(start) - 4
        largest = start + b"x" * fill + b"\r\n\r\n"
        self.assertEqual(scan(largest)[0], LARGEST_HEAD)
        error = self.assertRaises(BadHead, scan, start + b"x" * (fill + 5))
        self.assertEqual(error.status, 431)
        longer = start + b"x" * (fill + 1) + b"\r\n\r\n"
        self.assertRaises(BadHead, scan, longer)


class RefusalTests(SynchronousTestCase):
    """What two readers may read in two ways."""

    def refused(self, head: bytes, words: str) -> None:
        """Assert that a head is refused with a 400 that says why."""
        error = self.assertRaises(BadHead, scan, head)
        self.assertEqual(error.status, 400)
        self.assertIn(words, str(error))

    def test_bare_lf(self) -> None:
        """Every line ends with CR LF, and one that does not is refused at once."""
        for head in (
            b"GET / HTTP/1.1\n",
            b"GET / HTTP/1.1\r\nHost: x\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n\n",
            b"GET / HTTP/1.1\r\n\n",
        ):
            with self.subTest(head):
                self.refused(head, "ends with LF")

    def test_folded(self) -> None:
        """A header is one line."""
        for blank in (b" ", b"\t"):
            head = b"GET / HTTP/1.1\r\nX: a\r\n" + blank + b"b\r\n"
            self.refused(head, "folded")

    def test_two_lengths(self) -> None:
        """There is one length at most, even if both are the same."""
        head = b"POST / HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\n"
        self.refused(head, "more than one Content-Length")

    def test_odd_length(self) -> None:
        """A length is a plain number."""
        for length in (b"5, 5", b"+5", b"-5", b"0x5", b"5 5", b"", b"1" * 21):
            with self.subTest(length):
                head = b"POST / HTTP/1.1\r\nContent-Length:" + length + b"\r\n"
                self.refused(head, "not one plain number")

    def test_length_and_coding(self) -> None:
        """A length and a transfer coding contradict each other."""
        length, coding = b"Content-Length: 5\r\n", b"Transfer-encoding: chunked\r\n"
        for headers in (length + coding, coding + length):
            head = b"POST / HTTP/1.1\r\n" + headers + b"\r\n"
            self.refused(head, "both Content-Length and Transfer-Encoding")

    def test_tls(self) -> None:
        """A TLS handshake is known by its first byte, and told what to do."""
        self.refused(b"\x16", "write http://")

    def test_no_request(self) -> None:
        """What cannot begin a request is not waited for."""
        for byte in (b"\0", b" ", b"\n", b"\x80", b"\xff", b"\r\r"):
            with self.subTest(byte):
                self.refused(byte + b"x", "not an HTTP request")


FRAGMENTS = sampled_from(
    [
        *(b"GET / HTTP/1.1", b"\r\n", b"\r\n", b"\r", b"\n", b" ", b"X: y"),
        *(b"Content-Length: 3", b"Content-Length:", b"Transfer-Encoding: chunked"),
        *(b"\x16", b"\xff", b"3"),
    ]
)


class PropertyTests(SynchronousTestCase):
    """What holds for every head."""

    @given(lists(FRAGMENTS).map(b"".join), lists(integers(0, 80)))
    def test_any_split(self, wire: bytes, cuts: list[int]) -> None:
        """In whatever pieces bytes come, the verdict is the same."""
        places = [0, *sorted(cuts), len(wire)]
        pieces = [wire[start:end] for start, end in itertools.pairwise(places)]
        self.assertEqual(outcome(*pieces), outcome(wire))

    @given(binary())
    def test_any_bytes(self, wire: bytes) -> None:
        """Any bytes are a head, part of one, or refused."""
        with contextlib.suppress(BadHead):
            end, buffer = scan(wire)
            self.assertIn(buffer[max(0, end - 4) : end], (b"", b"\r\n\r\n"))


class CheckTests(SynchronousTestCase):
    """What h11 lets pass."""

    def test_bodiless(self) -> None:
        """It is told from the head whether there is a body."""
        for fields, bodiless in (
            ((), True),
            ((("content-length", "0"),), True),
            ((("content-length", "1"),), False),
            ((("transfer-encoding", "chunked"),), False),
        ):
            self.assertIs(check_request(Request("PUT", b"/", fields)), bodiless)

    def test_connect(self) -> None:
        """CONNECT has no body (RFC 9110, section 9.3.6)."""
        self.assertTrue(check_request(Request("CONNECT", b"a:1")))
        for field in (("content-length", "1"), ("transfer-encoding", "chunked")):
            request = Request("CONNECT", b"a:1", (field,))
            self.assertRaises(BadHead, check_request, request)

    def test_length(self) -> None:
        """A length is known before its body, and may be too much."""
        request = Request("PUT", b"/", (("content-length", "8"),))
        check_length(request, 8)
        error = self.assertRaises(BadHead, check_length, request, 7)
        self.assertEqual((error.status, str(error)), (413, too_large(7)))
