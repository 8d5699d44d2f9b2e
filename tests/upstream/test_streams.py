"""
A kubelet's cases about SPDY: what is answered to each request for a port.

They are in ``pkg/kubelet/server/server_test.go`` (k8s.io/kubernetes) and in
``pkg/streaming/portforward/httpstream_test.go`` (k8s.io/cri-streaming).  A bad
stream is reset, and its session goes on: so each of them ends with a good one.

Without a counterpart here:

- ``TestServePortForward``, "with redirect": kubelets have not redirected to a
  runtime since 1.18, and the gateway follows nobody's redirect;
- ``server_test.go`` and ``request_cache_test.go`` of cri-streaming
  (``TestGetPortForward``, ``TestInsert``, ``TestConsume``, ``TestGC``): URLs with
  a token for one use are what a runtime hands its kubelet, and none is made here.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.pairs import PATIENCE
from spdygate.dialect.patience import USUAL
from tests.net.frontdoorcases import GENERATION_B, GENERATION_C, Client
from tests.session.spdybyhand import FIN, Seen, data, headers_of

PATH = b"/api/v1/namespaces/ns/pods/pod/portforward"
KUBELET = GENERATION_C.replace(PATH, b"/portForward/ns/pod")

Fields = list[tuple[bytes, bytes]]


def fields(kind: str | None, port: str | None, request_id: str | None = "7") -> Fields:
    """Return the headers of a stream, without those that are None."""
    named = (("streamtype", kind), ("port", port), ("requestid", request_id))
    return [(n.encode(), v.encode()) for n, v in named if v is not None]


class StreamCase(SynchronousTestCase):
    """One session at the front door, frame by frame."""

    upgrade = KUBELET

    def setUp(self) -> None:
        """Upgrade."""
        self.client = Client()
        answer = self.client.says(self.upgrade)
        self.assertTrue(answer.startswith(b"HTTP/1.1 101 "), answer)

    def answers(self, *frames: bytes) -> list[tuple[str, int]]:
        """Write frames; return the kinds of those that come, by their streams."""
        found: list[Seen] = self.client.peer.read(self.client.says(b"".join(frames)))
        told = sorted((frame.stream_id, frame.name) for frame in found)
        return [(name, stream_id) for stream_id, name in told]

    def syn(self, stream_id: int, headers: Fields) -> bytes:
        """Open a stream."""
        return self.client.peer.syn(stream_id, headers)

    def turn(self, seconds: float) -> list[Seen]:
        """Let time pass; return what is written."""
        self.client.clock.advance(seconds)
        written: bytes = self.client.transport.value()
        self.client.transport.clear()
        return self.client.peer.read(written)

    def pod(self) -> Any:
        """Return the pod's end of the only tunnel."""
        (end,) = self.client.dialer.ends
        return end


