"""
SPDY/3.1 flow control toward peers that count, and toward those that do not.

The draft (section 2.6.8) gives every stream, and the session, 64 KiB in each
direction.  No Go peer ever counted: such a one neither sends WINDOW_UPDATE
nor waits for it, and each one it is sent costs it a slot in its queues.  So:

1. A peer counts as *not counting* until it shows otherwise, by sending
   SETTINGS, WINDOW_UPDATE or pseudo headers.  Until then it is granted
   nothing and held to nothing, and what we send it is held back by the
   transport alone.
2. From that moment on both directions are counted as if they always had been.
3. One peer counts and never shows it: it stops dead after exactly 64 KiB.  A
   stream that has sent exactly so many bytes and then been silent for
   `SILENCE` seconds is granted all there is, once, and so is its session.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import RemoteStreamError, RstStatus
from .outbox import UNLIMITED, Outbox
from .windows import LARGEST_WINDOW

#: Bytes: the initial window of every stream and session (draft, 2.6.8).
INITIAL_WINDOW = 64 * 1024

#: Seconds after which a stream that sent exactly `INITIAL_WINDOW` is stuck.
SILENCE = 1.0

_NEVER = float("inf")

#: What one WINDOW_UPDATE may still add to a window that began with 64 KiB.
ALL_THERE_IS = LARGEST_WINDOW - INITIAL_WINDOW


class OverrunError(RemoteStreamError):
    """A peer that counts sent more than it had been granted."""

    rst = RstStatus.FLOW_CONTROL_ERROR


@dataclass(slots=True)
class Account:
    """
    What one stream has sent us, and what it may.

    :ivar received: bytes of DATA so far.
    :ivar drained: bytes of it that were passed on.
    :ivar granted: bytes beyond the initial window that the peer was told of.
    """

    received: int = 0
    drained: int = 0
    granted: int = 0


class Credit:
    """
    The two directions of one session's flow control.

    :ivar counting: whether the peer has shown that it keeps count.
    :ivar initial: bytes of a new stream's window, as the peer's SETTINGS say.
    """

    def __init__(self, outbox: Outbox) -> None:
        self.counting = False
        self.initial = INITIAL_WINDOW
        self._outbox = outbox
        self._session = Account()
        self._suspects: dict[int, float] = {}

    def stream_window(self) -> int:
        """Return the window that a stream opened now begins with."""
        return self.initial if self.counting else UNLIMITED

    def start(self) -> None:
        """Begin to count: the peer has shown that it does."""
        if self.counting:
            return
        self.counting = True
        self._session.drained = self._session.received
        # A window that was UNLIMITED has been shrinking all the while, so the
        # shift leaves what is left of the 64 KiB that the peer believes in.
        self._outbox.shift(self.initial - UNLIMITED)
        self._outbox.window += INITIAL_WINDOW - UNLIMITED

    def change_initial(self, size: int) -> None:
        """Follow the peer's SETTINGS_INITIAL_WINDOW_SIZE, in bytes."""
        if self.counting:
            self._outbox.shift(size - self.initial)
        self.initial = size

    def arrived(self, count: int) -> int:
        """
        Note *count* bytes of DATA of any stream, or of none that is left.

        :returns: the bytes to grant to the session at once: one stuck stream
            must not starve the others, so the session never waits for a drain.
        """
        account = self._session
        account.received += count
        if not self.counting:
            return 0
        account.drained = account.received
        return self._settle(account)

    def received(
        self, stream_id: int, account: Account, count: int, now: float
    ) -> None:
        """
        Note *count* bytes of one stream.

        :raises OverrunError: it had not been granted that many.
        """
        account.received += count
        if self.counting:
            if account.received - account.granted > INITIAL_WINDOW:
                raise OverrunError(stream_id, f"stream {stream_id} overran its window")
        elif account.received == INITIAL_WINDOW:
            self._suspects[stream_id] = now
        elif self._suspects:
            self._suspects.pop(stream_id, None)

    def drained(self, account: Account, count: int) -> int:
        """Note that *count* bytes were passed on; return what to grant for them."""
        account.drained += count
        if not self.counting:
            return 0
        return self._settle(account)

    @staticmethod
    def _settle(account: Account) -> int:
        """Return what is owed, once it is worth a frame."""
        owed = account.drained - account.granted
        if owed * 2 < INITIAL_WINDOW:
            return 0
        account.granted = account.drained
        # A peer that began to count late may have sent more than a frame can say.
        return min(owed, ALL_THERE_IS)

    def next(self) -> float:
        """Return when a silent stream has been silent long enough."""
        if not self._suspects:
            return _NEVER
        return min(self._suspects.values()) + SILENCE

    def stuck(self, now: float) -> list[int]:
        """Return the streams that wait for a grant nobody knew they wanted."""
        found = [key for key, since in self._suspects.items() if now >= since + SILENCE]
        for stream_id in found:
            del self._suspects[stream_id]
        return found

    def rescue(self, account: Account | None = None) -> int:
        """
        Return what to grant to a stream that is stuck, and likewise to its session.

        All there is, once: a second time would pass the largest window.

        :param account: the stream's; ``None`` for the session's.
        """
        account = account or self._session
        if self.counting:
            return self._settle(account)
        more = ALL_THERE_IS - account.granted
        account.granted += more
        return more

    def forget(self, stream_id: int) -> None:
        """Drop what is kept of a stream that is over, or will not send any more."""
        if self._suspects:
            self._suspects.pop(stream_id, None)
