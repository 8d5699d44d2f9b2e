"""Real clients, old and new, before a node of every generation."""

from __future__ import annotations

import socket
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived
from twisted.internet.threads import deferToThread

from tests.certificates import Authority
from tests.matrix.kinds import NODES

from .realcases import (
    CLIENT_GO_FALLBACK,
    CLIENT_GO_SPDY,
    CLIENT_GO_WEBSOCKET,
    GO_EXTENDED,
    GO_HTTP1,
    GO_PLAIN,
    JAVASCRIPT,
    KUBECTL,
    KUBECTL_120,
    KUBECTL_130,
    KUBECTL_131,
    PYTHON,
    RealCase,
    RealClient,
    pod_on,
    together,
    write_down,
)

PAGE = "port 80 of the pod default/demo"


class NodesTests(RealCase):
    """Each client reaches a node of every generation, and outlives a closed port."""

    async def _holds(self, client: RealClient) -> None:
        """Hold a client to what it is promised of all nodes at once."""
        gateway, front = await self.all_nodes()
        version = await client.version(self)
        # A kubelet has taken the connection before it tries the port.
        says = {kind.name: None for kind in NODES} | {"http2": client.says}
        await together(
            self.keeps(client, front, pod_on(kind), says[kind.name]) for kind in NODES
        )
        for kind in NODES:
            self.assertIn(f": generation {kind.name}\n", gateway.output)
            self.assertTrue(client.spoke(gateway, pod_on(kind)), gateway.output)
        self.nothing_is_wrong(gateway)
        for kind in NODES:
            write_down(client.dialect, version, kind)

    async def test_kubectl_newest(self) -> None:
        """Kubectl 1.37 takes SPDY in a WebSocket, and keeps to it."""
        await self._holds(KUBECTL)

    async def test_kubectl_131(self) -> None:
        """So does kubectl 1.31, the first to do so by itself."""
        await self._holds(KUBECTL_131)

    async def test_kubectl_130(self) -> None:
        """Kubectl 1.30 takes SPDY."""
        await self._holds(KUBECTL_130)

    async def test_kubectl_120(self) -> None:
        """So does Debian's kubectl 1.20."""
        await self._holds(KUBECTL_120)

    async def test_client_go_spdy(self) -> None:
        """Client-go's SPDY dialer."""
        await self._holds(CLIENT_GO_SPDY)

    async def test_client_go_websocket(self) -> None:
        """Client-go's WebSocket dialer."""
        await self._holds(CLIENT_GO_WEBSOCKET)

    async def test_client_go_fallback(self) -> None:
        """Client-go's dialer that tries both, and needs only the first."""
        await self._holds(CLIENT_GO_FALLBACK)

    async def test_python(self) -> None:
        """PyPI's client speaks channels, and reads of a closed port."""
        await self._holds(PYTHON)

    async def test_javascript(self) -> None:
        """The client of npm speaks channels, and reads of a closed port."""
        await self._holds(JAVASCRIPT)

    async def test_go_extended_connect(self) -> None:
        """Go's HTTP/2 with extended CONNECT."""
        await self._holds(GO_EXTENDED)

    async def test_go_connect(self) -> None:
        """Go's net/http with CONNECT over HTTP/2."""
        await self._holds(GO_PLAIN)

    async def test_go_http1_connect(self) -> None:
        """Go's net/http with CONNECT over HTTP/1.1."""
        await self._holds(GO_HTTP1)


