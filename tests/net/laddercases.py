"""A gateway in memory that knows one node, of a generation to be found out."""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import count

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure as TwistedFailure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer, provider

from spdygate.dialect.asking import Place
from spdygate.dialect.tunnel import Failure, Request
from spdygate.gateway.ladder import Generation
from spdygate.gateway.relay import Observer, Relay
from spdygate.gateway.routing import Routing
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.attempts import Node
from spdygate.net.nodeasks import Terms
from spdygate.net.nodes import NodeDialer, access_to
from spdygate.net.turn import Turn
from spdygate.wire.urls import Target
from tests.dialect.ends import RecordingEnd
from tests.net.nodecases import NodeEndpoint

#: What a Go server says to an upgrade it does not know.
BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno\n"

SPDY_101 = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
    b"Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n"
)

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Http1Wire(StringTransport):
    """
    A connection on which a node is asked for an upgrade.

    :ivar asked: the head of the request, once there is one.
    :ivar generation: what it asks for.
    :ivar closed: whether we have closed it.
    """

    def __init__(self, protocol: IProtocol) -> None:
        super().__init__()
        self.protocol = protocol
        self.asked = b""
        self.answered = False
        self.closed = False

    @property
    def generation(self) -> Generation:
        """Return the generation that the request is of."""
        if b"SPDY/3.1+" in self.asked:
            return Generation.TUNNEL
        return Generation.SPDY if b"SPDY/3.1" in self.asked else Generation.CHANNELS

    def websocket_101(self) -> bytes:
        """Return the right answer to a WebSocket's request (RFC 6455, 4.2.2)."""
        key = re.search(rb"(?i)sec-websocket-key: (\S+)", self.asked)
        offered = re.search(rb"(?i)sec-websocket-protocol: (\S+)", self.asked)
        assert key is not None and offered is not None
        accept = base64.b64encode(hashlib.sha1(key[1] + _GUID).digest())
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Accept: " + accept + b"\r\n"
            b"Sec-WebSocket-Protocol: " + offered[1] + b"\r\n\r\n"
        )

    def lose(self) -> None:
        """Lose the connection."""
        if not self.closed:
            self.closed = True
            self.protocol.connectionLost(TwistedFailure(ConnectionDone()))

    def loseConnection(self) -> None:
        """Close."""
        self.lose()

    def abortConnection(self) -> None:
        """Close."""
        self.lose()


@implementer(IStreamClientEndpoint)
class Http1Endpoint:
    """
    The way to a node over HTTP/1.1.

    :ivar answers: the answer of each generation; ``None`` is no answer.
    :ivar speaks: the generation that is granted.
    """

    def __init__(self) -> None:
        self.wires: list[Http1Wire] = []
        self.answers: dict[Generation, bytes | None] = {}
        self.speaks: Generation | None = None
        self.refuses = False

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect at once."""
        assert len(self.wires) < 50, "it connects without end"
        if self.refuses:
            return fail(ConnectionRefusedError())
        protocol = protocolFactory.buildProtocol(None)  # type: ignore[arg-type]
        assert protocol is not None
        wire = Http1Wire(protocol)
        self.wires.append(wire)
        protocol.makeConnection(wire)
        done: Deferred[IProtocol] = Deferred()
        done.callback(protocol)
        return done

    def exchange(self) -> bool:
        """Answer whoever has asked; return whether there was anybody."""
        for wire in self.wires:
            if wire.answered or wire.closed or b"\r\n\r\n" not in wire.value():
                continue
            wire.asked, wire.answered = wire.value(), True
            wire.clear()
            wire.protocol.dataReceived(self._answer(wire))
            return True
        return False

    def _answer(self, wire: Http1Wire) -> bytes:
        """Return what the node answers."""
        if wire.generation is not self.speaks:
            return self.answers.get(wire.generation, BAD) or b""
        if self.speaks is Generation.SPDY:
            return SPDY_101
        return wire.websocket_101()

    @property
    def tried(self) -> list[Generation]:
        """Return what has been asked for so far."""
        return [wire.generation for wire in self.wires if wire.asked]


class LadderCase(SynchronousTestCase):
    """A gateway that knows one node, which speaks no HTTP/2 unless told."""

    pinned: Generation | None = None
    api = False

    def setUp(self) -> None:
        """Know it."""
        self.numbers = count()
        self.clock = Clock()
        self.turn = Turn(self.clock)
        self.http2 = NodeEndpoint()
        self.http2.extended = 0
        self.http1 = Http1Endpoint()
        place = Place("n1:10250", self.api, "/k8s" if self.api else "")
        self.node = Node(
            "API server" if self.api else "n1",
            "https://n1:10250",
            place,
            "https",
            self.http2,
            self.http1,
            self.pinned,
            lambda: (("authorization", "Bearer s3cret"),),
        )
        self.dialer = NodeDialer(Routing(frozenset({"n1"})), self.turn)
        board = Switchboard(self.dialer)
        self.dialer.add("n1", access_to(self.node, board, self.turn, Terms()))
        logged: list[LogEvent] = []
        self.logged = logged

        @provider(ILogObserver)
        def observe(event: LogEvent) -> None:
            logged.append(event)

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)

    def dial(
        self, session: str = "s1", pod: str = "web-0", early: bytes = b""
    ) -> tuple[RecordingEnd, Relay]:
        """Dial one tunnel, on which the client has sent *early* already."""
        with self.turn:
            relay = self.dial_only(session, pod)
            near = relay.near
            assert isinstance(near, RecordingEnd)
            if early:
                near.comes(early)
        self.exchange()
        return near, relay

    def dial_only(self, session: str = "s1", pod: str = "web-0") -> Relay:
        """Dial one tunnel, and let nothing happen yet."""
        target = Target("n1", "shop", pod, None)
        request_id = f"{session}-{next(self.numbers)}"
        request = Request(target, 80, request_id, session=session)
        relay = Relay(RecordingEnd(), request, Observer())
        self.dialer.dial(relay)
        return relay

    def exchange(self) -> None:
        """Let all connections carry what they have."""
        self.clock.advance(0)
        while self.http1.exchange() or sum(
            wire.exchange() for wire in self.http2.wires
        ):
            self.clock.advance(0)

    def only(self, near: RecordingEnd) -> Failure:
        """Return why a tunnel failed."""
        (failure,) = near.failures
        return failure

    def generations(self) -> list[str]:
        """Return what the log says of generations, in order."""
        lines = []
        for event in self.logged:
            if "generation" in event:
                lines.append(f"{event['generation']}{event['was']}")
        return lines
