"""
The opening handshake of a WebSocket, both sides of it, and a frame's header.

Rules:

1. Only what belongs to the handshake is looked at.  Whether the request wants
   an upgrade at all, and whether its line and headers are sound HTTP, is known
   before (`spdygate.wire.upgrade`, `spdygate.wire.http1head`).
2. A subprotocol is any text without comma and blank.  RFC 6455, section 4.1,
   wants a token of HTTP, but Kubernetes' own has a "/" in it
   (docs/protocol.rst, 4.2).  Case matters, as section 11.3.4 has it.
3. A bearer token may come as a subprotocol, since a browser can send no
   ``Authorization`` (docs/protocol.rst, 6.1).  It is taken out here, so that it
   is neither chosen nor logged with the others.
4. No extension is offered and none is granted: what is carried is mostly
   encrypted or compressed already, and inflating costs memory that a peer
   can ask for without limit.

Sections are those of RFC 6455.  Names of headers are in lower case where they
are read and in the RFC's where they are written in an answer.
"""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1

from ..errors import LocalError, SpdygateError
from .gotext import quote
from .upgrade import Fields, Request, wants_upgrade

__all__ = [
    "BEARER",
    "BINARY",
    "TEXT",
    "WEBSOCKET",
    "BadHandshake",
    "Handshake",
    "answer_headers",
    "ask_headers",
    "check",
    "check_answer",
    "frame_header",
]

#: The token of ``Upgrade`` (section 4.1).
WEBSOCKET = "websocket"

#: The one version there is (section 4.1).
VERSION = "13"

#: What comes before a bearer token that is sent as a subprotocol
#: (k8s.io/apiserver, pkg/authentication/request/websocket/protocol.go).
BEARER = "base64url.bearer.authorization.k8s.io."

#: Section 1.3: what both sides append to the key.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#: Bytes of a key (section 4.1), and characters of it in base64.
_KEY = 16
_KEY_TEXT = 24

#: Opcodes of whole messages (section 5.2), with FIN before them.
TEXT = 0x81
BINARY = 0x82

#: Names of headers, as they are read.
_ACCEPT = "sec-websocket-accept"
_EXTENSIONS = "sec-websocket-extensions"
_KEY_NAME = "sec-websocket-key"
_PROTOCOL = "sec-websocket-protocol"
_VERSION_NAME = "sec-websocket-version"


class BadHandshake(SpdygateError):
    """
    A handshake is not valid, or not one that we go along with.

    :ivar status: the HTTP status to refuse a client with.
    :ivar headers: what the refusal has to say beside it.
    """

    def __init__(self, status: int, message: str, headers: Fields = ()) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Handshake:
    """
    What came of a client's request.

    :ivar accept: the proof that its key was read.
    :ivar protocol: the subprotocol that was chosen, or ``None`` if it offered
        none.
    :ivar token: the bearer token that it sent among them, or ``None``.
    :ivar offered: all it offered but the token, in its order.
    """

    accept: str
    protocol: str | None
    token: str | None = field(repr=False)
    offered: tuple[str, ...]


def check(request: Request, supported: Sequence[str]) -> Handshake:
    """
    Read a client's request for a WebSocket (section 4.2.1).

    :param supported: the subprotocols to choose from.  The client's favourite
        among them is taken, as k8s.io/streaming does
        (pkg/httpstream/wsstream/conn.go).
    :raises BadHandshake: it is to be refused.
    """
    if request.method != "GET":
        raise BadHandshake(405, "a WebSocket is asked for with GET", _ONLY_GET)
    if WEBSOCKET not in wants_upgrade(request):
        raise BadHandshake(400, "the request asks for no upgrade to websocket")
    if request.headers_named(_VERSION_NAME) != [VERSION]:
        message = f"only version {VERSION} of WebSocket is spoken here"
        raise BadHandshake(426, message, _OUR_VERSION)
    key = _key(request.headers_named(_KEY_NAME))
    offered, token = _take_token(_members(request.headers_named(_PROTOCOL)))
    protocol = next((name for name in offered if name in supported), None)
    if offered and protocol is None:
        raise BadHandshake(403, _no_match(offered, supported))
    return Handshake(_accept(key), protocol, token, offered)


#: RFC 9110, section 15.5.6.
_ONLY_GET = (("Allow", "GET"),)

#: Section 4.4; with a 426 goes what to upgrade to (RFC 9110, section 15.5.22).
_OUR_VERSION = (
    ("Sec-WebSocket-Version", VERSION),
    ("Connection", "Upgrade"),
    ("Upgrade", WEBSOCKET),
)


def _key(values: list[str]) -> str:
    """Return the client's key: 16 bytes in base64, as it wrote them."""
    if len(values) != 1:
        raise BadHandshake(400, "a WebSocket needs one Sec-WebSocket-Key")
    key = values[0].strip(" \t")
    try:
        size = len(b64decode(key, validate=True))
    except ValueError:  # also for what is not ASCII
        size = 0
    if size != _KEY or len(key) != _KEY_TEXT:
        raise BadHandshake(400, f"Sec-WebSocket-Key is not {_KEY} bytes in base64")
    return key


