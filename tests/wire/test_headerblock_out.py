"""Tests for :mod:`spdygate.wire.headerblock`: what we send."""

import tracemalloc
import zlib

from hypothesis import given
from hypothesis.strategies import (
    SearchStrategy,
    binary,
    lists,
    sampled_from,
    text,
    tuples,
)
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LocalError
from spdygate.wire.dictionary import DICTIONARY
from spdygate.wire.headerblock import (
    HeaderDeflater,
    HeaderInflater,
    HeaderLimits,
    Headers,
    bad_name,
)
from tests.wire.byhand import plain

#: Pairs that we would send.
OUR_HEADERS: SearchStrategy[Headers] = lists(
    tuples(
        text("abcdefghijklmnopqrstuvwxyz-:0123456789", min_size=1, max_size=20).map(
            str.encode
        ),
        binary(max_size=300),
    ),
    max_size=20,
    unique_by=lambda pair: pair[0],
).map(tuple)


class DeflaterTests(SynchronousTestCase):
    """Draft, section 2.6.10.1: one stream, flushed after each block."""

    def test_first_bytes(self) -> None:
        """A stream begins with a zlib header that names the dictionary."""
        block = HeaderDeflater().deflate(())
        method, flags = block[0], block[1]
        self.assertEqual(method & 0x0F, zlib.DEFLATED)
        self.assertEqual((method << 8 | flags) % 31, 0)
        self.assertTrue(flags & 0x20)
        self.assertEqual(block[2:6].hex(), "e3c6a7c2")

    def test_bytes_on_the_wire(self) -> None:
        """A stored block and an empty one, as RFC 1951 draws them, no more."""
        deflater = HeaderDeflater()
        empty = "00 0400 fbff 00000000  00 0000 ffff"
        self.assertEqual(deflater.deflate(()), bytes.fromhex("783f e3c6a7c2" + empty))
        self.assertEqual(deflater.deflate(()), bytes.fromhex(empty))
        self.assertEqual(
            deflater.deflate(((b"port", b"80"),)),
            bytes.fromhex(
                "00 1200 edff00000001  00000004 706f7274  00000002 383000 0000 ffff"
            ),
        )

    @given(lists(OUR_HEADERS, max_size=5))
    def test_any_inflater(self, blocks: list[Headers]) -> None:
        """Zlib reads all our blocks in order, and has the whole of each."""
        deflater, reader = HeaderDeflater(), zlib.decompressobj(zdict=DICTIONARY)
        for headers in blocks:
            text = reader.decompress(deflater.deflate(headers))
            self.assertEqual(text, plain(headers))
            self.assertFalse(reader.eof)

    @given(lists(OUR_HEADERS, max_size=5))
    def test_round_trip(self, blocks: list[Headers]) -> None:
        """Our own inflater gives the headers back."""
        deflater, inflater = HeaderDeflater(), HeaderInflater(HeaderLimits())
        for headers in blocks:
            self.assertEqual(inflater.inflate(deflater.deflate(headers)), headers)

    def test_no_memory(self) -> None:
        """Nothing of a block is kept: a thousand idle connections cost nothing."""
        tracemalloc.start()
        try:
            deflater = HeaderDeflater()
            deflater.deflate(((b"port", b"8" * 16384),))
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertLess(held, 1024)

    def test_longest(self) -> None:
        """A stored block holds 65535 bytes; headers that do not fit are our mistake."""
        most = ((b"x", b"v" * (65535 - 13)),)
        reader = zlib.decompressobj(zdict=DICTIONARY)
        self.assertEqual(reader.decompress(HeaderDeflater().deflate(most)), plain(most))
        more = ((b"x", most[0][1] + b"v"),)
        self.assertRaises(LocalError, HeaderDeflater().deflate, more)

    def test_bad_names(self) -> None:
        """A name that kills a Go peer is our mistake, and the stream is unharmed."""
        deflater = HeaderDeflater()
        for name in (b"Port", b""):
            self.assertRaises(LocalError, deflater.deflate, ((name, b"80"),))
        self.assertTrue(deflater.deflate(()).startswith(b"\x78\x3f"))


class BadNameTests(SynchronousTestCase):
    """Draft, section 2.6.10: lower case, some length, once."""

    def test_good(self) -> None:
        """Port-forward's names are good, and so is no name at all."""
        self.assertIsNone(bad_name(()))
        self.assertIsNone(bad_name(((b"port", b"80"), (b"streamtype", b"Data"))))
        self.assertIsNone(bad_name(((b":path", b"/"), (b"\xc3\x84", b""))))

    @given(sampled_from((b"Port", b"porT", b"")))
    def test_bad(self, name: bytes) -> None:
        """An upper-case letter anywhere is bad, and so is an empty name."""
        self.assertEqual(bad_name(((b"port", b""), (name, b""), (b"X", b""))), name)

    def test_repeated(self) -> None:
        """A name that comes again is bad, whatever its values are."""
        self.assertEqual(bad_name(((b"a", b"1"), (b"b", b"1"), (b"a", b"1"))), b"a")
