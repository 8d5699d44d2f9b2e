"""Tests for :mod:`spdygate.wire.urls`: what holds for every URL."""

from __future__ import annotations

import contextlib

from hypothesis import example, given
from hypothesis.strategies import (
    binary,
    from_regex,
    lists,
    none,
    one_of,
    sampled_from,
)
from twisted.trial.unittest import SynchronousTestCase

from spdygate.wire.urls import (
    BadUrl,
    PortForwardUrl,
    Spelling,
    Target,
    node_path,
    parse,
)

#: One of each spelling.
PLAIN = (
    "/portForward/ns/pod",
    "/portForward/ns/pod/uid-1",
    "/proxy/minions/n/portForward/ns/pod",
    "/api/v1beta1/proxy/minions/n/portForward/ns/pod",
    "/proxy/nodes/n/portForward/ns/pod",
    "/api/v1/nodes/n/proxy/portForward/ns/pod",
    "/api/v1/namespaces/ns/pods/pod/portforward",
)

LABELS = from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
PIECES = sampled_from(
    [
        *("/", "//", ".", "..", "%2f", "%2e", "%70", "?", ":", "%", "\x00", "\xff"),
        *("api", "v1", "proxy", "minions", "nodes", "namespaces", "pods", "n"),
        *("portForward", "portforward", "ortForward", "http://"),
    ]
)


class PropertyTests(SynchronousTestCase):
    """What holds for every URL."""

    @given(LABELS, LABELS, one_of(none(), LABELS))
    def test_round_trip(self, namespace: str, pod: str, uid: str | None) -> None:
        """The path that asks a node for a target means that target."""
        target = Target(None, namespace, pod, uid)
        url = parse(node_path(target).encode())
        self.assertEqual(url, PortForwardUrl(target, Spelling.KUBELET, b""))

    @given(one_of(binary(), lists(PIECES).map(lambda p: "".join(p).encode("latin-1"))))
    @example(b"http://")
    def test_any_bytes(self, raw: bytes) -> None:
        """Any bytes are a target that is safe to write down, or not, or refused."""
        with contextlib.suppress(BadUrl):
            url = parse(raw)
            if url is not None:
                again = parse(node_path(url.target).encode("ascii"))
                assert again is not None
                self.assertEqual(again.target.pod, url.target.pod)
                self.assertRegex(node_path(url.target), r"^[-./0-9A-Za-z]+\Z")

    @given(sampled_from(PLAIN), LABELS)
    def test_encoding_reveals(self, path: str, junk: str) -> None:
        """A plain path with any one letter encoded is never let through as None."""
        for index, char in enumerate(path):
            raw = f"{path[:index]}%{ord(char):02x}{path[index + 1 :]}?{junk}"
            with contextlib.suppress(BadUrl):
                self.assertIsNotNone(parse(raw.encode()), raw)
