"""
Real kubectls, each with connections that fare well and one that does not.

Whether it goes well is decided by the numbers of streams alone: every kubectl
hands frames to five workers by the number of their stream (docs/protocol.rst,
3.4), so a reader that reads nothing costs the streams of its own worker.  Which
numbers a connection has is read from the gateway's log; its error stream is the
one that was opened before (2.5).
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from twisted.internet.error import ConnectionDone

from .realcases import (
    KUBECTL,
    KUBECTL_120,
    KUBECTL_131,
    RealCase,
    RealClient,
    together,
)
from .running import Forward, Running
from .talking import Talker, connect

#: One of 2020, which is Debian's; one before and one after what they do with bytes
#: that nobody reads was changed, in 1.32.
KUBECTLS = (KUBECTL_120, KUBECTL_131, KUBECTL)

#: Healthy connections of a client, and bytes that each sends and gets back.
HEALTHY = 10
SIZE = 256 * 1024

#: Bytes of an echo that shows only that a connection is there.
HELLO = 10

#: Workers of every kubectl.
WORKERS = 5

#: How long a kubelet waits for the second end of a connection, which costs every
#: healthy one as long.
GRACE = "200ms"

#: What is said to a gateway so that a test need not wait as long as its users.
STALL = 1

#: A gateway, and its URL.
Place = tuple[Running, str]

Way = Coroutine[Any, Any, None]


class Healthy:
    """
    A connection that sends, and gets back what it has sent.

    :ivar data_id: the number of its data stream.
    """

    def __init__(self, talker: Talker, data_id: int, words: bytes) -> None:
        self.talker = talker
        self.data_id = data_id
        self._words = words

    def needs(self, workers: set[int]) -> bool:
        """Say whether it needs any of these workers of its client."""
        return not workers.isdisjoint(
            {self.data_id % WORKERS, (self.data_id - 2) % WORKERS}
        )

    async def completes(self) -> None:
        """Send everything, get everything back, and end as everyone wants to end."""
        talker = self.talker
        talker.send(self._words[HELLO:])
        await talker.until(lambda: talker.received == len(self._words))
        assert talker.digest == hashlib.sha256(self._words).hexdigest()
        talker.finish()
        await talker.ends()
        assert talker.over is not None and talker.over.check(ConnectionDone)


class Front:
    """
    A kubectl before a gateway, with a port that echoes and others.

    :ivar forward: the kubectl.
    :ivar gateway: the gateway.
    """

    def __init__(
        self, case: RealCase, gateway: Running, forward: Forward, echo: int
    ) -> None:
        self.forward = forward
        self.gateway = gateway
        self._case = case
        self._echo = echo

    async def open(self, port: int, talker: Talker) -> int:
        """Connect to a port; return the number of the connection's data stream."""
        opened = self.gateway.says(rf"tunnel \S+-(\d+): open, .*:{port}\n", again=True)
        await connect(self._case, self.forward.address(port), talker)
        return int((await opened)[1])

    async def healthy(self) -> Healthy:
        """Open a connection to the port that echoes, and see that it does."""
        talker = Talker()
        data_id = await self.open(self._echo, talker)
        words = random.Random(data_id).randbytes(SIZE)
        talker.send(words[:HELLO])
        await talker.until(lambda: talker.received == HELLO)
        return Healthy(talker, data_id, words)

    async def ten(self) -> list[Healthy]:
        """Open ten, one after the other."""
        return [await self.healthy() for _ in range(HEALTHY)]

    def lives(self) -> None:
        """The kubectl is still there, and the gateway had no fault."""
        running = self.forward.running
        self._case.assertIsNone(running.status, running.output)
        self._case.nothing_is_wrong(self.gateway)

    def failed(self) -> list[str]:
        """Return the kubectl's tunnels that the gateway has given up."""
        ports = "|".join(str(port) for port in self.forward.local)
        pattern = rf"tunnel (\S+) failed: .* -> default/web:(?:{ports})\b"
        return re.findall(pattern, self.gateway.output)


async def all_complete(connections: Iterable[Healthy]) -> None:
    """Let all of them complete, at the same time."""
    await together(one.completes() for one in connections)


class StallCase(RealCase):
    """Tests with stalled connections."""

    async def place(self, *words: str, kubelet: bool = False) -> Place:
        """
        Run a gateway.

        :param words: further options.
        :param kubelet: whether there is one behind it, in place of our own node.
        """
        pod = ["--pod", "default/web=127.0.0.1"]
        if kubelet:
            _, url = await self.kubelet("-grace", GRACE)
            pod = ["--node", f"n1={url}", "--pod", "default/web@n1", "--hold-fin", "0"]
        return await self.gateway(*pod, *words)

    async def front(self, place: Place, client: RealClient, port: int) -> Front:
        """
        Run a kubectl before a gateway.

        :param port: of the pod, beside the one that echoes.
        """
        gateway, url = place
        # It is known by its ports which kubectl a line in the log speaks of.
        echo = await self.pod("echo")
        forward = await client.start(self, url, "web", [port, echo])
        return Front(self, gateway, forward, echo)

    async def each(
        self, clients: Iterable[RealClient], way: Callable[[RealClient], Way]
    ) -> None:
        """Do the same with several kubectls, all at the same time."""
        await together(self._named(client, way(client)) for client in clients)

    async def _named(self, client: RealClient, way: Way) -> None:
        """Say with which of them something went wrong."""
        try:
            await way
        except AssertionError as error:
            raise AssertionError(f"{client.program}: {error}") from error
