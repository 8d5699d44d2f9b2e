"""
HTTP/2 frames as bytes: cut from what arrives, and the few we write ourselves.

h2 gathers every frame before it looks at it and copies DATA three times, so
DATA never goes that way.  Rules of this room:

1. DATA is passed on as it arrives, a view of what was fed, never gathered.
   Its whole length is counted with its first byte: a frame that overruns a
   window is refused before any of it is passed on, however it was sliced.
2. Everything else is gathered, a header block (HEADERS and its CONTINUATIONs)
   into one piece, and is bounded before it is gathered.
3. What only the order of frames can tell is checked here: SETTINGS come
   first, and nothing comes between the frames of a header block.  What a
   frame means is for the session.

Sections are those of RFC 9113.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ..errors import Http2Code, LimitError, RemoteError

#: Section 3.4: what a client sends first.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

#: Frame types, section 6, in the order of their numbers.
(
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION,
) = range(10)

#: Not a frame: the padding of a DATA frame, which windows count (section 6.1).
PADDING = -1

#: Flags, section 6.
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8

#: Bytes of a frame header (section 4.1).
HEADER_SIZE = 9

#: What both windows begin with, in bytes (section 6.9.2).
DEFAULT_WINDOW = 65_535

#: The smallest limit on a frame's length, in bytes, and the first (section 4.2).
DEFAULT_FRAME = 16_384

_LOW_31_BITS = 0x7FFF_FFFF
_HEADER = struct.Struct(">LBL")  # length:24 | type:8, flags, stream
_WINDOW_UPDATE = struct.Struct(">LBLL")
_GOAWAY = struct.Struct(">LBLLL")
_SETTING = struct.Struct(">HL")

#: One piece of what came: its type, its stream, its bytes, the bytes that
#: count against windows, its flags.  Of DATA the bytes are payload and the
#: only flag is END_STREAM, with the last piece; of other frames the bytes are
#: the whole frame, header included.  Frames of unknown types have no bytes.
Cut = tuple[int, int, bytes | memoryview, int, int]


class FrameSizeError(RemoteError):
    """A frame is longer than we allow, or not as long as its type must be."""

    http2 = Http2Code.FRAME_SIZE_ERROR


def frame(kind: int, flags: int, stream_id: int, body: bytes = b"") -> bytes:
    """Return any frame at all (section 4.1)."""
    return _HEADER.pack(len(body) << 8 | kind, flags, stream_id) + body


def data_header(stream_id: int, length: int, finished: bool = False) -> bytes:
    """Return the header of a DATA frame of *length* bytes (section 6.1)."""
    return _HEADER.pack(length << 8, END_STREAM if finished else 0, stream_id)


def window_update(stream_id: int, increment: int) -> bytes:
    """Return a WINDOW_UPDATE; stream 0 is the connection (section 6.9)."""
    return _WINDOW_UPDATE.pack(4 << 8 | WINDOW_UPDATE, 0, stream_id, increment)


def goaway(last_stream_id: int, code: int, words: str = "") -> bytes:
    """Return a GOAWAY that says why in *words*, cut after 200 bytes (section 6.8)."""
    why = words.encode("ascii", "replace")[:200]
    word = (8 + len(why)) << 8 | GOAWAY
    return _GOAWAY.pack(word, 0, 0, last_stream_id, code) + why


def settings(entries: list[tuple[int, int]]) -> bytes:
    """Return a SETTINGS frame of pairs of id and value (section 6.5)."""
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(*entry) for entry in entries))


def read_window_update(whole: bytes | memoryview) -> int:
    """
    Return the increment of a WINDOW_UPDATE, which may be 0.

    :raises FrameSizeError: the frame has not exactly four bytes (section 6.9).
    """
    if len(whole) != _WINDOW_UPDATE.size:
        raise FrameSizeError("a WINDOW_UPDATE that is not 4 bytes long")
    return int(_WINDOW_UPDATE.unpack(whole)[3]) & _LOW_31_BITS


def read_goaway(whole: bytes | memoryview) -> tuple[int, int]:
    """
    Return the last stream id and the error code of a GOAWAY.

    :raises FrameSizeError: it is too short to have both (section 6.8).
    """
    if len(whole) < _GOAWAY.size:
        raise FrameSizeError("a GOAWAY shorter than 8 bytes")
    _, _, stream_id, last, code = _GOAWAY.unpack_from(whole)
    if stream_id & _LOW_31_BITS:
        raise RemoteError("a GOAWAY on a stream")
    return last & _LOW_31_BITS, code


def read_settings(body: bytes | memoryview) -> list[tuple[int, int]]:
    """
    Return the pairs of id and value in the body of a SETTINGS frame.

    :raises FrameSizeError: it is not made of sixes of bytes (section 6.5).
    """
    if len(body) % _SETTING.size:
        raise FrameSizeError("SETTINGS that are not a multiple of 6 bytes long")
    return list(_SETTING.iter_unpack(body))


class FrameCutter:
    """Cuts the bytes of one peer, in whatever slices they come, at the frames."""

    def __init__(self, *, preface: bool, max_frame: int, max_control: int) -> None:
        """
        Expect the beginning of a connection.

        :param preface: whether the peer is the client, which sends one.
        :param max_frame: bytes of payload a frame may have, as announced.
        :param max_control: bytes of a frame, or a header block, that must be
            gathered.
        """
        self._preface = PREFACE if preface else b""
        self._max_frame = max_frame
        self._max_control = max_control
        #: Type and stream of the only frame that may come next, if so.
        self._must: tuple[int, int] | None = (SETTINGS, 0)
        self._head = b""
        self._kind = self._flags = self._stream_id = 0
        #: Bytes of DATA still to come, those not yet counted, and END_STREAM.
        self._left = self._uncounted = self._end = 0
        #: Whether the next byte is the length of a DATA frame's padding.
        self._padded = False
        self._skip = 0
        self._gathered = bytearray()
        self._wanted = 0

    def cut(self, data: bytes) -> Iterator[Cut]:
        """
        Cut *data*, in order, as far as the pieces are complete.

        A generator, so that what came before an error is dealt with before it
        is raised.

        :raises RemoteError: frames came in an order, or with a length, that
            is forbidden; nothing can be cut after that.
        """
        view = memoryview(data)
        at, end = 0, len(data)
        while at < end:
            if self._left:
                stop = min(at + self._left, end)
                self._left -= stop - at
                counted, self._uncounted = self._uncounted, 0
                flags = 0 if self._left else self._end
                yield DATA, self._stream_id, view[at:stop], counted, flags
                at = stop
            elif not (self._skip or self._wanted or self._padded or self._preface):
                at, cut = self._read_header(view, at, end)
                if cut is not None:
                    yield cut
            else:
                at, cuts = self._read_rest(view, at, end)
                yield from cuts

    def _read_header(
        self, view: memoryview, at: int, end: int
    ) -> tuple[int, Cut | None]:
        """Begin a frame, or keep the part of its header that has come."""
        if not self._head and end - at >= HEADER_SIZE:
            word, flags, stream_id = _HEADER.unpack_from(view, at)
            return at + HEADER_SIZE, self._begin(word, flags, stream_id & _LOW_31_BITS)
        stop = min(at + HEADER_SIZE - len(self._head), end)
        self._head += view[at:stop]
        if len(self._head) < HEADER_SIZE:
            return stop, None
        word, flags, stream_id = _HEADER.unpack(self._head)
        self._head = b""
        return stop, self._begin(word, flags, stream_id & _LOW_31_BITS)

    def _begin(self, word: int, flags: int, stream_id: int) -> Cut | None:
        """Prepare for a frame's payload; return the frame if it has none."""
        length, kind = word >> 8, word & 0xFF
        if self._must is not None and self._must != (kind, stream_id):
            raise RemoteError(f"a frame of type {kind} came where it may not")
        if length > self._max_frame:
            raise FrameSizeError(f"a frame of {length} bytes")
        self._kind, self._flags, self._stream_id = kind, flags, stream_id
        if kind != DATA:
            return self._begin_control(word, length)
        self._end = flags & END_STREAM
        self._uncounted = length
        if flags & PADDED:
            if not length:
                raise FrameSizeError("a padded frame without its padding's length")
            self._padded = True
            return None
        self._left = length
        return None if length else (DATA, stream_id, b"", 0, self._end)

    def _begin_control(self, word: int, length: int) -> Cut | None:
        """Prepare to gather a frame, or to skip one that nobody knows."""
        if self._kind > CONTINUATION:
            self._skip = length
            return self._kind, self._stream_id, b"", 0, 0
        if self._kind == PUSH_PROMISE:
            raise RemoteError("a PUSH_PROMISE, which nobody may send us")
        if self._kind == CONTINUATION and self._must is None:
            raise RemoteError("a CONTINUATION of nothing")
        if len(self._gathered) + HEADER_SIZE + length > self._max_control:
            raise LimitError(f"a header block or frame past {self._max_control} bytes")
        self._gathered += _HEADER.pack(word, self._flags, self._stream_id)
        self._wanted = length
        return None if length else self._complete()

    def _complete(self) -> Cut | None:
        """Return the gathered frame, unless its header block goes on."""
        kind = self._kind
        if kind in (HEADERS, CONTINUATION):
            kind = HEADERS
            if not self._flags & END_HEADERS:
                self._must = (CONTINUATION, self._stream_id)
                return None
        self._must = None
        whole = bytes(self._gathered)
        self._gathered.clear()
        return kind, self._stream_id, whole, 0, self._flags

    def _read_rest(self, view: memoryview, at: int, end: int) -> tuple[int, list[Cut]]:
        """Read on in whatever is neither a frame's header nor DATA."""
        if self._wanted:
            stop = min(at + self._wanted, end)
            self._wanted -= stop - at
            self._gathered += view[at:stop]
            cut = None if self._wanted else self._complete()
            return stop, [] if cut is None else [cut]
        if self._padded:
            return at + 1, self._read_padding(view[at])
        if self._skip:
            stop = min(at + self._skip, end)
            self._skip -= stop - at
            return stop, []
        stop = min(at + len(self._preface), end)
        if view[at:stop] != self._preface[: stop - at]:
            raise RemoteError("the peer does not begin as an HTTP/2 client does")
        self._preface = self._preface[stop - at :]
        return stop, []

    def _read_padding(self, padding: int) -> list[Cut]:
        """Tell the DATA of a padded frame from its padding (section 6.1)."""
        length = self._uncounted - 1 - padding
        if length < 0:
            raise RemoteError("more padding than frame")
        self._padded = False
        self._skip = padding
        self._left = self._uncounted = length
        cuts: list[Cut] = [(PADDING, self._stream_id, b"", padding + 1, 0)]
        if not length:
            cuts.append((DATA, self._stream_id, b"", 0, self._end))
        return cuts
