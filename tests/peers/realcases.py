"""
Real clients before a gateway that has a node of every generation behind it.

The clients are programs as people have them, each with its own version; what
they are promised is that bytes arrive, and that a port on which nothing listens
is a matter of its own connection.  With ``SPDYGATE_MATRIX_OUT`` naming a file,
every pair of client and node that has kept this is a line in it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.python.failure import Failure

from tests.matrix.contract import MIB, sums
from tests.matrix.kinds import NODES, NodeKind

from .build import require
from .running import Forward, PeerCase, Running

_HERE = Path(__file__).parent

#: Seconds for which a client's FIN is held back from a kubelet.
HOLD_FIN = "1"

PORT_FORWARD = "/api/v1/namespaces/default/pods/{pod}/portforward"

_T = TypeVar("_T")


async def together(ways: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Do all of *ways* at the same time; return what came of each."""
    begun = [Deferred.fromCoroutine(way) for way in ways]
    gathered = gatherResults(begun, consumeErrors=True)
    gathered.addErrback(_its_own)
    return list(await gathered)


def _its_own(why: Failure) -> Failure:
    """Return what went wrong, not that something did."""
    first = why.value
    assert isinstance(first, FirstError)
    return first.subFailure


def _module(peer: str, module: str) -> str:
    """Return the version of a Go module that a peer is built with."""
    text = (_HERE / peer / "go.mod").read_text()
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} v(\S+)", text, re.M)
    assert found is not None, module
    return found[1]


def _pypi() -> str:
    """Return the name and version of the Python client."""
    text = (_HERE / "requirements.txt").read_text()
    found = re.search(r"^kubernetes==(\S+)", text, re.M)
    assert found is not None, text
    return f"PyPI kubernetes {found[1]}"


def _npm() -> str:
    """Return the name and version of the JavaScript client."""
    needs = json.loads((_HERE / "nodeclient" / "package.json").read_text())
    version = needs["dependencies"]["@kubernetes/client-node"]
    return f"npm @kubernetes/client-node {version}"


#: What a gateway's log calls each dialect.
_LOGGED = {
    "SPDY C": "SPDY/3.1 generation C; POST pods",
    "SPDY in WebSocket": "SPDY/3.1 in WebSocket; GET pods",
    "channels": "WebSocket channels v4; GET pods",
    "HTTP/2": "; HTTP/2 ",
    "CONNECT, HTTP/2": "; HTTP/2 ",
    "CONNECT, HTTP/1.1": "; CONNECT ",
}


@dataclass(frozen=True, slots=True)
class RealClient:
    """
    A program that forwards ports.

    :ivar dialect: what it speaks, as the documentation's table has it.
    :ivar software: its name, and its version if that is known before it runs.
    :ivar program: the peer's name.
    :ivar words: what it is told before the ports; ``{pod}`` is the pod's name.
    :ivar path: of the URL that it is given; none for kubectls.
    :ivar says: what it prints of a port that was refused before it was open.
    """

    dialect: str
    software: str
    program: str
    words: tuple[str, ...]
    path: str | None = None
    says: str = "Stream reset"

    async def start(
        self, case: PeerCase, front: str, pod: str, ports: Sequence[int]
    ) -> Forward:
        """Run it, and wait until it listens for all ports of a pod."""
        words = [word.format(pod=pod) for word in self.words]
        if self.path is not None:
            url = front + self.path.format(pod=pod)
            return await case.forward(self.program, url, ports, *words)
        pairs = [f"0:{port}" for port in ports]
        running = case.peer(self.program, "--server", front, *words, *pairs)
        return await Forward.of(running, ports)

    async def version(self, case: PeerCase) -> str:
        """Return what it is called, with its version."""
        if self.software == "kubectl":
            running = case.peer(self.program, "version", "--client")
            found = await running.says(r"v(1\.\d+\.\d+)")
            return f"{self.software} {found[1]}"
        if self.software == "Go net/http":
            go = shutil.which("go")
            assert go is not None
            running = case.start("go", go, "version", require(self.program))
            return f"{self.software} {(await running.says(r'go(1[0-9.]+)'))[1]}"
        return self.software

    def spoke(self, gateway: Running, pod: str) -> bool:
        """Say whether all its tunnels to a pod were in its own dialect."""
        opened = re.findall(rf"tunnel \S+: open, .*-> default/{pod}:", gateway.output)
        return bool(opened) and all(_LOGGED[self.dialect] in line for line in opened)


def _kubectl(program: str, dialect: str) -> RealClient:
    """Describe one of the kubectls."""
    words = ("port-forward", "pod/{pod}")
    return RealClient(dialect, "kubectl", program, words)


def _client_go(dialer: str, dialect: str) -> RealClient:
    """Describe client-go in one of its transports."""
    software = f"client-go {_module('clientgo', 'k8s.io/client-go')}, {dialer}"
    words = ("-dialer", dialer)
    return RealClient(dialect, software, "clientgo", words, PORT_FORWARD)


def _go(dialect: str, software: str, method: str, path: str) -> RealClient:
    """Describe Go's HTTP client in one of its ways."""
    words = ("-method", method, "-pod", "default/{pod}")
    says = r"refused \d+ 502|lost \d+"
    return RealClient(dialect, software, "httpclient", words, path, says)


_X_NET = f"golang.org/x/net/http2 {_module('httpclient', 'golang.org/x/net')}"
_TOLD = r"lost \d+ .*refused"

