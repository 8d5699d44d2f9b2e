"""
Nothing after the 101 before the client's first frame, seen on a bare socket.

Every Go client throws away what it has read behind the 101 (docs/protocol.rst,
3.7), so this is looked at byte by byte, with a client that only waits.
"""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from twisted.internet.threads import deferToThread

from .running import PeerCase

#: A PING of a client (draft, section 2.6.5), and our echo of it.
PING = bytes.fromhex("80030006 00000004 00000001")

REQUEST = (
    b"POST /api/v1/namespaces/default/pods/demo/portforward HTTP/1.1\r\n"
    b"Host: gateway\r\nContent-Length: 0\r\nConnection: Upgrade\r\n"
    b"Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n"
)

ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
    b"X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n"
)


def _converse(port: int) -> tuple[bytes, bytes, bytes]:
    """Upgrade, wait for more, and only then say something."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(REQUEST)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += client.recv(1)
        client.settimeout(1.0)
        try:
            unasked = client.recv(100)
        except TimeoutError:
            unasked = b""
        client.settimeout(30)
        client.sendall(PING)
        echo = b""
        while len(echo) < len(PING):
            echo += client.recv(100)
        return answer, unasked, echo


class SilenceTests(PeerCase):
    """The client speaks first."""

    async def test_nothing_behind_the_101(self) -> None:
        """The 101 is exact and alone; a PING after it is answered."""
        _, url = await self.gateway()
        port = urlsplit(url).port
        assert port is not None
        answer, unasked, echo = await deferToThread(_converse, port)
        self.assertEqual((answer, unasked, echo), (ANSWER, b"", PING))
