"""A cluster in migration: nodes of every generation, and one that changes."""

from __future__ import annotations

from pathlib import Path

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from tests.certificates import Authority
from tests.matrix.kinds import NODES

from .realcases import (
    GO_HTTP1,
    HOLD_FIN,
    KUBECTL,
    KUBECTL_120,
    RealCase,
    RealClient,
    pod_on,
    port_of,
    together,
)
from .running import Forward, Running

#: Seconds within which a new token is in use; the file is looked at once in one.
SOON = 10.0

#: Seconds between two attempts.
AGAIN = 0.1


class MigrationTests(RealCase):
    """Old and new clients, old and new nodes, at the same time."""

    async def test_old_and_new_to_every_node(self) -> None:
        """Kubectl 1.37 and 1.20 reach four generations through one gateway at once."""
        echo = await self.pod("echo")
        gateway, front = await self.all_nodes()
        forwards = await together(
            client.start(self, front, pod_on(kind), [echo])
            for client in (KUBECTL, KUBECTL_120)
            for kind in NODES
        )
        await together(self.echoes(forward, echo) for forward in forwards)
        await together(self.echoes(forward, echo, 1000) for forward in forwards)
        for forward in forwards:
            self.assertIsNone(forward.running.status, forward.running.output)
        for kind in NODES:
            self.assertIn(f": generation {kind.name}\n", gateway.output)
        self.assertNotIn(", was ", gateway.output)
        self.nothing_is_wrong(gateway)

    async def _node_service(self, port: int) -> Running:
        """Run a node service on a port."""
        listen = ("--verbose", "--listen", f"tcp:{port}:interface=127.0.0.1")
        pod = ("--pod", "default/web=127.0.0.1")
        running, _ = await self.service("spdygate-node", *listen, *pod)
        return running

    async def _holding(
        self, gateway: Running, forwards: list[Forward], port: int
    ) -> list[Running]:
        """Open a tunnel through each; return who waits at their local ends."""
        held = []
        for forward in forwards:
            opened = gateway.says(r"tunnel \S+: open", again=True)
            words = ("-addr", forward.address(port), "-bytes", "10")
            held.append(self.peer("load", "send-hash", *words))
            await opened
        return held

    async def _end(self, node: Running, held: list[Running]) -> None:
        """Kill a node; the tunnels on it end, all of them."""
        await node.stop()
        for one in held:
            await one.ends()

    async def _change(self, *clients: RealClient) -> None:
        """Let a node change its generation behind its name, and change back."""
        echo = await self.pod("echo")
        node, url = await self.kubelet()
        words = ("--node", f"n1={url}", "--pod", "default/web@n1")
        gateway, front = await self.gateway(*words, "--hold-fin", HOLD_FIN)
        forwards = await together(
            client.start(self, front, "web", [echo]) for client in clients
        )
        await together(self.echoes(forward, echo) for forward in forwards)
        await gateway.says(r"node n1 \S+: generation spdy\n")

        await self._end(node, await self._holding(gateway, forwards, echo))
        service = await self._node_service(port_of(url))
        await together(self.echoes(forward, echo) for forward in forwards)
        await gateway.says(r"node n1 \S+: generation http2, was spdy\n")

        await self._end(service, await self._holding(gateway, forwards, echo))
        await self.kubelet("-listen", f"127.0.0.1:{port_of(url)}")
        await together(self.echoes(forward, echo) for forward in forwards)
        await gateway.says(r"node n1 \S+: generation spdy, was http2\n")

        for forward in forwards:
            self.assertIsNone(forward.running.status, forward.running.output)
        self.assertEqual(gateway.output.count(": generation "), 3)
        self.nothing_is_wrong(gateway)

    async def test_a_node_changes_behind_its_name(self) -> None:
        """A node goes over to HTTP/2 and back; the same two kubectls go on."""
        await self._change(KUBECTL, KUBECTL_120)

    async def test_a_node_changes_for_clients_without_session(self) -> None:
        """It does so for CONNECT, where each connection is by itself."""
        await self._change(GO_HTTP1)

    async def test_a_node_changes_while_nobody_is_there(self) -> None:
        """A node that changes while no connection to it is open is noticed too."""
        echo = await self.pod("echo")
        words = ("-generations", "channels")  # a connection ends with its tunnel
        node, url = await self.kubelet(*words)
        pod = ("--node", f"n1={url}", "--pod", "default/web@n1")
        gateway, front = await self.gateway(*pod, "--hold-fin", HOLD_FIN)
        forward = await GO_HTTP1.start(self, front, "web", [echo])
        await self.echoes(forward, echo)
        await gateway.says(r"node n1 \S+: generation channels\n")
        await node.says("ended channels")

        await self._end(node, [])
        service = await self._node_service(port_of(url))
        await self.echoes(forward, echo)
        await gateway.says(r"node n1 \S+: generation http2, was channels\n")

        await self._end(service, [])
        await self.kubelet(*words, "-listen", f"127.0.0.1:{port_of(url)}")
        await self.echoes(forward, echo)
        await gateway.says(r"node n1 \S+: generation channels, was http2\n")
        self.nothing_is_wrong(gateway)

    async def test_a_node_that_is_away(self) -> None:
        """While a node is gone connections fail; the client waits for its return."""
        echo = await self.pod("echo")
        node, url = await self.kubelet()
        words = ("--node", f"n1={url}", "--pod", "default/web@n1")
        gateway, front = await self.gateway(*words, "--hold-fin", HOLD_FIN)
        forward = await KUBECTL.start(self, front, "web", [echo])
        await self.echoes(forward, echo)
        await self._end(node, await self._holding(gateway, [forward], echo))
        await self.refused(forward, echo)
        await gateway.says(r"failed: .*node n1 .*nothing listens there")
        await self.kubelet("-listen", f"127.0.0.1:{port_of(url)}")
        await self.echoes(forward, echo)
        self.assertIsNone(forward.running.status, forward.running.output)


