"""Tests for :mod:`spdygate.gateway.kubeapi`, asked as kubectl asks."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from spdygate.gateway.kubeapi import Answer, KubeApi
from spdygate.gateway.kubeobjects import Pod

#: The Accept headers of kubectl, captured: of ``get``, of 1.20 otherwise, of
#: its typed clients, and of discovery since 1.27.
TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,"
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)
JSON = "application/json, */*"
PROTOBUF = "application/vnd.kubernetes.protobuf,application/json"
DISCOVERY = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)

STARTED = 1_430_697_600.0

API = KubeApi(
    [
        Pod("default", "demo", "n1", (("http", 80), ("echo", 7))),
        Pod("myns", "mypod", "node123.openshift.com"),
    ],
    "0.1.dev0+local_1",
    STARTED,
)


def ask(target: str, accept: str = JSON, method: str = "GET") -> Answer:
    """Ask, five minutes after the start."""
    return API.answer(method, target.encode(), accept, STARTED + 300)


def get(target: str, accept: str = JSON) -> dict[str, Any]:
    """Ask for what must be there."""
    answer = ask(target, accept)
    assert answer.status == 200, answer
    found: dict[str, Any] = json.loads(answer.body)
    return found


def names(found: dict[str, Any]) -> list[str]:
    """Return the names of the objects in a list."""
    return [item["metadata"]["name"] for item in found["items"]]


class DiscoveryTests(SynchronousTestCase):
    """What every client asks first."""

    def test_version(self) -> None:
        """The version is one that a Kubernetes client can read."""
        version = get("/version?timeout=32s")
        self.assertEqual((version["major"], version["minor"]), ("1", "30"))
        # Semantic versions allow no "_" and no second "+".
        self.assertEqual(version["gitVersion"], "v1.30.0+spdygate-0.1.dev0-local-1")

    def test_kubectl_1_20(self) -> None:
        """Older kubectl gets plain discovery: the core group in v1, no other."""
        self.assertEqual(get("/api?timeout=32s")["versions"], ["v1"])
        self.assertEqual(get("/apis?timeout=32s")["groups"], [])
        self.assertEqual(get("/api/v1?timeout=32s")["kind"], "APIResourceList")

    def test_kubectl_since_1_27(self) -> None:
        """Newer kubectl gets all in one piece, in a type that says so."""
        for target, groups in (("/api?timeout=32s", 1), ("/apis?timeout=32s", 0)):
            answer = ask(target, DISCOVERY)
            self.assertEqual(
                answer.content_type,
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
            )
            self.assertEqual(len(json.loads(answer.body)["items"]), groups)

    def test_clients_of_2015(self) -> None:
        """Who sends no Accept is told of the versions of 2015 too."""
        self.assertEqual(
            get("/api", "")["versions"], ["v1", "v1beta3", "v1beta2", "v1beta1"]
        )

    def test_root(self) -> None:
        """The root says where to go on."""
        for path in get("/")["paths"]:
            self.assertEqual(ask(path).status, 200)


class ObjectTests(SynchronousTestCase):
    """Objects of v1."""

    def test_get(self) -> None:
        """An object is got by its name, whatever JSON stands beside in Accept."""
        for accept in ("", JSON, PROTOBUF, "*/*"):
            answer = ask("/api/v1/namespaces/default/pods/demo", accept)
            self.assertEqual(answer.content_type, "application/json")
            self.assertEqual(json.loads(answer.body)["status"]["phase"], "Running")
        self.assertEqual(get("/api/v1/nodes/n1")["kind"], "Node")
        self.assertEqual(get("/api/v1/namespaces/myns")["kind"], "Namespace")
        for plural, kind in (("services", "Service"), ("endpoints", "Endpoints")):
            found = get(f"/api/v1/namespaces/default/{plural}/demo")
            self.assertEqual(found["kind"], kind)

    def test_list(self) -> None:
        """Objects are listed in one namespace and in all."""
        everywhere = get("/api/v1/pods?limit=500")
        self.assertEqual(everywhere["kind"], "PodList")
        self.assertEqual(names(everywhere), ["demo", "mypod"])
        self.assertEqual(names(get("/api/v1/namespaces/myns/pods")), ["mypod"])
        self.assertEqual(names(get("/api/v1/namespaces/nobody/pods")), [])
        self.assertEqual(names(get("/api/v1/namespaces")), ["default", "myns"])
        self.assertEqual(names(get("/api/v1/nodes")), ["n1", "node123.openshift.com"])

    def test_the_way_of_a_service(self) -> None:
        """``port-forward svc/demo`` finds the pod by the service's selector."""
        service = get("/api/v1/namespaces/default/services/demo")
        [(name, value)] = service["spec"]["selector"].items()
        found = get(
            f"/api/v1/namespaces/default/pods?labelSelector={name}%3D{value}", PROTOBUF
        )
        self.assertEqual(names(found), ["demo"])

    def test_fields(self) -> None:
        """Lists obey field selectors."""
        for selector, found in (
            ("metadata.name%3Dmypod", ["mypod"]),
            ("spec.nodeName%3Dn1%2Cstatus.phase%21%3DSucceeded", ["demo"]),
        ):
            self.assertEqual(
                names(get(f"/api/v1/pods?fieldSelector={selector}")), found
            )

    def test_table(self) -> None:
        """``kubectl get`` gets a Table, of a list and of one object."""
        for target in ("pods?limit=500", "pods/demo"):
            found = get(f"/api/v1/namespaces/default/{target}", TABLE)
            self.assertEqual(found["kind"], "Table")
            self.assertEqual(found["apiVersion"], "meta.k8s.io/v1")
            [row] = found["rows"]
            self.assertEqual(row["cells"][:5], ["demo", "1/1", "Running", 0, "5m"])
        found = get("/api/v1/pods?includeObject=Object", TABLE)
        self.assertEqual(found["rows"][0]["object"]["kind"], "Pod")

    def test_watch(self) -> None:
        """A watch tells what there is to who has not seen it, and ends."""
        watch = "/api/v1/namespaces/default/pods?watch=true&resourceVersion="
        [event] = map(json.loads, ask(watch + "0").body.splitlines())
        self.assertEqual(event["type"], "ADDED")
        self.assertEqual(event["object"]["metadata"]["name"], "demo")
        [event] = map(json.loads, ask(watch + "0", TABLE).body.splitlines())
        self.assertEqual(event["object"]["kind"], "Table")
        seen = get("/api/v1/pods")["metadata"]["resourceVersion"]
        self.assertEqual(ask(watch + seen), Answer(200, "application/json", b""))

    def test_watch_instead_of_list(self) -> None:
        """Who wants a watch to begin with a list is sent to list: kubectl 1.37."""
        answer = ask("/api/v1/pods?watch=true&sendInitialEvents=true")
        self.assertEqual(answer.status, 422)

    def test_head(self) -> None:
        """HEAD is answered as GET is."""
        target = "/api/v1/namespaces/default/pods/demo"
        self.assertEqual(ask(target, method="HEAD"), ask(target))


