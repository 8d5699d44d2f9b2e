"""
Where tunnel events go: new tunnels to a dialer, all else to their relay.

What happens to exchanges goes the same way, to their `Passage`.  A request
that begins one does not get here: whoever carries the connection knows whether
there is an API server to pass it to (`spdygate.net.passing`).

Every connection, toward clients and toward nodes, hands what happened on it to
the one switchboard of its service.  It keeps no table: the end that an event
names carries its receiver.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ..dialect.exchange import Asked
from ..dialect.tunnel import (
    End,
    Exchanged,
    Failure,
    Noted,
    Opening,
    Reason,
    RelayEvent,
    TunnelEvent,
)
from .relay import Observer, Relay

_UNHEARD = Failure(Reason.INTERNAL, "there is nobody here to answer this request")


class Dialer(Protocol):
    """Who finds the other end of a tunnel."""

    def dial(self, relay: Relay) -> None:
        """
        Begin to connect *relay* to the target its request names.

        Sooner or later, possibly before it returns, it calls `Relay.join` with
        an end that will report `Opened` or `Failed`, or `Relay.refuse`.
        """


class Switchboard:
    """Joins what clients open to what a dialer connects."""

    def __init__(self, dialer: Dialer, observer: Observer | None = None) -> None:
        self._dialer = dialer
        self._observer = observer or Observer()

    def act(self, told: Iterable[TunnelEvent]) -> list[str]:
        """
        Act on what happened on a connection.

        :returns: what a log should have about the connection itself.
        """
        notes: list[str] = []
        for event in told:
            if isinstance(event, Noted):
                notes.append(event.message)
                continue
            try:
                self._act(event)
            except Exception as error:
                # Whatever this is, it is one tunnel's: its neighbours on the
                # connection, and what else happened to them, go on.
                self._observer.fault(error)
                self._give_up(event.end, f"a fault here: {error}")
        return notes

    @staticmethod
    def _give_up(end: End, words: str) -> None:
        """End the tunnel that an end belongs to, on both sides."""
        if end.receiver is not None:
            end.receiver.refuse(Failure(Reason.INTERNAL, words))

    def _act(self, event: Opening | RelayEvent | Exchanged) -> None:
        """Act on what happened to one tunnel, or one exchange."""
        if isinstance(event, Opening):
            relay = Relay(event.end, event.request, self._observer)
            self._dialer.dial(relay)
        elif isinstance(event, Asked):
            event.end.fail(_UNHEARD)
        elif event.end.receiver is not None:
            event.end.receiver.act(event)
