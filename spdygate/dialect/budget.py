"""
How much may wait here for clients that no window can hold back.

A Go client sends until its TCP connection stops it (docs/protocol.rst, 3.4).
What its pods do not take at once is held, within three budgets: one tunnel's,
its session's, and the process's.  Past any of them the session is not read
from, and TCP does the rest.

`Shared` is the process's; `Held` is one session's, and counts the tunnels in
it.  A session that was told not to read is woken when it may, even if it was
another one that made room.  A byte is counted when it is received and no longer when it is granted,
also when the tunnel it came on is long over: it may still wait on the other
side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .tunnel import nothing

#: Bytes: of one tunnel, of one session, of the process.
TUNNEL = 4 * 1024 * 1024
SESSION = 16 * 1024 * 1024
PROCESS = 1024 * 1024 * 1024

#: Seconds that what was sent before an end may wait without moving at all.
LINGER = 60.0


@dataclass(slots=True)
class Shared:
    """
    What all sessions of a process hold.

    :ivar limit: bytes.
    :ivar held: bytes.
    :ivar stopped: the sessions that were told not to read.
    """

    limit: int = PROCESS
    held: int = 0
    stopped: set[Held] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Held:
    """
    What one session holds.

    :ivar shared: the budget of which this one is a part.
    :ivar limit: bytes of the session.
    :ivar tunnel_limit: bytes of each of its tunnels.
    :ivar total: bytes held now.
    :ivar full: how many of its tunnels are over their limit.
    :ivar wake: called when the session may be read from again.
    """

    shared: Shared
    limit: int = SESSION
    tunnel_limit: int = TUNNEL
    total: int = 0
    full: int = 0
    wake: Callable[[], None] = nothing

    @property
    def stuck(self) -> bool:
        """Return whether it is the session's own fault that it is not read from."""
        return self.full > 0 or self.total > self.limit

    @property
    def over(self) -> bool:
        """Return whether the session should not be read from."""
        if self.stuck:
            return True
        return self.total > 0 and self.shared.held > self.shared.limit

    def may_read(self) -> bool:
        """Say whether the session may be read from; if not, `wake` says when."""
        if not self.over:
            return True
        self.shared.stopped.add(self)
        return False

    def take(self, before: int, count: int) -> int:
        """
        Count *count* bytes received for a tunnel that held *before*.

        :returns: what the tunnel holds now.
        """
        after = before + count
        self.total += count
        self.shared.held += count
        if before <= self.tunnel_limit < after:
            self.full += 1
        return after

    def give(self, before: int, count: int) -> int:
        """
        Count *count* bytes of a tunnel as gone.

        :returns: what the tunnel holds now.
        """
        after = before - count
        self.total -= count
        self.shared.held -= count
        if after <= self.tunnel_limit < before:
            self.full -= 1
        if self.shared.stopped:
            self._wake_stopped(count)
        return after

    def _wake_stopped(self, count: int) -> None:
        """Wake whoever may be read from again, now that *count* bytes are gone."""
        shared = self.shared
        made_room = shared.held <= shared.limit < shared.held + count
        for held in list(shared.stopped) if made_room else [self]:
            if held in shared.stopped and not held.over:
                shared.stopped.remove(held)
                held.wake()
