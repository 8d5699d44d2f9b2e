"""Where port-forward goes when an API server says which pod is on which node."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import yaml

from .apicases import KNOWN, POD, ApiCase, Wire, fetch
from .running import Forward, Running

PORT_FORWARD = f"{POD}/portforward"

#: What a client of generation A asks of the node that it was told.
EARLY = "/api/v1beta1/proxy/minions/{node}/portForward/default/web{uid}"

#: A node's URL that has its address from the API server.
TEMPLATE = "*=http://{{address}}:{port}"


def _port(url: str) -> str:
    """Return the port of a URL."""
    return url.rsplit(":", 1)[1]


class RoutingCase(ApiCase):
    """Tests with kubelets behind an API server."""

    async def cluster(self, *arguments: str) -> tuple[Running, str, str]:
        """Run a kubelet, and an API server whose node1 it is; return both's URLs."""
        kubelet, node = await self.kubelet()
        _, api = await self.api("-kubelet", node, *arguments)
        return kubelet, node, api

    async def asks(self, front: str, target: str) -> tuple[int, str]:
        """Ask for an upgrade to SPDY; return the answer's status and body."""
        with Wire(front) as wire:
            upgrade = ("Connection: Upgrade", "Upgrade: SPDY/3.1")
            wire.say(f"POST {target} HTTP/1.1", "Host: a", *upgrade)
            status, headers = await self.aside(wire.head)
            count = int(headers.get("content-length", "0"))
            return status, (await self.aside(wire.take, count)).decode()

    async def refused(self, front: str, target: str, status: int, words: str) -> None:
        """Check that a port-forward is refused before its upgrade, and why."""
        said = await self.asks(front, target)
        self.assertEqual(said[0], status, said)
        self.assertRegex(said[1], words)

    async def eventually(self, front: str, target: str, status: int) -> None:
        """Ask again until the answer has that status, which it has soon."""

        async def answered() -> bool:
            return (await self.asks(front, target))[0] == status

        await self.soon(answered)


class ThroughTests(RoutingCase):
    """Without a node's URL the API server is asked, in what it speaks."""

    async def _through(self, generation: str, offered: str) -> None:
        """Forward through an API server of one generation with three clients."""
        kubelet, node = await self.kubelet()
        words = ("-kubelet", node, "-generations", offered)
        server, api = await self.api(*words)
        gateway, front = await self.front(api)
        echo = await self.pod("echo")
        for which in ("kubectl", "kubectl-debian"):
            await self.forwards(which, front, echo)
        await server.says(rf"asked \w+ {PORT_FORWARD}\S* {generation}\n")
        await gateway.says(rf"API server \({api}\): generation {generation}\n")
        self.assertEqual(gateway.output.count(": generation "), 1)
        self.nothing_is_wrong(gateway)

    async def test_spdy(self) -> None:
        """An API server before 1.30 speaks SPDY."""
        await self._through("spdy", "spdy")

    async def test_tunnel(self) -> None:
        """One of today speaks SPDY in WebSocket as well, and that is used."""
        await self._through("tunnel", "tunnel,channels")

    async def test_channels(self) -> None:
        """One behind what passes WebSockets only is spoken to in channels."""
        await self._through("channels", "channels")

    async def test_over_tls(self) -> None:
        """An API server has TLS, and clients have names there: they keep them."""
        ca, certificate, key = self.tls()
        tokens = self.written("ours,gateway\ntheirs,jane\n")
        tls = ("-tls-cert", certificate, "-tls-key", key, "-token", tokens)
        _, _, api = await self.cluster(*tls)
        options = ("--api-ca", ca, "--api-token-file", self.written("ours\n"))
        secured = ("--tls-cert", certificate, "--tls-key", key)
        gateway, front = await self.front(api, *options, *secured)
        echo = await self.pod("echo")
        # A kubectl shows its token over TLS only.
        jane = ("--certificate-authority", ca, "--token", "theirs")
        words = ("port-forward", "pod/web", f"0:{echo}")
        running = self.kubectl("kubectl", front, *jane, *words)
        await self.echoes(await Forward.of(running, [echo]), echo)
        self.nothing_is_wrong(gateway)

    async def test_old_client(self) -> None:
        """A client of 2015 reaches a pod through an API server of today."""
        _, _, api = await self.cluster()
        gateway, front = await self.front(api)
        echo = await self.pod("echo")
        url = front + EARLY.format(node="node1", uid="")
        forward = await self.forward("client2015", url, [echo])
        await self.echoes(forward, echo)
        await gateway.says("generation A")
        self.nothing_is_wrong(gateway)


