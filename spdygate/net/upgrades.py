"""
What a connection becomes when port-forward is asked for with an upgrade.

Every generation that asks over HTTP/1.1 is here, one function each: what it has
to say, what it is answered, and the dialect that has the connection from then
on (docs/protocol.rst, sections 2.2, 4.1, 4.2 and 8.2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..dialect.carried import Carried
from ..dialect.connection import Dialect
from ..dialect.patience import Patience
from ..dialect.servedchannels import ServedChannels
from ..dialect.servedhttp2 import CLIENT_LIMITS, ServedHttp2
from ..dialect.servedspdy import ServedSpdy, Visit
from ..errors import RemoteError, SpdygateError
from ..session.http2 import Http2Session
from ..session.websocket import WebSocketSession
from ..wire import portforward, websocket
from ..wire.channels import (
    BASE64_PROTOCOL,
    RAW_PROTOCOL,
    BadPorts,
    codec_of,
    read_ports,
)
from ..wire.origin import is_foreign
from ..wire.portforward import TUNNEL_PROTOCOL
from ..wire.upgrade import SPDY, Fields, Request, http2_settings, wants_upgrade
from ..wire.urls import PortForwardUrl
from .house import House, describe, describe_as

#: Subprotocols of WebSocket, and what a log calls them; none is channels, too.
_CHANNELS = {
    RAW_PROTOCOL: "WebSocket channels v4",
    BASE64_PROTOCOL: "WebSocket channels v4 base64",
    None: "WebSocket channels",
}
_SUBPROTOCOLS = (TUNNEL_PROTOCOL, *filter(None, _CHANNELS))

_FOREIGN = (
    "a page of another site (see its Origin header) may not open a WebSocket here: "
    "serve the page from this address, or send no Origin"
)

SERVED = (
    "Upgrade request required: port-forward is served here for "
    "'Connection: Upgrade' with 'Upgrade: SPDY/3.1', or with "
    f"'Upgrade: websocket' and one of the subprotocols {', '.join(_SUBPROTOCOLS)}; "
    f"and over HTTP/2 for CONNECT with the :protocol {portforward.PROTOCOL}"
)


class NotGranted(SpdygateError):
    """
    An upgrade is refused.

    :ivar status: the HTTP status that says so.
    :ivar headers: what else to say.
    """

    def __init__(self, status: int, message: str, headers: Fields = ()) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


class Served(Dialect, Protocol):
    """A dialect that serves a client, and can be logged."""

    @property
    def opened(self) -> int:
        """Return how many tunnels were asked for so far."""

    @property
    def why(self) -> str:
        """Return what ended the connection."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """
    An upgrade that may be granted.

    :ivar token: what it is to.
    :ivar headers: what the 101 says beside that.
    :ivar client: who asks, and how, in words for a log.
    :ivar make: makes the dialect, at a time.
    :ivar negotiated: see `Visit`.
    :ivar routed: whether the tunnels go to the pod of the URL, which must then
        be known.
    """

    token: str
    headers: Fields
    client: str
    make: Callable[[House, Visit, float], Served]
    negotiated: bool = True
    routed: bool = True


def upgrade_of(request: Request, url: PortForwardUrl, *, secure: bool) -> Upgrade:
    """
    Choose what to upgrade to, the client's favourite of what it can have.

    :param request: its head, as it came.
    :param secure: whether the connection has TLS, where there is no ``h2c``.
    :raises NotGranted: there is nothing.
    """
    for wanted in wants_upgrade(request):
        if wanted == SPDY.lower():
            return _spdy(request, url)
        if wanted == websocket.WEBSOCKET:
            return _websocket(request, url, secure)
        if wanted == "h2c" and not secure and http2_settings(request) is not None:
            return _h2c(request)
    raise NotGranted(400, SERVED)


def _spdy(request: Request, url: PortForwardUrl) -> Upgrade:
    """Read what generations A, B and C say."""
    if request.method not in ("GET", "POST"):
        words = f"port-forward is asked for by GET or POST, not {request.method}"
        raise NotGranted(405, words, (("allow", "GET, POST"),))
    offered = request.headers_named("x-stream-protocol-version")
    chosen = portforward.negotiate(offered)
    if chosen.nothing_matches:
        accepted = (portforward.ACCEPTED_HEADER, portforward.PROTOCOL)
        raise NotGranted(403, chosen.message, (accepted,))
    protocol = chosen.protocol
    headers = ((portforward.PROTOCOL_HEADER, protocol),) if protocol else ()
    client = describe(request, url, protocol)
    return Upgrade(SPDY, headers, client, _serve_spdy, negotiated=protocol is not None)


def _serve_spdy(house: House, visit: Visit, now: float) -> ServedSpdy:
    """Serve SPDY."""
    return ServedSpdy(
        visit, house.errors, house.shared, now, house.patience, house.ping_window
    )


def _websocket(request: Request, url: PortForwardUrl, secure: bool) -> Upgrade:
    """Read what a client that asks for a WebSocket says."""
    if is_foreign(request, secure=secure):
        raise NotGranted(403, _FOREIGN)
    try:
        handshake = websocket.check(request, _SUBPROTOCOLS)
    except websocket.BadHandshake as error:
        raise NotGranted(error.status, str(error), error.headers) from None
    headers = websocket.answer_headers(handshake)
    if handshake.protocol == TUNNEL_PROTOCOL:
        client = describe_as(request, url, "SPDY/3.1 in WebSocket")
        return Upgrade(websocket.WEBSOCKET, headers, client, _serve_carried)
    codec = codec_of(handshake.protocol)
    try:
        ports = read_ports(url.query, codec)
    except BadPorts as error:
        raise NotGranted(400, str(error)) from None
    client = describe_as(request, url, _CHANNELS[handshake.protocol])

    def serve(house: House, visit: Visit, now: float) -> ServedChannels:
        """Serve the ports."""
        session = WebSocketSession(client=False)
        return ServedChannels(
            visit, ports, codec, session, house.shared, now, house.patience
        )

    return Upgrade(websocket.WEBSOCKET, headers, client, serve)


def _serve_carried(house: House, visit: Visit, now: float) -> Carried[ServedSpdy]:
    """Serve SPDY in a WebSocket."""
    return Carried(_serve_spdy(house, visit, now), WebSocketSession(client=False))


def _h2c(request: Request) -> Upgrade:
    """Read what a client says that goes over to HTTP/2 (RFC 7540, section 3.2)."""
    try:
        session = Http2Session.after_upgrade(
            http2_settings(request) or b"", CLIENT_LIMITS
        )
    except RemoteError as error:
        raise NotGranted(400, f"HTTP2-Settings: {error}") from None

    def serve(house: House, visit: Visit, now: float) -> ServedHttp2:
        """Serve HTTP/2; the request that asked for it is answered at once."""
        dialect = serve_http2(session, visit.session_id, now, house.patience)
        dialect.answer_upgrade()
        return dialect

    return Upgrade("h2c", (), HTTP2, serve, routed=False)


#: What a log calls a connection whose requests may each say who asks.
HTTP2 = "HTTP/2"


def serve_http2(
    session: Http2Session, session_id: str, now: float, patience: Patience
) -> ServedHttp2:
    """Serve a client's HTTP/2 connection, whatever it asks for."""
    return ServedHttp2(
        session,
        trusted=False,
        session_id=session_id,
        client=HTTP2,
        now=now,
        exchanges=True,
        patience=patience,
    )
