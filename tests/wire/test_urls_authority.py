"""Tests for :mod:`spdygate.wire.urls`: the authority form of CONNECT."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from spdygate.wire.urls import (
    BadUrl,
    Target,
    is_namespace,
    is_pod_name,
    parse_authority,
)


class AuthorityTests(SynchronousTestCase):
    """What a plain CONNECT asks for."""

    def test_pods(self) -> None:
        """A port of a pod, whose name may have dots; case does not matter."""
        for written, namespace, pod, port in (
            (b"web-0.shop.pod:8080", "shop", "web-0", 8080),
            (b"a.b.c.shop.pod:1", "shop", "a.b.c", 1),
            (b"Web.Shop.POD:65535", "shop", "web", 65535),
            (b"pod.pod.pod:080", "pod", "pod", 80),
        ):
            target = Target(None, namespace, pod, None)
            self.assertEqual(parse_authority(written), (target, port))

    def test_others(self) -> None:
        """Nothing else is reached: 403, and how a pod is written."""
        for written in (
            *(b"example.com:443", b"web.shop:80", b"[::1]:80", b"web.shop.pod", b""),
            *(b"/a", b"web.shop.pod.:80", b"web.shop.svc:80", b"*", b":80"),
        ):
            error = self.assertRaises(BadUrl, parse_authority, written)
            self.assertEqual(error.status, 403, written)
            self.assertIn("<pod>.<namespace>.pod:<port>", error.message)

    def test_bad_names(self) -> None:
        """What is a pod's, but no valid name or port, is a bad request."""
        for written in (
            *(
                b"web.shop.pod:0",
                b"web.shop.pod:65536",
                b"web.shop.pod:",
                b"shop.pod:1",
            ),
            *(b"web.shop.pod:8x", b"web.shop.pod:+8", b".shop.pod:1", b"web..pod:1"),
            *(b"w_b.shop.pod:1", b"user@web.shop.pod:1", b"web.sh/op.pod:1"),
            *(b"web.shop.pod:" + b"1" * 5000, b"\xff.shop.pod:1", b"pod:1"),
        ):
            error = self.assertRaises(BadUrl, parse_authority, written)
            self.assertEqual(error.status, 400, written)
            self.assertLess(len(error.message), 400)

    @given(st.binary(max_size=40).map(lambda start: start + b".ns.pod:80"))
    def test_any_bytes(self, written: bytes) -> None:
        """Whatever is written, it is a valid name or it is refused."""
        try:
            target, port = parse_authority(written)
        except BadUrl as error:
            self.assertIn(error.status, (400, 403))
            return
        self.assertTrue(is_pod_name(target.pod) and is_namespace(target.namespace))
        self.assertEqual(port, 80)
