"""
What the upstream cases have in common: a node, a gateway, and small programs.

The node is ``k8s.io/cri-streaming``, the clients are real; only the programs
in the pod and before the local port are ours, in this process, because each
case says exactly what they do.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from urllib.request import urlopen

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IDelayedCall, IProtocolFactory, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from tests.peers.build import require
from tests.peers.running import PATIENCE, Forward, PeerCase, Running

#: Seconds for a connection of ours to get anywhere.
TIMEOUT = 30.0

#: How clients since 2015 ask for the pod that every case has.
PODS = "/api/v1/namespaces/default/pods/web/portforward"


class Tester(Protocol):
    """
    ``agnhost port-forward-tester``: what the pods of the e2e cases run.

    It may expect some bytes, sends a hundred in ten pieces, and says in its
    log what it saw, in the words that the cases look for.
    """

    def __init__(self, log: Log, expected: bytes) -> None:
        self._log = log
        self._expected = expected
        self._received = b""
        self._left = 10
        self._later: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Say so, and wait for what is expected."""
        self._log.add("Accepted client connection")
        if not self._expected:
            self._send()

    def dataReceived(self, data: bytes) -> None:
        """Compare."""
        before, self._received = self._received, self._received + data
        count = len(self._expected)
        if len(before) < count <= len(self._received):
            self._log.add(
                "Received expected client data"
                if self._received == self._expected
                else f"Expected {self._expected!r}, but got {self._received!r}"
            )
            self._send()

    def _send(self) -> None:
        """Send a piece, and come back for the next."""
        assert self.transport is not None
        if not self._left:
            self._log.add("Done")
            self.transport.loseConnection()
            return
        self._left -= 1
        self.transport.write(b"x" * 10)
        self._later = IReactorTime(reactor).callLater(0.01, self._send)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Say what is missing."""
        if self._later is not None and self._later.active():
            self._later.cancel()
        got, wanted = len(self._received), len(self._expected)
        if got < wanted:
            words = f"Expected to read {wanted} bytes from client, but got {got}"
            self._log.add(f"{words} instead")


class Log:
    """What a program in this process has said, and those who wait for it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._waits: list[tuple[str, Deferred[None]]] = []

    def add(self, line: str) -> None:
        """Say it, and wake whom it concerns."""
        self.lines.append(line)
        for wait in [wait for wait in self._waits if wait[0] == line]:
            self._waits.remove(wait)
            wait[1].callback(None)

    def says(self, line: str) -> Deferred[None]:
        """Wait for a line."""
        answer: Deferred[None] = Deferred()
        answer.addTimeout(PATIENCE, IReactorTime(reactor))
        if line in self.lines:
            answer.callback(None)
        else:
            self._waits.append((line, answer))
        return answer


class Page(Resource):
    """A page, for every path."""

    isLeaf = True

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._body = body

    def render_GET(self, request: Request) -> bytes:
        """Return it; twisted.web calls this name."""
        return self._body


def local(address: str) -> socket.socket:
    """Connect to a local port."""
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), TIMEOUT)


def read_all(connection: socket.socket) -> bytes:
    """Read to the end."""
    found = b""
    while data := connection.recv(65536):
        found += data
    return found


def get(url: str) -> bytes:
    """Fetch a page."""
    with urlopen(url, timeout=TIMEOUT) as answer:
        body = answer.read()
    assert isinstance(body, bytes)
    return body


class UpstreamCase(PeerCase):
    """A gateway before a kubelet, with one pod, ``default/web``, on loopback."""

    async def listen(
        self, factory: IProtocolFactory, interface: str = "127.0.0.1"
    ) -> int:
        """Run a program of the pod in this process; return its port."""
        endpoint = TCP4ServerEndpoint(reactor, 0, interface=interface)
        port = await endpoint.listen(factory)
        self.addCleanup(port.stopListening)
        address = port.getHost()
        assert isinstance(address, IPv4Address)
        return address.port

    async def agnhost(
        self, expected: bytes = b"", interface: str = "127.0.0.1"
    ) -> tuple[int, Log]:
        """Run a tester; return its port and its log."""
        log = Log()
        factory = Factory.forProtocol(lambda: Tester(log, expected))
        return await self.listen(factory, interface), log

    async def page(self, body: bytes, interface: str = "127.0.0.1") -> int:
        """Serve a page over HTTP/1.1, as nginx would; return the port."""
        site = Site(Page(body))
        port = await self.listen(site, interface)
        self.addCleanup(site.stopFactory)
        return port

    async def closed_port(self) -> int:
        """Return a port on which nothing listens any more."""
        running = self.peer("load", "pod", "-listen", "127.0.0.1:0")
        match = await running.says(r"listening 127\.0\.0\.1:(\d+)")
        await running.stop()
        return int(match[1])

    async def cluster(
        self, generations: str = "spdy,channels", *options: str
    ) -> tuple[Running, str]:
        """Run a kubelet and a gateway before it; return the gateway and its URL."""
        words = ("-generations", generations, "-grace", "300ms")
        _, node = await self.kubelet(*words)
        return await self.gateway(
            *("--node", f"n1={node}", "--pod", "default/web@n1"),
            *("--hold-fin", "1", *options),
        )

    def kubectl(self, which: str, url: str, *words: str) -> Running:
        """Run one of the kubectls."""
        return self.start(which, require(which), "--server", url, *words)

    async def kubectl_forwards(
        self, which: str, url: str, port: int, what: str = "pod/web"
    ) -> Forward:
        """Run ``kubectl port-forward`` until it listens."""
        running = self.kubectl(which, url, "port-forward", what, f":{port}")
        return await Forward.of(running, [port])

    async def talk(self, act: Callable[[], bytes]) -> bytes:
        """Do something that blocks, in a thread."""
        found: bytes = await deferToThread(act)
        return found
