"""
Command lines: what the services have in common.

A wrong option ends with one line that says what to write instead, and status
1: no traceback, and no page of usage above it that would hide the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from twisted.python import usage

from ..errors import SpdygateError
from ..net.tls import ServerTls


class Options(usage.Options):
    """
    A command line with options that may be given several times.

    :ivar command: what the user typed to get here.
    :ivar lists: the values of each such option.
    """

    command = "twistd"

    def __init__(self) -> None:
        super().__init__()
        self.lists: dict[str, list[str]] = {}

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read the command line, or say what is wrong with it and exit."""
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            self._give_up(str(error))

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
            raise usage.UsageError(f"{words[0]!r} belongs to no option")

    def _give_up(self, message: str) -> NoReturn:
        """End the process with one line."""
        raise SystemExit(f"{self.command}: {message}\nSee: {self.command} --help")

    def add(self, option: str, value: str) -> None:
        """Keep one value of an option that may be given several times."""
        self.lists.setdefault(option, []).append(value)

    def many(self, option: str) -> list[str]:
        """Return all values of an option."""
        return self.lists.get(option, [])

    def word(self, option: str) -> str | None:
        """Return the value of an option that is given once, or not."""
        value = self[option]
        return None if value is None else str(value)


class ListeningOptions(Options):
    """The options of whatever listens."""

    optParameters = [
        ["tls-cert", None, None, "PEM file: our certificate, then intermediates."],
        ["tls-key", None, None, "PEM file: the key of --tls-cert."],
        ["client-ca", None, None, "PEM file: who signs clients; asks each for one."],
        ["tls-min", None, "1.2", "Lowest version of TLS: 1.2 or 1.3."],
    ]

    def opt_listen(self, endpoint: str) -> None:
        """
        Where to listen, as a Twisted endpoint string such as
        tcp:8001:interface=127.0.0.1, unix:/run/spdygate.sock or
        systemd:domain=INET:index=0. May be given several times.
        """
        self.add("listen", endpoint)

    opt_l = opt_listen

    def server_tls(self, protocols: tuple[bytes, ...]) -> ServerTls | None:
        """Read the TLS files, if there are any."""
        cert, key = self.word("tls-cert"), self.word("tls-key")
        if cert is None and key is None:
            if self["client-ca"] is not None:
                raise SpdygateError("--client-ca needs --tls-cert and --tls-key")
            return None
        if cert is None or key is None:
            missing = "--tls-cert" if cert is None else "--tls-key"
            raise SpdygateError(f"TLS needs both files: give {missing} too")
        minimum = str(self["tls-min"])
        return ServerTls(cert, key, self.word("client-ca"), minimum, protocols)

    def getSynopsis(self) -> str:
        """Return the first line of the help."""
        return f"Usage: {self.command} [options]"
