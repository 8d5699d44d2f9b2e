"""
What every client's connection shares, and the sessions that are open.

The front door makes sessions; here they are numbered, counted and, when they
are over, written down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol as Shape
from uuid import uuid4

from twisted.logger import Logger

from ..dialect.budget import Shared
from ..dialect.exchange import Asked
from ..dialect.patience import USUAL, Patience
from ..dialect.servedspdy import Errors
from ..gateway.kubeapi import KubeApi
from ..gateway.rewriting import ClientFacts
from ..gateway.routing import Routing
from ..gateway.switchboard import Switchboard
from ..wire.upgrade import Request, agent
from ..wire.urls import PortForwardUrl, Spelling, Target
from .shell import Shell
from .turn import Turn

_log = Logger()


class Caller(Shape):
    """Whose connection it is, for a log."""

    @property
    def session_id(self) -> str:
        """Return the number of the connection."""

    @property
    def client(self) -> str:
        """Return who it is and what it speaks, in words."""

    @property
    def target(self) -> Target | None:
        """Return the one pod it is about, if it is."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A caller whose tunnels each say where they go."""

    session_id: str
    client: str
    target: Target | None = None


class Counted(Shape):
    """What a log asks of a dialect."""

    @property
    def opened(self) -> int:
        """Return how many tunnels were asked for so far."""

    @property
    def why(self) -> str:
        """Return what ended the connection."""


@dataclass(slots=True, eq=False)
class Session:
    """
    One client's session, for the log line that it gets when it is over.

    :ivar since: when it began, in seconds of the reactor's clock.
    """

    visit: Caller
    dialect: Counted
    shell: Shell
    since: float


class Passing(Shape):
    """Who knows the API server."""

    def carry(self, asked: Asked, client: ClientFacts) -> None:
        """Pass a request on, and see that it is answered."""


@dataclass(slots=True)
class House:
    """
    What every connection at the front door needs.

    :ivar api: answers what is no port-forward while there is no ``passing``.
    :ivar wall_clock: seconds since 1970, for the age of things.
    :ivar patience: how long each thing may take.
    :ivar ping_window: whether PINGs count what a client without flow control
        has read.
    :ivar passing: passes such requests on, if an API server is known.
    """

    switchboard: Switchboard
    routing: Routing
    api: KubeApi
    turn: Turn
    wall_clock: Callable[[], float]
    errors: Errors = Errors.ISOLATE
    patience: Patience = USUAL
    ping_window: bool = True
    shared: Shared = field(default_factory=Shared)
    passing: Passing | None = None
    stopping: bool = False
    sessions: set[Session] = field(default_factory=set)
    numbers: count[int] = field(default_factory=count)
    #: Tells two runs of the gateway apart in a log that has both.
    run: str = field(default_factory=lambda: uuid4().hex[:6])

    def next_session_id(self) -> str:
        """Return a number for a session that no other has."""
        return f"{self.run}-{next(self.numbers)}"

    def note(self, visit: Caller, words: str) -> None:
        """Log what happened in a session that concerns no tunnel."""
        _log.warn(
            "session {id}: {client}: {words}",
            id=visit.session_id,
            client=visit.client,
            words=words,
        )

    def leave(self, session: Session) -> None:
        """See a session off, with a line in the log."""
        self.sessions.discard(session)
        target = session.visit.target
        _log.info(
            "session {id}: {client} -> {pod}: over after {seconds:.1f} s and "
            "{tunnels} tunnels, {why}",
            id=session.visit.session_id,
            client=session.visit.client,
            pod=f"{target.namespace}/{target.pod}" if target else "its pods",
            seconds=self.turn.seconds() - session.since,
            tunnels=session.dialect.opened,
            why="the gateway stopped" if self.stopping else session.dialect.why,
        )


def describe(request: Request, url: PortForwardUrl, chosen: str | None) -> str:
    """
    Say who a SPDY client is and what it speaks, in words for a log.

    :param chosen: the protocol it was told, if it asked.
    """
    if chosen is not None:
        generation = "C"
    elif url.spelling is Spelling.PODS:
        generation = "B"
    else:
        generation = "A"
    return describe_as(request, url, f"SPDY/3.1 generation {generation}")


def describe_as(request: Request, url: PortForwardUrl, generation: str) -> str:
    """Say who a client is, and that it speaks *generation*."""
    how = f"{request.method} {url.spelling.value}"
    return f"{agent(request)}; {generation}; {how}"
