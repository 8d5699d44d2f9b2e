"""Tests for :mod:`spdygate.net.ports`."""

from __future__ import annotations

import errno
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.application.service import IService
from twisted.internet import reactor
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactor
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from spdygate.net.listeners import ListenError, parse_listener
from spdygate.net.ports import CannotStart, ListenerService, listen, spell
from spdygate.net.tls import ClientTls, ServerTls
from tests.certificates import Authority
from tests.net.memory import Recorders

LOOPBACK = "tcp:0:interface=127.0.0.1"


class Taken(MemoryReactor):
    """A reactor on which listening fails, each time in the same way."""

    def __init__(self, error: object) -> None:
        super().__init__()
        self._error = error

    def listenTCP(
        self, port: int, factory: Any, backlog: int = 50, interface: str = ""
    ) -> Any:
        """Fail."""
        raise CannotListenError(interface, port, self._error)

    def listenUNIX(self, address: Any, factory: Any, *rest: Any, **more: Any) -> Any:
        """Fail."""
        if isinstance(self._error, OSError):
            raise self._error
        raise CannotListenError(None, address, self._error)


class AdviceTests(SynchronousTestCase):
    """What is said when listening fails."""

    def said(self, text: str, error: object) -> str:
        """Return the message for an error of the system."""
        listener = parse_listener(text)
        failure = self.failureResultOf(listen(Taken(error), listener, Recorders()))
        self.assertIsInstance(failure.value, ListenError)
        message: str = failure.getErrorMessage()
        self.assertTrue(message.startswith(f"{text}: "), message)
        return message

    def test_in_use(self) -> None:
        """Another program has the port."""
        said = self.said("tcp:9000", OSError(errno.EADDRINUSE, ""))
        self.assertIn("another program listens on port 9000", said)
        self.assertNotIn("kubectl", said)

    def test_kubectl_proxy(self) -> None:
        """On 8001 it may well be kubectl proxy."""
        said = self.said("tcp:8001", OSError(errno.EADDRINUSE, ""))
        self.assertIn("`kubectl proxy` takes port 8001 too", said)

    def test_permission(self) -> None:
        """Low ports are not for everybody."""
        said = self.said("tcp:80", OSError(errno.EACCES, ""))
        self.assertIn("choose one above 1023", said)

    def test_no_such_address(self) -> None:
        """An address may be another machine's."""
        text = "tcp:80:interface=192.0.2.1"
        said = self.said(text, OSError(errno.EADDRNOTAVAIL, ""))
        self.assertIn("this machine has no address 192.0.2.1", said)

    def test_other(self) -> None:
        """What nobody thought of is quoted."""
        self.assertIn("odd", self.said("tcp:80", OSError(errno.EINVAL, "odd")))
        self.assertIn("odd", self.said("unix:/x", OSError(errno.EINVAL, "odd")))

    def test_unix(self) -> None:
        """Paths have their own troubles."""
        expected: dict[object, str] = {
            OSError(errno.ENOENT, ""): "there is no directory for /x",
            OSError(errno.EACCES, ""): "this user may not make /x",
            OSError(errno.EADDRINUSE, ""): "/x exists already",
            "Cannot acquire lock": "it holds /x.lock",
        }
        for error, words in expected.items():
            self.assertIn(words, self.said("unix:/x", error))

    def test_systemd(self) -> None:
        """A socket that was not passed fails in the same way."""
        listener = parse_listener("systemd:INET:index=9")
        failure = self.failureResultOf(listen(reactor, listener, Recorders()))
        self.assertIsInstance(failure.value, ListenError)


class SpellTests(SynchronousTestCase):
    """Where a port listens, as a client would write it."""

    def test_addresses(self) -> None:
        """Every kind of address."""
        self.assertEqual(spell(IPv4Address("TCP", "127.0.0.1", 1), False),
                         "http://127.0.0.1:1")  # fmt: skip
        self.assertEqual(spell(IPv6Address("TCP", "::1", 1), True), "https://[::1]:1")
        self.assertEqual(spell(UNIXAddress("/x"), False), "http+unix:/x")


class Accepted(Protocol):
    """Report the socket that was accepted."""

    def __init__(self, accepted: Deferred[Any]) -> None:
        self._accepted = accepted

    def connectionMade(self) -> None:
        """Report it, and hang up."""
        handle = self.transport.getHandle()  # type: ignore[union-attr]
        options = [
            handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
            handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        ]
        assert self.transport is not None
        self.transport.loseConnection()
        self._accepted.callback(options)


