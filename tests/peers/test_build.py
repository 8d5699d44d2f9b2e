"""Having a peer, not having it, and saying so."""

import os
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.peers import build, kept


class AbsenceTests(SynchronousTestCase):
    """On a machine without Go, with an empty cache."""

    def setUp(self) -> None:
        """Take Go away, and forget what was found while it was there."""
        self.cache = Path(self.mktemp()).absolute()
        self.patch(os, "environ", {"PATH": "/nonexistent"})
        os.environ["SPDYGATE_PEERS"] = str(self.cache)
        build._find.cache_clear()
        self.addCleanup(build._find.cache_clear)

    def test_absence_has_a_reason(self) -> None:
        """A peer is a path or a reason, never both."""
        self.assertIsNone(build.peer("load"))
        self.assertIn("no go on PATH", str(build.why_absent("load")))

    def test_absence_leaves_nothing_behind(self) -> None:
        """No directory is made for what could not be built."""
        build.peer("load")
        self.assertFalse(self.cache.exists())

    def test_tests_are_skipped(self) -> None:
        """Whoever requires an absent peer is skipped, with the reason."""
        skipped = self.assertRaises(SkipTest, build.require, "load")
        self.assertIn("peer load: there is no go on PATH", str(skipped))

    def test_tests_fail_where_peers_are_required(self) -> None:
        """In CI an absent peer is an error, and not a quiet gap."""
        os.environ["SPDYGATE_PEERS_REQUIRED"] = "1"
        failed = self.assertRaises(kept.PeerAbsent, build.require, "load")
        self.assertIn("peer load: there is no go on PATH", str(failed))

    def test_unknown_names_are_mistakes(self) -> None:
        """A misspelt peer is the test's error, and no reason to skip it."""
        self.assertRaises(ValueError, build.peer, "clientog")


class KeepingTests(SynchronousTestCase):
    """Made once, and only whole."""

    def setUp(self) -> None:
        """Keep peers in a directory of this test's own."""
        self.cache = Path(self.mktemp()).absolute()
        self.patch(os, "environ", {**os.environ, "SPDYGATE_PEERS": str(self.cache)})
        self.made = 0

    def make(self, directory: Path) -> None:
        """Make a peer of one file."""
        self.made += 1
        (directory / "thing").write_text("bytes")

    def make_half(self, directory: Path) -> None:
        """Leave a peer half made."""
        self.make(directory)
        raise kept.PeerAbsent("out of luck")

    def test_the_second_use_makes_nothing(self) -> None:
        """The same name and key are the same directory, filled once."""
        first = kept.kept("thing", "1", self.make)
        self.assertEqual(kept.kept("thing", "1", self.make), first)
        self.assertEqual((first / "thing").read_text(), "bytes")
        self.assertEqual(self.made, 1)

    def test_another_key_is_another_peer(self) -> None:
        """What was made of other sources stays where it is."""
        first = kept.kept("thing", "1", self.make)
        self.assertNotEqual(kept.kept("thing", "2", self.make), first)
        self.assertEqual(self.made, 2)

    def test_half_a_peer_is_none(self) -> None:
        """What failed in the middle is not there the next time."""
        self.assertRaises(kept.PeerAbsent, kept.kept, "thing", "1", self.make_half)
        self.assertEqual([path.name for path in self.cache.iterdir()], ["thing.lock"])

    def test_commands_tell_their_last_words(self) -> None:
        """A failed command's stderr is in the reason."""
        command = ["sh", "-c", "echo no luck >&2; exit 3"]
        failed = self.assertRaises(kept.PeerAbsent, kept.run, command)
        self.assertEqual(str(failed), "`sh -c` failed (3): no luck")

    def test_kubectl_is_stamped_with_its_release(self) -> None:
        """kubectl's module v0.37.2 is release v1.37.2, as kubernetes stamps it."""
        flags = build._build_flags("kubectl", "require (\n\tk8s.io/kubectl v0.37.2\n)")
        self.assertIn("k8s.io/component-base/version.gitVersion=v1.37.2", flags[-1])
        self.assertNotIn("-ldflags", " ".join(build._build_flags("load", "")))

    def test_every_kubectl_is_stamped(self) -> None:
        """An older kubectl says that it is the older one."""
        go_mod = (build.HERE / "kubectl130" / "go.mod").read_text()
        flags = build._build_flags("kubectl130", go_mod)
        self.assertIn("k8s.io/client-go/pkg/version.gitVersion=v1.30.", flags[-1])

    def test_a_changed_file_is_another_key(self) -> None:
        """A key changes with each file of its kind, and with each word."""
        sources = Path(self.mktemp())
        sources.mkdir()
        (sources / "main.go").write_text("one")
        (sources / "notes").write_text("one")
        first = kept.key_of(sources, {".go"}, "flag")
        (sources / "notes").write_text("another")
        self.assertEqual(kept.key_of(sources, {".go"}, "flag"), first)
        self.assertNotEqual(kept.key_of(sources, {".go"}, "other flag"), first)
        (sources / "main.go").write_text("another")
        self.assertNotEqual(kept.key_of(sources, {".go"}, "flag"), first)

    def test_scripts_find_what_is_beside_them(self) -> None:
        """A launcher runs what is in its directory, wherever that was moved."""
        before, after = Path(self.mktemp()), Path(self.mktemp())
        before.mkdir()
        (before / "words").write_text("found")
        build._launcher(before, "program", 'cat "$here/words"')
        before.rename(after)
        self.assertEqual(kept.run([str(after.absolute() / "program")]), "found")


class InstalledTests(SynchronousTestCase):
    """Programs that Debian brings along."""

    def test_absence_says_which_package(self) -> None:
        """What is not installed is absent, with the command that helps."""
        self.patch(build, "INSTALLED", {"no-such-program": "its-package"})
        absent = self.assertRaises(kept.PeerAbsent, build._installed, "no-such-program")
        self.assertIn("apt-get install its-package", str(absent))

    def test_containerd_is_root_s(self) -> None:
        """Containerd is absent for everyone who is not root."""
        self.patch(os, "geteuid", lambda: 1000)
        absent = self.assertRaises(kept.PeerAbsent, build._installed, "containerd")
        self.assertIn("only root", str(absent))
