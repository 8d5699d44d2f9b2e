"""
What every client's connection shares, and the sessions that are open.

The front door makes sessions; here they are numbered, counted and, when they
are over, written down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from uuid import uuid4

from twisted.logger import Logger

from ..dialect.budget import Shared
from ..dialect.servedspdy import Errors, ServedSpdy, Visit
from ..gateway.kubeapi import KubeApi
from ..gateway.routing import Routing
from ..gateway.switchboard import Switchboard
from ..wire import portforward
from ..wire.upgrade import Request
from ..wire.urls import PortForwardUrl, Spelling
from .shell import Shell, Turn

_log = Logger()


@dataclass(slots=True, eq=False)
class Session:
    """
    One client's session, for the log line that it gets when it is over.

    :ivar since: when it began, in seconds of the reactor's clock.
    """

    visit: Visit
    dialect: ServedSpdy
    shell: Shell
    since: float


@dataclass(slots=True)
class House:
    """
    What every connection at the front door needs.

    :ivar wall_clock: seconds since 1970, for the age of things.
    """

    switchboard: Switchboard
    routing: Routing
    api: KubeApi
    turn: Turn
    wall_clock: Callable[[], float]
    errors: Errors = Errors.ISOLATE
    shared: Shared = field(default_factory=Shared)
    stopping: bool = False
    sessions: set[Session] = field(default_factory=set)
    numbers: count[int] = field(default_factory=count)
    #: Tells two runs of the gateway apart in a log that has both.
    run: str = field(default_factory=lambda: uuid4().hex[:6])

    def next_session_id(self) -> str:
        """Return a number for a session that no other has."""
        return f"{self.run}-{next(self.numbers)}"

    def note(self, visit: Visit, words: str) -> None:
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
            pod=f"{target.namespace}/{target.pod}",
            seconds=self.turn.seconds() - session.since,
            tunnels=session.dialect.opened,
            why="the gateway stopped" if self.stopping else session.dialect.why,
        )


def describe(request: Request, url: PortForwardUrl, chosen: str | None) -> str:
    """Say who a client is and what it speaks, in words for a log."""
    agent = portforward.one_line(request.header("user-agent") or "unknown client")
    if chosen is not None:
        generation = "C"
    elif url.spelling is Spelling.PODS:
        generation = "B"
    else:
        generation = "A"
    how = f"{request.method} {url.spelling.value}"
    return f"{agent[:200]}; SPDY/3.1 generation {generation}; {how}"
