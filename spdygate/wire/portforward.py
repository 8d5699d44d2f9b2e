"""
Kubernetes' words: what port-forward says in headers, in errors, in a Status.

Clients compare some of these texts and people search the web for the others,
so they are Kubernetes' own, letter by letter.  Where a text came to be worded
anew, both are here, each for the clients of its time.

What comes from a peer is bounded before it is repeated to anyone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ..errors import SpdygateError
from .gotext import NotUint, parse_uint, quote
from .headerblock import Headers
from .kubejson import read_object

#: What is spoken on the streams (k8s.io/apimachinery,
#: pkg/util/portforward/constants.go: ``PortForwardV1Name``).
PROTOCOL = "portforward.k8s.io"

#: Where a client lists the protocols it speaks, and a server says which one
#: it chose (k8s.io/apimachinery, pkg/util/httpstream/httpstream.go).
PROTOCOL_HEADER = "X-Stream-Protocol-Version"

#: Where a server that can choose none lists its own (the same file).
ACCEPTED_HEADER = "X-Accepted-Stream-Protocol-Versions"

#: The WebSocket subprotocol that carries SPDY (docs/protocol.rst, 4.2).
TUNNEL_PROTOCOL = "SPDY/3.1+portforward.k8s.io"

#: Headers of a stream (k8s.io/api, core/v1/types.go: ``StreamType``,
#: ``PortHeader``, ``PortForwardRequestIDHeader``), as SPDY has them: lower-case.
STREAM_TYPE = b"streamtype"
PORT = b"port"
REQUEST_ID = b"requestid"

#: What a Status is sent as.
STATUS_TYPE = "application/json"

#: Characters of a message that we repeat, and bytes of a Status that we read.
_MESSAGE = 1024
_LARGEST_STATUS = 64 * 1024

#: Bytes of a ``requestID``: client-go counts from 0.
_LONGEST_REQUEST_ID = 256


#: k8s.io/apimachinery, pkg/apis/meta/v1/types.go: ``StatusReason``.  Of the
#: server errors without a word of their own, ``NewGenericServerResponse`` in
#: pkg/api/errors/errors.go makes ``InternalError``; other codes have no reason.
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Gone",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    503: "ServiceUnavailable",
    504: "Timeout",
}


def status(code: int, message: str, reason: str = "") -> bytes:
    """
    Return a Status object, the one answer whose text no client loses.

    (docs/protocol.rst, 3.10: plain text with ``": "`` in it is read as YAML.)

    :param code: the HTTP status; below 400 the Status tells of a success.
    :param reason: Kubernetes' word for the code, if not the usual one.
    """
    failed = code >= 400
    if failed and not reason:
        reason = _REASONS.get(code, "InternalError" if code >= 500 else "")
    document: dict[str, object] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure" if failed else "Success",
        "message": message,
        "reason": reason,
        "code": code,
    }
    if not reason:
        del document["reason"]
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def status_message(body: bytes) -> str | None:
    """
    Return what a Status says, fit for a line of a log.

    :returns: ``None`` if *body* is anything but a Status with a message.
    """
    if len(body) > _LARGEST_STATUS:
        return None
    document = read_object(body)
    if document is None or document.get("kind") != "Status":
        return None
    message = document.get("message")
    if not isinstance(message, str):
        return None
    return one_line(message) or None


def one_line(text: str) -> str:
    """Return *text* shortened and without what could disturb a terminal."""
    shown = (char if char.isprintable() else " " for char in text[:_MESSAGE])
    return "".join(shown).strip()


@dataclass(frozen=True, slots=True)
class Negotiation:
    """
    What came of a client's offer of protocols.

    :ivar offered: what it offered, in its order, or ``None`` if it sent no
        such header, as no client before Kubernetes 1.1 does.
    :ivar protocol: what was chosen, to be told the client; ``None`` if nothing
        was offered, or nothing that matches.
    """

    offered: tuple[str, ...] | None
    protocol: str | None

    @property
    def nothing_matches(self) -> bool:
        """Return whether the client must be refused with a 403."""
        return self.offered is not None and self.protocol is None

    @property
    def message(self) -> str:
        """Return why, in the words of ``Handshake`` (httpstream.go)."""
        client = " ".join(self.offered or ())[:_MESSAGE]
        return (
            "unable to upgrade: unable to negotiate protocol: "
            f"client supports [{client}], server accepts [{PROTOCOL}]"
        )


def negotiate(offered: Iterable[str]) -> Negotiation:
    """
    Choose a protocol from what the client offers.

    :param offered: the values of all its `PROTOCOL_HEADER` lines; each may be
        a list with commas, as apimachinery reads them since 1.19.
    """
    lines = list(offered)
    if not lines:
        return Negotiation(None, None)
    tokens = (token.strip() for line in lines for token in line.split(","))
    wanted = tuple(token for token in tokens if token)
    return Negotiation(wanted, PROTOCOL if PROTOCOL in wanted else None)


class Kind(Enum):
    """What a stream is for."""

    DATA = "data"
    ERROR = "error"
    #: Both at once: the OpenShift documentation knows one stream for each
    #: connection, with a ``port`` and no ``streamType`` (docs/protocol.rst, 1.5).
    LONE = "lone"


@dataclass(frozen=True, slots=True)
class StreamAsk:
    """
    What a client's stream asks for.

    :ivar port: 1 to 65535.
    :ivar request_id: what the two streams of a pair have in common, or ``None``
        from a client that is older than 1.1.
    """

    kind: Kind
    port: int
    request_id: str | None


class BadStream(SpdygateError):
    """A stream is to be reset: its headers are not those of port-forward."""


def check_stream(headers: Headers) -> StreamAsk:
    """
    Read the headers of a client's stream.

    The checks, their order and their texts are those of k8s.io/cri-streaming,
    pkg/streaming/portforward/httpstream.go (``httpStreamReceived``).  But a
    stream without ``streamType`` is taken for a lone one, unless its
    ``requestID`` says that it is one of two.

    :raises BadStream: they are not valid.
    """
    port = _port(_first(headers, PORT))
    request_id = _request_id(_first(headers, REQUEST_ID))
    kind = _first(headers, STREAM_TYPE)
    if not kind:
        if request_id is not None:
            raise BadStream('"streamType" header is required')
        return StreamAsk(Kind.LONE, port, None)
    if kind == b"data":
        return StreamAsk(Kind.DATA, port, request_id)
    if kind == b"error":
        return StreamAsk(Kind.ERROR, port, request_id)
    raise BadStream(f"invalid stream type {quote(kind)}")


def _first(headers: Headers, name: bytes) -> bytes:
    """
    Return the first value of a header, or nothing, as Go's ``Header.Get`` does.

    In SPDY several values are one, with NUL between them (draft, 2.6.10).
    """
    for found, value in headers:
        if found == name:
            return value.partition(b"\0")[0]
    return b""


def _port(text: bytes) -> int:
    """Read a port: decimal digits, 1 to 65535."""
    if not text:
        raise BadStream('"port" header is required')
    try:
        port = parse_uint(text, 0xFFFF)
    except NotUint as error:
        words = f"unable to parse {quote(text)} as a port: {error}"
        raise BadStream(words) from None
    if not port:
        raise BadStream(f"port {quote(text)} must be > 0")
    return port


def _request_id(value: bytes) -> str | None:
    """Read a ``requestID``: any text, but of a length worth keeping."""
    if len(value) > _LONGEST_REQUEST_ID:
        raise BadStream(
            f'"requestID" header has {len(value)} bytes, '
            f"{_LONGEST_REQUEST_ID} are the most"
        )
    return value.decode("latin-1") or None


def error_forwarding(port: int, pod: str, uid: str, why: str) -> str:
    """
    Say that a connection failed, as cri-streaming does.

    :param pod: namespace and name, with a slash between.
    """
    return f"error forwarding port {port} to pod {pod}, uid {uid}: {why}"


def error_forwarding_2015(port: int, pod: str, uid: str, why: str) -> str:
    """Say the same to generations A and B (Kubernetes 1.0, pkg/kubelet/server.go)."""
    return f"Error forwarding port {port} to pod {pod}, uid {uid}: {why}"


def timed_out(request_id: str) -> str:
    """
    Say that a pair's other stream did not come (httpstream.go).

    There "conn=" and an address in the server's memory stand before the
    request; it means nothing to a client and is left out.
    """
    return f"(request={request_id}) timed out waiting for streams"


def timed_out_2015() -> str:
    """Say the same to generations A and B (Kubernetes 1.0, pkg/kubelet/server.go)."""
    return "Timed out waiting for data stream"


def already_assigned(request_id: str, kind: Kind) -> str:
    """Say that a pair has such a stream already (httpstream.go)."""
    return (
        f"error processing stream for request {request_id}: "
        f"{kind.value} stream already assigned"
    )
