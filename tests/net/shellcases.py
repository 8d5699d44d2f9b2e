"""A shell on a transport in memory, and a dialect that does as it is told."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import (
    Noted,
    TunnelEvent,
    nothing,
)
from spdygate.gateway.relay import Relay
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.shell import Shell
from spdygate.net.turn import Turn

_NEVER = float("inf")


class Transport(StringTransport):
    """A transport in memory that counts writes, and notes how it was left."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.had_producer_when_lost = False
        self.aborted = False

    def write(self, data: bytes) -> None:
        """Note each write by itself."""
        self.writes.append(data)
        super().write(data)

    def loseConnection(self) -> None:
        """Note whether there still was a producer, which would keep it open."""
        self.had_producer_when_lost = self.producer is not None
        super().loseConnection()

    def abortConnection(self) -> None:
        """Note it."""
        self.aborted = True


class Script:
    """
    A dialect that does what a test has written down.

    :ivar diary: what was asked of it, in order.
    :ivar ready: bytes to write now; `waiting` those that are released later.
    :ivar told: what the next `feed`, `tick` or `lost` has to tell.
    """

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.ready = b""
        self.waiting = b""
        self.told: list[TunnelEvent] = []
        self.ending = False
        self.reading = True
        self.due = _NEVER
        self.wake: Callable[[], None] = nothing

    @property
    def has_waiting(self) -> bool:
        """Return whether anything waits."""
        return bool(self.waiting)

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Keep it."""
        self.wake = wake

    def feed(self, data: bytes, now: float) -> list[TunnelEvent]:
        """Tell what is to be told."""
        self.diary.append(f"feed {data.decode()} at {now:g}")
        return self._tell()

    def _tell(self) -> list[TunnelEvent]:
        told, self.told = self.told, []
        return told

    def outgoing(self) -> bytes:
        """Hand out what is ready."""
        self.diary.append("outgoing")
        ready, self.ready = self.ready, b""
        return ready

    def release(self, limit: int) -> list[TunnelEvent]:
        """Make a helping of what waits ready."""
        self.ready, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return [Noted(f"released {len(self.ready)}")]

    def pause(self) -> None:
        """Note it."""
        self.diary.append("pause")

    def resume(self) -> None:
        """Note it."""
        self.diary.append("resume")

    def lost(self, why: str = "") -> list[TunnelEvent]:
        """Tell what is to be told."""
        self.diary.append("lost")
        return self._tell()

    def deadline(self) -> float:
        """Return what the test has set."""
        return self.due

    def tick(self, now: float) -> list[TunnelEvent]:
        """Note the time."""
        self.diary.append(f"tick at {now:g}")
        self.due = _NEVER
        return self._tell()


class Nowhere:
    """
    A dialer that leaves all tunnels where they are.

    :ivar relays: those it was asked for.
    """

    def __init__(self) -> None:
        self.relays: list[Relay] = []

    def dial(self, relay: Relay) -> None:
        """Keep it."""
        self.relays.append(relay)


class ShellCase(SynchronousTestCase):
    """What all tests of the shell stand on."""

    def setUp(self) -> None:
        """Connect one shell."""
        self.clock = Clock()
        self.turn = Turn(self.clock)
        self.dialer = Nowhere()
        self.switchboard = Switchboard(self.dialer)
        self.script, self.transport, self.shell = self.connect()

    def connect(self, script: Script | None = None) -> tuple[Script, Transport, Shell]:
        """Connect a shell more, in the same turn of the same reactor."""
        script = script or Script()
        shell, transport = Shell(script, self.switchboard, self.turn), Transport()
        shell.makeConnection(transport)
        script.diary.clear()
        return script, transport, shell
