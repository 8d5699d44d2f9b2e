"""Tests for `spdygate.wire.http2data`: frames written, and frames read by themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis.strategies import integers, lists, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import RemoteError
from spdygate.wire import http2data as wire
from spdygate.wire.http2data import FrameSizeError

#: A busy machine is no failure.
UNHURRIED = hypothesis_settings(deadline=None)


def raw(kind: int, flags: int, stream_id: int, body: bytes = b"") -> bytes:
    """Write a frame as RFC 9113, section 4.1, draws it."""
    head = len(body).to_bytes(3, "big") + bytes([kind, flags])
    return head + stream_id.to_bytes(4, "big") + body


class WritingTests(SynchronousTestCase):
    """The frames we write ourselves."""

    def test_data(self) -> None:
        """Length, type 0, END_STREAM or not, stream (section 6.1)."""
        self.assertEqual(wire.data_header(5, 0x12345).hex(), "012345000000000005")
        self.assertEqual(wire.data_header(5, 0, True).hex(), "000000000100000005")

    def test_window_update(self) -> None:
        """Length 4, type 8, the increment (section 6.9)."""
        self.assertEqual(
            wire.window_update(3, 65536).hex(), "00000408000000000300010000"
        )

    def test_goaway(self) -> None:
        """Last stream, code, and the reason as debug data (section 6.8)."""
        self.assertEqual(
            wire.goaway(7, 11, "why").hex(),
            "00000b070000000000" + "00000007" + "0000000b" + b"why".hex(),
        )

    def test_goaway_words_are_bounded(self) -> None:
        """A long reason is cut, and what is not ASCII does no harm."""
        whole = wire.goaway(0, 0, "\u00e9" * 1000)
        self.assertEqual(len(whole), 9 + 8 + 200)

    def test_settings(self) -> None:
        """Sixteen bits of id, thirty-two of value (section 6.5.1)."""
        self.assertEqual(
            wire.settings([(4, 65536), (8, 1)]).hex(),
            "00000c040000000000" + "000400010000" + "000800000001",
        )

    @UNHURRIED
    @given(integers(0, 2**31 - 1), integers(0, 2**31 - 1))
    def test_window_update_round_trip(self, stream_id: int, increment: int) -> None:
        """What is written is read back."""
        whole = wire.window_update(stream_id, increment)
        self.assertEqual(wire.read_window_update(whole), increment)

    @UNHURRIED
    @given(integers(0, 2**31 - 1), integers(0, 2**32 - 1))
    def test_goaway_round_trip(self, last: int, code: int) -> None:
        """What is written is read back."""
        self.assertEqual(wire.read_goaway(wire.goaway(last, code)), (last, code))

    @UNHURRIED
    @given(lists(tuples(integers(0, 65535), integers(0, 2**32 - 1))))
    def test_settings_round_trip(self, entries: list[tuple[int, int]]) -> None:
        """What is written is read back."""
        self.assertEqual(wire.read_settings(wire.settings(entries)[9:]), entries)


class ReadingTests(SynchronousTestCase):
    """The frames we read ourselves."""

    def test_window_update_length(self) -> None:
        """Anything but four bytes is FRAME_SIZE_ERROR (section 6.9)."""
        for body in (b"", b"123", b"12345"):
            self.assertRaises(
                FrameSizeError, wire.read_window_update, raw(8, 0, 1, body)
            )

    def test_window_update_reserved_bit(self) -> None:
        """The top bit is reserved and ignored (section 6.9)."""
        whole = raw(8, 0, 1, bytes.fromhex("80000001"))
        self.assertEqual(wire.read_window_update(whole), 1)

    def test_goaway_too_short(self) -> None:
        """A GOAWAY without both fields is FRAME_SIZE_ERROR."""
        self.assertRaises(FrameSizeError, wire.read_goaway, raw(7, 0, 0, b"1234567"))

    def test_goaway_on_a_stream(self) -> None:
        """A GOAWAY concerns the connection (section 6.8)."""
        self.assertRaises(RemoteError, wire.read_goaway, raw(7, 0, 1, bytes(8)))

    def test_settings_length(self) -> None:
        """SETTINGS come in sixes (section 6.5)."""
        self.assertRaises(FrameSizeError, wire.read_settings, b"1234567")
