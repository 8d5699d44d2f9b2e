"""
A session that lives for days, in little: ``.ci/long`` makes a million connections.

The gateway is a process of its own, its client and its kubelet are real; what it
holds when nothing is open but the session, it tells itself (`insight`).
"""

from __future__ import annotations

from twisted.internet.threads import deferToThread

from .build import require
from .running import PeerCase
from .soak import soaked

#: Connections, and after how many the gateway is asked.
COUNT = 10_000
EVERY = 2500

#: Growth in which nothing was kept: the system's share of memory comes and goes in
#: pieces of a MiB; of objects, a log's and a timer's.
BYTES = 2 * 1024 * 1024
OBJECTS = 500

#: Connections to the kubelet that may be kept for the next one, more or fewer.
LINES = 20


class SoakTests(PeerCase):
    """What a connection leaves behind, once it is over."""

    async def test_nothing_is_kept(self) -> None:
        """Ten thousand connections leave no stream, no file, and no memory."""
        require("clientgo")
        samples = await deferToThread(soaked, COUNT, EVERY, lambda _: None)
        self.assertEqual([sample.count for sample in samples][-1], COUNT)
        self.assertEqual({sample.streams for sample in samples}, {0})
        files = [sample.files for sample in samples]
        self.assertLess(max(files) - min(files), LINES, samples)
        # What fills once has filled in the first half.
        middle, last = samples[len(samples) // 2 - 1], samples[-1]
        self.assertLess(last.bytes - middle.bytes, BYTES, samples)
        self.assertLess(last.objects - middle.objects, OBJECTS, samples)
