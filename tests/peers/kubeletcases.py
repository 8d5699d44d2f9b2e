"""
One connection of ours to Kubernetes' own server code, and pods behind it.

The node is k8s.io/cri-streaming with containerd's ways, but for a grace of
0.3 s instead of 1 s between the two ends of a connection.  The pods are in
this process, so that each does exactly what a test says.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    connectProtocol,
)
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure as Reported

from spdygate.dialect.nodespdy import NodeSpdy
from spdygate.dialect.tunnel import Failure
from spdygate.gateway.relay import Observer, Relay
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.shell import Shell
from spdygate.net.turn import Turn
from spdygate.session.events import Buffer
from tests.dialect.ends import RecordingEnd, request

from .running import PATIENCE, PeerCase

#: Docs/protocol.rst, section 2.2.
UPGRADE = (
    b"POST /portForward/shop/web-0 HTTP/1.1\r\nHost: node\r\nContent-Length: 0\r\n"
    b"Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
    b"X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n"
)

#: Seconds: the node's grace, and a pod that takes longer than that.
GRACE = 0.3
SLOW = 0.9


class Client(RecordingEnd):
    """A client's end in memory that somebody waits for."""

    def __init__(self) -> None:
        super().__init__()
        self._waits: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def until(self, happened: Callable[[], bool]) -> Deferred[None]:
        """Wait until something has happened here."""
        answer: Deferred[None] = Deferred()
        answer.addTimeout(PATIENCE, IReactorTime(reactor))
        self._waits.append((happened, answer))
        self._look()
        return answer

    def over_or_finished(self) -> Deferred[None]:
        """Wait until the pod's side has ended, either way."""
        return self.until(lambda: self.over or self.finished)

    def _look(self) -> None:
        """Wake whom it concerns."""
        for wait in [wait for wait in self._waits if wait[0]()]:
            self._waits.remove(wait)
            wait[1].callback(None)

    def accept(self) -> None:
        """Take the news that the target is connected."""
        super().accept()
        self._look()

    def send(self, data: Buffer) -> int:
        """Take bytes."""
        left = super().send(data)
        self._look()
        return left

    def finish(self) -> None:
        """Take the FIN."""
        super().finish()
        self._look()

    def fail(self, failure: Failure) -> None:
        """Take a failure."""
        super().fail(failure)
        self._look()


class NoDialer:
    """A switchboard's dialer that nobody asks."""

    def dial(self, relay: Relay) -> None:
        """Fail: no node asks for a tunnel."""
        raise AssertionError(relay)


class Upgrading(Protocol):
    """Ask for the upgrade by hand, and let a shell go on."""

    def __init__(self, shell: Shell, upgraded: Deferred[None]) -> None:
        self._shell = shell
        self._upgraded = upgraded
        self._answer = b""

    def connectionMade(self) -> None:
        """Ask."""
        assert self.transport is not None
        self.transport.write(UPGRADE)

    def dataReceived(self, data: bytes) -> None:
        """Hand over once the 101 is whole."""
        self._answer += data
        head, end, rest = self._answer.partition(b"\r\n\r\n")
        if not end:
            return
        assert head.startswith(b"HTTP/1.1 101 "), head
        transport = self.transport
        transport.protocol = self._shell  # type: ignore[union-attr]
        self._shell.makeConnection(transport)
        if rest:
            self._shell.dataReceived(rest)
        self._upgraded.callback(None)

    def connectionLost(self, reason: Reported = connectionDone) -> None:
        """Hear of a node that refused."""
        self._upgraded.errback(reason)


class Pod(Protocol):
    """
    A program in a pod, which does as it is told with what it receives.

    :ivar later: what it will do in a while, if its connection lives so long.
    """

    def __init__(self, does: Does) -> None:
        self._does = does
        self.later: IDelayedCall | None = None

    def dataReceived(self, data: bytes) -> None:
        """Do it."""
        self._does(self, data)

    def say(self, data: bytes) -> None:
        """Send."""
        assert self.transport is not None
        self.transport.write(data)

    def close(self) -> None:
        """Say no more."""
        assert self.transport is not None
        self.transport.loseConnection()

    def connectionLost(self, reason: Reported = connectionDone) -> None:
        """Do no more."""
        if self.later is not None and self.later.active():
            self.later.cancel()


Does = Callable[[Pod, bytes], None]


def echo(pod: Pod, data: bytes) -> None:
    """Send back what comes."""
    pod.say(data)


def answer(pod: Pod, data: bytes) -> None:
    """Send back what comes, and close."""
    pod.say(data)
    pod.close()


def answer_late(pod: Pod, data: bytes) -> None:
    """Answer after a while, and close."""
    pod.later = IReactorTime(reactor).callLater(SLOW, answer, pod, b"at last")


def reset(pod: Pod, data: bytes) -> None:
    """Reset the connection."""
    pod.transport.abortConnection()  # type: ignore[union-attr]


class NodeCase(PeerCase):
    """One connection to a kubelet."""

    async def connect(self, hold_fin: float = 30.0) -> None:
        """Run a kubelet, and upgrade a connection to it."""
        kubelet = self.peer("kubelet", "-grace", f"{GRACE}s")
        match = await kubelet.says(r"listening 127\.0\.0\.1:(\d+)")
        clock = IReactorTime(reactor)
        self.node = NodeSpdy("node n1", clock.seconds(), hold_fin)
        self.turn = Turn(clock)
        shell = Shell(self.node, Switchboard(NoDialer()), self.turn)
        lost: Deferred[object] = Deferred()
        shell.on_lost = lambda _: lost.callback(None)
        upgraded: Deferred[None] = Deferred()
        node = TCP4ClientEndpoint(reactor, "127.0.0.1", int(match[1]))
        await connectProtocol(node, Upgrading(shell, upgraded))
        await upgraded
        self.addCleanup(lambda: lost)
        self.addCleanup(shell.abort)

    async def pod_here(self, does: Does) -> int:
        """Run a pod's program in this process; return its port."""
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port = await endpoint.listen(Factory.forProtocol(lambda: Pod(does)))
        self.addCleanup(port.stopListening)
        address = port.getHost()
        assert isinstance(address, IPv4Address)
        return address.port

    def tunnel(self, port: int, says: bytes = b"", *, finished: bool = False) -> Client:
        """Open a tunnel; let its client say something at once."""
        client, asked = Client(), request(port)
        relay = Relay(client, asked, Observer())
        with self.turn:
            relay.join(self.node.open(asked))
            self.say(client, says)
            if finished:
                client.ends()
        return client

    def say(self, client: Client, words: bytes) -> None:
        """Let a client send, in pieces of 64 KiB."""
        with self.turn:
            for at in range(0, len(words), 65536):
                client.comes(words[at : at + 65536])
