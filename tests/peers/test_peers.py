"""
The peers among themselves, without a gateway: what is red here is theirs.

And what they do here is what a gateway between them is measured by.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path
from urllib.request import Request, urlopen

from twisted.internet.threads import deferToThread

from tests.certificates import Authority

from .build import require
from .running import Forward, PeerCase, Running
from .test_tunnels import sums

PATH = "/api/v1/namespaces/myns/pods/mypod/portforward"


def ask(url: str, method: str = "GET", data: bytes | None = None) -> bytes:
    """Ask an API server, and return the body of its answer."""
    with urlopen(Request(url, data=data, method=method), timeout=30) as answer:
        body = answer.read()
    assert isinstance(body, bytes)
    return body


class ClusterCase(PeerCase):
    """Tests with a stand-in API server before one kubelet."""

    timeout = 60

    async def cluster(
        self, kubelet: tuple[str, ...] = (), api: tuple[str, ...] = ()
    ) -> tuple[Running, Running, str]:
        """Run both; return the kubelet, the API server and its URL."""
        node, node_url = await self.kubelet(*kubelet)
        words = ("-kubelet", node_url, "-pod", "myns/mypod", *api)
        server, url = await self.apiserver(*words)
        return node, server, url

    async def echoes(self, forward: Forward, port: int, count: int = 5) -> None:
        """Check that connections carry bytes both ways."""
        words = ("-n", str(count), "-parallel", "5", "-bytes", "100000")
        await self.load("churn", "-addr", forward.address(port), *words)

    def kubectl(self, name: str, url: str, *arguments: str) -> Running:
        """Run one of the kubectls."""
        return self.peer(name, "--server", url, "--namespace", "myns", *arguments)


class ForwardingTests(ClusterCase):
    """Every client reaches a pod through an API server and a kubelet."""

    async def _kubectl(self, name: str, generation: str) -> None:
        """Forward with a kubectl, and see which way it went."""
        node, server, url = await self.cluster()
        echo = await self.pod("echo")
        client = self.kubectl(name, url, "port-forward", "mypod", f":{echo}")
        await self.echoes(await Forward.of(client, [echo]), echo)
        await server.says(rf"asked \w+ {PATH} {generation}")
        await node.says(r"asked spdy POST /portForward/myns/mypod\n")

    async def test_kubectl_of_debian(self) -> None:
        """Kubectl 1.20 forwards over SPDY."""
        await self._kubectl("kubectl-debian", "spdy")

    async def test_kubectl_130(self) -> None:
        """Kubectl 1.30 forwards over SPDY, unless it is told otherwise."""
        await self._kubectl("kubectl130", "spdy")

    async def test_kubectl_131(self) -> None:
        """Kubectl 1.31 forwards over SPDY in a WebSocket."""
        await self._kubectl("kubectl131", "tunnel")

    async def test_kubectl_newest(self) -> None:
        """The newest kubectl forwards over SPDY in a WebSocket."""
        await self._kubectl("kubectl", "tunnel")

    async def _channels(self, name: str) -> None:
        """Forward with a client of the channels dialect."""
        node, _, url = await self.cluster()
        size = ("-bytes", "1000000", "-seed", "7")
        echo, source = await self.pod("echo"), await self.pod("source", *size)
        forward = await self.forward(name, url + PATH, [echo, source])
        await self.echoes(forward, echo)
        said = await self.load("send-hash", "-addr", forward.address(source))
        expected = await self.load("sum", *size)
        self.assertEqual(sums(said)["received"], sums(expected)["sum"])
        await node.says(r"asked channels GET /portForward/myns/mypod\?port=\d+\n")

    async def test_python(self) -> None:
        """PyPI's client forwards over WebSocket channels."""
        await self._channels("pyclient")

    async def test_javascript(self) -> None:
        """The client of npm forwards over WebSocket channels."""
        await self._channels("nodeclient")

    async def _refused(self, name: str, *ports: str) -> None:
        """Ask for a port on which nothing listens."""
        dead = self.peer("load", "pod", "-listen", "127.0.0.1:0", "-mode", "echo")
        port = int((await dead.says(r"listening 127\.0\.0\.1:(\d+)"))[1])
        await dead.stop()
        _, _, url = await self.cluster()
        forward = await self.forward(name, url + PATH, [port])
        await self.peer("load", "send-hash", "-addr", forward.address(port)).ends()
        await forward.running.says(rf"lost {port} .*connection refused")

    async def test_python_is_told_of_a_refused_port(self) -> None:
        """What the error channel says arrives in Python."""
        await self._refused("pyclient")

    async def test_javascript_is_told_of_a_refused_port(self) -> None:
        """What the error channel says arrives in JavaScript."""
        await self._refused("nodeclient")

    async def test_connect(self) -> None:
        """Go's HTTP/2 client reaches a node service, and half-closes."""
        _, url = await self.service(
            *("spdygate-node", "--listen", "tcp:0:interface=127.0.0.1"),
            *("--pod", "myns/mypod=127.0.0.1"),
        )
        pod = await self.pod("late-answer", "-delay", "2s", "-answer", "at last")
        path = "/portForward/myns/mypod"
        forward = await self.forward("httpclient", url + path, [pod])
        words = ("-addr", forward.address(pod), "-bytes", "1000", "-half-close")
        self.assertIn("at last", await self.load("send-hash", *words))


