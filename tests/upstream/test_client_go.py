"""
client-go's cases, with client-go itself before the gateway.

They are in ``tools/portforward/*_test.go`` (k8s.io/client-go), and one in
``test/integration/apiserver/portforward`` (k8s.io/kubernetes).

Without a counterpart in a gateway, since they are the client's alone:

- ``TestParsePortsAndNew``: how a client reads its arguments;
- ``TestGetListener``: on which addresses a client listens;
- ``TestTunnelingConnection_LocalRemoteAddress``, ``_ReadWriteDeadlines``: a Go
  connection's accessors.
"""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from tests.certificates import Authority
from tests.peers.running import Forward, Running
from tests.upstream.cases import PODS, UpstreamCase, get, local, read_all


class ClientGoTests(UpstreamCase):
    """client-go's port forwarder."""

    async def _client(
        self, port: int, dialer: str, *options: str
    ) -> tuple[Running, Forward]:
        """Run a gateway and client-go before it."""
        gateway, url = await self.cluster("spdy", *options)
        words = ("-dialer", dialer)
        return gateway, await self.forward("clientgo", url + PODS, [port], *words)

    async def test_get_ports_returns_dynamically_assigned_local_port(self) -> None:
        """
        portforward_test.go, TestGetPortsReturnsDynamicallyAssignedLocalPort: the
        local port is not 0, and somebody listens there.
        """
        port = await self.pod("greet")
        _, forward = await self._client(port, "spdy")
        self.assertGreater(forward.local[port], 0)
        local(forward.address(port)).close()

    async def test_handle_connection(self) -> None:
        """
        portforward_test.go, TestHandleConnection: what is sent arrives, what is
        answered comes back, and the connection is said to be handled.
        """
        port = await self.pod("hash", "-bytes", "22")
        _, forward = await self._client(port, "spdy")

        def talk() -> bytes:
            with local(forward.address(port)) as connection:
                connection.sendall(b"test data from client!")
                return read_all(connection)

        self.assertTrue((await self.talk(talk)).endswith(b" 22\n"))
        await forward.running.says(f"Handling connection for {forward.local[port]}")

    async def test_handle_connection_sends_remote_error(self) -> None:
        """
        portforward_test.go, TestHandleConnectionSendsRemoteError: the text of the
        error stream arrives where it is asked for, and nothing on the other.
        """
        port = await self.closed_port()
        _, forward = await self._client(port, "spdy", "--errors", "kubelet")

        def talk() -> bytes:
            with local(forward.address(port)) as connection:
                return read_all(connection)

        self.assertEqual(await self.talk(talk), b"")
        words = f"error forwarding port {port} to pod default/web.*connection refused"
        await forward.running.says(words)

    async def _lost(self, dialer: str) -> None:
        """Kill the gateway, and see that its client does not go on."""
        port = await self.pod("echo")
        gateway, forward = await self._client(port, dialer)
        with local(forward.address(port)) as connection:
            await gateway.says(r"tunnel \S+: open")
            await gateway.stop()
            self.assertEqual(await forward.running.ends(), 1)
            connection.close()
        self.assertIn("lost connection to pod", forward.running.output)

    async def test_wait_for_connection_exits_on_stream_conn_closed(self) -> None:
        """
        portforward_test.go, TestWaitForConnectionExitsOnStreamConnClosed: a
        client of SPDY does not wait for a gateway that is gone.
        """
        await self._lost("spdy")

    async def test_forward_ports_returns_error_when_connection_is_lost(self) -> None:
        """
        portforward_test.go, TestForwardPortsReturnsErrorWhenConnectionIsLost:
        neither does one of SPDY in WebSocket, and both say so.
        """
        await self._lost("websocket")

    async def test_forward_ports_returns_nil_when_stop_chan_is_closed(self) -> None:
        """
        portforward_test.go, TestForwardPortsReturnsNilWhenStopChanIsClosed: who
        is asked to stop ends well, and the gateway hears of it.
        """
        port = await self.pod("echo")
        for dialer in ("spdy", "websocket"):
            gateway, forward = await self._client(port, dialer)
            forward.running.send(signal.SIGINT)
            self.assertEqual(await forward.running.ends(), 0)
            await gateway.says(r"session \S+: .* over")

    async def test_tunneling_connection_read_write_close(self) -> None:
        """
        tunneling_connection_test.go, TestTunnelingConnection_ReadWriteClose: SPDY
        in WebSocket reads what was written, and its close is one.
        """
        port = await self.pod("echo")
        gateway, forward = await self._client(port, "websocket")

        def talk() -> bytes:
            with local(forward.address(port)) as connection:
                connection.sendall(b"this is test data")
                return connection.recv(17, socket.MSG_WAITALL)

        self.assertEqual(await self.talk(talk), b"this is test data")
        await gateway.says("SPDY/3.1 in WebSocket")
        forward.running.send(signal.SIGTERM)
        await gateway.says(r"session \S+: .* over")

    async def test_fallback_dialer(self) -> None:
        """
        fallback_dialer_test.go, TestFallbackDialer: the first dialer is enough,
        and where it is refused for good the second hears the same.
        """
        port = await self.page(b"ok")
        gateway, forward = await self._client(port, "fallback")
        page = await self.talk(lambda: get(f"http://{forward.address(port)}/"))
        self.assertEqual(page, b"ok")
        self.assertIn("SPDY/3.1 in WebSocket", gateway.output)
        _, url = await self.gateway("--pod", "a/b=127.0.0.1")
        words = ("-url", f"{url}/api/v1/namespaces/a/pods/..x/portforward")
        refused = self.peer("clientgo", *words, "-dialer", "fallback", "0:80")
        self.assertEqual(await refused.ends(), 1)
        self.assertIn("is not the name of a pod", refused.output)

    async def test_portforward_integration(self) -> None:
        """
        test/integration/apiserver/portforward, TestPortforward: kubectl, an API
        server, a kubelet with TLS, and HTTP over the forwarded port.
        """
        files = Path(self.mktemp())
        files.mkdir()
        cert, key = Authority("a kubelet's").server("127.0.0.1").write(files, "node")
        tls = ("-tls-cert", str(cert), "-tls-key", str(key))
        _, node = await self.kubelet(*tls, "-generations", "spdy")
        server, api = await self.apiserver("-kubelet", node, "-pod", "default/web")
        _, url = await self.gateway("--api-server", api, "--hold-fin", "1")
        port = await self.page(b"<title>hello</title>")
        forward = await self.kubectl_forwards("kubectl", url, port)
        page = await self.talk(lambda: get(f"http://{forward.address(port)}/"))
        self.assertEqual(page, b"<title>hello</title>")
        await server.says(rf"asked \w+ {PODS}")
