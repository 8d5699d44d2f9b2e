"""Tests for :mod:`spdygate.node.server`: HTTP/1.1, and the upgrade to h2c."""

from __future__ import annotations

import json

from h2.events import StreamEnded
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from spdygate.node.server import GREETING_TIMEOUT
from tests.node.doors import Door
from tests.session.http2peer import PREFACE
from tests.session.requests import CURL_H2C, split


class WrongDoorTests(SynchronousTestCase):
    """HTTP/1.1 that does not ask for HTTP/2."""

    def test_told_where_it_is(self) -> None:
        """A client of HTTP/1.1 is told, in HTTP/1.1, by a Status."""
        spdy = b"Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
        pod = b"/portForward/ns/pod"
        for path, more, status in (
            (b"/", b"", b"404 Not Found"),
            (pod, b"", b"404 Not Found"),
            (pod, spdy, b"501 Not Implemented"),
        ):
            request = b"POST " + path + b" HTTP/1.1\r\nHost: n1\r\n" + more + b"\r\n"
            first, headers, body = split(Door().says(request))
            self.assertEqual(first, b"HTTP/1.1 " + status)
            self.assertEqual(headers[b"content-type"], b"application/json")
            self.assertIn("HTTP/2", json.loads(body)["message"])

    def test_pipelined(self) -> None:
        """One answer is enough: whoever asks on and on cannot fill our memory."""
        door = Door()
        answer = door.says(b"GET / HTTP/1.1\r\nHost: n1\r\n\r\n" * 3)
        self.assertEqual(answer.count(b"HTTP/1.1 404 Not Found\r\n"), 1)
        self.assertIn(b"connection: close", answer.lower())
        self.assertFalse(door.transport.connected)

    def test_close(self) -> None:
        """A client that asks for it, or is not to be understood, is closed."""
        for request, status in (
            (b"GET / HTTP/1.1\r\nHost: n1\r\nConnection: close\r\n\r\n", b"404"),
            (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n", b"400"),
        ):
            door = Door()
            self.assertEqual(door.says(request).split()[1], status)
            self.assertFalse(door.transport.connected)

    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        """Whatever comes is answered or waited for: nothing raises."""
        door = Door()
        if data:
            door.says(data)
        door.clock.advance(GREETING_TIMEOUT)
        if not data.startswith(PREFACE):
            self.assertFalse(door.transport.connected)

    def test_an_answer_that_is_not_read(self) -> None:
        """A client that takes no answer is not kept for ever: it is aborted."""
        door = Door()
        door.transport.disconnecting = False
        self.patch(door.transport, "loseConnection", lambda: None)  # bytes wait
        door.says(b"GET / HTTP/1.1\r\nHost: n1\r\n\r\n")
        door.clock.advance(GREETING_TIMEOUT)
        door.clock.advance(60.0)
        self.assertTrue(door.transport.aborted)


class UpgradeTests(SynchronousTestCase):
    """The upgrade to h2c (docs/protocol.rst, 8.2)."""

    def upgraded(self, glued: bool = False) -> Door:
        """Upgrade as curl does, with the HTTP/2 preface glued behind or not."""
        door = Door()
        settings = door.peer.initiate_upgrade_connection()
        assert settings is not None
        asked = CURL_H2C.replace(b"AAMAAABkAAQCAAAAAAIAAAAA", settings)
        preface = door.peer.data_to_send()
        answer = door.says(asked + preface if glued else asked)
        head, _, rest = answer.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        self.assertEqual(lines[0], b"http/1.1 101 switching protocols")
        self.assertIn(b"upgrade: h2c", lines)
        # RFC 7540, section 3.2: SETTINGS are the first frame (type 4).
        self.assertEqual(rest[3], 4)
        if not glued:
            rest += door.says(preface)
        door.hears(rest)
        return door

    def test_stream_1(self) -> None:
        """The request is stream 1: 200, a Success Status, the end."""
        door = self.upgraded()
        answer = door.status(1)
        self.assertEqual(answer[b":status"], b"200")
        self.assertEqual(answer[b"x-stream-protocol-version"], b"portforward.k8s.io")
        self.assertEqual(door.body(1)["status"], "Success")
        self.assertEqual(len(door.of(StreamEnded, 1)), 1)
        self.assertEqual(door.dialer.relays, [])

    def test_tunnels_from_3(self) -> None:
        """Tunnels are the streams from 3 on, each with its own path and port."""
        door = self.upgraded()
        door.open(3)
        door.open(5, port="81")
        self.assertEqual(door.status(3)[b":status"], b"200")
        self.assertEqual(door.status(5)[b":status"], b"502")

    def test_glued(self) -> None:
        """HTTP/2 that came along with the request is not lost."""
        door = self.upgraded(glued=True)
        door.open(3)
        self.assertEqual(door.status(3)[b":status"], b"200")

    def test_the_time_is_up_no_more(self) -> None:
        """An upgraded connection may be silent."""
        door = self.upgraded()
        door.clock.advance(GREETING_TIMEOUT)
        self.assertTrue(door.transport.connected)

    def test_not_here(self) -> None:
        """Elsewhere, over TLS, or asked for wrongly, it is ignored (8.2)."""
        elsewhere = CURL_H2C.replace(b"/portForward/ns/pod", b"/version")
        bad_path = CURL_H2C.replace(b"/ns/pod", b"/ns/..")
        unnamed = CURL_H2C.replace(b"Upgrade, HTTP2-Settings", b"Upgrade")
        for tls, request in (
            (False, elsewhere),
            (False, bad_path),
            (False, unnamed),
            (True, CURL_H2C),
        ):
            first, _, _ = split(Door(tls=tls).says(request))
            self.assertEqual(first, b"HTTP/1.1 404 Not Found")

    def test_bad_settings(self) -> None:
        """Settings that no peer may have are no upgrade: the answer is HTTP/1.1."""
        # INITIAL_WINDOW_SIZE (4) of 2**32 - 1, RFC 9113, section 6.5.2.
        request = CURL_H2C.replace(b"AAMAAABkAAQCAAAAAAIAAAAA", b"AAT_____")
        first, _, _ = split(Door().says(request))
        self.assertEqual(first, b"HTTP/1.1 404 Not Found")
