"""Tests for `spdygate.service.workers` and ``worker``: real processes."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.threads import deferToThread

from spdygate.net import ports
from tests.peers.running import PeerCase, Running

TWISTD = "from twisted.scripts.twistd import run; run()"

#: Seconds for what takes none.
PATIENCE = 60

REQUEST = b"GET /version HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"

UPGRADE = b"""\
POST /api/v1/namespaces/default/pods/demo/portforward HTTP/1.1\r
Host: gateway\r
User-Agent: tester/1\r
Connection: Upgrade\r
Upgrade: SPDY/3.1\r
X-Stream-Protocol-Version: portforward.k8s.io\r
\r
"""


def answer_to(address: Any, request: bytes) -> bytes:
    """Ask, and wait for the end of the answer."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as client:
        client.settimeout(PATIENCE)
        client.connect(address)
        client.sendall(request)
        answer = b""
        while data := client.recv(4096):
            answer += data
    return answer


class WorkersCase(PeerCase):
    """Two workers, as ``twistd`` starts them."""

    async def workers(self, *words: str) -> tuple[Running, Any, dict[int, int]]:
        """Start two; return the parent, the address, and each one's process."""
        running, url = await self.gateway("--workers", "2", *words)
        port = int(url.rpartition(":")[2])
        return running, ("127.0.0.1", port), await self.pids(running)

    async def pids(self, running: Running) -> dict[int, int]:
        """Return the process of each worker, once both serve."""
        waits = [running.says(rf"worker {n} \(pid (\d+)\) serves") for n in (1, 2)]
        one, other = await gatherResults(waits)
        pids = {1: int(one[1]), 2: int(other[1])}
        for pid in pids.values():
            self.addCleanup(_kill, pid)
        return pids

    async def gone(self, *pids: int) -> None:
        """Wait until processes that are not ours have ended."""
        for pid in pids:
            try:
                number = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            try:
                ready: Any = await deferToThread(
                    select.select, [number], [], [], PATIENCE
                )
            finally:
                os.close(number)
            self.assertTrue(ready[0], f"{pid} has not ended")

    async def session(self, address: Any) -> socket.socket:
        """Open a session that lasts."""
        client = socket.create_connection(address)
        self.addCleanup(client.close)
        client.settimeout(PATIENCE)
        client.sendall(UPGRADE)
        answer = await deferToThread(client.recv, 4096)
        self.assertIn(b"101 Switching Protocols", answer)
        return client

    def run_async(
        self, check: Callable[[], Coroutine[Any, Any, None]]
    ) -> Deferred[None]:
        """Run a test."""
        return ensureDeferred(check())


class WorkersTwistdTests(WorkersCase):
    """What becomes of two workers."""

    def test_both_serve(self) -> Deferred[None]:
        """Each takes connections of the one port; its lines of the log say who."""

        async def check() -> None:
            running, address, pids = await self.workers()
            for number in pids:
                other = pids[3 - number]
                os.kill(other, signal.SIGSTOP)
                await self.session(address)
                os.kill(other, signal.SIGCONT)
            running.send(signal.SIGTERM)
            await running.ends()
            for number in pids:
                self.assertRegex(
                    running.output,
                    rf"\[worker {number}, spdygate.net.house#info\] "
                    r"session \S+: tester/1.*the gateway stopped",
                )

        return self.run_async(check)

    def test_killed(self) -> Deferred[None]:
        """One that dies takes nobody along, and another takes its place."""

        async def check() -> None:
            running, address, pids = await self.workers()
            again = running.says(r"worker 1 \(pid (\d+)\) serves", again=True)
            os.kill(pids[1], signal.SIGKILL)
            await running.says(
                rf"worker 1 \(pid {pids[1]}\) was ended by SIGKILL after"
            )
            answer = await deferToThread(answer_to, address, REQUEST)
            self.assertIn(b"200 OK", answer)
            self.assertNotEqual(int((await again)[1]), pids[1])

        return self.run_async(check)

    def test_stops(self) -> Deferred[None]:
        """SIGTERM ends all of them in order, sessions or not."""

        async def check() -> None:
            running, address, pids = await self.workers()
            client = await self.session(address)
            running.send(signal.SIGTERM)
            # twistd puts the pid file away, then ends by the signal it got.
            self.assertIn(await running.ends(), (0, -signal.SIGTERM))
            await self.gone(*pids.values())
            self.assertEqual(await deferToThread(client.recv, 1), b"")
            self.assertIn("the gateway stopped", running.output)
            self.assertNotIn("Traceback", running.output)
            self.assertNotIn("the next one starts", running.output)

        return self.run_async(check)

    def test_interrupted(self) -> Deferred[None]:
        """Ctrl-C reaches every process of a terminal, and stops them in order too."""

        async def check() -> None:
            running, _, pids = await self.workers()
            for pid in (*pids.values(), running.pid):
                os.kill(pid, signal.SIGINT)
            self.assertIn(await running.ends(), (0, -signal.SIGINT))
            await self.gone(*pids.values())
            self.assertNotIn("Traceback", running.output)
            self.assertNotIn("the next one starts", running.output)

        return self.run_async(check)

    def test_twice(self) -> Deferred[None]:
        """A second signal waits for nobody."""

        async def check() -> None:
            running, _, pids = await self.workers()
            os.kill(pids[1], signal.SIGSTOP)
            running.send(signal.SIGTERM)
            await self.gone(pids[2])
            running.send(signal.SIGTERM)
            self.assertIn(await running.ends(), (0, -signal.SIGTERM))
            await self.gone(pids[1])
            self.assertIn("a second signal", running.output)

        return self.run_async(check)

    def test_hangup(self) -> Deferred[None]:
        """SIGHUP ends nothing."""

        async def check() -> None:
            running, address, pids = await self.workers()
            for pid in (running.pid, *pids.values()):
                os.kill(pid, signal.SIGHUP)
            await running.says("SIGHUP: nothing is read again yet")
            answer = await deferToThread(answer_to, address, REQUEST)
            self.assertIn(b"200 OK", answer)
            self.assertNotIn("ended", running.output)

        return self.run_async(check)

    def test_parent_killed(self) -> Deferred[None]:
        """Workers without a parent end by themselves, and the port is free."""

        async def check() -> None:
            running, address, pids = await self.workers()
            client = await self.session(address)
            running.send(signal.SIGKILL)
            await running.ends()
            await self.gone(*pids.values())
            self.assertEqual(await deferToThread(client.recv, 1), b"")
            self.assertRaises(ConnectionRefusedError, socket.create_connection, address)

        return self.run_async(check)


