"""Our SPDY toward Kubernetes' own server code: what a gateway does to a kubelet."""

from __future__ import annotations

import hashlib

from twisted.internet.defer import gatherResults

from spdygate.dialect.tunnel import Reason

from .kubeletcases import NodeCase, answer, answer_late, echo, reset

MIB = 1024 * 1024


class NodeTests(NodeCase):
    """What becomes of tunnels at a real node."""

    async def test_up(self) -> None:
        """4 MiB arrive at the pod as they were sent."""
        await self.connect()
        port = await self.pod("hash", "-bytes", str(4 * MIB))
        words = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(MIB // 8))
        client = self.tunnel(port, words)
        await client.over_or_finished()
        expected = hashlib.sha256(words).hexdigest().encode()
        self.assertIn(expected, client.sent)
        self.assertEqual((client.failures, client.granted), ([], len(words)))

    async def test_down(self) -> None:
        """4 MiB arrive from the pod as they were sent."""
        await self.connect()
        size = ("-bytes", str(4 * MIB), "-seed", "7")
        port = await self.pod("source", *size)
        client = self.tunnel(port)
        await client.over_or_finished()
        self.assertEqual((client.failures, len(client.sent)), ([], 4 * MIB))
        digest = hashlib.sha256(client.sent).hexdigest()
        self.assertIn(digest, await self.load("sum", *size))

    async def test_refused(self) -> None:
        """A closed port fails with the node's words; its neighbour goes on."""
        await self.connect()
        running = self.peer("load", "pod", "-listen", "127.0.0.1:0", "-mode", "echo")
        match = await running.says(r"listening 127\.0\.0\.1:(\d+)")
        await running.stop()
        stays = self.tunnel(await self.pod_here(echo), b"one ")
        client = self.tunnel(int(match[1]), b"anyone?")
        await client.over_or_finished()
        (failure,) = client.failures
        self.assertIs(failure.reason, Reason.REFUSED)
        self.assertRegex(failure.message, "^node n1: failed to .*connection refused")
        self.say(stays, b"two")
        await stays.until(lambda: stays.sent == b"one two")

    async def test_reset(self) -> None:
        """A pod that resets its connection fails its tunnel, and says which."""
        await self.connect()
        client = self.tunnel(await self.pod_here(reset), b"x")
        await client.over_or_finished()
        (failure,) = client.failures
        self.assertIs(failure.reason, Reason.TARGET_RESET)
        self.assertIn("connection reset by peer", failure.message)

    async def test_late_answer_within_hold_fin(self) -> None:
        """An answer later than the node's grace arrives, for our FIN is held."""
        await self.connect(hold_fin=30.0)
        client = self.tunnel(await self.pod_here(answer_late), b"?", finished=True)
        await client.over_or_finished()
        self.assertEqual((client.sent, client.failures), (b"at last", []))

    async def test_late_answer_after_hold_fin(self) -> None:
        """One that takes longer than both is lost, as kubectl would lose it."""
        for hold_fin in (0.0, 0.1):
            await self.connect(hold_fin)
            client = self.tunnel(await self.pod_here(answer_late), b"?", finished=True)
            await client.over_or_finished()
            self.assertEqual(client.sent, b"")

    async def test_many(self) -> None:
        """Fifty tunnels are open at once, and the node's streams are all ended."""
        await self.connect()
        port = await self.pod_here(echo)
        words = [hashlib.sha256(b"%d" % n).digest() * 2048 for n in range(50)]
        clients = [self.tunnel(port, word) for word in words]
        pairs = list(zip(clients, words, strict=True))
        await gatherResults(
            [c.until(lambda c=c, w=w: c.sent == w) for c, w in pairs]  # type: ignore[misc]
        )
        self.assertEqual(self.node.tunnels, 50)
        with self.turn:
            for client in clients:
                client.breaks(Reason.GAVE_UP)
        self.assertEqual(self.node.tunnels, 0)
        self.assertFalse(self.node._session.open_streams)
        last = self.tunnel(port, b"still here")
        await last.until(lambda: last.sent == b"still here")

    async def test_ended_by_the_pod(self) -> None:
        """A pod that closes first ends its tunnels, and their node reads on."""
        await self.connect()
        port = await self.pod_here(answer)
        for count in range(20):
            client = self.tunnel(port, b"%d" % count)
            await client.over_or_finished()
            self.assertEqual((client.sent, client.failures), (b"%d" % count, []))
            for _ in range(3):  # on the wire they would block a worker of the node
                self.say(client, b"too late")
            with self.turn:
                client.ends()
        self.assertEqual(self.node.tunnels, 0)
