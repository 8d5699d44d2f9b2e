"""Tests for :mod:`spdygate.dialect.asking`."""

from __future__ import annotations

import base64

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.asking import Place, for_channels, for_spdy, for_tunnel
from spdygate.dialect.tunnel import Request
from spdygate.wire.urls import Target

NODE = Place("n1:10250")
API = Place("api:6443", True, "/k8s")
WEB = Request(Target("n1", "shop", "web-0", None), 8080, "s1-3", "eve", "old kubectl")
KEY = bytes(range(16))
BEARER = (("authorization", "Bearer s3cret"),)


class PathTests(SynchronousTestCase):
    """How a pod is named."""

    def test_kubelet(self) -> None:
        """A kubelet has its own path, with the uid where one is known."""
        self.assertEqual(NODE.path(WEB.target), "/portForward/shop/web-0")
        whole = Target("n1", "shop", "web-0", "0a-1b")
        self.assertEqual(NODE.path(whole), "/portForward/shop/web-0/0a-1b")

    def test_api_server(self) -> None:
        """An API server has the pod's, behind its own prefix."""
        path = "/k8s/api/v1/namespaces/shop/pods/web-0/portforward"
        self.assertEqual(API.path(WEB.target), path)


class HeadTests(SynchronousTestCase):
    """What the requests say, and what they leave out."""

    def test_spdy(self) -> None:
        """It is a modern client's: POST, with the protocol it speaks."""
        head = for_spdy(NODE, WEB, BEARER)
        self.assertEqual(head.method, "POST")
        self.assertEqual(head.header("host"), "n1:10250")
        self.assertEqual(head.header("x-stream-protocol-version"), "portforward.k8s.io")
        self.assertEqual(head.header("content-length"), "0")
        self.assertEqual(head.header("authorization"), "Bearer s3cret")

    def test_tunnel(self) -> None:
        """It offers the one subprotocol that carries SPDY."""
        head = for_tunnel(API, WEB, (), KEY)
        self.assertEqual(head.method, "GET")
        offered = head.header("sec-websocket-protocol")
        self.assertEqual(offered, "SPDY/3.1+portforward.k8s.io")
        self.assertEqual(head.header("sec-websocket-version"), "13")
        key = base64.b64encode(KEY).decode()
        self.assertEqual(head.header("sec-websocket-key"), key)

    def test_channels(self) -> None:
        """The port is in the query: ``port`` to a kubelet, ``ports`` to an API server."""
        head = for_channels(NODE, WEB, (), KEY)
        self.assertEqual(head.target, b"/portForward/shop/web-0?port=8080")
        self.assertEqual(head.header("sec-websocket-protocol"), "v4.channel.k8s.io")
        head = for_channels(API, WEB, (), KEY)
        self.assertTrue(head.target.endswith(b"/portforward?ports=8080"))

    def test_nothing_of_the_client(self) -> None:
        """Nothing of the client's gets into a request but the pod and the port."""
        for head in (
            for_spdy(NODE, WEB, ()),
            for_tunnel(NODE, WEB, (), KEY),
            for_channels(NODE, WEB, (), KEY),
        ):
            written = repr(head)
            self.assertNotIn("eve", written)
            self.assertNotIn("old kubectl", written)
            self.assertNotIn("authorization", written)
