"""Tests for :mod:`spdygate.node.dialers`."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.error import CannotListenError
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure as TwistedFailure
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from spdygate.dialect.tunnel import Reason, Request
from spdygate.gateway.relay import Observer, Relay
from spdygate.net.turn import Turn
from spdygate.node.demo import Echo
from spdygate.node.dialers import CONNECT_TIMEOUT, PodDialer
from spdygate.node.pods import IN_PROCESS, Place, Pods
from spdygate.wire.urls import Target
from tests.dialect.ends import RecordingEnd

_reactor: Any = global_reactor


class Aborting(StringTransport):
    """A transport in memory that can be aborted."""

    aborted = False

    def abortConnection(self) -> None:
        """Note it."""
        self.aborted = True

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Ask for something at once."""
        super().registerProducer(producer, streaming)
        producer.resumeProducing()

    def drain(self) -> None:
        """Ask until there is no more, as a socket does that takes all."""
        while self.producer is not None:
            self.producer.resumeProducing()


def ask(
    pod: str, port: int = 8080, uid: str | None = None
) -> tuple[RecordingEnd, Relay]:
    """Return a tunnel that is to be dialled, and the client's end of it."""
    near = RecordingEnd()
    request = Request(
        Target("n1", "shop", pod, uid), port, "s1-3", client="kubectl/v1.30"
    )
    return near, Relay(near, request, Observer())


class MemoryTests(SynchronousTestCase):
    """Dialling, on a reactor in memory."""

    def setUp(self) -> None:
        """Serve a pod with an address, and the demo pod."""
        self.reactor = MemoryReactorClock()
        places = {
            ("shop", "four"): Place("10.0.0.7"),
            ("shop", "demo"): IN_PROCESS,
        }
        pods = Pods(places, {("shop", "four"): "u-1"})
        self.dialer = PodDialer(self.reactor, pods, Turn(self.reactor))

    def dial(self, *wanted: Any) -> tuple[RecordingEnd, Relay]:
        """Dial a tunnel, as far as that goes at once."""
        near, relay = ask(*wanted)
        self.dialer.dial(relay)
        self.reactor.advance(0)
        return near, relay

    def connect(self) -> tuple[Any, Aborting]:
        """Let the target accept the one connection that was asked for."""
        *_, factory, _, _ = self.reactor.tcpClients[-1]
        protocol: Any = factory.buildProtocol(None)
        transport = Aborting()
        protocol.makeConnection(transport)
        return protocol, transport

    def refused(self, near: RecordingEnd, reason: Reason, words: str) -> None:
        """Check how a client was refused."""
        (failure,) = near.failures
        self.assertIs(failure.reason, reason)
        self.assertEqual(failure.message, words)
        self.assertEqual(near.accepted, 0)

    def test_unknown_pod(self) -> None:
        """A pod that is not here is refused by its name, and nobody is dialled."""
        near, _ = self.dial("five")
        self.refused(near, Reason.NO_SUCH_POD, "pod shop/five is not on this node")
        self.assertEqual(self.reactor.tcpClients, [])

    def test_wrong_uid(self) -> None:
        """Neither is a pod that has been replaced."""
        near, _ = self.dial("four", 80, "u-2")
        words = "pod shop/four has another uid than u-2"
        self.refused(near, Reason.NO_SUCH_POD, words)
        self.assertEqual(self.reactor.tcpClients, [])

    def test_port(self) -> None:
        """The port is dialled that was asked for (this reactor resolves nothing)."""
        self.dial("four", 8443)
        self.assertEqual([client[1] for client in self.reactor.tcpClients], [8443])

    def test_accepted_when_connected(self) -> None:
        """The client is told yes when the target has said so, and not before."""
        near, relay = self.dial("four")
        self.assertEqual((near.accepted, relay.opened), (0, False))
        self.connect()
        self.assertEqual((near.accepted, relay.opened), (1, True))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_early_bytes(self) -> None:
        """What the client sent before that arrives first, then its FIN."""
        near, _ = self.dial("four")
        near.comes(b"early ")
        _, transport = self.connect()
        near.comes(b"late")
        transport.drain()
        self.assertEqual(transport.value(), b"early late")
        self.assertEqual(near.granted, 10)

    def test_refused_port(self) -> None:
        """A port where nobody listens is refused in the words of the system."""
        near, _ = self.dial("four", 81)
        *_, factory, _, _ = self.reactor.tcpClients[-1]
        why = TwistedFailure(Refused(111, "Connection refused"))
        factory.clientConnectionFailed(self.reactor.connectors[-1], why)
        self.reactor.advance(1)  # to the next address, if there were one
        (failure,) = near.failures
        self.assertIs(failure.reason, Reason.REFUSED)
        prefix = "failed to connect to port 81 of pod shop/four: "
        self.assertTrue(failure.message.startswith(prefix), failure.message)
        self.assertIn("refused", failure.message[len(prefix) :].lower())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_timeout(self) -> None:
        """All addresses together have so many seconds, then the dial is given up."""
        near, _ = self.dial("four", 81)
        self.reactor.advance(CONNECT_TIMEOUT - 0.1)
        self.assertEqual(near.failures, [])
        self.reactor.advance(0.2)
        words = "failed to connect to port 81 of pod shop/four: no answer"
        self.refused(near, Reason.TIMEOUT, words)
        self.assertTrue(self.reactor.connectors[-1].stoppedConnecting)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_timeout_of_choice(self) -> None:
        """An operator may choose another number of seconds."""
        pods = Pods({("shop", "four"): Place("10.0.0.7")})
        self.dialer = PodDialer(self.reactor, pods, Turn(self.reactor), timeout=3.0)
        near, _ = self.dial("four")
        self.reactor.advance(3.0)
        self.assertEqual([f.reason for f in near.failures], [Reason.TIMEOUT])

    def test_client_leaves_meanwhile(self) -> None:
        """A client that gives up takes its dial along, and hears nothing of it."""
        near, relay = self.dial("four")
        near.breaks(Reason.GAVE_UP)
        self.assertTrue(self.reactor.connectors[-1].stoppedConnecting)
        self.assertEqual((near.failures, near.accepted), ([], 0))
        self.assertTrue(relay.over)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_no_such_demo_port(self) -> None:
        """The demo pod refuses as a host would where it does not listen."""
        near, _ = self.dial("demo", 81)
        words = "failed to connect to port 81 of pod shop/demo: connection refused"
        self.refused(near, Reason.REFUSED, words)


