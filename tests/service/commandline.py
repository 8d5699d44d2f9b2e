"""Command lines for tests: what an option class says when it gives up."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.service.options import Options


class CommandCase(SynchronousTestCase):
    """A command that understands its line, or gives up with one message."""

    def refusal(self, options: Options, *words: str) -> str:
        """Return the one line that a command gives up with."""
        ended = self.assertRaises(SystemExit, options.parseOptions, words)
        # Python prints a text to standard error, and ends with status 1.
        assert isinstance(ended.code, str)
        message, help_, *more = ended.code.splitlines()
        self.assertEqual(help_, f"See: {options.command} --help")
        self.assertEqual(more, [])
        self.assertTrue(message.startswith(f"{options.command}: "), message)
        return message.removeprefix(f"{options.command}: ")

    def assert_help(self, options: Options, *commands: str) -> None:
        """Assert that help shows *commands* whole, within 80 columns."""
        lines = str(options).splitlines()
        self.assertEqual(lines[0], f"Usage: {options.command} [options]")
        for line in lines:
            self.assertLessEqual(len(line), 80, line)
            if not line.startswith("  "):
                self.assertNotIn("   ", line)
        for command in commands:
            self.assertIn(f"  {command}", lines)
