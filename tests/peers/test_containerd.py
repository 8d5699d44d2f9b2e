"""
Debian's containerd as a node: what a gateway meets in most clusters.

It has ways of its own: it accepts a connection before it tries the port, cuts
off what comes later than a second after either end has finished, and knows a
pod that is gone only as a sandbox that it cannot find.
"""

from __future__ import annotations

import signal

from tests.matrix.contract import sums
from tests.matrix.kinds import NODES

from .realcases import (
    GO_EXTENDED,
    KUBECTL,
    KUBECTL_120,
    PYTHON,
    RealCase,
    RealClient,
    together,
    write_down,
)
from .running import Running

#: Seconds: longer than an answer takes, which is longer than containerd waits.
HOLD_FIN = "4"
LATE = "2s"

#: Bytes that are said before the answer.
SAID = 1000

POD = ("-pod", "default/web")


class ContainerdTests(RealCase):
    """A pod on containerd, behind a gateway."""

    async def _cluster(self, hold_fin: str = HOLD_FIN) -> tuple[Running, Running, str]:
        """Run a node and a gateway; return both, and the gateway's URL."""
        node, url = await self.containerd(*POD)
        words = ("--node", f"n1={url}", "--pod", "default/web@n1")
        gateway, front = await self.gateway(*words, "--hold-fin", hold_fin)
        return node, gateway, front

    async def test_bytes(self) -> None:
        """Bytes arrive, and a closed port costs its own connection alone."""
        node, gateway, front = await self._cluster("1")
        clients = (KUBECTL, KUBECTL_120, PYTHON, GO_EXTENDED)
        await together(self.keeps(client, front, "web", None) for client in clients)
        await gateway.says(r"node n1 \S+: generation spdy\n")
        await gateway.says(r"tunnel \S+ failed: .*refused: node n1 .*refused")
        self.nothing_is_wrong(gateway)
        found = await node.says(r"runtime (\S+) ([0-9.]+)")
        spdy = next(kind for kind in NODES if kind.name == "spdy")
        for client in clients:
            here = type(spdy)(spdy.name, f"{found[1]} {found[2]}")
            write_down(client.dialect, await client.version(self), here)

    async def _late(self, client: RealClient, front: str) -> str:
        """Say something, send FIN, and wait; return what came of it."""
        late = await self.pod("hash", "-bytes", str(SAID), "-delay", LATE)
        forward = await client.start(self, front, "web", [late])
        attempt = self.peer(
            *("load", "send-hash", "-addr", forward.address(late)),
            *("-bytes", str(SAID), "-half-close"),
        )
        await attempt.ends()
        self.assertIsNone(forward.running.status, forward.running.output)
        return attempt.output

    async def test_late_answer(self) -> None:
        """An answer arrives that containerd alone would have cut off."""
        _, gateway, front = await self._cluster()
        clients = (KUBECTL, KUBECTL_120)
        for said in await together(self._late(client, front) for client in clients):
            self.assertIn(sums(said)["sent"][1], said.split("text", 1)[1])
        self.nothing_is_wrong(gateway)

    async def test_late_answer_without_help(self) -> None:
        """With ``--hold-fin 0`` it does, as it does to every client of its own."""
        _, _, front = await self._cluster("0")
        self.assertIn("received 0 ", await self._late(KUBECTL, front))

    async def test_pod_that_is_gone(self) -> None:
        """When the pod is taken away, the gateway says that it is gone."""
        node, gateway, front = await self._cluster("1")
        echo = await self.pod("echo")
        forward = await KUBECTL_120.start(self, front, "web", [echo])
        await self.echoes(forward, echo)
        # Its connection to the node is free again, and has the next one.
        await gateway.says(r"tunnel \S+: over")
        node.send(signal.SIGUSR1)
        await node.says("removed")
        await self.refused(forward, echo)
        await gateway.says(r"tunnel \S+ failed: .*pod-gone: node n1 .*sandbox")
        self.nothing_is_wrong(gateway)
