"""
The paths from a client to a pod.

Client, load, pod and kubelet are the same programs on every path; only what is in
the middle differs.  The client is client-go, the kubelet is Kubernetes' own code
(``k8s.io/cri-streaming``), both with their defaults; so has spdygate its own.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.certificates import Authority
from tests.peers.build import require

from .pods import LOOPBACK, Pod
from .programs import Program

TWISTD: Final = "from twisted.scripts.twistd import run; run()"

POD: Final = "p/q=127.0.0.1"
"""The one pod, for our services: this machine."""

GATEWAY_PATH: Final = "/api/v1/namespaces/p/pods/q/portforward"
KUBELET_PATH: Final = "/portForward/p/q"

HAPROXY: Final = """
global
    maxconn 8000
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
frontend clients
    bind fd@{fd}{bind}
    default_backend kubelet
backend kubelet
    server kubelet {kubelet}{server}
"""
"""Bytes are passed on as they come, with as many threads as there are cores."""


@dataclass(frozen=True)
class Route:
    """
    A path, ready to be measured.

    :ivar middle: whose CPU time and memory count; none where nothing is between
        client and kubelet.
    :ivar ports: where to connect on this machine, by the pod's program.
    :ivar url: what a client upgrades; empty where there is no port-forward.
    :ivar dialer: how a client upgrades it.
    :ivar ca: file of the authority of the URL's certificate; empty without TLS.
    """

    middle: Program | None
    ports: Mapping[str, str]
    url: str = ""
    dialer: str = "spdy"
    ca: str = ""


class Seals:
    """
    Certificates for both sides, in files.

    :ivar ca: whom everybody trusts.
    :ivar cert: everybody's certificate.
    :ivar key: its key.
    :ivar both: certificate and key in one file, as HAProxy wants them.
    """

    def __init__(self, stack: ExitStack) -> None:
        """Make them, for this machine and this run."""
        home = stack.enter_context(TemporaryDirectory())
        authority = Authority()
        server = authority.server("127.0.0.1")
        self.ca = authority.write(home)
        self.cert, self.key = server.write(home, "server")
        self.both = str(Path(home, "both.pem"))
        Path(self.both).write_bytes(server.cert_pem + server.key_pem)


class Topologies:
    """Every path, each started when it is first asked for."""

    def __init__(self, stack: ExitStack, pod: Pod, seals: Seals | None) -> None:
        """
        :param stack: what ends all programs.
        :param seals: what to show on both sides of the middle; without it no
            side speaks TLS.
        """
        self._stack = stack
        self._pod = pod
        self._seals = seals
        self._scheme = "http" if seals is None else "https"
        self._kubelets: dict[str, str] = {}

    def start(self, name: str) -> Route:
        """Start a path, one of :data:`PATHS`."""
        return PATHS[name](self)

    def another(self, stack: ExitStack, route: Route) -> Route:
        """
        Put another client, and so a session of its own, before the same middle.

        :param stack: what ends that client.
        """
        return self._client(stack, route.middle, route.url, route.dialer)

    def direct(self) -> Route:
        """Go straight to the pod, in TCP."""
        return Route(None, self._pod.ports)

    def kubelet(self) -> Route:
        """Let client-go talk to the kubelet."""
        return self._joined(None, self._kubelet() + KUBELET_PATH)

    def relay(self) -> Route:
        """Go through the relay that a Go engineer writes."""
        argv = (require("relay"), "serve", "-listen", LOOPBACK)
        sealed = self._shows("-tls-cert", "-tls-key") + self._trusts("-ca")
        words = ("-kubelet", self._kubelet(), *sealed)
        relay = Program(self._stack, *argv, *words)
        where = relay.says(r"listening (\S+)")
        return self._joined(relay, f"{self._scheme}://{where}{KUBELET_PATH}")

    def splice(self) -> Route:
        """Go through HAProxy, which copies bytes."""
        kubelet = self._kubelet().rpartition("/")[2]
        bind = server = ""
        if self._seals is not None:
            bind = f" ssl crt {self._seals.both} alpn http/1.1"
            server = f" ssl ca-file {self._seals.ca} alpn http/1.1"
        home = Path(self._stack.enter_context(TemporaryDirectory()))
        config = home / "haproxy.cfg"
        # It does not say which port it was given: it is given one that listens.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            number = listener.fileno()
            config.write_text(
                HAPROXY.format(fd=number, bind=bind, kubelet=kubelet, server=server)
            )
            argv = (require("haproxy"), "-db", "-q", "-f", str(config))
            haproxy = Program(self._stack, *argv, descriptors=(number,))
            host, port = listener.getsockname()
        return self._joined(haproxy, f"{self._scheme}://{host}:{port}{KUBELET_PATH}")

    def gateway(self) -> Route:
        """Go through spdygate to the kubelet: SPDY in, SPDY out."""
        return self._to_kubelet("spdy")

    def ungated(self) -> Route:
        """Go the same way, where downloads do not wait for a client's echoes."""
        return self._to_kubelet("spdy", "--ping-window", "off")

    def workers(self) -> Route:
        """Go the same way, through two processes."""
        return self._to_kubelet("spdy", "--workers", "2")

    def tunnel(self) -> Route:
        """Go out in SPDY inside a WebSocket."""
        return self._to_kubelet("tunnel")

    def channels(self) -> Route:
        """Go out in WebSocket channels."""
        return self._to_kubelet("channels")

    def node(self) -> Route:
        """Go through spdygate to a node service: SPDY in, HTTP/2 out."""
        _, node = self._twistd("spdygate-node", "--pod", POD)
        words = ("--node", f"*={node}", *self._trusts("--node-ca"))
        return self._through(*self._twistd("spdygate", *words))

    def embedded(self) -> Route:
        """Go through spdygate with its node service inside."""
        return self._through(*self._twistd("spdygate", "--pod", POD))

    def websocket(self) -> Route:
        """Come in through a WebSocket, to the node service inside."""
        gateway, url = self._twistd("spdygate", "--pod", POD)
        return self._through(gateway, url, "websocket")

    def _shows(self, cert: str, key: str) -> tuple[str, ...]:
        """Return the options of a server that shows its certificate, if it does."""
        seals = self._seals
        return () if seals is None else (cert, seals.cert, key, seals.key)

    def _trusts(self, ca: str) -> tuple[str, ...]:
        """Return the option of a client that knows our authority, if there is one."""
        return () if self._seals is None else (ca, self._seals.ca)

    def _kubelet(self, generation: str = "spdy") -> str:
        """Return the URL of the kubelet of one generation, the same every time."""
        if generation not in self._kubelets:
            argv = (require("kubelet"), "-listen", LOOPBACK)
            words = ("-generations", generation, *self._shows("-tls-cert", "-tls-key"))
            where = Program(self._stack, *argv, *words).says(r"listening (\S+)")
            self._kubelets[generation] = f"{self._scheme}://{where}"
        return self._kubelets[generation]

    def _to_kubelet(self, generation: str, *more: str) -> Route:
        """Go through a gateway to a kubelet, known to be of one generation."""
        pinned = f"*={self._kubelet(generation)},generation={generation}"
        words = ("--node", pinned, *self._trusts("--node-ca"), *more)
        return self._through(*self._twistd("spdygate", *words))

    def _twistd(self, *words: str) -> tuple[Program, str]:
        """Run one of our services; return it and its URL."""
        argv = (sys.executable, "-c", TWISTD, "-n", "--pidfile=", *words)
        sealed = self._shows("--tls-cert", "--tls-key")
        listen = ("--listen", "tcp:0:interface=127.0.0.1")
        program = Program(self._stack, *argv, *listen, *sealed)
        return program, program.says(r"listening on (http\S+)")

    def _through(self, gateway: Program, url: str, dialer: str = "spdy") -> Route:
        """Go through a gateway of ours."""
        return self._joined(gateway, url.rstrip("/") + GATEWAY_PATH, dialer)

    def _joined(self, middle: Program | None, url: str, dialer: str = "spdy") -> Route:
        """Put a client-go before what is to be measured."""
        return self._client(self._stack, middle, url, dialer)

    def _client(
        self, stack: ExitStack, middle: Program | None, url: str, dialer: str
    ) -> Route:
        """Run a client-go, as long as *stack* says."""
        asks = ("-url", url, "-dialer", dialer, *self._trusts("-ca"))
        words = (f"0:{port}" for port in self._pod.ports.values())
        client = Program(stack, require("clientgo"), *asks, *words)
        local = {
            name: client.says(rf"127\.0\.0\.1:(\d+) -> {port}\b")
            for name, port in self._pod.ports.items()
        }
        ca = "" if self._seals is None else self._seals.ca
        return Route(middle, local, url, dialer, ca)


PATHS: Final[Mapping[str, Callable[[Topologies], Route]]] = {
    "direct": Topologies.direct,
    "kubelet": Topologies.kubelet,
    "relay": Topologies.relay,
    "splice": Topologies.splice,
    "gateway": Topologies.gateway,
    "ungated": Topologies.ungated,
    "workers": Topologies.workers,
    "node": Topologies.node,
    "embedded": Topologies.embedded,
    "tunnel": Topologies.tunnel,
    "channels": Topologies.channels,
    "websocket": Topologies.websocket,
}
"""The paths, in the order of the table's rows."""

USUAL: Final = (
    *("direct", "kubelet", "relay", "splice"),
    *("gateway", "ungated", "node", "embedded"),
)
"""Those that are measured when none is asked for by name."""

STATED: Final = ("relay", "splice", "gateway", "node")
"""Those of which a table of promises speaks; what takes long is measured of them."""