class DemoTests(RealCase):
    """Each client reaches the demo pod of a gateway that was told nothing."""

    async def _page(self, client: RealClient) -> str:
        """Fetch the demo pod's page through a client, and outlive a closed port."""
        gateway, front = await self.gateway()
        forward = await client.start(self, front, "demo", [80, 81])
        page = await self.said_by("curl", "-s", f"http://{forward.address(80)}/")
        self.assertIn(PAGE, page)
        await self.refused(forward, 81)
        await forward.running.says(client.says)
        page = await self.said_by("curl", "-s", f"http://{forward.address(80)}/")
        self.assertIsNone(forward.running.status, forward.running.output)
        self.assertTrue(client.spoke(gateway, "demo"), gateway.output)
        self.nothing_is_wrong(gateway)
        return page

    async def test_kubectl_newest(self) -> None:
        """Kubectl 1.37."""
        page = await self._page(KUBECTL)
        self.assertRegex(page, r"kubectl/v1\.37\S+")
        self.assertIn("SPDY/3.1 in WebSocket, generation D", page)

    async def test_kubectl_131(self) -> None:
        """Kubectl 1.31."""
        await self._page(KUBECTL_131)

    async def test_kubectl_130(self) -> None:
        """Kubectl 1.30."""
        self.assertIn("SPDY/3.1, generation C", await self._page(KUBECTL_130))

    async def test_kubectl_120(self) -> None:
        """Kubectl 1.20."""
        page = await self._page(KUBECTL_120)
        self.assertRegex(page, r"kubectl/v1\.20\S+")
        self.assertIn("SPDY/3.1, generation C", page)

    async def test_client_go(self) -> None:
        """Client-go in its three transports."""
        clients = (CLIENT_GO_SPDY, CLIENT_GO_WEBSOCKET, CLIENT_GO_FALLBACK)
        await together(self._page(client) for client in clients)

    async def test_libraries(self) -> None:
        """The clients of Python and JavaScript."""
        await together(self._page(client) for client in (PYTHON, JAVASCRIPT))

    async def test_go(self) -> None:
        """Go's HTTP client in its three ways."""
        clients = (GO_EXTENDED, GO_PLAIN, GO_HTTP1)
        await together(self._page(client) for client in clients)


