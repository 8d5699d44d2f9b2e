"""
The command line of the benchmark: ``python -m tests.bench --help``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from .measures import Sizes
from .report import BASES, Figures, ratios, table, title
from .running import Run, progress
from .topologies import PATHS, STATED, USUAL

ABOUT: Final = """\
What spdygate costs, beside what others do in its place. Every path is measured
in turn, several rounds, and the medians are printed; then each row divided by
the relay's and by the splice's. Client, load, pod and kubelet run on the same
machine and take their share of it, so only those ratios mean anything, and only
within one run; they differ by a tenth or two from run to run.
"""

TEACHING: Final = """\
rows:
  direct     load -> pod, in TCP: what the load itself can do
  kubelet    load -> client-go -> kubelet (k8s.io/cri-streaming) -> pod
  relay      ... -> a relay in Go: client-go and k8s.io/streaming -> kubelet
  splice     ... -> HAProxy in TCP mode, which reads nothing -> kubelet
  gateway    ... -> spdygate -> the same kubelet, SPDY in and out: compare this
  ungated    ... the same with --ping-window off
  workers    ... the same with --workers 2 (not measured unless asked for)
  node       ... -> spdygate -> spdygate-node, HTTP/2 out
  embedded   ... -> spdygate with its node service inside -> pod
  tunnel     ... -> spdygate -> kubelet, SPDY in a WebSocket out (as asked for)
  channels   ... -> spdygate -> kubelet, WebSocket channels out (as asked for)
  websocket  ... SPDY in a WebSocket -> spdygate, its node inside (as asked for)

columns:
  up, down   MiB/s to and from the pod; x8 with 8 connections at once
  CPU        seconds per GiB of the process in the middle alone, 1 connection
  p50, p99   microseconds of a 64-byte echo; x8 with 8 connections at once
  conn       connections per second, 8 at a time, in one session
  sess       whole sessions per second, 8 at a time, one connection in each
  idle       KiB of memory per idle session with one open connection
and of one session's other connections (each "x" is divided by the figure before):
  stuck      while one is stuck: up, its pod does not read, and it is ended at last;
             down, its local program does not read. How many of 10 go on, how many
             seconds they waited at most, and after that their p99 and throughput
  busy       p99 of one, while another moves bytes: as fast as it can; 50 MiB/s
  late       whether an answer that comes 10 s after the client's FIN arrives

examples:
  python -m tests.bench                                 the usual, in 5 minutes
  python -m tests.bench --only relay,gateway --rounds 9 one comparison, sharper
  python -m tests.bench --mib 1024 --rounds 5 --held 1000 --tls --json docs/bench.json
                                                        for the record; then
  python -m tests.bench.stated docs/bench.json          README, docs, picture
  python -m tests.bench --only embedded --held 1000     memory, with 1000 held
"""


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=ABOUT,
        epilog=TEACHING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--rounds", type=_positive, default=3, help="how often (default: %(default)s)")
    add(
        *("--mib",),
        type=_eights,
        default=128,
        help="MiB to move for one figure, a multiple of 8 (default: %(default)s)",
    )
    add(
        *("--only",),
        type=_names,
        default=list(USUAL),
        help=f"rows, separated by commas, or all (default: {','.join(USUAL)})",
    )
    add(
        *("--beside",),
        type=_names,
        default=list(STATED),
        help=f"of these, rows to stick and to busy (default: {','.join(STATED)})",
    )
    add(
        *("--held",),
        type=int,
        default=100,
        help="idle sessions to weigh (default: %(default)s; 0: none)",
    )
    add("--tls", action="store_true", help="then all rows again, TLS on both sides")
    add("--json", type=Path, metavar="FILE", help="write all figures to a file, too")
    return parser.parse_args(argv)


def _positive(text: str) -> int:
    """Read a number that is at least 1."""
    if int(text) < 1:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return int(text)


def _eights(text: str) -> int:
    """Read a number that eight connections can share."""
    if int(text) < 8 or int(text) % 8:
        raise argparse.ArgumentTypeError("it must be a multiple of 8")
    return int(text)


def _names(text: str) -> list[str]:
    """Read names of rows; keep the table's order."""
    asked = list(PATHS) if text == "all" else text.split(",")
    unknown = sorted(set(asked) - set(PATHS))
    if unknown:
        known = ", ".join(PATHS)
        raise argparse.ArgumentTypeError(f"no row is called {unknown[0]}: {known}")
    return [name for name in PATHS if name in asked]


def measured(options: argparse.Namespace, *, tls: bool) -> Figures:
    """Measure every path that was asked for, in rounds."""
    stated = [name for name in options.only if name in options.beside]
    with ExitStack() as stack:
        run = Run(stack, Sizes(options.mib, held=options.held), tls=tls)
        run.start(options.only)
        for number in range(options.rounds):
            words = f"round {number + 1} of {options.rounds}"
            run.round(words)
            run.beside(words, stated)
        run.late(stated)
        progress("")
        return run.figures


def as_json(figures: Figures) -> dict[str, object]:
    """Return what a program may want to know of one set of rows."""
    medians = figures.medians()
    return {
        "medians": medians,
        "ratios": {base: ratios(medians, base) for base in BASES},
        "all": figures.everything(),
    }


def main(argv: Sequence[str]) -> None:
    """Measure, and print."""
    options = arguments(argv)
    # Whoever ends us, as timeout(1) does, ends what we have started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    found: dict[str, object] = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "rounds": options.rounds,
        "mib": options.mib,
        "held": options.held,
    }
    sets: dict[str, object] = {}
    for name, tls in (("plain", False), ("tls", True))[: 1 + options.tls]:
        figures = measured(options, tls=tls)
        sets[name] = as_json(figures)
        heading = title(tls, options.mib, options.rounds)
        print(table(heading, figures.medians()), flush=True)
        if options.json is not None:
            text = json.dumps({**found, "sets": sets}, indent=1)
            options.json.write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
