"""An API server in memory, and somebody who asks it through `Passing`."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure as TwistedFailure
from twisted.test.iosim import IOPump
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from spdygate.dialect.exchange import Asked
from spdygate.gateway.rewriting import ClientFacts
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.apiserver import ApiServer
from spdygate.net.passing import Passing
from spdygate.net.turn import Turn
from spdygate.wire.upgrade import Request
from tests.gateway.exchangeends import ClientEnd
from tests.net.memory import MemoryEndpoint
from tests.net.shellcases import Nowhere

FACTS = ClientFacts("192.0.2.7", "https")

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Scripted(Protocol):
    """A server that says what a test has it say."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self._data += data

    def connectionLost(self, reason: TwistedFailure = connectionDone) -> None:
        """Note it."""
        self.lost = True

    @property
    def count(self) -> int:
        """Return how many bytes came that were not looked at."""
        return len(self._data)

    def read(self) -> bytes:
        """Return, and forget, what came."""
        data = bytes(self._data)
        self._data.clear()
        return data

    def say(self, data: bytes) -> None:
        """Say it."""
        assert self.transport is not None
        self.transport.write(data)

    def leave(self) -> None:
        """Close the connection."""
        assert self.transport is not None
        self.transport.loseConnection()


class ScriptedFactory(Factory):
    """
    Builds scripted servers.

    :ivar built: all of them.
    """

    noisy = False

    def __init__(self) -> None:
        self.built: list[Scripted] = []

    def buildProtocol(self, addr: object) -> Scripted:
        """Build one."""
        self.built.append(Scripted())
        return self.built[-1]


@implementer(IStreamClientEndpoint)
class ApiEndpoint:
    """
    The way to the API server.

    :ivar pumps: of every connection there has been.
    :ivar error: why none can be made, if so.
    :ivar silent: whether a connection is never made.
    :ivar cancelled: how many were given up.
    """

    def __init__(self, server: IProtocolFactory) -> None:
        self._server = server
        self.pumps: list[IOPump] = []
        self.error: Exception | None = None
        self.silent = False
        self.cancelled = 0

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect at once, or as the test has it."""
        if self.error is not None:
            return fail(self.error)
        if self.silent:
            return Deferred(self._cancel)
        endpoint = MemoryEndpoint(self._server)
        connected = endpoint.connect(protocolFactory)
        assert endpoint.pump is not None
        self.pumps.append(endpoint.pump)
        return connected

    def _cancel(self, connecting: Deferred[IProtocol]) -> None:
        """Count."""
        self.cancelled += 1


class PassingCase(SynchronousTestCase):
    """A gateway that knows an API server which says what it is told to."""

    def setUp(self) -> None:
        """Know it."""
        self.know(ScriptedFactory())

    def know(self, server: IProtocolFactory) -> None:
        """Know an API server, of which nothing is known yet."""
        self.factory = server
        self.clock = Clock()
        self.turn = Turn(self.clock)
        self.endpoint = ApiEndpoint(server)
        own = ApiEndpoint(server)
        self.api = ApiServer(
            "https://api:6443",
            "api:6443",
            "https",
            "",
            own,
            self.endpoint,
            lambda: (("authorization", "Bearer ours"),),
        )
        self.passing = Passing(self.api, Switchboard(Nowhere()), self.turn)

    def ask(
        self,
        target: bytes = b"/api",
        *headers: tuple[str, str],
        method: str = "GET",
        upgrade: str = "",
        body: bool = False,
    ) -> ClientEnd:
        """Ask something, and carry what can be carried."""
        end = ClientEnd()
        request = Request(method, target, (("host", "gate"), *headers))
        with self.turn:
            self.passing.carry(Asked(end, request, upgrade, not body), FACTS)
            if not body:
                end.ends()
                end.told_finished = False
        self.exchange()
        return end

    def exchange(self) -> None:
        """Carry bytes until there are none."""
        for _ in range(50):
            self.clock.advance(0)
            if not sum(pump.pump() for pump in list(self.endpoint.pumps)):
                return

    def servers(self) -> list[Scripted]:
        """Return the API server's sides of all connections."""
        assert isinstance(self.factory, ScriptedFactory)
        return self.factory.built

    def say(self, data: bytes, number: int = -1) -> None:
        """Let the API server say something, on the last connection."""
        self.servers()[number].say(data)
        self.exchange()
