"""
A bearer token that lives in a file, and changes while we run.

Kubernetes writes a new token of a service account into its pod long before the
old one expires, by turning a symbolic link; so the file is looked at whenever
the token is wanted, at most once in `INTERVAL`, and read when it is another
one.  If it cannot be read then, the token of before is shown on: either it
still works, or the API server says so.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from twisted.logger import Logger

from ..errors import SpdygateError
from ..wire.upgrade import Fields

_log = Logger()

#: Seconds between two looks at the file.
INTERVAL = 1.0

#: Bytes of a token; those of service accounts have about 1 KiB, and an HTTP
#: header that is longer than 8 KiB is refused by much that is on the way.
LARGEST = 64 * 1024

#: RFC 6750, section 2.1, and whatever else is one word: tokens of 2015 came
#: from a file in which the operator had written anything.
_TOKEN = re.compile(rb"[\x21-\x7e]+")


class TokenError(SpdygateError):
    """A file holds no token; the message names the option, the file and why."""


class TokenFile:
    """The token of one file."""

    def __init__(
        self, option: str, path: str, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """
        Read the file for the first time.

        :param option: the option that named the file, for messages.
        :param seconds: tells the time, in seconds since any moment.
        :raises TokenError: there is no token in it.
        """
        self._option = option
        self._path = Path(path)
        self._seconds = seconds
        self._looked = seconds()
        self._token, self._version = self._read()
        self._complained = False

    def token(self) -> str:
        """Return the token, read anew if the file has changed."""
        now = self._seconds()
        if now - self._looked >= INTERVAL:
            self._looked = now
            self._look()
        return self._token

    def fields(self) -> Fields:
        """Return the headers that show the token."""
        return bearer(self.token())

    def _look(self) -> None:
        """Read the file if it is another one; complain once if it cannot be."""
        try:
            if _version(os.stat(self._path)) != self._version:
                self._token, self._version = self._read()
            self._complained = False
        except OSError as error:
            self._complain(f"{self._option} {self._path}: {error.strerror}")
        except TokenError as error:
            self._complain(str(error))

    def _complain(self, words: str) -> None:
        """Log what is wrong with the file, unless it was wrong before."""
        if not self._complained:
            self._complained = True
            _log.warn("{words}; the token of before is used on", words=words)

    def _read(self) -> tuple[str, tuple[int, ...]]:
        """Return the token, and what tells this file from the next."""
        try:
            with self._path.open("rb") as file:
                version = _version(os.fstat(file.fileno()))
                data = file.read(LARGEST + 1)
        except FileNotFoundError as error:
            words = f"{self._option} {self._path}: there is no such file"
            raise TokenError(words) from error
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise TokenError(f"{self._option} {self._path}: {why}") from error
        return check_token(f"{self._option} {self._path}", data), version


def check_token(where: str, data: bytes) -> str:
    """
    Return the one word in *data*, without the blanks around it.

    :param where: option and file, for the message.
    :raises TokenError: it is empty, too long, or more than a word.
    """
    token = data.strip()
    if not token:
        raise TokenError(f"{where}: it is empty, and a bearer token is wanted")
    if len(data) > LARGEST or not _TOKEN.fullmatch(token):
        raise TokenError(
            f"{where}: this is no bearer token, which is one word on one line"
        )
    return token.decode("ascii")


def bearer(token: str) -> Fields:
    """Return the headers that show a token (RFC 6750, section 2.1)."""
    return (("authorization", f"Bearer {token}"),)


def _version(found: os.stat_result) -> tuple[int, ...]:
    """Return what tells a file from the one that was there before."""
    return found.st_mtime_ns, found.st_ino, found.st_size