class KubeletTests(RealCase):
    """A kubelet as it is: TLS with ALPN, who wants a certificate or a token."""

    def setUp(self) -> None:
        """Make an authority, certificates for both sides, and a token for each."""
        self.files = Path(self.mktemp())
        self.files.mkdir()
        authority = Authority("the cluster's")
        self.ca = authority.write(self.files)
        self.node_pair = authority.server("127.0.0.1").write(self.files, "node")
        self.our_pair = authority.client("gateway").write(self.files, "gateway")
        self.theirs = self._token("theirs", "first")
        self.ours = self._token("ours", "first")

    def _token(self, name: str, token: str) -> str:
        """Put a token into a file as Kubernetes does, at once; return its path."""
        path = self.files / name
        fresh = path.with_suffix(".new")
        fresh.write_text(token + "\n")
        fresh.replace(path)
        return str(path)

    async def test_a_node_changes_over_tls(self) -> None:
        """A node that changes while no connection is open is noticed over TLS, too."""
        echo, (cert, key) = await self.pod("echo"), self.node_pair
        tls = ("-tls-cert", cert, "-tls-key", key, "-client-ca", self.ca)
        words = (*tls, "-generations", "channels")
        node, url = await self.kubelet(*words)
        port, (cert, key) = port_of(url), self.our_pair
        gateway, front = await self.gateway(
            *("--node", f"n1={url}", "--pod", "default/web@n1", "--node-ca", self.ca),
            *("--node-cert", cert, "--node-key", key, "--hold-fin", HOLD_FIN),
        )
        forward = await GO_HTTP1.start(self, front, "web", [echo])
        await self.echoes(forward, echo)
        await gateway.says(r"node n1 \S+: generation channels\n")
        await node.says("ended channels")

        await node.stop()
        cert, key = self.node_pair
        service, _ = await self.service(
            *("spdygate-node", "--listen", f"tcp:{port}:interface=127.0.0.1"),
            *("--tls-cert", cert, "--tls-key", key, "--client-ca", self.ca),
            *("--pod", "default/web=127.0.0.1"),
        )
        await self.echoes(forward, echo)
        await gateway.says(r"node n1 \S+: generation http2, was channels\n")

        await service.stop()
        await self.kubelet(*words, "-listen", f"127.0.0.1:{port}")
        await self.echoes(forward, echo)
        await gateway.says(r"node n1 \S+: generation channels, was http2\n")
        self.nothing_is_wrong(gateway)

    async def _between(
        self, wants: tuple[str, ...], shows: tuple[str, ...]
    ) -> tuple[Running, str]:
        """Run a kubelet, and a gateway before it; return that, and its URL."""
        cert, key = self.node_pair
        _, url = await self.kubelet("-tls-cert", cert, "-tls-key", key, *wants)
        words = ("--node", f"n1={url}", "--node-ca", self.ca, *shows)
        pod = ("--pod", "default/web@n1")
        return await self.gateway(*words, *pod, "--hold-fin", HOLD_FIN)

    async def test_certificate(self) -> None:
        """A kubelet that wants a certificate is found out, and served."""
        cert, key = self.our_pair
        gateway, front = await self._between(
            ("-client-ca", self.ca), ("--node-cert", cert, "--node-key", key)
        )
        await together(
            self.keeps(client, front, "web", None) for client in (KUBECTL, KUBECTL_120)
        )
        await gateway.says(r"node n1 \(https:\S+: generation spdy\n")
        self.nothing_is_wrong(gateway)

    async def test_no_certificate(self) -> None:
        """Without one nothing comes through, and the log names the node."""
        gateway, front = await self._between(("-client-ca", self.ca), ())
        echo = await self.pod("echo")
        forward = await KUBECTL.start(self, front, "web", [echo])
        await self.refused(forward, echo)
        await gateway.says(r"tunnel \S+ failed: .*node n1 ")
        self.assertNotIn(": generation ", gateway.output)
        self.nothing_is_wrong(gateway)

    async def _comes_through(self, forward: Forward, port: int) -> None:
        """Try again and again, until a connection works."""
        clock = IReactorTime(reactor)
        end = clock.seconds() + SOON
        words = ("churn", "-addr", forward.address(port), "-hang-up")
        while await self.peer("load", *words).ends() != 0:
            self.assertLess(clock.seconds(), end, forward.running.output)
            await deferLater(reactor, AGAIN)

    async def test_token(self) -> None:
        """A token is shown, and another one as soon as the file has another."""
        gateway, front = await self._between(
            ("-token", self.theirs), ("--node-token-file", self.ours)
        )
        await self.keeps(KUBECTL, front, "web", None)
        await gateway.says(r"node n1 \(https:\S+: generation spdy\n")
        echo = await self.pod("echo")
        forward = await GO_HTTP1.start(self, front, "web", [echo])
        await self.echoes(forward, echo)
        self._token("theirs", "second")
        await self.refused(forward, echo)
        await gateway.says(r"failed: .*node n1 .*wants credentials .*401")
        self._token("ours", "second")
        await self._comes_through(forward, echo)
        self.assertNotIn(", was ", gateway.output)
        self.nothing_is_wrong(gateway)


