"""Tests for :mod:`spdygate.wire.gotext`."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis.strategies import binary, integers, text
from twisted.trial.unittest import SynchronousTestCase

from spdygate.wire.gotext import NotUint, parse_uint, quote

#: What Go 1.26 printed: ``fmt.Printf("%q", value)``.
QUOTED = {
    b"abc": '"abc"',
    b"": '""',
    b'a"b\\': r'"a\"b\\"',
    b"\x00\x1b\x7f": r'"\x00\x1b\x7f"',
    b"\a\b\f\n\r\t\v": r'"\a\b\f\n\r\t\v"',
    "\u0663 \u00e9 \U0001f600".encode(): '"\u0663 \u00e9 \U0001f600"',
    "\u00a0\u200b\U000e0001".encode(): r'"\u00a0\u200b\U000e0001"',
    b"\xff\xed\xa0\x80": r'"\xff\xed\xa0\x80"',
}

#: What Go 1.26 made of ``strconv.ParseUint(value, 10, 16)`` that is no number.
NOT_16_BITS = {
    b"abc": 'parsing "abc": invalid syntax',
    b"": 'parsing "": invalid syntax',
    b"-1": 'parsing "-1": invalid syntax',
    b"+80": 'parsing "+80": invalid syntax',
    b" 80": 'parsing " 80": invalid syntax',
    b"1_0": 'parsing "1_0": invalid syntax',
    b"6553x": 'parsing "6553x": invalid syntax',
    b"65536x": 'parsing "65536x": value out of range',
    b"65536": 'parsing "65536": value out of range',
    b"9" * 26: f'parsing "{"9" * 26}": value out of range',
    "\u0663".encode(): 'parsing "\u0663": invalid syntax',
}


class QuoteTests(SynchronousTestCase):
    """Go's ``%q``."""

    def test_as_go_does(self) -> None:
        """Values look as Go prints them."""
        for value, expected in QUOTED.items():
            with self.subTest(value):
                self.assertEqual(quote(value), expected)

    def test_long(self) -> None:
        """Of a long value only the beginning is shown."""
        self.assertEqual(quote(b"x" * 257), f'"{"x" * 256}..."')
        self.assertEqual(quote(b"x" * 256), f'"{"x" * 256}"')

    @given(binary())
    def test_any_bytes(self, value: bytes) -> None:
        """Whatever comes, what is shown is one printable line of UTF-8."""
        shown = quote(value)
        self.assertTrue(shown.isprintable())
        shown.encode("utf-8")

    @given(text(alphabet="abc-./\u00e9\u4e16", max_size=60))
    def test_harmless(self, value: str) -> None:
        """What needs no escape has none."""
        self.assertEqual(quote(value.encode()), f'"{value}"')


class ParseUintTests(SynchronousTestCase):
    """Go's ``strconv.ParseUint``."""

    def test_refusals(self) -> None:
        """What is no number of 16 bits is refused in Go's words."""
        for value, words in NOT_16_BITS.items():
            with self.subTest(value):
                error = self.assertRaises(NotUint, parse_uint, value, 65535)
                self.assertEqual(str(error), f"strconv.ParseUint: {words}")

    def test_leading_zeros(self) -> None:
        """Zeros in front do not matter, however many there are."""
        self.assertEqual(parse_uint(b"0000080", 65535), 80)
        self.assertEqual(parse_uint(b"0" * 100_000 + b"1", 65535), 1)
        self.assertEqual(parse_uint(b"000", 65535), 0)

    @given(integers(0, 65535))
    def test_numbers(self, number: int) -> None:
        """Every number of 16 bits is read."""
        self.assertEqual(parse_uint(str(number).encode(), 65535), number)

    @given(binary())
    def test_any_bytes(self, value: bytes) -> None:
        """Any bytes are a number in range or refused."""
        with contextlib.suppress(NotUint):
            self.assertLessEqual(parse_uint(value, 65535), 65535)
