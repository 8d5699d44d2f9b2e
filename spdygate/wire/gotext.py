"""
How Go prints what it was given, where Kubernetes' error texts show it.

Clients and scripts know those texts, so a value in one of ours must look as
``%q`` and ``strconv`` would have made it look (Go, src/strconv: quote.go and
atoi.go).  Everything quoted is shortened: it came from a peer.
"""

from __future__ import annotations

import re

from ..errors import SpdygateError

#: Bytes of a value that are shown.
_SHOWN = 256

_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}

_DIGITS = re.compile(rb"[0-9]*")


class NotUint(SpdygateError):
    """A text is no number, or too large a one; the message is Go's."""


def quote(value: bytes) -> str:
    """
    Return *value* as ``%q`` prints a string.

    Printable characters stand for themselves, bytes that are no UTF-8 as
    ``\\x``, other characters as ``\\x``, ``\\u`` or ``\\U``.
    """
    # Bytes that are no UTF-8 become lone surrogates, and nothing else does:
    # so each character says by itself which of the two it was.
    text = value[:_SHOWN].decode("utf-8", "surrogateescape")
    more = "..." if len(value) > _SHOWN else ""
    return f'"{"".join(map(_character, text))}{more}"'


def _character(char: str) -> str:
    """Return one character as it is printed between quotation marks."""
    known = _ESCAPES.get(char)
    if known is not None:
        return known
    if char.isprintable():
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def parse_uint(text: bytes, largest: int) -> int:
    """
    Read a number as ``strconv.ParseUint(text, 10, bits)`` does.

    Go reads from the left and complains of the first thing that is wrong: for
    16 bits "65536x" is out of range, and "6553x" has a syntax error.

    :raises NotUint: it is none, or larger than *largest*.
    """
    digits = _DIGITS.match(text)
    end = digits.end() if digits else 0
    significant = text[:end].lstrip(b"0") or b"0"
    # The length first: int() is slow for a megabyte of digits.
    if len(significant) > len(str(largest)) or int(significant) > largest:
        wrong = "value out of range"
    elif end < len(text) or not text:
        wrong = "invalid syntax"
    else:
        return int(significant)
    raise NotUint(f"strconv.ParseUint: parsing {quote(text)}: {wrong}")
