"""Tests for :mod:`spdygate.wire.spdyparser`: what becomes of DATA."""

import tracemalloc

from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import RemoteError
from spdygate.wire.spdyframes import Ping
from spdygate.wire.spdyparser import DataPiece, FrameParser
from tests.wire.byhand import data
from tests.wire.captures import PING


class DataTests(SynchronousTestCase):
    """Draft, section 2.2.2."""

    def test_pieces(self) -> None:
        """A frame that comes in three reads gives three pieces; only the last ends it."""
        parser = FrameParser()
        frame = data(1, b"abcdef", flags=1)
        self.assertEqual(parser.feed(frame[:9]), [DataPiece(1, b"a", False)])
        self.assertEqual(parser.feed(frame[9:11]), [DataPiece(1, b"bc", False)])
        self.assertEqual(
            parser.feed(frame[11:] + PING), [DataPiece(1, b"def", True), Ping(1)]
        )

    def test_not_finished(self) -> None:
        """Without FLAG_FIN not even the last piece ends the stream."""
        parser = FrameParser()
        frame = data(1, b"ab", flags=0)
        pieces = parser.feed(frame[:9]) + parser.feed(frame[9:])
        self.assertEqual(pieces, [DataPiece(1, b"a", False), DataPiece(1, b"b", False)])

    def test_header_alone(self) -> None:
        """A header whose payload has not come gives no empty piece."""
        parser = FrameParser()
        frame = data(1, b"a", flags=1)
        self.assertEqual(parser.feed(frame[:8]), [])
        self.assertEqual(parser.feed(frame[8:]), [DataPiece(1, b"a", True)])

    def test_no_copy(self) -> None:
        """A payload is a view into what was fed, whole frame or piece of one."""
        parser = FrameParser()
        whole, broken = data(1, bytes(1000)), data(3, bytes(1000))
        for read in (whole + broken[:500], broken[500:] + whole):
            for piece in parser.feed(read):
                assert isinstance(piece, DataPiece)
                assert isinstance(piece.data, memoryview)
                self.assertIs(piece.data.obj, read)

    def test_joined(self) -> None:
        """Frames of one stream, one behind the other, are one piece."""
        frames = [data(1, b"abc"), data(1, b"de"), data(1, b"f")]
        found = FrameParser().feed(b"".join(frames))
        self.assertEqual(found, [DataPiece(1, b"abcdef", False)])

    def test_joined_with_the_end(self) -> None:
        """An empty frame that ends the stream only ends the piece before it."""
        found = FrameParser().feed(data(1, b"abc") + data(1, b"", flags=1))
        self.assertEqual(found, [DataPiece(1, b"abc", True)])

    def test_not_joined(self) -> None:
        """Neither another stream's, nor what is behind a control frame or an end."""
        frames = [data(1, b"a"), data(3, b"b"), data(1, b"c"), PING, data(1, b"d")]
        ended = [data(1, b"e", flags=1), data(1, b"f")]
        found = FrameParser().feed(b"".join([*frames, *ended]))
        pieces = [
            *(DataPiece(1, b"a", False), DataPiece(3, b"b", False)),
            *(DataPiece(1, b"c", False), Ping(1)),
            *(DataPiece(1, b"de", True), DataPiece(1, b"f", False)),
        ]
        self.assertEqual(found, pieces)

    def test_largest_frame(self) -> None:
        """A frame of 16 MiB is passed on as it comes, and nothing of it is kept."""
        parser = FrameParser()
        read = bytes(65536)
        self.assertEqual(parser.feed(bytes.fromhex("00000001 01ffffff")), [])
        tracemalloc.start()
        try:
            lengths: list[tuple[int, bool]] = []
            for _ in range(256):
                (piece,) = parser.feed(read if len(lengths) < 255 else read[1:])
                assert isinstance(piece, DataPiece)
                lengths.append((len(piece.data), piece.finished))
            del piece
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertEqual(lengths, [(65536, False)] * 255 + [(65535, True)])
        # The last read is a copy that the test itself makes.
        self.assertLess(peak, 2 * 65536)

    def test_unknown_flags(self) -> None:
        """Flags of DATA other than FLAG_FIN are ignored."""
        parser = FrameParser()
        for flags, finished in ((0xFE, False), (0xFF, True)):
            self.assertEqual(
                parser.feed(data(1, b"a", flags)), [DataPiece(1, b"a", finished)]
            )

    def test_stream_0(self) -> None:
        """DATA of no stream ends the connection, with payload or without."""
        for payload in (b"", b"a"):
            parser = FrameParser()
            self.assertEqual(parser.feed(data(0, payload)), [])
            self.assertIsInstance(parser.failed, RemoteError)

    def test_empty_frames(self) -> None:
        """Empty DATA gives nothing and is counted; with FLAG_FIN it is an event."""
        parser = FrameParser()
        empty = data(1, b"") * 3
        self.assertEqual(
            parser.feed(empty + data(1, b"", 1)), [DataPiece(1, b"", True)]
        )
        self.assertEqual(parser.empty_frames, 3)
        parser.feed(empty)
        self.assertEqual(parser.take_empty_frames(), 6)
        self.assertEqual(parser.take_empty_frames(), 0)
