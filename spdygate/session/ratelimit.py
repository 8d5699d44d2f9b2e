"""
A token bucket on ``now``: how much noise a peer may make.

Some frames cost us work and the peer nothing: resets of streams that were
never answered, PINGs, SETTINGS, empty DATA.  A peer that behaves needs a few
of each; one that attacks needs them by the ten thousand (CVE-2023-44487,
CVE-2019-9512 and its siblings).  All kinds share one bucket, so that an
attacker gains nothing by mixing them.
"""

from __future__ import annotations

from ..errors import LimitError

#: Frames that may come at once, and frames a second from then on.  The values
#: of Twisted 26.10 against rapid resets: a page of a hundred pictures that is
#: left at once is ten times below.
BURST = 1000
RATE = 33.0


class RateLimit:
    """Tokens that every noisy frame takes and time gives back."""

    __slots__ = ("_burst", "_rate", "_then", "_tokens")

    def __init__(self, burst: int = BURST, rate: float = RATE) -> None:
        """
        Fill the bucket.

        :param burst: frames that may come at once.
        :param rate: frames a second that may come for ever.
        """
        self._burst = burst
        self._rate = rate
        self._tokens = float(burst)
        self._then = float("-inf")

    def take(self, count: int, now: float) -> None:
        """
        Pay for *count* noisy frames.

        :param now: seconds, of any clock that does not jump.
        :raises LimitError: there have been more than the peer may send.
        """
        if not count:
            return
        refilled = self._tokens + max(0.0, now - self._then) * self._rate
        self._tokens = min(float(self._burst), refilled) - count
        self._then = now
        if self._tokens < 0:
            raise LimitError(
                f"too many frames without use: more than {self._burst} at once "
                f"or {self._rate:g} a second"
            )
