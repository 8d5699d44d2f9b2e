"""Tests for :mod:`spdygate.wire.spdyframeheader`."""

import struct

from hypothesis import given
from hypothesis.strategies import booleans, integers
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LocalError, RemoteError
from spdygate.wire.spdyframeheader import (
    MAX_LENGTH,
    control_frame,
    data_header,
    first_numbers,
    numbers,
    real_stream,
)

_TWO = struct.Struct(">LL")


class DataHeaderTests(SynchronousTestCase):
    """Draft, section 2.2.2."""

    def test_as_captured(self) -> None:
        """The header is what kubectl writes before a payload, and to finish."""
        self.assertEqual(data_header(3, 79, False).hex(), "000000030000004f")
        self.assertEqual(data_header(3, 0, True).hex(), "0000000301000000")

    def test_longest(self) -> None:
        """A payload of 2**24 - 1 bytes fits, and one byte more is our mistake."""
        self.assertEqual(data_header(1, MAX_LENGTH, True).hex(), "0000000101ffffff")
        self.assertRaises(LocalError, data_header, 1, MAX_LENGTH + 1, False)

    @given(integers(1, 2**31 - 1), integers(0, MAX_LENGTH), booleans())
    def test_fields(self, stream_id: int, length: int, finished: bool) -> None:
        """Every field is in its own bits, and the control bit is clear."""
        header = data_header(stream_id, length, finished)
        self.assertEqual(
            header, stream_id.to_bytes(4) + bytes([finished]) + length.to_bytes(3)
        )


class ControlFrameTests(SynchronousTestCase):
    """Draft, section 2.2.1."""

    def test_bytes(self) -> None:
        """Control bit and version, type, flags, length of the body, the body."""
        self.assertEqual(control_frame(6, 2, b"body").hex(), "8003000602000004626f6479")

    def test_longest(self) -> None:
        """A body whose length does not fit its 24 bits is our mistake."""
        self.assertRaises(LocalError, control_frame, 1, 0, bytes(MAX_LENGTH + 1))


class BodyTests(SynchronousTestCase):
    """The numbers that control frames begin with."""

    def test_numbers_are_all_there_is(self) -> None:
        """A body of fixed length may be neither shorter nor longer."""
        self.assertEqual(numbers("X", _TWO, bytes([0, 0, 0, 1] * 2)), (1, 1))
        for length in (0, 4, 7, 9, 12):
            self.assertRaises(RemoteError, numbers, "X", _TWO, bytes(length))

    def test_first_numbers(self) -> None:
        """A body that begins with numbers may be longer, but not shorter."""
        self.assertEqual(first_numbers("X", _TWO, bytes(9)), (0, 0))
        for length in (0, 4, 7):
            self.assertRaises(RemoteError, first_numbers, "X", _TWO, bytes(length))

    def test_the_message_names_the_frame(self) -> None:
        """Whoever reads the log learns which frame was wrong, and how."""
        error = self.assertRaises(RemoteError, numbers, "GOAWAY", _TWO, bytes(4))
        self.assertEqual(str(error), "GOAWAY of 4 bytes, not 8")

    def test_real_stream(self) -> None:
        """The reserved bit is masked off, and what is left is not 0."""
        self.assertEqual(real_stream("X", 0x8000_0005), 5)
        self.assertRaises(RemoteError, real_stream, "X", 0x8000_0000)
