"""
Unmodified kubectls, old and new, against the embedded default.

This is the README's first command, followed by what a new user types next.
"""

from __future__ import annotations

import urllib.request

from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread

from .build import require
from .running import Forward, PeerCase, Running


def _get(url: str) -> str:
    """Fetch a page, as curl would."""
    request = urllib.request.Request(url, headers={"User-Agent": "curl/8"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode())


class KubectlTests(PeerCase):
    """What every kubectl does, it does here with no kubeconfig at all."""

    def _kubectl(self, which: str, url: str, *words: str) -> Running:
        """Run one of the kubectls."""
        return self.start(which, require(which), "--server", url, *words)

    async def _forwards(self, which: str, what: str) -> str:
        """Forward the demo pod's page; return it."""
        _, url = await self.gateway()
        words = ("port-forward", what, "0:80")
        running = self._kubectl(which, url, *words)
        forward = await Forward.of(running, [80])
        page: str = await deferToThread(_get, f"http://{forward.address(80)}/")
        return page

    async def test_newest_kubectl(self) -> None:
        """The newest kubectl reaches the demo page, over SPDY in a WebSocket."""
        page = await self._forwards("kubectl", "pod/demo")
        self.assertIn("port 80 of the pod default/demo", page)
        self.assertIn("SPDY/3.1 in WebSocket, generation D", page)

    async def test_kubectl_of_debian(self) -> None:
        """So does kubectl 1.20."""
        page = await self._forwards("kubectl-debian", "pod/demo")
        self.assertIn("kubectl/v1.20", page)

    async def test_service(self) -> None:
        """A service leads to its pod."""
        for which in ("kubectl", "kubectl-debian"):
            page = await self._forwards(which, "service/demo")
            self.assertIn("port 80 of the pod default/demo", page)

    async def test_get(self) -> None:
        """What is there can be looked at."""
        _, url = await self.gateway("--pod", "shop/web=127.0.0.1")
        for which in ("kubectl", "kubectl-debian"):
            running = self._kubectl(which, url, "get", "pods,nodes,services", "-A")
            self.assertEqual(await running.ends(), 0, running.output)
            self.assertRegex(running.output, r"shop +pod/web +1/1 +Running")

    async def test_no_such_pod(self) -> None:
        """A pod that is not there is named."""
        _, url = await self.gateway()
        running = self._kubectl("kubectl", url, "port-forward", "pod/nobody", "0:80")
        self.assertEqual(await running.ends(), 1)
        self.assertIn('"nobody" not found', running.output)

    async def test_two_sessions_with_many_ports(self) -> None:
        """Two kubectls with ten ports each do not get into each other's way."""
        ports = [await self.pod("echo") for _ in range(10)]
        _, url = await self.gateway("--pod", "shop/web=127.0.0.1")
        words = ("-n", "shop", "port-forward", "pod/web", *(f"0:{p}" for p in ports))
        running = [
            self._kubectl(which, url, *words) for which in ("kubectl", "kubectl-debian")
        ]
        forwards = [await Forward.of(one, ports) for one in running]
        loads = [
            self.peer(
                "load",
                *("churn", "-addr", forward.address(port)),
                *("-n", "20", "-parallel", "5", "-bytes", "10000"),
            )
            for forward in forwards
            for port in ports
        ]
        statuses = await gatherResults([load.ends() for load in loads])
        self.assertEqual(statuses, [0] * len(loads))
        self.assertEqual([one.status for one in running], [None, None])
