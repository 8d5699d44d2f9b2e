"""
What one SPDY peer may make us hold, each limit with its unit and a precedent.

Who passes one has not made a mistake: the session, or the stream, is refused
at once, before anything has been allocated for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..wire.headerblock import HeaderLimits


@dataclass(frozen=True, slots=True)
class SpdyLimits:
    """
    What a peer may make a session hold.

    :ivar streams: streams at once: two for each tunnel, so that one client
        cannot have all that a node serves.
    :ivar control: bytes of one control frame; spdystream 0.5.1 takes 16 MiB,
        but three short headers fit into a hundred.
    :ivar unread: bytes of answers (pongs, replies, resets) that may pile up
        while the peer does not read.
    :ivar headers: see `HeaderLimits`.
    """

    streams: int = 4_000
    control: int = 64 * 1024
    unread: int = 1024 * 1024
    headers: HeaderLimits = field(default_factory=HeaderLimits)
