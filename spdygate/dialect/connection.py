"""
What whoever carries a connection asks of the dialect that is spoken on it.

The shell carries dialects over transports, and `spdygate.dialect.carried` one
dialect in the messages of another; neither knows more of them than this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeGuard

from .tunnel import TunnelEvent


class Dialect(Protocol):
    """One dialect on one connection; every one of them satisfies it."""

    @property
    def ending(self) -> bool:
        """Return whether the connection is to be closed once all is written."""

    @property
    def reading(self) -> bool:
        """Return whether the peer may be read from."""

    @property
    def has_waiting(self) -> bool:
        """Return whether `release` might write something now."""

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Have *wake* called when there is something to write or read again."""

    def feed(self, data: bytes, now: float) -> list[TunnelEvent]:
        """Take bytes from the peer; return what happened."""

    def outgoing(self) -> bytes:
        """Return, and forget, the bytes to write."""

    def release(self, limit: int) -> list[TunnelEvent]:
        """Write about *limit* bytes of what has waited and may go now."""

    def pause(self) -> None:
        """Hold DATA back: the transport is congested."""

    def resume(self) -> None:
        """Let DATA go again."""

    def lost(self, why: str = ...) -> list[TunnelEvent]:
        """Hear that the connection is gone; return what that means."""

    def deadline(self) -> float:
        """Return the time at which `tick` has something to do."""

    def tick(self, now: float) -> list[TunnelEvent]:
        """Do what *now* demands."""


class HalfCloseable(Dialect, Protocol):
    """
    A dialect whose bytes are TCP's own: each direction ends with a FIN.

    Every other dialect says in its frames that a direction has ended, and takes
    the peer's FIN for the end of the connection.
    """

    @property
    def finished(self) -> bool:
        """Return whether we have no more to say, once all is written."""

    def eof(self, now: float) -> list[TunnelEvent]:
        """Hear that the peer has no more to say; return what that means."""


def half_closes(dialect: Dialect) -> TypeGuard[HalfCloseable]:
    """
    Say whether each direction of a dialect ends with a FIN.

    ``isinstance`` would look for every name of the protocol, which took a
    twentieth of the time that a session takes.
    """
    return hasattr(dialect, "eof")