class PinnedTests(RealCase):
    """What an operator says of a node is not doubted."""

    async def test_right(self) -> None:
        """Pinned as what it is, every node is reached, and nothing is found out."""
        echo = await self.pod("echo")
        urls = await together(self.node_of(kind) for kind in NODES)
        pairs = list(zip(NODES, urls, strict=True))
        gateway, front = await self._pinned(
            [(url, kind.name, pod_on(kind)) for kind, url in pairs]
        )
        forwards = await together(
            GO_HTTP1.start(self, front, pod_on(kind), [echo]) for kind in NODES
        )
        await together(self.echoes(forward, echo) for forward in forwards)
        self.assertNotIn(": generation ", gateway.output)
        self.nothing_is_wrong(gateway)

    async def _pinned(self, nodes: list[tuple[str, str, str]]) -> tuple[Running, str]:
        """Run a gateway; each node has a URL, a generation and a pod."""
        words: list[str] = []
        for number, (url, generation, pod) in enumerate(nodes):
            words += ["--node", f"n{number}={url},generation={generation}"]
            words += ["--pod", f"default/{pod}@n{number}"]
        return await self.gateway(*words, "--hold-fin", HOLD_FIN)

    async def test_wrong(self) -> None:
        """Pinned as what it is not, it is refused, in words that name the pin."""
        echo = await self.pod("echo")
        urls = await together(self.node_of(kind) for kind in NODES)
        shifted = [*NODES[1:], NODES[0]]
        names = [kind.name for kind in shifted]
        pods = [pod_on(kind) for kind in NODES]
        gateway, front = await self._pinned(list(zip(urls, names, pods, strict=True)))
        for number, (name, pod) in enumerate(zip(names, pods, strict=True)):
            forward = await GO_HTTP1.start(self, front, pod, [echo])
            await self.refused(forward, echo)
            said = await forward.running.says(r"refused \d+ 502 (.*)")
            self.assertIn(f"node n{number} ", said[1])
            self.assertIn("speaks no port-forward that is known here", said[1])
            self.assertIn(f"({name}: ", said[1])
        self.assertNotIn(": generation ", gateway.output)
        self.nothing_is_wrong(gateway)
