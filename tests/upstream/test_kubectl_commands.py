"""
The cases of ``kubectl port-forward``: which port of which pod is meant.

They are in ``pkg/cmd/portforward/portforward_test.go`` (k8s.io/kubectl).  What
kubectl makes of its arguments it makes of objects that it has from the API, so
here it has them through the gateway; what it makes it says when it cannot
listen, and on an address that nobody has (RFC 5737) it never can.

``TestPortForward`` has its rows in README.rst.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from twisted.internet.defer import gatherResults
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from tests.peers.build import require
from tests.peers.running import Running
from tests.upstream.cases import UpstreamCase
from tests.upstream.kubectlcases import DATAGRAMS, PODS, SERVICES, Case, Json

#: How many kubectls run at the same time.
TOGETHER = 4

NOWHERE = "192.0.2.1"


class Api(Resource):
    """An API server that has a few objects, and no list of all pods."""

    isLeaf = True

    def __init__(self, objects: dict[str, Json]) -> None:
        super().__init__()
        known = [("pods", "Pod"), ("services", "Service")]
        kinds = [
            {"name": name, "kind": kind, "namespaced": True, "verbs": ["get", "list"]}
            for name, kind in known
        ]
        resources = {"kind": "APIResourceList", "groupVersion": "v1"}
        self._objects: dict[str, Json] = {
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
            "/api/v1": {**resources, "resources": kinds},
            **objects,
        }

    def render_GET(self, request: Request) -> bytes:
        """Return an object; twisted.web calls this name."""
        request.setHeader("Content-Type", "application/json")
        found = self._objects.get(request.path.decode())
        if found is None:
            request.setResponseCode(403)
            found = {"kind": "Status", "apiVersion": "v1", "code": 403}
        return json.dumps(found).encode()


class PortForwardCommandTests(UpstreamCase):
    """Arguments, and objects that come through the gateway."""

    async def _hold(self, cases: Sequence[Case]) -> None:
        """Run a kubectl for each case, and compare what it says."""
        spaces = {f"case-{index}": case for index, case in enumerate(cases)}
        objects: dict[str, Json] = {}
        declared: list[str] = []
        for namespace, case in spaces.items():
            objects |= case.objects(namespace)
            declared += ["--pod", f"{namespace}/web@n1"]
        site = Site(Api(objects))
        self.addCleanup(site.stopFactory)
        api = f"http://127.0.0.1:{await self.listen(site)}"
        # Nobody connects to a port, so the node is not asked for anything.
        node = ("--node", "n1=http://127.0.0.1:1,generation=spdy")
        _, url = await self.gateway("--api-server", api, *node, *declared)
        todo = list(spaces.items())
        while todo:
            batch, todo = todo[:TOGETHER], todo[TOGETHER:]
            started = [(case, self._start(url, space, case)) for space, case in batch]
            await gatherResults([running.ends() for _, running in started])
            for case, running in started:
                self._compare(case, running)

    def _start(self, url: str, namespace: str, case: Case) -> Running:
        """Run the kubectl of one case."""
        what = "service/web" if case.service else "pod/web"
        words = ("-n", namespace, "port-forward", "--address", NOWHERE, what)
        return self.kubectl("kubectl", url, *words, *case.ports)

    def _compare(self, case: Case, running: Running) -> None:
        """Compare what a kubectl has said."""
        expected = case.means
        if expected.startswith("{"):
            expected = f"unable to listen on any of the requested ports: [{expected}]"
        self.assertIn(expected, running.output, case.name)

    async def test_translate_service_port_to_target_port(self) -> None:
        """portforward_test.go, TestTranslateServicePortToTargetPort: all 15 cases."""
        await self._hold(SERVICES)

    async def test_convert_pod_named_port_to_number(self) -> None:
        """portforward_test.go, TestConvertPodNamedPortToNumber: all 9 cases."""
        await self._hold(PODS)

    async def test_check_udp_port(self) -> None:
        """portforward_test.go, TestCheckUDPPort: all 8 cases, TCP and UDP at once."""
        await self._hold(DATAGRAMS)

    async def test_create_dialer(self) -> None:
        """
        portforward_test.go, TestCreateDialer: with and without WebSockets, as the
        environment says, the same gateway serves.
        """
        echo = await self.pod("echo")
        gateway, url = await self.cluster("spdy")
        for value, spoken in (
            ("", "SPDY/3.1 in WebSocket"),
            ("true", "SPDY/3.1 in WebSocket"),
            ("false", "SPDY/3.1 generation C"),
        ):
            setting = f"KUBECTL_PORT_FORWARD_WEBSOCKETS={value}"
            kubectl = ("/usr/bin/env", setting, require("kubectl"), "--server", url)
            said = gateway.says(rf"session \S+: .*{spoken}", again=True)
            running = self.start("kubectl", *kubectl, "port-forward", "web", f":{echo}")
            await running.says("Forwarding from 127.0.0.1")
            await running.stop()
            await said