class CurlTests(RealCase):
    """Any program that knows an HTTP proxy reaches a pod without a client."""

    async def _curl(self, *words: str) -> str:
        """Run curl to its end; return what it printed."""
        return await self.said_by("curl", "--silent", "--max-time", "20", *words)

    async def test_demo_pod(self) -> None:
        """The demo pod's page comes through the gateway as a proxy."""
        gateway, front = await self.gateway()
        words = ("--proxytunnel", "--proxy", front)
        said = await self._curl(*words, "http://demo.default.pod:80/")
        self.assertIn(PAGE, said)
        self.assertRegex(said, r"your client     curl/\S+\n")
        self.assertIn("CONNECT, generation P", said)
        self.nothing_is_wrong(gateway)

    async def test_every_node(self) -> None:
        """A web server in a pod on a node of any generation answers."""
        port = await self.website()
        gateway, front = await self.all_nodes()
        version = await self.version_of("curl", "--version", r"curl (\S+)")
        for kind in NODES:
            words = ("--proxytunnel", "--proxy", front)
            url = f"http://{pod_on(kind)}.default.pod:{port}/"
            self.assertIn("Directory listing", await self._curl(*words, url))
            write_down("CONNECT, HTTP/1.1", f"curl {version}", kind)
        self.nothing_is_wrong(gateway)

    async def test_refused(self) -> None:
        """A closed port and an unknown pod are refused before the tunnel is open."""
        _, front = await self.gateway()
        shown = ("--write-out", "%{http_connect}", "--proxytunnel", "--proxy", front)
        said = await self._curl(*shown, "http://demo.default.pod:81/")
        self.assertTrue(said.endswith("502"), said)
        said = await self._curl(*shown, "http://nobody.default.pod:80/")
        self.assertTrue(said.endswith("404"), said)
        said = await self._curl(*shown, "http://elsewhere.example/")
        self.assertTrue(said.endswith("403"), said)

    async def test_tls(self) -> None:
        """The proxy may speak TLS, and so may the pod within."""
        files = Path(self.mktemp())
        files.mkdir()
        authority = Authority("the gateway's")
        cert, key = authority.server("127.0.0.1").write(files, "gateway")
        ca = authority.write(files)
        _, front = await self.gateway("--tls-cert", cert, "--tls-key", key)
        words = ("--proxytunnel", "--proxy", front, "--proxy-cacert", ca)
        said = await self._curl(*words, "http://demo.default.pod:80/")
        self.assertIn(PAGE, said)
        stranger = Authority("a stranger's").write(files, "stranger.crt")
        words = ("--proxytunnel", "--proxy", front, "--proxy-cacert", stranger)
        said = await self._curl("--show-error", *words, "http://demo.default.pod:80/")
        self.assertIn("certificate", said)

    async def test_everything_else(self) -> None:
        """Without a tunnel it is the API that answers, over both HTTPs."""
        _, front = await self.gateway()
        for words in ((), ("--http2-prior-knowledge",), ("--http2",)):
            said = await self._curl(*words, f"{front}/version")
            self.assertIn('"gitVersion"', said)
            said = await self._curl(*words, f"{front}/api/v1/namespaces/default/pods")
            self.assertIn('"demo"', said)

    async def test_upgrade_to_http2(self) -> None:
        """Nghttp goes over to HTTP/2 on a port-forward URL, as the docs have it."""
        gateway, front = await self.gateway()
        url = f"{front}/api/v1/namespaces/default/pods/demo/portforward"
        said = await self.said_by("nghttp", "--upgrade", "--verbose", url)
        self.assertIn("HTTP/1.1 101 Switching Protocols", said)
        self.assertIn("SETTINGS_ENABLE_CONNECT_PROTOCOL(0x08):1", said)
        self.assertRegex(said, r"stream_id=1\) :status: 200")
        self.assertIn('"status":"Success"', said)
        self.nothing_is_wrong(gateway)

    async def test_no_upgrade_elsewhere(self) -> None:
        """On other URLs the upgrade is not taken, and the answer comes as it would."""
        _, front = await self.gateway()
        said = await self.said_by("nghttp", "--upgrade", "--verbose", f"{front}/api")
        self.assertNotIn("101 Switching", said)
        self.assertIn("HTTP/1.1 200 OK", said)

    async def test_many_pods_over_one_connection(self) -> None:
        """One HTTP/2 connection carries tunnels to pods on all nodes at once."""
        echo = await self.pod("echo")
        gateway, front = await self.all_nodes()
        pods = [pod_on(kind) for kind in NODES for _ in range(8)]
        await deferToThread(_echo_all, front, pods, echo)
        await gateway.says(rf"over after .* {len(pods)} tunnels")
        self.nothing_is_wrong(gateway)


def _echo_all(front: str, pods: list[str], port: int) -> None:
    """Open a tunnel to each of *pods* on one connection; use all when all are open."""
    host, _, number = front.removeprefix("http://").partition(":")
    http2 = H2Connection(H2Configuration(client_side=True))
    http2.initiate_connection()
    with socket.create_connection((host, int(number)), timeout=20) as connection:
        streams = {}
        for pod in pods:
            stream = http2.get_next_available_stream_id()
            authority = f"{pod}.default.pod:{port}"
            http2.send_headers(
                stream, [(":method", "CONNECT"), (":authority", authority)]
            )
            streams[stream] = f"to {pod} on {stream}".encode()
        echoed: dict[int, bytes] = {}
        opened: set[int] = set()
        while echoed != streams:
            connection.sendall(http2.data_to_send())
            data = connection.recv(65536)
            assert data, "the gateway closed the connection"
            for event in http2.receive_data(data):
                _take(event, opened, echoed)
            if len(opened) == len(pods) and not echoed:
                for stream, words in streams.items():
                    http2.send_data(stream, words)
                echoed = dict.fromkeys(streams, b"")
        http2.close_connection()
        connection.sendall(http2.data_to_send())


def _take(event: Event, opened: set[int], echoed: dict[int, bytes]) -> None:
    """Note a tunnel that is open, or what came out of one."""
    if isinstance(event, ResponseReceived):
        assert dict(event.headers)[b":status"] == b"200", event
        opened.add(event.stream_id)
    elif isinstance(event, DataReceived):
        echoed[event.stream_id] += event.data
