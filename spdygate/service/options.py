"""
Command lines: what the services have in common.

A wrong option ends with one line that says what to write instead, and status
1: no traceback, and no page of usage above it that would hide the line.

`twisted.python.usage` wraps whatever text it is given, which makes commands
impossible to copy, and keeps the indentation of docstrings; so the help is
put together here, and only the list of options is its own.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import ClassVar, NoReturn

from twisted.python import usage

import twisted

from .. import __version__
from ..errors import SpdygateError
from ..net.tls import ServerTls
from .settings import SettingError

#: How `twisted.python.usage` has an option: name, letter, default, words.
Row = list[str | None]

#: Options of ``twistd`` itself that people write in the wrong place.
_TWISTD = ("-n", "-y", "--nodaemon", "--pidfile", "--logfile", "--syslog")


class Options(usage.Options):
    """
    A command line with options that may be given several times.

    :ivar command: what the user typed to get here.
    :ivar about: what the command does, in lines of a terminal.
    :ivar examples: commands to copy, shown as they are.
    :ivar lists: the values of each option that may be given several times.
    :ivar words: the command line, as it was read.
    """

    command = "twistd"
    about = ""
    examples = ""
    longdesc = ""  # or usage would show the docstring of twistd

    def __init__(self) -> None:
        super().__init__()
        self.lists: dict[str, list[str]] = {}
        self.words: tuple[str, ...] = ()
        for option, text in self.docs.items():
            self.docs[option] = " ".join((text or "").split())

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read the command line, or say what is wrong with it and exit."""
        self.words = tuple(sys.argv[1:] if options is None else options)
        try:
            super().parseOptions(self.words)
        except usage.UsageError as error:
            self._give_up(self._explain(str(error)))

    def postOptions(self) -> None:
        """Check what can only be checked together."""
        try:
            self.understand()
        except SpdygateError as error:
            self._give_up(str(error))

    def understand(self) -> None:
        """Turn text into values; whatever is raised is shown to the user."""

    def parseArgs(self, *words: str) -> None:
        """Refuse words that belong to no option."""
        if words:
            raise usage.UsageError(
                f"{words[0]!r} belongs to no option; write options as --NAME VALUE, "
                "and quote values that the shell would take apart"
            )

    def opt_version(self) -> NoReturn:
        """Display the versions of spdygate and Twisted, and exit."""
        print(f"spdygate {__version__}, Twisted {twisted.__version__}")
        raise SystemExit(0)

    def getSynopsis(self) -> str:
        """Return the first line of the help."""
        return f"Usage: {self.command} [options]\n"

    def getUsage(self, width: int | None = None) -> str:
        """Return the help: what it does, the options, commands to copy."""
        options: str = super().getUsage(width)
        return "\n".join(part for part in (self.about, options, self.examples) if part)

    def add(self, option: str, value: str) -> None:
        """Keep one value of an option that may be given several times."""
        self.lists.setdefault(option, []).append(value)

    def many(self, option: str) -> list[str]:
        """Return all values of an option."""
        return self.lists.get(option, [])

    def word(self, option: str) -> str | None:
        """
        Return the value of an option that is given once, or not.

        :raises SettingError: it is empty, as an unset variable of a shell makes it.
        """
        value = self[option]
        if value == "":
            raise SettingError(f"--{option} is empty: write a value, or leave it out")
        return None if value is None else str(value)

    def _give_up(self, message: str) -> NoReturn:
        """End the process with one line."""
        raise SystemExit(f"{self.command}: {message}\nSee: {self.command} --help")

    def _explain(self, message: str) -> str:
        """Say in other words than `getopt` what to write instead."""
        match = re.fullmatch(r"option (-\S*) (.*)", message)
        if match is None:
            return message
        option, wrong = match.groups()
        ours = ["--" + name.removesuffix("=") for name in self.longOpt]
        if wrong == "requires argument":
            name = self.synonyms.get(option.lstrip("-"), "")
            return f"{option} needs a value: {self.docs.get(name, '')}".rstrip(": ")
        if wrong == "must not have an argument":
            return f"{option} takes no value: write {option} alone"
        if wrong == "not a unique prefix":
            whole = [name for name in ours if name.startswith(option)]
            return f"{option} is not a whole option: write one of {', '.join(whole)}"
        if option in _TWISTD:
            first, _, rest = self.command.partition(" ")
            return (
                f"{option} is an option of {first} itself: "
                f"write it before {rest}, as in {first} {option} {rest}"
            )
        near = get_close_matches(option, ours, 1)
        return f"there is no option {option}" + "".join(
            f"; did you mean {name}?" for name in near
        )


class ListeningOptions(Options):
    """
    The options of whatever listens.

    :ivar default_listen: where, if no option says it.
    """

    default_listen = ""

    optFlags: ClassVar[list[Row]] = [
        ["verbose", "v", "Log tunnels that fare well, too, not only those that fail."],
    ]

    optParameters: ClassVar[list[Row]] = [
        [
            "tls-cert",
            None,
            None,
            (
                "PEM file: our certificate, then intermediate ones. With it, and "
                "--tls-key, every listener speaks TLS; without it none does."
            ),
        ],
        ["tls-key", None, None, "PEM file: the key of --tls-cert."],
        [
            "client-ca",
            None,
            None,
            (
                "PEM file: the CAs of clients. With it, every client must show a "
                "certificate that one of them signed."
            ),
        ],
        ["tls-min", None, "1.2", "Lowest TLS that clients may speak: 1.2 or 1.3."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.docs["listen"] += f" [default: {self.default_listen}]"

    def opt_listen(self, endpoint: str) -> None:
        """
        Where to listen, as a Twisted endpoint string such as
        tcp:8001:interface=127.0.0.1, unix:/run/spdygate.sock or
        systemd:domain=INET:index=0. May be given several times.
        """
        self.add("listen", endpoint)

    opt_l = opt_listen

    def server_tls(self, protocols: tuple[bytes, ...]) -> ServerTls | None:
        """
        Read the TLS files, if there are any.

        :raises SpdygateError: they cannot be used, or options are of no use
            without them.
        """
        cert, key = self.word("tls-cert"), self.word("tls-key")
        authorities, minimum = self.word("client-ca"), str(self["tls-min"])
        if minimum not in ("1.2", "1.3"):
            raise SettingError(f"--tls-min {minimum}: write 1.2 or 1.3")
        if cert is None and key is None:
            if authorities is not None:
                raise SettingError("--client-ca needs --tls-cert and --tls-key")
            if minimum != "1.2":
                raise SettingError("--tls-min needs --tls-cert and --tls-key")
            return None
        if cert is None or key is None:
            missing = "--tls-cert" if cert is None else "--tls-key"
            raise SettingError(f"TLS needs both files: give {missing} too")
        return ServerTls(cert, key, authorities, minimum, protocols)
