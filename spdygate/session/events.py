"""
What any session may report, whatever its protocol.

A session is fed bytes and returns a list of these.  They are plain values:
nothing in them calls back, so a test can compare a whole conversation with a
list.  ``stream_id`` is the protocol's own number for the stream.

``DataReceived`` is made once for every piece of DATA that arrives, so it is a
slotted class and not frozen (a frozen dataclass costs three times as much to
make); treat it as a value all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import RemoteError
from ..wire.headerblock import Headers

__all__ = ["Buffer", "Event", "Headers"]

#: What payload may be: a view is valid as long as anyone holds it.
Buffer = bytes | memoryview


@dataclass(slots=True)
class DataReceived:
    """
    Bytes came on a stream: as much of a frame, or of several, as has arrived.

    :ivar data: never empty.  It may be a view into what was fed, so whoever
        keeps it beyond the turn copies it.
    """

    stream_id: int
    data: Buffer


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """
    The peer opened a stream.

    :ivar finished: whether it said in the same breath that it sends nothing.
    """

    stream_id: int
    headers: Headers
    finished: bool = False


@dataclass(frozen=True, slots=True)
class StreamAccepted:
    """The peer said yes to a stream we opened (SYN_REPLY, or ``:status`` 200)."""

    stream_id: int
    headers: Headers


@dataclass(frozen=True, slots=True)
class StreamRefused:
    """
    The peer answered a stream we opened with a final status and a reason.

    :ivar body: what it wrote, as much of it as we are willing to read.
    """

    stream_id: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class StreamFinished:
    """
    The peer will send no more on this stream (FIN, END_STREAM).

    :ivar trailers: what it said behind the body (RFC 9113, section 8.1).
    """

    stream_id: int
    trailers: Headers = ()


@dataclass(frozen=True, slots=True)
class StreamReset:
    """The peer gave the stream up; ``code`` is its protocol's own."""

    stream_id: int
    code: int


@dataclass(frozen=True, slots=True)
class Drained:
    """Bytes that had waited here, ``count`` of them, are on their way out."""

    stream_id: int
    count: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The peer has introduced itself (HTTP/2 SETTINGS): streams may be opened."""

    extended_connect: bool


@dataclass(frozen=True, slots=True)
class Pong:
    """Our PING came back."""

    ping_id: int


@dataclass(frozen=True, slots=True)
class GoingAway:
    """
    The peer accepts no new streams (GOAWAY).

    :ivar last_stream_id: the highest of our streams that it may have acted on.
    """

    last_stream_id: int
    code: int


@dataclass(frozen=True, slots=True)
class Broken:
    """
    The peer broke the protocol, and its session is over: always the last event.

    An event and not an exception, so that what came before in the same read
    is not lost.  The farewell is already in ``outgoing``.
    """

    error: RemoteError


Event = (
    DataReceived
    | StreamOpened
    | StreamAccepted
    | StreamRefused
    | StreamFinished
    | StreamReset
    | Drained
    | Ready
    | Pong
    | GoingAway
    | Broken
)
