"""Tests for :mod:`spdygate.wire.http1answer`: one head, one reading."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis.strategies import binary
from twisted.trial.unittest import SynchronousTestCase

from spdygate.wire.http1answer import (
    LARGEST_ANSWER_HEAD,
    MOST_LINES,
    AnswerScanner,
    BadAnswer,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\n"


def find(data: bytes, largest: int = LARGEST_ANSWER_HEAD) -> int:
    """Search what has come in one piece."""
    return AnswerScanner(largest).find(bytearray(data))


class FindTests(SynchronousTestCase):
    """Where a head ends."""

    def test_every_split(self) -> None:
        """Wherever it is cut, its end is found when it is there, and not before."""
        for cut in range(1, len(HEAD)):
            scanner = AnswerScanner()
            buffer = bytearray(HEAD[:cut])
            self.assertEqual(scanner.find(buffer), 0)
            buffer += HEAD[cut:] + b"abc"
            self.assertEqual(scanner.find(buffer), len(HEAD))

    def test_byte_by_byte(self) -> None:
        """It may come in single bytes."""
        scanner, buffer, found = AnswerScanner(), bytearray(), []
        for byte in HEAD:
            buffer.append(byte)
            found.append(scanner.find(buffer))
        self.assertEqual(found, [0] * (len(HEAD) - 1) + [len(HEAD)])

    def test_accepted(self) -> None:
        """What is unusual, but has one reading, is found."""
        for head in (
            b"HTTP/1.1 200\r\n\r\n",
            b"HTTP/1.1 200 \r\n\r\n",
            b"HTTP/1.0 404 Not found: \xe9\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nEmpty:\r\nX:\ty \r\n\r\n",
        ):
            with self.subTest(head):
                self.assertEqual(find(head), len(head))

    def test_refused(self) -> None:
        """What has two readings, or none, is refused by name."""
        for head, words in (
            (b"HTTP/1.1 200 OK\nX: y\r\n\r\n", "LF, not CR LF"),
            (b"HTTP/1.1 200 OK\r\nX: y\n\n", "LF, not CR LF"),
            (b"HTTP/1.1 200 OK\r\n\n", "LF, not CR LF"),
            (b"HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", "folded"),
            (b"HTTP/1.1 200 OK\r\n\tz: y\r\n\r\n", "folded"),
            (b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", "is none"),
            (b"HTTP/1.1 200 OK\r\nX\r\n\r\n", "is none"),
            (b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", "is none"),
            (b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", "is none"),
            (b"HTTP/1.1 200 OK\r\n: a\r\n\r\n", "is none"),
            (b"HTTP/1.1 20 OK\r\n\r\n", "status line"),
            (b"HTTP/1.1 600 OK\r\n\r\n", "status line"),
            (b"HTTP/1.1  200 OK\r\n\r\n", "status line"),
            (b"HTTP/1.2 200 OK\r\n\r\n", "status line"),
            (b"HTTP/2.0 200 OK\r\n\r\n", "not HTTP/1.1"),
            (b"\r\nHTTP/1.1 200 OK\r\n\r\n", "not HTTP/1.1"),
            (b"\x15\x03\x03\x00\x02\x02\x46", "not HTTP/1.1"),
        ):
            with self.subTest(head):
                error = self.assertRaises(BadAnswer, find, head)
                self.assertIn(words, str(error))

    def test_lengths(self) -> None:
        """A message whose end depends on who reads it is refused."""
        for lines, words in (
            (b"Content-Length: 3\r\nContent-Length: 4\r\n", "more than one"),
            (b"Content-Length: 3\r\ncontent-length: 3\r\n", "more than one"),
            (b"Content-Length: 3, 3\r\n", "one plain number"),
            (b"Content-Length: +3\r\n", "one plain number"),
            (b"Content-Length:\r\n", "one plain number"),
            (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "both"),
            (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "both"),
        ):
            with self.subTest(lines):
                head = b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n"
                error = self.assertRaises(BadAnswer, find, head)
                self.assertIn(words, str(error))

    def test_largest(self) -> None:
        """A head may have so many bytes; one that goes on is refused."""
        start = b"HTTP/1.1 200 OK\r\nX: "
        rest = LARGEST_ANSWER_HEAD - len(start) - 4
        self.assertEqual(find(start + b"x" * rest + b"\r\n\r\n"), LARGEST_ANSWER_HEAD)
        error = self.assertRaises(BadAnswer, find, start + b"x" * (rest + 4))
        self.assertIn("larger than 1048576 bytes", str(error))

    def test_largest_of_ones_own(self) -> None:
        """Somebody may be willing to read less."""
        self.assertEqual(find(HEAD, len(HEAD)), len(HEAD))
        self.assertRaises(BadAnswer, find, HEAD, len(HEAD) - 1)

    def test_most_lines(self) -> None:
        """A head may have so many lines."""
        fields = b"a:\r\n" * (MOST_LINES - 1)
        self.assertTrue(find(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n"))
        self.assertRaises(BadAnswer, find, b"HTTP/1.1 200 OK\r\na:\r\n" + fields)

    @given(binary(max_size=80))
    @example(b"HTTP/1.1 200 OK\r\n\r\n")
    def test_any_bytes(self, data: bytes) -> None:
        """Whatever comes, it is found, waited for or refused."""
        try:
            end = find(b"HTTP/1.1 200 OK\r\n" + data)
        except BadAnswer:
            return
        self.assertLessEqual(end, len(data) + 17)
