"""
Real programs, for as long as a test lasts.

Everything listens on a port of the kernel's choice and says which, and every
wait is for a line that a program prints or for its end: no test sleeps, and
none owns a port.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, TestCase

from .build import require

#: What HAProxy 2.6 needs to pass tunnels on: HTTP/2 all the way, and patience.
HAPROXY = """
defaults
    mode http
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
frontend gateway
    bind fd@{fd} proto h2
    default_backend node
backend node
    server node {node} proto h2
"""

#: Seconds for a program to say what a test waits for.
PATIENCE = 120


class Running(ProcessProtocol):
    """
    A program that runs.

    :ivar output: all it has printed, to standard output and error alike.
    :ivar status: how it ended: its exit status, or minus the signal's number.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.output = ""
        self.status: int | None = None
        self._waits: list[tuple[re.Pattern[str], int, Deferred[re.Match[str]]]] = []
        self._ended: list[Deferred[int]] = []

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        pid = self.transport.pid  # type: ignore[union-attr]
        assert isinstance(pid, int)
        return pid

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Keep what is printed, and wake whom it concerns."""
        self.output += data.decode("utf-8", "replace")
        waits, self._waits = self._waits, []
        for pattern, start, answer in waits:
            match = pattern.search(self.output, start)
            if match is None:
                self._waits.append((pattern, start, answer))
            else:
                answer.callback(match)

    def says(self, pattern: str, *, again: bool = False) -> Deferred[re.Match[str]]:
        """
        Wait until the program prints something.

        :param again: count only what it prints from now on.
        """
        compiled = re.compile(pattern)
        start = len(self.output) if again else 0
        match = compiled.search(self.output, start)
        answer: Deferred[re.Match[str]] = Deferred()
        answer.addTimeout(PATIENCE, IReactorTime(reactor))
        answer.addErrback(self._explain, f"to print {pattern!r}")
        if match is not None:
            answer.callback(match)
        elif self.status is not None:
            answer.errback(AssertionError("it has ended"))
        else:
            self._waits.append((compiled, start, answer))
        return answer

    def ends(self) -> Deferred[int]:
        """Wait until the program has ended; fires with `status`."""
        answer: Deferred[int] = Deferred()
        answer.addTimeout(PATIENCE, IReactorTime(reactor))
        answer.addErrback(self._explain, "to end")
        if self.status is not None:
            answer.callback(self.status)
        else:
            self._ended.append(answer)
        return answer

    def _explain(self, why: Failure, what: str) -> Failure:
        """Show what a program printed instead of what was waited for."""
        words = f"{self.name} was expected {what} ({why.getErrorMessage()}); it said:"
        return Failure(AssertionError(f"{words}\n{self.output[-4000:]}"))

    def processEnded(self, reason: Failure) -> None:
        """Wake everyone who waits."""
        ended = reason.value
        code = getattr(ended, "exitCode", None)
        self.status = -int(getattr(ended, "signal", 0) or 0) if code is None else code
        waits, self._waits = self._waits, []
        for _, _, answer in waits:
            answer.errback(AssertionError(f"it ended with status {self.status}"))
        ended_waits, self._ended = self._ended, []
        for done in ended_waits:
            done.callback(self.status)

    def send(self, number: int) -> None:
        """Send a signal, if there is still anyone to send it to."""
        if self.status is None:
            try:
                os.kill(self.pid, number)
            except (ProcessLookupError, ProcessExitedAlready):
                pass

    def stop(self) -> Deferred[int]:
        """Kill it, and wait until it is dead."""
        self.send(signal.SIGKILL)
        return self.ends()


class PeerCase(TestCase):
    """A test with real programs, all of which are gone when it is over."""

    timeout = 600

    def start(self, name: str, *argv: str, home: str | None = None) -> Running:
        """Run a program until the test is over."""
        running = Running(name)
        env = {**os.environ, "HOME": home or self.mktemp()}
        env.pop("KUBECONFIG", None)
        os.makedirs(env["HOME"], exist_ok=True)
        spawner = IReactorProcess(reactor)
        spawner.spawnProcess(
            running, argv[0], list(argv), env, childFDs={0: "w", 1: "r", 2: "r"}
        )
        self.addCleanup(running.stop)
        return running

    def peer(self, name: str, *arguments: str) -> Running:
        """Run one of the programs beside this file."""
        return self.start(name, require(name), *arguments)

    async def service(self, name: str, *arguments: str) -> tuple[Running, str]:
        """Run one of our services; return it, and the URL where it listens."""
        run = "from twisted.scripts.twistd import run; run()"
        twistd = (sys.executable, "-c", run, "-n", "--pidfile=")
        running = self.start(name, *twistd, name, *arguments)
        match = await running.says(r"listening on (https?://\S+)")
        return running, match[1]

    async def gateway(self, *arguments: str) -> tuple[Running, str]:
        """Run a gateway on loopback."""
        words = ("--verbose", "--listen", "tcp:0:interface=127.0.0.1")
        return await self.service("spdygate", *words, *arguments)

    async def kubelet(self, *arguments: str) -> tuple[Running, str]:
        """Run a kubelet whose pods are this machine; return it, and its URL."""
        running = self.peer("kubelet", *arguments)
        match = await running.says(r"listening (\S+)")
        scheme = "https" if "-tls-cert" in arguments else "http"
        return running, f"{scheme}://{match[1]}"

    async def apiserver(self, *arguments: str) -> tuple[Running, str]:
        """Run a stand-in API server; return it, and its URL."""
        running = self.peer("apiserver", *arguments)
        match = await running.says(r"listening (https?://\S+)")
        return running, match[1]

    async def containerd(self, *arguments: str) -> tuple[Running, str]:
        """
        Run Debian's containerd with a pod ``myns/mypod`` of this machine's network.

        :returns: the program, which takes the pod away at SIGUSR1, and the URL of
            the kubelet before it.
        :raises SkipTest: containerd cannot be had on this machine.
        """
        program = ("-containerd", require("containerd"))
        running = self.peer("cri", *program, *arguments)
        try:
            match = await running.says(r"listening (\S+)")
        except AssertionError:
            # Not every machine lets even root have namespaces and mounts.
            raise SkipTest(f"no containerd here: {running.output[-500:]}") from None
        return running, f"http://{match[1]}"

    async def haproxy(self, node_url: str, rules: str = HAPROXY) -> tuple[Running, str]:
        """
        Run an HAProxy before a node, and wait for nothing: its socket listens.

        :param rules: its configuration; by default it speaks cleartext HTTP/2 on
            both sides.
        """
        program = require("haproxy")
        config = self.mktemp()
        # It does not say which port it was given: it is given one that listens.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            number = listener.fileno()
            with open(config, "w") as file:
                file.write(rules.format(fd=number, node=urlsplit(node_url).netloc))
            running = Running("haproxy")
            argv = (program, "-db", "-V", "-f", config)
            fds: dict[int, int | str] = {0: "w", 1: "r", 2: "r", number: number}
            spawner = IReactorProcess(reactor)
            spawner.spawnProcess(running, program, argv, os.environ, childFDs=fds)
            self.addCleanup(running.stop)
            host, port = listener.getsockname()
        return running, f"http://{host}:{port}"

    async def pod(self, mode: str, *arguments: str) -> int:
        """Run a pod's program; return its port."""
        listen = ("-listen", "127.0.0.1:0")
        running = self.peer("load", "pod", *listen, "-mode", mode, *arguments)
        match = await running.says(r"listening 127\.0\.0\.1:(\d+)")
        return int(match[1])

    async def forward(
        self, name: str, url: str, ports: Sequence[int], *extra: str
    ) -> Forward:
        """Run a client that takes a URL, and wait until it listens for all ports."""
        words = (f"0:{port}" for port in ports)
        running = self.peer(name, "-url", url, *extra, *words)
        return await Forward.of(running, ports)

    async def load(self, *arguments: str) -> str:
        """Run a load to its end; return what it said."""
        running = self.peer("load", *arguments)
        status = await running.ends()
        self.assertEqual(status, 0, running.output)
        return running.output


class Forward:
    """
    A client that forwards ports.

    :ivar running: the client.
    :ivar local: the local port of each remote one.
    """

    def __init__(self, running: Running, local: dict[int, int]) -> None:
        self.running = running
        self.local = local

    @classmethod
    async def of(cls, running: Running, ports: Sequence[int]) -> Forward:
        """Wait until a client listens for all of *ports*."""
        local = {}
        for port in ports:
            match = await running.says(
                rf"Forwarding from 127\.0\.0\.1:(\d+) -> {port}\b"
            )
            local[port] = int(match[1])
        return cls(running, local)

    def address(self, port: int) -> str:
        """Return where to connect for a remote port."""
        return f"127.0.0.1:{self.local[port]}"
