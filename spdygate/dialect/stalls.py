"""
Which tunnel keeps everyone else of its session waiting.

A Go client has no flow control: when one of its pods does not read, the session
is not read from, and all its tunnels stand still (`budget`).  A pod that is slow
but moves is borne for ever.  One that takes not a single byte for `PATIENCE`
seconds while others of the session wait, is *stalled*: its tunnel is reset,
alone.  The patience is `ALONE` if there is no other; a session that is not read
from cannot see that another one is being asked for.

That the process is over its budget is nobody's stall.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Generic, Protocol, TypeVar

from .budget import Held
from .tunnel import Failure, Reason

#: Seconds without a byte, with other tunnels in the session, and with none.
PATIENCE = 5.0
ALONE = 60.0

#: Seconds between two looks at a session that is not read from.
INTERVAL = 1.0

_NEVER = float("inf")


class Holding(Protocol):
    """
    An end, as far as it can stall.

    :ivar held: bytes received that the other side has not taken.
    :ivar granted: bytes that it has taken, ever.
    :ivar over: whether the tunnel has ended.
    """

    held: int
    granted: int
    over: bool


AnyEnd = TypeVar("AnyEnd", bound=Holding)


class Stalls(Generic[AnyEnd]):
    """Watches the tunnels of one session."""

    def __init__(self, held: Held, now: float) -> None:
        """
        Begin to watch.

        :param held: what the session holds.
        :param now: seconds, of the clock that `look` is told.
        """
        self._held = held
        self._looked = now
        self._suspect: AnyEnd | None = None
        self._granted = 0
        self._since = now

    def next(self) -> float:
        """Return the time at which `look` has something to see."""
        return self._looked + INTERVAL if self._held.stuck else _NEVER

    def look(self, ends: Collection[AnyEnd], now: float) -> AnyEnd | None:
        """
        Return the tunnel that has stalled, if one has.

        :param ends: all tunnels of the session.
        """
        self._looked = now
        if not self._held.stuck:
            self._suspect = None
            return None
        live = [end for end in ends if not end.over]
        suspect = max(live, key=lambda end: end.held, default=None)
        if suspect is None:
            return None
        if suspect is not self._suspect or suspect.granted != self._granted:
            self._suspect, self._granted, self._since = suspect, suspect.granted, now
        patience = PATIENCE if len(live) > 1 else ALONE
        return suspect if now - self._since >= patience else None


def stalled(end: Holding, others: int) -> Failure:
    """
    Say why a tunnel is reset that has stalled.

    :param others: how many tunnels waited for it.
    """
    seconds = PATIENCE if others else ALONE
    waited = f" while {others} other tunnels waited" if others else ""
    words = (
        f"the pod has taken none of {end.held} bytes for {seconds:.0f} s{waited}: "
        "the connection is given up"
    )
    return Failure(Reason.STALLED, words)
