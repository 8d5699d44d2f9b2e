"""
The node service: HTTP/2 connections in, pods out.

A connection is HTTP/2 by ALPN, or in cleartext by its preface, or because an
HTTP/1.1 request on a port-forward URL asks for ``h2c`` (docs/protocol.rst,
8.2).  Whatever else comes is HTTP/1.1 and is told, in HTTP/1.1, that it came
to the wrong door.
"""

from __future__ import annotations

from twisted.internet.interfaces import IAddress, IDelayedCall, ISSLTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..dialect.http2words import accepted
from ..dialect.servedhttp2 import ServedHttp2
from ..errors import RemoteError
from ..gateway.switchboard import Switchboard
from ..net.shell import Shell
from ..net.sockets import Closing
from ..net.turn import Turn
from ..session.http1 import Http1Session
from ..session.http2 import Http2Session
from ..wire.portforward import STATUS_TYPE, status
from ..wire.upgrade import (
    PrefaceState,
    Request,
    http2_settings,
    preface_state,
    wants_upgrade,
)
from ..wire.urls import BadUrl, parse

_log = Logger()

#: Seconds for a connection to show what it is.
GREETING_TIMEOUT = 10.0

#: A client at the wrong door is answered once: it has no second errand here.
_JSON = (("content-type", STATUS_TYPE), ("connection", "close"))
_JSON_FIELDS = ((b"content-type", STATUS_TYPE.encode()),)

#: Docs/protocol.rst, 8.2: a gateway opens all its clients' tunnels here.
_WRONG_DOOR = (
    "this is a spdygate node service: it speaks HTTP/2, to a spdygate gateway "
    "(--node NAME=URL there)"
)


def _wrong_door(request: Request) -> int:
    """
    Return the status for who does not speak HTTP/2.

    A gateway that knows this node from before it was upgraded asks for SPDY or
    a WebSocket: 404 would be a verdict on the pod, where 501 has it try what
    else there is (docs/protocol.rst, section 8.3).
    """
    return 501 if set(wants_upgrade(request)) - {"h2c"} else 404


class NodeDoor(Protocol):
    """One connection to the node service."""

    def __init__(self, switchboard: Switchboard, turn: Turn, trusted: bool) -> None:
        self._switchboard = switchboard
        self._turn = turn
        self._trusted = trusted
        self._early = b""
        self._http: Http1Session | None = None
        self._shell: Shell | None = None
        self._timer: IDelayedCall | None = None
        self._closing = Closing(turn.clock)

    def connectionMade(self) -> None:
        """Give the peer a time to show what it is."""
        clock = self._turn.clock
        self._timer = clock.callLater(GREETING_TIMEOUT, self._hang_up)

    def _hang_up(self) -> None:
        """Close once what was written has gone, but do not wait for ever."""
        assert self.transport is not None
        self._disarm()
        self._closing.begin(self.transport)

    def _disarm(self) -> None:
        """Stop the time."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let the session know."""
        self._disarm()
        self._closing.over()
        if self._shell is not None:
            self._shell.connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:
        """Hand bytes to the session, or find out what they are."""
        if self._closing.begun:
            return
        if self._shell is not None:
            self._shell.dataReceived(data)
        elif self._http is not None:
            self._read_http1(data)
        else:
            self._early += data
            self._recognise()

    def _recognise(self) -> None:
        """Tell HTTP/2 from HTTP/1.1 by its preface (RFC 9113, section 3.4)."""
        state = preface_state(self._early)
        if state is PrefaceState.UNSURE:
            return
        early, self._early = self._early, b""
        if state is PrefaceState.YES:
            self._begin(Http2Session(client=False), early)
        else:
            self._http = Http1Session()
            self._read_http1(early)

    def _begin(self, session: Http2Session, early: bytes) -> None:
        """Let an HTTP/2 session have the connection."""
        self._disarm()
        dialect = ServedHttp2(session, trusted=self._trusted)
        shell = self._shell = Shell(dialect, self._switchboard, self._turn)
        shell.on_note = _note
        shell.makeConnection(self.transport)
        if early:
            shell.dataReceived(early)

    def _read_http1(self, data: bytes) -> None:
        """Upgrade to ``h2c`` if asked to, or say that this is the wrong door."""
        http = self._http
        assert http is not None and self.transport is not None
        while requests := http.feed(data):
            settings = self._h2c_settings(requests[0].request)
            if settings is not None and self._upgrade(http, settings):
                return
            code = _wrong_door(requests[0].request)
            http.respond(code, _JSON, status(code, _WRONG_DOOR))
            data = b""  # the next request, if it came along
        self.transport.write(http.outgoing())
        if http.closing:
            self._hang_up()

    def _h2c_settings(self, request: Request) -> bytes | None:
        """Return the settings of an upgrade that is asked for in the right place."""
        if ISSLTransport.providedBy(self.transport):
            return None
        try:
            url = parse(request.target)
        except BadUrl:
            return None
        return None if url is None else http2_settings(request)

    def _upgrade(self, http: Http1Session, settings: bytes) -> bool:
        """Go over to HTTP/2; stream 1 is the request, and answered at once (8.2)."""
        try:
            session = Http2Session.after_upgrade(settings)
        except RemoteError:
            return False
        glued = http.switch("h2c", ())
        assert self.transport is not None
        self.transport.write(http.outgoing())
        body = status(200, "tunnels are streams from 3 on, each with a port header")
        session.refuse(1, (*accepted(), *_JSON_FIELDS), body)
        self._begin(session, glued)
        return True


def _note(words: str) -> None:
    """Log what happened on a gateway's connection that concerns no tunnel."""
    _log.warn("gateway: {words}", words=words)


class NodeDoors(Factory):
    """Builds a `NodeDoor` for each connection."""

    noisy = False

    def __init__(
        self, switchboard: Switchboard, turn: Turn, *, trusted: bool = False
    ) -> None:
        """
        Prepare to serve.

        :param trusted: whether only gateways get here, proved by certificate or
            because they are in the same process; they may then say on whose
            behalf they ask.
        """
        self._switchboard = switchboard
        self._turn = turn
        self._trusted = trusted

    def buildProtocol(self, addr: IAddress | None) -> NodeDoor:
        """Receive a connection."""
        return NodeDoor(self._switchboard, self._turn, self._trusted)
