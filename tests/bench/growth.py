"""
Whether the cost of one more stays flat: ``python -m tests.bench.growth --help``.

Sessions and tunnels grow tenfold and a hundredfold, each time through a middle
that was just started; then very many connections are made, one after the other,
and the middle is weighed before and after.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

from tests.peers.build import require

from .measures import session_argv
from .programs import Program, outcome
from .topologies import PATHS, Pod, Route, Topologies

ABOUT: Final = """\
Time and memory of the process in the middle as sessions and tunnels grow, per
session and per tunnel: they must stay as they are. Then memory and descriptors
before and after very many connections. No figure is a median: each is of one
run, and differs by a tenth or two from the next.
"""

SESSIONS: Final = (10, 100, 1000)
"""How many sessions are held, each with one tunnel."""

TUNNELS: Final = (10, 1000, 10000)
"""How many tunnels of one session are held."""

SETTLING: Final = 3.0
"""Seconds from the end of the last connection to weighing."""

ROWS: Final = ("relay", "gateway", "node", "embedded")


class Middle:
    """
    What is measured, since it was made.

    :ivar route: how to get there.
    :ivar pod: what is behind it.
    """

    def __init__(self, route: Route, pod: Pod) -> None:
        assert route.middle is not None, "nothing is in the middle of this row"
        self.route = route
        self.pod = pod
        self._program = route.middle
        # The first sessions and tunnels load what all others share.
        self.open_sessions(8)
        self.churn(64, 8)
        self._cpu, self._resident = self._program.cpu(), self._program.resident()

    def cost(self, count: int) -> str:
        """Return what each of *count* took, in milliseconds of CPU and in KiB."""
        cpu = (self._program.cpu() - self._cpu) * 1000 / count
        kib = (self._program.resident() - self._resident) / count
        return f"{cpu:.2f} ms {kib:.0f} KiB"

    def weight(self) -> str:
        """Return all its memory and descriptors."""
        resident, descriptors = self._program.resident(), self._program.descriptors()
        return f"{resident} KiB {descriptors} descriptors"

    def open_sessions(self, count: int) -> None:
        """Open and close sessions."""
        words = session_argv(self.route, self.pod.ports["echo"])
        outcome(*words, "-n", str(count))

    def churn(self, count: int, parallel: int) -> None:
        """Make connections in the one session of the client."""
        addr = f"127.0.0.1:{self.route.ports['once']}"
        words = ("-n", str(count), "-parallel", str(parallel), "-hang-up")
        outcome(require("load"), "churn", "-addr", addr, *words)


def fresh(name: str, measure: Measurement, count: int) -> str:
    """Measure a middle that was just started."""
    with ExitStack() as stack:
        pod = Pod(stack, 8)
        return measure(Middle(Topologies(stack, pod, None).start(name), pod), count)


def sessions(middle: Middle, count: int) -> str:
    """Hold sessions with one tunnel each."""
    with ExitStack() as stack:
        words = (*session_argv(middle.route, middle.pod.ports["echo"]), "-hold")
        holder = Program(stack, *words, "-n", str(count))
        holder.says(r"held (\d+)")
        return middle.cost(count)


def tunnels(middle: Middle, count: int) -> str:
    """Hold tunnels in one session, until each has had its echo."""
    with ExitStack() as stack:
        addr = f"127.0.0.1:{middle.route.ports['echo']}"
        words = ("-addr", addr, "-n", str(count))
        holder = Program(stack, require("load"), "hold", *words)
        holder.says(r"held (\d+)")
        return middle.cost(count)


def churned(middle: Middle, count: int) -> str:
    """Make connections, eight at a time, and wait for the last to be let go of."""
    before = middle.weight()
    middle.churn(count, 8)
    # A kubelet gives both directions a second, and then all must be over.
    time.sleep(SETTLING)
    return f"{before} -> {middle.weight()}"


Measurement = Callable[[Middle, int], str]
"""What is done with a middle, so often; returns what to print."""


def main(argv: Sequence[str]) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.growth", description=ABOUT
    )
    parser.add_argument(
        *("--only",),
        default=",".join(ROWS),
        help="rows of `python -m tests.bench`, by commas (default: %(default)s)",
    )
    parser.add_argument(
        *("--connections",),
        type=int,
        default=100_000,
        help="how many to make, 8 at a time (default: %(default)s)",
    )
    options = parser.parse_args(argv)
    names = [name for name in PATHS if name in options.only.split(",")]
    grow("sessions held, CPU and memory of each", names, sessions, SESSIONS)
    grow("tunnels held in one session, CPU and memory of each", names, tunnels, TUNNELS)
    if options.connections:
        counts = (options.connections,)
        grow("connections in one session, before and after", names, churned, counts)


def grow(
    heading: str, names: Sequence[str], measure: Measurement, counts: Sequence[int]
) -> None:
    """Print a line for each row, with a figure for each count."""
    print(heading)
    print(f"{'':10}" + "".join(f"{count:>18}" for count in counts))
    for name in names:
        print(f"{name:10}", end="", flush=True)
        for count in counts:
            print(f"{fresh(name, measure, count):>18}", end="", flush=True)
        print()
    print()


if __name__ == "__main__":
    main(sys.argv[1:])
