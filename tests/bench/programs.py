"""
Programs that run until the benchmark is over, and what they have used.

Their output goes to files: a pipe that nobody empties would stop the program,
and emptying it would take time from what is measured.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

PATIENCE: Final = 60.0
"""Seconds for a program to print what is waited for."""


class Failed(Exception):
    """A program did not do what it was started for. The text has its last words."""


class Program:
    """A program that runs until the benchmark is over, or is told to end."""

    def __init__(
        self, stack: ExitStack, *argv: str, descriptors: Sequence[int] = ()
    ) -> None:
        """
        Start it.

        :param stack: what kills it when the benchmark is over.
        :param argv: the program and its arguments.
        :param descriptors: what it inherits, beside the usual three.
        """
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self._said = home / "said"
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                env={**os.environ, "HOME": str(home)},
                pass_fds=descriptors,
            )
        stack.callback(self._kill)

    def _kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.communicate()

    def says(self, pattern: str) -> str:
        """
        Wait for a line.

        :returns: the first group of the first match.
        :raises Failed: if the program ends, or takes too long.
        """
        patience = time.monotonic() + PATIENCE
        while True:
            ended = self._process.poll() is not None
            said = self._said.read_text(errors="replace")
            match = re.search(pattern, said)
            if match:
                return match[1]
            if ended or time.monotonic() > patience:
                raise Failed(f"{pattern!r} was expected, not:\n{said[-2000:]}")
            time.sleep(0.005)

    def end(self) -> None:
        """Close its standard input, and wait until it has ended."""
        self._process.communicate()

    def cpu(self) -> float:
        """Return the CPU seconds that all its threads have used, to the nanosecond."""
        # The clock of another process, as clock_getcpuclockid(3) computes it: what
        # /proc counts in ticks of 10 ms is too coarse for a second's work.
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self._family())

    def resident(self) -> int:
        """Return how many KiB of memory it has; a zombie has none."""
        return sum(
            int(_status(pid).get("VmRSS", "0 kB").split()[0]) for pid in self._family()
        )

    def descriptors(self) -> int:
        """Return how many descriptors it has open."""
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self._family())

    def _family(self) -> list[int]:
        """Return its process, then those that it has started, and they in turn."""
        parents = {
            int(directory.name): int(_status(int(directory.name))["PPid"])
            for directory in Path("/proc").glob("[0-9]*")
        }
        family = [self._process.pid]
        for parent in family:
            family += [pid for pid, its in parents.items() if its == parent]
        return family


def _status(pid: int) -> dict[str, str]:
    """Return what the system says of a process; nothing, of one that has gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        text = "PPid: 0"
    fields = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in fields}


def outcome(*argv: str) -> dict[str, float]:
    """
    Run a load to its end.

    :returns: what it said, a number for each word.
    :raises Failed: if it did.
    """
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(argv)}:\n{done.stderr[-2000:]}")
    pairs = re.findall(r"^(\w+) ([\d.]+)$", done.stdout, re.MULTILINE)
    return {word: float(number) for word, number in pairs}