class NodeTests(RoutingCase):
    """A pod's node is known, and reached directly if it has a URL."""

    async def test_own_url(self) -> None:
        """A node with a URL of its own is asked itself, and no API server."""
        kubelet, node, api = await self.cluster()
        gateway, front = await self.front(api, "--node", f"node1={node}")
        echo = await self.pod("echo")
        await self.forwards("kubectl", front, echo)
        await kubelet.says(r"asked spdy POST /portForward/default/web")
        await gateway.says(r"node node1 \S+: generation spdy\n")
        self.assertEqual(await self.asked(api, PORT_FORWARD), [])

    async def test_address(self) -> None:
        """A template reaches each node at the address that the API server has."""
        kubelet, node, api = await self.cluster()
        other, far = await self.kubelet()
        await self.tell(api, f"nodes?name=node2&url={far}")
        template = TEMPLATE.format(port=_port(node))
        gateway, front = await self.front(api, "--node", template)
        echo = await self.pod("echo")
        await self.forwards("kubectl", front, echo)
        await kubelet.says(r"asked spdy POST /portForward/default/web")
        await gateway.says(r"node node1 \S+: generation spdy\n")
        self.assertEqual(await self.asked(api, PORT_FORWARD), [])

    async def test_two_nodes(self) -> None:
        """Each pod is looked for on its own node."""
        first, one, api = await self.cluster("-pod", "default/db=node2")
        second, two = await self.kubelet()
        nodes = ("--node", f"node1={one}", "--node", f"node2={two}")
        _, front = await self.front(api, *nodes)
        echo = await self.pod("echo")
        for pod, node in (("web", first), ("db", second)):
            await self.forwards("kubectl-debian", front, echo, pod)
            await node.says(f"asked spdy POST /portForward/default/{pod}")
        self.assertNotIn("default/db", first.output)
        self.assertNotIn("default/web", second.output)

    async def test_wrong_node(self) -> None:
        """A URL that names another node than the pod's own is refused."""
        kubelet, node, api = await self.cluster()
        nodes = ("--node", f"node1={node}", "--node", f"node2={node}")
        _, front = await self.front(api, *nodes)
        for wrong in ("node2", "nowhere", "127.0.0.1"):
            target = EARLY.format(node=wrong, uid="")
            await self.refused(front, target, 404, f"is on node node1, not on {wrong}")
        self.assertNotIn("asked", kubelet.output)

    async def test_uid(self) -> None:
        """A URL with a uid is for the pod with that uid."""
        _, node, api = await self.cluster()
        await self.tell(api, "pods?name=default/web&uid=0000-1111")
        _, front = await self.front(api, "--node", f"node1={node}")
        right = EARLY.format(node="node1", uid="/0000-1111")
        self.assertEqual((await self.asks(front, right))[0], 101)
        wrong = EARLY.format(node="node1", uid="/0000-2222")
        await self.refused(front, wrong, 404, "none has uid 0000-2222 now")


class ChangeTests(RoutingCase):
    """What the API server knows changes, and so does what is known here."""

    async def test_phases(self) -> None:
        """A pod that does not run is refused in kubectl's own words."""
        _, node, api = await self.cluster()
        await self.tell(api, "pods?name=default/web&phase=Pending")
        _, front = await self.front(api, "--node", f"node1={node}")
        said = "unable to forward port because pod is not running. Current status="
        await self.refused(front, PORT_FORWARD, 400, said + "Pending")
        await self.tell(api, "pods?name=default/web&phase=Running")
        await self.eventually(front, PORT_FORWARD, 101)
        await self.tell(api, "pods?name=default/web&phase=Succeeded")
        await self.eventually(front, PORT_FORWARD, 502)
        await self.refused(front, PORT_FORWARD, 502, said + "Succeeded")

    async def test_new_pod(self) -> None:
        """A pod that comes later is known, and one that goes is forgotten."""
        kubelet, node, api = await self.cluster()
        _, front = await self.front(api, "--node", f"node1={node}")
        echo = await self.pod("echo")
        await self.tell(api, "pods?name=default/late")
        early = EARLY.format(node="node1", uid="").replace("web", "late")
        await self.eventually(front, early, 101)
        await self.forwards("kubectl", front, echo, "late")
        await kubelet.says("asked spdy POST /portForward/default/late")
        await self.tell(api, "pods?name=default/late", "DELETE")
        await self.eventually(front, early, 404)
        running = self.kubectl("kubectl", front, "port-forward", "pod/late", "0:80")
        self.assertEqual(await running.ends(), 1)
        self.assertIn('pods "late" not found', running.output)

    async def test_moved(self) -> None:
        """A pod that is made anew on another node is looked for there."""
        _, one, api = await self.cluster()
        second, two = await self.kubelet()
        nodes = ("--node", f"node1={one}", "--node", f"node2={two}")
        _, front = await self.front(api, *nodes)
        await self.tell(api, "pods?name=default/web", "DELETE")
        await self.tell(api, "pods?name=default/web&node=node2")
        early = EARLY.format(node="node2", uid="")
        await self.eventually(front, early, 101)
        await self.forwards("kubectl", front, await self.pod("echo"))
        await second.says("asked spdy POST /portForward/default/web")

    async def test_compacted(self) -> None:
        """Watches that are cut, or told 410, are begun again, from a new list."""
        _, node, api = await self.cluster()
        _, front = await self.front(api, "--node", f"node1={node}")
        await self.tell(api, "compact")
        await self.tell(api, "cut")
        await self.tell(api, "pods?name=default/web&phase=Failed")
        await self.eventually(front, PORT_FORWARD, 502)
        self.assertGreater(len(await self.asked(api, "/api/v1/pods")), 2)

    async def test_restarted(self) -> None:
        """An API server that was away is found again, and its clients go on."""
        _, node = await self.kubelet()
        server, api = await self.api("-kubelet", node)
        gateway, front = await self.front(api)
        echo = await self.pod("echo")
        await self.forwards("kubectl", front, echo)
        await server.stop()
        await gateway.says("it is tried again")
        status, _ = await self.aside(fetch, front, POD)
        self.assertIn(status, (502, 503))
        again = gateway.says("pods and nodes known again: 1 pod, 1 node")
        await self.api("-kubelet", node, "-listen", f"127.0.0.1:{_port(api)}")
        await self.forwards("kubectl-debian", front, echo)
        await again
        self.nothing_is_wrong(gateway)


