"""
A gateway in memory that knows one node, which is h2 itself.

That it speaks HTTP/2 is pinned; `tests.net.test_attempts` has the ladder.
"""

from __future__ import annotations

from collections.abc import Callable

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
from h2.settings import SettingCodes, Settings
from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectionDone,
)
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure as TwistedFailure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from spdygate.dialect.asking import Place
from spdygate.dialect.tunnel import Reason, Request
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

OK = ((":status", "200"), ("x-stream-protocol-version", "portforward.k8s.io"))


class Wire(StringTransport):
    """
    A connection to a node that is h2 itself.

    :ivar asked: headers of each tunnel that was asked for, by stream.
    """

    def __init__(self, protocol: IProtocol, most: int, extended: int) -> None:
        super().__init__()
        self.protocol = protocol
        self.asked: dict[int, dict[bytes, bytes]] = {}
        self.over = False
        self.node = H2Connection(H2Configuration(client_side=False))
        entries = {
            SettingCodes.ENABLE_CONNECT_PROTOCOL: extended,
            SettingCodes.MAX_CONCURRENT_STREAMS: most,
        }
        self.node.local_settings = Settings(False, entries)
        self.node.initiate_connection()
        self.silent = False

    def exchange(self) -> bool:
        """Carry what either side has to say, once; return whether it was anything."""
        if self.silent or self.over:
            return False
        ours = self.value()
        self.clear()
        for event in self.node.receive_data(ours) if ours else ():
            if isinstance(event, RequestReceived):
                self.asked[event.stream_id] = dict(event.headers)
        theirs = self.node.data_to_send()
        if theirs:
            self.protocol.dataReceived(theirs)
        return bool(ours or theirs)

    def lose(self, why: Exception | None = None) -> None:
        """Lose the connection."""
        if not self.over:
            self.over = True
            self.protocol.connectionLost(TwistedFailure(why or ConnectionDone()))

    def loseConnection(self) -> None:
        """Close."""
        self.lose()

    def abortConnection(self) -> None:
        """Close."""
        self.lose()


@implementer(IStreamClientEndpoint)
class NodeEndpoint:
    """
    The way to a node.

    :ivar wires: every connection there has been.
    :ivar answers: called for the outcome of a connect, unless it succeeds at once.
    """

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.most = 100
        self.extended = 1
        self.attempts = 0
        self.answers: Callable[[], Deferred[IProtocol]] | None = None
        self.greets = True

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, at once or as the test has it."""
        self.attempts += 1
        assert self.attempts < 50, "it connects without end"
        if self.answers is not None:
            return self.answers()
        protocol = protocolFactory.buildProtocol(None)  # type: ignore[arg-type]
        assert protocol is not None
        wire = Wire(protocol, self.most, self.extended)
        wire.silent = not self.greets
        self.wires.append(wire)
        protocol.makeConnection(wire)
        done: Deferred[IProtocol] = Deferred()
        done.callback(protocol)
        return done


class NodesCase(SynchronousTestCase):
    """A gateway that knows one node."""

    def setUp(self) -> None:
        """Know it."""
        self.clock = Clock()
        self.turn = Turn(self.clock)
        self.endpoint = NodeEndpoint()
        self.node = Node(
            "n1",
            "http://n1:8002",
            Place("n1:8002"),
            "http",
            self.endpoint,
            self.endpoint,
            Generation.HTTP2,
        )
        self.dialer = NodeDialer(Routing(frozenset({"n1"})), self.turn)
        board = Switchboard(self.dialer)
        self.dialer.add("n1", access_to(self.node, board, self.turn, Terms()))

    def dial(self, node: str | None = "n1") -> tuple[RecordingEnd, Relay]:
        """Dial one tunnel, as a client's connection does: within a turn."""
        near = RecordingEnd()
        request = Request(Target(node, "shop", "web-0", None), 80, "s1-3", client="me")
        relay = Relay(near, request, Observer())
        with self.turn:
            self.dialer.dial(relay)
        self.exchange()
        return near, relay

    def exchange(self) -> None:
        """Let all connections carry what they have."""
        self.clock.advance(0)
        while sum(wire.exchange() for wire in self.endpoint.wires):
            self.clock.advance(0)

    def accept(self, wire: Wire, stream_id: int) -> None:
        """Let the node connect a tunnel."""
        wire.node.send_headers(stream_id, OK)
        self.exchange()

    def only(self, near: RecordingEnd) -> tuple[Reason, str]:
        """Return why a tunnel failed."""
        (failure,) = near.failures
        return failure.reason, failure.message
