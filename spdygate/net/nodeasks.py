"""
How a node is asked to go over from HTTP/1.1, one class for each generation.

An *ask* is made for one connection: it knows the request to write, and what
carries the connection once the node's 101 has been found right.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Protocol

from ..dialect import asking
from ..dialect.budget import Shared
from ..dialect.carried import Carried
from ..dialect.connection import Dialect
from ..dialect.nodechannels import NodeChannels
from ..dialect.nodespdy import NodeSpdy
from ..dialect.patience import USUAL, Patience
from ..dialect.tunnel import End, Request
from ..gateway.ladder import Generation
from ..session.websocket import WebSocketSession
from ..wire import channels, websocket
from ..wire.portforward import PROTOCOL, PROTOCOL_HEADER, TUNNEL_PROTOCOL
from ..wire.upgrade import SPDY, Fields
from ..wire.upgrade import Request as Head
from .attempts import Node


@dataclass(frozen=True, slots=True)
class Terms:
    """
    What holds for every connection to nodes.

    :ivar hold_fin: seconds for which a client's FIN is held back while its pod
        is silent; 0 passes it on at once.
    :ivar shared: the budget of what may wait in this process.
    :ivar patience: how long everything else may take.
    """

    hold_fin: float = 30.0
    shared: Shared = field(default_factory=Shared)
    patience: Patience = USUAL


class Opener(Protocol):
    """A node's dialect, as far as tunnels are opened in it."""

    @property
    def usable(self) -> bool:
        """Return whether a tunnel can be opened here now."""

    @property
    def exhausted(self) -> bool:
        """Return whether no tunnel can ever be opened here again."""

    @property
    def why(self) -> str:
        """Return what ended the connection."""

    def open(self, request: Request) -> End:
        """Ask for a tunnel."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What carries a connection that has gone over, and where tunnels open."""

    dialect: Dialect
    opener: Opener


class BadAnswerError(Exception):
    """A 101 is not what was asked for; the message says why."""


class Ask(Protocol):
    """
    One connection's request to go over.

    :ivar token: to what.
    """

    token: str

    @property
    def head(self) -> Head:
        """Return the request."""

    def accept(self, headers: Fields, now: float) -> Accepted:
        """
        Make what carries the connection.

        :param headers: of the 101.
        :raises BadAnswerError: it is not right.
        """


class SpdyAsk:
    """Ask for SPDY/3.1."""

    generation = Generation.SPDY
    token = SPDY

    def __init__(self, node: Node, request: Request, terms: Terms) -> None:
        self._name = node.hop
        self._terms = terms
        self.head = asking.for_spdy(node.place, request, node.credential())

    def accept(self, headers: Fields, now: float) -> Accepted:
        """Begin a SPDY session; a kubelet of 2015 does not name its protocol."""
        chosen = dict(headers).get(PROTOCOL_HEADER.lower(), PROTOCOL)
        if chosen != PROTOCOL:
            raise BadAnswerError(f"it chose the protocol {chosen[:64]!r}")
        terms = self._terms
        dialect = NodeSpdy(
            self._name, now, terms.hold_fin, terms.shared, terms.patience
        )
        return Accepted(dialect, dialect)


class _WebSocketAsk:
    """What the asks for a WebSocket share."""

    token = websocket.WEBSOCKET

    def __init__(self, protocol: str) -> None:
        self._key = os.urandom(16)
        self._protocol = protocol

    def _check(self, headers: Fields) -> None:
        """Check that the 101 is a WebSocket's, and of our subprotocol."""
        try:
            chosen = websocket.check_answer(self._key, headers, [self._protocol])
        except websocket.BadHandshake as error:
            raise BadAnswerError(str(error)) from None
        if chosen != self._protocol:
            raise BadAnswerError("it chose no subprotocol")


class TunnelAsk(_WebSocketAsk):
    """Ask for SPDY/3.1 in a WebSocket."""

    generation = Generation.TUNNEL

    def __init__(self, node: Node, request: Request, terms: Terms) -> None:
        super().__init__(TUNNEL_PROTOCOL)
        self._name = node.hop
        self._terms = terms
        self.head = asking.for_tunnel(node.place, request, node.credential(), self._key)

    def accept(self, headers: Fields, now: float) -> Accepted:
        """Begin a SPDY session in a WebSocket."""
        self._check(headers)
        terms = self._terms
        inner = NodeSpdy(self._name, now, terms.hold_fin, terms.shared, terms.patience)
        return Accepted(Carried(inner, WebSocketSession(client=True)), inner)


class ChannelsAsk(_WebSocketAsk):
    """Ask for a WebSocket with the two channels of one port."""

    generation = Generation.CHANNELS

    def __init__(self, node: Node, request: Request, terms: Terms) -> None:
        super().__init__(channels.RAW_PROTOCOL)
        self._name = node.hop
        self._terms = terms
        self._request = request
        self.head = asking.for_channels(
            node.place, request, node.credential(), self._key
        )

    def accept(self, headers: Fields, now: float) -> Accepted:
        """Begin the one tunnel there is."""
        self._check(headers)
        dialect = NodeChannels(
            self._name,
            self._request,
            WebSocketSession(client=True),
            now,
            self._terms.hold_fin,
            self._terms.shared,
            self._terms.patience,
        )
        return Accepted(dialect, OneTunnel(dialect))


class OneTunnel:
    """The one tunnel of a connection, to be opened once."""

    def __init__(self, dialect: NodeChannels) -> None:
        self._dialect = dialect
        self._used = False

    @property
    def usable(self) -> bool:
        """Return whether the tunnel has not been opened."""
        return not (self._used or self._dialect.ending)

    @property
    def exhausted(self) -> bool:
        """Return whether it has."""
        return not self.usable

    @property
    def why(self) -> str:
        """Return what ended the connection."""
        return self._dialect.why

    def open(self, request: Request) -> End:
        """Return the tunnel's end: it was asked for in the URL."""
        self._used = True
        return self._dialect.end
