"""
One pod that does not read, and everybody else of the same kubectl.

Every kubectl has one connection for all that it forwards, without any flow
control; so what it sends to a pod that does not read stands before all the rest.
The gateway gives up the one connection that keeps the others waiting.
"""

from __future__ import annotations

import hashlib
import random
import signal

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime

from tests.matrix.contract import MIB

from .realcases import KUBECTL, RealClient, together
from .stallcases import KUBECTLS, STALL, Front, Place, StallCase, all_complete
from .talking import BLOCK, Door, Slow, Talker, endless, pieces, pod, stands_still

#: Seconds within which the gateway notices that its client is gone.
SOON = 10


class UploadTests(StallCase):
    """The stalled connection ends, alone, and the others finish."""

    async def _hold(self, *, kubelet: bool) -> None:
        """Hold every kubectl to it."""
        place = await self.place("--stall-deadline", str(STALL), kubelet=kubelet)
        await self.each(KUBECTLS, lambda client: self._holds(place, client))

    async def _holds(self, place: Place, client: RealClient) -> None:
        """Stall one connection of a kubectl, after ten others and before twenty."""
        stuck = await pod(self, lambda: Talker(reads=False))
        front = await self.front(place, client, stuck.port)
        before = await front.ten()
        stalled = Talker(endless())
        number = await front.open(stuck.port, stalled)
        await stands_still(stalled)
        # Those that come now can only be opened when it is over.
        await together([all_complete(before), self._ten_more(front)])
        await front.gateway.says(
            rf"tunnel \S+-{number} failed: .* -> default/web:{stuck.port}( on n1)?: "
            rf"stalled: the pod has taken none of \d+ bytes for {STALL} s while "
            r"10 other tunnels waited"
        )
        await stalled.ends()
        await self._ten_more(front)
        self.assertEqual(len(front.failed()), 1, front.failed())
        front.lives()

    async def _ten_more(self, front: Front) -> None:
        """Ten connections that are opened now complete."""
        await all_complete(await front.ten())

    async def test_our_own_node(self) -> None:
        """Kubectl 1.20, 1.31 and the newest go on, before our own node."""
        await self._hold(kubelet=False)

    async def test_kubelet(self) -> None:
        """Kubectl 1.20, 1.31 and the newest go on, before a kubelet."""
        await self._hold(kubelet=True)


class StalledTests(StallCase):
    """What else may be the matter with an upload."""

    async def _front(self, port: int, deadline: int = STALL) -> Front:
        """Run the newest kubectl before our own node."""
        place = await self.place("--stall-deadline", str(deadline))
        return await self.front(place, KUBECTL, port)

    async def _stall(
        self, front: Front, door: Door[Talker], count: int = 1
    ) -> list[Talker]:
        """Send to a pod that reads nothing, until nothing goes any more."""
        stalled = [Talker(endless()) for _ in range(count)]
        for talker in stalled:
            await front.open(door.port, talker)
        for talker in stalled:
            await stands_still(talker)
        return stalled

    async def test_two_at_once(self) -> None:
        """Two that stall are given up one after the other, and the others finish."""
        stuck = await pod(self, lambda: Talker(reads=False))
        front = await self._front(stuck.port)
        before = await front.ten()
        stalled = await self._stall(front, stuck, 2)
        await all_complete(before)
        for talker in stalled:
            await talker.ends()
        self.assertEqual(len(front.failed()), 2, front.failed())
        front.lives()

    async def test_slow_but_moving(self) -> None:
        """A pod that takes a little at a time gets everything, however long that is."""
        slow = await pod(self, lambda: Slow(0.1))
        front = await self._front(slow.port)
        neighbour = await front.healthy()
        words = random.Random(0).randbytes(16 * MIB)
        sender = Talker(pieces(words))
        await front.open(slow.port, sender)
        taker = await slow.next()
        # Three deadlines and a half, with nobody read from for most of the time.
        await taker.until(lambda: taker.received > 35 * BLOCK)
        taker.hurry()
        await taker.until(lambda: taker.received == len(words))
        self.assertEqual(taker.digest, hashlib.sha256(words).hexdigest())
        await neighbour.completes()
        self.assertEqual(front.failed(), [])
        front.lives()

    async def test_killed_client(self) -> None:
        """A kubectl that is killed while it stalls is noticed with its pod."""
        stuck = await pod(self, lambda: Talker(reads=False))
        front = await self._front(stuck.port, 2 * STALL)
        await front.healthy()
        await self._stall(front, stuck)
        front.forward.running.send(signal.SIGKILL)
        over = front.gateway.says(r"session \S+: .* over after .* 2 tunnels")
        over.addTimeout(SOON, IReactorTime(reactor))
        await over
        taker = await stuck.next()
        taker.read_on()
        await taker.ends()
        self.nothing_is_wrong(front.gateway)
