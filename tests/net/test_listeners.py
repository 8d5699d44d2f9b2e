"""Tests for :mod:`spdygate.net.listeners`."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from spdygate.net.listeners import (
    Listener,
    ListenError,
    check_exposure,
    check_host,
    is_local_host,
    parse_listener,
)
from tests.net.memory import Recorders


class ParsingTests(SynchronousTestCase):
    """Endpoint strings that can be used."""

    def test_tcp(self) -> None:
        """A port and an address."""
        listener = parse_listener("tcp:8001:interface=127.0.0.1")
        self.assertEqual(
            listener,
            Listener("tcp:8001:interface=127.0.0.1", "tcp", False, 8001, "127.0.0.1"),
        )

    def test_tcp6(self) -> None:
        """Every IPv6 address, if none is told."""
        self.assertEqual(parse_listener("tcp6:8001").interface, "::")

    def test_unix(self) -> None:
        """A path, and who may connect."""
        listener = parse_listener("unix:/run/spdygate.sock:mode=660:lockfile=0")
        self.assertEqual(
            (listener.path, listener.mode, listener.lockfile),
            ("/run/spdygate.sock", 0o660, False),
        )

    def test_haproxy(self) -> None:
        """A proxy in front changes nothing but who can reach it."""
        plain = parse_listener("tcp:8001:interface=127.0.0.1")
        proxied = parse_listener("haproxy:tcp:8001:interface=127.0.0.1")
        self.assertEqual((proxied.kind, proxied.port), (plain.kind, plain.port))
        self.assertTrue(proxied.proxied)

    def said(self, text: str) -> str:
        """Return what is said of a string that cannot be used."""
        return str(self.assertRaises(ListenError, parse_listener, text))

    def test_tls(self) -> None:
        """TLS is refused with what to give instead, however it is spelled."""
        for text in ("ssl:8443", "tls:8443:privateKey=x", "SSL:1", "TLS:tcp:1"):
            self.assertIn("--tls-cert and --tls-key", self.said(text))

    def test_port(self) -> None:
        """A port is a number."""
        for text in ("tcp:http", "tcp:65536", "tcp:-1"):
            self.assertIn("the port is a number up to 65535", self.said(text))

    def test_interface(self) -> None:
        """An interface is an address: no name is looked up, save localhost."""
        for text in ("tcp:80:interface=eth0", "tcp6:80:interface=localhost"):
            self.assertIn("the interface is an address", self.said(text))
        self.assertTrue(parse_listener("tcp:80:interface=localhost").local)

    def test_tcp6_is_ipv6(self) -> None:
        """An IPv4 address does not make an IPv6 listener."""
        self.assertIn("write tcp:", self.said("tcp6:80:interface=127.0.0.1"))

    def test_systemd(self) -> None:
        """A socket of systemd has a domain, and either an index or a name."""
        self.assertEqual(parse_listener("systemd:INET:index=0").kind, "systemd")
        self.assertEqual(parse_listener("systemd:UNIX:name=a").kind, "systemd")
        self.assertIn("INET, INET6 or UNIX", self.said("systemd:domain=AX25:index=0"))
        for text in ("systemd:INET", "systemd:INET:index=0:name=a"):
            self.assertIn("say which socket", self.said(text))
        self.assertIn("a number", self.said("systemd:INET:index=x"))


class EndpointTests(SynchronousTestCase):
    """From text to what Twisted listens with."""

    def test_tcp(self) -> None:
        """Port, address and the longer queue reach the reactor."""
        for text in ("tcp:80:interface=127.0.0.1", "haproxy:tcp:80:127.0.0.1"):
            reactor = MemoryReactor()
            endpoint = parse_listener(text).endpoint(reactor)
            verifyObject(IStreamServerEndpoint, endpoint)
            self.successResultOf(endpoint.listen(Recorders()))
            [(port, _, backlog, interface)] = reactor.tcpServers
            self.assertEqual((port, backlog, interface), (80, 1024, "127.0.0.1"))

    def test_unix(self) -> None:
        """So do path, permissions and lock file."""
        reactor = MemoryReactor()
        listener = parse_listener("unix:/x:mode=600:backlog=7")
        self.successResultOf(listener.endpoint(reactor).listen(Recorders()))
        [(path, _, backlog, mode, lock)] = reactor.unixServers
        self.assertEqual((path, backlog, mode, lock), ("/x", 7, 0o600, True))

    def test_no_systemd(self) -> None:
        """A socket that systemd did not pass is an error with advice."""
        for text in ("systemd:INET:index=7", "systemd:INET:name=none"):
            with self.assertRaisesRegex(ListenError, "start .* its .socket unit"):
                parse_listener(text).endpoint(MemoryReactor())


class ExposureTests(SynchronousTestCase):
    """Who can reach a listener, and whether they may."""

    LOCAL = (
        "tcp:80:interface=127.0.0.1",
        "tcp:80:interface=127.8.8.8",
        "tcp:80:interface=localhost",
        r"tcp:80:interface=\:\:1",
        r"tcp6:80:interface=\:\:ffff\:127.0.0.1",
        "unix:/run/x",
        "systemd:INET:index=0",
    )
    OPEN = (
        "tcp:80",
        "tcp:80:interface=",
        "tcp:80:interface=0.0.0.0",
        "tcp:80:interface=10.0.0.1",
        "tcp6:80",
        r"tcp:80:interface=\:\:",
        "haproxy:tcp:80:interface=127.0.0.1",
    )

    def test_local(self) -> None:
        """Loopback, UNIX sockets, and what is only known later, pass."""
        check_exposure(map(parse_listener, self.LOCAL), allowed=False)

    def test_open(self) -> None:
        """Everything else is refused, and the message names the option."""
        for text in self.OPEN:
            with self.assertRaisesRegex(ListenError, "--insecure-anonymous"):
                check_exposure([parse_listener(text)], allowed=False)

    def test_allowed(self) -> None:
        """Unless somebody has said that it may be."""
        check_exposure(map(parse_listener, self.OPEN), allowed=True)

    def test_other_option(self) -> None:
        """Another service may name another option, and what to write instead."""
        listener = parse_listener("tcp:80")
        error = self.assertRaises(
            ListenError, check_exposure, [listener], False, "--client-ca"
        )
        self.assertEqual(
            str(error),
            "tcp:80: other machines could connect here, and nobody would ask them who "
            "they are; write tcp:80:interface=127.0.0.1, or let them in with --client-ca",
        )

    def test_hosts(self) -> None:
        """An address of a socket tells it, too."""
        local = (IPv4Address("TCP", "127.0.0.1", 1), IPv6Address("TCP", "::1", 1))
        for host in (*local, UNIXAddress("/x"), UNIXAddress(None)):
            self.assertTrue(is_local_host(host), host)
        others = (IPv4Address("TCP", "0.0.0.0", 1), IPv6Address("TCP", "::", 1))
        for address in others:
            self.assertFalse(is_local_host(address), address)

    def test_truth(self) -> None:
        """What is open counts, not only what the text says."""
        listener = parse_listener("systemd:INET:index=0")
        check_host(listener, IPv4Address("TCP", "127.0.0.1", 1), False)
        everywhere = IPv4Address("TCP", "0.0.0.0", 1)
        check_host(listener, everywhere, True)
        with self.assertRaisesRegex(ListenError, "--client-ca"):
            check_host(listener, everywhere, False, "--client-ca")

    def test_proxy_in_front(self) -> None:
        """Behind a proxy a loopback address proves nothing."""
        listener = parse_listener("haproxy:tcp:80:interface=127.0.0.1")
        with self.assertRaises(ListenError):
            check_host(listener, IPv4Address("TCP", "127.0.0.1", 1), False)
