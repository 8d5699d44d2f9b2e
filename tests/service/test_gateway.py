"""Tests for `spdygate.service.gateway`."""

from __future__ import annotations

import signal
import socket
import sys

from twisted.application.service import IServiceCollection
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.threads import deferToThread

from spdygate.service.gateway import Options, makeService
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
