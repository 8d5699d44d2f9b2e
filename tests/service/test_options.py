"""Tests for `spdygate.service.options`."""

from __future__ import annotations

from pathlib import Path

from spdygate.net.tls import ServerTls
from spdygate.service.options import ListeningOptions
from spdygate.service.settings import SettingError
from tests.certificates import Authority

from .commandline import CommandCase


class Command(ListeningOptions):
    """A command with options of every kind."""

    command = "twistd try-me"
    about = "Tries.\n"
    examples = "Try it:\n\n  twistd -n try-me \\\n    --listen tcp:1\n"
    default_listen = "tcp:1"
    optFlags = [["quick", None, "Be quick."]]  # noqa: RUF012
    optParameters = [["mode", "m", "slow", "How it is done."]]  # noqa: RUF012
    tls: ServerTls | None = None

    def understand(self) -> None:
        """Do what may fail."""
        self.tls = self.server_tls((b"h2",))


class SpellingTests(CommandCase):
    """Options that are not spelled as they should be."""

    def assert_says(self, words: tuple[str, ...], message: str) -> None:
        """Assert that a command line is refused with exactly this message."""
        self.assertEqual(self.refusal(Command(), *words), message)

    def test_unknown(self) -> None:
        """The nearest option is offered, if there is a near one."""
        self.assert_says(
            ("--lisen", "x"), "there is no option --lisen; did you mean --listen?"
        )
        self.assert_says(("--zzzzzzzz",), "there is no option --zzzzzzzz")

    def test_of_twistd(self) -> None:
        """An option of twistd behind the command's name is sent before it."""
        for option in ("-n", "--nodaemon", "--pidfile"):
            self.assert_says(
                (f"{option}=",) if option == "--pidfile" else (option,),
                f"{option} is an option of twistd itself: write it before try-me, "
                f"as in twistd {option} try-me",
            )

    def test_missing_value(self) -> None:
        """What the value would be is said, for long and short names."""
        for option in ("--mode", "-m"):
            self.assert_says((option,), f"{option} needs a value: How it is done.")
        self.assertIn("interface=127.0.0.1", self.refusal(Command(), "--listen"))

    def test_value_too_many(self) -> None:
        """A flag takes none."""
        self.assert_says(
            ("--quick=yes",), "--quick takes no value: write --quick alone"
        )

    def test_abbreviation(self) -> None:
        """An abbreviation of several is answered with all of them."""
        message = self.refusal(Command(), "--tls", "x")
        self.assertIn("write one of --tls-cert, --tls-key, --tls-min", message)

    def test_stray_words(self) -> None:
        """A word that belongs to no option is refused, and so are options after it."""
        message = self.refusal(Command(), "stray", "--quick")
        self.assertIn("'stray' belongs to no option", message)

    def test_several_times(self) -> None:
        """An option that may be given again keeps all its values, in order."""
        command = Command()
        command.parseOptions(["--listen", "a", "-l", "b", "-m", "c"])
        self.assertEqual(command.many("listen"), ["a", "b"])
        self.assertEqual(command.many("other"), [])
        self.assertEqual(command.word("mode"), "c")
        self.assertIsNone(command.word("tls-cert"))
        self.assertEqual(Command().many("listen"), [])

    def test_empty(self) -> None:
        """A value that an unset variable left empty is no value."""
        command = Command()
        command["mode"] = ""
        error = self.assertRaises(SettingError, command.word, "mode")
        self.assertIn("--mode is empty", str(error))


class HelpTests(CommandCase):
    """What ``--help`` and ``--version`` show."""

    def test_help(self) -> None:
        """The text, then the options and defaults, then commands as they are."""
        shown = str(Command())
        self.assert_help(Command(), "twistd -n try-me \\")
        places = [shown.index(part) for part in ("Tries.", "Options:", "Try it:")]
        self.assertEqual(places, sorted(places))
        self.assertIn("[default: slow]", shown)
        self.assertIn("[default: tcp:1]", " ".join(shown.split()))

    def test_narrow(self) -> None:
        """A narrow terminal does not break a command."""
        self.assertIn(
            "  twistd -n try-me \\\n    --listen tcp:1", Command().getUsage(40)
        )

    def test_version(self) -> None:
        """Status 0."""
        ended = self.assertRaises(SystemExit, Command().parseOptions, ["--version"])
        self.assertEqual(ended.code, 0)


class TlsTests(CommandCase):
    """The files of a listener that speaks TLS."""

    def setUp(self) -> None:
        """Write two certificates and who signed them."""
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority()
        self.ca = authority.write(folder)
        self.cert, self.key = authority.server("localhost").write(folder, "one")
        self.other = authority.server("localhost").write(folder, "two")[1]
        self.junk = str(folder / "junk")
        Path(self.junk).write_text("junk")

    def test_none(self) -> None:
        """Without files there is no TLS."""
        command = Command()
        command.parseOptions([])
        self.assertIsNone(command.tls)

    def test_files(self) -> None:
        """With a CA for clients they must show certificates, and else not."""
        files = ["--tls-cert", self.cert, "--tls-key", self.key, "--tls-min", "1.3"]
        for more in ([], ["--client-ca", self.ca]):
            command = Command()
            command.parseOptions(files + more)
            assert command.tls is not None
            self.assertEqual(command.tls.asks_for_certificates, bool(more))

    def test_one_of_two(self) -> None:
        """The missing file is named."""
        message = self.refusal(Command(), "--tls-cert", self.cert)
        self.assertIn("give --tls-key too", message)
        message = self.refusal(Command(), "--tls-key", self.key)
        self.assertIn("give --tls-cert too", message)

    def test_of_no_use(self) -> None:
        """Nobody believes TLS to be on when it is off."""
        for words in (("--client-ca", self.ca), ("--tls-min", "1.3")):
            message = self.refusal(Command(), *words)
            self.assertEqual(message, f"{words[0]} needs --tls-cert and --tls-key")

    def test_versions(self) -> None:
        """Versions that nobody should speak are refused, with files and without."""
        for files in ((), ("--tls-cert", self.cert, "--tls-key", self.key)):
            for version in ("1.1", "1", "", "TLSv1.2"):
                message = self.refusal(Command(), *files, "--tls-min", version)
                self.assertEqual(message, f"--tls-min {version}: write 1.2 or 1.3")

    def test_files_that_cannot_be_used(self) -> None:
        """The option and the file are named."""
        for cert, key, blamed in (
            (self.cert, self.other, "--tls-key: "),
            (self.junk, self.key, "--tls-cert: "),
            (self.cert, "/nowhere", "--tls-key: /nowhere"),
            ("", self.key, "--tls-cert is empty"),
        ):
            message = self.refusal(Command(), "--tls-cert", cert, "--tls-key", key)
            self.assertTrue(message.startswith(blamed), message)
