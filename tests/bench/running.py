"""
One run of the benchmark: every row is started, then measured in turn, in rounds.

A row that fails is named, and goes on through a new session; it costs the others
nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from . import beside
from .measures import Sizes, memory, rounds, warm
from .pods import Pod
from .programs import Failed
from .report import Figures
from .topologies import Route, Seals, Topologies

FROZEN: Final = "_going"
"""How the column ends that says how many connections go on; with 0 none does."""


class Run:
    """
    All rows, without TLS or with it.

    :ivar figures: what was measured until now.
    """

    def __init__(self, stack: ExitStack, sizes: Sizes, *, tls: bool) -> None:
        """
        :param stack: what ends all programs.
        :param sizes: how much is done for one figure.
        :param tls: whether both sides of the middle speak it.
        """
        self.figures = Figures()
        self._sizes = sizes
        self._pod = Pod(stack, sizes.mib)
        self._paths = Topologies(stack, self._pod, Seals(stack) if tls else None)
        self._routes: dict[str, Route] = {}
        self._frozen: set[tuple[str, str]] = set()

    def start(self, names: Sequence[str]) -> None:
        """Start the rows, weigh their idle sessions, and warm them."""
        for name in names:
            progress(f"starting {name}")
            with _named(name):
                route = self._paths.start(name)
                found = memory(route, self._sizes.held, self._pod.ports["echo"])
                self.figures.add(name, found)
                warm(route, self._sizes)
                self._routes[name] = route

    def round(self, words: str) -> None:
        """
        Measure speed once, on all rows.

        :param words: which round it is, for a human who waits.
        """
        for measure in rounds(self._sizes, self._pod.ports["once"]):
            again = dict(self._routes)
            for name, route in self._routes.items():
                progress(f"{words}: {name}")
                with _named(name):
                    self.figures.add(name, measure(route))
                    del again[name]
            # Their sessions may be stuck: the next figure needs others.
            for name in again:
                del self._routes[name]
                with _named(name):
                    self._routes[name] = self._paths.start(name)

    def beside(self, words: str, names: Sequence[str]) -> None:
        """
        Measure once what becomes of connections beside one that is stuck or busy.

        Where they were frozen once, that measurement is not repeated: it takes long.

        :param words: which round it is, for a human who waits.
        :param names: the rows to measure, as far as they were started.
        """
        for measure in beside.MEASURES:
            what = measure.__name__
            for name in names:
                if name not in self._routes or (name, what) in self._frozen:
                    continue
                progress(f"{words}: {name}, {what}")
                with _named(name), ExitStack() as own:
                    route = self._paths.another(own, self._routes[name])
                    found = dict(measure(route))
                    self.figures.add(name, found.items())
                    if not all(found[key] for key in found if key.endswith(FROZEN)):
                        self._frozen.add((name, what))

    def late(self, names: Sequence[str]) -> None:
        """Try on all those rows at once whether a late answer comes."""
        progress("waiting for late answers")
        routes = {}
        with ExitStack() as own:
            for name in names:
                if name in self._routes:
                    with _named(name):
                        routes[name] = self._paths.another(own, self._routes[name])
            for name, found in beside.late(routes):
                self.figures.add(name, found)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Go on when a row fails, and say which it was."""
    try:
        yield
    except Failed as failure:
        print(f"\nthe row {name} failed: {failure}", file=sys.stderr)


def progress(text: str) -> None:
    """Say what is going on, to a human who waits."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
