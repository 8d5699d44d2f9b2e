"""
A gateway before a stand-in API server that upgrades with Kubernetes' own code.

The API server is told what happens in its cluster through paths under ``/-/``,
and tells there what it was asked, headers and all: what a gateway has made of a
request is seen where it arrived.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.certificates import Authority

from .build import require
from .running import Forward, PeerCase, Running

#: Seconds for an answer, or for a piece of one.
PATIENCE = 20.0

#: Seconds for which a client's FIN is held back from a kubelet.
HOLD_FIN = "0.2"

#: Seconds between two looks at what is to change.
AGAIN = 0.05

MIB = 1024 * 1024

POD = "/api/v1/namespaces/default/pods/web"

#: What the gateway logs when it has listed pods and nodes.
KNOWN = r"pods and nodes known: \d+ pods?, \d+ nodes?\n"

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Wire:
    """
    One connection of a client that writes bytes, and reads what comes.

    :ivar socket: the connection.
    """

    def __init__(self, url: str, *, receive: int = 0) -> None:
        """
        Connect.

        :param receive: bytes of the kernel's receive buffer; 0 leaves it.
        """
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        parts = urlsplit(url)
        assert parts.hostname is not None and parts.port is not None
        self.socket.connect((parts.hostname, parts.port))
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Wire:
        """Stay open for a while."""
        return self

    def __exit__(self, *why: object) -> None:
        """Close."""
        self._file.close()
        self.socket.close()

    def say(self, *lines: str, body: bytes = b"") -> None:
        """Write a head, and *body* behind it at once."""
        head = "".join(f"{line}\r\n" for line in lines)
        self.socket.sendall(head.encode() + b"\r\n" + body)

    def head(self) -> tuple[int, dict[str, str]]:
        """Read the head of an answer; return its status and headers."""
        status = int(self._file.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers

    def take(self, count: int) -> bytes:
        """Read *count* bytes."""
        return self._file.read(count)

    def chunk(self) -> bytes:
        """Read one chunk of a body; the last one is empty."""
        data = self._file.read(int(self._file.readline(), 16))
        if data:
            self._file.readline()
        return data

    def line(self) -> str:
        """Read a line."""
        return self._file.readline().decode().rstrip("\r\n")

    def rest(self) -> bytes:
        """Read to the end of the connection, be it clean or not."""
        data = b""
        try:
            while piece := self._file.read1(65536):
                data += piece
        except ConnectionResetError:
            pass
        return data


def fetch(
    url: str,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    """Ask for *path*; return the status and the body."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def asked(api: str, path: str) -> list[dict[str, Any]]:
    """Return what the API server was asked for at *path*, query aside."""
    _, body = fetch(api, "/-/asked")
    every = json.loads(body) or []
    return [each for each in every if each["uri"].partition("?")[0] == path]


def highest_memory(process: Running) -> int:
    """Return the most bytes that a process ever had in memory."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def drain(answer: http.client.HTTPResponse) -> tuple[int, str]:
    """Read a body to its end; return its size and its hash."""
    size, digest = 0, hashlib.sha256()
    while piece := answer.read(MIB):
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()


class ApiCase(PeerCase):
    """Tests with a gateway before an API server, which has the pod default/web."""

    timeout = 30

    async def aside(
        self, work: Callable[_P, _T], *words: _P.args, **more: _P.kwargs
    ) -> _T:
        """Do blocking work while the programs go on."""
        # Twisted's annotation gives the result no type of its own.
        result: _T = await deferToThread(work, *words, **more)
        return result

    async def api(self, *arguments: str) -> tuple[Running, str]:
        """Run an API server with the pod default/web on node1; return its URL, too."""
        return await self.apiserver("-pod", "default/web", *arguments)

    async def front(self, api: str, *options: str) -> tuple[Running, str]:
        """Run a gateway before an API server, and wait until it knows its pods."""
        words = ("--api-server", api, "--hold-fin", HOLD_FIN)
        gateway, url = await self.gateway(*words, *options)
        await gateway.says(KNOWN)
        return gateway, url

    async def both(self, *arguments: str) -> tuple[str, str]:
        """Run an API server and a gateway before it; return their URLs."""
        _, api = await self.api(*arguments)
        _, front = await self.front(api)
        return api, front

    def tls(self) -> tuple[str, str, str]:
        """Return the files of an authority, and of a certificate for 127.0.0.1."""
        directory = self.mktemp()
        os.mkdir(directory)
        authority = Authority()
        pair = authority.server("127.0.0.1").write(directory, "server")
        return (authority.write(directory), *pair)

    def written(self, text: str) -> str:
        """Write a file; return its path."""
        path: str = os.path.abspath(self.mktemp())
        Path(path).write_text(text)
        return path

    def kubectl(self, which: str, front: str, *words: str) -> Running:
        """Run one of the kubectls."""
        return self.start(which, require(which), "--server", front, *words)

    async def said(self, which: str, front: str, *words: str) -> str:
        """Run one of the kubectls to its good end; return what it printed."""
        running = self.kubectl(which, front, *words)
        self.assertEqual(await running.ends(), 0, running.output)
        return running.output

    async def curl(self, *words: str, status: int = 0) -> str:
        """Run curl to its end; return what it printed."""
        running = self.start("curl", "/usr/bin/curl", "-sS", "-m", "30", *words)
        self.assertEqual(await running.ends(), status, running.output)
        return running.output

    async def tell(
        self, api: str, path: str, method: str = "POST", body: bytes = b""
    ) -> None:
        """Let something happen in the cluster."""
        status, words = await self.aside(fetch, api, f"/-/{path}", method, body)
        self.assertEqual(status, 200, words)

    async def asked(self, api: str, path: str) -> list[dict[str, Any]]:
        """Return what the API server was asked for at *path*, query aside."""
        return await self.aside(asked, api, path)

    async def forwards(
        self, which: str, front: str, port: int, pod: str = "web"
    ) -> Forward:
        """Forward a pod's port with one of the kubectls; bytes go both ways."""
        running = self.kubectl(which, front, "port-forward", f"pod/{pod}", f"0:{port}")
        forward = await Forward.of(running, [port])
        await self.echoes(forward, port)
        return forward

    async def echoes(self, forward: Forward, port: int) -> None:
        """Check that connections to a pod that echoes carry bytes both ways."""
        words = ("-n", "3", "-parallel", "3", "-bytes", "100000")
        await self.load("churn", "-addr", forward.address(port), *words)

    async def soon(self, check: Callable[[], Awaitable[bool]]) -> None:
        """Check again and again until it holds, which it does before long."""
        clock = IReactorTime(reactor)
        until = clock.seconds() + PATIENCE
        while not await check():
            self.assertLess(clock.seconds(), until, "it never came true")
            await deferLater(clock, AGAIN)

    def nothing_is_wrong(self, gateway: Running) -> None:
        """The gateway had no fault."""
        for word in ("Traceback", "Unhandled", " fault"):
            self.assertNotIn(word, gateway.output)
