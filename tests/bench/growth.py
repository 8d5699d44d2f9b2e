"""
Whether the cost of one more stays flat: ``python -m tests.bench.growth --help``.

Sessions and tunnels grow tenfold and a hundredfold, each time through a middle
that was just started; then very many connections are made, eight at a time, and the
middle is weighed before, after every tenth of them, and in the end.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from tests.peers.build import require

from .measures import session_argv
from .pods import Pod
from .programs import Failed, Program, outcome
from .report import growth
from .running import progress
from .topologies import PATHS, Route, Topologies

ABOUT: Final = """\
Time and memory of the process in the middle as sessions and tunnels grow, per
session and per tunnel: they must stay as they are. Then memory and descriptors
while very many connections are made. No figure is a median: each is of one run,
and differs by a tenth or two from the next.
"""

SESSIONS: Final = (10, 100, 1000)
"""How many sessions are held, each with one tunnel."""

TUNNELS: Final = (10, 1000, 10000)
"""How many tunnels are held."""

CROWD: Final = 1000
"""How many of them one session has: spdygate grants no client more than 2,000."""

SETTLING: Final = 3.0
"""Seconds from the end of the last connection to weighing."""

SLICES: Final = 10
"""In how many parts very many connections are made."""

ROWS: Final = ("relay", "gateway", "node", "embedded")


class Middle:
    """
    What is measured, since it was made.

    :ivar route: how to get there.
    :ivar pod: what is behind it.
    """

    def __init__(self, stack: ExitStack, name: str) -> None:
        """
        Start it.

        :param stack: what ends it.
        :param name: the row.
        """
        self.pod = Pod(stack, 8)
        self._paths = Topologies(stack, self.pod, None)
        self.route = route = self._paths.start(name)
        assert route.middle is not None, "nothing is in the middle of this row"
        self._program = route.middle
        # The first sessions and tunnels load what all others share.
        self.open_sessions(8)
        self.churn(64)
        self._cpu, self._resident = self._program.cpu(), self._program.resident()

    def cost(self, count: int) -> Found:
        """Return what each of *count* took, in milliseconds of CPU and in KiB."""
        cpu = (self._program.cpu() - self._cpu) * 1000 / count
        kib = (self._program.resident() - self._resident) / count
        return {"ms": cpu, "kib": kib}

    def weight(self) -> Found:
        """Return all its memory in KiB, and its descriptors."""
        program = self._program
        return {"kib": program.resident(), "descriptors": program.descriptors()}

    def another(self, stack: ExitStack) -> Route:
        """Return another client's way through it."""
        return self._paths.another(stack, self.route)

    def open_sessions(self, count: int) -> None:
        """Open and close sessions."""
        words = session_argv(self.route, self.pod.ports["echo"])
        outcome(*words, "-n", str(count))

    def churn(self, count: int) -> None:
        """Make connections in the one session of the client, eight at a time."""
        addr = f"127.0.0.1:{self.route.ports['once']}"
        words = ("-n", str(count), "-parallel", "8", "-hang-up", "-timeout", "1h")
        outcome(require("load"), "churn", "-addr", addr, *words)


def sessions(middle: Middle, count: int) -> Found:
    """Hold sessions with one tunnel each."""
    with ExitStack() as stack:
        words = (*session_argv(middle.route, middle.pod.ports["echo"]), "-hold")
        holder = Program(stack, *words, "-n", str(count))
        holder.says(r"held (\d+)")
        return middle.cost(count)


def tunnels(middle: Middle, count: int) -> Found:
    """Hold tunnels, in as few sessions as will have them, until each had its echo."""
    with ExitStack() as stack:
        for start in range(0, count, CROWD):
            route = middle.another(stack) if start else middle.route
            addr = f"127.0.0.1:{route.ports['echo']}"
            words = ("-addr", addr, "-n", str(min(CROWD, count - start)))
            holder = Program(stack, require("load"), "hold", *words)
            holder.says(r"held (\d+)")
        return middle.cost(count)


def grown(name: str, measure: Measurement, counts: Sequence[int]) -> list[Found]:
    """Measure each count through a middle that was just started."""
    found = []
    for count in counts:
        progress(f"{name}: {measure.__name__}, {count}")
        with ExitStack() as stack:
            found.append({"count": count, **measure(Middle(stack, name), count)})
    return found


def churned(name: str, count: int) -> list[Found]:
    """Make connections, and weigh; before the last time, let go of them all."""
    with ExitStack() as stack:
        middle = Middle(stack, name)
        found = [{"count": 0, **middle.weight()}]
        for part in range(1, SLICES + 1):
            done = count * part // SLICES
            progress(f"{name}: connections, {done} of {count}")
            middle.churn(count // SLICES)
            if part == SLICES:
                # A kubelet gives both directions a second; then all must be over.
                time.sleep(SETTLING)
            found.append({"count": done, **middle.weight()})
    return found


def each(names: Sequence[str], measure: Callable[[str], list[Found]]) -> Rows:
    """Measure all rows; name those that fail."""
    found = {}
    for name in names:
        try:
            found[name] = measure(name)
        except Failed as failure:
            print(f"\nthe row {name} failed: {failure}", file=sys.stderr)
    return found


Found = dict[str, float]
"""What was found, by names; one of them is ``count``."""

Rows = dict[str, list[Found]]
"""What was found of each row."""

Measurement = Callable[[Middle, int], Found]
"""What is done with a middle, so often."""


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.growth", description=ABOUT
    )
    add = parser.add_argument
    add(
        *("--only",),
        default=",".join(ROWS),
        help="rows of `python -m tests.bench`, by commas (default: %(default)s)",
    )
    add(
        *("--most",),
        type=int,
        default=max(TUNNELS),
        help="no count of sessions or tunnels above this (default: %(default)s)",
    )
    add(
        *("--connections",),
        type=int,
        default=100_000,
        help="how many to make, 8 at a time (default: %(default)s; 0: none)",
    )
    add(
        *("--json",),
        type=Path,
        metavar="FILE",
        help="put all figures into the file that `python -m tests.bench` wrote",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Measure, and print."""
    options = arguments(argv)
    names = [name for name in PATHS if name in options.only.split(",")]
    found: dict[str, Rows] = {}
    for measure, counts in ((sessions, SESSIONS), (tunnels, TUNNELS)):
        kept = [count for count in counts if count <= options.most]
        rows = partial(grown, measure=measure, counts=kept)
        found[measure.__name__] = each(names, rows)
    if options.connections:
        rows = partial(churned, count=options.connections)
        found["connections"] = each(names, rows)
    progress("")
    print(growth(found))
    if options.json is not None:
        text = options.json.read_text() if options.json.exists() else "{}"
        whole = {**json.loads(text), "growth": found}
        options.json.write_text(json.dumps(whole, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
