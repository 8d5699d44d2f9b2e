"""
The front door: what a client's connection is, before it is a session.

A connection is HTTP/2 by ALPN, or by its first bytes; every other begins with
HTTP/1.1.  A request on a port-forward URL that asks for an upgrade becomes a
session, and the connection is that session from then on.  A client that asks
for something else on such a URL is told what is served here, as a JSON Status:
newer clients then fall back to SPDY by themselves (docs/protocol.rst, 4.2).

What is decided here is which dialect has the connection; a `Shell` carries it.
"""

from __future__ import annotations

from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IDelayedCall,
    IHalfCloseableProtocol,
    IPushProducer,
    ISSLTransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure as TwistedFailure
from zope.interface import implementer

from ..dialect.exchange import Asked
from ..dialect.servedhttp1 import REQUEST_TIMEOUT, Http1End, ServedHttp1
from ..dialect.servedhttp2 import CLIENT_LIMITS
from ..dialect.servedspdy import Visit
from ..dialect.tunnel import Failure, Opening
from ..gateway.rewriting import ClientFacts
from ..session.http2 import Http2Session
from ..wire.upgrade import PrefaceState, preface_state
from ..wire.urls import PortForwardUrl
from .dispatch import Dispatch, refuse
from .house import Caller, Guest, House, Session
from .shell import Board, Shell
from .sockets import Closing, write
from .tls import alpn
from .upgrades import NotGranted, Served, serve_http2, upgrade_of

__all__ = ["REQUEST_TIMEOUT", "FrontDoor", "FrontDoors"]


