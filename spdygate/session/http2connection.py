"""
h2's connection with two things put right: how it counts, and how it fails.

1. Whenever a stream is opened, h2 looks at all that are open to count them, a
   fifth of a millisecond for a thousand, and sweeps out those that are over
   while it is there.  We know how many there are, and let it sweep when half
   of what it looks at is over.
2. h2, hpack and hyperframe each have errors of their own, and now and then
   raise what is nobody's.  A peer's bytes must not lead to any of them.
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Sized

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import H2Error, ProtocolError
from hpack.exceptions import HPACKError
from hyperframe.exceptions import HyperframeError

from ..errors import Http2Code, RemoteError

#: What reading hostile bytes may end with in h2 and the two packages below it.
H2_FAILURES = (
    H2Error,
    HyperframeError,
    HPACKError,
    LookupError,
    ValueError,
    AssertionError,
    struct.error,
)

#: What hpack says of the bytes it could not read: not for the peer to know.
_ADDRESS = re.compile(r"<[^<>]* at 0x[0-9a-f]+>")


class Http2Error(RemoteError):
    """The peer broke a rule that h2 knows; the code is the one h2 chose."""

    def __init__(self, error: Exception) -> None:
        super().__init__(_ADDRESS.sub("it", str(error)) or type(error).__name__)
        if isinstance(error, ProtocolError):
            with contextlib.suppress(ValueError):
                self.http2 = Http2Code(int(error.error_code))


class Connection(H2Connection):
    """
    An ``H2Connection`` that is told how many streams are open.

    :cvar MAX_CLOSED_STREAMS: how many streams it remembers, to know late frames of
        theirs from a breach.  That is more than end within the time that a frame
        is under way; h2's 65,536 took 26 MB over 100,000 connections.
    """

    MAX_CLOSED_STREAMS = 4096

    def __init__(self, config: H2Configuration, ours: Sized) -> None:
        super().__init__(config)
        self._ours = ours

    @property
    def _unswept(self) -> bool:
        """Return whether more than half of what h2 keeps is over."""
        return len(self.streams) > 2 * len(self._ours) + 16

    @property
    def open_inbound_streams(self) -> int:
        """Return how many streams the peer has open."""
        return super().open_inbound_streams if self._unswept else len(self._ours)

    @property
    def open_outbound_streams(self) -> int:
        """Return how many streams we have open."""
        return super().open_outbound_streams if self._unswept else len(self._ours)
