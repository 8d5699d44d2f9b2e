"""Tests for :mod:`spdygate.wire.headerblock`."""

import contextlib
import tracemalloc
import zlib

from hypothesis import given
from hypothesis.strategies import SearchStrategy, binary, integers, lists, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LimitError, RemoteError
from spdygate.wire.dictionary import DICTIONARY
from spdygate.wire.headerblock import HeaderInflater, HeaderLimits, Headers
from tests.wire import captures
from tests.wire.byhand import field, plain

#: Any pairs within the limits.
ANY_HEADERS: SearchStrategy[Headers] = lists(
    tuples(binary(max_size=40), binary(max_size=300)), max_size=20
).map(tuple)


class Peer:
    """The zlib stream of a peer, as any other program would write it."""

    def __init__(self, level: int = 9, window: int = 15) -> None:
        """Begin a stream with the dictionary."""
        self._stream = zlib.compressobj(level, zlib.DEFLATED, window, 8, 0, DICTIONARY)

    def block(self, text: bytes, flush: int = zlib.Z_SYNC_FLUSH) -> bytes:
        """Compress the text of the next block."""
        return self._stream.compress(text) + self._stream.flush(flush)


def inflate(text: bytes, limits: HeaderLimits | None = None) -> Headers:
    """Have a first block read, whose text is *text*."""
    return HeaderInflater(limits or HeaderLimits()).inflate(Peer().block(text))


class InflaterTests(SynchronousTestCase):
    """Draft, section 2.6.10."""

    def test_kubectl(self) -> None:
        """The blocks of a captured client are read, each after those before it."""
        inflater = HeaderInflater(HeaderLimits())
        blocks = [
            frame[18:] for frame in captures.CLIENT if frame[:4] == b"\x80\x03\0\1"
        ]
        error, data = (b"streamtype", b"error"), (b"streamtype", b"data")
        port, first, second = (
            (b"port", b"9001"),
            (b"requestid", b"0"),
            (b"requestid", b"1"),
        )
        self.assertEqual(
            [inflater.inflate(block) for block in blocks],
            [
                (error, port, first),
                (port, first, data),
                (error, port, second),
                (data, port, second),
            ],
        )

    def test_cri_streaming(self) -> None:
        """The empty blocks of a captured server are read."""
        inflater = HeaderInflater(HeaderLimits())
        blocks = [
            frame[12:] for frame in captures.SERVER if frame[:4] == b"\x80\x03\0\2"
        ]
        self.assertEqual([inflater.inflate(block) for block in blocks], [()] * 4)

    @given(lists(ANY_HEADERS, max_size=4), integers(0, 9), integers(9, 15))
    def test_any_peer(self, blocks: list[Headers], level: int, window: int) -> None:
        """Whatever a peer's zlib is set to, its blocks are read in order."""
        peer, inflater = Peer(level, window), HeaderInflater(HeaderLimits())
        for headers in blocks:
            block = peer.block(plain(headers))
            self.assertEqual(inflater.inflate(block), headers)

    def test_other_flush(self) -> None:
        """Z_PARTIAL_FLUSH will do for us, though not for a Go peer."""
        peer, inflater = Peer(), HeaderInflater(HeaderLimits())
        headers = ((b"port", b"80"),)
        for _ in range(3):
            block = peer.block(plain(headers), zlib.Z_PARTIAL_FLUSH)
            self.assertEqual(inflater.inflate(block), headers)

    @given(lists(binary(max_size=80), max_size=3))
    def test_any_bytes(self, blocks: list[bytes]) -> None:
        """Any block is either headers or the peer's fault, never a crash."""
        inflater = HeaderInflater(HeaderLimits())
        with contextlib.suppress(RemoteError):
            for block in blocks:
                inflater.inflate(block)

    @given(binary(max_size=80))
    def test_any_text(self, text: bytes) -> None:
        """The same, for what is hidden in valid zlib data."""
        with contextlib.suppress(RemoteError):
            headers = inflate(text)
            self.assertEqual(plain(headers), text)


