"""
A kubelet's cases about WebSocket channels, at the front door.

They are in ``pkg/kubelet/server/server_websocket_test.go`` (k8s.io/kubernetes)
and in ``pkg/streaming/portforward/websocket_test.go`` (k8s.io/cri-streaming).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.net.frontdoorcases import GENERATION_C, Client
from tests.net.test_frontdoor_generations import Socket, websocket
from tests.session.requests import split

PATH = b"/portForward/ns/pod"
PROTOCOL = b"v4.channel.k8s.io"


def preambles(*ports: int) -> list[bytes]:
    """Return what is said first, of each port on both of its channels."""
    return [
        bytes((2 * index + half,)) + port.to_bytes(2, "little")
        for index, port in enumerate(ports)
        for half in (0, 1)
    ]


class ChannelCase(SynchronousTestCase):
    """A client of channels at the front door."""

    def refused(self, query: bytes, words: str = "") -> None:
        """Ask in a way that is answered with a 400, and no upgrade."""
        client = Client()
        first, _, body = split(client.says(websocket(PATH + query, PROTOCOL)))
        self.assertEqual(first.split()[1], b"400")
        self.assertIn(words, json.loads(body)["message"])
        self.assertEqual((client.house.sessions, client.dialer.ends), (set(), []))

    def served(self, query: bytes, ports: Sequence[int], path: bytes = PATH) -> Socket:
        """Ask, and get ports."""
        socket = Socket(Client(), websocket(path + query, PROTOCOL))
        self.assertEqual(socket.first.split()[1], b"101")
        self.assertEqual(socket.messages(), preambles(*ports))
        relays = socket.client.dialer.relays
        self.assertEqual([relay.request.port for relay in relays], list(ports))
        return socket


class ServeWsPortForwardTests(ChannelCase):
    """``TestServeWSPortForward``: one port in the URL."""

    def test_serve_ws_port_forward_no_port(self) -> None:
        """server_websocket_test.go, TestServeWSPortForward, "no port": refused."""
        self.refused(b"")

    def test_serve_ws_port_forward_none_number_port(self) -> None:
        """server_websocket_test.go, "none number port" abc: refused."""
        self.refused(b"?port=abc")

    def test_serve_ws_port_forward_negative_port(self) -> None:
        """server_websocket_test.go, "negative port" -1: refused."""
        self.refused(b"?port=-1")

    def test_serve_ws_port_forward_too_large_port(self) -> None:
        """server_websocket_test.go, "too large port" 65536: refused."""
        self.refused(b"?port=65536")

    def test_serve_ws_port_forward_0_port(self) -> None:
        """server_websocket_test.go, "0 port": refused."""
        self.refused(b"?port=0")

    def test_serve_ws_port_forward_min_port(self) -> None:
        """server_websocket_test.go, "min port" 1: served."""
        self.served(b"?port=1", [1])

    def test_serve_ws_port_forward_normal_port(self) -> None:
        """server_websocket_test.go, "normal port" 8000: served."""
        self.served(b"?port=8000", [8000])

    def test_serve_ws_port_forward_normal_port_with_data_forward(self) -> None:
        """server_websocket_test.go, "normal port with data forward": both ways."""
        socket = self.served(b"?port=8000", [8000])
        (pod,) = socket.client.dialer.ends
        socket.says(b"\0client:data")
        self.assertEqual(pod.sent, b"client:data")
        pod.comes(b"server:data")
        self.assertEqual(socket.messages(), [b"\0server:data"])

    def test_serve_ws_port_forward_max_port(self) -> None:
        """server_websocket_test.go, "max port" 65535: served."""
        self.served(b"?port=65535", [65535])

    def test_serve_ws_port_forward_normal_port_with_uid(self) -> None:
        """server_websocket_test.go, "normal port with uid": the uid is asked for."""
        uid = "7e00838d-789e"
        path = PATH + b"/" + uid.encode()
        socket = self.served(b"?port=8000", [8000], path)
        (relay,) = socket.client.dialer.relays
        self.assertEqual(relay.request.target.uid, uid)


class ServeWsMultiplePortForwardTests(ChannelCase):
    """``TestServeWSMultiplePortForward``."""

    def test_serve_ws_multiple_port_forward(self) -> None:
        """server_websocket_test.go: three ports, each with its bytes alone."""
        socket = self.served(b"?port=7000,8000&port=9000", [7000, 8000, 9000])
        pods = socket.client.dialer.ends
        for index in range(3):
            socket.says(b"%cclient:data %d" % (2 * index, index))
        expected = [b"client:data %d" % index for index in range(3)]
        self.assertEqual([pod.sent for pod in pods], expected)
        for index in (2, 0, 1):
            pods[index].comes(b"server:data %d" % index)
            said = b"%cserver:data %d" % (2 * index, index)
            self.assertEqual(socket.messages(), [said])

    def test_serve_ws_multiple_port_forward_as_api_servers_have_it(self) -> None:
        """server_websocket_test.go, but by the parameter of an API server's URL."""
        path = b"/api/v1/namespaces/ns/pods/pod/portforward"
        self.served(b"?ports=7000&ports=8000&ports=9000", [7000, 8000, 9000], path)


class V4OptionsTests(ChannelCase):
    """``TestV4Options``: how ports are read from a URL, and the words if not."""

    def test_v4_options_non_ws_request(self) -> None:
        """websocket_test.go, TestV4Options, "non-ws request": SPDY needs none."""
        api = b"/api/v1/namespaces/ns/pods/pod/portforward"
        for query in (b"", b"?port=abc"):
            client = Client()
            answer = client.says(GENERATION_C.replace(api, PATH + query))
            self.assertTrue(answer.startswith(b"HTTP/1.1 101 "), answer)

    def test_v4_options_missing_port(self) -> None:
        """websocket_test.go, TestV4Options, "missing port"."""
        self.refused(b"", 'query parameter "port" is required')

    def test_v4_options_unable_to_parse_port(self) -> None:
        """websocket_test.go, TestV4Options, "unable to parse port"."""
        words = 'unable to parse "abc" as a port: strconv.ParseUint: parsing "abc": '
        self.refused(b"?port=abc", words + "invalid syntax")

    def test_v4_options_negative_port(self) -> None:
        """websocket_test.go, TestV4Options, "negative port"."""
        words = 'unable to parse "-1" as a port: strconv.ParseUint: parsing "-1": '
        self.refused(b"?port=-1", words + "invalid syntax")

    def test_v4_options_one_port(self) -> None:
        """websocket_test.go, TestV4Options, "one port"."""
        self.served(b"?port=80", [80])

    def test_v4_options_multiple_ports(self) -> None:
        """websocket_test.go, TestV4Options, "multiple ports": a list with commas."""
        self.served(b"?port=80,90,100", [80, 90, 100])

    def test_v4_options_multiple_port(self) -> None:
        """websocket_test.go, TestV4Options, "multiple port": said twice."""
        self.served(b"?port=80&port=90", [80, 90])
