"""Tests for :mod:`spdygate.session.http1events`."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import binary, from_regex, lists, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LocalError
from spdygate.session.http1events import read_fields, write_fields

_NAMES = from_regex(rb"[a-z][a-z-]{0,9}", fullmatch=True)


class FieldsTests(SynchronousTestCase):
    """Headers, between h11 and us."""

    def test_read(self) -> None:
        """A value has one character for each byte, whatever the bytes mean."""
        self.assertEqual(
            read_fields([(b"a", b"b"), (b"c", "\u00e9".encode())]),
            (("a", "b"), ("c", "\u00c3\u00a9")),
        )

    @given(lists(tuples(_NAMES, binary(max_size=9)), max_size=4))
    def test_there_and_back(self, headers: list[tuple[bytes, bytes]]) -> None:
        """What was read is written as it was."""
        self.assertEqual(write_fields(read_fields(headers)), headers)

    def test_no_byte(self) -> None:
        """A character that no byte stands for is our own fault."""
        self.assertRaises(LocalError, write_fields, [("a", "\u20ac")])
        self.assertRaises(LocalError, write_fields, [("\u20ac", "a")])
