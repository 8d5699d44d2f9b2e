"""
What the small clients here share: local listeners, as kubectl has them.

They are programs of their own, on asyncio and libraries that are not ours, so
that what the gateway says is read by somebody else than us.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

#: What serves one local connection to one remote port.
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]


async def listen(serve: Serve, ports: list[str]) -> None:
    """
    Listen for each ``LOCAL:REMOTE`` until killed.

    A local connection whose tunnel fails is reset, as kubectl's are closed.
    """
    for words in ports:
        local, _, remote = words.partition(":")

        async def accepted(
            reader: asyncio.StreamReader,
            writer: asyncio.StreamWriter,
            port: int = int(remote),
        ) -> None:
            try:
                await serve(reader, writer, port)
            except Exception as error:
                print(f"an error occurred forwarding {port}: {error!r}", flush=True)
                writer.transport.abort()
            with contextlib.suppress(Exception):
                writer.close()

        server = await asyncio.start_server(accepted, "127.0.0.1", int(local))
        bound = server.sockets[0].getsockname()[1]
        print(f"Forwarding from 127.0.0.1:{bound} -> {remote}", flush=True)
    await asyncio.Event().wait()


def run(serve: Serve, ports: list[str]) -> None:
    """Run a client to its end, which is a signal."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(listen(serve, ports))


def address(url: str) -> tuple[str, int, str]:
    """Return host, port and path of a URL without TLS."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or not parts.port:
        sys.exit(f"{url}: write http://HOST:PORT/PATH")
    return parts.hostname, parts.port, parts.path
