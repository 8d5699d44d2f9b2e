"""
SPDY/3.1 header blocks, and the zlib stream they travel in.

A block is a count and that many pairs of a name and a value, each behind its
length; all numbers are four bytes (draft, section 2.6.10).  All blocks of one
direction of a connection are one zlib stream, flushed at the end of each.

Rules:

1. Every block that arrives is inflated, in the order of the wire, whatever
   becomes of its frame: each may point into those before it.
2. So an error here is the session's, never one stream's: what was not
   understood is missing from the context for good.
3. Nothing is allocated because a number in the block says so.  The inflated
   size is bounded while inflating: zlib makes a mebibyte of a kilobyte, and
   CVE-2026-43970 was a SPDY server that let it.
4. What we send is never squeezed: see `HeaderDeflater`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import LimitError, LocalError, RemoteError
from .dictionary import DICTIONARY, DICTIONARY_ID

#: Name and value pairs, in the order of the wire.
Headers = tuple[tuple[bytes, bytes], ...]

_WORD = struct.Struct(">L")

#: RFC 1950, section 2.2: deflate with a window of 32 KiB (78), then level 0
#: with a preset dictionary and the check bits (3f), then the dictionary's name.
_STREAM_HEAD = b"\x78\x3f" + _WORD.pack(DICTIONARY_ID)

#: RFC 1951, section 3.2.4: not the last block, stored; its length, and again
#: with every bit turned over.
_STORED = struct.Struct("<BHH")
_MAX_STORED = 0xFFFF

#: An empty stored block, which is what Z_SYNC_FLUSH writes.  It is needed even
#: behind a stored one: Go's inflater hands out what it has only when it sees it.
_SYNC = _STORED.pack(0, 0, _MAX_STORED)


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    """
    What a peer may make us hold for one block.

    Port-forward sends three pairs in some sixty bytes, an HTTP client of 2012
    a dozen pairs and a cookie.  spdystream 0.5.1 takes 1000 pairs of 1 MiB
    each, since CVE-2026-35469; before it took whatever was asked.

    :ivar block: bytes of an inflated block; h2 allows as many to a header list.
    :ivar pairs: pairs in a block; Apache takes 100.
    :ivar name: bytes of a name; the longest registered ones have under 50.
    :ivar value: bytes of a value; nginx and Apache take 8 KiB, node 16 KiB.
    """

    block: int = 64 * 1024
    pairs: int = 128
    name: int = 256
    value: int = 16 * 1024


class HeaderInflater:
    """
    The receiving end of one direction's zlib stream.

    Its window is zlib's largest, 32 KiB, for the peer's deflater decides how
    far back it points.  It is made when the first block comes; then it costs
    some 11 KiB of memory, and more only as headers fill the window.
    """

    __slots__ = ("_limits", "_stream")

    def __init__(self, limits: HeaderLimits) -> None:
        self._limits = limits
        self._stream: zlib._Decompress | None = None

    def inflate(self, block: bytes) -> Headers:
        """
        Read the next block of the connection.

        After an exception there is no next one: the session is over.

        :param block: what the frame carried, all of it.
        :returns: the pairs; names and values are as they came, see `bad_name`.
        :raises LimitError: it inflates to more than it may, or says it holds it.
        :raises RemoteError: it is no zlib data, or no header block.
        """
        if self._stream is None:
            self._stream = zlib.decompressobj(zdict=DICTIONARY)
        limit = self._limits.block
        try:
            # One byte above the limit is enough to know that it was passed.
            text = self._stream.decompress(block, limit + 1)
        except zlib.error as error:
            raise RemoteError(f"a header block is no zlib data: {error}") from None
        if len(text) > limit:
            raise LimitError(f"a header block inflates to more than {limit} bytes")
        if self._stream.eof:
            raise RemoteError("a header block ends the connection's zlib stream")
        return tuple(_pairs(text, self._limits))


def _pairs(text: bytes, limits: HeaderLimits) -> Iterator[tuple[bytes, bytes]]:
    """Walk through an inflated block, and see that nothing follows it."""
    count, here = _number(text, 0)
    if count > limits.pairs:
        raise LimitError(f"a header block of {count} pairs; {limits.pairs} at most")
    for _ in range(count):
        name, here = _string(text, here, limits.name)
        value, here = _string(text, here, limits.value)
        yield name, value
    if here != len(text):
        raise RemoteError(f"{len(text) - here} bytes follow a header block's pairs")


def _string(text: bytes, here: int, limit: int) -> tuple[bytes, int]:
    """Return the string at *here*, of at most *limit* bytes, and where it ends."""
    length, begin = _number(text, here)
    if length > limit:
        raise LimitError(f"a header field of {length} bytes; {limit} at most")
    end = begin + length
    if end > len(text):
        raise RemoteError("a header block ends within a field")
    return text[begin:end], end


def _number(text: bytes, here: int) -> tuple[int, int]:
    """Return the number at *here*, and where it ends."""
    end = here + _WORD.size
    if end > len(text):
        raise RemoteError("a header block ends within a number")
    (number,) = _WORD.unpack_from(text, here)
    return number, end


class HeaderDeflater:
    """
    The sending end of one direction's zlib stream.

    It writes *stored* blocks (RFC 1951, section 3.2.4), as zlib does at level
    0: every inflater reads them, and nginx sent SPDY no other way unless told
    to.  Squeezing would save fifty bytes of a packet, and cost a context for
    each connection: 95 KiB with zlib's usual settings and six times the time,
    9 KiB and twice the time with its smallest.  Nor can anybody learn a secret
    header from a block's length (CRIME, CVE-2012-4929).

    What is left of the context is whether the stream has begun.
    """

    __slots__ = ("_begun",)

    def __init__(self) -> None:
        self._begun = False

    def deflate(self, headers: Headers) -> bytes:
        """
        Return the next block of the connection, which must be sent next.

        :param headers: may be empty: the answer of every Go server is.
        :raises LocalError: a name is not in lower case, is empty or repeated,
            over which a Go peer closes the connection; or 64 KiB are passed.
        """
        bad = bad_name(headers)
        if bad is not None:
            raise LocalError(f"a header may not be named {bad!r}")
        text = [_WORD.pack(len(headers))]
        for pair in headers:
            for field in pair:
                text += (_WORD.pack(len(field)), field)
        length = sum(map(len, text))
        if length > _MAX_STORED:
            raise LocalError(f"headers of {length} bytes; {_MAX_STORED} at most")
        head = b"" if self._begun else _STREAM_HEAD
        self._begun = True
        stored = _STORED.pack(0, length, length ^ _MAX_STORED)
        return b"".join((head, stored, *text, _SYNC))


def bad_name(headers: Headers) -> bytes | None:
    """
    Return the first name that the draft forbids, or nothing.

    A name must be in lower case, of some length, and there once (section
    2.6.10); several values are one, with a zero byte between them.
    """
    seen: set[bytes] = set()
    for name, _ in headers:
        if not name or name in seen or name != name.lower():
            return name
        seen.add(name)
    return None
