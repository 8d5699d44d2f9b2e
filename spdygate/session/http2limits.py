"""
How much an HTTP/2 peer may make a session hold, and what we announce of it.

What may come how often is in `spdygate.session.ratelimit`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import LocalError
from ..wire.http2data import DEFAULT_FRAME, DEFAULT_WINDOW
from .outbox import UNLIMITED


@dataclass(frozen=True, slots=True)
class Http2Limits:
    """
    What a peer may make a session hold.

    :ivar streams: streams at once that a client may open; nginx says 128,
        but each of ours is one connection of a whole cluster's clients.
    :ivar stream_window: bytes that may come on one stream before they are
        granted, 64 KiB - 1 at least: all that a tunnel can hold whose other
        side never takes a byte.
    :ivar widest_window: bytes to which it grows while they are passed on.
        1 MiB fills 1 Gbit/s at 8 ms; a quarter of it costs half as much CPU
        again, in waiting and small frames.
    :ivar session_window: bytes on all streams; Go's client says 1 GiB.
    :ivar held: bytes on all streams that may wait to be passed on before the
        session's window is no longer refilled.  Whoever serves many clients on
        one connection sets none: it would let one of them stop the others.
    :ivar frame: bytes of one frame that we are willing to read.  They are
        passed on as they come, so large ones only save headers (a frame of
        256 KiB costs half the CPU of four of 64 KiB); past the stream's window
        none can come.
    :ivar control: bytes of a header block or any frame that is gathered.
    :ivar headers: bytes of a header list once it is decompressed.
    :ivar entries: settings in one frame; RFC 9113 and 8441 define 7.
    :ivar refusal: bytes of a refusal's body that are kept.
    :ivar unread: bytes of answers (pongs, resets, grants) that may pile up
        while the peer does not read; twisted.web allows 17 KiB, for a
        hundredth of the streams.
    """

    streams: int = 10_000
    stream_window: int = 128 * 1024
    widest_window: int = 1024 * 1024
    session_window: int = 16 * 1024 * 1024
    held: int = UNLIMITED
    frame: int = 256 * 1024
    control: int = 64 * 1024
    headers: int = 64 * 1024
    entries: int = 64
    refusal: int = 64 * 1024
    unread: int = 1024 * 1024

    def __post_init__(self) -> None:
        """Refuse what a peer could overrun before it hears of it."""
        if min(self.stream_window, self.session_window) < DEFAULT_WINDOW:
            raise LocalError(f"a window below {DEFAULT_WINDOW} bytes")
        if not DEFAULT_FRAME <= self.frame < 1 << 24:
            raise LocalError(f"a limit of {self.frame} bytes on a frame")
