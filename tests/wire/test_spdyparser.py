"""Tests for :mod:`spdygate.wire.spdyparser`."""

import itertools
import tracemalloc
from collections.abc import Sequence

from hypothesis import given
from hypothesis.strategies import (
    SearchStrategy,
    binary,
    builds,
    integers,
    lists,
    one_of,
    sampled_from,
)
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LimitError, RemoteError
from spdygate.wire.spdyframes import (
    Goaway,
    Ping,
    RstStream,
    SynReply,
    SynStream,
)
from spdygate.wire.spdyparser import DataPiece, FrameParser
from tests.wire import captures
from tests.wire.byhand import control, data

PING = captures.PING

_TYPES = sampled_from((1, 2, 3, 4, 6, 7, 8, 9))
_BYTES = binary(max_size=24)
_FLAGS = integers(0, 255)

#: A frame, good or bad; now and then not even that.
FRAGMENTS: SearchStrategy[bytes] = one_of(
    builds(data, sampled_from((1, 3, 5)), _BYTES, sampled_from((0, 1, 2, 3))),
    builds(data, integers(0, 3), _BYTES, _FLAGS),
    sampled_from(captures.CLIENT + captures.SERVER),
    builds(control, sampled_from((5, 10, 0xFFFF)), _BYTES, _FLAGS),
    builds(control, sampled_from((2, 8)), _BYTES.map(b"\0\0\0\7".__add__)),
    builds(control, _TYPES, _BYTES, _FLAGS, sampled_from((3, 3, 3, 2))),
    _BYTES,
)


def seen(parser: FrameParser, slices: Sequence[bytes]) -> list[object]:
    """
    Feed the slices, and tell all that can be seen of it.

    Pieces of DATA are joined, for where they are cut is all that may differ.
    """
    told: list[object] = []
    for slice_ in slices:
        for found in parser.feed(slice_):
            last = told[-1] if told else None
            if not isinstance(found, DataPiece):
                told.append(found)
            elif (
                isinstance(last, DataPiece)
                and last.stream_id == found.stream_id
                and not last.finished
            ):
                whole = bytes(last.data) + bytes(found.data)
                told[-1] = DataPiece(found.stream_id, whole, found.finished)
            else:
                told.append(found._replace(data=bytes(found.data)))
    return [*told, parser.empty_frames, repr(parser.failed)]


def cut(stream: bytes, places: Sequence[int]) -> list[bytes]:
    """Cut the stream at these places, wherever they fall."""
    ends = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(ends)]


class CapturedTests(SynchronousTestCase):
    """A whole connection, as it was captured."""

    def test_kubectl(self) -> None:
        """Every frame that kubectl sent is there, in order, and nothing else."""
        get = captures.CLIENT[3][8:]
        opened = {
            n: SynStream(n, captures.CLIENT[index][18:])
            for n, index in ((1, 0), (3, 2), (5, 5), (7, 7))
        }
        parser = FrameParser()
        self.assertEqual(
            parser.feed(b"".join(captures.CLIENT)),
            [
                opened[1],
                DataPiece(1, b"", True),
                opened[3],
                DataPiece(3, get, True),
                opened[5],
                DataPiece(5, b"", True),
                opened[7],
                DataPiece(7, get, True),
                Goaway(0, 0),
            ],
        )
        self.assertIsNone(parser.failed)
        self.assertEqual(parser.empty_frames, 0)

    def test_as_spdystream_writes(self) -> None:
        """A frame that comes in writes of 2, 2, 4, 4, 4, 1, 1 and n bytes is whole."""
        frame = captures.CLIENT[0]
        slices = cut(frame, (2, 4, 8, 12, 16, 17, 18))
        parser = FrameParser()
        for slice_ in slices[:-1]:
            self.assertEqual(parser.feed(slice_), [])
        self.assertEqual(parser.feed(slices[-1]), [SynStream(1, frame[18:])])


class SliceTests(SynchronousTestCase):
    """It does not matter how the bytes come."""

    @given(lists(FRAGMENTS, max_size=8), lists(integers(0, 2**16), max_size=12))
    def test_any_split(self, fragments: list[bytes], places: list[int]) -> None:
        """Any bytes, in any slices, give the same; and they never raise."""
        stream = b"".join(fragments)
        self.assertEqual(
            seen(FrameParser(), cut(stream, places)), seen(FrameParser(), [stream])
        )

    @given(lists(FRAGMENTS, max_size=5))
    def test_byte_by_byte(self, fragments: list[bytes]) -> None:
        """The same, for the smallest slices there are."""
        stream = b"".join(fragments)
        slices = [bytes([byte]) for byte in stream]
        self.assertEqual(seen(FrameParser(), slices), seen(FrameParser(), [stream]))

    @given(lists(binary(max_size=100), max_size=4))
    def test_any_bytes(self, slices: list[bytes]) -> None:
        """Any bytes are frames or the peer's fault, and `feed` raises nothing."""
        parser = FrameParser()
        for slice_ in slices:
            parser.feed(slice_)
        self.assertIsInstance(parser.failed, RemoteError | None)

    def test_empty_read(self) -> None:
        """A read of no bytes changes nothing, wherever it comes."""
        parser = FrameParser()
        for byte in PING[:-1]:
            self.assertEqual(parser.feed(bytes([byte])), [])
            self.assertEqual(parser.feed(b""), [])
        self.assertEqual(parser.feed(PING[-1:]), [Ping(1)])


