"""Tests for `spdygate.service.gateway`."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

from twisted.application.service import IServiceCollection
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.threads import deferToThread

from spdygate.dialect.servedspdy import Errors
from spdygate.service.gateway import Options, makeService
from tests.certificates import Authority
from tests.peers.running import PeerCase, Running

from .commandline import CommandCase

N1 = ("--node", "n1=http://127.0.0.1:10443")
TWISTD = (sys.executable, "-c", "from twisted.scripts.twistd import run; run()")

UPGRADE = b"""\
POST /api/v1/namespaces/default/pods/demo/portforward HTTP/1.1\r
Host: gateway\r
User-Agent: tester/1\r
Connection: Upgrade\r
Upgrade: SPDY/3.1\r
X-Stream-Protocol-Version: portforward.k8s.io\r
\r
"""


class OptionsTests(CommandCase):
    """The command line."""

    def understood(self, *words: str) -> Options:
        """Return a command line that is understood."""
        options = Options()
        options.parseOptions(words)
        return options

    def test_defaults(self) -> None:
        """Loopback, the node service in this process, failures kept apart."""
        settings = self.understood().settings
        (listener,) = settings.listeners
        self.assertEqual(listener.text, "tcp:8001:interface=127.0.0.1")
        self.assertTrue(settings.embedded)
        self.assertIs(settings.errors, Errors.ISOLATE)
        self.assertFalse(settings.exposed)
        self.assertIsNone(settings.tls)

    def test_embedded(self) -> None:
        """It goes with the first node, and comes back with a pod of its own."""
        pod = ("--pod", "a/b@n1")
        self.assertFalse(self.understood(*N1, *pod).settings.embedded)
        mine = ("--pod", "a/c=127.0.0.1")
        self.assertTrue(self.understood(*N1, *pod, *mine).settings.embedded)

    def test_twice(self) -> None:
        """A node and a pod are given once, wherever the pod is."""
        message = self.refusal(Options(), *N1, *N1)
        self.assertIn("--node: n1 is given twice", message)
        message = self.refusal(Options(), *N1, "--pod", "a/b@n1", "--pod", "a/b=h")
        self.assertIn("--pod: a/b is given twice", message)

    def test_pod_without_its_node(self) -> None:
        """The missing option is written out."""
        message = self.refusal(Options(), "--pod", "a/b@n2", *N1)
        self.assertIn("give --node n2=URL too", message)

    def test_errors(self) -> None:
        """A slip of the finger is told what there is."""
        settings = self.understood("--errors", "kubelet").settings
        self.assertIs(settings.errors, Errors.KUBELET)
        message = self.refusal(Options(), "--errors", "kublet")
        self.assertEqual(message, "--errors kublet: write isolate or kubelet")

    def test_exposed(self) -> None:
        """Other machines are let in by one option only, certificates or not."""
        message = self.refusal(Options(), "--listen", "tcp:8001")
        self.assertIn("write tcp:8001:interface=127.0.0.1, or let them in", message)
        self.assertIn("--insecure-anonymous", message)
        words = ("--listen", "tcp:8001", "--insecure-anonymous")
        self.assertTrue(self.understood(*words).settings.exposed)

    def test_node_files(self) -> None:
        """Files for nodes come in pairs, can be read, and are of use."""
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority()
        ca = authority.write(folder)
        cert, key = authority.client("gateway").write(folder, "gateway")
        secure = ("--node", "n1=https://127.0.0.1:10443")
        files = ("--node-ca", ca, "--node-cert", cert, "--node-key", key)
        self.understood(*secure, *files)
        message = self.refusal(Options(), *secure, "--node-cert", cert)
        self.assertIn("give --node-key too", message)
        message = self.refusal(Options(), *secure, "--node-ca", "/nowhere")
        self.assertIn("--node-ca: /nowhere", message)
        message = self.refusal(Options(), *N1, "--node-ca", ca)
        self.assertIn("no node is reached by TLS; give --node NAME=https", message)

    def test_help(self) -> None:
        """It fits a terminal, and its commands can be copied."""
        self.assert_help(
            Options(),
            "twistd -n --pidfile= spdygate",
            "kubectl --server http://127.0.0.1:8001 port-forward pod/demo 8080:80",
            "twistd -n --pidfile= spdygate \\",
        )


class ServiceTests(CommandCase):
    """What is built."""

    def test_parts(self) -> None:
        """One service for each listener, one for the dialling; nothing runs yet."""
        for words in ((), N1, ("--node", "*=https://[::1]:1")):
            options = Options()
            options.parseOptions(
                [*words, "-l", "unix:/nowhere/a", "-l", "tcp:0:interface=127.0.0.1"]
            )
            service = makeService(options)
            self.assertEqual(len(list(IServiceCollection(service))), 3)


class TwistdTests(PeerCase):
    """The real command, in a process of its own."""

    async def refused(self, *words: str) -> str:
        """Run a gateway that cannot start; return what it prints."""
        running: Running = self.start("spdygate", *TWISTD, "-n", "--pidfile=", *words)
        self.assertEqual(await running.ends(), 1, running.output)
        for noise in ("Traceback", "Usage:", "Options:"):
            self.assertNotIn(noise, running.output)
        return running.output

    def test_wrong_options(self) -> Deferred[None]:
        """Two lines, status 1; a name no certificate can have is one of them."""

        async def check() -> None:
            for words, told in (
                (("--nodes", "x"), "there is no option --nodes; did you mean --node?"),
                (
                    ("--node", "n1=https://a..b:1"),
                    "--node n1=https://a..b:1: 'a..b' is",
                ),
            ):
                said = await self.refused("spdygate", *words)
                first, second = said.splitlines()
                self.assertIn(f"twistd spdygate: {told}", first)
                self.assertEqual(second, "See: twistd spdygate --help")

        return ensureDeferred(check())

    def test_port_in_use(self) -> Deferred[None]:
        """The last line of the log says who may have the port, and what to do."""

        async def check() -> None:
            with socket.create_server(("127.0.0.1", 0)) as taken:
                port = taken.getsockname()[1]
                listen = f"tcp:{port}:interface=127.0.0.1"
                said = await self.refused("spdygate", "--listen", listen)
            last = said.splitlines()[-1]
            self.assertIn(f"another program listens on port {port}", last)

        return ensureDeferred(check())

    def test_stops(self) -> Deferred[None]:
        """SIGTERM ends it cleanly though a session is open, which is logged."""

        async def check() -> None:
            running, url = await self.gateway()
            port = int(url.rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.settimeout(60)
                client.sendall(UPGRADE)
                answer = await deferToThread(client.recv, 4096)
                self.assertIn(b"101 Switching Protocols", answer)
                running.send(signal.SIGTERM)
                # twistd puts the pid file away, then ends by the signal it got.
                self.assertIn(await running.ends(), (0, -signal.SIGTERM))
            self.assertIn("Server Shut Down", running.output)
            self.assertNotIn("Traceback", running.output)
            self.assertNotIn("Starting factory", running.output)
            sessions = [
                line for line in running.output.splitlines() if "session " in line
            ]
            self.assertEqual(len(sessions), 1, running.output)
            self.assertIn("tester/1; SPDY/3.1 generation C; POST pods", sessions[0])
            self.assertIn("-> default/demo: over after", sessions[0])

        return ensureDeferred(check())
