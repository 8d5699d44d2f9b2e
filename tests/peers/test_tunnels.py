"""
Bytes through the front door, with real clients: what a user of each would see.

Each test runs a gateway of its own, as ``twistd spdygate`` would, and pods that
are programs on loopback ports.
"""

from __future__ import annotations

import os
import re
import signal

from .running import Forward, PeerCase, Running

MIB = 1024 * 1024

#: How much goes each way; ``.ci/long`` moves a GiB.
SIZE = int(os.environ.get("SPDYGATE_TEST_MIB", "256")) * MIB

PATHS = {
    "pods": "/api/v1/namespaces/myns/pods/mypod/portforward",
    "minions": "/proxy/minions/node123.openshift.com/portForward/myns/mypod",
    "beta": "/api/v1beta1/proxy/minions/n1/portForward/myns/mypod",
    "kubelet": "/portForward/myns/mypod/0b1d-uid",
}


def sums(said: str) -> dict[str, tuple[int, str]]:
    """Read what the load program sent and received: bytes, and their hash."""
    found = re.findall(
        r"^(sent|received|sum) (\d+) ([0-9a-f]{64})$", said, re.MULTILINE
    )
    return {what: (int(count), digest) for what, count, digest in found}


class TunnelTests(PeerCase):
    """Every client's connections arrive as they were sent."""

    async def _forward(
        self, client: str, path: str, ports: list[int], *extra: str
    ) -> Forward:
        """Run a gateway with one pod on this machine, and a client before it."""
        _, url = await self.gateway("--pod", "myns/mypod=127.0.0.1")
        return await self.forward(client, url + PATHS[path], ports, *extra)

    async def _both_ways(self, forward: Forward, sink: int, source: int) -> None:
        """Move `SIZE` bytes each way, one after the other, and compare hashes."""
        to_sink = ("-addr", forward.address(sink))
        said = await self.load(
            "send-hash", *to_sink, "-bytes", str(SIZE), "-seed", "3", "-half-close"
        )
        sent = sums(said)["sent"]
        self.assertEqual(sent[0], SIZE)
        self.assertIn(sent[1], said.split("text", 1)[1])
        expected = await self.load("sum", "-bytes", str(SIZE), "-seed", "7")
        said = await self.load("send-hash", "-addr", forward.address(source))
        self.assertEqual(sums(said)["received"], sums(expected)["sum"])

    async def _client_moves_bytes(self, path: str, *extra: str) -> None:
        """Move bytes with client-go."""
        sink = await self.pod("sink")
        source = await self.pod("source", "-bytes", str(SIZE), "-seed", "7")
        forward = await self._forward("clientgo", path, [sink, source], *extra)
        await self._both_ways(forward, sink, source)

    async def test_spdy_post(self) -> None:
        """Client-go's POST to a pod's own URL arrives intact, both ways."""
        await self._client_moves_bytes("pods", "-method", "POST")

    async def test_spdy_get_on_the_oldest_url(self) -> None:
        """Client-go's GET to the URL of 2015 arrives intact, both ways."""
        await self._client_moves_bytes("minions", "-method", "GET")

    async def test_websocket_with_fallback(self) -> None:
        """A client that tries a WebSocket first falls back to SPDY by itself."""
        await self._client_moves_bytes("pods", "-dialer", "fallback")

    async def test_client_of_2015(self) -> None:
        """A client without protocol header and requestID gets its bytes."""
        pod = await self.pod("hash", "-bytes", str(SIZE))
        source = await self.pod("source", "-bytes", str(SIZE), "-seed", "7")
        forward = await self._forward("client2015", "beta", [pod, source])
        said = await self.load(
            "send-hash", "-addr", forward.address(pod), "-bytes", str(SIZE)
        )
        self.assertIn(sums(said)["sent"][1], said.split("text", 1)[1])
        expected = await self.load("sum", "-bytes", str(SIZE), "-seed", "7")
        said = await self.load("send-hash", "-addr", forward.address(source))
        self.assertEqual(sums(said)["received"], sums(expected)["sum"])

    async def test_many_connections_at_once(self) -> None:
        """Two hundred connections are all open at the same time."""
        for client, path in (("clientgo", "kubelet"), ("client2015", "minions")):
            echo = await self.pod("echo")
            forward = await self._forward(client, path, [echo])
            await self.load(
                *("churn", "-addr", forward.address(echo), "-n", "200"),
                *("-parallel", "200", "-together", "-bytes", "4096"),
            )

    async def test_half_close(self) -> None:
        """An answer 10 seconds after the client's FIN still arrives."""
        pod = await self.pod("late-answer", "-delay", "10s", "-answer", "at last")
        forward = await self._forward("clientgo", "pods", [pod])
        said = await self.load(
            *("send-hash", "-addr", forward.address(pod)),
            *("-bytes", "1000", "-half-close"),
        )
        self.assertIn("at last", said)

    async def test_server_speaks_first(self) -> None:
        """A server's greeting arrives before the client has sent anything."""
        pod = await self.pod("greet")
        forward = await self._forward("clientgo", "pods", [pod])
        said = await self.load(
            "send-hash", "-addr", forward.address(pod), "-half-close"
        )
        self.assertGreater(sums(said)["received"][0], 0)


