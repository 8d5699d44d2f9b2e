"""Tests for :mod:`spdygate.wire.spdyframes`."""

import contextlib
from dataclasses import FrozenInstanceError

from hypothesis import given
from hypothesis.strategies import (
    SearchStrategy,
    binary,
    booleans,
    builds,
    integers,
    one_of,
    sampled_from,
)
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import RemoteError
from spdygate.wire.spdyframes import (
    READERS,
    Frame,
    Goaway,
    HeadersFrame,
    Ping,
    RstStream,
    Settings,
    SynReply,
    SynStream,
    WindowUpdate,
    unpack,
)
from tests.wire import captures
from tests.wire.test_spdysettings import ENTRIES

_STREAMS = integers(1, 2**31 - 1)
_NUMBERS = integers(0, 2**31 - 1)
_WORDS = integers(0, 2**32 - 1)
_BLOCKS = binary(max_size=64)
_FLAGS = booleans()

FRAMES: SearchStrategy[Frame] = one_of(
    builds(
        SynStream,
        _STREAMS,
        _BLOCKS,
        _FLAGS,
        _FLAGS,
        _NUMBERS,
        integers(0, 7),
        integers(0, 255),
    ),
    builds(SynReply, _STREAMS, _BLOCKS, _FLAGS),
    builds(RstStream, _STREAMS, _WORDS),
    builds(Settings, ENTRIES, _FLAGS),
    builds(Ping, _WORDS),
    builds(Goaway, _NUMBERS, _WORDS),
    builds(HeadersFrame, _STREAMS, _BLOCKS, _FLAGS),
    builds(WindowUpdate, _NUMBERS, _STREAMS),
)

#: Every frame with all its fields in use, beside bytes written by hand.
WRITTEN: tuple[tuple[Frame, str], ...] = (
    (
        SynStream(5, b"block", True, True, 1, 3, 9),
        "80030001 0300000f 00000005 00000001 6009626c 6f636b",
    ),
    (SynReply(5, b"block", True), "80030002 01000009 00000005 626c6f63 6b"),
    (RstStream(5, 11), "80030003 00000008 00000005 0000000b"),
    (Settings((), True), "80030004 01000004 00000000"),
    (Ping(0xFFFF_FFFF), "80030006 00000004 ffffffff"),
    (Goaway(7, 2), "80030007 00000008 00000007 00000002"),
    (HeadersFrame(5, b"block", True), "80030008 01000009 00000005 626c6f63 6b"),
    (WindowUpdate(0, 65536), "80030009 00000008 00000000 00010000"),
)


def read(packed: bytes) -> Frame:
    """Take a whole control frame apart by hand, and read it."""
    return unpack(int.from_bytes(packed[2:4]), packed[4], packed[8:])


class FrameTests(SynchronousTestCase):
    """Promises that every frame keeps."""

    def test_bytes_on_the_wire(self) -> None:
        """Each frame is written as the draft draws it."""
        for frame, written in WRITTEN:
            self.assertEqual(frame.pack().hex(" ", -4), written, repr(frame))

    def test_every_type_was_written(self) -> None:
        """No frame that can be read is left out of the test above."""
        self.assertEqual(sorted(READERS), sorted(frame.TYPE for frame, _ in WRITTEN))

    @given(FRAMES)
    def test_round_trip(self, frame: Frame) -> None:
        """Unpacking a packed frame gives the frame back, and of the same kind."""
        self.assertEqual(read(frame.pack()), frame)

    @given(sampled_from(sorted(READERS)), integers(0, 255), binary(max_size=40))
    def test_any_bytes(self, frame_type: int, flags: int, body: bytes) -> None:
        """Any body is either a frame or the peer's fault, never a crash."""
        with contextlib.suppress(RemoteError):
            frame = unpack(frame_type, flags, body)
            self.assertEqual(frame.TYPE, frame_type)

    def test_values(self) -> None:
        """A frame cannot be changed, and none is equal to another kind's."""
        frame = SynReply(1, b"")
        self.assertRaises(FrozenInstanceError, setattr, frame, "stream_id", 3)
        self.assertNotEqual(frame, HeadersFrame(1, b""))


