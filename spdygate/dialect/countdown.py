"""
One number of seconds, counted down for each of many streams.

All begin with the same number, so whoever began last is due last, and nothing
has to be sorted.  Whoever begins one need not know the time: what we ask of an
end comes without it, and is counted from the next look at the clock.
"""

from __future__ import annotations

from itertools import takewhile

_NEVER = float("inf")


class Countdown:
    """
    What is due for which stream, and when.

    :ivar seconds: from the beginning until it is due.
    """

    __slots__ = ("_due", "_fresh", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._due: dict[int, float] = {}
        self._fresh: dict[int, None] = {}

    def __contains__(self, stream_id: int) -> bool:
        """Say whether anything is counted down for the stream."""
        return stream_id in self._due or stream_id in self._fresh

    def begin(self, stream_id: int) -> None:
        """Count from the next look at the clock, also if it has begun before."""
        self.stop(stream_id)
        self._fresh[stream_id] = None

    def begin_at(self, stream_id: int, now: float) -> None:
        """Count from *now*, also if it has begun before."""
        self.stop(stream_id)
        self._due[stream_id] = now + self.seconds

    def stop(self, stream_id: int) -> None:
        """Forget a stream."""
        self._due.pop(stream_id, None)
        self._fresh.pop(stream_id, None)

    def next(self, now: float) -> float:
        """Return when to look at the clock: at once if somebody waits for it."""
        if self._fresh:
            return now
        return next(iter(self._due.values()), _NEVER)

    def expired(self, now: float) -> list[int]:
        """Return, and forget, the streams for which it is due."""
        for stream_id in self._fresh:
            self._due[stream_id] = now + self.seconds
        self._fresh.clear()
        late = takewhile(lambda item: item[1] <= now, self._due.items())
        found = [stream_id for stream_id, _ in late]
        for stream_id in found:
            del self._due[stream_id]
        return found
