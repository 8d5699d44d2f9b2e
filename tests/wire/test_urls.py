"""Tests for :mod:`spdygate.wire.urls`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.wire.urls import (
    BadUrl,
    PortForwardUrl,
    Spelling,
    Target,
    is_namespace,
    is_node_name,
    is_pod_name,
    is_uid,
    node_path,
    parse,
)

from .upgraderequests import CAPTURED

NODE = "node123.openshift.com"
UID = "0b5d6bf3-0c4b-11e5-8a0e-42010af0a8f2"

#: Every spelling, up to where the names of the pod begin.
KUBELET_LIKE = {
    "/portForward": (Spelling.KUBELET, None),
    f"/proxy/minions/{NODE}/portForward": (Spelling.MINIONS, NODE),
    f"/api/v1beta1/proxy/minions/{NODE}/portForward": (Spelling.MINIONS, NODE),
    f"/api/v1beta2/proxy/minions/{NODE}/portForward": (Spelling.MINIONS, NODE),
    f"/proxy/nodes/{NODE}/portForward": (Spelling.NODES, NODE),
    f"/api/v1beta3/proxy/nodes/{NODE}/portForward": (Spelling.NODES, NODE),
    f"/api/v1/proxy/nodes/{NODE}/portForward": (Spelling.NODES, NODE),
    f"/api/v1/nodes/{NODE}/proxy/portForward": (Spelling.NODE_PROXY, NODE),
}

#: What else clients ask an API server for, and what only resembles.
NOT_PORT_FORWARD = (
    "*",
    "/",
    "",
    "/api?timeout=32s",
    "/api/v1/namespaces/ns/pods/mypod",
    "/api/v1/namespaces/ns/pods/mypod/exec?command=portforward",
    "/api/v1/namespaces/ns/pods/portforward",
    "/api/v1/namespaces/ns/pods/mypod/log?x=/portForward/ns/pod",
    "/api/v1/namespaces/ns/pods/web/proxy/portforward",
    "/api/v1/namespaces/ns/services/web/proxy/portForward/ns/pod",
    "/api/v1/nodes/n/proxy/metrics",
    "/api/v1/proxy/namespaces/ns/services/web/index.html",
    "/apis/apps/v1/namespaces/ns/deployments/portforward",
    "/portforward/WIG_LC_M",
    "/PORTFORWARD/ns/pod",
    "/api/v1/namespaces/ns/pods/mypod/portForward",
    "/proxy/minions/n/portforward/ns/pod",
    "/%2570ortForward/ns/pod",
)

#: Ways round a check that looks for the plain spellings only.
DISGUISED = (
    "/%70ortForward/ns/pod",
    "/portForwar%64/ns/pod",
    "//portForward/ns/pod",
    "/./portForward/ns/pod",
    "/x/../portForward/ns/pod",
    "/x/%2e%2e/portForward/ns/pod",
    "/portForward%2fns%2Fpod",
    "/portForward%2Fns/pod",
    "portForward/ns/pod",
    "/api//v1/namespaces/ns/pods/pod/portforward",
    "//api/v1/namespaces/ns/pods/pod/portforward",
    "/api/v1/namespaces/ns/pods/pod/%70ortforward",
    "/api/v1/namespaces/ns/pods/pod/proxy/../portforward",
    "/api/v1/namespaces/ns/pods/pod/./portforward",
    "/api/v1/namespaces/ns/p%6fds/pod/portforward",
    "/%61pi/v1/namespaces/ns/pods/pod/portforward",
    "/api%2fv1/namespaces/ns/pods/pod/portforward",
    "//api/v1/namespaces/ns/pods/a%2fb/portforward",
    "/proxy//minions/n/portForward/ns/pod",
    "/api/v1/proxy/./nodes/n/portForward/ns/pod",
    "/api/v1/nodes/n/%70roxy/portForward/ns/pod",
    "/api/v1/nodes/n/proxy//portForward/ns/pod",
    "/api/v1/nodes/n/../m/proxy/portForward/ns/pod",
    "https:/portForward/ns/pod",
)

#: Plain spellings with something in the place of a name that is none.
BADLY_NAMED = (
    "/portForward",
    "/portForward/",
    "/portForward/ns",
    "/portForward/ns/",
    "/portForward//pod",
    "/portForward/ns/pod/",
    "/portForward/ns/pod/uid/more",
    "/portForward/ns/..",
    "/portForward/../pod",
    "/portForward/./pod",
    "/portForward/ns/pod/..",
    "/portForward/ns/%2e%2e",
    "/portForward/ns/a%2fb",
    "/portForward/ns/a%2Fb",
    "/portForward/ns/a%252fb",
    "/portForward/ns/pod%00",
    "/portForward/ns/pod%0a",
    "/portForward/ns/pod%0d%0aX:y",
    "/portForward/ns/pod%zz",
    "/portForward/ns/pod%3fx",
    "/portForward/ns/p\xf6d",
    "/portForward/ns/Pod",
    "/portForward/ns/-pod",
    "/portForward/ns/pod.",
    "/portForward/ns/pod/u_id",
    f"/portForward/ns/pod/{'u' * 65}",
    "/portForward/n.s/pod",
    f"/portForward/{'n' * 64}/pod",
    f"/portForward/ns/{'p' * 254}",
    "/api/v1/namespaces/ns/pods//portforward",
    "/api/v1/namespaces//pods/pod/portforward",
    "/api//namespaces/ns/pods/pod/portforward",
    "/api/V1/namespaces/ns/pods/pod/portforward",
    "/api/../namespaces/ns/pods/pod/portforward",
    "/api/v1/namespaces/ns/pods/pod/portforward/",
    "/api/v1/namespaces/ns/pods/pod/portforward/uid",
    "/api/v1/namespaces/ns/pods/a%2fb/portforward",
    "/api/v1/nodes//proxy/portForward/ns/pod",
    "/api/v1/nodes/https:n:10250/proxy/portForward/ns/pod",
    "/api/v1/nodes/https%3an%3a10250/proxy/portForward/ns/pod",
    "/api/v1/nodes/n:10250/proxy/portForward/ns/pod",
    "/proxy/minions/http:169.254.169.254:80/portForward/ns/pod",
    "/proxy/nodes/[::1]/portForward/ns/pod",
    "/proxy/minions/../portForward/ns/pod",
    "/api/v1/nodes/n/proxy/portForward/../metrics",
)


class ParseTests(SynchronousTestCase):
    """What a URL means."""

    def test_kubelet_spellings(self) -> None:
        """Every kubelet-like spelling names node, namespace and pod."""
        for prefix, (spelling, node) in KUBELET_LIKE.items():
            with self.subTest(prefix):
                url = parse(f"{prefix}/myns/mypod".encode())
                target = Target(node, "myns", "mypod", None)
                self.assertEqual(url, PortForwardUrl(target, spelling, b""))

    def test_uid(self) -> None:
        """Each of them may also name the pod's uid."""
        for prefix, (spelling, node) in KUBELET_LIKE.items():
            with self.subTest(prefix):
                url = parse(f"{prefix}/myns/mypod/{UID}".encode())
                target = Target(node, "myns", "mypod", UID)
                self.assertEqual(url, PortForwardUrl(target, spelling, b""))

    def test_pods(self) -> None:
        """The subresource of a pod exists in every version of the API, without uid."""
        for version in ("v1beta3", "v1"):
            with self.subTest(version):
                path = f"/api/{version}/namespaces/myns/pods/mypod/portforward"
                target = Target(None, "myns", "mypod", None)
                expected = PortForwardUrl(target, Spelling.PODS, b"")
                self.assertEqual(parse(path.encode()), expected)

    def test_query(self) -> None:
        """The query is handed on as it came, and plays no part."""
        url = parse(b"/api/v1/namespaces/n/pods/p/portforward?ports=80&a=?/../%2f")
        assert url is not None
        self.assertEqual(url.query, b"ports=80&a=?/../%2f")

    def test_absolute_form(self) -> None:
        """A URL in absolute form (RFC 9112, section 3.2.2) means its path."""
        url = parse(b"HTTPS://api.example:6443/portForward/ns/pod?x")
        expected = Target(None, "ns", "pod", None)
        self.assertEqual(url, PortForwardUrl(expected, Spelling.KUBELET, b"x"))
        self.assertIsNone(parse(b"http://portForward/ns/pod"))
        self.assertRaises(BadUrl, parse, b"http://h//portForward/ns/pod")

    def test_names_are_decoded_once(self) -> None:
        """A name may be percent-encoded, as a URL is (RFC 3986, section 2.3)."""
        url = parse(b"/portForward/my%2Dns/%77%65b%2e0")
        assert url is not None
        self.assertEqual(url.target, Target(None, "my-ns", "web.0", None))

    def test_captured(self) -> None:
        """Real kubectl and oc are understood; crictl asks a runtime, not us."""
        for captured in CAPTURED:
            with self.subTest(captured.client):
                url = parse(captured.first_line[1].encode())
                if captured.client.startswith("crictl"):
                    self.assertIsNone(url)
                    continue
                assert url is not None
                self.assertIs(url.spelling, Spelling.PODS)
                self.assertEqual(url.target, Target(None, "ns", "mypod", None))

    def test_not_port_forward(self) -> None:
        """What nobody would take for port-forward is none of our business."""
        for path in NOT_PORT_FORWARD:
            with self.subTest(path):
                self.assertIsNone(parse(path.encode("latin-1")))