class ListeningTests(TestCase):
    """Real sockets on loopback."""

    def setUp(self) -> None:
        """Make a folder."""
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self, text: str, factory: Factory[Any], **more: Any) -> ListenerService:
        """Start a service, and stop it with the test."""
        service = ListenerService(reactor, parse_listener(text), factory, **more)
        verifyObject(IService, service)
        service.privilegedStartService()
        service.startService()
        self.addCleanup(service.stopService)
        return service

    def port_of(self, service: ListenerService) -> int:
        """Return the port that was taken."""
        assert service.port is not None
        host = service.port.getHost()
        assert isinstance(host, IPv4Address)
        return host.port

    def test_accepted_sockets_are_tuned(self) -> Deferred[None]:
        """They take the settings of the one that listens."""
        if sys.platform != "linux":
            self.skipTest("only Linux is known to hand settings on")

        async def check() -> None:
            accepted: Deferred[Any] = Deferred()
            factory = Factory.forProtocol(lambda: Accepted(accepted))
            port = self.port_of(self.start(LOOPBACK, factory))
            await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(
                Factory.forProtocol(Protocol)
            )
            nodelay, keepalive = await accepted
            self.assertTrue(nodelay)
            self.assertTrue(keepalive)

        return ensureDeferred(check())

    def test_tls(self) -> Deferred[None]:
        """With TLS, the factory is asked after the handshake."""

        async def check() -> None:
            ca = Authority()
            files = ca.server("127.0.0.1").write(self.folder, "server")
            recorders = Recorders()
            port = self.port_of(self.start(LOOPBACK, recorders, tls=ServerTls(*files)))
            plain = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
            tls = ClientTls(ca.write(self.folder))
            endpoint = tls.wrap_client(plain, "127.0.0.1", reactor)
            client = await endpoint.connect(Factory.forProtocol(Protocol))
            assert isinstance(client, Protocol)
            assert client.transport is not None
            client.transport.abortConnection()  # type: ignore[attr-defined]

        return ensureDeferred(check())

    def test_stop(self) -> Deferred[None]:
        """A service that was stopped can be started again, on the same port."""

        async def check() -> None:
            service = self.start(LOOPBACK, Recorders())
            port = self.port_of(service)
            await maybeDeferred(service.stopService)
            self.assertIsNone(service.port)
            again = self.start(f"tcp:{port}:interface=127.0.0.1", Recorders())
            self.assertEqual(self.port_of(again), port)

        return ensureDeferred(check())

    def test_stopped_before_it_listened(self) -> None:
        """Stopping what never listened is nothing."""
        service = ListenerService(reactor, parse_listener(LOOPBACK), Recorders())
        self.assertIsNone(service.stopService())

    def test_without_twistd(self) -> None:
        """``startService`` alone listens too."""
        service = ListenerService(reactor, parse_listener(LOOPBACK), Recorders())
        service.startService()
        self.addCleanup(service.stopService)
        self.assertIsNotNone(service.port)

    def test_in_use(self) -> None:
        """A port that is taken ends the process: status 1, one critical line."""
        port = self.port_of(self.start(LOOPBACK, Recorders()))
        with capturedLogs() as events, self.assertRaises(CannotStart) as raised:
            self.start(f"tcp:{port}:interface=127.0.0.1", Recorders())
        self.assertEqual(raised.exception.code, 1)
        self.assertIsInstance(raised.exception, SystemExit)
        critical = [e for e in events if e["log_level"] is LogLevel.critical]
        self.assertEqual([e["why"] for e in critical], [str(raised.exception)])

    def test_exposed(self) -> None:
        """What turns out to be open to others is closed again."""
        with self.assertRaises(CannotStart) as raised:
            self.start("tcp:0", Recorders(), option="--client-ca")
        self.assertIn("--client-ca", str(raised.exception))

    def test_unix(self) -> None:
        """A UNIX socket listens with its permissions; a second one may not."""
        path = self.folder / "socket"
        self.start(f"unix:{path}:mode=600", Recorders())
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        with self.assertRaisesRegex(CannotStart, "socket.lock"):
            self.start(f"unix:{path}", Recorders())
