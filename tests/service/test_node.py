"""Tests for `spdygate.service.node`."""

from __future__ import annotations

from pathlib import Path

from twisted.application.service import IServiceCollection

from spdygate.node.pods import Place
from spdygate.service.node import Options, makeService, places
from spdygate.service.settings import read_pod
from tests.certificates import Authority

from .commandline import CommandCase

POD = ("--pod", "default/web=127.0.0.1")


class OptionsTests(CommandCase):
    """The command line."""

    def understood(self, *words: str) -> Options:
        """Return a command line that is understood."""
        options = Options()
        options.parseOptions([*POD, *words])
        return options

    def test_defaults(self) -> None:
        """Loopback, no TLS, nobody from outside, ten seconds."""
        settings = self.understood().settings
        (listener,) = settings.listeners
        self.assertEqual(listener.text, "tcp:10443:interface=127.0.0.1")
        self.assertIsNone(settings.tls)
        self.assertFalse(settings.exposed)
        self.assertEqual(settings.connect_timeout, 10.0)

    def test_no_pod(self) -> None:
        """A node without pods is of no use, and is told how to declare one."""
        message = self.refusal(Options())
        self.assertIn("give --pod NS/NAME=HOST, as in --pod default/web=", message)

    def test_pods(self) -> None:
        """A pod has a host, and is declared once."""
        message = self.refusal(Options(), "--pod", "a/b@n")
        self.assertIn("write NS/NAME=HOST, as in", message)
        message = self.refusal(Options(), *POD, *POD)
        self.assertIn("default/web is given twice", message)

    def test_exposed(self) -> None:
        """Other machines need a client certificate, or somebody's word."""
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority()
        cert, key = authority.server("localhost").write(folder, "node")
        files = ("--tls-cert", cert, "--tls-key", key)
        for some in ((), files):
            message = self.refusal(Options(), *POD, "-l", "tcp:10443", *some)
            self.assertIn("--listen tcp:10443: other machines could", message)
            self.assertTrue(
                message.endswith("with --client-ca or --insecure-anonymous"), message
            )
        asking = (*files, "--client-ca", authority.write(folder))
        for more in (asking, ("--insecure-anonymous",)):
            self.assertTrue(self.understood("-l", "tcp:10443", *more).settings.exposed)

    def test_timeout(self) -> None:
        """A time that is none is refused."""
        self.assertEqual(
            self.understood("--connect-timeout", "2.5").settings.connect_timeout, 2.5
        )
        message = self.refusal(Options(), *POD, "--connect-timeout", "10s")
        self.assertIn("--connect-timeout 10s: write a number of seconds", message)

    def test_help(self) -> None:
        """It fits a terminal, and its commands can be copied and understood."""
        self.assert_help(
            Options(), "twistd -n --pidfile= spdygate-node --pod default/web=127.0.0.1"
        )
        self.assertIn("[default: tcp:10443:interface=127.0.0.1]", str(Options()))


class ServiceTests(CommandCase):
    """What is built."""

    def test_listeners(self) -> None:
        """One service for each listener, and nothing listens yet."""
        options = Options()
        options.parseOptions([*POD, "-l", "unix:/nowhere/a", "-l", "unix:/nowhere/b"])
        service = makeService(options)
        self.assertEqual(len(list(IServiceCollection(service))), 2)

    def test_places(self) -> None:
        """Pods on other nodes are not here."""
        pods = [read_pod(text, may_name_node=True) for text in ("a/b=h", "a/c@n")]
        self.assertEqual(places(pods), {("a", "b"): Place("h")})
