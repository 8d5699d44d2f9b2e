"""HAProxy on the way: between the gateway and its nodes, and before the gateway."""

from __future__ import annotations

from dataclasses import replace

from tests.matrix.kinds import NODES

from .realcases import (
    GO_HTTP1,
    HOLD_FIN,
    KUBECTL,
    KUBECTL_120,
    RealCase,
    together,
    write_down,
)
from .running import Running

HTTP2, SPDY = NODES[0], NODES[1]

#: Speaks HTTP/1.1 on both sides; `{h2}` says what becomes of HTTP/2's preface.
HTTP1 = """
defaults
    mode http
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
frontend gateway
    bind fd@{{fd}}
    {h2}
    default_backend node
backend node
    server node {{node}}{proto}
"""

#: To such a one the preface is a bad request.
NO_HTTP2 = HTTP1.format(h2="option disable-h2-upgrade", proto="")

#: To such a one it is none, although the node behind it speaks HTTP/1.1.
HALF_HTTP2 = HTTP1.format(h2="no option disable-h2-upgrade", proto="")

#: HTTP/1.1 comes in, HTTP/2 goes out.
TO_HTTP2 = HTTP1.format(h2="option disable-h2-upgrade", proto=" proto h2")


class BetweenTests(RealCase):
    """What stands between a gateway and its node changes nothing for clients."""

    async def _node_service(self) -> str:
        """Run a node service; return its URL."""
        _, url = await self.service(
            *("spdygate-node", "--verbose", "--listen", "tcp:0:interface=127.0.0.1"),
            *("--pod", "default/web=127.0.0.1"),
        )
        return url

    async def _gateway(self, node_url: str) -> tuple[Running, str]:
        """Run a gateway that knows one node."""
        words = ("--node", f"n1={node_url}", "--pod", "default/web@n1")
        return await self.gateway(*words, "--hold-fin", HOLD_FIN)

    async def _haproxy_s_version(self) -> str:
        """Return its version, which is to be that of Debian's bookworm."""
        version = await self.version_of("haproxy", "-v", r"version (\d+\.\d+\.\d+)")
        return f"HAProxy {version}"

    async def test_http2(self) -> None:
        """HAProxy passes extended CONNECT on; bytes, a refusal, and half-close."""
        _, between = await self.haproxy(await self._node_service())
        gateway, front = await self._gateway(between)
        late = await self.pod("late-answer", "-delay", "1500ms", "-answer", "at last")
        clients = (KUBECTL, KUBECTL_120, GO_HTTP1)
        await together(
            self.keeps(client, front, "web", client.says) for client in clients
        )
        for client in clients:
            forward = await client.start(self, front, "web", [late])
            words = ("-addr", forward.address(late), "-bytes", "1000", "-half-close")
            self.assertIn("at last", await self.load("send-hash", *words))
        self.assertEqual(gateway.output.count(": generation http2\n"), 1)
        self.nothing_is_wrong(gateway)
        node = f"{HTTP2.software} behind {await self._haproxy_s_version()}"
        for client in clients:
            version = await client.version(self)
            write_down(client.dialect, version, replace(HTTP2, software=node))

    async def test_many_at_once(self) -> None:
        """A hundred tunnels at once go through it."""
        _, between = await self.haproxy(await self._node_service())
        gateway, front = await self._gateway(between)
        echo = await self.pod("echo")
        forward = await GO_HTTP1.start(self, front, "web", [echo])
        await self.load(
            *("churn", "-addr", forward.address(echo), "-n", "100"),
            *("-parallel", "100", "-together", "-bytes", "10000", "-hang-up"),
        )
        self.nothing_is_wrong(gateway)

    async def _before_a_kubelet(self, rules: str) -> None:
        """Find a kubelet out that HAProxy hides, and use it."""
        _, url = await self.kubelet()
        _, between = await self.haproxy(url, rules)
        gateway, front = await self._gateway(between)
        await together(
            self.keeps(client, front, "web", None) for client in (KUBECTL, KUBECTL_120)
        )
        self.assertEqual(gateway.output.count(": generation "), 1)
        await gateway.says(r"node n1 \S+: generation spdy\n")
        self.nothing_is_wrong(gateway)
        node = f"{SPDY.software} behind {await self._haproxy_s_version()}"
        for client in (KUBECTL, KUBECTL_120):
            version = await client.version(self)
            write_down(client.dialect, version, replace(SPDY, software=node))

    async def test_http1_alone(self) -> None:
        """One that speaks HTTP/1.1 alone, before a kubelet: generation spdy."""
        await self._before_a_kubelet(NO_HTTP2)

    async def test_http2_that_ends_there(self) -> None:
        """One that speaks HTTP/2 for a kubelet that does not: generation spdy."""
        await self._before_a_kubelet(HALF_HTTP2)

    async def test_before_the_gateway(self) -> None:
        """CONNECT over HTTP/1.1 becomes one over HTTP/2 on its way to the gateway."""
        gateway, front = await self.gateway()
        _, before = await self.haproxy(front, TO_HTTP2)
        words = ("--silent", "--max-time", "10", "--proxytunnel", "--proxy", before)
        said = await self.said_by("curl", *words, "http://demo.default.pod:80/")
        self.assertIn("port 80 of the pod default/demo", said)
        await gateway.says(r"tunnel \S+: open, .*HTTP/2.* -> default/demo:80\n")
        self.nothing_is_wrong(gateway)
