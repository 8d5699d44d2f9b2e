"""
The other sides of WebSocket channels, written by hand: a client and a kubelet.

Frames go in one by one, what happens to tunnels comes out, and what our side
writes is read back by a library that has nothing in common with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from websockets.frames import Close, Frame, Opcode
from websockets.protocol import CLIENT, SERVER, Protocol

from spdygate.dialect.budget import Shared
from spdygate.dialect.nodechannels import NodeChannels
from spdygate.dialect.servedchannels import ServedChannelEnd, ServedChannels
from spdygate.dialect.spdystreams import Visit
from spdygate.dialect.tunnel import Opening, TunnelEvent
from spdygate.session.websocket import WebSocketSession
from spdygate.wire.channels import Codec
from tests.dialect.ends import TARGET, request
from tests.session.websocketpeer import by_hand

__all__ = ["Opcode"]


class Message(NamedTuple):
    """
    A message that our side wrote.

    :ivar body: all of it, the channel included.
    """

    opcode: Opcode
    body: bytes


class ChannelPeer:
    """
    What the two have in common.

    :ivar ours: our side of the connection.
    :ivar messages: what it has written that is not Ping or Close.
    :ivar pings: how many Pings it has written.
    :ivar closed: the code of its Close, once it has written one.
    :ivar now: seconds on its clock.
    :ivar woken: how often it had something to write or to read again.
    """

    def __init__(self, ours: ServedChannels | NodeChannels, *, client: bool) -> None:
        """
        Stand opposite to *ours*.

        :param client: whether we stand for the client here.
        """
        self.ours = ours
        self.ours.on_wake(self.wake)
        self._reader = Protocol(CLIENT if client else SERVER, max_size=None)
        self._masked = client
        self.messages: list[Message] = []
        self.pings = 0
        self.closed: int | None = None
        self.now = 0.0
        self.woken = 0

    def wake(self) -> None:
        """Count one."""
        self.woken += 1

    def raw(self, first: int, body: bytes = b"") -> bytes:
        """Return a frame; *first* is its first byte."""
        return by_hand(first, body, masked=self._masked)

    def does(self, *frames: bytes) -> list[TunnelEvent]:
        """Send frames, one by one; return what happened to tunnels."""
        feed = self.ours.feed
        return [event for frame in frames for event in feed(frame, self.now)]

    def says(self, channel: int, data: bytes) -> list[TunnelEvent]:
        """Send one binary message."""
        return self.does(self.raw(0x82, bytes((channel,)) + data))

    def closes(self, code: int | None = 1000) -> list[TunnelEvent]:
        """Send Close."""
        body = b"" if code is None else code.to_bytes(2)
        return self.does(self.raw(0x88, body))

    def passes(self, seconds: float) -> list[TunnelEvent]:
        """Let time pass, and do what is due, until nothing more is."""
        self.now += seconds
        told: list[TunnelEvent] = []
        for _ in range(9):
            if self.ours.deadline() > self.now:
                return told
            told += self.ours.tick(self.now)
        raise AssertionError("there is always something due")

    def look(self) -> None:
        """Read what our side has written."""
        self._reader.receive_data(self.ours.outgoing())
        for event in self._reader.events_received():
            assert isinstance(event, Frame)
            if event.opcode is Opcode.PING:
                self.pings += 1
            elif event.opcode is Opcode.CLOSE:
                self.closed = Close.parse(bytes(event.data)).code
            elif event.opcode is not Opcode.PONG:
                assert event.fin, "a message of ours is one frame"
                self.messages.append(Message(event.opcode, bytes(event.data)))

    def written(self) -> list[bytes]:
        """Return, and forget, the messages that our side has written."""
        self.look()
        messages, self.messages = self.messages, []
        return [message.body for message in messages]

    def got(self, channel: int) -> bytes:
        """Return what has been said on a channel, and not been forgotten."""
        self.look()
        bodies = [message.body for message in self.messages]
        return b"".join(body[1:] for body in bodies if body[0] == channel)


class ChannelClient(ChannelPeer):
    """
    A client of some ports.

    :ivar served: our side of the connection.
    """

    def __init__(
        self,
        ports: Sequence[int] = (80,),
        codec: Codec = Codec.RAW,
        shared: Shared | None = None,
    ) -> None:
        visit = Visit(TARGET, "s1", "python", "jane")
        websocket = WebSocketSession(client=False)
        self.served = ServedChannels(visit, ports, codec, websocket, shared)
        super().__init__(self.served, client=True)

    def connects(self) -> list[ServedChannelEnd]:
        """Have the ports asked for; return their ends, and forget the preambles."""
        ends = []
        for event in self.passes(0):
            assert isinstance(event, Opening)
            assert isinstance(event.end, ServedChannelEnd)
            ends.append(event.end)
        self.written()
        return ends

    def leftovers(self) -> dict[str, object]:
        """Return every table that is not empty: of lanes, bytes, ends."""
        line = self.served._line
        tables: dict[str, object] = {
            "lanes": line.outbox._lanes,
            "turns": line.outbox._turns,
            "ends": line.ends,
            "done": line.done,
            "held": line.held.total,
            "shared": line.held.shared.held,
        }
        return {name: table for name, table in tables.items() if table}


class ChannelKubelet(ChannelPeer):
    """
    A kubelet that was asked for port 8080.

    :ivar node: our side of the connection.
    """

    def __init__(self, hold_fin: float = 30.0, shared: Shared | None = None) -> None:
        websocket = WebSocketSession(client=True)
        self.node = NodeChannels("node n1", request(), websocket, 0.0, hold_fin, shared)
        self.end = self.node.end
        super().__init__(self.node, client=False)

    def opens(self) -> list[TunnelEvent]:
        """Name the port on both channels."""
        return [*self.says(0, b"\x90\x1f"), *self.says(1, b"\x90\x1f")]
