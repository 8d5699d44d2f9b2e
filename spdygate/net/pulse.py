"""
Which connections are dead that nobody hears from.

Three things keep the death of a peer from us:

* A transport that is not read from, and has nothing to write, is not known to
  the reactor at all.  Not even a reset is noticed.
* TCP's own keepalive is for connections on which nothing is under way.  While
  one byte is not acknowledged Linux sends that again and again instead, for 15
  minutes (``tcp_retries2``).  Our PINGs are such bytes.
* A peer that has shut its window and then vanished is asked for it ever more
  seldom, for the same quarter of an hour.

The kernel knows better, and tells in ``TCP_INFO``.  So every connection is
looked at once in `ROUND` seconds, read from or not, and is dead if

1. the kernel has given it up: reset, or without an answer to keepalive; or
2. the kernel repeats itself, `ATTEMPTS` times at least, and nothing at all has
   come from the peer's kernel for `SILENCE` seconds since that was first seen.

So a peer that vanishes is found out in a minute and a half, whatever we have
sent it; but if its window had been shut for long, the attempts are as far apart,
two minutes at most, and it takes six.

A peer that is slow, or stopped, or wants no byte for hours, has a kernel that
answers every probe, and is never taken for dead: that is the difference to
TCP_USER_TIMEOUT (see `spdygate.net.sockets`).  What to make of a peer that is
there and does nothing is for its dialect, and its PINGs.

There is one timer for all connections.  It looks at a part of them each second,
so that ten thousand cost no more than a few milliseconds of any turn.
"""

from __future__ import annotations

import socket
from itertools import islice
from struct import Struct
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime, ITransport
from twisted.protocols.policies import ProtocolWrapper

#: Seconds in which every connection is looked at, and those from one part of
#: them to the next.
ROUND = 10.0
STEP = 1.0

#: Seconds without an answer of the peer's kernel while ours repeats itself.
#: Who has slept for less, or has changed networks, may come back.
SILENCE = 50.0

#: Attempts without an answer: of one, which a network may lose, two minutes can
#: pass to the next; and Linux answers none that comes within half a second of
#: another (``tcp_invalid_ratelimit``).
ATTEMPTS = 3

#: The beginning of Linux's ``struct tcp_info`` (linux/tcp.h), as far as it is
#: read: the state; how often the same was sent again, and how often a window or
#: a sign of life was asked for, each since the last answer; and milliseconds
#: since the peer has acknowledged anything.
_INFO = Struct("=BxBB52xI")

#: ``TCP_CLOSE`` (net/tcp_states.h): there is no connection any more.
_CLOSED = 7

_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)


class Watched(Protocol):
    """Whoever has a transport: a shell."""

    @property
    def transport(self) -> ITransport | None:
        """Return it."""

    def abort(self) -> None:
        """Close the connection at once."""


def socket_of(transport: object) -> socket.socket | None:
    """Return the socket below a transport, if it is one that tells."""
    while isinstance(transport, ProtocolWrapper):  # TLS, or the PROXY header's
        transport = transport.transport
    ask = getattr(transport, "getHandle", None)
    handle = None if ask is None else ask()
    if not isinstance(handle, socket.socket) or _TCP_INFO is None:
        return None
    return handle if handle.family in (socket.AF_INET, socket.AF_INET6) else None


class Pulse:
    """Whether the peer of one socket is there, as far as the kernel knows."""

    __slots__ = ("_silence", "_since", "_socket")

    def __init__(self, handle: socket.socket, silence: float = SILENCE) -> None:
        self._socket = handle
        self._silence = silence
        #: Since when the kernel has repeated itself, and nothing has come.
        self._since: float | None = None

    def is_dead(self, now: float) -> bool:
        """
        Look once.

        :param now: seconds, of a clock that runs as the kernel's does.
        """
        assert _TCP_INFO is not None
        if self._socket.fileno() == -1:
            return False  # it was closed, by somebody who knows
        info = self._socket.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _INFO.size)
        return self.judge(info, now)

    def judge(self, info: bytes, now: float) -> bool:
        """Say whether the peer is dead, by what the kernel tells."""
        state, resent, probes, milliseconds = _INFO.unpack(info)
        if state == _CLOSED:
            return True
        if not (resent or probes):
            self._since = None
            return False
        if self._since is None or milliseconds / 1000 < now - self._since:
            self._since = now
        return resent + probes >= ATTEMPTS and now - self._since >= self._silence


class Pulses:
    """Takes the pulse of every connection, and closes those that have none."""

    def __init__(self, clock: IReactorTime, silence: float = SILENCE) -> None:
        self._clock = clock
        self._silence = silence
        #: Whoever was looked at last is at the end.
        self._watched: dict[Watched, Pulse] = {}
        self._timer: IDelayedCall | None = None

    def watch(self, shell: Watched) -> None:
        """Look after a connection until `forget`, if its socket tells anything."""
        handle = socket_of(shell.transport)
        if handle is None:
            return
        self._watched[shell] = Pulse(handle, self._silence)
        if self._timer is None:
            self._timer = self._clock.callLater(STEP, self._look)

    def forget(self, shell: Watched) -> None:
        """Let go of a connection that is gone, or was never looked after."""
        self._watched.pop(shell, None)
        if not self._watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Look at those whose turn it is."""
        self._timer = self._clock.callLater(STEP, self._look)
        now = self._clock.seconds()
        part = 1 + int(len(self._watched) * STEP / ROUND)
        for shell in list(islice(self._watched, part)):
            # Whoever is closed may take others along.
            pulse = self._watched.pop(shell, None)
            if pulse is None:
                continue
            self._watched[shell] = pulse
            if pulse.is_dead(now):
                shell.abort()