class OtherWaysTests(WorkersCase):
    """Other sockets, and other ways to start ``twistd``."""

    def setUp(self) -> None:
        """Make a folder."""
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def test_unix(self) -> Deferred[None]:
        """A UNIX socket stays private, outlives a worker, and is gone at the end."""

        async def check() -> None:
            path = self.folder / "socket"
            listen = ("--listen", f"unix:{path}:mode=600")
            running, _, pids = await self.workers(*listen)
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
            again = running.says(r"worker 1 \(pid (\d+)\) serves", again=True)
            os.kill(pids[1], signal.SIGTERM)
            await again
            answer = await deferToThread(answer_to, f"{path}", REQUEST)
            self.assertIn(b"200 OK", answer)
            running.send(signal.SIGTERM)
            await running.ends()
            self.assertFalse(path.exists())

        return self.run_async(check)

    def twistd(self, *words: str, **fds: Any) -> Running:
        """Run twistd in the folder, as systemd would; return it."""
        # The shell becomes the Python of the same process id, which is the one
        # that systemd's protocol names (sd_listen_fds(3)).
        command = [
            "/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", sys.executable, "-c",
            TWISTD, *words,
        ]  # fmt: skip
        env = {
            "PYTHONPATH": str(Path(ports.__file__).parents[2]),
            "LISTEN_FDS": "1",
            "LISTEN_FDNAMES": "socket",
        }
        running = Running("twistd")
        IReactorProcess(reactor).spawnProcess(
            running,
            command[0],
            command,
            env,
            str(self.folder),
            childFDs={0: "w", 1: "r", 2: "r", **fds.get("fds", {})},
        )
        self.addCleanup(running.stop)
        return running

    def test_systemd(self) -> Deferred[None]:
        """What systemd opened is shared as well."""

        async def check() -> None:
            with socket.create_server(("127.0.0.1", 0)) as opened:
                address = opened.getsockname()
                running = self.twistd(
                    *("-n", "--pidfile=", "spdygate", "--workers", "2"),
                    *("--listen", "systemd:domain=INET:index=0"),
                    fds={3: opened.fileno()},
                )
                await self.pids(running)
            answer = await deferToThread(answer_to, address, REQUEST)
            self.assertIn(b"200 OK", answer)
            running.send(signal.SIGTERM)
            self.assertIn(await running.ends(), (0, -signal.SIGTERM))

        return self.run_async(check)

    def test_daemon(self) -> Deferred[None]:
        """In the background: one pid file, one log, and one signal for all."""

        async def check() -> None:
            socket_ = self.folder / "socket"
            running = self.twistd(
                "--pidfile=twistd.pid", "spdygate", "--workers", "2",
                "--listen", "unix:socket",
            )  # fmt: skip
            self.assertEqual(await running.ends(), 0, running.output)
            parent = int((self.folder / "twistd.pid").read_text())
            self.addCleanup(_kill, parent)
            # It listens already, and whoever comes waits for the first worker.
            answer = await deferToThread(answer_to, f"{socket_}", REQUEST)
            self.assertIn(b"200 OK", answer)
            os.kill(parent, signal.SIGTERM)
            await self.gone(parent)
            log = (self.folder / "twistd.log").read_text()
            pids = map(int, re.findall(r"worker \d \(pid (\d+)\) serves", log))
            await self.gone(*pids)
            self.assertEqual(
                sorted(each.name for each in self.folder.iterdir()), ["twistd.log"]
            )
            self.assertNotIn("Traceback", log)

        return self.run_async(check)

    def test_chroot(self) -> Deferred[None]:
        """There is no Python below it: that is said at once."""

        async def check() -> None:
            running = self.twistd("-n", "--chroot=/srv", "spdygate", "--workers", "2")
            self.assertEqual(await running.ends(), 1)
            self.assertIn("leave one of the two out", running.output)

        return self.run_async(check)


def _kill(pid: int) -> None:
    """Leave nothing behind, whatever a test has found."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
