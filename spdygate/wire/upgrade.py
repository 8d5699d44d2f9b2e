"""
The HTTP/1.1 Upgrade: what asks for it, and the 101 that grants it.

Rules:

1. Kubernetes looks for "upgrade" and "spdy/3.1" anywhere in those two headers
   (k8s.io/apimachinery, pkg/util/httpstream/spdy/upgrade.go).  Here they are
   lists of tokens, compared whole and without regard to case (RFC 9110,
   sections 7.6.1 and 7.8): every client captured so far writes them so, and
   nobody on the way can take "notspdy/3.1" for something else than we do.
2. There is no upgrade in HTTP/1.0, and none without "Connection: upgrade",
   which is how a proxy that passed one header and not the other is noticed.
3. Header names are lower-case here, as in HTTP/2; values are one character to
   a byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ..errors import LocalError
from .portforward import one_line

#: The token of ``Upgrade`` that asks for SPDY, as every Go client writes it.
SPDY = "SPDY/3.1"

#: What an HTTP/2 client says first (RFC 9113, section 3.4).
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

#: RFC 9110, sections 5.1 and 5.5: a token; visible characters and blanks.
_FIELD_NAME = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")

#: Any number of settings in base64url (RFC 4648, section 5).  One has six bytes
#: (RFC 9113, section 6.5.1) and so eight characters: padding never occurs.
_SETTINGS = re.compile(r"(?:[-_0-9A-Za-z]{8})*")


#: Characters of a client's name for itself that are repeated.
_LONGEST_AGENT = 200


#: Header fields, names in lower case, values one character to a byte.
Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """
    The head of an HTTP/1.1 request.

    :ivar target: what it is about, as it stood in the request line.
    :ivar headers: names in lower case, in the order of the wire.
    :ivar http_version: "1.1" or "1.0".
    """

    method: str
    target: bytes
    headers: Fields = ()
    http_version: str = "1.1"

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or ``None`` if there is none."""
        for found, value in self.headers:
            if found == name:
                return value
        return None

    def headers_named(self, name: str) -> list[str]:
        """Return the values of all lines of a header."""
        return [value for found, value in self.headers if found == name]

    def tokens(self, name: str) -> tuple[str, ...]:
        """Return the members of a list header, in lower case (RFC 9110, 5.6.1)."""
        members = ",".join(self.headers_named(name)).lower().split(",")
        stripped = (member.strip(" \t") for member in members)
        return tuple(member for member in stripped if member)


def agent(request: Request) -> str:
    """Return what a client calls itself, fit for a line of a log."""
    return one_line(request.header("user-agent") or "unknown client")[:_LONGEST_AGENT]


def origin_form(target: bytes) -> bytes:
    """
    Return a request's target as a path and query (RFC 9112, section 3.2.1).

    What stands before the path of one in absolute form (3.2.2) decides nothing.
    """
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        return target
    path = target[absolute.end() :]
    return path if path[:1] == b"/" else b"/" + path


def wants_upgrade(request: Request) -> tuple[str, ...]:
    """
    Return what the client would go over to, in lower case, its favourite first.

    :returns: nothing if it does not ask for an upgrade, or not validly.
    """
    if request.http_version != "1.1" or "upgrade" not in request.tokens("connection"):
        return ()
    return request.tokens("upgrade")


def http2_settings(request: Request) -> bytes | None:
    """
    Return the ``HTTP2-Settings`` of a client that asks for ``h2c``.

    RFC 7540, section 3.2.1: there is exactly one, and ``Connection`` names it.

    :returns: its value, which is base64url; ``None`` if the request does not
        ask for ``h2c``, or not validly, and is to be answered in HTTP/1.1.
    """
    values = request.headers_named("http2-settings")
    if "h2c" not in wants_upgrade(request) or len(values) != 1:
        return None
    if "http2-settings" not in request.tokens("connection"):
        return None
    return values[0].encode() if _SETTINGS.fullmatch(values[0]) else None


def switching(token: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """
    Return the 101 that grants an upgrade.

    A Go client throws away whatever it has read behind this, so nothing may
    follow until its first frame has come (docs/protocol.rst, 3.7).

    :param token: what is upgraded to, as in `SPDY`.
    :param headers: what else to say, with names as they are to be written.
    :raises LocalError: a header is none.
    """
    lines = ["HTTP/1.1 101 Switching Protocols"]
    for name, value in (("Connection", "Upgrade"), ("Upgrade", token), *headers):
        if not _FIELD_NAME.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            raise LocalError(f"{name!r}: {value!r} is not an HTTP header")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class PrefaceState(Enum):
    """Whether a connection is HTTP/2, as far as its first bytes tell."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


def preface_state(data: bytes) -> PrefaceState:
    """
    Say whether *data* begins as HTTP/2 does.

    :param data: all that has come; nothing is unsure.
    """
    if data[: len(PREFACE)] == PREFACE:
        return PrefaceState.YES
    if PREFACE.startswith(data):
        return PrefaceState.UNSURE
    return PrefaceState.NO
