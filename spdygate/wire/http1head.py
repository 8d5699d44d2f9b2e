"""
Where the head of an HTTP/1.1 request ends, and whether all would agree on it.

h11 parses what is found here.  It is generous in what it takes for a line, a
header or a length, and rightly so for a library; but where two parsers behind
each other read the same bytes differently, one client's body becomes another
client's request.  So what is open to two readings is refused before h11 sees
it, and by name:

* a line that ends with LF alone (RFC 9112, section 2.2 lets us accept it);
* a header that is continued on the next line (section 5.2 lets us refuse it);
* more than one length, a length that is no plain number, or a length and a
  transfer coding together (section 6.3 calls the last "an attempt to perform
  request smuggling").

Every line is judged as soon as it is complete, so it does not matter in what
pieces the bytes come.
"""

from __future__ import annotations

from ..errors import RemoteError
from .http1framing import Framing
from .upgrade import Request

#: Bytes of request line and headers together, with the empty line at the end.
#: Go's net/http takes 1 MiB, node.js 16 KiB, Apache 8 KiB for each line.
LARGEST_HEAD = 64 * 1024

#: The first byte of a TLS handshake (RFC 8446, section 5.1).
_TLS = 0x16


class BadHead(RemoteError):
    """
    A request cannot be understood; nothing behind it can be, either.

    :ivar status: the HTTP status that says so.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class HeadScanner:
    """The search for the end of one head."""

    __slots__ = ("_empty", "_framing", "_lines", "_start")

    def __init__(self) -> None:
        #: Where the first line begins that is not known to be complete.
        self._start = 0
        self._lines = 0
        self._empty = False
        self._framing = Framing()

    def find(self, buffer: bytearray) -> int:
        """
        Search *buffer*, which is what the last call left of it and more.

        :param buffer: one empty line at its beginning is taken away (RFC 9112,
            section 2.2): old clients send it behind a body.
        :returns: how many of its bytes are the head, or 0 if it is not whole.
        :raises BadHead: it cannot be accepted, however it goes on.
        """
        self._skip_empty_line(buffer)
        if not buffer or buffer == b"\r":
            return 0
        _check_first_byte(buffer[0])
        while (end := buffer.find(b"\n", self._start, LARGEST_HEAD)) >= 0:
            if buffer[end - 1] != 0x0D:
                raise BadHead(400, "a line of the request ends with LF, not CR LF")
            line = buffer[self._start : end - 1]
            self._start = end + 1
            if not line:
                self._check_framing()
                return self._start
            if self._lines:
                self._check_header(line)
            self._lines += 1
        if len(buffer) >= LARGEST_HEAD:
            words = f"the request's head is larger than {LARGEST_HEAD} bytes"
            raise BadHead(431, words)
        return 0

    def _skip_empty_line(self, buffer: bytearray) -> None:
        """Take an empty line away, once."""
        if not self._empty and buffer[:2] == b"\r\n":
            del buffer[:2]
            self._empty = True

    def _check_header(self, line: bytearray) -> None:
        """Look for what decides where the message ends."""
        if line[0] in b" \t":
            raise BadHead(400, "a header is folded: write it on one line")
        if not self._framing.take(line):
            raise BadHead(400, "Content-Length is not one plain number")

    def _check_framing(self) -> None:
        """Refuse a message whose end depends on who reads it."""
        doubt = self._framing.doubt()
        if doubt:
            raise BadHead(400, f"the request has {doubt}")


def _check_first_byte(byte: int) -> None:
    """Refuse at once what can be no request, or it would be waited for in vain."""
    if byte == _TLS:
        raise BadHead(400, "this port speaks HTTP without TLS: write http://")
    if not 0x21 <= byte <= 0x7E:
        raise BadHead(400, "this is not an HTTP request")


def check_request(request: Request) -> bool:
    """
    Refuse what h11 lets pass; say whether there is no body.

    :param request: as h11 read it.
    :raises BadHead: the request is not to be answered.
    """
    version = request.http_version
    if version not in ("1.0", "1.1"):
        raise BadHead(505, f"HTTP/{version} is not spoken here")
    coded = request.header("transfer-encoding") is not None
    if coded and version == "1.0":
        raise BadHead(400, "there is no Transfer-Encoding in HTTP/1.0")
    if request.header("upgrade") is not None:
        if version == "1.0":
            raise BadHead(400, "there is no Upgrade in HTTP/1.0")
        if "upgrade" not in request.tokens("connection"):
            raise BadHead(400, "Upgrade came without 'Connection: Upgrade'")
    bodiless = not coded and not int(request.header("content-length") or 0)
    if request.method == "CONNECT" and not bodiless:
        # RFC 9110, section 9.3.6: what follows its head is the tunnel's.
        raise BadHead(400, "CONNECT has no body")
    return bodiless


def check_length(request: Request, largest: int) -> None:
    """
    Refuse a body that is known to be larger than *largest* bytes.

    :raises BadHead: it is.
    """
    if int(request.header("content-length") or 0) > largest:
        raise BadHead(413, too_large(largest))


def too_large(largest: int) -> str:
    """Say that a body has more than *largest* bytes."""
    return f"the request's body is larger than {largest} bytes"