class ServePortForwardTests(StreamCase):
    """``TestServePortForward``: both streams of one connection."""

    def refused(self, port: str | None) -> None:
        """Ask for a port that is none: both are reset, and a good one is served."""
        found = self.answers(
            self.syn(1, fields("error", port)), self.syn(3, fields("data", port))
        )
        self.assertEqual(found, [("RST_STREAM", 1), ("RST_STREAM", 3)])
        self.assertEqual(self.client.dialer.relays, [])
        self.served("8000", 5)

    def served(self, port: str, first: int = 1) -> None:
        """Ask for a port, and get it."""
        second = first + 2
        found = self.answers(
            self.syn(first, fields("error", port, "9")),
            self.syn(second, fields("data", port, "9")),
        )
        self.assertEqual(found, [("SYN_REPLY", first), ("SYN_REPLY", second)])
        (relay,) = self.client.dialer.relays
        self.assertEqual(relay.request.port, int(port))

    def test_serve_port_forward_no_port(self) -> None:
        """server_test.go, TestServePortForward, "no port": refused."""
        self.refused(None)

    def test_serve_port_forward_none_number_port(self) -> None:
        """server_test.go, TestServePortForward, "none number port" abc: refused."""
        self.refused("abc")

    def test_serve_port_forward_negative_port(self) -> None:
        """server_test.go, TestServePortForward, "negative port" -1: refused."""
        self.refused("-1")

    def test_serve_port_forward_too_large_port(self) -> None:
        """server_test.go, TestServePortForward, "too large port" 65536: refused."""
        self.refused("65536")

    def test_serve_port_forward_0_port(self) -> None:
        """server_test.go, TestServePortForward, "0 port": refused."""
        self.refused("0")

    def test_serve_port_forward_min_port(self) -> None:
        """server_test.go, TestServePortForward, "min port" 1: served."""
        self.served("1")

    def test_serve_port_forward_normal_port(self) -> None:
        """server_test.go, TestServePortForward, "normal port" 8000: served."""
        self.served("8000")

    def test_serve_port_forward_normal_port_with_data_forward(self) -> None:
        """server_test.go, "normal port with data forward": bytes go both ways."""
        self.served("8000")
        self.client.says(data(3, b"client:data"))
        self.assertEqual(self.pod().sent, b"client:data")
        self.pod().comes(b"server:data")
        bodies = [frame.body for frame in self.turn(0) if frame.name == "DATA"]
        self.assertEqual(bodies, [b"server:data"])

    def test_serve_port_forward_max_port(self) -> None:
        """server_test.go, TestServePortForward, "max port" 65535: served."""
        self.served("65535")

    def test_serve_port_forward_normal_port_with_uid(self) -> None:
        """server_test.go, "normal port with uid": the uid is asked for."""
        uid = b"7e00838d-789e"
        self.client = Client()
        self.client.says(KUBELET.replace(b"/ns/pod", b"/ns/pod/" + uid))
        self.served("8000")
        (relay,) = self.client.dialer.relays
        self.assertEqual(relay.request.target.uid, uid.decode())

    def test_serve_port_forward_get_and_post(self) -> None:
        """server_test.go of 2015 upgrades with GET, today's with POST: as told."""
        for request in (KUBELET, KUBELET.replace(b"POST", b"GET", 1)):
            self.client = Client()
            self.assertIn(b" 101 ", self.client.says(request).split(b"\r\n")[0])
            self.served("8000")


