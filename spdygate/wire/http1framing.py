"""
What decides where a message of HTTP/1.1 ends, and whether all would agree on it.

More than one length, a length that is no plain number, or a length and a
transfer coding together: whoever reads such a head differently takes one
message's body for the next message (RFC 9112, section 6.3, calls the last "an
attempt to perform request smuggling").  Requests and responses are judged alike.
"""

from __future__ import annotations

import re

#: Digits of a Content-Length; h11 takes as many.
_LENGTH = re.compile(rb"[0-9]{1,20}")


class Framing:
    """The framing of one head, as far as its headers have come."""

    __slots__ = ("_coded", "_lengths")

    def __init__(self) -> None:
        self._lengths = 0
        self._coded = False

    def take(self, header: bytearray) -> bool:
        """
        Note a header.

        :param header: a whole line, without its end.
        :returns: whether it is no length, or one that all read alike.
        """
        name, _, value = header.partition(b":")
        match bytes(name.lower()):
            case b"content-length":
                self._lengths += 1
                return _LENGTH.fullmatch(value.strip(b" \t")) is not None
            case b"transfer-encoding":
                self._coded = True
        return True

    def doubt(self) -> str:
        """Return what there is twice, or nothing if the end is beyond doubt."""
        if self._lengths > 1:
            return "more than one Content-Length"
        if self._lengths and self._coded:
            return "both Content-Length and Transfer-Encoding"
        return ""
