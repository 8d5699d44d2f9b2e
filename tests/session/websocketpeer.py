"""
The other side of a WebSocket: frames by hand, and PyPI's ``websockets``.

Frames made here may be as wrong as a test asks for; what a session writes is
read by a library that has nothing in common with wsproto.
"""

from __future__ import annotations

from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol, Side

from spdygate.errors import RemoteError
from spdygate.session.events import Broken, Pong
from spdygate.session.websocket import (
    Closed,
    MessagePiece,
    WebSocketEvent,
    WebSocketSession,
)

__all__ = ["Opcode", "TheirSide", "broken", "by_hand", "close_code", "frame", "tell"]

#: What masks every frame made here.
_MASK = b"\x0f\xf0\x5a\xa5"


def by_hand(first: int, payload: bytes = b"", *, masked: bool = True) -> bytes:
    """
    Write a frame.

    :param first: its first byte: FIN, reserved bits, opcode.
    """
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        head = bytes((first, bit | len(payload)))
    elif len(payload) < 65536:
        head = bytes((first, bit | 126)) + len(payload).to_bytes(2)
    else:
        head = bytes((first, bit | 127)) + len(payload).to_bytes(8)
    if not masked:
        return head + payload
    hidden = bytes(byte ^ _MASK[i % 4] for i, byte in enumerate(payload))
    return head + _MASK + hidden


def frame(opcode: Opcode, payload: bytes = b"", *, masked: bool = True) -> bytes:
    """Have ``websockets`` write a whole message, or a control frame."""
    return Frame(opcode, payload).serialize(mask=masked)


def tell(events: list[WebSocketEvent]) -> list[object]:
    """
    Say shortly what happened.

    :returns: a whole or unfinished message as its bytes, or its text; a number
        for a Pong or a Close; the failure's class for what is broken.
    """
    told: list[object] = []
    message = b""
    for event in events:
        match event:
            case MessagePiece(data, text, finished):
                message += bytes(data)
                if finished:
                    told.append(message.decode() if text else message)
                    message = b""
            case Pong(ping_id):
                told.append(ping_id)
            case Closed():
                told.append(event)
            case _:
                told.append(type(event.error))
    return [*told, message] if message else told


def broken(events: list[WebSocketEvent]) -> RemoteError | None:
    """Return what the peer did wrong, if that is how it ends."""
    last = events[-1] if events else None
    return last.error if isinstance(last, Broken) else None


class TheirSide:
    """
    The library's side of a session of ours.

    :ivar session: ours.
    :ivar theirs: the library's.
    """

    def __init__(self, *, client: bool) -> None:
        """
        Begin.

        :param client: whether they are the client.
        """
        self.session = WebSocketSession(client=not client)
        self.theirs = Protocol(Side.CLIENT if client else Side.SERVER, max_size=None)
        self.now = 0.0

    def sends(self) -> list[WebSocketEvent]:
        """Take over what the library has to say; return what happened."""
        data = b"".join(self.theirs.data_to_send())
        return self.session.feed(data, self.now)

    def gets(self) -> list[Frame]:
        """Return the frames that were written to the library since."""
        self.theirs.receive_data(self.session.outgoing())
        events = self.theirs.events_received()
        return [event for event in events if isinstance(event, Frame)]


def close_code(written: bytes, *, masked: bool = False) -> int | None:
    """
    Return the code of the Close that ends what a session has written.

    :param masked: whether it is a client's.
    """
    theirs = Protocol(Side.SERVER if masked else Side.CLIENT, max_size=None)
    theirs.receive_data(written)
    return theirs.close_rcvd.code if isinstance(theirs.close_rcvd, Close) else None
