"""
Which tunnel keeps everyone else of its session waiting.

A Go client has no flow control: when one of its pods does not read, the session
is not read from, and all its tunnels stand still (`budget`).  A pod that is slow
but moves is borne for ever.  One that takes not a single byte for
`Patience.stall` seconds while others of the session wait, is *stalled*: its
tunnel is reset, alone.  It has `Patience.alone` if there is no other; a session
that is not read from cannot see that another one is being asked for.

The same holds for what comes down from a node that knows no flow control, and
waits for a client.  But a client that does not read at all must not lose one
tunnel after the other: it may be suspended, or behind a link that is down, and
all of them wait for the same reason.  So only a tunnel is blamed whose client
lets it wait and would take the bytes of others, as far as its dialect can tell
(`Starving`).  Clients without flow control never can, unless their PINGs tell;
whoever has stopped reading all is for the time limits of their sessions.  One
that is alone on its node's connection has all the time there is: the next tunnel
is opened on another (`spdygate.net.lines`).

Clients with flow control fill no session, but with a hundred pods at once that do
not read: then no credit is given back for the connection, and the same holds.

That the process is over its budget is nobody's stall.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Generic, Protocol, TypeVar, runtime_checkable

from ..session.deadlines import in_words
from .patience import USUAL, Patience
from .tunnel import End, Failed, Failure, Reason, Receiver, TunnelEvent

#: Seconds between two looks at a session that is not read from.
INTERVAL = 1.0

_NEVER = float("inf")


class Holding(Protocol):
    """
    An end, as far as it can stall.

    :ivar granted: bytes that the other side has taken, ever.
    :ivar over: whether the tunnel has ended.
    """

    @property
    def held(self) -> int:
        """Return the bytes received that the other side has not taken."""

    granted: int
    over: bool


class HoldingEnd(Holding, End, Protocol):
    """A client's end, all of it."""


class Joined(Holding, Protocol):
    """An end that may be joined to a client's; see `spdygate.dialect.tunnel.End`."""

    receiver: Receiver | None


@runtime_checkable
class Starving(Protocol):
    """A client's end that knows whom its bytes wait for."""

    def starved(self) -> bool:
        """Say whether the client lets this tunnel wait, and would let others go."""


@runtime_checkable
class _Joint(Protocol):
    """Whoever has joined two ends: a relay."""

    near: object


def starved(end: Joined) -> bool:
    """Say whether the client of a tunnel keeps it waiting, and no other."""
    joint = end.receiver
    near = joint.near if isinstance(joint, _Joint) else None
    return isinstance(near, Starving) and near.starved()


def anyone(end: Holding) -> bool:
    """Blame whoever holds most."""
    return True


class Budget(Protocol):
    """What a session holds: `spdygate.dialect.budget.Held`, or windows."""

    @property
    def stuck(self) -> bool:
        """Return whether what its tunnels hold keeps the session from being read."""

    @property
    def tunnel_limit(self) -> int:
        """Return the bytes of one tunnel that are enough for that."""


AnyEnd = TypeVar("AnyEnd", bound=Holding)
AnyHoldingEnd = TypeVar("AnyHoldingEnd", bound=HoldingEnd)


class Stalls(Generic[AnyEnd]):
    """Watches the tunnels of one session."""

    def __init__(
        self,
        held: Budget,
        now: float,
        patience: Patience = USUAL,
        blamed: Callable[[AnyEnd], bool] = anyone,
    ) -> None:
        """
        Begin to watch.

        :param held: what the session holds.
        :param now: seconds, of the clock that `look` is told.
        :param blamed: whether it can be for a tunnel's own sake that its bytes
            wait; asked at every look.
        """
        self._held = held
        self._patience = patience
        self._blamed = blamed
        self._looked = now
        #: What each that is to blame had taken, ever, when it last took a byte.
        self._since: dict[AnyEnd, tuple[int, float]] = {}

    def next(self) -> float:
        """Return the time at which `look` has something to see."""
        return self._looked + INTERVAL if self._held.stuck else _NEVER

    def look(self, ends: Collection[AnyEnd], now: float) -> AnyEnd | None:
        """
        Return the tunnel that has stalled, if one has; of many the fullest.

        :param ends: all tunnels of the session.
        """
        live = [end for end in ends if not end.over] if self._held.stuck else []
        # Whoever is not looked at has not been in anybody's way meanwhile.
        gap, self._looked = now - self._looked, now
        since, self._since = self._since if gap <= 2 * INTERVAL else {}, {}
        for end in self._fullest(live):
            granted, begun = since.get(end, (-1, now))
            if self._blamed(end):
                begun = begun if granted == end.granted else now
                self._since[end] = end.granted, begun
        patience = self._patience.stall if len(live) > 1 else self._patience.alone
        late = (
            end for end, (_, begun) in self._since.items() if now - begun >= patience
        )
        return next(late, None)

    def _fullest(self, live: list[AnyEnd]) -> list[AnyEnd]:
        """Return those without whose bytes the session would be read from."""
        full = [end for end in live if end.held > self._held.tunnel_limit]
        if live and not full:
            full.append(max(live, key=lambda end: end.held))
        return sorted(full, key=lambda end: -end.held)


def reset_stalled(
    stalls: Stalls[AnyHoldingEnd],
    ends: Collection[AnyHoldingEnd],
    patience: Patience,
    now: float,
    told: list[TunnelEvent],
) -> None:
    """Give up the tunnel whose pod keeps all the others of a client waiting, alone."""
    end = stalls.look(ends, now)
    if end is not None:
        failure = stalled(end, len(ends) - 1, patience)
        end.fail(failure)
        told.append(Failed(end, failure))


def stalled(
    end: Holding, others: int, patience: Patience = USUAL, who: str = "pod"
) -> Failure:
    """
    Say why a tunnel is reset that has stalled.

    :param others: how many tunnels waited for it.
    :param who: does not read.
    """
    seconds = in_words(patience.stall if others else patience.alone)
    waited = f" while {others} other tunnels waited" if others else ""
    words = (
        f"the {who} has taken none of {end.held} bytes for {seconds}{waited}: "
        "the connection is given up"
    )
    return Failure(Reason.STALLED, words)
