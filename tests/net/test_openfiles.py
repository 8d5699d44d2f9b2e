"""Tests for :mod:`spdygate.net.openfiles`."""

from __future__ import annotations

import resource

from twisted.trial.unittest import SynchronousTestCase

from spdygate.net.openfiles import raise_open_files


class OpenFilesTests(SynchronousTestCase):
    """The soft limit is raised to the hard one."""

    def setUp(self) -> None:
        """Have a soft limit that is below."""
        self.soft, self.hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(
            resource.setrlimit, resource.RLIMIT_NOFILE, (self.soft, self.hard)
        )
        low = min(self.soft, 512)
        resource.setrlimit(resource.RLIMIT_NOFILE, (low, self.hard))

    def test_raised(self) -> None:
        """As far as the system allows, and no further."""
        self.assertEqual(raise_open_files(), self.hard)
        found = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.assertEqual(found, (self.hard, self.hard))

    def test_refused(self) -> None:
        """A system that does not let us leaves us what we have."""

        def refuse(which: int, limits: tuple[int, int]) -> None:
            raise ValueError("not allowed to raise maximum limit")

        low, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.patch(resource, "setrlimit", refuse)
        self.assertEqual(raise_open_files(), low)
