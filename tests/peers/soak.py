"""
Very many connections in one session: ``python -m tests.peers.soak --help``.

A client-go makes them, one after the other and some at a time, through a gateway
to a real kubelet.  Now and then nothing is open but the session, and the gateway is
asked what it holds: memory, open files, streams.  What it keeps of a connection
that is over is seen as a slope, in bytes per connection.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from statistics import linear_regression
from typing import Final

from tests.bench.programs import Failed, Program, outcome

from .build import require

ABOUT: Final = """\
Make very many connections in one session of one client, through a gateway to a
kubelet, and print what the gateway holds in between. The slopes at the end are
those of the first half of the connections and of the second: the first has what
fills once, the second is what a session that lives on goes on to cost.
"""

LISTEN: Final = ("--listen", "tcp:0:interface=127.0.0.1")

SETTLING: Final = 30.0
"""Seconds within which everything of a connection is over that was closed."""


@dataclass(frozen=True)
class Sample:
    """
    What the gateway held while nothing but the session was open.

    :ivar count: how many connections there had been.
    :ivar rate: connections per second since the last sample.
    :ivar bytes: its memory.
    :ivar files: how many it had open.
    :ivar objects: how many were alive in it, of those that can be in cycles.
    :ivar streams: how many its sessions had open, toward client and kubelet.
    """

    count: int
    rate: float
    bytes: int
    files: int
    objects: int
    streams: int


class Soak:
    """One gateway, and a session that lives as long as everything else."""

    def __init__(self, stack: ExitStack) -> None:
        """
        Start all programs.

        :param stack: what ends them.
        """
        pod = self._pod(stack)
        # For as long a kubelet waits for the second end of a connection, and so do we.
        kubelet = Program(stack, require("kubelet"), "-grace", "100ms")
        node = kubelet.says(r"listening (\S+)")
        words = (*LISTEN, "--node", f"*=http://{node}")
        insight = (sys.executable, "-m", "tests.peers.insight")
        gateway = Program(stack, *insight, "spdygate", *words)
        self._insight = int(gateway.says(r"insight 127\.0\.0\.1:(\d+)"))
        url = gateway.says(r"listening on (http\S+)").rstrip("/")
        path = "/api/v1/namespaces/p/pods/q/portforward"
        client = Program(stack, require("clientgo"), "-url", url + path, f"0:{pod}")
        local = client.says(rf"127\.0\.0\.1:(\d+) -> {pod}\b")
        self._address = f"127.0.0.1:{local}"
        self.count = 0

    def _pod(self, stack: ExitStack) -> str:
        """Start a pod that echoes and hangs up; return its port."""
        words = ("-mode", "echo-once", "-bytes", "64", "-hash=false")
        pod = Program(stack, require("load"), "pod", "-listen", "127.0.0.1:0", *words)
        return pod.says(r"listening 127\.0\.0\.1:(\d+)")

    def churn(self, count: int) -> Sample:
        """Make connections, eight at a time, and see what is left when all are over."""
        started = time.monotonic()
        words = ("-n", str(count), "-parallel", "8", "-bytes", "64", "-hang-up")
        load = (require("load"), "churn", "-addr", self._address, "-timeout", "1h")
        outcome(*load, *words)
        rate = count / (time.monotonic() - started)
        self.count += count
        held = self._settled()
        fields = {name: held[name] for name in ("bytes", "files", "objects", "streams")}
        return Sample(self.count, rate, **fields)

    def _settled(self) -> dict[str, int]:
        """Ask what the gateway holds, until no connection is open in it."""
        patience = time.monotonic() + SETTLING
        while True:
            held = self._held()
            if not held["tunnels"] and not held["streams"]:
                return held
            if time.monotonic() > patience:
                return held
            time.sleep(0.1)

    def _held(self) -> dict[str, int]:
        """Ask what the gateway holds."""
        with socket.create_connection(("127.0.0.1", self._insight)) as asking:
            with asking.makefile() as answer:
                held: dict[str, int] = json.load(answer)
        return held


def soaked(
    connections: int, every: int, tell: Callable[[Sample], object]
) -> list[Sample]:
    """
    Make connections in one session; return what was seen in between.

    :param every: after how many of them to look.
    :param tell: called with what is seen, when it is.
    :raises Failed: one of them failed.
    """
    samples: list[Sample] = []
    with ExitStack() as stack:
        soak = Soak(stack)
        while soak.count < connections:
            samples.append(soak.churn(every))
            tell(samples[-1])
    return samples


def slope(samples: Sequence[Sample]) -> float:
    """Return by how many bytes memory grew with each connection."""
    counts = [sample.count for sample in samples]
    return linear_regression(counts, [sample.bytes for sample in samples]).slope


def halves(samples: Sequence[Sample]) -> tuple[float, float]:
    """Return the slope of each half."""
    middle = len(samples) // 2
    return slope(samples[: middle + 1]), slope(samples[middle:])


def show(sample: Sample) -> None:
    """Print one line."""
    print(
        f"{sample.count:>9} connections {sample.bytes >> 10:>7} KiB"
        f" {sample.files:>4} files {sample.objects:>7} objects"
        f" {sample.streams:>4} streams"
        f" {sample.rate:>6.0f} per s",
        flush=True,
    )


def main(argv: Sequence[str]) -> None:
    """Make them, and print."""
    parser = argparse.ArgumentParser("python -m tests.peers.soak", description=ABOUT)
    add = parser.add_argument
    add(
        *("--connections",),
        type=int,
        default=1_000_000,
        help="how many to make (default: %(default)s)",
    )
    add(
        *("--every",),
        type=int,
        default=50_000,
        help="after how many to look (default: %(default)s)",
    )
    add("--json", help="a file for every sample")
    options = parser.parse_args(argv)
    try:
        samples = soaked(options.connections, options.every, show)
    except Failed as failure:
        sys.exit(str(failure))
    first, second = halves(samples)
    print(f"bytes per connection: {first:.2f} in the first half, {second:.2f} after it")
    if options.json:
        with open(options.json, "w") as file:
            json.dump([asdict(sample) for sample in samples], file)


if __name__ == "__main__":
    main(sys.argv[1:])
