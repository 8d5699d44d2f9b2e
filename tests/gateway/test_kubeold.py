"""Tests for `spdygate.gateway.kubeold`."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from spdygate.gateway.kubeold import LARGEST, modern_request, translate
from spdygate.wire.upgrade import Request

OLDEST = Request(
    "GET",
    b"/api/v1beta1/pods/mypod?namespace=myns",
    (
        ("host", "gateway"),
        ("user-agent", "kubectl/v0.16"),
        ("authorization", "Bearer theirs"),
        ("accept-encoding", "gzip"),
    ),
)
BETA3 = Request("GET", b"/api/v1beta3/namespaces/myns/pods/mypod")

#: As an API server of today answers, shortened.
POD: dict[str, Any] = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {
        "name": "mypod",
        "namespace": "myns",
        "uid": "6f0a7a1e-93b1-4a0e-8b5e-111122223333",
        "resourceVersion": "81239124",
        "creationTimestamp": "2026-11-01T10:00:00Z",
        "labels": {"app": "shop"},
    },
    "spec": {
        "nodeName": "n1",
        "containers": [
            {
                "name": "web",
                "image": "nginx:1.29",
                "ports": [
                    {"name": "http", "containerPort": 80, "protocol": "TCP"},
                    {"containerPort": 443},
                ],
            },
            {"name": "side", "image": "envoy"},
        ],
    },
    "status": {"phase": "Running", "podIP": "10.244.1.7"},
}

#: As an API server of today answers for a pod that is not there.
NOT_FOUND = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": 'pods "mypod" not found',
    "reason": "NotFound",
    "details": {"name": "mypod", "kind": "pods"},
    "code": 404,
}


def translated(request: Request, found: object, status: int = 200) -> Any:
    """Return the translation of an answer, read."""
    return json.loads(translate(request, status, json.dumps(found).encode()))


class RequestTests(SynchronousTestCase):
    """What is asked in place of what was asked."""

    def target(self, target: bytes, method: str = "GET") -> bytes | None:
        """Return where a request goes on to; None if it is let alone."""
        modern = modern_request(Request(method, target))
        return None if modern is None else modern.target

    def test_oldest(self) -> None:
        """The namespace was a parameter, and the default was the default."""
        modern = b"/api/v1/namespaces/myns/pods/mypod"
        for version in (b"v1beta1", b"v1beta2"):
            asked = b"/api/%s/pods/mypod?namespace=myns" % version
            self.assertEqual(self.target(asked), modern)
        self.assertEqual(
            self.target(b"/api/v1beta1/pods/mypod"),
            b"/api/v1/namespaces/default/pods/mypod",
        )

    def test_v1beta3(self) -> None:
        """The namespace is in the path, as it is today."""
        self.assertEqual(
            self.target(b"/api/v1beta3/namespaces/myns/pods/mypod"),
            b"/api/v1/namespaces/myns/pods/mypod",
        )

    def test_who_asks(self) -> None:
        """What says who asks goes along; what would change the form does not."""
        modern = modern_request(OLDEST)
        assert modern is not None
        self.assertEqual(modern.header("authorization"), "Bearer theirs")
        self.assertEqual(modern.header("user-agent"), "kubectl/v0.16")
        self.assertEqual(modern.headers_named("accept"), ["application/json"])
        self.assertIsNone(modern.header("accept-encoding"))

    def test_everything_else(self) -> None:
        """Only the look-up of one pod by its name is translated."""
        for asked in (
            b"/api/v1/namespaces/myns/pods/mypod",
            b"/api/v1beta1/pods",
            b"/api/v1beta1/pods/",
            b"/api/v1beta1/pods/mypod/log",
            b"/api/v1beta1/services/mypod",
            b"/api/v1beta1/namespaces/myns/pods/mypod",
            b"/api/v1beta3/pods/mypod",
            b"/api/v1beta3/namespaces/myns/services/mypod",
            b"/api/v1beta4/namespaces/myns/pods/mypod",
            b"//api/v1beta1/pods/mypod",
            b"/api/v1beta1/pods/..",
            b"/api/v1beta1/pods/MyPod",
            b"/api/v1beta1/pods/%6dypod",
            b"/api/v1beta1/pods/mypod?namespace=a/b",
            b"/api/v1beta1/pods/mypod?namespace=%0d%0a",
            b"/api/v1beta1/pods/mypod\xff",
            b"/api/v1beta1/pods/mypod?" + b"a&" * 40,
            b"/api/v1beta1/pods/mypod?" + b"a" * 9000,
        ):
            self.assertIsNone(self.target(asked), asked)
        for method in ("POST", "DELETE", "HEAD"):
            self.assertIsNone(self.target(b"/api/v1beta1/pods/mypod", method))

    @given(st.binary(max_size=80))
    def test_anything(self, rest: bytes) -> None:
        """Any path is let alone, or goes to one pod."""
        for start in (b"", b"/api/v1beta1/pods/", b"/api/v1beta3/namespaces/"):
            target = self.target(start + rest)
            if target is not None:
                self.assertRegex(
                    target, rb"\A/api/v1/namespaces/[-a-z0-9]+/pods/[-a-z0-9.]+\Z"
                )


class PodTests(SynchronousTestCase):
    """A pod of today in the forms of 2015."""

    def test_oldest(self) -> None:
        """What kubectl of then reads: status and host of the current state."""
        pod = translated(OLDEST, POD)
        self.assertEqual((pod["kind"], pod["apiVersion"]), ("Pod", "v1beta1"))
        self.assertEqual((pod["id"], pod["namespace"]), ("mypod", "myns"))
        self.assertEqual(pod["uid"], "6f0a7a1e-93b1-4a0e-8b5e-111122223333")
        self.assertEqual(pod["creationTimestamp"], "2026-11-01T10:00:00Z")
        self.assertEqual(pod["labels"], {"app": "shop"})
        state = pod["currentState"]
        self.assertEqual((state["status"], state["host"]), ("Running", "n1"))
        self.assertEqual(state["podIP"], "10.244.1.7")
        [container] = state["manifest"]["containers"]
        ports = [port["containerPort"] for port in container["ports"]]
        self.assertEqual(ports, [80, 443])

    def test_v1beta3(self) -> None:
        """The node is called host."""
        pod = translated(BETA3, POD)
        self.assertEqual(pod["apiVersion"], "v1beta3")
        self.assertEqual(pod["spec"]["host"], "n1")
        self.assertEqual(pod["status"]["phase"], "Running")

    def test_not_running(self) -> None:
        """A pod that waits is said to wait, in the words of then."""
        waiting = POD | {"status": {"phase": "Pending"}, "spec": {"containers": []}}
        state = translated(OLDEST, waiting)["currentState"]
        self.assertEqual((state["status"], state["host"]), ("Waiting", ""))
        self.assertEqual(translated(BETA3, waiting)["status"]["phase"], "Pending")

    def test_bare(self) -> None:
        """A pod that says nothing of itself runs nowhere, as far as is known."""
        state = translated(OLDEST, {"kind": "Pod"})["currentState"]
        self.assertEqual((state["status"], state["host"]), ("Unknown", ""))


class StatusTests(SynchronousTestCase):
    """What went wrong, in the forms of 2015."""

    def test_oldest(self) -> None:
        """The message is the same; there is no metadata, and a name is an id."""
        self.assertEqual(
            translated(OLDEST, NOT_FOUND, 404),
            {
                "kind": "Status",
                "apiVersion": "v1beta1",
                "status": "Failure",
                "message": 'pods "mypod" not found',
                "reason": "NotFound",
                "details": {"id": "mypod", "kind": "pods"},
                "code": 404,
            },
        )

    def test_v1beta3(self) -> None:
        """Nothing but the version is another."""
        expected = NOT_FOUND | {"apiVersion": "v1beta3"}
        self.assertEqual(translated(BETA3, NOT_FOUND, 404), expected)

    def test_without_details(self) -> None:
        """A Status may have none."""
        bare = {"kind": "Status", "apiVersion": "v1", "message": "no", "code": 401}
        expected = bare | {"apiVersion": "v1beta1"}
        self.assertEqual(translated(OLDEST, bare, 401), expected)


class OtherTests(SynchronousTestCase):
    """Answers that are neither."""

    def test_left_alone(self) -> None:
        """They stay as they are."""
        for body in (
            b"",
            b"hello",
            b"[]",
            b'{"kind":"PodList"}',
            b"[" * 100_000,
            b" " * LARGEST + json.dumps(POD).encode(),
        ):
            self.assertEqual(translate(OLDEST, 200, body), body)
        body = json.dumps(POD).encode()
        self.assertEqual(translate(OLDEST, 500, body), body)
        self.assertEqual(translate(Request("GET", b"/api"), 200, body), body)

    @given(
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["metadata", "uid", "labels", "spec", "nodeName", "containers"]
                        + [
                            "ports",
                            "containerPort",
                            "name",
                            "status",
                            "phase",
                            "details",
                        ]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=20,
        )
    )
    def test_anything(self, found: object) -> None:
        """Any object of either kind becomes JSON in either form."""
        parts = found if isinstance(found, dict) else {"spec": found}
        for kind in ("Pod", "Status"):
            for request in (OLDEST, BETA3):
                shown = translated(request, parts | {"kind": kind})
                self.assertEqual(shown["kind"], kind)
