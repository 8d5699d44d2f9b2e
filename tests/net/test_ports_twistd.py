"""Tests for :mod:`spdygate.net.ports` in processes of their own."""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from spdygate.net import ports


class Output(ProcessProtocol):
    """
    What a process says, and how it ends.

    :ivar ended: fires with both.
    """

    def __init__(self) -> None:
        self.ended: Deferred[tuple[str, int]] = Deferred()
        self._said = b""

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Gather."""
        self._said += data

    def processEnded(self, reason: Failure) -> None:
        """Report."""
        status = 0
        if isinstance(reason.value, ProcessTerminated):
            status = reason.value.exitCode
        self.ended.callback((self._said.decode(), status))


APPLICATION = """
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.protocol import Factory
from spdygate.net.listeners import parse_listener
from spdygate.net.ports import ListenerService

application = Application("test")
listener = parse_listener({text!r})
ListenerService(reactor, listener, Factory()).setServiceParent(application)
"""

TWISTD = "from twisted.scripts.twistd import run; run()"


class TwistdTests(TestCase):
    """How ``twistd`` ends when it cannot listen."""

    def setUp(self) -> None:
        """Make a folder."""
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def taken(self) -> int:
        """Take a port on loopback; return its number."""
        opened = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(opened.close)
        port: int = opened.getsockname()[1]
        return port

    def twistd(
        self, text: str, *options: str, fds: dict[int, int] | None = None
    ) -> Deferred[tuple[str, int]]:
        """Run twistd with one listener; return what it says, and its status."""
        file = self.folder / "application.py"
        file.write_text(APPLICATION.format(text=text))
        # The shell becomes the Python of the same process id, which is the one
        # that systemd's protocol names (sd_listen_fds(3)).
        command = [
            "/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", sys.executable, "-c",
            TWISTD, *options, "--pidfile=twistd.pid", "-y", str(file),
        ]  # fmt: skip
        output = Output()
        reactor.spawnProcess(
            output,
            command[0],
            command,
            env={
                "PYTHONPATH": str(Path(ports.__file__).parents[2]),
                "LISTEN_FDS": "1",
                "LISTEN_FDNAMES": "socket",
            },
            path=str(self.folder),
            childFDs={0: "w", 1: "r", 2: "r", **(fds or {})},
        )
        return output.ended

    def test_in_the_foreground(self) -> Deferred[None]:
        """Status 1, the reason on one line, no traceback, no pid file."""

        async def check() -> None:
            port = self.taken()
            said, status = await self.twistd(f"tcp:{port}:interface=127.0.0.1", "-n")
            self.assertEqual(status, 1, said)
            lines = [line for line in said.splitlines() if "another program" in line]
            self.assertEqual(len(lines), 1, said)
            self.assertNotIn("Traceback", said)
            self.assertFalse((self.folder / "twistd.pid").exists())

        return ensureDeferred(check())

    def test_as_a_daemon(self) -> Deferred[None]:
        """The command that should have started a daemon fails with the reason."""

        async def check() -> None:
            port = self.taken()
            said, status = await self.twistd(f"tcp:{port}:interface=127.0.0.1")
            self.assertEqual(status, 1, said)
            self.assertIn(f"tcp:{port}", said)
            log = (self.folder / "twistd.log").read_text()
            self.assertIn(f"another program listens on port {port}", log)
            self.assertNotIn("Traceback", log)

        return ensureDeferred(check())

    def test_systemd(self) -> Deferred[None]:
        """A socket that systemd opened to everybody is refused when it is seen."""

        async def check() -> None:
            with socket.create_server(("0.0.0.0", 0)) as opened:
                said, status = await self.twistd(
                    "systemd:INET:index=0", "-n", fds={3: opened.fileno()}
                )
            self.assertEqual(status, 1, said)
            self.assertIn("--insecure-anonymous", said)
            self.assertNotIn("Traceback", said)

        return ensureDeferred(check())
