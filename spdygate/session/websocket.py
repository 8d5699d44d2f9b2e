"""
One WebSocket after its handshake, either side of it: bytes in, events out.

wsproto reads the frames and knows what they may be, all but those that carry
nearly everything (`spdygate.wire.websocketdata`); this file says what they mean to
us, and bounds what they may cost.  Rules:

1. A message is passed on in pieces, as they come: whoever needs whole ones
   bounds them.  Pieces of text never end within a character.
2. Whatever a peer sends, nothing is raised.  What breaks the protocol is
   answered with Close and told as `Broken`, the last event, as is `Closed`.
3. A message of ours is one frame.  A server's is not masked, so its header is
   put before it here and it is not copied; wsproto would copy it four times.
4. Pings and Pongs cost the peer little and us more, so there is a limit
   (`spdygate.session.ratelimit`), and only the latest Ping is answered
   (section 5.5.3).  So it is with empty frames, but an empty message behind
   one that is not is as good as any: a Go peer writes every piece of a SPDY
   frame as its own message, its empty payload, too (docs/protocol.rst, 4.2).

Sections are those of RFC 6455.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason

from ..errors import LimitError, RemoteError
from ..wire.websocket import BINARY, TEXT, frame_header
from ..wire.websocketdata import BinaryLane, BinaryPiece
from . import events
from .events import Buffer
from .ratelimit import RateLimit

#: Codes of Close (section 7.4.1).
NORMAL = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
UNSUPPORTED = 1003
POLICY = 1008
TOO_BIG = 1009

#: Pings of ours whose Pong we would know again.
_REMEMBERED = 8

_PING_ID = struct.Struct("!Q")


@dataclass(slots=True)
class MessagePiece:
    """
    Part of a message came, or all of it; made for every piece, so not frozen.

    :ivar data: maybe empty, since messages and their last pieces may be.
    :ivar text: whether the message is text; it is UTF-8 all the same.
    :ivar finished: whether the message ends with it.
    """

    data: Buffer
    text: bool
    finished: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """
    The peer closed the WebSocket: always the last event.

    :ivar code: why, or ``None`` if it did not say (section 7.1.5).
    """

    code: int | None


WebSocketEvent = MessagePiece | Closed | events.Pong | events.Broken


class WebSocketError(RemoteError):
    """
    The peer broke the protocol of WebSocket.

    :ivar code: what Close says of it.
    """

    def __init__(self, message: str, code: int = PROTOCOL_ERROR) -> None:
        super().__init__(message)
        self.code = code


class WebSocketSession:
    """
    One side of a WebSocket.

    :ivar closed: whether either side has said Close: nothing is sent or told
        any more, and the connection is to be closed once all is written.
    :ivar paused: whether the transport is congested: Pongs then wait, for the
        peer may send Pings and read nothing.
    """

    def __init__(self, client: bool) -> None:
        """
        Begin where the handshake has ended.

        :param client: which side we are: a client masks what it sends.
        """
        kind = ConnectionType.CLIENT if client else ConnectionType.SERVER
        self._connection = Connection(kind)
        self._lane = BinaryLane(masked=not client)
        self._client = client
        self._out: list[Buffer] = []
        self._pong: bytes | None = None
        self._pings: deque[int] = deque(maxlen=_REMEMBERED)
        self._noise = RateLimit()
        #: Whether the frame before was empty.
        self._empty = False
        self.closed = False
        self.paused = False

    # -- reading ---------------------------------------------------------------

    def feed(self, data: bytes, now: float) -> list[WebSocketEvent]:
        """
        Take bytes from the peer.

        :param now: seconds, of any clock that does not jump.
        :returns: what happened; nothing once it is `closed`.
        """
        told: list[WebSocketEvent] = []
        if self.closed:
            return told
        try:
            for found in self._lane.feed(data):
                if isinstance(found, BinaryPiece):
                    piece, finished = found
                    self._count(bool(piece), finished, now)
                    told.append(MessagePiece(piece, False, finished))
                else:
                    self._connection.receive_data(found)
                    for event in self._connection.events():
                        self._other(event, told, now)
                if self.closed:
                    break
        except RemoteError as error:
            self._break(error)
            told.append(events.Broken(error))
        return told

    def _count(self, full: bool, ended: bool, now: float) -> None:
        """
        Count an empty frame behind an empty one as noise.

        :param full: whether any of its payload has come.
        :param ended: whether it has ended.
        """
        if full:
            self._empty = False
        elif ended:
            self._noise.take(int(self._empty), now)
            self._empty = True

    def _other(self, event: Event, told: list[WebSocketEvent], now: float) -> None:
        """Act on what wsproto has read."""
        match event:
            case BytesMessage():
                self._count(bool(event.data), event.frame_finished, now)
                if event.data or event.message_finished:
                    payload, finished = bytes(event.data), event.message_finished
                    told.append(MessagePiece(payload, False, finished))
            case TextMessage():
                self._count(bool(event.data), event.frame_finished, now)
                if event.data or event.message_finished:
                    payload, finished = event.data.encode(), event.message_finished
                    told.append(MessagePiece(payload, True, finished))
            case Ping():
                self._noise.take(1, now)
                self._pong = bytes(event.payload)
            case Pong():
                self._answered(bytes(event.payload), told, now)
            case CloseConnection():
                told.append(self._hear_close(event))

    def _answered(self, payload: bytes, told: list[WebSocketEvent], now: float) -> None:
        """Know a Pong again; one that nobody asked for is noise (5.5.3)."""
        ping_id = _PING_ID.unpack(payload)[0] if len(payload) == _PING_ID.size else None
        if ping_id not in self._pings:
            self._noise.take(1, now)
            return
        # It answers those before it, too: only the latest need be answered.
        while self._pings.popleft() != ping_id:
            pass
        told.append(events.Pong(ping_id))

    def _hear_close(self, event: CloseConnection) -> Closed:
        """
        Answer the peer's Close with our own (section 5.5.1).

        :raises WebSocketError: it is not the peer's but wsproto's, which has
            found something that it will not read on.
        """
        if self._connection.state is not ConnectionState.REMOTE_CLOSING:
            raise WebSocketError(event.reason or "unreadable", int(event.code))
        self._write_close(CloseConnection(code=event.code))
        said = event.code != CloseReason.NO_STATUS_RCVD
        return Closed(int(event.code) if said else None)

    def _break(self, error: RemoteError) -> None:
        """Say Close over what the peer did."""
        code = PROTOCOL_ERROR
        if isinstance(error, WebSocketError):
            code = error.code
        elif isinstance(error, LimitError):
            code = POLICY
        self.close(code, str(error))

    # -- writing ---------------------------------------------------------------

    def outgoing(self) -> bytes:
        """Return, and forget, the bytes to write."""
        if self._pong is not None and not self.paused and not self.closed:
            self._out.append(self._connection.send(Pong(payload=self._pong)))
            self._pong = None
        data = b"".join(self._out)
        self._out.clear()
        return data

    def send(self, data: Buffer, *, text: bool = False) -> None:
        """
        Send one message; do nothing once it is `closed`.

        :param data: all of it, and UTF-8 if it is text.
        """
        if self.closed:
            return
        if not self._client:
            header = frame_header(TEXT if text else BINARY, len(data))
            self._out += (header, data)
        elif text:
            message = TextMessage(data=str(data, "utf-8"))
            self._out.append(self._connection.send(message))
        else:
            self._out.append(self._connection.send(BytesMessage(data=bytes(data))))

    def ping(self, ping_id: int) -> None:
        """
        Ask whether the peer is there; a `Pong` tells that it is.

        :param ping_id: 0 to 2**64 - 1.
        """
        if self.closed:
            return
        self._pings.append(ping_id)
        self._out.append(self._connection.send(Ping(payload=_PING_ID.pack(ping_id))))

    def close(self, code: int, reason: str = "") -> None:
        """
        Say Close behind all that was sent; do nothing if it has been said.

        What the peer still sends is thrown away, its own Close included.

        :param reason: why; what is above 123 bytes is cut off.
        """
        if not self.closed:
            self._write_close(CloseConnection(code=code, reason=reason))

    def _write_close(self, event: CloseConnection) -> None:
        """Say Close, or answer it."""
        self.closed = True
        self._out.append(self._connection.send(event))