class FailureTests(PeerCase):
    """What goes wrong with one connection is that connection's alone."""

    async def _closed_port(self) -> int:
        """Return a port on which nothing listens any more."""
        running = self.peer("load", "pod", "-listen", "127.0.0.1:0", "-mode", "echo")
        match = await running.says(r"listening 127\.0\.0\.1:(\d+)")
        await running.stop()
        return int(match[1])

    async def _echoes(self, forward: Forward, port: int, count: int = 1) -> None:
        """Check that new connections to a port work."""
        await self.load("churn", "-addr", forward.address(port), "-n", str(count))

    async def _refused(self, *options: str) -> tuple[Running, Forward, int, int]:
        """Connect to a closed port through a session that has an open one too."""
        closed, echo = await self._closed_port(), await self.pod("echo")
        gateway, url = await self.gateway("--pod", "p/q=127.0.0.1", *options)
        path = "/api/v1/namespaces/p/pods/q/portforward"
        forward = await self.forward("clientgo", url + path, [closed, echo])
        await self._echoes(forward, echo)
        attempt = self.peer("load", "send-hash", "-addr", forward.address(closed))
        await attempt.ends()
        return gateway, forward, closed, echo

    async def test_refused_port_is_isolated(self) -> None:
        """A refused port costs its own connection, and the log says which."""
        gateway, forward, closed, echo = await self._refused()
        await forward.running.says("Stream reset")
        await gateway.says(
            rf"tunnel \S+ failed: .*generation C.* -> p/q:{closed}.*refused"
        )
        await self._echoes(forward, echo, 3)
        self.assertIsNone(forward.running.status)

    async def test_refused_port_as_a_kubelet_does_it(self) -> None:
        """With ``--errors kubelet`` the client gets the text, and ends."""
        _, forward, closed, _ = await self._refused("--errors", "kubelet")
        await forward.running.says(f"error forwarding port {closed} to pod p/q")
        self.assertEqual(await forward.running.ends(), 1)

    async def test_old_client_is_told_of_a_refused_port(self) -> None:
        """A client of 2015 logs the reason, and goes on."""
        closed, echo = await self._closed_port(), await self.pod("echo")
        _, url = await self.gateway("--pod", "p/q=127.0.0.1")
        path = "/api/v1beta2/proxy/minions/n/portForward/p/q"
        forward = await self.forward("client2015", url + path, [closed, echo])
        await self.peer("load", "send-hash", "-addr", forward.address(closed)).ends()
        await forward.running.says(f"Error forwarding port {closed} to pod p/q")
        await self._echoes(forward, echo)

    async def test_reset_by_the_pod(self) -> None:
        """A pod that resets a connection costs that connection alone."""
        reset, echo = await self.pod("reset"), await self.pod("echo")
        _, url = await self.gateway("--pod", "p/q=127.0.0.1")
        path = "/api/v1/namespaces/p/pods/q/portforward"
        forward = await self.forward("clientgo", url + path, [reset, echo])
        attempt = ("send-hash", "-addr", forward.address(reset), "-bytes", "100000")
        await self.peer("load", *attempt).ends()
        await self._echoes(forward, echo, 3)

    async def test_killed_client(self) -> None:
        """A client that vanishes takes its connections along, and no other's."""
        pod = self.peer(
            "load", "pod", "-listen", "127.0.0.1:0", "-mode", "echo", "-log"
        )
        match = await pod.says(r"listening 127\.0\.0\.1:(\d+)")
        port = int(match[1])
        gateway, url = await self.gateway("--pod", "p/q=127.0.0.1")
        url += "/api/v1/namespaces/p/pods/q/portforward"
        one = await self.forward("clientgo", url, [port])
        other = await self.forward("clientgo", url, [port])
        stays = ("send-hash", "-addr", one.address(port), "-bytes", "1000")
        held = self.peer("load", *stays, "-timeout", "60s")
        await gateway.says(r"tunnel \S+: open")
        one.running.send(signal.SIGKILL)
        await gateway.says(r"session \S+: .* over after .* 1 tunnels")
        await held.ends()
        await self._echoes(other, port, 3)

    async def test_killed_pod(self) -> None:
        """When a pod's program dies its connections end, and the session lives."""
        dies = self.peer("load", "pod", "-listen", "127.0.0.1:0", "-mode", "stall")
        match = await dies.says(r"listening 127\.0\.0\.1:(\d+)")
        port, echo = int(match[1]), await self.pod("echo")
        _, url = await self.gateway("--pod", "p/q=127.0.0.1")
        url += "/api/v1/namespaces/p/pods/q/portforward"
        forward = await self.forward("clientgo", url, [port, echo])
        held = self.peer("load", "send-hash", "-addr", forward.address(port))
        await forward.running.says("Handling connection")
        await dies.stop()
        await held.ends()
        await self._echoes(forward, echo, 3)