class ControlTests(SynchronousTestCase):
    """Draft, section 2.2.1."""

    def test_between_data(self) -> None:
        """Control frames come out where they stood."""
        stream = data(1, b"a") + captures.RST_STREAM + data(1, b"b") + PING
        self.assertEqual(
            FrameParser().feed(stream),
            [
                DataPiece(1, b"a", False),
                RstStream(1, 5),
                DataPiece(1, b"b", False),
                Ping(1),
            ],
        )

    def test_limit(self) -> None:
        """A body at the limit is gathered; one byte more and the header is the end."""
        largest = control(2, b"\0\0\0\1" + bytes(96))
        self.assertEqual(FrameParser(100).feed(largest), [SynReply(1, bytes(96))])
        parser = FrameParser(100)
        self.assertEqual(parser.feed(control(2, bytes(101))[:8]), [])
        self.assertIsInstance(parser.failed, LimitError)

    def test_limit_holds_no_memory(self) -> None:
        """A peer that announces 16 MiB of header block gets nothing for it."""
        parser = FrameParser()
        parser.feed(bytes.fromhex("80030001 00ffffff"))
        self.assertIsInstance(parser.failed, LimitError)

    def test_unknown_types(self) -> None:
        """NOOP, CREDENTIAL and types yet unheard of are left out, and counted."""
        parser = FrameParser()
        for frame_type in (0, 5, 10, 11, 0xFFFF):
            stream = control(frame_type, b"body") + control(frame_type, b"") + PING
            self.assertEqual(parser.feed(stream), [Ping(1)])
        self.assertEqual(parser.empty_frames, 10)

    def test_unknown_type_is_not_gathered(self) -> None:
        """A frame that is left out may be of 16 MiB, and nothing of it is kept."""
        parser = FrameParser()
        read = bytes(65536)
        parser.feed(bytes.fromhex("8003000a 00ffffff"))
        tracemalloc.start()
        try:
            for _ in range(255):
                parser.feed(read)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertLess(peak, 65536)
        self.assertEqual(parser.feed(read[1:] + PING), [Ping(1)])

    def test_other_version(self) -> None:
        """A control frame of SPDY/2 or of anything else ends the connection."""
        for version in (0, 2, 4, 0x7FFF):
            for frame_type in (0, 6):
                parser = FrameParser()
                frame = control(frame_type, bytes(4), version=version)
                self.assertEqual(parser.feed(frame), [])
                self.assertIn(f"version {version},", str(parser.failed))


class FailureTests(SynchronousTestCase):
    """What the peer does wrong is the end, but not of what it did before."""

    def test_nothing_is_lost(self) -> None:
        """What stood before the mistake is returned, and the mistake is kept."""
        parser = FrameParser()
        bad = control(7, bytes(4))
        found = parser.feed(PING + data(1, b"a") + bad + PING)
        self.assertEqual(found, [Ping(1), DataPiece(1, b"a", False)])
        self.assertEqual(str(parser.failed), "GOAWAY of 4 bytes, not 8")

    def test_nothing_comes_after(self) -> None:
        """No later read gives anything, and the first mistake remains the reason."""
        parser = FrameParser()
        parser.feed(control(7, bytes(4)))
        failed = parser.failed
        self.assertEqual(parser.feed(PING), [])
        self.assertEqual(parser.feed(control(6, b"", version=2)), [])
        self.assertIs(parser.failed, failed)

    def test_settings_flood(self) -> None:
        """A SETTINGS count of four milliards in twelve bytes (CVE-2026-35469)."""
        parser = FrameParser()
        self.assertEqual(parser.feed(control(4, b"\xff\xff\xff\xff" + bytes(8))), [])
        self.assertIsInstance(parser.failed, RemoteError)

    def test_http_instead(self) -> None:
        """An HTTP answer where frames belong is DATA of no stream we have."""
        parser = FrameParser()
        (piece,) = parser.feed(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        assert isinstance(piece, DataPiece)
        self.assertEqual(piece.stream_id, int.from_bytes(b"HTTP"))
