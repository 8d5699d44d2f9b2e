"""Tests for :mod:`spdygate.wire.dictionary`."""

import zlib

from twisted.trial.unittest import SynchronousTestCase

from spdygate.wire.dictionary import DICTIONARY, DICTIONARY_ID
from tests.wire.captures import CLIENT


class DictionaryTests(SynchronousTestCase):
    """Draft, section 2.6.10.1."""

    def test_it_is_the_one(self) -> None:
        """The 1423 bytes came with us whole, from the first word to the last."""
        self.assertEqual(len(DICTIONARY), 1423)
        self.assertTrue(DICTIONARY.startswith(b"\x00\x00\x00\x07options"))
        self.assertTrue(DICTIONARY.endswith(b",enq=0."))

    def test_its_name_is_its_checksum(self) -> None:
        """The number that names it in a zlib stream is its Adler-32."""
        self.assertEqual(zlib.adler32(DICTIONARY), DICTIONARY_ID)

    def test_kubectl_has_the_same(self) -> None:
        """A captured stream names this dictionary behind its two-byte header."""
        block = CLIENT[0][18:]
        self.assertEqual(block[2:6], DICTIONARY_ID.to_bytes(4))
