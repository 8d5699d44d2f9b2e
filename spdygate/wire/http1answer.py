"""
Where the head of an HTTP/1.1 response ends, and whether all would agree on it.

A response that two readers understand differently lets one client's answer
become another's, so what is open to two readings is refused here, before h11
parses it: a line that ends with LF alone, a header that is continued on the
next line, a character that is none, more than one length, and a length beside
a transfer coding (RFC 9112, sections 2.2, 5.2 and 6.3).  Requests are judged
in `spdygate.wire.http1head`.

Every line is judged as soon as it is complete, so it does not matter in what
pieces the bytes come.
"""

from __future__ import annotations

import re

from ..errors import RemoteError
from .http1framing import Framing

#: Bytes of status line and headers together, with the empty line at the end.
#: k8s.io/apiserver reads as many of an upgrade's answer
#: (pkg/util/proxy/streamtunnel.go, ``HeaderInterceptingConn``).
LARGEST_ANSWER_HEAD = 1024 * 1024

#: Lines of a head.  A Python object is made for each, so bytes are not enough
#: of a bound.
MOST_LINES = 1000

#: RFC 9112, section 4.  The first line, as far as it has come, begins so.
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] [1-5][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*)?")

#: RFC 9110, sections 5.1 and 5.5: a token; visible characters and blanks.
_FIELD = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")

_BEGINNING = b"HTTP/1."


class BadAnswer(RemoteError):
    """A response cannot be understood; nothing behind it can be, either."""


class AnswerScanner:
    """The search for the end of one response's head."""

    __slots__ = ("_framing", "_largest", "_lines", "_searched", "_start")

    def __init__(self, largest: int = LARGEST_ANSWER_HEAD) -> None:
        """
        Prepare to search.

        :param largest: bytes that a head may have.
        """
        self._largest = largest
        #: Where the first line begins that is not known to be complete.
        self._start = 0
        #: Up to where there is no end of a line.
        self._searched = 0
        self._lines = 0
        self._framing = Framing()

    def find(self, buffer: bytearray) -> int:
        """
        Search *buffer*, which is what the last call was given and more.

        :returns: how many of its bytes are the head, or 0 if it is not whole.
        :raises BadAnswer: it cannot be accepted, however it goes on.
        """
        if not _BEGINNING.startswith(buffer[: len(_BEGINNING)]):
            raise BadAnswer("the answer is not HTTP/1.1")
        while (end := buffer.find(b"\n", self._searched, self._largest)) >= 0:
            if buffer[end - 1] != 0x0D:
                raise BadAnswer("a line of the answer ends with LF, not CR LF")
            line = buffer[self._start : end - 1]
            self._start = self._searched = end + 1
            if not line and self._lines:
                self._check_framing()
                return self._start
            self._check_line(line)
        self._searched = min(len(buffer), self._largest)
        if len(buffer) >= self._largest:
            raise BadAnswer(f"the answer's head is larger than {self._largest} bytes")
        return 0

    def _check_line(self, line: bytearray) -> None:
        """Refuse a line that is none; note what decides where the message ends."""
        self._lines += 1
        if self._lines == 1:
            if not _STATUS_LINE.fullmatch(line):
                raise BadAnswer("the answer does not begin with a status line")
            return
        if self._lines > MOST_LINES:
            raise BadAnswer(f"the answer has more than {MOST_LINES} headers")
        if line[0] in b" \t":
            raise BadAnswer("a header of the answer is folded")
        if not _FIELD.fullmatch(line):
            raise BadAnswer("a header of the answer is none")
        if not self._framing.take(line):
            raise BadAnswer("the answer's Content-Length is not one plain number")

    def _check_framing(self) -> None:
        """Refuse a message whose end depends on who reads it."""
        doubt = self._framing.doubt()
        if doubt:
            raise BadAnswer(f"the answer has {doubt}")