class LoopbackTests(TestCase):
    """Dialling, for real."""

    timeout = 20

    def setUp(self) -> None:
        """Make a dialer of a node whose pods are on this machine."""
        places = {
            ("shop", "local"): Place("127.0.0.1"),
            ("shop", "six"): Place("::1"),
            ("shop", "demo"): IN_PROCESS,
        }
        self.dialer = PodDialer(_reactor, Pods(places), Turn(_reactor))

    @inlineCallbacks
    def once(
        self, condition: Callable[[], object]
    ) -> Generator[Deferred[Any], Any, None]:
        """Turn the reactor until something is so; the test's time is the bound."""
        while not condition():
            yield deferLater(_reactor, 0)

    @inlineCallbacks
    def converse(self, pod: str, port: int) -> Generator[Deferred[Any], Any, None]:
        """Talk to an echo, and part in an orderly way."""
        near, relay = ask(pod, port)
        self.dialer.dial(relay)
        near.comes(b"hello")
        yield self.once(lambda: near.sent)
        self.assertEqual((near.accepted, near.sent), (1, b"hello"))
        near.ends()
        yield self.once(lambda: near.finished)
        self.assertEqual((near.granted, near.failures), (5, []))
        yield self.once(lambda: not relay.far.transport.connected)  # type: ignore[union-attr]

    def test_demo(self) -> Deferred[None]:
        """The demo pod is reached without a network."""
        return self.converse("demo", 7)

    @inlineCallbacks
    def test_tcp(self) -> Generator[Deferred[Any], Any, None]:
        """A declared pod is reached by TCP."""
        port = _reactor.listenTCP(0, Factory.forProtocol(Echo), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        yield self.converse("local", port.getHost().port)

    @inlineCallbacks
    def test_tcp6(self) -> Generator[Deferred[Any], Any, None]:
        """An address may be an IPv6 one."""
        try:
            port = _reactor.listenTCP(0, Factory.forProtocol(Echo), interface="::1")
        except CannotListenError as error:
            raise SkipTest(f"no IPv6 here: {error}") from error
        self.addCleanup(port.stopListening)
        yield self.converse("six", port.getHost().port)

    @inlineCallbacks
    def test_refused(self) -> Generator[Deferred[Any], Any, None]:
        """A closed port is a refusal, in one sentence that names pod and port."""
        port = _reactor.listenTCP(0, Factory.forProtocol(Echo), interface="127.0.0.1")
        number = port.getHost().port
        yield port.stopListening()
        near, relay = ask("local", number)
        self.dialer.dial(relay)
        yield self.once(lambda: near.failures)
        (failure,) = near.failures
        self.assertIs(failure.reason, Reason.REFUSED)
        self.assertIn(f"port {number} of pod shop/local", failure.message)
