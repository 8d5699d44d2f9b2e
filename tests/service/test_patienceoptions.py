"""Tests for `spdygate.service.patienceoptions`."""

from __future__ import annotations

import math

from spdygate.dialect.patience import Patience
from spdygate.service.gatewayoptions import Options
from spdygate.service.gatewaysettings import GatewaySettings

from .commandline import CommandCase

#: Options that are plain numbers of seconds.
SECONDS = ("--stall-deadline", "--ping-interval", "--ping-timeout", "--frozen-deadline")


class PatienceTests(CommandCase):
    """How long each thing may take."""

    def settings(self, *words: str) -> GatewaySettings:
        """Return what a command line says."""
        options = Options()
        options.parseOptions(words)
        return options.settings

    def test_defaults(self) -> None:
        """What the help calls the default is what everything else has."""
        self.assertEqual(self.settings().patience, Patience())

    def test_each(self) -> None:
        """Each option sets one limit."""
        patience = self.settings(
            *("--stall-deadline", "7", "--idle-timeout", "30m"),
            *("--ping-interval", "11.5", "--ping-timeout", "3"),
            *("--frozen-deadline", "90"),
        ).patience
        said = Patience(stall=7.0, idle=1800.0, quiet=11.5, answer=3.0, frozen=90.0)
        self.assertEqual(patience, said)

    def test_alone(self) -> None:
        """A pod is not given up sooner where nobody waits for it."""
        self.assertEqual(self.settings("--stall-deadline", "59").patience.alone, 60.0)
        self.assertEqual(self.settings("--stall-deadline", "90").patience.alone, 90.0)

    def test_never(self) -> None:
        """A session may be idle for ever."""
        for word in ("never", "0"):
            self.assertEqual(
                self.settings("--idle-timeout", word).patience.idle, math.inf
            )

    def test_no_times(self) -> None:
        """A slip of the finger is told what a time looks like."""
        for option in SECONDS:
            for text in ("0", "never", "5m", "x"):
                self.assertEqual(
                    self.refusal(Options(), option, text),
                    f"{option} {text}: write a number of seconds above 0, "
                    f"as in {option} 10",
                )
        self.assertEqual(
            self.refusal(Options(), "--idle-timeout", "4 hours"),
            "--idle-timeout 4 hours: write a time, as in --idle-timeout 4h or 30m, "
            "or a number of seconds; never, or 0, for no limit",
        )

    def test_ping_window(self) -> None:
        """It is on, off, or told which two there are."""
        self.assertTrue(self.settings("--ping-window", "on").ping_window)
        self.assertFalse(self.settings("--ping-window", "off").ping_window)
        self.assertEqual(
            self.refusal(Options(), "--ping-window", "no"),
            "--ping-window no: write on or off",
        )
