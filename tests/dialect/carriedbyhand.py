"""
SPDY peers inside of a WebSocket, and our side of the connection.

They are the peers of `spdyclient` and `spdynode`; only what they say is cut
into messages as Go cuts it, and what is said to them is read by PyPI's
``websockets``.
"""

from __future__ import annotations

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from spdygate.dialect.carried import LARGEST_MESSAGE, Carried
from spdygate.dialect.servedspdy import Errors
from spdygate.dialect.tunnel import TunnelEvent
from spdygate.session.websocket import WebSocketSession
from tests.dialect.spdyclient import SpdyClient
from tests.dialect.spdynode import SpdyNode
from tests.session.spdybyhand import Seen

__all__ = ["Opcode", "TunnelClient", "TunnelNode", "TheirWebSocket"]


class TheirWebSocket:
    """
    The peer's side of a WebSocket.

    :ivar sizes: bytes of every message that was read.
    """

    def __init__(self, *, client: bool) -> None:
        self._client = client
        side = Side.CLIENT if client else Side.SERVER
        self._theirs = Protocol(side, max_size=LARGEST_MESSAGE)
        self.sizes: list[int] = []

    def message(self, opcode: Opcode, payload: bytes = b"") -> bytes:
        """Write a message, or a control frame."""
        return Frame(opcode, payload).serialize(mask=self._client)

    def cut(self, frame: bytes) -> list[bytes]:
        """Write a SPDY frame as Go does: one word, one word, the rest."""
        pieces = (frame[:4], frame[4:8], frame[8:])
        return [self.message(Opcode.BINARY, piece) for piece in pieces]

    def read(self, written: bytes) -> bytes:
        """Return the bytes that messages brought, each of them binary and whole."""
        self._theirs.receive_data(written)
        assert self._theirs.parser_exc is None, self._theirs.parser_exc
        found = b""
        for event in self._theirs.events_received():
            assert isinstance(event, Frame) and event.fin
            if event.opcode is Opcode.BINARY:
                self.sizes.append(len(event.data))
                found += bytes(event.data)
        return found

    @property
    def close(self) -> int | None:
        """Return the code of the Close that has come."""
        close = self._theirs.close_rcvd
        return None if close is None else int(close.code)


class TunnelClient(SpdyClient):
    """
    A kubectl of today.

    :ivar carried: our side of the connection; ``served`` is inside of it.
    """

    def __init__(self, errors: Errors = Errors.ISOLATE) -> None:
        super().__init__(errors)
        self.websocket = TheirWebSocket(client=True)
        self.carried = Carried(self.served, WebSocketSession(client=False))
        self.carried.on_wake(self.wake)

    def says(self, opcode: Opcode, payload: bytes = b"") -> list[TunnelEvent]:
        """Send a message, or a control frame."""
        return self.carried.feed(self.websocket.message(opcode, payload), self.now)

    def does(self, *frames: bytes) -> list[TunnelEvent]:
        """Send SPDY frames, message by message."""
        messages = [piece for frame in frames for piece in self.websocket.cut(frame)]
        feed = self.carried.feed
        return [event for message in messages for event in feed(message, self.now)]

    def written(self) -> list[Seen]:
        """Return the SPDY frames that were written since."""
        return self.peer.read(self.websocket.read(self.carried.outgoing()))


class TunnelNode(SpdyNode):
    """
    An API server, or a kubelet to come.

    :ivar carried: our side of the connection; ``node`` is inside of it.
    """

    def __init__(self, hold_fin: float = 30.0) -> None:
        super().__init__(hold_fin)
        self.websocket = TheirWebSocket(client=False)
        self.carried = Carried(self.node, WebSocketSession(client=True))

    def says(self, *frames: bytes) -> list[TunnelEvent]:
        """Let it send frames in one read, each cut as Go does."""
        messages = [piece for frame in frames for piece in self.websocket.cut(frame)]
        return self.carried.feed(b"".join(messages), self.now)

    def written(self) -> list[Seen]:
        """Return the SPDY frames that we wrote since."""
        return self.peer.read(self.websocket.read(self.carried.outgoing()))

    def drains(self) -> list[TunnelEvent]:
        """Let the transport drain."""
        told: list[TunnelEvent] = []
        self.carried.resume()
        while self.carried.has_waiting:
            told += self.carried.release(1 << 20)
        return told