class EarlyTests(SynchronousTestCase):
    """What kubectl of 2015 asks before it forwards."""

    def test_v1beta1(self) -> None:
        """A pod of v1beta1 is found by name and namespace parameter."""
        for version in ("v1beta1", "v1beta2"):
            pod = get(f"/api/{version}/pods/mypod?namespace=myns", "")
            self.assertEqual(pod["currentState"]["status"], "Running")
            self.assertEqual(pod["currentState"]["host"], "node123.openshift.com")
        self.assertEqual(get("/api/v1beta1/pods/demo", "")["id"], "demo")

    def test_v1beta3(self) -> None:
        """A pod of v1beta3 is found by way of its namespace."""
        pod = get("/api/v1beta3/namespaces/myns/pods/mypod", "")
        self.assertEqual(pod["status"]["phase"], "Running")
        self.assertEqual(pod["spec"]["host"], "node123.openshift.com")

    def test_lists(self) -> None:
        """Pods are listed in each version's own shape."""
        for target in (
            "/api/v1beta1/pods?namespace=myns",
            "/api/v1beta3/namespaces/myns/pods",
        ):
            found = get(target, "")
            self.assertEqual(found["kind"], "PodList")
            [pod] = found["items"]
            self.assertEqual(pod["apiVersion"], found["apiVersion"])

    def test_elsewhere(self) -> None:
        """A pod of another namespace is not found."""
        for target in (
            "/api/v1beta1/pods/mypod",
            "/api/v1beta3/namespaces/default/pods/mypod",
            "/api/v1beta3/pods/mypod",
            "/api/v1beta1/namespaces/myns/pods/mypod",
        ):
            self.assertEqual(ask(target, "").status, 404)


