"""
SETTINGS, the one SPDY/3.1 frame that is a list.

A list is where a peer says how much we are to allocate: CVE-2026-35469 was a
count of four milliards in a frame of a few bytes, CVE-2020-11080 an honest
count, and thousands of entries to burn our time with.  So the count must agree
with the length before it is believed, and be small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..errors import LimitError, RemoteError
from .spdyframeheader import (
    LOW_24_BITS,
    TWO_WORDS,
    WORD,
    control_frame,
    first_numbers,
)

#: Entries of one frame: the draft defines eight settings, nghttp2 takes 32.
MAX_SETTINGS = 32

_CLEAR_SETTINGS = 0x01


@dataclass(frozen=True, slots=True)
class Setting:
    """
    One entry of a SETTINGS frame.

    :ivar id: which setting, 24 bits.
    :ivar flags: 1: keep it for the next connection; 2: it was kept so.
    """

    id: int
    value: int
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Section 2.6.4: what the sender would like to be known about it.

    :ivar clear: FLAG_SETTINGS_CLEAR_SETTINGS: forget what was kept before.
    """

    TYPE: ClassVar[int] = 4

    entries: tuple[Setting, ...]
    clear: bool = False

    def pack(self) -> bytes:
        """Return the whole frame."""
        body = [WORD.pack(len(self.entries))]
        for entry in self.entries:
            body.append(TWO_WORDS.pack(entry.flags << 24 | entry.id, entry.value))
        return control_frame(self.TYPE, self.clear * _CLEAR_SETTINGS, b"".join(body))

    @classmethod
    def unpack(cls, flags: int, body: bytes) -> Settings:
        """Read the frame back; see `unpack` of this module."""
        (count,) = first_numbers("SETTINGS", WORD, body)
        if len(body) - WORD.size != count * TWO_WORDS.size:
            raise RemoteError(f"SETTINGS of {len(body)} bytes for {count} entries")
        if count > MAX_SETTINGS:
            raise LimitError(f"SETTINGS of {count} entries; {MAX_SETTINGS} at most")
        pairs = TWO_WORDS.iter_unpack(body[WORD.size :])
        entries = (Setting(id & LOW_24_BITS, value, id >> 24) for id, value in pairs)
        return cls(tuple(entries), bool(flags & _CLEAR_SETTINGS))
