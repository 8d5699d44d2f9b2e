"""
The programs in the pod, each on a port of its own: what a path leads to.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from tests.peers.build import require

from .programs import Program

LOOPBACK: Final = "127.0.0.1:0"
"""Where every server of the benchmark listens."""

ENDLESS: Final = str(1 << 62)
"""Bytes that nobody sees the end of."""

PACE: Final = str(50 << 20)
"""Bytes in a second that no path finds hard."""

LATE: Final = "10s"
"""How long after the client's FIN a pod answers."""


class Pod:
    """
    The programs in the pod.

    :ivar ports: where each listens, by its name.
    """

    def __init__(self, stack: ExitStack, mib: int) -> None:
        """
        Start them.

        :param mib: how many MiB a measurement of throughput moves in all.
        """
        self._stack = stack
        whole, eighth = str(mib << 20), str(mib << 17)
        self.ports = {
            "echo": self._run("echo"),
            "once": self._run("echo-once", "64"),
            "sink": self._run("hash", whole),
            "sink8": self._run("hash", eighth),
            "flood": self._run("flood", whole),
            "flood8": self._run("flood", eighth),
            "ask": self._run("ask"),
            "stuck": self._run("stall", "0", "-delay", "1h"),
            "drain": self._run("sink"),
            "torrent": self._run("flood", ENDLESS),
            "stream": self._run("flood", ENDLESS, "-rate", PACE),
            "late": self._run("hash", "64", "-delay", LATE),
        }

    def _run(self, mode: str, count: str = "0", *more: str) -> str:
        """Run one; return its port."""
        words = ("-mode", mode, "-bytes", count, "-hash=false", *more)
        argv = (require("load"), "pod", "-listen", LOOPBACK, *words)
        return Program(self._stack, *argv).says(r"listening 127\.0\.0\.1:(\d+)")
