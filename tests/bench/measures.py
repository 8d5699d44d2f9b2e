"""
What is measured of a path.

Every measurement is short, and is repeated in rounds: in each round all paths are
measured for one figure, one right after the other, so that what disturbs the
machine for a while disturbs them all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from tests.peers.build import require

from .programs import Program, outcome
from .topologies import Route

HASTE: Final = ("-timeout", "60s")
"""When a load gives a path up: nothing takes nearly as long."""

Figures = Iterator[tuple[str, float]]
"""Names of columns, and what was measured."""


@dataclass(frozen=True)
class Sizes:
    """
    How much is done for one measurement.

    :ivar mib: MiB moved, in all streams together.
    :ivar echoes: echoes timed on each connection.
    :ivar connections: connections made.
    :ivar sessions: sessions opened and closed.
    :ivar held: sessions held for their memory; with 0 it is not measured.
    """

    mib: int
    echoes: int = 400
    connections: int = 1000
    sessions: int = 160
    held: int = 100


def _bulk(route: Route, sizes: Sizes, streams: int, way: str) -> Figures:
    """Move bytes one way; time it, and what it took in the middle."""
    count = str((sizes.mib << 20) // streams)
    pod, word = {"up": ("sink", "-send"), "down": ("flood", "-expect")}[way]
    port = route.ports[pod if streams == 1 else pod + "8"]
    words = (
        "-addr",
        f"127.0.0.1:{port}",
        word,
        count,
        "-parallel",
        str(streams),
        *HASTE,
    )
    before = _cpu(route)
    said = outcome(require("load"), "bulk", *words)
    used = _cpu(route) - before
    yield f"{way}{streams}", sizes.mib * 1000 / said["ms"]
    if streams == 1 and route.middle is not None:
        yield f"cpu_{way}", used * 1024 / sizes.mib


def _cpu(route: Route) -> float:
    """Return the CPU seconds of the middle, 0 if there is none."""
    return 0.0 if route.middle is None else route.middle.cpu()


def _pace(route: Route, sizes: Sizes, streams: int) -> Figures:
    """Time echoes of 64 bytes."""
    words = ("-n", str(sizes.echoes), "-parallel", str(streams), *HASTE)
    addr = f"127.0.0.1:{route.ports['echo']}"
    said = outcome(require("load"), "pace", "-addr", addr, *words)
    yield f"p50_{streams}", said["p50"]
    yield f"p99_{streams}", said["p99"]


def _connections(route: Route, sizes: Sizes) -> Figures:
    """Make connections, eight at a time: 64 bytes each way, and the end."""
    words = ("-n", str(sizes.connections), "-parallel", "8", "-hang-up", *HASTE)
    addr = f"127.0.0.1:{route.ports['once']}"
    said = outcome(require("load"), "churn", "-addr", addr, *words)
    yield "connections", sizes.connections * 1000 / said["ms"]


def _sessions(route: Route, sizes: Sizes, pod: str) -> Figures:
    """Open and close whole sessions, eight at a time, each with one connection."""
    if not route.url:
        return
    said = outcome(*session_argv(route, pod), "-n", str(sizes.sessions))
    yield "sessions", sizes.sessions * 1000 / said["ms"]


def session_argv(route: Route, pod: str) -> tuple[str, ...]:
    """Return the command that opens sessions, but for their number."""
    asks = ("-url", route.url, "-port", pod, "-dialer", route.dialer)
    return (require("relay"), "sessions", *asks, "-ca", route.ca)


def memory(route: Route, held: int, pod: str) -> Figures:
    """
    Hold sessions with one idle connection each; weigh the middle before and after.

    Measure it before all else: memory that was freed is used again, and hides
    what the next session takes.

    :param pod: the port of the pod that echoes.
    """
    if route.middle is None or not held:
        return
    # The first one loads what all of them share.
    outcome(*session_argv(route, pod), "-n", "8")
    with ExitStack() as stack:
        before = route.middle.resident()
        words = ("-n", str(held), "-hold")
        holder = Program(stack, *session_argv(route, pod), *words)
        holder.says(r"held (\d+)")
        # What opening them left behind is not idle yet.
        time.sleep(0.5)
        yield "kib", max(0, route.middle.resident() - before) / held
        holder.end()


def warm(route: Route, sizes: Sizes) -> None:
    """Carry what is not counted: first uses are slow, in every language."""
    for way in ("up", "down"):
        for _ in _bulk(route, sizes, 8, way):
            pass


def rounds(sizes: Sizes, once: str) -> list[Callable[[Route], Figures]]:
    """
    Return the measurements of one round.

    :param once: the port of the pod that echoes 64 bytes and hangs up.
    """
    return [
        lambda route: _bulk(route, sizes, 1, "up"),
        lambda route: _bulk(route, sizes, 1, "down"),
        lambda route: _bulk(route, sizes, 8, "up"),
        lambda route: _bulk(route, sizes, 8, "down"),
        lambda route: _pace(route, sizes, 1),
        lambda route: _pace(route, sizes, 8),
        lambda route: _connections(route, sizes),
        lambda route: _sessions(route, sizes, once),
    ]
