"""Tests for :mod:`spdygate.session.http1body`."""

from __future__ import annotations

import h11
from twisted.trial.unittest import SynchronousTestCase

from spdygate.session.http1body import BodyReader
from spdygate.wire.http1head import BadHead

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"


def reader(line: bytes) -> BodyReader:
    """Return the reader of a body behind a head with this header."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(HEAD + line + b"\r\n\r\n")
    connection.next_event()
    return BodyReader(connection, chunked=b"chunked" in line)


class BodyTests(SynchronousTestCase):
    """Where a body ends."""

    def read(self, line: bytes, *pieces: bytes) -> tuple[bytes, bytes | None]:
        """Read a body; return it, and what follows if it has ended."""
        body, found = reader(line), list[bytes]()
        for piece in pieces:
            body.read(piece, found)
        return b"".join(found), None if body.end is None else body.rest

    def test_length(self) -> None:
        """A length is counted, and what follows given back."""
        line = b"Content-Length: 3"
        self.assertEqual(self.read(line, b"ab"), (b"ab", None))
        self.assertEqual(self.read(line, b"ab", b"cde"), (b"abc", b"de"))

    def test_chunks(self) -> None:
        """Chunks are taken out of their frames, wherever they are cut."""
        line, wire = b"Transfer-Encoding: chunked", b"2\r\nhi\r\n0\r\n\r\nnext"
        for cut in range(1, 12):
            self.assertEqual(self.read(line, wire[:cut], wire[cut:]), (b"hi", b"next"))

    def test_line_ends(self) -> None:
        """One that ends with LF alone is refused, wherever it is cut."""
        line = b"Transfer-Encoding: chunked"
        for wire in (b"0\r\n\n", b"0\r\nA: b\n\r\n", b"1\r\na\r\n0\r\n\n"):
            for cut in range(len(wire)):
                self.assertRaises(BadHead, self.read, line, wire[:cut], wire[cut:])

    def test_what_came_before(self) -> None:
        """What is good of a bad body has been given out."""
        body, found = reader(b"Transfer-Encoding: chunked"), list[bytes]()
        wire = b"2\r\nhi\r\nzz\r\n"
        self.assertRaises(h11.RemoteProtocolError, body.read, wire, found)
        self.assertEqual(b"".join(found), b"hi")
