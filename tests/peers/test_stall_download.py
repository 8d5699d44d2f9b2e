"""
One program that does not read, and everybody else of the same kubectl.

No kubectl has flow control, and one of its five workers waits for whoever does
not read.  The PING window lets only that worker wait: a connection needs the
workers of both its streams, and those that need another than the stuck one go
on.  What becomes of the rest is the kubectl's age: since 1.32 it throws away
what nobody reads once its program has gone; before, a worker that is stuck is
stuck for good, and the session is closed, so that whoever runs it starts again.
"""

from __future__ import annotations

import hashlib
import random
import signal

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from tests.matrix.contract import MIB

from .realcases import KUBECTL, KUBECTL_120, KUBECTL_131, RealClient
from .stallcases import (
    HEALTHY,
    HELLO,
    KUBECTLS,
    STALL,
    WORKERS,
    Front,
    Healthy,
    Place,
    StallCase,
    all_complete,
)
from .talking import Door, Talker, endless, pieces, pod, stands_still

#: How a kubectl ends that has lost its connection: before 1.23 it was no error.
STATUS = {KUBECTL_120: 0, KUBECTL_131: 1}

#: How many of the healthy ones do not need the worker of the one that comes after
#: them: of streams 1 to 39, those where neither number of a pair is 3 more than a
#: multiple of five.
FREE = HEALTHY - 4

#: Bytes that a reader asks for which reads them later: many times what its kubectl
#: and the system hold for it.
MUCH = 48 * MIB

#: What is said to a gateway so that a test need not wait as long as its users.
FROZEN = 2

#: Seconds within which the gateway notices that its client is gone.
SOON = 10


async def stall(front: Front, door: Door[Talker]) -> tuple[Talker, Talker, int]:
    """Ask a pod that sends much, and read nothing; return both, and the worker lost."""
    reader = Talker(reads=False)
    number = await front.open(door.port, reader)
    sender = await door.next()
    await stands_still(sender)
    return reader, sender, number % WORKERS


class DownloadTests(StallCase):
    """Connections that need no stuck worker finish while it is stuck."""

    async def _hold(self, *, kubelet: bool) -> None:
        """Hold every kubectl to it."""
        words = ("--stall-deadline", str(STALL), "--frozen-deadline", str(FROZEN))
        place = await self.place(*words, kubelet=kubelet)
        await self.each(KUBECTLS, lambda client: self._holds(place, client))

    async def _holds(self, place: Place, client: RealClient) -> None:
        """Stall one connection of a kubectl, beside ten others, and let it go."""
        door = await pod(self, lambda: Talker(endless()))
        front = await self.front(place, client, door.port)
        before = await front.ten()
        # Every other number is an error stream's, and each came before its own.
        self.assertEqual([one.data_id for one in before], [*range(3, 43, 4)])
        reader, _, stuck = await stall(front, door)
        await self._others_go_on(front, before, stuck)
        self.assertIsNone(reader.over)
        harmed = [one for one in before if one.needs({stuck})]
        await reader.gone()
        if client is KUBECTL:
            await self._recovers(front, harmed)
        else:
            await self._is_closed(front, harmed, STATUS[client])

    async def _others_go_on(
        self, front: Front, before: list[Healthy], stuck: int
    ) -> None:
        """Those that do not need the stuck worker finish, old and new."""
        free = [one for one in before if not one.needs({stuck})]
        self.assertEqual(len(free), FREE)
        await all_complete(free)
        # Of new ones the third would be the first that needs it.
        for _ in range(2):
            one = await front.healthy()
            self.assertFalse(one.needs({stuck}))
            await one.completes()
        front.lives()

    async def _recovers(self, front: Front, harmed: list[Healthy]) -> None:
        """All finish, now that the reader has gone."""
        await all_complete(harmed)
        await all_complete(await front.ten())
        front.lives()

    async def _is_closed(
        self, front: Front, harmed: list[Healthy], status: int
    ) -> None:
        """The kubectl is told within the bound that it is over, and ends."""
        running = front.forward.running
        over = running.says("lost connection to pod")
        await over.addTimeout(FROZEN + SOON, IReactorTime(reactor))
        self.assertEqual(await running.ends(), status, running.output)
        for one in harmed:
            await one.talker.ends()

    async def test_our_own_node(self) -> None:
        """Kubectl 1.20, 1.31 and the newest, before our own node."""
        await self._hold(kubelet=False)

    async def test_kubelet(self) -> None:
        """Kubectl 1.20, 1.31 and the newest, before a kubelet."""
        await self._hold(kubelet=True)


class ReaderTests(StallCase):
    """What else a reader may do that reads nothing."""

    async def _comes_back(self, place: Place, client: RealClient) -> None:
        """Read everything late, and see that the others are well."""
        words = random.Random(0).randbytes(MUCH)
        door = await pod(self, lambda: Talker(pieces(words)))
        front = await self.front(place, client, door.port)
        connections = await front.ten()
        reader, _, stuck = await stall(front, door)
        await all_complete(one for one in connections if not one.needs({stuck}))
        reader.read_on()
        await reader.until(lambda: reader.received == MUCH)
        self.assertEqual(reader.digest, hashlib.sha256(words).hexdigest())
        await all_complete(one for one in connections if one.needs({stuck}))
        await all_complete(await front.ten())
        front.lives()

    async def test_comes_back(self) -> None:
        """One that only paused gets all its bytes, and everybody finishes."""
        place = await self.place()
        await self.each(KUBECTLS, lambda client: self._comes_back(place, client))

    async def test_comes_back_before_a_kubelet(self) -> None:
        """So it is where the pod is behind a kubelet."""
        place = await self.place("--stall-deadline", str(STALL), kubelet=True)
        await self.each(KUBECTLS, lambda client: self._comes_back(place, client))

    async def test_two_at_once(self) -> None:
        """Two that stall hold up their own two workers, and go one after the other."""
        door = await pod(self, lambda: Talker(endless()))
        front = await self.front(await self.place(), KUBECTL, door.port)
        connections = await front.ten()
        one, _, first = await stall(front, door)
        other, _, second = await stall(front, door)
        self.assertNotEqual(first, second)
        both = {first, second}
        await all_complete(c for c in connections if not c.needs(both))
        await one.gone()
        await all_complete(
            c for c in connections if c.needs({first}) and not c.needs({second})
        )
        await other.gone()
        await all_complete(c for c in connections if c.needs({second}))
        front.lives()

    async def test_without_the_window(self) -> None:
        """With ``--ping-window off`` everybody waits for it, as everywhere else."""
        door = await pod(self, lambda: Talker(endless()))
        place = await self.place("--ping-window", "off")
        front = await self.front(place, KUBECTL, door.port)
        before = await front.ten()
        reader, _, _ = await stall(front, door)
        completing = Deferred.fromCoroutine(all_complete(before))
        await stands_still(before[0].talker)
        for one in before:
            self.assertEqual(one.talker.received, HELLO)
        await reader.gone()
        await completing
        front.lives()

    async def test_killed_client(self) -> None:
        """A kubectl that is killed while it stalls is noticed at once."""
        door = await pod(self, lambda: Talker(endless()))
        front = await self.front(await self.place(), KUBECTL, door.port)
        await front.healthy()
        _, sender, _ = await stall(front, door)
        over = front.gateway.says(r"session \S+: .* over after .* 2 tunnels")
        over.addTimeout(SOON, IReactorTime(reactor))
        front.forward.running.send(signal.SIGKILL)
        await over
        await sender.ends()
        self.nothing_is_wrong(front.gateway)