class MalformedTests(SynchronousTestCase):
    """Blocks that have no reading: the context is lost, and so is the session."""

    def test_truncated(self) -> None:
        """A text that ends anywhere before its end is refused."""
        text = plain(((b"port", b"9001"), (b"", b"")))
        for end in range(len(text)):
            self.assertRaises(RemoteError, inflate, text[:end])

    def test_trailing(self) -> None:
        """A byte behind the last pair is refused."""
        self.assertRaises(RemoteError, inflate, plain(((b"port", b"9001"),)) + b"\0")

    def test_nothing(self) -> None:
        """A block of no bytes has not even a count."""
        self.assertRaises(RemoteError, HeaderInflater(HeaderLimits()).inflate, b"")

    def test_end_of_stream(self) -> None:
        """A block that ends the connection's zlib stream is refused, at once."""
        block = Peer().block(plain(()), zlib.Z_FINISH)
        inflater = HeaderInflater(HeaderLimits())
        self.assertRaises(RemoteError, inflater.inflate, block)

    def test_other_dictionary(self) -> None:
        """A stream that asks for another dictionary cannot be read."""
        peer = zlib.compressobj(9, zlib.DEFLATED, 15, 8, 0, b"of SPDY/2")
        block = peer.compress(plain(())) + peer.flush(zlib.Z_SYNC_FLUSH)
        inflater = HeaderInflater(HeaderLimits())
        self.assertRaises(RemoteError, inflater.inflate, block)

    def test_missed_block(self) -> None:
        """Whoever leaves a block out cannot read the next: hence rule 1."""
        inflater = HeaderInflater(HeaderLimits())
        self.assertRaises(RemoteError, inflater.inflate, captures.CLIENT[2][18:])


class LimitTests(SynchronousTestCase):
    """What a peer may make us hold."""

    def test_bomb(self) -> None:
        """
        64 MiB of zeros, sent as 64 KiB, cost no more than the limit.

        CVE-2026-43970.  The reader's own buffers come on top, hence the factor.
        """
        bomb = Peer().block(bytes(1 << 26))
        self.assertLess(len(bomb), 70_000)
        inflater = HeaderInflater(HeaderLimits())
        tracemalloc.start()
        try:
            self.assertRaises(LimitError, inflater.inflate, bomb)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertLess(peak, 6 * HeaderLimits().block)

    def test_huge_numbers(self) -> None:
        """Counts and lengths past any sense are refused unread (CVE-2026-35469)."""
        huge = b"\xff\xff\xff\xff"
        one = b"\x00\x00\x00\x01"
        for text in (huge, one + huge, one + field(b"port") + huge):
            self.assertRaises(LimitError, inflate, text)
            self.assertRaises(LimitError, inflate, text + bytes(64))

    def test_each_limit(self) -> None:
        """What just fits is read, and one more is over."""
        limits = HeaderLimits(block=100, pairs=3, name=10, value=20)
        for fits, over in (
            (((b"a", b""),) * 3, ((b"a", b""),) * 4),
            (((b"n" * 10, b""),), ((b"n" * 11, b""),)),
            (((b"", b"v" * 20),), ((b"", b"v" * 21),)),
            # 4 of count, 8 for each pair: 28 bytes around 72 and 73 of fields.
            (
                ((b"n" * 10, b"v" * 20), (b"n" * 10, b"v" * 20), (b"n" * 7, b"v" * 5)),
                ((b"n" * 10, b"v" * 20), (b"n" * 10, b"v" * 20), (b"n" * 7, b"v" * 6)),
            ),
        ):
            self.assertEqual(inflate(plain(fits), limits), fits)
            self.assertRaises(LimitError, inflate, plain(over), limits)

    def test_usual_limits(self) -> None:
        """The limits that nobody chose are those of the documentation."""
        fits = ((b"n" * 256, b"v" * 16384),) * 3 + ((b"", b""),) * 125
        self.assertEqual(inflate(plain(fits)), fits)
        for over in (
            ((b"", b""),) * 129,
            ((b"n" * 257, b""),),
            ((b"", b"v" * 16385),),
            ((b"", b"v" * 16384),) * 4,
        ):
            self.assertRaises(LimitError, inflate, plain(over))