class GenerationTests(ClusterCase):
    """A kubelet and an API server of every age."""

    async def _direct(self, generations: str, dialer: str) -> Running:
        """Forward from client-go to a kubelet of some generations."""
        node, url = await self.kubelet("-generations", generations)
        echo = await self.pod("echo")
        url += "/portForward/myns/mypod/uid"
        words = ("-dialer", dialer)
        await self.echoes(await self.forward("clientgo", url, [echo], *words), echo)
        return node

    async def test_kubelet_with_tunnel(self) -> None:
        """A kubelet of 1.36 takes SPDY out of a WebSocket itself."""
        node = await self._direct("spdy,tunnel,channels", "websocket")
        await node.says("asked tunnel GET")

    async def test_kubelet_with_tunnel_alone(self) -> None:
        """A kubelet behind a proxy that knows only WebSockets has its tunnel."""
        node = await self._direct("tunnel", "websocket")
        await node.says("asked tunnel GET")

    async def test_kubelet_without_tunnel(self) -> None:
        """A kubelet before 1.36 refuses it, and client-go falls back to SPDY."""
        node = await self._direct("spdy,channels", "fallback")
        await node.says("asked spdy POST")

    async def _status(self, url: str, *headers: str) -> str:
        """Return the status and body of an answer to an upgrade."""
        words = [word for header in headers for word in ("--header", header)]
        always = ("--header", "Connection: Upgrade", "--max-time", "5")
        shown = ("--silent", "--output", "-", "--write-out", " %{http_code}")
        curl = self.start("curl", "/usr/bin/curl", *shown, *always, *words, url)
        await curl.ends()
        return curl.output

    async def test_refusals(self) -> None:
        """What is not served is refused in the words that ladders are told by."""
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        websocket = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", key)
        tunnel = "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io"
        spdy = ("Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: portforward.k8s.io")
        _, url = await self.kubelet("-generations", "channels")
        url += "/portForward/myns/mypod"
        said = await self._status(url, *websocket, tunnel)
        self.assertEqual(said, 'query parameter "port" is required\n 400')
        said = await self._status(f"{url}?port=1", *websocket, tunnel)
        self.assertEqual(said, " 403")
        said = await self._status(url, *spdy)
        self.assertIn("unable to upgrade: missing upgrade headers", said)
        _, url = await self.kubelet("-generations", "spdy")
        said = await self._status(f"{url}/portForward/a/b?port=1", *websocket)
        self.assertIn("unable to upgrade", said)
        self.assertTrue(said.endswith(" 400"), said)

    async def test_old_api_server(self) -> None:
        """An API server before 1.30 has the newest kubectl fall back to SPDY."""
        _, server, url = await self.cluster(api=("-generations", "spdy,channels"))
        echo = await self.pod("echo")
        client = self.kubectl("kubectl", url, "port-forward", "mypod", f":{echo}")
        await self.echoes(await Forward.of(client, [echo]), echo)
        await server.says(rf"asked POST {PATH} spdy")

    async def test_credentials(self) -> None:
        """Tokens are asked for at both hops, over TLS, each its own."""
        files = Path(self.mktemp())
        files.mkdir()
        authority = Authority("the cluster's")
        cert, key = authority.server("127.0.0.1").write(files, "server")
        for name, content in (("node", "nodes"), ("user", "secret,alice")):
            (files / name).write_text(content)
        (files / "ca.pem").write_bytes(authority.pem)
        tls = ("-tls-cert", str(cert), "-tls-key", str(key))
        ca = str(files / "ca.pem")
        _, server, url = await self.cluster(
            (*tls, "-token", str(files / "node")),
            (*tls, "-token", str(files / "user"), "-kubelet-ca", ca)
            + ("-kubelet-token", str(files / "node")),
        )
        echo = await self.pod("echo")
        words = ("--certificate-authority", ca, "port-forward", "mypod", f":{echo}")
        refused = self.kubectl("kubectl", url, "--token", "wrong", *words)
        await refused.says("Unauthorized|logged in")
        client = self.kubectl("kubectl", url, "--token", "secret", *words)
        await self.echoes(await Forward.of(client, [echo]), echo)


