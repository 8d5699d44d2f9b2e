"""Tests for `spdygate.net.shares`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.internet.abstract import FileDescriptor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import spdygate
from spdygate.net.shares import ABSENT, LOOK, Share, Tally

CHILD = """
import sys
from spdygate.net.shares import Tally
tally = Tally(int(sys.argv[1]), 2)
tally[1] = tally[0] + 1
"""


class TallyTests(SynchronousTestCase):
    """Numbers that several processes see."""

    def test_nobody(self) -> None:
        """Nobody is there at first, so that nobody is waited for."""
        self.assertEqual(Tally.make(3).least(), ABSENT)

    def test_shared(self) -> None:
        """Another process reads and writes the same numbers."""
        tally = Tally.make(2)
        tally[0] = 41
        root = str(Path(spdygate.__file__).parents[1])
        subprocess.run(
            [sys.executable, "-c", CHILD, f"{tally.number}"],
            pass_fds=[tally.number],
            env={**os.environ, "PYTHONPATH": root},
            check=True,
        )
        self.assertEqual((tally[1], tally.least()), (42, 41))

    def test_without_memfd(self) -> None:
        """A file without a name does as well."""
        if hasattr(os, "memfd_create"):
            self.patch(os, "memfd_create", None)
            del os.memfd_create
        tally = Tally.make(1)
        tally[0] = 7
        self.assertEqual(Tally(tally.number, 1)[0], 7)


class ShareTests(SynchronousTestCase):
    """What one of two processes has."""

    def setUp(self) -> None:
        """Be the first of two."""
        self.clock = Clock()
        self.tally = Tally.make(2)
        self.share = Share(self.tally, 0, self.clock)
        self.tally[1] = 0

    def take(self, count: int) -> list[FileDescriptor]:
        """Take connections."""
        taken = [FileDescriptor() for _ in range(count)]
        for each in taken:
            self.share.took(each)
        return taken

    def test_there(self) -> None:
        """Who is there has nothing yet, and says so."""
        self.assertEqual(self.tally[0], 0)
        self.assertFalse(self.share.is_more())

    def test_more(self) -> None:
        """One more than the other is nothing, two more are."""
        self.take(1)
        self.assertFalse(self.share.is_more())
        self.take(1)
        self.assertTrue(self.share.is_more())
        self.tally[1] = 1
        self.assertFalse(self.share.is_more())

    def test_many(self) -> None:
        """Of many a few more are nothing, either."""
        self.take(90)
        self.tally[1] = 80
        self.assertFalse(self.share.is_more())
        self.take(2)
        self.assertTrue(self.share.is_more())

    def test_alone(self) -> None:
        """Where nobody else is there, nobody is waited for."""
        self.tally[1] = ABSENT
        self.take(50)
        self.assertFalse(self.share.is_more())

    def test_over(self) -> None:
        """What is over is counted no more, from the next look on."""
        first, *_ = self.take(2)
        first.disconnected = 1
        self.assertTrue(self.share.is_more())
        self.clock.advance(LOOK)
        self.assertFalse(self.share.is_more())
        self.assertEqual(self.tally[0], 1)

    def test_never_was(self) -> None:
        """A connection that nobody wanted is none."""
        self.share.took(None)
        self.clock.advance(LOOK)
        self.share.is_more()
        self.assertEqual(self.tally[0], 0)
