"""A node service's door in memory, and h2 before it."""

from __future__ import annotations

import json
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from zope.interface import directlyProvides

from spdygate.dialect.tunnel import Failure, Opened, Reason
from spdygate.gateway.relay import Relay
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.turn import Turn
from spdygate.node.server import NodeDoor, NodeDoors
from tests.dialect.ends import RecordingEnd
from tests.session.http2peer import CONNECT

#: Docs/protocol.rst, 8.1: the proof that a node service answered.
PROOF = (b"x-stream-protocol-version", b"portforward.k8s.io")


class Transport(StringTransportWithDisconnection):
    """A transport in memory that can be aborted."""

    aborted = False

    def abortConnection(self) -> None:
        """Note it."""
        self.aborted = True


class Connected:
    """
    A dialer to whom every target answers at once.

    :ivar ends: those that face the pods.
    """

    def __init__(self) -> None:
        self.relays: list[Relay] = []
        self.ends: list[RecordingEnd] = []

    def dial(self, relay: Relay) -> None:
        """Join it, unless it is for port 81."""
        self.relays.append(relay)
        if relay.request.port == 81:
            relay.refuse(Failure(Reason.REFUSED, "nobody listens"))
            return
        self.ends.append(RecordingEnd())
        relay.join(self.ends[-1])
        relay.act(Opened(self.ends[-1]))


class Door:
    """
    One connection to a node service, and its gateway.

    :ivar heard: what h2 reported.
    """

    def __init__(self, *, trusted: bool = False, tls: bool = False) -> None:
        self.clock = Clock()
        self.dialer = Connected()
        doors = NodeDoors(Switchboard(self.dialer), Turn(self.clock), trusted=trusted)
        self.door: NodeDoor = doors.buildProtocol(None)
        self.transport = Transport()
        self.transport.protocol = self.door
        if tls:
            directlyProvides(self.transport, ISSLTransport)
        self.door.makeConnection(self.transport)
        self.peer = H2Connection(H2Configuration(client_side=True))
        self.heard: list[Any] = []

    def greet(self) -> bytes:
        """Return what a gateway says first."""
        self.peer.initiate_connection()
        return self.peer.data_to_send()

    def says(self, data: bytes) -> bytes:
        """Say something; return what is answered."""
        self.door.dataReceived(data)
        answer: bytes = self.transport.value()
        self.transport.clear()
        return answer

    def hears(self, data: bytes) -> None:
        """Let h2 read an answer, and answer in turn."""
        while data:
            self.heard += self.peer.receive_data(data)
            reply = self.peer.data_to_send()
            data = self.says(reply) if reply else b""

    def open(self, stream_id: int, **changes: str) -> None:
        """Ask for a tunnel."""
        fields = {
            **dict(CONNECT),
            **{k.encode(): v.encode() for k, v in changes.items()},
        }
        self.peer.send_headers(stream_id, list(fields.items()))
        self.hears(self.says(self.peer.data_to_send()))

    def of(self, kind: type[Any], stream_id: int) -> list[Any]:
        """Return what h2 reported of one kind on one stream."""
        return [
            event
            for event in self.heard
            if isinstance(event, kind) and event.stream_id == stream_id
        ]

    def status(self, stream_id: int) -> dict[bytes, bytes]:
        """Return the headers of an answer."""
        (event,) = self.of(ResponseReceived, stream_id)
        return dict(event.headers)

    def body(self, stream_id: int) -> Any:
        """Return the Status of an answer."""
        return json.loads(b"".join(e.data for e in self.of(DataReceived, stream_id)))
