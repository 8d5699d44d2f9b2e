"""Tests for `spdygate.net.tokenfile`."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from spdygate.net.tokenfile import LARGEST, TokenError, TokenFile, bearer


class TokenTests(SynchronousTestCase):
    """A token that changes while we run."""

    def setUp(self) -> None:
        """Write a token."""
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / "token"
        self.path.write_text("first\n")
        self.clock = Clock()

    def read(self) -> TokenFile:
        """Read it."""
        return TokenFile("--api-token-file", str(self.path), self.clock.seconds)

    def test_token(self) -> None:
        """The token is the one word in the file, and is shown as a bearer's."""
        file = self.read()
        self.assertEqual(file.token(), "first")
        self.assertEqual(file.fields(), (("authorization", "Bearer first"),))
        self.assertEqual(bearer("x"), (("authorization", "Bearer x"),))

    def test_changed(self) -> None:
        """A new token is shown a second later, and not before."""
        file = self.read()
        self.path.write_text("second")
        self.clock.advance(0.9)
        self.assertEqual(file.token(), "first")
        self.clock.advance(0.1)
        self.assertEqual(file.token(), "second")

    def test_link(self) -> None:
        """Kubernetes turns a symbolic link: that is a change, too."""
        old, new = self.folder / "old", self.folder / "new"
        old.write_text("first")
        new.write_text("other")
        when = (1_700_000_000, 1_700_000_000)
        os.utime(old, when)
        os.utime(new, when)
        self.path.unlink()
        self.path.symlink_to(old)
        file = self.read()
        turned = self.folder / "turned"
        turned.symlink_to(new)
        turned.rename(self.path)
        self.clock.advance(1)
        self.assertEqual(file.token(), "other")

    def test_gone(self) -> None:
        """While the file cannot be read, the old token is shown; that is said once."""
        file = self.read()
        self.path.unlink()
        with capturedLogs() as events:
            for _ in range(3):
                self.clock.advance(1)
                self.assertEqual(file.token(), "first")
            [event] = events
            self.assertIn(f"--api-token-file {self.path}: No such", formatEvent(event))
            self.path.write_text("")
            self.clock.advance(1)
            self.assertEqual(file.token(), "first")
            self.path.write_text("third")
            self.clock.advance(1)
            self.assertEqual(file.token(), "third")
            self.assertEqual(len(events), 1)
            self.path.unlink()
            self.clock.advance(1)
            self.assertEqual(file.token(), "third")
            self.assertEqual(len(events), 2)

    def test_refused(self) -> None:
        """What is no token is refused at the beginning, with option and file."""
        for data in (
            b"",
            b" \n",
            b"two words",
            b"a\nb",
            b"\xff",
            b"x" * LARGEST + b"y",
        ):
            self.path.write_bytes(data)
            error = self.assertRaises(TokenError, self.read)
            said = str(error)
            self.assertTrue(said.startswith(f"--api-token-file {self.path}: "), said)
            self.assertNotIn("\n", said)
        self.path.unlink()
        error = self.assertRaises(TokenError, self.read)
        self.assertIn("there is no such file", str(error))
