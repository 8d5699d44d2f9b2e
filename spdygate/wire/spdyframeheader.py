"""
The eight bytes every SPDY/3.1 frame begins with, and the numbers behind them.

A control frame (draft, section 2.2.1) begins with a set bit, fifteen bits of
version, sixteen of type; a DATA frame (section 2.2.2) with a clear bit and the
stream's number.  Both go on with eight bits of flags and 24 of length.

What is read here comes from a peer: a body that is not as long as it must be
is a `RemoteError`, reserved bits are masked off.  What is written here is our
own: a body that does not fit its 24 bits is a `LocalError`.
"""

from __future__ import annotations

import struct

from ..errors import LocalError, RemoteError

#: The first two bytes of a control frame: the version is 3 for SPDY/3.1 too.
CONTROL_VERSION = 0x8003

#: The first bit of the first word, which tells control frames from DATA.
CONTROL_BIT = 0x8000_0000

#: Bytes behind the header, at most: the length has 24 bits.
MAX_LENGTH = 2**24 - 1

#: The flag of DATA, SYN_STREAM, SYN_REPLY and HEADERS: nothing will follow.
FLAG_FIN = 0x01

LOW_31_BITS = 0x7FFF_FFFF
LOW_24_BITS = 0x00FF_FFFF

WORD = struct.Struct(">L")
TWO_WORDS = struct.Struct(">LL")  # a frame header is two words as well


def data_header(stream_id: int, length: int, finished: bool) -> bytes:
    """
    Return the eight bytes before a DATA payload.

    :param length: bytes of payload, `MAX_LENGTH` at most.
    :param finished: whether the stream ends with it (FLAG_FIN).
    :raises LocalError: the payload is too long for one frame.
    """
    if length > MAX_LENGTH:
        raise LocalError(f"DATA of {length} bytes; {MAX_LENGTH} at most")
    return TWO_WORDS.pack(stream_id, finished << 24 | length)


def control_frame(frame_type: int, flags: int, body: bytes) -> bytes:
    """
    Return a whole control frame.

    :raises LocalError: the body is too long for one frame.
    """
    length = len(body)
    if length > MAX_LENGTH:
        raise LocalError(f"a control frame of {length} bytes; {MAX_LENGTH} at most")
    first = CONTROL_VERSION << 16 | frame_type
    return TWO_WORDS.pack(first, flags << 24 | length) + body


def numbers(name: str, layout: struct.Struct, body: bytes) -> tuple[int, ...]:
    """
    Read a body that holds these numbers and nothing else.

    :param name: the frame's, for the peer to be told.
    :raises RemoteError: it is longer or shorter.
    """
    if len(body) != layout.size:
        raise RemoteError(f"{name} of {len(body)} bytes, not {layout.size}")
    return layout.unpack(body)


def first_numbers(name: str, layout: struct.Struct, body: bytes) -> tuple[int, ...]:
    """
    Read the numbers that a body begins with.

    :param name: the frame's, for the peer to be told.
    :raises RemoteError: it ends before they do.
    """
    if len(body) < layout.size:
        raise RemoteError(f"{name} of {len(body)} bytes, less than {layout.size}")
    return layout.unpack_from(body)


def real_stream(name: str, word: int) -> int:
    """
    Return the stream that a frame is about.

    :param word: the number as it came; its top bit is reserved.
    :raises RemoteError: it is 0, which is no stream.
    """
    stream_id = word & LOW_31_BITS
    if not stream_id:
        raise RemoteError(f"{name} on stream 0")
    return stream_id
