"""
The streaming cases of critest, what a container runtime has to pass.

They are in ``pkg/validate/streaming.go`` and ``streaming_linux.go`` (cri-tools).
critest speaks to a runtime; here client-go speaks to the gateway, which speaks
to the runtime's own server code, and once each with SPDY and with a WebSocket,
as critest's flags choose.  Commands pass through to the API server.
"""

from __future__ import annotations

from tests.peers.build import require
from tests.peers.running import Running
from tests.upstream.cases import PODS, UpstreamCase, get

#: What critest looks for: the page that nginx has for a new server.
NGINX = b"<html><head><title>Welcome to nginx!</title></head></html>\n"

#: A kubectl for each transport of commands.
KUBECTLS = {"spdy": "kubectl-debian", "websocket": "kubectl"}


class CritestPortForwardTests(UpstreamCase):
    """Port-forward: a page of nginx by a local port."""

    async def _page(self, dialer: str, interface: str) -> int:
        """Forward to a page, and read it; return the page's port."""
        port = await self.page(NGINX, interface)
        _, url = await self.cluster("spdy,channels")
        words = ("-dialer", dialer)
        forward = await self.forward("clientgo", url + PODS, [port], *words)
        url = f"http://{forward.address(port)}/"
        self.assertEqual(await self.talk(lambda: get(url)), NGINX)
        return port

    async def _host_network(self, dialer: str) -> None:
        """Forward to a pod whose ports are the node's, too."""
        port = await self._page(dialer, "0.0.0.0")
        url = f"http://127.0.0.1:{port}/"
        self.assertEqual(await self.talk(lambda: get(url)), NGINX)

    async def test_runtime_should_support_portforward_over_spdy(self) -> None:
        """streaming.go, "runtime should support portforward [Conformance]", SPDY."""
        await self._page("spdy", "127.0.0.1")

    async def test_runtime_should_support_portforward_over_websocket(self) -> None:
        """streaming.go, "runtime should support portforward", UseWebsocket."""
        await self._page("websocket", "127.0.0.1")

    async def test_portforward_in_host_network_over_spdy(self) -> None:
        """streaming_linux.go, "should support portforward in host network", SPDY."""
        await self._host_network("spdy")

    async def test_portforward_in_host_network_over_websocket(self) -> None:
        """streaming_linux.go, "portforward in host network", UseWebsocket."""
        await self._host_network("websocket")


class CritestCommandTests(UpstreamCase):
    """Exec and attach: what passes through."""

    async def _cluster(self) -> tuple[Running, str]:
        """Run an API server and a gateway before it; return the former."""
        _, node = await self.kubelet()
        server, api = await self.apiserver("-kubelet", node, "-pod", "default/web")
        _, url = await self.gateway("--api-server", api)
        return server, url

    async def _exec(self, transport: str) -> None:
        """Execute without terminal and without input."""
        _, url = await self._cluster()
        words = ("exec", "web", "--", "echo", "hello")
        running = self.kubectl(KUBECTLS[transport], url, *words)
        self.assertEqual(await running.ends(), 0, running.output)
        self.assertEqual(running.output, "hello\n")

    async def _terminal(self, transport: str) -> None:
        """Execute with both, in a terminal of our own."""
        server, url = await self._cluster()
        kubectl = f"{require(KUBECTLS[transport])} --server {url}"
        command = f"{kubectl} exec -it web -- echo hello"
        running = self.start("script", "/usr/bin/script", "-qec", command, "/dev/null")
        self.assertEqual(await running.ends(), 0, running.output)
        self.assertIn("hello", running.output)
        await server.says(r"asked \w+ \S*/exec\?\S*stdin=true\S*tty=true")

    async def _attach(self, transport: str) -> None:
        """Attach to what the container runs, which repeats what it hears."""
        _, url = await self._cluster()
        words = ("attach", "-i", "web")
        running = self.kubectl(KUBECTLS[transport], url, *words)
        assert running.transport is not None
        running.transport.write(b"hello\n")
        await running.says("hello\n")
        running.transport.closeStdin()
        self.assertEqual(await running.ends(), 0, running.output)

    async def test_exec_with_tty_false_and_stdin_false_over_spdy(self) -> None:
        """streaming.go, "runtime should support exec with tty=false and stdin=false"."""
        await self._exec("spdy")

    async def test_exec_with_tty_false_and_stdin_false_over_websocket(self) -> None:
        """streaming.go, the same, over a WebSocket."""
        await self._exec("websocket")

    async def test_exec_with_tty_true_and_stdin_true_over_spdy(self) -> None:
        """streaming.go, "runtime should support exec with tty=true and stdin=true"."""
        await self._terminal("spdy")

    async def test_exec_with_tty_true_and_stdin_true_over_websocket(self) -> None:
        """streaming.go, the same, over a WebSocket."""
        await self._terminal("websocket")

    async def test_runtime_should_support_attach_over_spdy(self) -> None:
        """streaming.go, "runtime should support attach [Conformance]"."""
        await self._attach("spdy")

    async def test_runtime_should_support_attach_over_websocket(self) -> None:
        """streaming.go, the same, over a WebSocket."""
        await self._attach("websocket")
