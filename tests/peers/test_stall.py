"""
One pod that does not read, and everybody else of the same client.

Every Go client has one connection for all that it forwards, without any flow
control; so what it sends to a pod that does not read stands before all the rest.
"""

from __future__ import annotations

from .running import Forward, PeerCase, Running

PATH = "/api/v1/namespaces/p/pods/q/portforward"

#: Bytes sent to the pod that reads none: more than all buffers on the way.
MUCH = str(64 * 1024 * 1024)


class UploadTests(PeerCase):
    """The stalled connection ends, alone, and the others finish."""

    async def _holds(self, *client: str) -> None:
        """Stall one connection of a client, and use its others."""
        stuck = await self.pod("stall", "-delay", "300s")
        echo = await self.pod("echo")
        gateway, url = await self.gateway("--pod", "p/q=127.0.0.1")
        forward = await self.forward("clientgo", url + PATH, [stuck, echo], *client)
        waiting = await self._stays_open(forward, echo)
        # Its pod reads nothing: it ends because we end it.
        sends = self.peer(
            *("load", "send-hash", "-addr", forward.address(stuck), "-bytes", MUCH)
        )
        await gateway.says(
            rf"tunnel \S+ failed: .* -> p/q:{stuck}: stalled: the pod has taken none "
            r"of \d+ bytes for 5 s while 1 other tunnels waited"
        )
        await sends.ends()
        await self.load("churn", "-addr", forward.address(echo), "-n", "10")
        self.assertIsNone(waiting.status)
        self.assertIsNone(forward.running.status, forward.running.output)

    async def _stays_open(self, forward: Forward, echo: int) -> Running:
        """Open a connection that nobody closes; return its program."""
        running = self.peer(
            *("load", "send-hash", "-addr", forward.address(echo), "-bytes", "10")
        )
        await forward.running.says(rf"Handling connection for {forward.local[echo]}\b")
        return running

    async def test_spdy(self) -> None:
        """SPDY, as kubectl before 1.31."""
        await self._holds("-dialer", "spdy")

    async def test_websocket(self) -> None:
        """SPDY in a WebSocket, as kubectl since 1.31."""
        await self._holds("-dialer", "websocket")