KUBECTL = _kubectl("kubectl", "SPDY in WebSocket")
KUBECTL_131 = _kubectl("kubectl131", "SPDY in WebSocket")
KUBECTL_130 = _kubectl("kubectl130", "SPDY C")
KUBECTL_120 = _kubectl("kubectl-debian", "SPDY C")

CLIENT_GO_SPDY = _client_go("spdy", "SPDY C")
CLIENT_GO_WEBSOCKET = _client_go("websocket", "SPDY in WebSocket")
CLIENT_GO_FALLBACK = _client_go("fallback", "SPDY in WebSocket")

PYTHON = RealClient("channels", _pypi(), "pyclient", (), PORT_FORWARD, _TOLD)
JAVASCRIPT = RealClient("channels", _npm(), "nodeclient", (), PORT_FORWARD, _TOLD)

GO_EXTENDED = _go("HTTP/2", _X_NET, "extended", PORT_FORWARD)
GO_PLAIN = _go("CONNECT, HTTP/2", "Go net/http", "plain", "")
GO_HTTP1 = _go("CONNECT, HTTP/1.1", "Go net/http", "http1", "")


class RealCase(PeerCase):
    """Tests with real clients."""

    timeout = 60

    async def node_of(self, kind: NodeKind) -> str:
        """Run a node of one generation, with a pod of its own; return its URL."""
        if kind.name != "http2":
            return await kind.start(self)
        _, url = await self.service(
            *("spdygate-node", "--verbose", "--listen", "tcp:0:interface=127.0.0.1"),
            *("--pod", f"default/{pod_on(kind)}=127.0.0.1"),
        )
        return url

    async def all_nodes(self, *options: str) -> tuple[Running, str]:
        """Run a gateway before a node of every generation; return it and its URL."""
        urls = await together(self.node_of(kind) for kind in NODES)
        words: list[str] = []
        for kind, url in zip(NODES, urls, strict=True):
            words += ["--node", f"{kind.name}={url}"]
            words += ["--pod", f"default/{pod_on(kind)}@{kind.name}"]
        return await self.gateway(*words, "--hold-fin", HOLD_FIN, *options)

    async def closed_port(self) -> int:
        """Return a port on which nothing listens any more."""
        dead = self.peer("load", "pod", "-listen", "127.0.0.1:0", "-mode", "echo")
        match = await dead.says(r"listening 127\.0\.0\.1:(\d+)")
        await dead.stop()
        return int(match[1])

    async def echoes(self, forward: Forward, port: int, size: int = MIB) -> None:
        """Send bytes to a pod that returns them, and compare."""
        said = await self.load(
            *("send-hash", "-addr", forward.address(port), "-chunks"),
            *("-bytes", str(size), "-seed", "5", "-expect", str(size)),
        )
        self.assertEqual(sums(said)["received"], sums(said)["sent"])
        self.assertEqual(sums(said)["sent"][0], size)

    async def refused(self, forward: Forward, port: int) -> None:
        """Connect to a port on which nothing listens: it is that connection's end."""
        attempt = self.peer("load", "send-hash", "-addr", forward.address(port))
        await attempt.ends()
        # A reset may come before the attempt knows that it is connected.
        self.assertRegex(attempt.output, "received 0 |connection reset by peer")

    async def keeps(
        self, client: RealClient, front: str, pod: str, says: str | None
    ) -> Forward:
        """Hold a client to what it is promised of a pod; return it, still alive."""
        echo, closed = await self.pod("echo"), await self.closed_port()
        forward = await client.start(self, front, pod, [echo, closed])
        await self.echoes(forward, echo)
        await self.refused(forward, closed)
        if says is not None:
            await forward.running.says(says)
        await self.echoes(forward, echo, 1000)
        self.assertIsNone(forward.running.status, forward.running.output)
        return forward

    def nothing_is_wrong(self, gateway: Running) -> None:
        """The gateway had no fault."""
        for word in ("Traceback", "Unhandled", " fault"):
            self.assertFalse(word in gateway.output, gateway.output[-4000:])

    async def website(self) -> int:
        """Run a web server in a pod; return its port."""
        words = ("-u", "-m", "http.server", "0", "--bind", "127.0.0.1")
        running = self.start("http.server", sys.executable, *words)
        match = await running.says(r"Serving HTTP on 127\.0\.0\.1 port (\d+)")
        return int(match[1])

    async def said_by(self, program: str, *words: str) -> str:
        """Run a program of the system to its end; return what it printed."""
        found = shutil.which(program, path="/usr/bin:/usr/sbin")
        assert found is not None, program
        running = self.start(program, found, *words)
        await running.ends()
        return running.output

    async def version_of(self, program: str, flag: str, pattern: str) -> str:
        """Return the version that a program of the system prints."""
        found = re.search(pattern, await self.said_by(program, flag))
        assert found is not None, program
        return found[1]


def pod_on(kind: NodeKind) -> str:
    """Return the name of the pod on the node of one generation."""
    return f"on-{kind.name}"


def write_down(dialect: str, software: str, node: NodeKind) -> None:
    """Note that a client and a node have kept what they are promised."""
    path = os.environ.get("SPDYGATE_MATRIX_OUT")
    if path:
        cell = {
            "client": dialect,
            "software": software,
            "node": node.name,
            "node_software": node.software,
            "bytes": MIB,
        }
        with open(path, "a") as file:
            file.write(json.dumps(cell) + "\n")


def port_of(url: str) -> int:
    """Return the port of a URL."""
    return int(url.rsplit(":", 1)[1])
