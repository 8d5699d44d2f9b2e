"""Tests for :mod:`spdygate.net.heap`."""

from __future__ import annotations

import platform
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

#: Take and drop what some turns of the reactor take, and count the pages that
#: had to be mapped for it.
_PROGRAM = """
import resource
from spdygate.net.heap import keep_heap

def take():
    kept = [b"x" * (512 * 1024 + n) for n in range(4)]

def mapped():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

keep_heap()
take()
before = mapped()
for _ in range(100):
    take()
print(mapped() - before)
"""


class HeapTests(SynchronousTestCase):
    """What was freed is there for the next read."""

    def test_kept(self) -> None:
        """After the first turn no page has to be mapped again, or hardly any."""
        if platform.libc_ver()[0] != "glibc":
            self.skipTest("only glibc is known to give memory back like that")
        program = [sys.executable, "-c", _PROGRAM]
        done = subprocess.run(program, capture_output=True, check=True, text=True)
        # 51,200 pages are written to.
        self.assertLess(int(done.stdout), 1000)
