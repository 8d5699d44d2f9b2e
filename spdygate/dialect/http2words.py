"""
How a tunnel is asked for, refused and ended on an HTTP/2 stream.

This is our own mapping, on RFC 9113 and RFC 8441; docs/protocol.rst, section 8
is its definition, and both dialects that speak it take their words from here.
"""

from __future__ import annotations

from ..errors import Http2Code, SpdygateError
from ..session.events import Headers
from ..wire.portforward import (
    PROTOCOL,
    PROTOCOL_HEADER,
    STATUS_TYPE,
    status,
    status_message,
)
from ..wire.urls import BadUrl, Target, node_path, parse, parse_authority
from .tunnel import Failure, Reason, Request

#: Characters of any one word that are passed on, or taken from a peer: a header
#: list too large for it would cost a node's every tunnel.
_LONGEST = 512

#: Our proof that a node service answered, and not a proxy on the way (8.1).
_PROOF = (PROTOCOL_HEADER.lower().encode(), PROTOCOL.encode())

#: Where a refusal says its reason: several share a status.
_REASON = b"spdygate-reason"

#: All that a refusal may say.  Who has found a stranger has its own ladder to
#: climb; for whoever asked it that is the end of the matter.
_LABELS = {reason.label.encode(): reason for reason in Reason}
_LABELS[Reason.STRANGER.label.encode()] = Reason.PROTOCOL

_RESET_CODES = {
    Reason.TARGET_RESET: Http2Code.CONNECT_ERROR,
    Reason.GAVE_UP: Http2Code.CANCEL,
    Reason.RETRY: Http2Code.REFUSED_STREAM,
    Reason.LIMIT: Http2Code.ENHANCE_YOUR_CALM,
    Reason.POD_GONE: Http2Code.POD_GONE,
    Reason.PROTOCOL: Http2Code.PROTOCOL_ERROR,
    Reason.STRANGER: Http2Code.PROTOCOL_ERROR,
    Reason.LINK_LOST: Http2Code.CANCEL,
    Reason.STALLED: Http2Code.CANCEL,
    Reason.DRAINING: Http2Code.CANCEL,
    Reason.INTERNAL: Http2Code.INTERNAL_ERROR,
}

_RESET_MEANINGS = {
    Http2Code.CONNECT_ERROR: (
        Reason.TARGET_RESET,
        "the target reset the connection",
    ),
    Http2Code.CANCEL: (Reason.GAVE_UP, "the other side gave up"),
    Http2Code.REFUSED_STREAM: (Reason.RETRY, "the stream was refused unprocessed"),
    Http2Code.ENHANCE_YOUR_CALM: (Reason.LIMIT, "a limit was passed"),
    Http2Code.POD_GONE: (Reason.POD_GONE, "the pod is gone"),
}

_REFUSALS = {
    400: Reason.BAD_REQUEST,
    401: Reason.UNAUTHORIZED,
    403: Reason.FORBIDDEN,
    404: Reason.NO_SUCH_POD,
    429: Reason.LIMIT,
    502: Reason.REFUSED,
    503: Reason.DRAINING,
    504: Reason.TIMEOUT,
}


