"""
The HTTP/1.1 request that asks a node, or an API server, for port-forward.

Whatever generation a client is of, we make a modern handshake of our own
(docs/protocol.rst, sections 2.2 and 4): a kubelet since 1.18 understands no
other, and nothing of the client's request gets into it.
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import __version__
from ..wire import channels, websocket
from ..wire.portforward import PROTOCOL, PROTOCOL_HEADER, TUNNEL_PROTOCOL
from ..wire.upgrade import Fields
from ..wire.upgrade import Request as Head
from ..wire.urls import Target, node_path
from .tunnel import Request


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where port-forward is asked for.

    :ivar authority: host and port, as ``Host`` has them.
    :ivar api: whether it is an API server, whose URLs name the pod otherwise.
    :ivar prefix: the path that an API server's own paths begin with.
    """

    authority: str
    api: bool = False
    prefix: str = ""

    def path(self, target: Target) -> str:
        """Return the path that names the pod there."""
        if not self.api:
            return node_path(target)
        namespace = f"{self.prefix}/api/v1/namespaces/{target.namespace}"
        return f"{namespace}/pods/{target.pod}/portforward"


def for_spdy(place: Place, request: Request, credential: Fields) -> Head:
    """Return the request for a SPDY session to the pod (2.2)."""
    fields = ((PROTOCOL_HEADER.lower(), PROTOCOL), ("content-length", "0"))
    path = place.path(request.target)
    return _head("POST", place, path, credential, fields)


def for_tunnel(place: Place, request: Request, credential: Fields, key: bytes) -> Head:
    """
    Return the request for a SPDY session inside a WebSocket (4.2).

    :param key: 16 random bytes.
    """
    fields = websocket.ask_headers(key, [TUNNEL_PROTOCOL])
    path = place.path(request.target)
    return _head("GET", place, path, credential, tuple(fields))


def for_channels(
    place: Place, request: Request, credential: Fields, key: bytes
) -> Head:
    """
    Return the request for a WebSocket with the channels of one port (4.1).

    :param key: 16 random bytes.
    """
    fields = websocket.ask_headers(key, [channels.RAW_PROTOCOL])
    word = "ports" if place.api else "port"
    path = f"{place.path(request.target)}?{word}={request.port}"
    return _head("GET", place, path, credential, tuple(fields))


def _head(
    method: str, place: Place, path: str, credential: Fields, fields: Fields
) -> Head:
    """Put a request together; the upgrade itself is the session's to add."""
    agent = ("user-agent", f"spdygate/{__version__}")
    headers = (("host", place.authority), agent, *credential, *fields)
    return Head(method, path.encode("ascii"), headers)
