"""
SPDY/3.1 frames as plain values, and the bytes they stand for.

Rules:

1. A frame is a frozen value; it knows no session, no clock, no peer.
2. ``pack`` and `unpack` are inverse.  ``pack`` trusts its own side's numbers,
   ``unpack`` trusts nothing: whatever has no reading is a `RemoteError`.
3. Strict where a frame could be understood in two ways (lengths, counts,
   stream 0), lenient where it could not: reserved bits are masked off, and
   flags without a meaning are ignored.
4. A header block is carried here as it travels, compressed: the context that
   reads it belongs to the connection (`spdygate.wire.headerblock`).
5. DATA has no class: its payload is never gathered into a value, so there is
   `data_header` to write it and `spdygate.wire.spdyparser` to read it.

"Draft" is draft-mbelshe-httpbis-spdy-00 with the changes of SPDY/3.1.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self, get_args

from ..errors import RemoteError
from .spdyframeheader import (
    FLAG_FIN,
    LOW_31_BITS,
    TWO_WORDS,
    WORD,
    control_frame,
    data_header,
    first_numbers,
    numbers,
    real_stream,
)
from .spdysettings import Setting, Settings

__all__ = [
    "MAX_DATA",
    "READERS",
    "Frame",
    "Goaway",
    "HeadersFrame",
    "Ping",
    "RstStream",
    "Setting",
    "Settings",
    "SynReply",
    "SynStream",
    "WindowUpdate",
    "data_header",
    "unpack",
]

#: Bytes of payload in a DATA frame of ours.  A Go peer queues up to 250 frames
#: when one of its streams is not read (docs/protocol.rst, 3.4), each as large as
#: it came, and is given twice the 32 KiB that its own kind sends.
MAX_DATA = 64 * 1024

_UNIDIRECTIONAL = 0x02
_SYN_STREAM = struct.Struct(">LLBB")  # stream, associated, priority:3 | 0:5, slot


@dataclass(frozen=True, slots=True)
class SynStream:
    """
    Section 2.6.1: open a stream.

    :ivar block: the header block, compressed.
    :ivar finished: FLAG_FIN: whoever opens it sends nothing on it.
    :ivar unidirectional: FLAG_UNIDIRECTIONAL: whoever accepts it sends nothing.
    :ivar associated_id: the stream this one was pushed for, or 0.
    :ivar priority: 0, the most urgent, to 7.
    :ivar slot: of a client certificate, in SPDY/3; 0.
    """

    TYPE: ClassVar[int] = 1

    stream_id: int
    block: bytes
    finished: bool = False
    unidirectional: bool = False
    associated_id: int = 0
    priority: int = 0
    slot: int = 0

    def pack(self) -> bytes:
        """Return the whole frame."""
        flags = self.finished * FLAG_FIN | self.unidirectional * _UNIDIRECTIONAL
        urgency = self.priority << 5
        words = _SYN_STREAM.pack(self.stream_id, self.associated_id, urgency, self.slot)
        return control_frame(self.TYPE, flags, words + self.block)

    @classmethod
    def unpack(cls, flags: int, body: bytes) -> SynStream:
        """Read the frame back; see `unpack` of this module."""
        word, associated, urgency, slot = first_numbers("SYN_STREAM", _SYN_STREAM, body)
        return cls(
            real_stream("SYN_STREAM", word),
            body[_SYN_STREAM.size :],
            bool(flags & FLAG_FIN),
            bool(flags & _UNIDIRECTIONAL),
            associated & LOW_31_BITS,
            urgency >> 5,
            slot,
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    """
    What SYN_REPLY and HEADERS have in common: all but the type.

    :ivar block: the header block, compressed.
    :ivar finished: FLAG_FIN: the sender sends nothing more on the stream.
    """

    NAME: ClassVar[str]
    TYPE: ClassVar[int]

    stream_id: int
    block: bytes
    finished: bool = False

    def pack(self) -> bytes:
        """Return the whole frame."""
        body = WORD.pack(self.stream_id) + self.block
        return control_frame(self.TYPE, self.finished * FLAG_FIN, body)

    @classmethod
    def unpack(cls, flags: int, body: bytes) -> Self:
        """Read the frame back; see `unpack` of this module."""
        (word,) = first_numbers(cls.NAME, WORD, body)
        stream_id = real_stream(cls.NAME, word)
        return cls(stream_id, body[WORD.size :], bool(flags & FLAG_FIN))


class SynReply(_Answer):
    """Section 2.6.2: accept a stream."""

    __slots__ = ()
    NAME = "SYN_REPLY"
    TYPE = 2


class HeadersFrame(_Answer):
    """
    Section 2.6.7: more headers for a stream that is open.

    To be read, never to be sent: each one costs a Go peer a worker for good.
    """

    __slots__ = ()
    NAME = "HEADERS"
    TYPE = 8


@dataclass(frozen=True, slots=True)
class RstStream:
    """
    Section 2.6.3: give a stream up.

    :ivar status: why; see `spdygate.errors.RstStatus`, but any number comes:
        what is meant is plain even if the draft has no such reason, or it is 0.
    """

    TYPE: ClassVar[int] = 3

    stream_id: int
    status: int

    def pack(self) -> bytes:
        """Return the whole frame, sixteen bytes."""
        return control_frame(self.TYPE, 0, TWO_WORDS.pack(self.stream_id, self.status))

    @classmethod
    def unpack(cls, flags: int, body: bytes) -> RstStream:
        """Read the frame back; see `unpack` of this module."""
        word, status = numbers("RST_STREAM", TWO_WORDS, body)
        return cls(real_stream("RST_STREAM", word), status)


@dataclass(frozen=True, slots=True)
class Ping:
    """
    Section 2.6.5: are you there?  The answer is the same frame.

    :ivar ping_id: odd if the client asked, even if the server did.
    """

    TYPE: ClassVar[int] = 6

    ping_id: int

    def pack(self) -> bytes:
        """Return the whole frame, twelve bytes."""
        return control_frame(self.TYPE, 0, WORD.pack(self.ping_id))

    @classmethod
    def unpack(cls, flags: int, body: bytes) -> Ping:
        """Read the frame back; see `unpack` of this module."""
        (ping_id,) = numbers("PING", WORD, body)
        return cls(ping_id)


@dataclass(frozen=True, slots=True)
class Goaway:
    """
    Section 2.6.6: open no more streams on this connection.

    :ivar last_stream_id: the highest stream of the receiver's that was
        accepted, or 0.
    :ivar status: see `spdygate.errors.GoawayStatus`; SPDY/2 had none, and its
        frames of four bytes are refused.
    """

    TYPE: ClassVar[int] = 7

    last_stream_id: int
    status: int

    def pack(self) -> bytes:
        """Return the whole frame, sixteen bytes."""
        return control_frame(
            self.TYPE, 0, TWO_WORDS.pack(self.last_stream_id, self.status)
        )

    @classmethod
    def unpack(cls, flags: int, body: bytes) -> Goaway:
        """Read the frame back; see `unpack` of this module."""
        word, status = numbers("GOAWAY", TWO_WORDS, body)
        return cls(word & LOW_31_BITS, status)


@dataclass(frozen=True, slots=True)
class WindowUpdate:
    """
    Section 2.6.8: the receiver grants the sender more room.

    :ivar stream_id: the stream granted to; 0 grants to the whole session, which
        is what 3.1 added to 3.
    :ivar delta: bytes added to the sender's window, 1 to 2**31 - 1.
    """

    TYPE: ClassVar[int] = 9

    stream_id: int
    delta: int

    def pack(self) -> bytes:
        """Return the whole frame, sixteen bytes."""
        return control_frame(self.TYPE, 0, TWO_WORDS.pack(self.stream_id, self.delta))

    @classmethod
    def unpack(cls, flags: int, body: bytes) -> WindowUpdate:
        """Read the frame back; see `unpack` of this module."""
        stream, word = numbers("WINDOW_UPDATE", TWO_WORDS, body)
        delta = word & LOW_31_BITS
        if not delta:
            raise RemoteError("WINDOW_UPDATE grants 0 bytes")
        return cls(stream & LOW_31_BITS, delta)


#: Any control frame that we know.
Frame = (
    SynStream
    | SynReply
    | RstStream
    | Settings
    | Ping
    | Goaway
    | HeadersFrame
    | WindowUpdate
)

#: How to read each type.  What is not here (5 was NOOP in SPDY/2, 10 is
#: CREDENTIAL in SPDY/3) is to be ignored: draft, section 2.2.1.
READERS: dict[int, Callable[[int, bytes], Frame]] = {
    kind.TYPE: kind.unpack for kind in get_args(Frame)
}


def unpack(frame_type: int, flags: int, body: bytes) -> Frame:
    """
    Read a control frame of a known type: the inverse of ``pack``.

    :param frame_type: a key of `READERS`.
    :param flags: the eight bits of the header.
    :param body: what followed the eight bytes of the header.
    :raises RemoteError: the body is not one of this type.
    """
    return READERS[frame_type](flags, body)
