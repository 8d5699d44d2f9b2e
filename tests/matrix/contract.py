"""
What every kind of client may expect of every kind of node, written once.

Each promise is a method that is given a client which listens, and the ports of
the pod; none knows which client it is, or which node.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from tests.matrix.kinds import ClientKind, NodeKind
from tests.peers.running import Forward, PeerCase, Running

MIB = 1024 * 1024

#: Bytes moved each way; ``.ci/long`` moves 64 MiB.
SIZE = int(os.environ.get("SPDYGATE_MATRIX_MIB", "4")) * MIB

#: Seconds for which a client's FIN is held back from a kubelet: more than the
#: answer needs that comes after it.
HOLD_FIN = "3"

#: Tunnels that are open at the same time.
TOGETHER = 100

_SUM = re.compile(r"^(sent|received|sum) (\d+) ([0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of the pod, by what it does on them."""

    echo: int
    hash: int
    source: int
    late: int
    resets: int
    closed: int

    def all(self) -> list[int]:
        """Return all of them."""
        return [
            *(self.echo, self.hash, self.source),
            *(self.late, self.resets, self.closed),
        ]


def sums(said: str) -> dict[str, tuple[int, str]]:
    """Read what the load program sent and received: bytes, and their hash."""
    return {what: (int(count), digest) for what, count, digest in _SUM.findall(said)}


class Cell(PeerCase):
    """One client, one node, and all that is promised of the pair."""

    async def pod_ports(self) -> Ports:
        """Start the pod."""
        closing = self.peer("load", "pod", "-mode", "echo")
        match = await closing.says(r"listening 127\.0\.0\.1:(\d+)")
        await closing.stop()
        size = str(SIZE)
        return Ports(
            await self.pod("echo"),
            await self.pod("hash", "-bytes", size),
            await self.pod("source", "-bytes", size, "-seed", "7"),
            await self.pod("hash", "-bytes", "100", "-delay", "1500ms"),
            await self.pod("reset"),
            int(match[1]),
        )

    async def hold(self, client: ClientKind, node: NodeKind) -> None:
        """Hold a pair to everything."""
        ports = await self.pod_ports()
        url = await node.start(self)
        gateway, front = await self.gateway(
            *("--node", f"n1={url}", "--pod", "default/web@n1"),
            *("--hold-fin", HOLD_FIN),
        )
        forward = await client.start(self, front, ports.all())
        await self.bytes_arrive(forward, ports)
        await self.both_ways_at_once(forward, ports)
        if client.half_closes:
            await self.an_answer_after_the_fin(forward, ports)
        await self.a_refused_port_is_alone(forward, ports)
        if node.accepts_first:
            await self.accepted_and_then_refused(gateway, ports)
        else:
            await self.refused_before_it_was_accepted(gateway, ports)
        await self.a_reset_by_the_pod_is_alone(forward, ports)
        await self.a_client_that_leaves_is_alone(forward, ports)
        await self.a_hundred_at_once(forward, ports)
        await self.nothing_is_wrong(gateway, forward, node)

    async def bytes_arrive(self, forward: Forward, ports: Ports) -> None:
        """Random bytes in pieces of random sizes arrive, up and then down."""
        said = await self.load(
            *("send-hash", "-addr", forward.address(ports.hash), "-chunks"),
            *("-bytes", str(SIZE), "-seed", "3", "-expect", "65"),
        )
        self.assertIn(sums(said)["sent"][1], said.split("text", 1)[1])
        expected = await self.load("sum", "-bytes", str(SIZE), "-seed", "7")
        said = await self.load("send-hash", "-addr", forward.address(ports.source))
        self.assertEqual(sums(said)["received"], sums(expected)["sum"])

    async def both_ways_at_once(self, forward: Forward, ports: Ports) -> None:
        """Bytes that go up and down at the same time arrive."""
        said = await self.load(
            *("send-hash", "-addr", forward.address(ports.echo), "-chunks"),
            *("-bytes", str(SIZE), "-seed", "5", "-expect", str(SIZE)),
        )
        self.assertEqual(sums(said)["received"], sums(said)["sent"])

    async def an_answer_after_the_fin(self, forward: Forward, ports: Ports) -> None:
        """An answer arrives that comes later than a kubelet would wait after FIN."""
        said = await self.load(
            *("send-hash", "-addr", forward.address(ports.late)),
            *("-bytes", "100", "-half-close", "-expect", "64"),
        )
        self.assertIn(sums(said)["sent"][1], said)

    async def a_refused_port_is_alone(self, forward: Forward, ports: Ports) -> None:
        """A port on which nothing listens costs its own connection and no other."""
        attempt = self.peer("load", "send-hash", "-addr", forward.address(ports.closed))
        await attempt.ends()
        self.assertIn("received 0 ", attempt.output)
        await self.echoes(forward, ports)

    async def _refused_tunnel(self, gateway: Running, ports: Ports) -> str:
        """Return the number of the tunnel that was refused."""
        pattern = rf"tunnel (\S+) failed: .* -> default/web:{ports.closed}\b.*: refused"
        return (await gateway.says(pattern))[1]

    async def refused_before_it_was_accepted(
        self, gateway: Running, ports: Ports
    ) -> None:
        """A node that dials first refuses: the tunnel was never open."""
        number = await self._refused_tunnel(gateway, ports)
        self.assertNotIn(f"tunnel {number}: open", gateway.output)

    async def accepted_and_then_refused(self, gateway: Running, ports: Ports) -> None:
        """The variant for nodes that accept before they dial: it was, and then failed."""
        number = await self._refused_tunnel(gateway, ports)
        self.assertIn(f"tunnel {number}: open", gateway.output)

    async def a_reset_by_the_pod_is_alone(self, forward: Forward, ports: Ports) -> None:
        """A pod that resets a connection costs that connection alone."""
        attempt = self.peer(
            *("load", "send-hash", "-addr", forward.address(ports.resets)),
            *("-bytes", "100000"),
        )
        await attempt.ends()
        await self.echoes(forward, ports)

    async def a_client_that_leaves_is_alone(
        self, forward: Forward, ports: Ports
    ) -> None:
        """Who reads a byte and hangs up leaves the others what they had."""
        await self.load(
            "send-hash", "-addr", forward.address(ports.source), "-expect", "1"
        )
        await self.echoes(forward, ports)

    async def a_hundred_at_once(self, forward: Forward, ports: Ports) -> None:
        """A hundred tunnels are open at the same time."""
        await self.load(
            *("churn", "-addr", forward.address(ports.echo), "-n", str(TOGETHER)),
            *("-parallel", str(TOGETHER), "-together", "-bytes", "1000", "-hang-up"),
        )

    async def echoes(self, forward: Forward, ports: Ports) -> None:
        """A new connection works."""
        await self.load("churn", "-addr", forward.address(ports.echo), "-hang-up")

    async def nothing_is_wrong(
        self, gateway: Running, forward: Forward, node: NodeKind
    ) -> None:
        """The client still runs, the gateway found the node out, and had no fault."""
        self.assertIsNone(forward.running.status, forward.running.output)
        self.assertNotIn("FAULT", forward.running.output)
        self.assertIn(f": generation {node.name}", gateway.output)
        for word in ("Traceback", "Unhandled", " fault"):
            self.assertFalse(word in gateway.output, gateway.output[-4000:])