class RefusalTests(SynchronousTestCase):
    """What is not answered."""

    def refusal(self, answer: Answer) -> str:
        """Check the shape of a Status and return its message."""
        self.assertEqual(answer.content_type, "application/json")
        status = json.loads(answer.body)
        self.assertEqual((status["kind"], status["apiVersion"]), ("Status", "v1"))
        self.assertEqual(status["status"], "Failure")
        self.assertEqual(status["code"], answer.status)
        message: str = status["message"]
        return message

    def test_no_such_object(self) -> None:
        """A name that is not there is said in Kubernetes' own words."""
        answer = ask("/api/v1/namespaces/default/pods/nope", TABLE)
        self.assertEqual(answer.status, 404)
        self.assertEqual(self.refusal(answer), 'pods "nope" not found')
        self.assertEqual(json.loads(answer.body)["reason"], "NotFound")

    def test_not_part_of_this(self) -> None:
        """All else is a 404 that says what this API is."""
        for target in (
            "/apis/apps/v1/namespaces/default/deployments",
            "/api/v1/secrets",
            "/api/v1/pods/demo",
            "/api/v1/namespaces/default/nodes",
            "/api/v1/namespaces/default/nodes/n1",
            "/api/v1/namespaces/default/pods/demo/log",
            "/api/v2",
            "/api/v1beta1",
            "/openapi/v3",
            "/version/x",
            "/api/v1/%70ods",
        ):
            answer = ask(target)
            self.assertEqual(answer.status, 404, target)
            message = self.refusal(answer)
            self.assertIn("spdygate answers only a read-only part", message)
            self.assertIn(target, message)

    def test_read_only(self) -> None:
        """Every method that could change anything is refused."""
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get"):
            answer = ask("/api/v1/namespaces/default/pods/demo", method=method)
            self.assertEqual(answer.status, 405)
            self.assertIn("read-only", self.refusal(answer))

    def test_unreadable(self) -> None:
        """A bad selector is a 400, and never a list of everything."""
        for query in ("labelSelector=%3D", "fieldSelector=x%3D1"):
            answer = ask(f"/api/v1/pods?{query}")
            self.assertEqual(answer.status, 400)
            self.refusal(answer)

    def test_not_in_json(self) -> None:
        """Who takes no JSON is told that there is nothing else."""
        self.assertEqual(ask("/version", "application/yaml").status, 406)

    @given(
        st.sampled_from(["GET", "HEAD", "POST"]),
        st.lists(
            st.sampled_from(
                ["api", "apis", "v1", "v1beta1", "v1beta3", "namespaces", "default"]
                + ["pods", "nodes", "demo", "version", "", "%2e", "?watch=1", "x"]
            ),
            max_size=8,
        ),
        st.sampled_from(["", TABLE, DISCOVERY, PROTOBUF, "a;b=c,;,"]),
    )
    def test_any_path(self, method: str, parts: list[str], accept: str) -> None:
        """Any path is answered: with JSON lines, or with a Status."""
        answer = ask("/" + "/".join(parts), accept, method)
        for line in answer.body.splitlines():
            json.loads(line)
        if answer.status != 200:
            self.refusal(answer)

    @given(st.text(max_size=8), st.binary(max_size=300), st.text(max_size=50))
    def test_any_bytes(self, method: str, target: bytes, accept: str) -> None:
        """Any request is answered."""
        answer = API.answer(method, target, accept, STARTED)
        self.assertIn(answer.status, (200, 400, 404, 405, 406, 414))
