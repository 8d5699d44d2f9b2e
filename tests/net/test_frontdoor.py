"""Tests for :mod:`spdygate.net.frontdoor`."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from spdygate.gateway.routing import Routing
from spdygate.net.frontdoor import REQUEST_TIMEOUT
from tests.net.frontdoorcases import (
    ECHOED,
    GENERATION_B,
    GENERATION_C,
    SWITCHED,
    VERSION,
    Client,
)
from tests.session.requests import GENERATION_A, split
from tests.session.spdybyhand import data


class UpgradeTests(SynchronousTestCase):
    """From HTTP/1.1 to SPDY/3.1."""

    def test_101(self) -> None:
        """The answer is as a kubelet's, with the version for those that asked only."""
        for request, more in (
            (GENERATION_A, b""),
            (GENERATION_B, b""),
            (GENERATION_C, ECHOED),
        ):
            client = Client()
            self.assertEqual(client.says(request), SWITCHED + more + b"\r\n")
            self.assertEqual(len(client.house.sessions), 1)

    def test_silence_after_101(self) -> None:
        """Nothing is said until the client has: it would be thrown away (3.7)."""
        client = Client()
        client.says(GENERATION_C)
        client.clock.advance(10)
        self.assertEqual(client.transport.value(), b"")
        replies = client.peer.read(client.says(client.opens()))
        self.assertIn(("SYN_REPLY", 3), [(f.name, f.stream_id) for f in replies])

    def test_through(self) -> None:
        """A session carries bytes both ways."""
        client = Client()
        client.says(GENERATION_C)
        client.peer.read(client.says(client.opens()))
        client.says(data(3, b"question"))
        (pod,) = client.dialer.ends
        self.assertEqual(pod.sent, b"question")
        pod.comes(b"answer")
        client.clock.advance(0)
        frames = client.peer.read(client.transport.value())
        self.assertEqual([f.body for f in frames if f.name == "DATA"], [b"answer"])

    def test_glued(self) -> None:
        """SPDY that came along with the request is not lost."""
        client = Client()
        answer = client.says(GENERATION_C + client.opens() + data(3, b"early"))
        head, _, rest = answer.partition(b"\r\n\r\n")
        self.assertEqual(head + b"\r\n", SWITCHED + ECHOED)
        self.assertIn("SYN_REPLY", [frame.name for frame in client.peer.read(rest)])
        self.assertEqual(client.dialer.ends[0].sent, b"early")

    @given(st.lists(st.integers(1, 500), max_size=8))
    def test_any_split(self, cuts: list[int]) -> None:
        """However request and frames are cut, the same happens."""
        client, answer = Client(), b""
        said = GENERATION_C + client.opens() + data(3, b"early")
        edges = [0, *sorted({cut for cut in cuts if cut < len(said)})]
        for start, end in zip(edges, [*edges[1:], len(said)], strict=True):
            answer += client.says(said[start:end])
        self.assertTrue(answer.startswith(SWITCHED + ECHOED + b"\r\n"))
        self.assertEqual(client.dialer.ends[0].sent, b"early")

    def test_after_a_get(self) -> None:
        """A connection that has served the API may still become a session."""
        client = Client()
        answer = client.says(VERSION + GENERATION_C)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertTrue(answer.endswith(SWITCHED + ECHOED + b"\r\n"))

    def test_a_session_may_be_silent(self) -> None:
        """The time for a request is not the session's."""
        client = Client()
        client.says(GENERATION_C)
        client.clock.advance(REQUEST_TIMEOUT * 2)
        self.assertTrue(client.transport.connected)

    def test_producer(self) -> None:
        """The session takes over the transport, and lets it read."""
        client = Client()
        client.transport.pauseProducing()  # as a transport that cannot write does
        client.says(GENERATION_C)
        self.assertEqual(client.transport.producerState, "producing")
        self.assertIsNot(client.transport.producer, client.transport)
        self.assertIsNotNone(client.transport.producer)