class BadRequestError(SpdygateError):
    """
    A stream asks for something that is not a port-forward we serve.

    :ivar status: the HTTP status to refuse it with.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def ask(request: Request, authority: str, scheme: str) -> Headers:
    """Return the headers that ask a node for the tunnel (8.1)."""
    fields = [
        (":method", "CONNECT"),
        (":protocol", PROTOCOL),
        (":scheme", scheme),
        (":authority", authority),
        (":path", node_path(request.target)),
        ("port", str(request.port)),
        ("x-request-id", request.request_id),
    ]
    if request.user:
        fields.append(("spdygate-user", request.user))
    if request.client:
        fields.append(("spdygate-client", request.client))
    return tuple((name.encode(), _printable(value)) for name, value in fields)


def _printable(value: str) -> bytes:
    """Return *value* as a field value: visible ASCII (RFC 9110, section 5.5)."""
    written = value[:_LONGEST].encode("ascii", "replace")
    return written.translate(_CONTROLS).strip()


def _words(value: bytes, longest: int = _LONGEST) -> str:
    """Return a field value fit for a line of a log."""
    return value[:longest].translate(_CONTROLS).decode("ascii")


#: A proxy may make this of any upgrade (RFC 8441), and need not.
_ONE_PROTOCOL = (
    f"the one :protocol served here is {PROTOCOL}; for any other upgrade use HTTP/1.1"
)

#: What asks for it.  HAProxy 2.6 cuts ``:protocol`` to 15 bytes (its source has
#: ``char upgrade_protocol[16]``), and the path says well enough what is meant.
_SPOKEN = (PROTOCOL.encode(), PROTOCOL.encode()[:15])

_CONTROLS = bytes(c if 0x20 <= c < 0x7F else 0x3F for c in range(256))


def understand(headers: Headers, *, trusted: bool) -> Request:
    """
    Read what a stream asks for.

    :param trusted: whether the peer proved by certificate to be a gateway, and
        may say on whose behalf it asks.
    :raises BadRequestError: it is not a port-forward, or not a valid one.
    """
    fields = dict(headers)
    if fields.get(b":method") != b"CONNECT" or b":protocol" not in fields:
        raise BadRequestError(404, "only port-forward is served here")
    if fields[b":protocol"] not in _SPOKEN:
        raise BadRequestError(501, _ONE_PROTOCOL)
    target, port = _target(fields.get(b":path", b"")), _port(fields.get(b"port", b""))
    return _request(fields, target, port, trusted)


def understand_plain(headers: Headers, *, trusted: bool) -> Request:
    """
    Read what a CONNECT without ``:protocol`` asks for (RFC 9113, section 8.5).

    :param trusted: see `understand`.
    :raises BadRequestError: its authority is not a port of a pod.
    """
    fields = dict(headers)
    try:
        target, port = parse_authority(fields.get(b":authority", b""))
    except BadUrl as error:
        raise BadRequestError(error.status, str(error)) from None
    return _request(fields, target, port, trusted)


def _request(
    fields: dict[bytes, bytes], target: Target, port: int, trusted: bool
) -> Request:
    """Return what is asked for, and what the peer says of itself."""
    return Request(
        target,
        port,
        _words(fields.get(b"x-request-id", b""), 128),
        _words(fields.get(b"spdygate-user", b"")) if trusted else "",
        _words(fields.get(b"spdygate-client") or fields.get(b"user-agent", b"")),
    )


def _target(path: bytes) -> Target:
    """Read the pod from the path, which may be of any URL generation."""
    try:
        url = parse(path)
    except BadUrl as error:
        raise BadRequestError(error.status, str(error)) from None
    if url is None:
        raise BadRequestError(400, "the path names no pod to forward to")
    return url.target


def _port(value: bytes) -> int:
    """Read the port: decimal, 1 to 65535."""
    if value.isdigit() and len(value) <= 5 and 0 < int(value) < 65536:
        return int(value)
    words = value[:32].decode("ascii", "replace")
    raise BadRequestError(400, f"the port header must be 1 to 65535, not {words!r}")


def accepted() -> Headers:
    """Return the headers of the answer once the target is connected."""
    return ((b":status", b"200"), _PROOF)


def refused(
    status_code: int, message: str, reason: Reason | None = None
) -> tuple[Headers, bytes]:
    """
    Return the headers and the body that refuse a stream (8.1).

    :param reason: what the status alone does not tell, if there is more.
    """
    headers, body = document(status_code, message)
    if reason is not None:
        headers += ((_REASON, reason.label.encode()),)
    return (*headers, _PROOF), body


def document(status_code: int, message: str) -> tuple[Headers, bytes]:
    """Return an answer that is a Status and nothing else."""
    body = status(status_code, message)
    headers = (
        (b":status", str(status_code).encode()),
        (b"content-type", STATUS_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
    )
    return headers, body


def upgraded() -> tuple[Headers, bytes]:
    """Return the answer to the request that asked for ``h2c`` (8.2)."""
    return refused(200, "tunnels are streams from 3 on, each with a port header")


def is_ours(headers: Headers) -> bool:
    """Say whether an answer carries the proof that a node service gave it."""
    return _PROOF in headers


def refusal(headers: Headers, body: bytes) -> Failure:
    """Read why a stream was refused."""
    fields = dict(headers)
    value = fields.get(b":status", b"")
    # As long as the peer likes: int() refuses to read thousands of digits.
    code = int(value) if value.isdigit() and len(value) == 3 else 0
    if not is_ours(headers):
        words = f"HTTP status {code} from something that is no spdygate node service"
        return Failure(Reason.STRANGER, words)
    message = status_message(body) or f"refused with HTTP status {code}"
    known = _REFUSALS.get(code, Reason.PROTOCOL)
    return Failure(_LABELS.get(fields.get(_REASON, b""), known), message)


def reset_code(failure: Failure) -> int:
    """Return the RST_STREAM code for an open tunnel that failed."""
    return _RESET_CODES.get(failure.reason, Http2Code.CONNECT_ERROR)


def reset_meaning(code: int) -> Failure:
    """Read why a stream was reset."""
    try:
        known = Http2Code(code)
    except ValueError:
        known = Http2Code.PROTOCOL_ERROR
    default = Reason.PROTOCOL, f"the stream was reset with code {code:#x}"
    return Failure(*_RESET_MEANINGS.get(known, default))
