"""
The end-to-end cases of ``test/e2e/kubectl/portforward.go`` (k8s.io/kubernetes).

Five of its cases are run twice, with a server on all addresses and with one on
localhost.  Here the first of both are newest kubectl's, and the second those of
kubectl 1.20, so that each case has met SPDY in WebSocket and SPDY alone.
"""

from __future__ import annotations

import contextlib
import re
import socket
from urllib.request import Request, urlopen

from twisted.internet.threads import deferToThread
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.peers.running import Forward
from tests.upstream.cases import PODS, TIMEOUT, Log, UpstreamCase, get, local, read_all

ANYWHERE, LOCALHOST = "0.0.0.0", "127.0.0.1"

#: What a tester sends.
XS = b"x" * 100


class KubectlPortForwardTests(UpstreamCase):
    """All cases of the file."""

    async def _forward(
        self, which: str, interface: str, expected: bytes
    ) -> tuple[Forward, int, Log]:
        """Run a tester and a kubectl; return the latter, the port and the log."""
        port, log = await self.agnhost(expected, interface)
        _, url = await self.cluster("spdy")
        return await self.kubectl_forwards(which, url, port), port, log

    async def _no_data(self, which: str, interface: str) -> None:
        """Connect, say nothing, and leave."""
        forward, port, log = await self._forward(which, interface, b"abc")
        local(forward.address(port)).close()
        await log.says("Accepted client connection")
        await log.says("Expected to read 3 bytes from client, but got 0 instead")

    async def _data(self, which: str, interface: str) -> None:
        """Say what is expected, read all, and close."""
        forward, port, log = await self._forward(which, interface, b"abc")

        def talk() -> bytes:
            with local(forward.address(port)) as connection:
                connection.sendall(b"abc")
                found = read_all(connection)
                connection.shutdown(socket.SHUT_WR)
                return found

        self.assertEqual(await self.talk(talk), XS)
        await log.says("Received expected client data")
        await log.says("Done")

    async def _no_request(self, which: str, interface: str) -> None:
        """Say nothing, and read all."""
        forward, port, log = await self._forward(which, interface, b"")

        def talk() -> bytes:
            with local(forward.address(port)) as connection:
                return read_all(connection)

        self.assertEqual(await self.talk(talk), XS)
        await log.says("Accepted client connection")
        await log.says("Done")

    async def _websockets(self, interface: str) -> None:
        """Speak channels, without a kubectl."""
        port, log = await self.agnhost(b"def", interface)
        _, url = await self.cluster("spdy")
        where = f"{url.replace('http', 'ws', 1)}{PODS}?ports={port}"
        preamble = port.to_bytes(2, "little")

        def talk() -> bytes:
            with connect(
                where,
                subprotocols=[Subprotocol("v4.channel.k8s.io")],
                compression=None,
                proxy=None,
                open_timeout=TIMEOUT,
            ) as ws:
                assert ws.subprotocol == "v4.channel.k8s.io"
                found = [ws.recv(TIMEOUT), ws.recv(TIMEOUT)]
                assert found == [b"\0" + preamble, b"\1" + preamble], found
                ws.send(b"\0def")
                return b"".join(
                    message[1:]
                    for message in ws
                    if isinstance(message, bytes) and message[0] == 0
                )

        self.assertEqual(await self.talk(talk), XS)
        await log.says("Received expected client data")

    # -- with a server listening on 0.0.0.0 ---------------------------------------

    async def test_on_0000_client_connects_sends_no_data_and_disconnects(self) -> None:
        """
        portforward.go, "With a server listening on 0.0.0.0 that expects a client
        request should support a client that connects, sends NO DATA, and
        disconnects": the pod sees both.
        """
        await self._no_data("kubectl", ANYWHERE)

    async def test_on_0000_client_connects_sends_data_and_disconnects(self) -> None:
        """
        portforward.go, "With a server listening on 0.0.0.0 that expects a client
        request should support a client that connects, sends DATA, and
        disconnects": both get all.
        """
        await self._data("kubectl", ANYWHERE)

    async def test_on_0000_no_client_request_sends_data_and_disconnects(self) -> None:
        """
        portforward.go, "With a server listening on 0.0.0.0 that expects NO client
        request should support a client that connects, sends DATA, and
        disconnects": the pod may speak first, and alone.
        """
        await self._no_request("kubectl", ANYWHERE)

    async def test_on_0000_forwarding_over_websockets(self) -> None:
        """
        portforward.go, "With a server listening on 0.0.0.0 should support
        forwarding over websockets": preambles first, then bytes both ways.
        """
        await self._websockets(ANYWHERE)

    # -- with a server listening on localhost -------------------------------------

    async def test_on_localhost_client_connects_sends_no_data_and_disconnects(
        self,
    ) -> None:
        """
        portforward.go, "With a server listening on localhost that expects a
        client request should support a client that connects, sends NO DATA, and
        disconnects": the pod sees both.
        """
        await self._no_data("kubectl-debian", LOCALHOST)

    async def test_on_localhost_client_connects_sends_data_and_disconnects(
        self,
    ) -> None:
        """
        portforward.go, "With a server listening on localhost that expects a
        client request should support a client that connects, sends DATA, and
        disconnects": both get all.
        """
        await self._data("kubectl-debian", LOCALHOST)

    async def test_on_localhost_no_client_request_sends_data_and_disconnects(
        self,
    ) -> None:
        """
        portforward.go, "With a server listening on localhost that expects NO
        client request should support a client that connects, sends DATA, and
        disconnects": the pod may speak first, and alone.
        """
        await self._no_request("kubectl-debian", LOCALHOST)

    async def test_on_localhost_forwarding_over_websockets(self) -> None:
        """
        portforward.go, "With a server listening on localhost should support
        forwarding over websockets": preambles first, then bytes both ways.
        """
        await self._websockets(LOCALHOST)

    # -- the others ---------------------------------------------------------------

    async def test_with_a_pod_being_removed_should_stop_port_forwarding(self) -> None:
        """
        portforward.go, "with a pod being removed should stop port-forwarding":
        who is posting a GiB gets an error, and kubectl ends as soon as it asks
        for the pod again, not with status 0.
        """
        pod = self.peer("load", "pod", "-mode", "stall", "-delay", "1h")
        port = int((await pod.says(r"listening 127\.0\.0\.1:(\d+)"))[1])
        _, node = await self.kubelet("-generations", "spdy", "-grace", "300ms")
        _, api = await self.apiserver("-kubelet", node, "-pod", "default/web")
        gateway, url = await self.gateway("--api-server", api, "--node", f"*={node}")
        forward = await self.kubectl_forwards("kubectl", url, port)
        words = ("-addr", forward.address(port), "-bytes", str(1 << 30))
        posting = self.peer("load", "send-hash", *words)
        await gateway.says(r"tunnel \S+: open")
        pods = f"{api}/-/pods?name=default/web"
        for method, query in (("POST", "&node=node1&phase=Failed"), ("DELETE", "")):
            await deferToThread(_ask, pods + query, method)
        await pod.stop()
        self.assertNotEqual(await posting.ends(), 0)
        for _ in range(200):  # until the gateway's watch has the news
            if forward.running.status is None:
                await deferToThread(_knock, forward.address(port))
        self.assertNotEqual(await forward.running.ends(), 0)

    async def test_should_keep_working_after_detect_broken_connection(self) -> None:
        """
        portforward.go, "Shutdown client connection while the remote stream is
        writing data to the port-forward connection port-forward should keep
        working after detect broken connection": who reads one byte of 40 MB and
        leaves costs nobody else.
        """
        port = await self.page(bytes(40 << 20))
        _, url = await self.cluster("spdy")
        forward = await self.kubectl_forwards("kubectl", url, port)

        def one_byte() -> bytes:
            with local(forward.address(port)) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                return connection.recv(1)

        self.assertEqual(await self.talk(one_byte), b"H")
        page = await self.talk(lambda: get(f"http://{forward.address(port)}/"))
        self.assertEqual(len(page), 40 << 20)

    async def test_forwarding_from_is_what_the_cases_read(self) -> None:
        """
        portforward.go, the pattern by which every case finds the local port:
        kubectl has nothing to say before it, whatever the gateway answers.
        """
        port = await self.page(b"ok")
        _, url = await self.cluster("spdy")
        for which in ("kubectl", "kubectl-debian"):
            forward = await self.kubectl_forwards(which, url, port)
            first = forward.running.output.splitlines()[0]
            pattern = r"Forwarding from (127\.0\.0\.1|\[::1\]):([0-9]+) -> \d+"
            self.assertTrue(re.fullmatch(pattern, first), first)


def _knock(address: str) -> None:
    """Connect, if anybody listens, and wait for the end of it."""
    with contextlib.suppress(ConnectionError), local(address) as connection:
        read_all(connection)


def _ask(url: str, method: str) -> None:
    """Tell the stand-in API server something."""
    with urlopen(Request(url, method=method), timeout=TIMEOUT) as answer:
        answer.read()