class RefusalTests(SynchronousTestCase):
    """What is port-forward and is not served."""

    def refusal(self, path: str) -> BadUrl:
        """Return how *path* is refused."""
        error: BadUrl = self.assertRaises(BadUrl, parse, path.encode("latin-1"))
        return error

    def test_disguises(self) -> None:
        """What somebody on the way may take for port-forward is refused."""
        for path in DISGUISED:
            with self.subTest(path):
                error = self.refusal(path)
                self.assertEqual((error.status, error.reason), (400, "BadRequest"))
                self.assertIn("disguise", str(error))

    def test_names(self) -> None:
        """A name that Kubernetes would not give is refused, and so is none."""
        for path in BADLY_NAMED:
            with self.subTest(path):
                error = self.refusal(path)
                self.assertEqual((error.status, error.reason), (400, "BadRequest"))
                self.assertNotIn("disguise", str(error))

    def test_message_names_the_culprit(self) -> None:
        """The message says which name is wrong, printably and not at length."""
        error = self.refusal("/proxy/nodes/https:n:1/portForward/ns/pod")
        self.assertEqual(str(error), "'https:n:1' in the URL is not the name of a node")
        error = self.refusal("/portForward/ns/%1b[2J" + "\xff" * 10_000)
        self.assertTrue(str(error).isprintable() and str(error).isascii())
        self.assertLess(len(str(error)), 400)

    def test_namespaced_proxy(self) -> None:
        """The namespaced proxy never had port-forward: 404."""
        for version in ("/api/v1beta3", "/api/v1", ""):
            for rest in ("minions/n/portForward/a/b", "pods/p/portforward"):
                with self.subTest(version, rest=rest):
                    error = self.refusal(f"{version}/proxy/namespaces/ns/{rest}")
                    self.assertEqual((error.status, error.reason), (404, "NotFound"))