class SettingTests(RoutingCase):
    """How an operator says which API server it is, and who we are there."""

    async def test_token_file(self) -> None:
        """A token that changes in its file is used from then on."""
        tokens = self.written("first,gateway\n")
        ours = self.written("first\n")
        _, _, api = await self.cluster("-token", tokens)
        await self.front(api, "--api-token-file", ours)
        (*_, last) = await self.asked(api, "/api/v1/pods")
        self.assertEqual(last["user"], "gateway")
        Path(tokens).write_text("second,renewed\n")
        Path(ours + ".new").write_text("second\n")
        os.rename(ours + ".new", ours)
        await self.tell(api, "cut")

        async def renewed() -> bool:
            seen = await self.asked(api, "/api/v1/pods")
            return bool(seen[-1]["user"] == "renewed")

        await self.soon(renewed)

    def _kubeconfig(self, api: str, ca: str, token: str) -> str:
        """Write a kubeconfig with two contexts, the current one leading nowhere."""
        clusters = {
            "here": {"server": api, "certificate-authority": ca},
            "nowhere": {"server": "https://127.0.0.1:1"},
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "nowhere",
            "clusters": [{"name": n, "cluster": c} for n, c in clusters.items()],
            "users": [{"name": "us", "user": {"token": token}}],
            "contexts": [
                {"name": name, "context": {"cluster": name, "user": "us"}}
                for name in clusters
            ],
        }
        return self.written(yaml.safe_dump(config))

    async def _secured(self) -> tuple[str, str]:
        """Run an API server with TLS and tokens; return its URL and a kubeconfig."""
        ca, certificate, key = self.tls()
        tokens = self.written("ours,gateway\n")
        tls = ("-tls-cert", certificate, "-tls-key", key, "-token", tokens)
        _, _, api = await self.cluster(*tls)
        return api, self._kubeconfig(api, os.path.abspath(ca), "ours")

    async def test_kubeconfig(self) -> None:
        """A context of a kubeconfig says all, if the file is named."""
        api, config = await self._secured()
        words = ("--kubeconfig", config, "--context", "here")
        gateway, front = await self.gateway(*words)
        await gateway.says(KNOWN)
        status, _ = await self.aside(fetch, front, POD)
        self.assertEqual(status, 401)
        show = {"Authorization": "Bearer ours"}
        status, _ = await self.aside(fetch, front, POD, "GET", None, show)
        self.assertEqual(status, 200)

    async def test_no_other_kubeconfig(self) -> None:
        """One that lies in $KUBECONFIG or in $HOME is not read."""
        _, config = await self._secured()
        text = Path(config).read_text().replace("context: nowhere", "context: here")
        home = self.mktemp()
        os.makedirs(f"{home}/.kube")
        for path in (f"{home}/.kube/config", config):
            Path(path).write_text(text)
        run = "from twisted.scripts.twistd import run; run()"
        gateway = self.start(
            *("spdygate", "/usr/bin/env", f"KUBECONFIG={config}"),
            *(sys.executable, "-c", run, "-n", "--pidfile=", "spdygate"),
            *("--verbose", "--listen", "tcp:0:interface=127.0.0.1"),
            home=os.path.abspath(home),
        )
        front = (await gateway.says(r"listening on (http://\S+)"))[1]
        said = await self.said("kubectl", front, "get", "pods")
        self.assertRegex(said, r"demo +1/1")
        self.assertNotIn("web", said)
        self.assertNotIn("API server", gateway.output)