@implementer(IHalfCloseableProtocol)
class FrontDoor(Protocol):
    """One connection of a client."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._id = house.next_session_id()
        self._early = b""
        self._shell: Shell | None = None
        self._session: Session | None = None
        self._timer: IDelayedCall | None = None
        self._closing = Closing(house.turn.clock)

    # -- what the reactor tells us ----------------------------------------------

    def connectionMade(self) -> None:
        """Give the client a time to say what it is, unless it has said so."""
        if alpn(self.transport) == b"h2":
            self._begin_http2(b"")
            return
        clock = self._house.turn.clock
        self._timer = clock.callLater(REQUEST_TIMEOUT, self._hang_up)

    def dataReceived(self, data: bytes) -> None:
        """Hand bytes to the dialect, or find out which it is."""
        if self._shell is not None:
            self._shell.dataReceived(data)
        elif not self._closing.begun:
            self._early += data
            self._recognise()

    def readConnectionLost(self) -> None:
        """Let the dialect know of the client's FIN, if it is any."""
        if self._shell is not None:
            self._shell.readConnectionLost()
        else:
            self._hang_up()

    def writeConnectionLost(self) -> None:
        """Do nothing: it was us who closed it."""

    def connectionLost(self, reason: TwistedFailure = connectionDone) -> None:
        """Let the dialect know."""
        self._disarm()
        self._closing.over()
        if self._shell is not None:
            self._shell.connectionLost(reason)

    def _disarm(self) -> None:
        """Stop the time."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _hang_up(self) -> None:
        """Close a connection that never was anything."""
        assert self.transport is not None
        self._disarm()
        self._closing.begin(self.transport)

    # -- which dialect it is -----------------------------------------------------

    def _recognise(self) -> None:
        """Tell HTTP/2 from HTTP/1.1 by its preface (RFC 9113, section 3.4)."""
        state = preface_state(self._early)
        if state is PrefaceState.UNSURE:
            return
        early, self._early = self._early, b""
        if state is PrefaceState.YES:
            self._begin_http2(early)
        else:
            self._begin_http1(early)

    def _begin_http1(self, early: bytes) -> None:
        """Serve HTTP/1.1."""
        house = self._house
        dialect = ServedHttp1(self._id, house.shared, house.turn.seconds())
        self._carry(dialect, early, requests=True)

    def _begin_http2(self, early: bytes) -> None:
        """Serve HTTP/2."""
        session = Http2Session(client=False, limits=CLIENT_LIMITS)
        house = self._house
        now = house.turn.seconds()
        dialect = serve_http2(session, self._id, now, house.patience)
        self._carry(dialect, early, requests=True)

    def _carry(self, dialect: Served, early: bytes, *, requests: bool) -> None:
        """
        Let a dialect have the connection.

        :param early: what has come in it already.
        :param requests: whether it may be asked for more than tunnels.
        """
        house = self._house
        self._disarm()
        board: Board = house.switchboard
        if requests:
            board = Dispatch(
                house, self._facts(), self._port_forward, self._tunnel_asked
            )
        self._dialect = dialect
        shell = self._shell = Shell(dialect, board, house.turn)
        shell.lingers = True
        guest = Guest(self._id, self._facts().address or "a client")
        shell.on_note = lambda words: house.note(guest, words)
        shell.on_flush = self._flushed
        shell.makeConnection(self.transport)
        if early:
            shell.dataReceived(early)

    def _flushed(self) -> None:
        """Reset the connection, if a FIN would hide that bytes are missing."""
        if isinstance(self._dialect, ServedHttp1) and self._dialect.aborted:
            assert self._shell is not None
            self._shell.abort()

    def _facts(self) -> ClientFacts:
        """Return what is known of the connection."""
        assert self.transport is not None
        scheme = "https" if ISSLTransport.providedBy(self.transport) else "http"
        return ClientFacts(getattr(self.transport.getPeer(), "host", ""), scheme)

    # -- sessions ----------------------------------------------------------------

    def _port_forward(self, asked: Asked, end: Http1End, url: PortForwardUrl) -> None:
        """Go over to what the client asks for, unless nothing can come of it."""
        house = self._house
        try:
            upgrade = upgrade_of(
                end.head, url, secure=ISSLTransport.providedBy(self.transport)
            )
        except NotGranted as error:
            refuse(asked, error.status, str(error), error.headers)
            return
        route = house.routing.route(url.target) if upgrade.routed else ""
        if isinstance(route, Failure):
            refuse(asked, route.reason.status, route.message)
            return
        visit = Visit(
            url.target, self._id, upgrade.client, negotiated=upgrade.negotiated
        )
        dialect = upgrade.make(house, visit, house.turn.seconds())
        glued = self._leave_http(upgrade.token, upgrade.headers)
        self._carry(dialect, b"", requests=not upgrade.routed)
        if upgrade.routed:
            self._enter(visit)
        if glued:
            self.dataReceived(glued)

    def _leave_http(self, token: str, headers: tuple[tuple[str, str], ...]) -> bytes:
        """
        Answer 101, and take the connection from the shell that carries HTTP.

        :returns: what has come in the new dialect.
        """
        http, shell = self._dialect, self._shell
        assert isinstance(http, ServedHttp1)
        assert shell is not None and self.transport is not None
        left, glued = http.switch(token, headers)
        write(self.transport, left)
        shell.connectionLost()
        self._session = None  # what it was before has been seen off
        IConsumer(self.transport).unregisterProducer()
        IPushProducer(self.transport).resumeProducing()
        return glued

    def _tunnel_asked(self, opening: Opening) -> None:
        """Note that the connection carries tunnels, when it asks for the first."""
        if self._session is None:
            request = opening.request
            one_pod = isinstance(self._dialect, ServedHttp1)
            target = request.target if one_pod else None
            self._enter(Guest(self._id, request.client, target))

    def _enter(self, caller: Caller) -> None:
        """Count the connection among the sessions."""
        house, shell = self._house, self._shell
        assert shell is not None
        now = house.turn.seconds()
        session = self._session = Session(caller, self._dialect, shell, now)
        shell.on_note = lambda words: house.note(caller, words)
        shell.on_lost = lambda why: house.leave(session)
        house.sessions.add(session)


class FrontDoors(Factory):
    """Builds a `FrontDoor` for each connection."""

    noisy = False

    def __init__(self, house: House) -> None:
        self._house = house

    def stopFactory(self) -> None:
        """Take note that sessions which end now do so because of us."""
        self._house.stopping = True

    def buildProtocol(self, addr: IAddress | None) -> FrontDoor:
        """Receive a connection."""
        return FrontDoor(self._house)
