"""
Ping and idle limits, as arithmetic on ``now``.

Nothing here owns a clock.  Whoever does asks `Liveness.next` when to come
back, and then asks `Liveness.judge` what is to be done.  Times are seconds of
any clock that does not jump.
"""

from __future__ import annotations

from enum import Enum, auto


def in_words(seconds: float) -> str:
    """Say how long that is, in the largest unit that has no rest."""
    for size, unit in ((3600, "hour"), (60, "minute")):
        count, rest = divmod(seconds, size)
        if count and not rest:
            return f"{count:.0f} {unit}{'' if count == 1 else 's'}"
    return f"{seconds:g} s"


class Verdict(Enum):
    """What a look at the clock led to."""

    FINE = auto()
    #: The peer has been silent for long: ask whether it is there.
    PING = auto()
    #: It was asked and did not answer in time.
    DEAD = auto()
    #: Nothing useful has happened for too long.
    IDLE = auto()


class Liveness:
    """
    Whether a peer is there, and whether anyone still uses it.

    :ivar interval: seconds of silence before a PING; it keeps load balancers
        and NAT tables, which forget a quiet connection after 4 to 10 minutes,
        from doing so.
    :ivar patience: seconds to wait for anything at all after a PING, or
        ``None`` to never call the peer dead: a Go client whose one reader is
        stuck answers nothing and is still alive (docs/protocol.rst, 3.4).
    :ivar idle: seconds without a tunnel's byte before the session has
        outlived its use, or ``None``.
    """

    def __init__(
        self,
        now: float,
        interval: float,
        patience: float | None = None,
        idle: float | None = None,
    ) -> None:
        self.interval = interval
        self.patience = patience
        self.idle = idle
        self._heard = now
        self._asked: float | None = None
        self._used = now

    def heard(self, now: float) -> None:
        """Note that anything at all came from the peer."""
        self._heard = now
        self._asked = None

    def used(self, now: float) -> None:
        """Note that a frame of some tunnel passed, in either direction."""
        self._used = now

    def next(self) -> float:
        """Return the time at which `judge` has something new to say."""
        times = []
        if self._asked is None:
            times.append(self._heard + self.interval)
        else:
            wait = self.interval if self.patience is None else self.patience
            times.append(self._asked + wait)
        if self.idle is not None:
            times.append(self._used + self.idle)
        return min(times, default=float("inf"))

    def judge(self, now: float) -> Verdict:
        """
        Say what *now* demands.

        With patience ``PING`` is said once, and then counted on; without, it
        is said again after every interval of silence.
        """
        if self.idle is not None and now >= self._used + self.idle:
            return Verdict.IDLE
        if self._asked is None:
            if now < self._heard + self.interval:
                return Verdict.FINE
            self._asked = now
            return Verdict.PING
        if self.patience is not None:
            late = now >= self._asked + self.patience
            return Verdict.DEAD if late else Verdict.FINE
        if now < self._asked + self.interval:
            return Verdict.FINE
        # Whoever writes to a connection that is gone hears of it, also while
        # nobody reads from it.
        self._asked = now
        return Verdict.PING
