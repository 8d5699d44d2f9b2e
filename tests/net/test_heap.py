"""Tests for :mod:`spdygate.net.heap`."""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.trial.unittest import SkipTest, SynchronousTestCase

#: Use and free 1.5 MiB, again and again; say how many pages that took in.
_USE = """
import resource
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def use():
    return [b"x" * (512 << 10), b"y" * (512 << 10), b"z" * (512 << 10)]
use()
before = faults()
for _ in range(100):
    use()
print(faults() - before)
"""

_KEEP = """
from spdygate.net.heap import keep_heap
if not keep_heap():
    raise SystemExit(3)
"""


class HeapTests(SynchronousTestCase):
    """What is freed is there when it is needed again."""

    def pages(self, program: str) -> int:
        """Return how many pages a program took in."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            check=False,
        )
        if done.returncode == 3:
            raise SkipTest("the C library has no mallopt")
        return int(done.stdout)

    def test_kept(self) -> None:
        """What a process uses again and again it takes in once."""
        kept = self.pages(_KEEP + _USE)
        self.assertLess(kept, 2000)
        self.assertLess(10 * kept, self.pages(_USE))