class ServePortForwardIdleTimeoutTests(StreamCase):
    """``TestServePortForwardIdleTimeout``."""

    def test_serve_port_forward_idle_timeout(self) -> None:
        """server_test.go, TestServePortForwardIdleTimeout: unused it is closed."""
        self.answers(self.syn(1, fields("error", "80")))  # it may be spoken to
        pings = 0
        for _ in range(int(USUAL.idle // 10) - 1):
            for frame in self.turn(10):
                if frame.name == "PING":
                    self.client.says(self.client.peer.ping(frame.value))
                    pings += 1
            self.assertTrue(self.client.transport.connected)
        self.assertGreater(pings, 10)  # alive, and of no use: that is idle
        self.turn(10)
        self.turn(10)
        self.assertFalse(self.client.transport.connected)


class HttpStreamReceivedTests(StreamCase):
    """``TestHTTPStreamReceived``: each stream by itself."""

    def refused(self, headers: Fields) -> None:
        """Open a stream that is reset."""
        self.assertEqual(self.answers(self.syn(1, headers)), [("RST_STREAM", 1)])

    def test_http_stream_received_missing_port(self) -> None:
        """httpstream_test.go, TestHTTPStreamReceived, "missing port"."""
        self.refused(fields("data", None))

    def test_http_stream_received_unable_to_parse_port(self) -> None:
        """httpstream_test.go, TestHTTPStreamReceived, "unable to parse port"."""
        self.refused(fields("data", "abc"))

    def test_http_stream_received_negative_port(self) -> None:
        """httpstream_test.go, TestHTTPStreamReceived, "negative port"."""
        self.refused(fields("data", "-1"))

    def test_http_stream_received_missing_stream_type(self) -> None:
        """httpstream_test.go, TestHTTPStreamReceived, "missing stream type"."""
        self.refused(fields(None, "80"))

    def test_http_stream_received_valid_port_with_error_stream(self) -> None:
        """httpstream_test.go, "valid port with error stream": it is answered."""
        found = self.answers(self.syn(1, fields("error", "80")))
        self.assertEqual(found, [("SYN_REPLY", 1)])
        self.assertEqual(self.client.dialer.relays, [])

    def test_http_stream_received_valid_port_with_data_stream(self) -> None:
        """httpstream_test.go, "valid port with data stream": it is a tunnel."""
        found = self.answers(self.syn(1, fields("data", "80")))
        self.assertEqual(found, [("SYN_REPLY", 1)])
        self.assertEqual(self.client.dialer.relays[0].request.port, 80)

    def test_http_stream_received_invalid_stream_type(self) -> None:
        """httpstream_test.go, TestHTTPStreamReceived, "invalid stream type"."""
        self.refused(fields("foo", "80"))


class GetStreamPairTests(StreamCase):
    """``TestGetStreamPair``, by what a client sees of it."""

    def pair(self, first: int, request_id: str) -> list[tuple[str, int]]:
        """Open both streams of a pair, the data stream first."""
        return self.answers(
            self.syn(first, fields("data", "80", request_id)),
            self.syn(first + 2, fields("error", "80", request_id)),
        )

    def ended(self) -> list[tuple[str, int]]:
        """Let the pod of the last tunnel end; return which streams end with it."""
        self.client.dialer.ends[-1].ends()
        found = [(f.stream_id, f.name) for f in self.turn(0) if f.flags & FIN]
        return [(name, stream_id) for stream_id, name in sorted(found)]

    def test_get_stream_pair_same_id(self) -> None:
        """httpstream_test.go, TestGetStreamPair: one id makes one pair."""
        self.assertEqual(self.pair(1, "1"), [("SYN_REPLY", 1), ("SYN_REPLY", 3)])
        self.assertEqual(len(self.client.dialer.relays), 1)
        self.assertEqual(self.ended(), [("DATA", 1), ("DATA", 3)])

    def test_get_stream_pair_duplicates(self) -> None:
        """httpstream_test.go, TestGetStreamPair: a third stream has no place."""
        self.pair(1, "1")
        for stream_id, kind in ((5, "data"), (7, "error")):
            found = self.answers(self.syn(stream_id, fields(kind, "80", "1")))
            self.assertEqual(found, [("RST_STREAM", stream_id)])
        self.assertEqual(len(self.client.dialer.relays), 1)
        self.client.says(data(1, b"still here"))
        self.assertEqual(self.pod().sent, b"still here")

    def test_get_stream_pair_removed_when_complete(self) -> None:
        """httpstream_test.go, TestGetStreamPair: after its end the id is free."""
        self.pair(1, "1")
        self.ended()
        self.client.says(data(1, b"", FIN) + data(3, b"", FIN))
        self.assertEqual(self.pair(5, "1"), [("SYN_REPLY", 5), ("SYN_REPLY", 7)])

    def test_get_stream_pair_removed_by_timeout(self) -> None:
        """httpstream_test.go, TestGetStreamPair: half a pair is not kept."""
        self.assertEqual(
            self.answers(self.syn(1, fields("error", "80", "2"))), [("SYN_REPLY", 1)]
        )
        frames = self.turn(PATIENCE - 1) + self.turn(2) + self.turn(1)
        ended = [f.stream_id for f in frames if f.name == "DATA" and f.flags & FIN]
        self.assertEqual(ended, [1])
        self.assertEqual(self.pair(3, "2"), [("SYN_REPLY", 3), ("SYN_REPLY", 5)])


class RequestIdTests(StreamCase):
    """``TestRequestID``: to which connection a stream belongs."""

    upgrade = GENERATION_B

    def belongs(self, request_id: str | None, error: int, stream: int) -> None:
        """Open a pair of streams; see that they end together."""
        pieces = {
            error: self.syn(error, list(headers_of("error", 80, request_id))),
            stream: self.syn(stream, list(headers_of("data", 80, request_id))),
        }
        self.answers(*pieces.values())
        self.client.dialer.ends[-1].ends()
        ended = {f.stream_id for f in self.turn(0) if f.flags & FIN}
        self.assertEqual(ended, {error, stream})

    def test_request_id_without_header(self) -> None:
        """httpstream_test.go, TestRequestID: without one, a pair is two in a row."""
        self.belongs(None, 1, 3)
        self.belongs(None, 5, 7)

    def test_request_id_with_header(self) -> None:
        """httpstream_test.go, TestRequestID: the header decides, not the order."""
        self.answers(self.syn(1, list(headers_of("error", 80, "1"))))
        self.belongs("2", 3, 7)
