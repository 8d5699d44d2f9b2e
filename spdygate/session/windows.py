"""
Credit that we give: what a peer may still send, and what we owe it.

One `Inbound` stands for one stream, or for a whole session.  Bytes shrink it
when they arrive and grow it again when they have been drained, but a grant is
put off until it is worth a frame: half of the window, or `WORTH`.  Who waits for
a grant sees by it, too, that a slow reader moves.  (Credit that we *receive* is
spent in `spdygate.session.outbox`.)
"""

from __future__ import annotations

from ..errors import CreditError

#: The largest window either protocol can express, in bytes (RFC 9113, section
#: 6.9.1; SPDY/3.1 draft, section 2.6.8).
LARGEST_WINDOW = 2**31 - 1

#: Bytes for which a grant is worth its frame, however large the window.
WORTH = 128 * 1024


class Inbound:
    """
    A window that the peer spends and we refill.

    :ivar room: bytes the peer may still send.
    :ivar owed: bytes drained that no grant has been sent for.
    :ivar size: bytes of the window now.
    """

    __slots__ = ("most", "owed", "room", "size")

    def __init__(self, size: int, most: int = 0) -> None:
        """
        Open a window.

        :param size: bytes the peer may send before it hears from us.
        :param most: bytes up to which the window grows, twofold with every
            grant: only who has shown that the bytes are passed on may have
            many under way.
        """
        self.size = size
        self.most = max(size, most)
        self.room = size
        self.owed = 0

    @property
    def held(self) -> int:
        """Return how many bytes have come and were not drained."""
        return self.size - self.room - self.owed

    def received(self, count: int) -> None:
        """
        Note that *count* bytes came.

        :raises CreditError: the peer had not been granted that many.
        """
        if count > self.room:
            raise CreditError(f"{count} bytes came, but {self.room} were granted")
        self.room -= count

    def drained(self, count: int) -> int:
        """
        Note that *count* bytes were passed on.

        :returns: the bytes to grant now, or 0 to wait until it is worth a frame.
        """
        self.owed += count
        if self.owed < WORTH and self.owed * 2 < self.size:
            return 0
        wider = min(self.size * 2, self.most)
        grant = self.owed + wider - self.size
        self.size = wider
        self.owed = 0
        self.room += grant
        return grant
