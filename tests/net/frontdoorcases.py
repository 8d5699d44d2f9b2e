"""A front door in memory, and a client of any generation."""

from __future__ import annotations

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from zope.interface import alsoProvides

from spdygate.dialect.tunnel import Failure, Opened
from spdygate.gateway.kubeapi import KubeApi
from spdygate.gateway.relay import Relay
from spdygate.gateway.routing import Routing
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.frontdoor import FrontDoor, FrontDoors
from spdygate.net.house import House
from spdygate.net.turn import Turn
from tests.dialect.ends import RecordingEnd
from tests.session.spdybyhand import HandPeer, headers_of

GENERATION_B = (
    b"GET /api/v1/namespaces/ns/pods/pod/portforward HTTP/1.1\r\n"
    b"Host: 10.245.1.2\r\n"
    b"User-Agent: oc/v3.0.0 (linux/amd64)\r\n"
    b"Connection: Upgrade\r\n"
    b"Upgrade: SPDY/3.1\r\n\r\n"
)
GENERATION_C = (
    b"POST /api/v1/namespaces/ns/pods/pod/portforward HTTP/1.1\r\n"
    b"Host: 127.0.0.1:8001\r\n"
    b"User-Agent: kubectl/v1.30.0 (linux/amd64)\r\n"
    b"Content-Length: 0\r\n"
    b"Connection: Upgrade\r\n"
    b"Upgrade: SPDY/3.1\r\n"
    b"X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n"
)

#: Docs/protocol.rst, section 2.2.
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
)
ECHOED = b"X-Stream-Protocol-Version: portforward.k8s.io\r\n"

VERSION = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"


class Transport(StringTransportWithDisconnection):
    """
    A transport in memory.

    :ivar stuck: whether the client reads nothing, so that it cannot close.
    :ivar congested: whether it takes so little that its producer is paused.
    """

    stuck = False
    congested = False
    aborted = False
    fin = False
    negotiatedProtocol: bytes | None = None

    def write(self, data: bytes) -> None:
        """Keep *data*, and hold the producer back when there is too much."""
        super().write(data)
        if self.congested and self.producer is not None:
            self.producer.pauseProducing()

    def loseWriteConnection(self) -> None:
        """Note the FIN, which no producer may have before it."""
        assert self.producer is None
        self.fin = True

    def loseConnection(self) -> None:
        """Close, if all can be written and no producer may write on."""
        assert self.producer is None
        if not self.stuck:
            super().loseConnection()

    def abortConnection(self) -> None:
        """Note it."""
        self.aborted = True


class Connected:
    """A dialer to whom every target answers at once; it keeps the pods' ends."""

    def __init__(self) -> None:
        self.ends: list[RecordingEnd] = []
        self.relays: list[Relay] = []
        #: Why nobody answers, if nobody does.
        self.why: Failure | None = None

    def dial(self, relay: Relay) -> None:
        """Join it."""
        self.relays.append(relay)
        if self.why is not None:
            relay.refuse(self.why)
            return
        self.ends.append(self.new_end())
        relay.join(self.ends[-1])
        relay.act(Opened(self.ends[-1]))

    def new_end(self) -> RecordingEnd:
        """Return the end of another pod."""
        return RecordingEnd()


class Client:
    """A client's connection to a front door."""

    def __init__(
        self, routing: Routing | None = None, alpn: bytes | None = None
    ) -> None:
        """
        Connect.

        :param alpn: what was agreed on over TLS; None for no TLS.
        """
        self.clock, self.dialer = Clock(), Connected()
        self.house = House(
            Switchboard(self.dialer),
            routing or Routing(embedded=True),
            KubeApi([], "1.0", 0.0),
            Turn(self.clock),
            lambda: 1.7e9,
        )
        self.door: FrontDoor = FrontDoors(self.house).buildProtocol(None)
        self.transport = Transport()
        if alpn is not None:
            self.transport.negotiatedProtocol = alpn
            alsoProvides(self.transport, ISSLTransport)
        self.transport.protocol = self.door
        self.door.makeConnection(self.transport)
        self.peer = HandPeer()

    def says(self, data: bytes) -> bytes:
        """Say something; return what is answered."""
        self.door.dataReceived(data)
        answer: bytes = self.transport.value()
        self.transport.clear()
        return answer

    def opens(self, request_id: str | None = "0") -> bytes:
        """Return the SYN_STREAMs of one connection."""
        return self.peer.syn(1, headers_of("error", 80, request_id)) + self.peer.syn(
            3, headers_of("data", 80, request_id)
        )