def _accept(key: str) -> str:
    """Prove that *key* was read (section 4.2.2, step 5, 4)."""
    digest = sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest()
    return b64encode(digest).decode("ascii")


def _members(lines: list[str]) -> list[str]:
    """Return the members of a list header, without regard to its lines."""
    members = (member.strip(" \t") for member in ",".join(lines).split(","))
    return [member for member in members if member]


def _take_token(members: list[str]) -> tuple[tuple[str, ...], str | None]:
    """
    Part the bearer token from the subprotocols.

    The texts are those of apiserver's ``protocol.go``, and as there each of
    these failures is one of authentication.

    :returns: the subprotocols, and the token or ``None``.
    """
    others = tuple(name for name in members if not name.startswith(BEARER))
    tokens = [name[len(BEARER) :] for name in members if name.startswith(BEARER)]
    if not tokens:
        return others, None
    if len(tokens) > 1:
        raise BadHandshake(401, "multiple base64.bearer.authorization tokens specified")
    token = _decode(tokens[0])
    if token and not others:
        # There must be one to answer with, or a browser hangs up.
        raise BadHandshake(401, "missing additional subprotocol")
    return others, token or None


def _decode(text: str) -> str:
    """Read a token: base64url without padding (RFC 4648, section 5)."""
    encoding = "invalid base64.bearer.authorization token encoding"
    if set(text) & set("=+/"):
        raise BadHandshake(401, encoding)
    standard = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    try:
        decoded = b64decode(standard, validate=True)
    except ValueError:
        raise BadHandshake(401, encoding) from None
    try:
        return decoded.decode("utf-8")
    except UnicodeDecodeError:
        words = "invalid base64.bearer.authorization token"
        raise BadHandshake(401, words) from None


def _no_match(offered: Sequence[str], supported: Sequence[str]) -> str:
    """Say that there is no subprotocol that both sides speak."""
    wanted = quote(", ".join(offered).encode("utf-8", "surrogateescape"))
    ours = ", ".join(supported) or "none"
    return f"no WebSocket subprotocol of {wanted} is spoken here, only {ours}"


def answer_headers(handshake: Handshake) -> Fields:
    """
    Return what the 101 says beside the upgrade itself (section 4.2.2).

    A client that offered no subprotocol is told of none: an empty header is no
    valid one, and strict clients refuse it (docs/protocol.rst, 4.1).
    """
    accept = ("Sec-WebSocket-Accept", handshake.accept)
    if handshake.protocol is None:
        return (accept,)
    return (accept, ("Sec-WebSocket-Protocol", handshake.protocol))


def ask_headers(key: bytes, protocols: Sequence[str]) -> Fields:
    """
    Return what a request says beside the upgrade itself (section 4.1).

    :param key: 16 random bytes.
    :param protocols: subprotocols to offer, the favourite first.
    :raises LocalError: the key is of another length.
    """
    fields: Fields = ((_KEY_NAME, _encode(key)), (_VERSION_NAME, VERSION))
    if protocols:
        fields = (*fields, (_PROTOCOL, ", ".join(protocols)))
    return fields


def _encode(key: bytes) -> str:
    """Write a key of ours."""
    if len(key) != _KEY:
        raise LocalError(f"a WebSocket key has {_KEY} bytes, not {len(key)}")
    return b64encode(key).decode("ascii")


def check_answer(key: bytes, headers: Fields, protocols: Sequence[str]) -> str | None:
    """
    Check a server's 101 (section 4.1, the list at its end).

    :param headers: of the 101, names in lower case.
    :param protocols: what was offered.
    :returns: the subprotocol it chose, or ``None`` if it chose none: also an
        empty header, which is what a kubelet writes (docs/protocol.rst, 4.1).
    :raises BadHandshake: it is no answer to our request.
    """
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value.strip(" \t"))
    if values.get(_ACCEPT) != [_accept(_encode(key))]:
        raise BadHandshake(502, "its Sec-WebSocket-Accept does not answer our key")
    if _members(values.get(_EXTENSIONS, [])):
        raise BadHandshake(502, "it chose a WebSocket extension that was not offered")
    chosen = _members(values.get(_PROTOCOL, []))
    if not chosen:
        return None
    if len(chosen) > 1 or chosen[0] not in protocols:
        shown = quote(", ".join(chosen).encode("utf-8", "surrogateescape"))
        raise BadHandshake(502, f"it chose the subprotocol {shown}, not one of ours")
    return chosen[0]


def frame_header(opcode: int, length: int) -> bytes:
    """
    Return the header of a frame that is not masked (section 5.2).

    :param opcode: with FIN before it, as in `BINARY`.
    :param length: bytes that follow.
    """
    if length < 126:
        return bytes((opcode, length))
    if length < 1 << 16:
        return _MIDDLE.pack(opcode, 126, length)
    return _LONG.pack(opcode, 127, length)


_MIDDLE = struct.Struct("!BBH")
_LONG = struct.Struct("!BBQ")
