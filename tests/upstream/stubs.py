"""Nodes that refuse: what a gateway makes of an answer that is no upgrade."""

from __future__ import annotations

from functools import partial

from twisted.internet.protocol import Factory, Protocol

from tests.peers.running import Running
from tests.upstream.cases import UpstreamCase, local, read_all


class Stub(Protocol):
    """A node that answers every request in the same way."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._head = b""

    def dataReceived(self, data: bytes) -> None:
        """Answer once the request is whole."""
        self._head += data
        if b"\r\n\r\n" in self._head:
            self._head = b""
            assert self.transport is not None
            self.transport.write(self._answer)
            self.transport.loseConnection()


def stub(answer: bytes) -> Factory:
    """Return a node that gives this answer."""
    return Factory.forProtocol(partial(Stub, answer))


class Noting(Protocol):
    """Nobody should ever come here."""

    def __init__(self, came: list[str]) -> None:
        self._came = came

    def connectionMade(self) -> None:
        """Note it."""
        self._came.append("somebody")


class StubCase(UpstreamCase):
    """A gateway before such a node."""

    async def before(self, node: int) -> tuple[Running, str]:
        """Run a gateway before a node that is a stub; return it and its URL."""
        pinned = f"n1=http://127.0.0.1:{node},generation=spdy"
        return await self.gateway("--node", pinned, "--pod", "default/web@n1")

    async def read(self, address: str) -> bytes:
        """Connect to a local port, and read to the end."""

        def talk() -> bytes:
            with local(address) as connection:
                return read_all(connection)

        return await self.talk(talk)
