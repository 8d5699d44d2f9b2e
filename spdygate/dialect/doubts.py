"""
Whether all workers of a Go node still work.

A tunnel that is given up while its pod does not read leaves a fifth of a node's
connection stuck, and in the end all of it; the reset cannot help, since it waits
behind what nobody takes (docs/protocol.rst, 3.4).  PINGs are the workers' in
turn, so `WORKERS` of them in a row ask each.  Whoever answers all of them, of
whatever kind, is as good as new.
"""

from __future__ import annotations

from ..session.spdy import SpdySession

#: Workers of a Go server, to which streams are bound by their numbers.
WORKERS = 5


class Doubts:
    """The PINGs of one connection to a node, and which of them matter."""

    __slots__ = ("_last", "_open", "_session")

    def __init__(self, session: SpdySession) -> None:
        self._session = session
        self._last = -1
        self._open: set[int] = set()

    def __bool__(self) -> bool:
        """Return whether there is any doubt."""
        return bool(self._open)

    def ping(self) -> int:
        """Ask the node whether it is there; return the number of the PING."""
        self._last += 2
        self._session.ping(self._last)
        return self._last

    def rise(self) -> None:
        """Ask every worker."""
        self._open = {self.ping() for _ in range(WORKERS)}

    def answered(self, ping_id: int) -> None:
        """Hear that a PING was answered."""
        self._open.discard(ping_id)
