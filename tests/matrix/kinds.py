"""
The clients and the nodes of the matrix, and how each is started.

A client is a program that listens on a local port, whatever it is written in,
so that one contract can be held to all of them: what is sent into its local
port arrives at the pod's, and what the pod sends comes out again.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.peers.running import Forward, PeerCase

_PEERS = Path(__file__).parent.parent / "peers"

PODS = "/api/v1/namespaces/default/pods/web/portforward"
MINIONS = "/api/v1beta1/proxy/minions/n1/portForward/default/web"
DOCUMENTED = "/proxy/nodes/n1/portForward/default/web"


def _module(peer: str, module: str) -> str:
    """Return the version of a Go module that a peer is built with."""
    text = (_PEERS / peer / "go.mod").read_text()
    found = re.search(
        rf"^\s*(?:require )?{re.escape(module)} (\S+)", text, re.MULTILINE
    )
    assert found is not None, module
    return found[1]


@dataclass(frozen=True, slots=True)
class ClientKind:
    """
    One kind of client.

    :ivar name: the dialect, as the documentation's table has it.
    :ivar software: what speaks it, and which version.
    :ivar path: of the URL that it asks for.
    :ivar program: a peer's name, or a module of ours.
    :ivar words: what the program is told before the ports.
    :ivar half_closes: whether the dialect has half-close.
    """

    name: str
    software: str
    path: str
    program: str
    words: tuple[str, ...] = ()
    half_closes: bool = True

    async def start(
        self, case: PeerCase, gateway: str, ports: Sequence[int]
    ) -> Forward:
        """Start it, and wait until it listens for all ports."""
        url = gateway + self.path
        if not self.program.startswith("tests."):
            return await case.forward(self.program, url, ports, *self.words)
        words = [f"0:{port}" for port in ports]
        argv = (sys.executable, "-m", self.program, url, *self.words, *words)
        return await Forward.of(case.start(self.program, *argv), ports)


_CLIENT_GO = f"client-go {_module('clientgo', 'k8s.io/client-go')}"
_SPDYSTREAM = "port-forward of 2015 on spdystream 2016-03"
_X_NET = f"golang.org/x/net/http2 {_module('httpclient', 'golang.org/x/net')}"
_WEBSOCKETS = f"PyPI websockets {version('websockets')}"
_CHANNELS = "tests.matrix.channelsclient"

CLIENTS = (
    ClientKind("SPDY A", _SPDYSTREAM, MINIONS, "client2015", half_closes=False),
    ClientKind("SPDY B", _SPDYSTREAM, PODS, "client2015", half_closes=False),
    ClientKind("SPDY C", _CLIENT_GO, PODS, "clientgo", ("-dialer", "spdy")),
    ClientKind(
        "SPDY, counting",
        "as Undertow in arquillian-cube, written by hand",
        PODS,
        "tests.matrix.countingclient",
    ),
    ClientKind(
        "SPDY in WebSocket", _CLIENT_GO, PODS, "clientgo", ("-dialer", "websocket")
    ),
    ClientKind("channels", _WEBSOCKETS, PODS, _CHANNELS, ("v4.channel.k8s.io",), False),
    ClientKind(
        "channels, base64",
        _WEBSOCKETS,
        PODS,
        _CHANNELS,
        ("v4.base64.channel.k8s.io",),
        False,
    ),
    ClientKind(
        "channels, no subprotocol", _WEBSOCKETS, PODS, _CHANNELS, ("none",), False
    ),
    ClientKind("HTTP/2", _X_NET, DOCUMENTED, "httpclient"),
    ClientKind(
        "CONNECT, HTTP/2",
        "Go net/http",
        "",
        "httpclient",
        ("-method", "plain", "-pod", "default/web"),
    ),
    ClientKind(
        "CONNECT, HTTP/1.1",
        "Go net/http",
        "",
        "httpclient",
        ("-method", "http1", "-pod", "default/web"),
    ),
)


@dataclass(frozen=True, slots=True)
class NodeKind:
    """
    One generation of nodes.

    :ivar software: what speaks it, and which version.
    :ivar accepts_first: whether it says yes before it has dialled the pod, so
        that a refusal is only seen later (docs/protocol.rst, 8.4).
    """

    name: str
    software: str
    accepts_first: bool = True

    async def start(self, case: PeerCase) -> str:
        """Start it; return its URL."""
        if self.name == "http2":
            words = ("--verbose", "--listen", "tcp:0:interface=127.0.0.1")
            pod = ("--pod", "default/web=127.0.0.1")
            _, url = await case.service("spdygate-node", *words, *pod)
        else:
            _, url = await case.kubelet("-generations", self.name)
        return url


_CRI = f"cri-streaming {_module('kubelet', 'k8s.io/cri-streaming')}"

NODES = (
    NodeKind("http2", "spdygate-node", accepts_first=False),
    NodeKind("spdy", _CRI),
    NodeKind("tunnel", f"apiserver {_module('kubelet', 'k8s.io/apiserver')}, {_CRI}"),
    NodeKind("channels", _CRI),
)
