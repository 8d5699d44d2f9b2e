"""
The front door: what a client's connection is, before it is a session.

A connection begins with HTTP/1.1.  A request on a port-forward URL that asks
for SPDY/3.1 becomes a session, and the connection is that session from then
on; every other request is answered by whatever API there is.  A client that
asks for something else on a port-forward URL is told what is served here, as
a JSON Status: newer clients then fall back to SPDY by themselves
(docs/protocol.rst, 4.2).
"""

from __future__ import annotations

from twisted.internet.interfaces import IAddress, IConsumer, IDelayedCall, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure as TwistedFailure

from ..dialect.servedspdy import ServedSpdy, Visit
from ..dialect.tunnel import Failure
from ..session.http1 import Http1Session, RequestReceived
from ..wire import portforward
from ..wire.upgrade import SPDY, Request, wants_upgrade
from ..wire.urls import BadUrl, PortForwardUrl, parse
from .house import House, Session, describe
from .shell import Shell
from .sockets import Closing

#: Seconds for a request to arrive, and for a connection to stay without one.
#: Go's own server has 32 s for kubectl's discovery requests.
REQUEST_TIMEOUT = 60.0

_JSON = (("content-type", "application/json"),)

_NO_UPGRADE = (
    "Upgrade request required: port-forward is served here for "
    "'Connection: Upgrade' with 'Upgrade: SPDY/3.1'"
)


class FrontDoor(Protocol):
    """
    One connection of a client.

    While it is HTTP the transport is its own producer: when it cannot write it
    does not read, so that a client that only asks costs no memory.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._http = Http1Session()
        self._shell: Shell | None = None
        self._timer: IDelayedCall | None = None
        self._closing = Closing(house.turn.clock)

    def connectionMade(self) -> None:
        """Give the client a time to say what it wants."""
        producer = IPushProducer(self.transport)
        IConsumer(self.transport).registerProducer(producer, True)
        self._rearm()

    def dataReceived(self, data: bytes) -> None:
        """Hand bytes to the session, or answer what requests they make up."""
        if self._shell is not None:
            self._shell.dataReceived(data)
            return
        if self._closing.begun:
            return
        if self._http.idle:
            self._rearm()  # for the whole of a request, not for each piece
        while requests := self._http.feed(data):
            self._answer(requests[0])
            if self._shell is not None:
                return
            self._rearm()
            data = b""  # the next request, if it came along
        self._flush()

    def _flush(self) -> None:
        """Write what HTTP has to say."""
        assert self.transport is not None
        data = self._http.outgoing()
        if data:
            self.transport.write(data)
        if self._http.closing:
            self._hang_up()

    def _rearm(self) -> None:
        """Start the time anew that a client has for its next request."""
        self._disarm()
        clock = self._house.turn.clock
        self._timer = clock.callLater(REQUEST_TIMEOUT, self._hang_up)

    def _disarm(self) -> None:
        """Stop the time."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _hang_up(self) -> None:
        """Close once what was written has gone, but do not wait for ever."""
        assert self.transport is not None
        self._disarm()
        IConsumer(self.transport).unregisterProducer()
        self._closing.begin(self.transport)

    def connectionLost(self, reason: TwistedFailure = connectionDone) -> None:
        """Let the session know."""
        self._disarm()
        self._closing.over()
        if self._shell is not None:
            self._shell.connectionLost(reason)

    # -- requests --------------------------------------------------------------

    def _answer(self, event: RequestReceived) -> None:
        """Answer one request."""
        request = event.request
        try:
            url = parse(request.target)
        except BadUrl as error:
            self._refuse(error.status, str(error))
            return
        if url is None:
            self._answer_from_api(request)
        elif SPDY.lower() in wants_upgrade(request):
            self._begin_session(request, url)
        else:
            self._refuse(400, _NO_UPGRADE)

    def _answer_from_api(self, request: Request) -> None:
        """Answer what is no port-forward."""
        answer = self._house.api.answer(
            request.method,
            request.target,
            request.header("accept") or "",
            self._house.wall_clock(),
        )
        headers = (("content-type", answer.content_type),)
        self._http.respond(answer.status, headers, answer.body)

    def _refuse(self, status: int, message: str, *headers: tuple[str, str]) -> None:
        """Answer with a Status: clients lose most other texts (3.10)."""
        body = portforward.status(status, message)
        self._http.respond(status, _JSON + headers, body)

    def _begin_session(self, request: Request, url: PortForwardUrl) -> None:
        """Switch to SPDY, unless it can be known that nothing will come of it."""
        if request.method not in ("GET", "POST"):
            words = f"port-forward is asked for by GET or POST, not {request.method}"
            self._refuse(405, words, ("allow", "GET, POST"))
            return
        chosen = portforward.negotiate(
            request.headers_named("x-stream-protocol-version")
        )
        if chosen.nothing_matches:
            accepted = (portforward.ACCEPTED_HEADER, portforward.PROTOCOL)
            self._refuse(403, chosen.message, accepted)
            return
        route = self._house.routing.route(url.target)
        if isinstance(route, Failure):
            self._refuse(route.reason.status, route.message)
            return
        self._switch(request, url, chosen.protocol)

    def _switch(
        self, request: Request, url: PortForwardUrl, chosen: str | None
    ) -> None:
        """Answer 101, and let the session have the connection."""
        house = self._house
        visit = Visit(
            url.target,
            house.next_session_id(),
            describe(request, url, chosen),
            negotiated=chosen is not None,
        )
        extra = ((portforward.PROTOCOL_HEADER, chosen),) if chosen else ()
        glued = self._http.switch(SPDY, extra)
        self._flush()
        self._disarm()
        now = house.turn.seconds()
        dialect = ServedSpdy(visit, house.errors, house.shared, now)
        shell = self._shell = Shell(dialect, house.switchboard, house.turn)
        session = Session(visit, dialect, shell, now)
        shell.on_note = lambda words: house.note(visit, words)
        shell.on_lost = lambda why: house.leave(session)
        house.sessions.add(session)
        self._hand_over(shell)
        if glued:
            shell.dataReceived(glued)

    def _hand_over(self, shell: Shell) -> None:
        """Let the session be the transport's producer, and see that it reads."""
        IConsumer(self.transport).unregisterProducer()
        IPushProducer(self.transport).resumeProducing()
        shell.makeConnection(self.transport)


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
