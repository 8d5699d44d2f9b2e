"""
Everything spdygate can raise, as one tree.

Two questions sort every failure: *who broke the rule* (`LocalError`: our own
caller; `RemoteError`: the peer) and *how far the damage goes* (a
`RemoteError` costs the peer its session, a `RemoteStreamError` one stream of
it).  Each class carries the codes that SPDY and HTTP/2 want on the wire, so
that whoever catches it never has to choose one.
"""

from __future__ import annotations

from enum import IntEnum


class RstStatus(IntEnum):
    """RST_STREAM status codes (SPDY/3.1 draft, section 2.6.3)."""

    PROTOCOL_ERROR = 1
    INVALID_STREAM = 2
    REFUSED_STREAM = 3
    UNSUPPORTED_VERSION = 4
    CANCEL = 5
    INTERNAL_ERROR = 6
    FLOW_CONTROL_ERROR = 7
    STREAM_IN_USE = 8
    STREAM_ALREADY_CLOSED = 9
    FRAME_TOO_LARGE = 11


class GoawayStatus(IntEnum):
    """GOAWAY status codes (SPDY/3.1 draft, section 2.6.6)."""

    OK = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2


class Http2Code(IntEnum):
    """HTTP/2 error codes that we send or understand (RFC 9113, section 7)."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    #: Ours, an extension code: the pod itself is gone ("pod!" in ASCII).
    POD_GONE = 0x706F6421


class SpdygateError(Exception):
    """The root: catch this to catch only what this package means to raise."""


class LocalError(SpdygateError):
    """Our own caller asked for something the protocol forbids: a bug here."""


class RemoteError(SpdygateError):
    """The peer broke the protocol: say why, then end the session."""

    goaway = GoawayStatus.PROTOCOL_ERROR
    http2 = Http2Code.PROTOCOL_ERROR


class LimitError(RemoteError):
    """The peer asked for more than it may have: the session ends."""

    http2 = Http2Code.ENHANCE_YOUR_CALM


class CreditError(RemoteError):
    """The peer sent more than it was granted: the session ends."""

    http2 = Http2Code.FLOW_CONTROL_ERROR


class RemoteStreamError(SpdygateError):
    """
    The peer broke the protocol on one stream: reset that one alone.

    :ivar stream_id: the stream to reset.
    """

    rst = RstStatus.PROTOCOL_ERROR
    http2 = Http2Code.PROTOCOL_ERROR

    def __init__(self, stream_id: int, message: str) -> None:
        super().__init__(message)
        self.stream_id = stream_id
