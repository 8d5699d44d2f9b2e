"""
What becomes of connections when another one of the same session is stuck or busy.

Each measurement has a client, and so a session, of its own: where a stuck connection
freezes all others, nothing can be measured through that session any more.  None waits
longer than its bound, so a row that freezes costs seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Final

from tests.peers.build import require

from .measures import Figures
from .pods import PACE
from .programs import Failed, Program, outcome
from .topologies import Route

NEIGHBOURS: Final = 10
"""Connections beside one that is stuck: two for each of a Go client's five workers."""

STUCK_UP: Final = ("-does", "send", "-until-ends", "-bound", "8s")
"""The connection to a pod that does not read is ended after five seconds, or not."""

STUCK_DOWN: Final = ("-does", "ignore", "-bound", "2s")
"""Long enough for every buffer on the way to fill."""

BUSY: Final = ("-bound", "200ms", "-grace", "5s", "-each", "500ms", "-neighbours", "1")
"""Long enough for a transfer to be at full speed."""

RATE_MIB: Final = 64
"""MiB that neighbours receive, all together, for their throughput."""


def stuck_up(route: Route) -> Figures:
    """Send to a pod that does not read, until that connection is ended."""
    neighbours = ("-neighbours", str(NEIGHBOURS))
    said = _beside(route, "stuck", *STUCK_UP, *neighbours)
    # If nobody ended it there is no "after", even if others can be heard.
    going = said["going"] if "ended" in said else 0.0
    yield "stuck_up_going", going
    if going:
        yield from _compared("stuck_up", said)


def stuck_down(route: Route) -> Figures:
    """Receive from a pod without reading, and use the other connections."""
    neighbours = ("-neighbours", str(NEIGHBOURS), "-mib", str(RATE_MIB))
    said = _beside(route, "torrent", *STUCK_DOWN, *neighbours)
    yield "stuck_down_going", said["going"]
    if said["going"]:
        yield from _compared("stuck_down", said)
        yield "stuck_down_rate", said["besides"] / said["rate"]


def busy_up(route: Route) -> Figures:
    """Use one connection while another one sends as fast as it can."""
    return _busy("busy_up", route, "drain", "-does", "send")


def busy_down(route: Route) -> Figures:
    """Use one connection while another one receives as fast as it can."""
    return _busy("busy_down", route, "torrent", "-does", "receive")


def paced_up(route: Route) -> Figures:
    """Use one connection while another one sends, and leaves the machine idle time."""
    return _busy("paced_up", route, "drain", "-does", "send", "-rate", PACE)


def paced_down(route: Route) -> Figures:
    """Use one connection while another one receives at that pace."""
    return _busy("paced_down", route, "stream", "-does", "receive")


def _busy(name: str, route: Route, other: str, *words: str) -> Figures:
    """Time one connection while another one moves bytes."""
    said = _beside(route, other, *words, *BUSY)
    if said["going"]:
        yield from _compared(name, said)


def _beside(route: Route, other: str, *words: str) -> dict[str, float]:
    """Run the load of neighbours beside a connection to the pod *other*."""
    asks = ("-addr", f"127.0.0.1:{route.ports['ask']}")
    others = ("-other", f"127.0.0.1:{route.ports[other]}")
    return outcome(require("load"), "beside", *asks, *others, *words)


def _compared(name: str, said: Mapping[str, float]) -> Figures:
    """Divide the p99 beside the other connection by the one without."""
    yield f"{name}_wait", said["wait"] / 1000
    yield f"{name}_quiet", said["quiet"]
    yield f"{name}_p99", said["p99"]
    yield f"{name}_ratio", said["p99"] / said["quiet"]


def late(routes: Mapping[str, Route]) -> Iterator[tuple[str, Figures]]:
    """
    Half-close a connection through every path; say whether the late answer comes.

    Nothing is timed and all of them wait, so they do it together.
    """
    with ExitStack() as stack:
        asked = {
            name: Program(
                stack,
                *(require("load"), "send-hash", "-bytes", "64", "-half-close"),
                *("-addr", f"127.0.0.1:{route.ports['late']}", "-timeout", "12s"),
            )
            for name, route in routes.items()
        }
        for name, program in asked.items():
            try:
                text = program.says(r'text "(.*)"')
            except Failed:
                text = ""
            yield name, iter([("late", float(text != ""))])


MEASURES: Final = (
    *(stuck_up, stuck_down),
    *(busy_up, busy_down, paced_up, paced_down),
)
"""All but :func:`late`, each for a session of its own."""
