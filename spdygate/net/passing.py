"""
What is no port-forward is passed on to the API server, over HTTP/1.1.

Every request has a connection to itself while it lasts; then the connection is
kept for another one, for a while.  An upgrade's connection is never shared
(CVE-2018-1002105).  A watch takes a connection for hours, and hundreds of
clients watch: there are as many connections as there are exchanges, up to
`MOST`.

Nothing of ours is lent: the connections show no certificate, and no header is
added that says who asks (`spdygate.gateway.rewriting`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure as TwistedFailure

from ..dialect.apiexchange import ApiExchange
from ..dialect.budget import Shared
from ..dialect.exchange import Asked
from ..dialect.tunnel import Failure, Reason
from ..gateway import kubeold
from ..gateway.passage import Passage, Passed
from ..gateway.rewriting import Base, ClientFacts, NotPassed, rewrite
from ..gateway.switchboard import Switchboard
from ..wire.http1fields import PASSED
from .apiserver import ApiServer
from .attempts import STOPPING
from .explain import explain, unreachable
from .shell import Shell
from .sockets import Ready, too_late, tune
from .turn import Turn

_log = Logger()

#: Connections in all: as many as a listener has clients (Envoy's edge guide).
MOST = 10_000

#: Connections that are kept although nobody uses them.
MOST_IDLE = 64

#: Seconds for a connection to the API server to be made.
CONNECTING = 10.0

_FULL = Failure(
    Reason.RETRY,
    f"the gateway has {MOST} requests under way at the API server, and takes no more: "
    "ask again later",
)


class ApiShell(Shell):
    """A shell that says why its connection was lost, as far as TLS and TCP told."""

    def __init__(
        self, dialect: ApiExchange, switchboard: Switchboard, turn: Turn, hop: str
    ) -> None:
        super().__init__(dialect, switchboard, turn)
        self._exchange = dialect
        self._hop = hop

    def connectionLost(self, reason: TwistedFailure = connectionDone) -> None:
        """Take a clean end for the API server's last word, which TLS calls no other."""
        self._exchange.blame = explain(reason, self._hop, "--api")
        if reason.check(ConnectionDone):
            self.readConnectionLost()
        super().connectionLost(reason)


@dataclass(slots=True, eq=False)
class Link:
    """One connection to the API server."""

    dialect: ApiExchange
    shell: Shell


class Passing:
    """Passes requests on to one API server."""

    def __init__(
        self,
        api: ApiServer,
        switchboard: Switchboard,
        turn: Turn,
        shared: Shared | None = None,
    ) -> None:
        """
        Prepare to pass on.

        :param shared: what all connections of the process hold.
        """
        self._api = api
        self._base = Base(api.authority, api.prefix)
        self._switchboard = switchboard
        self._turn = turn
        self._shared = shared or Shared()
        self._links: set[Link] = set()
        #: Those without an exchange, the one that was used last at the end.
        self._idle: deque[Link] = deque()
        self._connecting: set[Deferred[IProtocol]] = set()
        self._stopped = False

    def carry(self, asked: Asked, facts: ClientFacts) -> None:
        """
        Pass a request on; whatever comes of it is told to the client's end.

        :param facts: what is known of the client's connection.
        """
        upgrade = asked.upgrade if asked.upgrade in PASSED else ""
        try:
            passed = self._rewrite(asked, facts, upgrade)
        except NotPassed as error:
            asked.end.fail(Failure(Reason.BAD_REQUEST, str(error)))
            return
        passage = Passage(asked, passed)
        passage.again = lambda: self._connect(passage)
        link = None if upgrade else self._take_idle()
        if link is None:
            self._connect(passage)
        else:
            self._join(link, passage)

    def _rewrite(self, asked: Asked, facts: ClientFacts, upgrade: str) -> Passed:
        """Put together what is written, for a client of 2015 in today's words."""
        request = asked.request
        bodiless = asked.bodiless
        modern = None if upgrade else kubeold.modern_request(request)
        head = rewrite(
            modern or request, facts, self._base, bodiless=bodiless, upgrade=upgrade
        )
        scheme = self._api.scheme
        if modern is None:
            return Passed(head, upgrade, self._base, scheme)
        return Passed(
            head,
            upgrade,
            self._base,
            scheme,
            lambda status, body: kubeold.translate(request, status, body),
        )

    def _take_idle(self) -> Link | None:
        """Return the connection that was idle for the shortest time."""
        while self._idle:
            link = self._idle.pop()
            if link.dialect.usable:
                return link
        return None

    def _join(self, link: Link, passage: Passage) -> None:
        """Ask on a connection."""
        passed = passage.passed
        token = PASSED.get(passed.upgrade, "")
        passage.join(link.dialect.ask(passed.request, upgrade=token))

    # -- connections -----------------------------------------------------------

    def _connect(self, passage: Passage) -> None:
        """Make a connection for an exchange."""
        if self._stopped:
            passage.refuse(STOPPING)
            return
        if len(self._links) + len(self._connecting) >= MOST:
            passage.refuse(_FULL)
            return
        link = self._link()
        # A connection that is made at once is not to be flushed before it is noted.
        with self._turn:
            connecting = self._api.plain_endpoint.connect(Ready(link.shell))
            self._connecting.add(connecting)
            passage.cancel = connecting.cancel
            connecting.addTimeout(CONNECTING, self._turn.clock, too_late)
            connecting.addBoth(self._no_longer_connecting, connecting)
            connecting.addCallback(lambda _: self._connected(link, passage))
            connecting.addErrback(self._unreachable, passage)

    def _no_longer_connecting(
        self, result: object, connecting: Deferred[IProtocol]
    ) -> object:
        """Forget that a connection is being made."""
        self._connecting.discard(connecting)
        return result

    def _link(self) -> Link:
        """Build the protocol of a connection."""
        now = self._turn.seconds()
        dialect = ApiExchange(str(self._api), now, self._shared)
        shell = ApiShell(dialect, self._switchboard, self._turn, str(self._api))
        link = Link(dialect, shell)
        shell.on_flush = lambda: self._changed(link)
        shell.on_lost = lambda why: self._lost(link)
        return link

    def _connected(self, link: Link, passage: Passage) -> None:
        """Ask, now that there is a connection."""
        self._links.add(link)
        tune(link.shell.transport)
        if not passage.over:
            with self._turn:
                self._join(link, passage)

    def _unreachable(self, why: TwistedFailure, passage: Passage) -> None:
        """Refuse what waits for an API server that cannot be reached."""
        if passage.over:
            return
        failure = unreachable(why, str(self._api), "--api")
        _log.warn("{words}", words=failure.message)
        with self._turn:
            passage.refuse(failure)

    def _changed(self, link: Link) -> None:
        """Keep a connection whose exchange is over, or close what is too much."""
        if not link.dialect.usable or link in self._idle or link not in self._links:
            return
        if self._stopped:
            link.shell.close()
            return
        self._idle.append(link)
        if len(self._idle) > MOST_IDLE:
            self._idle.popleft().shell.close()

    def _lost(self, link: Link) -> None:
        """Forget a connection."""
        self._links.discard(link)
        if link in self._idle:
            self._idle.remove(link)

    def stop(self) -> None:
        """Close every connection, and make no other."""
        self._stopped = True
        for connecting in list(self._connecting):
            connecting.cancel()
        for link in list(self._links):
            link.shell.abort()
