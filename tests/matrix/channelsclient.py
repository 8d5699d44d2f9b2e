"""
A WebSocket channels client: one WebSocket for each local connection.

``python -m tests.matrix.channelsclient URL SUBPROTOCOL LOCAL:REMOTE...``, where
SUBPROTOCOL is one of Kubernetes' (docs/protocol.rst, 4.1) or ``none``, which is
what kr8s asks for.  The WebSocket is PyPI's ``websockets``.
"""

from __future__ import annotations

import asyncio
import base64
import sys

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK
from websockets.typing import Subprotocol

from tests.matrix.locals import run


class Channels:
    """One local connection's WebSocket."""

    def __init__(self, socket: ClientConnection, *, in_base64: bool) -> None:
        self._socket = socket
        self._base64 = in_base64

    async def send(self, data: bytes) -> None:
        """Send bytes on the data channel."""
        if self._base64:
            await self._socket.send("0" + base64.b64encode(data).decode())
        else:
            await self._socket.send(b"\0" + data)

    async def receive(self) -> tuple[int, bytes] | None:
        """Return the next channel and its bytes; ``None`` at the end."""
        try:
            message = await self._socket.recv()
        except ConnectionClosedOK:
            return None
        if isinstance(message, str):
            assert self._base64, "text without base64"
            return ord(message[0]) - ord("0"), base64.b64decode(message[1:])
        assert not self._base64, "binary with base64"
        return message[0], message[1:]


async def serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
) -> None:
    """Carry one local connection."""
    url = sys.argv[1].replace("http", "ws", 1) + f"?ports={port}"
    wanted = [] if sys.argv[2] == "none" else [Subprotocol(sys.argv[2])]
    async with connect(
        url, subprotocols=wanted or None, compression=None, max_size=None, proxy=None
    ) as socket:
        assert socket.subprotocol == (wanted[0] if wanted else None)
        channels = Channels(socket, in_base64="base64" in sys.argv[2])
        for channel in (0, 1):
            expected = channel, port.to_bytes(2, "little")
            assert await channels.receive() == expected, "no preamble"

        async def upward() -> None:
            while data := await reader.read(65536):
                await channels.send(data)
            # There is no half-close: the far side ends the connection.

        up = asyncio.ensure_future(upward())
        try:
            while (message := await channels.receive()) is not None:
                channel, data = message
                if channel == 1:
                    raise OSError(data.decode())
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        finally:
            up.cancel()


if __name__ == "__main__":
    run(serve, sys.argv[3:])