class CapturedTests(SynchronousTestCase):
    """What kubectl and cri-streaming wrote."""

    def test_frames(self) -> None:
        """Captured frames have the fields that a packet dump showed for them."""
        opened, replied = captures.CLIENT[0], captures.SERVER[0]
        self.assertEqual(read(opened), SynStream(1, opened[18:]))
        self.assertEqual(read(replied), SynReply(1, replied[12:]))
        self.assertEqual(read(captures.CLIENT[-1]), Goaway(0, 0))
        self.assertEqual(read(captures.PING), Ping(1))
        self.assertEqual(read(captures.RST_STREAM), RstStream(1, 5))

    def test_written_the_same(self) -> None:
        """Packing what was captured gives the captured bytes."""
        control = [
            frame
            for frame in captures.CLIENT + captures.SERVER
            if frame.startswith(b"\x80\x03")
        ]
        self.assertEqual(len(control), 9)
        for frame in control:
            self.assertEqual(read(frame).pack(), frame)


class MalformedTests(SynchronousTestCase):
    """Bodies that could be understood in two ways, or in none."""

    def test_lengths(self) -> None:
        """A body of fixed length must have it; SPDY/2's short GOAWAY has not."""
        for frame_type, length in ((3, 8), (6, 4), (7, 8), (9, 8)):
            for wrong in (0, length - 1, length + 1, length - 4, length + 4):
                body = b"\x01" * wrong
                self.assertRaises(RemoteError, unpack, frame_type, 0, body)

    def test_no_room_for_a_block(self) -> None:
        """A body that ends before its header block begins is refused."""
        for frame_type, length in ((1, 10), (2, 4), (8, 4)):
            self.assertRaises(
                RemoteError, unpack, frame_type, 0, b"\x01" * (length - 1)
            )

    def test_stream_0(self) -> None:
        """Frames about a stream are refused for stream 0, reserved bit or not."""
        for frame_type, rest in ((1, 6), (2, 0), (3, 4), (8, 0)):
            for top in (0x00, 0x80):
                body = bytes([top, 0, 0, 0]) + b"\x01" * rest
                self.assertRaises(RemoteError, unpack, frame_type, 0, body)

    def test_zero_grant(self) -> None:
        """A WINDOW_UPDATE of nothing is refused, reserved bit or not (2.6.8)."""
        for delta in (0, 0x8000_0000):
            body = (1).to_bytes(4) + delta.to_bytes(4)
            self.assertRaises(RemoteError, unpack, 9, 0, body)


class LenientTests(SynchronousTestCase):
    """What has no meaning is left out."""

    def test_reserved_bits(self) -> None:
        """The top bit of 31-bit numbers and the bits behind a priority are ignored."""
        ones = b"\xff\xff\xff\xff"
        top = 2**31 - 1
        self.assertEqual(
            unpack(1, 0, ones * 2 + b"\x3f\x00"),
            SynStream(top, b"", False, False, top, 1),
        )
        self.assertEqual(unpack(3, 0, ones * 2), RstStream(top, 2**32 - 1))
        self.assertEqual(unpack(7, 0, ones * 2), Goaway(top, 2**32 - 1))
        self.assertEqual(unpack(9, 0, ones * 2), WindowUpdate(top, top))

    def test_flags(self) -> None:
        """Flags without a meaning change nothing."""
        for frame, _ in WRITTEN:
            packed = bytearray(frame.pack())
            packed[4] |= 0xFC
            self.assertEqual(read(bytes(packed)), frame)
        self.assertEqual(unpack(6, 0xFF, bytes([0, 0, 0, 1])), Ping(1))

    def test_reasons(self) -> None:
        """A stream may be given up for a reason that is unknown, or missing."""
        for status in (0, 12, 2**32 - 1):
            body = (1).to_bytes(4) + status.to_bytes(4)
            self.assertEqual(unpack(3, 0, body), RstStream(1, status))
