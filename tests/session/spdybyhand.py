"""
A SPDY/3.1 peer written by hand, so that no session is checked by itself.

It compresses with zlib as Go does, and reads what a session writes without
the package's parser.  Nothing here is careful: a test may ask for frames that
no peer should send.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import NamedTuple

from spdygate.wire.dictionary import DICTIONARY
from tests.wire.byhand import control, data, plain

__all__ = ["ERROR", "FIN", "HandPeer", "Seen", "data", "headers_of"]

FIN = 1

_NAMES = {
    1: "SYN_STREAM",
    2: "SYN_REPLY",
    3: "RST_STREAM",
    4: "SETTINGS",
    6: "PING",
    7: "GOAWAY",
    8: "HEADERS",
    9: "WINDOW_UPDATE",
}

Pairs = Iterable[tuple[bytes, bytes]]


def headers_of(kind: str, port: int = 80, request_id: str | None = "0") -> Pairs:
    """Return the headers of one stream of a connection."""
    found = [(b"streamtype", kind.encode()), (b"port", b"%d" % port)]
    if request_id is not None:
        found.append((b"requestid", request_id.encode()))
    return found


#: What kubectl opens first.
ERROR = tuple(headers_of("error"))


class Seen(NamedTuple):
    """
    A frame that a session wrote.

    :ivar value: a code, an id or a number of bytes; of DATA its length.
    :ivar body: payload, or the inflated header block.
    """

    name: str
    stream_id: int
    value: int = 0
    body: bytes = b""
    flags: int = 0


class HandPeer:
    """One side of a connection: its zlib streams, and what it writes and reads."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(9, zlib.DEFLATED, 15, 8, 0, DICTIONARY)
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._rest = b""

    def block(self, headers: Pairs) -> bytes:
        """Compress a header block as Go does."""
        block = self._deflate.compress(plain(headers))
        return block + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def syn(self, stream_id: int, headers: Pairs = ERROR, flags: int = 0) -> bytes:
        """Write SYN_STREAM (draft, section 2.6.1)."""
        body = stream_id.to_bytes(4) + bytes(6) + self.block(headers)
        return control(1, body, flags)

    def reply(self, stream_id: int, headers: Pairs = (), flags: int = 0) -> bytes:
        """Write SYN_REPLY (draft, section 2.6.2)."""
        return control(2, stream_id.to_bytes(4) + self.block(headers), flags)

    def headers(self, stream_id: int, headers: Pairs = (), flags: int = 0) -> bytes:
        """Write HEADERS (draft, section 2.6.7)."""
        return control(8, stream_id.to_bytes(4) + self.block(headers), flags)

    @staticmethod
    def rst(stream_id: int, status: int = 5) -> bytes:
        """Write RST_STREAM (draft, section 2.6.3)."""
        return control(3, stream_id.to_bytes(4) + status.to_bytes(4))

    @staticmethod
    def settings(*entries: tuple[int, int]) -> bytes:
        """Write SETTINGS (draft, section 2.6.4)."""
        body = b"".join(key.to_bytes(4) + value.to_bytes(4) for key, value in entries)
        return control(4, len(entries).to_bytes(4) + body)

    @staticmethod
    def ping(ping_id: int) -> bytes:
        """Write PING (draft, section 2.6.5)."""
        return control(6, ping_id.to_bytes(4))

    @staticmethod
    def goaway(last: int = 0, status: int = 0) -> bytes:
        """Write GOAWAY (draft, section 2.6.6)."""
        return control(7, last.to_bytes(4) + status.to_bytes(4))

    @staticmethod
    def grant(stream_id: int, count: int) -> bytes:
        """Write WINDOW_UPDATE (draft, section 2.6.8)."""
        return control(9, stream_id.to_bytes(4) + count.to_bytes(4))

    def read(self, written: bytes) -> list[Seen]:
        """Return the frames that have become whole."""
        self._rest += written
        found = []
        while len(self._rest) >= 8:
            length = int.from_bytes(self._rest[5:8])
            if len(self._rest) < 8 + length:
                break
            frame, self._rest = self._rest[: 8 + length], self._rest[8 + length :]
            found.append(self._seen(frame[:8], frame[8:]))
        return found

    def _seen(self, head: bytes, body: bytes) -> Seen:
        """Read one frame."""
        flags, first = head[4], int.from_bytes(body[:4])
        if not head[0] & 0x80:
            return Seen("DATA", int.from_bytes(head[:4]), len(body), body, flags)
        assert head[:2] == b"\x80\x03", head
        name = _NAMES[int.from_bytes(head[2:4])]
        second = int.from_bytes(body[4:8])
        match name:
            case "SYN_STREAM":
                return Seen(name, first, 0, self._inflate.decompress(body[10:]), flags)
            case "SYN_REPLY" | "HEADERS":
                return Seen(name, first, 0, self._inflate.decompress(body[4:]), flags)
            case "PING":
                return Seen(name, 0, first, b"", flags)
            case "SETTINGS":
                return Seen(name, 0, first, body[4:], flags)
            case _:
                return Seen(name, first, second, b"", flags)
