"""
A SPDY/3.1 byte stream, in any slices, to frames and pieces of DATA.

Rules:

1. DATA is passed on as it arrives.  A frame of 16 MiB costs no memory: each
   read gives a piece, which is a view into what was read.  Several frames of one
   stream, one behind the other, are one piece, and that is copied: what is done
   for a piece takes as long as to copy 100 KiB, and Go peers send 32 at a time.
2. Control frames are gathered, up to a limit that is checked against the
   length in the header, before a byte of the body is kept.
3. Control frames of unknown types are ignored, as the draft asks, and for that
   they need not be gathered.
4. What the peer does wrong ends the stream and is not raised: what stood before
   it in the same read is returned, and `FrameParser.failed` says why no more
   will come.
5. What streams mean is not known here: a piece may be of a stream that is not
   open.
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import LimitError, RemoteError
from .spdyframeheader import (
    CONTROL_BIT,
    CONTROL_VERSION,
    FLAG_FIN,
    LOW_24_BITS,
    TWO_WORDS,
)
from .spdyframes import READERS, Frame, unpack

_HEADER = TWO_WORDS.size


class DataPiece(NamedTuple):
    """
    What has arrived of a stream's DATA, in one frame or more (draft, section 2.2.2).

    A tuple because there are so many: a session takes it apart in one step.

    :ivar data: maybe a view into what was read; empty only in the one piece of a
        frame that has no payload and finishes its stream.
    :ivar finished: whether it ends with a frame that has FLAG_FIN.
    """

    stream_id: int
    data: bytes | memoryview
    finished: bool


class FrameParser:
    """
    Reads one direction of one connection.

    :ivar failed: what the peer did wrong, once it has.
    :ivar empty_frames: frames since the last `take_empty_frames` that led to
        nothing at all: DATA without payload or FLAG_FIN, and control frames of
        unknown types.  Each is legal and none costs memory, but whoever sends
        thousands only wants our time (as in CVE-2019-9518).
    """

    __slots__ = (
        "_control",
        "_finished",
        "_gathered",
        "_left",
        "_max_control",
        "_stream_id",
        "empty_frames",
        "failed",
    )

    def __init__(self, max_control: int = 64 * 1024) -> None:
        """
        Begin at the first byte of a connection.

        :param max_control: bytes behind the header of a control frame.  The
            draft demands 8 KiB at least (section 2.2.1), and what port-forward
            sends has a hundred; spdystream 0.5.1 takes 16 MiB.
        """
        self.failed: RemoteError | None = None
        self.empty_frames = 0
        self._max_control = max_control
        #: Bytes of the current frame that have not come; 0 between frames.
        self._left = 0
        #: The current frame, if it is DATA; else 0.
        self._stream_id = 0
        self._finished = False
        #: The type and flags of the current frame, if it is being gathered.
        self._control: tuple[int, int] | None = None
        #: An incomplete header, or what there is of a control frame's body.
        self._gathered = bytearray()

    def take_empty_frames(self) -> int:
        """Return `empty_frames`, and count from 0 again."""
        count, self.empty_frames = self.empty_frames, 0
        return count

    def feed(self, data: bytes) -> list[Frame | DataPiece]:
        """
        Take the next bytes of the connection.

        :param data: immutable, for the pieces are views into it.
        :returns: what has become complete, in order.  It is all there is to
            come if `failed` is set now; later calls return nothing.
        """
        found: list[Frame | DataPiece] = []
        if self.failed is None:
            try:
                self._read(data, found)
            except RemoteError as error:
                # A traceback would keep this read alive as long as the parser.
                self.failed = error.with_traceback(None)
        return found if len(found) < 2 else _joined(found)

    def _read(self, data: bytes, found: list[Frame | DataPiece]) -> None:
        """Walk through *data*, frame by frame."""
        # Step 1: what the last read left unfinished.
        here = 0
        if self._left or self._gathered:
            here = self._resume(data, found)
        # Step 2: frames that begin in this read.  DATA that ends in it, too,
        # is nearly all there is, so it goes past the state.
        end = len(data)
        view = memoryview(data)
        while end - here >= _HEADER:
            first, second = TWO_WORDS.unpack_from(data, here)
            here += _HEADER
            stop = here + (second & LOW_24_BITS)
            if 0 < first < CONTROL_BIT and here < stop <= end:
                finished = second >> 24 & FLAG_FIN == FLAG_FIN
                found.append(DataPiece(first, view[here:stop], finished))
                here = stop
            else:
                self._begin(first, second, found)
                here = self._read_body(data, here, found)
        # Step 3: a header that has only begun.
        if here < end:
            self._gathered += data[here:]

    def _resume(self, data: bytes, found: list[Frame | DataPiece]) -> int:
        """Go on where the last read ended; return how far this one goes into it."""
        here = 0
        if not self._left:
            here = _HEADER - len(self._gathered)
            self._gathered += data[:here]
            if len(self._gathered) < _HEADER:
                return len(data)
            first, second = TWO_WORDS.unpack(self._gathered)
            self._gathered.clear()
            self._begin(first, second, found)
        return self._read_body(data, here, found)

    def _begin(self, first: int, second: int, found: list[Frame | DataPiece]) -> None:
        """Take note of a frame's header, the two words of it."""
        flags, self._left = second >> 24, second & LOW_24_BITS
        self._stream_id = 0
        self._control = None
        if first < CONTROL_BIT:
            self._begin_data(first, flags & FLAG_FIN == FLAG_FIN, found)
        else:
            self._begin_control(first, flags)

    def _begin_data(
        self, stream_id: int, finished: bool, found: list[Frame | DataPiece]
    ) -> None:
        """Begin a DATA frame; one without payload is over at once."""
        if not stream_id:
            raise RemoteError("DATA on stream 0")
        if self._left:
            self._stream_id, self._finished = stream_id, finished
        elif finished:
            found.append(DataPiece(stream_id, b"", True))
        else:
            self.empty_frames += 1

    def _begin_control(self, first: int, flags: int) -> None:
        """Begin to gather a control frame, or to leave it out."""
        version, frame_type = divmod(first, 1 << 16)
        if version != CONTROL_VERSION:
            raise RemoteError(f"a frame of SPDY version {version & 0x7FFF}, not 3")
        if frame_type not in READERS:
            self.empty_frames += 1
        elif self._left > self._max_control:
            raise LimitError(
                f"a control frame of {self._left} bytes; {self._max_control} at most"
            )
        else:
            self._control = frame_type, flags

    def _read_body(self, data: bytes, here: int, found: list[Frame | DataPiece]) -> int:
        """Take what has come of the current frame's body; return where it ends."""
        stop = min(here + self._left, len(data))
        self._left -= stop - here
        if self._stream_id:
            if stop > here:
                finished = self._finished and not self._left
                piece = memoryview(data)[here:stop]
                found.append(DataPiece(self._stream_id, piece, finished))
        elif self._control is not None:
            self._gathered += data[here:stop]
            if not self._left:
                body = bytes(self._gathered)
                self._gathered.clear()
                found.append(unpack(*self._control, body))
        return stop


def _joined(found: list[Frame | DataPiece]) -> list[Frame | DataPiece]:
    """Return the same, with DATA of one stream as one piece, however many frames."""
    joined: list[Frame | DataPiece] = []
    run: list[bytes | memoryview] = []
    stream_id, finished = 0, False
    for frame in found:
        if type(frame) is DataPiece and frame[0] == stream_id and not finished:
            _, data, finished = frame
            run.append(data)
            continue
        if run:
            joined.append(_piece(stream_id, run, finished))
        if type(frame) is DataPiece:
            stream_id, data, finished = frame
            run = [data]
        else:
            joined.append(frame)
            stream_id, run = 0, []
    if run:
        joined.append(_piece(stream_id, run, finished))
    return joined


def _piece(stream_id: int, run: list[bytes | memoryview], finished: bool) -> DataPiece:
    """Return one piece of several; of one it is no copy."""
    data = run[0] if len(run) == 1 else b"".join(run)
    return DataPiece(stream_id, data, finished)
