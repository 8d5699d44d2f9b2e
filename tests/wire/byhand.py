"""
Frames and header blocks written by hand, so that no test checks us by ourselves.

Nothing here is careful: a test may ask for frames that no peer should send.
"""

from __future__ import annotations

from collections.abc import Iterable


def data(stream_id: int, payload: bytes, flags: int = 0) -> bytes:
    """Write a DATA frame (draft, section 2.2.2)."""
    header = stream_id.to_bytes(4) + bytes([flags]) + len(payload).to_bytes(3)
    return header + payload


def control(frame_type: int, body: bytes, flags: int = 0, version: int = 3) -> bytes:
    """Write a control frame (draft, section 2.2.1)."""
    first = (0x8000 | version).to_bytes(2) + frame_type.to_bytes(2)
    return first + bytes([flags]) + len(body).to_bytes(3) + body


def field(content: bytes) -> bytes:
    """Write a field of a header block: its length, itself."""
    return len(content).to_bytes(4) + content


def plain(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write a header block, not compressed (draft, section 2.6.10)."""
    pairs = [field(name) + field(value) for name, value in headers]
    return len(pairs).to_bytes(4) + b"".join(pairs)
