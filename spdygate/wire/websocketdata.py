"""
Whole messages of a WebSocket in one BINARY frame: the fast lane beside wsproto.

That is all a Go peer ever sends, and what kubectl's uploads come in: wsproto
needs thrice as long for it.  Everything else is wsproto's: fragments, text,
control frames, and whatever no peer should send.  What this file relies on:

1. wsproto reads frame by frame, and what it knows from one to the next is
   whether a message is open.  So it can be spared any frame that is a message by
   itself, as long as none is open; and if one is, such a frame is its to refuse.
2. It is given every other frame with all of its bytes, as they come.
3. A frame that breaks a rule of section 5.2 (its mask, the form of its length) is
   never in the lane.

Sections are those of RFC 6455.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

#: FIN and BINARY, without any of the reserved bits.
_WHOLE_BINARY = 0x82

#: The lowest opcode of control frames, which may come within a message.
_CONTROL = 0x8

_FIN = 0x80
_OPCODE = 0x0F
_MASKED = 0x80
_LENGTH = 0x7F

#: Lengths of two and of eight bytes (section 5.2), and what they are for.
_MIDDLE = struct.Struct("!H")
_LONG = struct.Struct("!Q")
_MIDDLE_FROM = 126
_LONG_FROM = 1 << 16
_LONG_TO = 1 << 63

#: For each byte of a mask, what every byte becomes under it.
_TABLES = tuple(bytes(key ^ value for value in range(256)) for key in range(256))


class BinaryPiece(NamedTuple):
    """
    Part of a message came, or all of it, without its mask.

    :ivar finished: whether the message ends with it.
    """

    data: bytes | memoryview
    finished: bool


class BinaryLane:
    """Reads one direction of one WebSocket, frame by frame."""

    __slots__ = (
        "_done",
        "_gathered",
        "_given",
        "_in_lane",
        "_left",
        "_mask",
        "_masked",
        "_open",
    )

    def __init__(self, masked: bool) -> None:
        """
        Begin where the handshake has ended.

        :param masked: whether the peer has to mask what it sends: a client.
        """
        self._masked = masked
        #: A header that has only begun, and how much of it wsproto has.
        self._gathered = b""
        self._given = 0
        #: Bytes of the current frame's payload that have not come, and that have.
        self._left = 0
        self._done = 0
        self._in_lane = False
        self._mask = b""
        #: Whether wsproto is within a message.
        self._open = False

    def feed(self, data: bytes) -> list[BinaryPiece | bytes]:
        """
        Take the next bytes of the connection.

        :returns: in order, pieces of messages, and bytes that are for wsproto.
        """
        found: list[BinaryPiece | bytes] = []
        if self._gathered:
            data, self._gathered = self._gathered + data, b""
        here, end = 0, len(data)
        while here < end:
            if self._left:
                stop = min(here + self._left, end)
                self._pass(data, here, stop, found)
            else:
                stop = self._begin(data, here, found)
                if not stop:
                    self._gather(data[here:], found)
                    break
            here = stop
        return found

    def _gather(self, head: bytes, found: list[BinaryPiece | bytes]) -> None:
        """Keep a header that has only begun; wsproto may refuse it already."""
        self._gathered = head
        if head[0] != _WHOLE_BINARY:
            found.append(head[self._given :])
            self._given = len(head)

    def _begin(self, data: bytes, here: int, found: list[BinaryPiece | bytes]) -> int:
        """Read a frame's header; return where it ends, or 0 if it is not all there."""
        size = _header_size(data, here)
        if here + size > len(data):
            return 0
        first, second = data[here], data[here + 1]
        self._left = length = _length(data, here)
        self._done = 0
        masked = bool(second & _MASKED)
        self._in_lane = (
            first == _WHOLE_BINARY
            and not self._open
            and masked is self._masked
            and second & _LENGTH == _shortest(length)
        )
        stop = here + size
        if self._in_lane:
            self._mask = data[stop - 4 : stop] if masked else b""
            if not length:
                found.append(BinaryPiece(b"", True))
        else:
            found.append(data[here + self._given : stop])
            self._given = 0
            if first & _OPCODE < _CONTROL:
                self._open = not first & _FIN
        return stop

    def _pass(
        self, data: bytes, here: int, stop: int, found: list[BinaryPiece | bytes]
    ) -> None:
        """Pass on what has come of the payload."""
        count = stop - here
        self._left -= count
        if not self._in_lane:
            found.append(data[here:stop])
        elif not self._mask:
            found.append(BinaryPiece(memoryview(data)[here:stop], not self._left))
        else:
            turned = self._done % 4
            mask = self._mask[turned:] + self._mask[:turned]
            found.append(BinaryPiece(unmasked(data[here:stop], mask), not self._left))
        self._done += count


def unmasked(data: bytes, mask: bytes) -> bytes:
    """
    Return *data* without its mask, or with it (section 5.3).

    :param mask: four bytes, of which the first is that of the first byte.
    """
    if mask == b"\0\0\0\0":
        return data
    array = bytearray(data)
    for place, key in enumerate(mask):
        array[place::4] = array[place::4].translate(_TABLES[key])
    return bytes(array)


def _header_size(data: bytes, here: int) -> int:
    """Return the bytes of the header at *here*, or more than there are."""
    if here + 2 > len(data):
        return 2
    second = data[here + 1]
    size = 6 if second & _MASKED else 2
    return size + {126: 2, 127: 8}.get(second & _LENGTH, 0)


def _length(data: bytes, here: int) -> int:
    """Return the bytes of the payload behind the header at *here*."""
    length = data[here + 1] & _LENGTH
    if length == 126:
        (length,) = _MIDDLE.unpack_from(data, here + 2)
    elif length == 127:
        (length,) = _LONG.unpack_from(data, here + 2)
    return length


def _shortest(length: int) -> int:
    """Return how a length has to be announced, or -1 if it may not be at all."""
    if length < _MIDDLE_FROM:
        return length
    if length < _LONG_FROM:
        return 126
    return 127 if length < _LONG_TO else -1