class RefusalTests(SynchronousTestCase):
    """What is refused before the upgrade, by a JSON Status (3.10)."""

    def refused(
        self, request: bytes, status: int, routing: Routing | None = None
    ) -> tuple[dict[bytes, bytes], Any]:
        """Check the status of an answer; return its headers and its Status."""
        client = Client(routing)
        first, headers, body = split(client.says(request))
        self.assertEqual(first.split()[1], b"%d" % status)
        self.assertEqual(headers[b"content-type"], b"application/json")
        found = json.loads(body)
        self.assertEqual(
            (found["kind"], found["status"], found["code"]),
            ("Status", "Failure", status),
        )
        self.assertEqual((client.house.sessions, client.dialer.ends), (set(), []))
        return headers, found

    def test_version(self) -> None:
        """Of versions none of which is ours: 403, and what would be (2.2)."""
        request = GENERATION_C.replace(b"portforward.k8s.io\r\n", b"v9.k8s.io\r\n")
        headers, found = self.refused(request, 403)
        accepted = headers[b"x-accepted-stream-protocol-versions"]
        self.assertEqual(accepted, b"portforward.k8s.io")
        self.assertIn("client supports [v9.k8s.io]", found["message"])

    def test_one_of_several_versions(self) -> None:
        """Of several lines and lists of versions, one that is ours will do."""
        more = (
            b"v9.k8s.io, v8.k8s.io\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n"
        )
        request = GENERATION_C.replace(b"portforward.k8s.io\r\n", more)
        self.assertEqual(Client().says(request), SWITCHED + ECHOED + b"\r\n")

    def test_bad_url(self) -> None:
        """What is no valid name, and what is the proxy of other things, is refused."""
        path = b"/api/v1/namespaces/ns/pods/pod/portforward"
        for bad, status in (
            (b"/api/v1/namespaces/ns/pods/../portforward", 400),
            (b"/api/v1/namespaces/ns/pods/a%2fb/portforward", 400),
            (b"/api/v1/namespaces//pods/pod/portforward", 400),
            (b"/api/v1/proxy/namespaces/ns/pods/pod", 404),
        ):
            self.refused(GENERATION_B.replace(path, bad), status)

    def test_unknown_node(self) -> None:
        """A node that nobody knows is refused before the upgrade, by its name."""
        _, found = self.refused(GENERATION_A, 404, Routing())
        self.assertIn("--node n1=URL", found["message"])

    def test_unknown_pod(self) -> None:
        """So is a pod of which it is not known where it is."""
        _, found = self.refused(GENERATION_B, 404, Routing())
        self.assertIn("ns/pod", found["message"])

    def test_method(self) -> None:
        """It takes GET or POST, and says so (RFC 9110, section 15.5.6)."""
        headers, _ = self.refused(GENERATION_C.replace(b"POST", b"PUT", 1), 405)
        self.assertEqual(headers[b"allow"], b"get, post")  # split() lowers it

    def test_websocket(self) -> None:
        """Of WebSocket subprotocols none of which is ours: 403 (4.2)."""
        request = (
            b"GET /api/v1/namespaces/ns/pods/pod/portforward HTTP/1.1\r\n"
            b"Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n"
        )
        _, found = self.refused(request, 403)
        self.assertIn("SPDY/3.1+portforward.k8s.io", found["message"])

    def test_no_upgrade(self) -> None:
        """A plain request on such a URL is told what to ask for."""
        plain = b"GET /portForward/ns/pod HTTP/1.1\r\nHost: x\r\n\r\n"
        _, found = self.refused(plain, 400)
        self.assertIn("Upgrade: SPDY/3.1", found["message"])

    def test_bytes_behind_a_refused_upgrade(self) -> None:
        """What comes behind a refused upgrade may be meant for it, and is no request."""
        client = Client()
        put = GENERATION_C.replace(b"POST", b"PUT", 1)
        answer = client.says(put + GENERATION_C)
        self.assertTrue(answer.startswith(b"HTTP/1.1 405 "))
        self.assertIn(b"\r\nconnection: close\r\n", answer.lower())
        self.assertNotIn(SWITCHED, answer)
