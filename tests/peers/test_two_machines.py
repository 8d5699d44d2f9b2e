"""
A gateway and a node service as two processes, with certificates on both sides.
"""

from __future__ import annotations

import re
import signal
from pathlib import Path

from tests.certificates import Authority

from .running import Forward, PeerCase, Running
from .test_tunnels import SIZE, sums

NODE = "node123.openshift.com"
PATH = f"/proxy/minions/{NODE}/portForward/myns/mypod"


class TwoMachinesTests(PeerCase):
    """What two machines do, over TLS with client certificates."""

    def setUp(self) -> None:
        """Make an authority, and a certificate for each side."""
        self.files = Path(self.mktemp())
        self.files.mkdir()
        self.authority = Authority("the cluster's")
        self.ca = self._write("ca.pem", self.authority.pem)
        names = ["localhost", "127.0.0.1"]
        self.node_pair = self.authority.server(*names).write(self.files, "node")
        self.gateway_pair = self.authority.client("gateway").write(
            self.files, "gateway"
        )

    def _write(self, name: str, data: bytes) -> str:
        """Write a file; return its path."""
        path = self.files / name
        path.write_bytes(data)
        return str(path)

    async def _node(self, *options: str, port: int = 0) -> tuple[Running, str]:
        """Run a node service that asks for certificates."""
        cert, key = self.node_pair
        return await self.service(
            "spdygate-node",
            *("--listen", f"tcp:{port}:interface=127.0.0.1"),
            *("--tls-cert", str(cert), "--tls-key", str(key), "--client-ca", self.ca),
            *("--pod", "myns/mypod=127.0.0.1", *options),
        )

    async def _gateway(self, node_url: str, *options: str) -> tuple[Running, str]:
        """Run a gateway that knows the node."""
        cert, key = self.gateway_pair
        return await self.gateway(
            *("--node", f"{NODE}={node_url}", "--node-ca", self.ca),
            *("--node-cert", str(cert), "--node-key", str(key), *options),
        )

    async def _pair(self, ports: list[int]) -> tuple[Running, Running, Forward]:
        """Run both, and a client-go before them."""
        node, node_url = await self._node()
        gateway, url = await self._gateway(node_url)
        return node, gateway, await self.forward("clientgo", url + PATH, ports)

    async def test_bytes(self) -> None:
        """Bytes arrive intact both ways, over SPDY, HTTP/2 in TLS, and TCP."""
        sink = await self.pod("sink")
        source = await self.pod("source", "-bytes", str(SIZE), "-seed", "7")
        _, _, forward = await self._pair([sink, source])
        said = await self.load(
            *("send-hash", "-addr", forward.address(sink), "-half-close"),
            *("-bytes", str(SIZE), "-seed", "3"),
        )
        self.assertIn(sums(said)["sent"][1], said.split("text", 1)[1])
        expected = await self.load("sum", "-bytes", str(SIZE), "-seed", "7")
        said = await self.load("send-hash", "-addr", forward.address(source))
        self.assertEqual(sums(said)["received"], sums(expected)["sum"])

    async def test_who_asked_is_in_the_node_s_log(self) -> None:
        """The node's line about a failed tunnel names the client and its id."""
        dead = self.peer("load", "pod", "-listen", "127.0.0.1:0", "-mode", "echo")
        port = int((await dead.says(r"listening 127\.0\.0\.1:(\d+)"))[1])
        await dead.stop()
        node, gateway, forward = await self._pair([port])
        await self.peer("load", "send-hash", "-addr", forward.address(port)).ends()
        found = await gateway.says(r"tunnel (\S+) failed: .*generation C; POST minions")
        await node.says(rf"tunnel {re.escape(found[1])} failed: clientgo/")

    async def test_killed_node(self) -> None:
        """A killed node costs its tunnels; when it is back the session goes on."""
        echo = await self.pod("echo")
        node, gateway, forward = await self._pair([echo])
        held = self.peer(
            "load", "send-hash", "-addr", forward.address(echo), "-bytes", "10"
        )
        await gateway.says(r"tunnel \S+: open")
        port = int((await node.says(r"listening on https://\S+:(\d+)"))[1])
        node.send(signal.SIGKILL)
        await node.ends()
        await gateway.says(r"tunnel \S+ failed: .*link-lost: node " + NODE)
        await held.ends()
        await self.peer(
            "load", "churn", "-addr", forward.address(echo), "-n", "1"
        ).ends()
        await gateway.says(rf"failed: .*refused: node {NODE} .*nothing listens there")
        await self._node(port=port)
        await self.load("churn", "-addr", forward.address(echo), "-n", "5")
        self.assertIsNone(forward.running.status)

    async def test_wrong_certificates(self) -> None:
        """A gateway without the right certificate is refused, and the log says so."""
        stranger = Authority("a stranger's")
        cert, key = stranger.client("gateway").write(self.files, "stranger")
        _, node_url = await self._node()
        self.gateway_pair = cert, key
        echo = await self.pod("echo")
        gateway, url = await self._gateway(node_url)
        forward = await self.forward("clientgo", url + PATH, [echo])
        await self.peer(
            "load", "churn", "-addr", forward.address(echo), "-n", "1"
        ).ends()
        await gateway.says(r"tunnel \S+ failed: .*certificate")

    async def test_wrong_server(self) -> None:
        """A node that cannot prove its name is not spoken to."""
        stranger = Authority("a stranger's").server("127.0.0.1")
        self.node_pair = stranger.write(self.files, "fake")
        _, node_url = await self._node()
        echo = await self.pod("echo")
        gateway, url = await self._gateway(node_url)
        forward = await self.forward("clientgo", url + PATH, [echo])
        await self.peer(
            "load", "churn", "-addr", forward.address(echo), "-n", "1"
        ).ends()
        await gateway.says(r"tunnel \S+ failed: .*--node-ca")