class ObjectsTests(ClusterCase):
    """What else kubectl and informers ask of the stand-in API server."""

    async def _said(self, name: str, url: str, *arguments: str) -> str:
        """Run a kubectl to its end; return what it printed."""
        running = self.kubectl(name, url, *arguments)
        self.assertEqual(await running.ends(), 0, running.output)
        return running.output

    async def _kubectl(self, name: str) -> None:
        """Get, log and execute with a kubectl."""
        _, _, url = await self.cluster()
        self.assertIn("mypod", await self._said(name, url, "get", "pods"))
        self.assertIn("node1", await self._said(name, url, "get", "nodes"))
        self.assertIn("myns/mypod", await self._said(name, url, "logs", "mypod"))
        words = ("exec", "mypod", "--", "echo", "hello")
        self.assertIn("hello", await self._said(name, url, *words))
        words = ("exec", "mypod", "--", "yes", "1000000")
        self.assertEqual(len(await self._said(name, url, *words)), 1_000_000)
        failing = self.kubectl(name, url, "exec", "mypod", "--", "exit", "3")
        self.assertEqual(await failing.ends(), 3)

    async def test_kubectl_of_debian(self) -> None:
        """Kubectl 1.20 executes over SPDY."""
        await self._kubectl("kubectl-debian")

    async def test_kubectl_newest(self) -> None:
        """The newest kubectl executes over a WebSocket."""
        await self._kubectl("kubectl")

    async def test_logs_follow(self) -> None:
        """Lines arrive as they are written, until the log is over."""
        _, _, url = await self.cluster()
        running = self.kubectl("kubectl", url, "logs", "-f", "mypod")
        await running.says("the log of")
        log = f"{url}/-/log?name=myns/mypod"
        await deferToThread(ask, log, "POST", b"one more line\n")
        await running.says("one more line")
        await deferToThread(ask, log, "DELETE")
        self.assertEqual(await running.ends(), 0)

    async def test_watch(self) -> None:
        """Pods that come and go are told to who watches; old revisions are gone."""
        _, _, url = await self.cluster()
        words = ("--silent", "--no-buffer", f"{url}/api/v1/pods?watch=1")
        curl = self.start("curl", "/usr/bin/curl", *words)
        await curl.says('"ADDED".*"mypod"')
        pod = f"{url}/-/pods?name=myns/other"
        await deferToThread(ask, pod, "POST")
        await curl.says('"ADDED".*"other"')
        await deferToThread(ask, pod, "DELETE")
        await curl.says('"DELETED".*"other"')
        await deferToThread(ask, f"{url}/-/compact", "POST")
        await curl.says('"ERROR".*"code":410')
        self.assertEqual(await curl.ends(), 0)

    async def test_pages(self) -> None:
        """A list is had in pages."""
        _, _, url = await self.cluster()
        await deferToThread(ask, f"{url}/-/pods?name=myns/other", "POST")
        pods, names = f"{url}/api/v1/pods?limit=1", []
        token = ""
        for _ in range(2):
            page = json.loads(await deferToThread(ask, f"{pods}&continue={token}"))
            names += [item["metadata"]["name"] for item in page["items"]]
            token = page["metadata"].get("continue", "")
        self.assertEqual((names, token), (["mypod", "other"], ""))

    async def test_upload(self) -> None:
        """A large body arrives whole after its 100 Continue."""
        _, _, url = await self.cluster()
        source = require("load")
        words = ("--silent", "--header", "Expect: 100-continue", "--verbose")
        upload = ("--upload-file", source, f"{url}/test/upload")
        curl = self.start("curl", "/usr/bin/curl", *words, *upload)
        self.assertEqual(await curl.ends(), 0)
        self.assertIn("HTTP/1.1 100 Continue", curl.output)
        self.assertIn(f'"bytes":{Path(source).stat().st_size}', curl.output)


class BetweenTests(ClusterCase):
    """What else may stand between, or behind."""

    async def test_containerd(self) -> None:
        """Debian's containerd runs a pod, and client-go reaches its ports."""
        node, url = await self.containerd()
        await node.says("runtime containerd")
        echo = await self.pod("echo")
        url += "/portForward/myns/mypod"
        forward = await self.forward("clientgo", url, [echo])
        await self.echoes(forward, echo)
        node.send(signal.SIGUSR1)
        await node.says("removed")
        await self.peer("load", "send-hash", "-addr", forward.address(echo)).ends()
        await forward.running.says("failed to find sandbox")

    async def test_haproxy(self) -> None:
        """HAProxy passes tunnels on from HTTP/2 to HTTP/2, half-closes too."""
        _, url = await self.service(
            *("spdygate-node", "--listen", "tcp:0:interface=127.0.0.1"),
            *("--pod", "myns/mypod=127.0.0.1"),
        )
        _, url = await self.haproxy(url)
        pod = await self.pod("late-answer", "-delay", "2s", "-answer", "at last")
        url += "/portForward/myns/mypod"
        forward = await self.forward("httpclient", url, [pod])
        words = ("-addr", forward.address(pod), "-bytes", "1000", "-half-close")
        self.assertIn("at last", await self.load("send-hash", *words))