class NodePathTests(SynchronousTestCase):
    """The path toward a node."""

    def test_with_and_without_uid(self) -> None:
        """The uid is in it if it is known; the node never is."""
        path = node_path(Target(NODE, "ns", "pod", None))
        self.assertEqual(path, "/portForward/ns/pod")
        path = node_path(Target(None, "ns", "pod", UID))
        self.assertEqual(path, f"/portForward/ns/pod/{UID}")


class NameTests(SynchronousTestCase):
    """Names as Kubernetes gives them (RFC 1123)."""

    def test_namespace(self) -> None:
        """A namespace is a label of at most 63 characters."""
        for name in ("a", "0", "kube-system", "n" * 63):
            self.assertTrue(is_namespace(name), name)
        for name in ("", "-a", "a-", "A", "a.b", "a_b", "n" * 64, "a\n", "\u0663"):
            self.assertFalse(is_namespace(name), name)

    def test_pod_and_node(self) -> None:
        """Pods and nodes are subdomains of at most 253 characters."""
        for is_valid in (is_pod_name, is_node_name):
            for name in ("a", "web-0", "10.0.0.7", "a.b-c.d", "p" * 253):
                self.assertTrue(is_valid(name), name)
            for name in ("", ".", "..", "a..b", "a.", ".a", "a.-b", "a:1", "p" * 254):
                self.assertFalse(is_valid(name), name)

    def test_uid(self) -> None:
        """A uid is a UUID, or 32 digits for a static pod."""
        self.assertTrue(is_uid(UID))
        self.assertTrue(is_uid("d41d8cd98f00b204e9800998ecf8427e"))
        for uid in ("", "a.b", "a/b", "a\n", "u" * 65):
            self.assertFalse(is_uid(uid), uid)
