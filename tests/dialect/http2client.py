"""
h2 as the client of a gateway: an independent reading of what we write.

What a client does beyond the rules is written by hand, as RFC 9113 draws it.
"""

from __future__ import annotations

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

from spdygate.dialect.exchange import Asked
from spdygate.dialect.servedhttp2 import CLIENT_LIMITS, ServedHttp2
from spdygate.dialect.tunnel import Opening, TunnelEvent
from spdygate.session.events import Headers
from spdygate.session.http2 import Http2Session

#: RFC 9113, section 8.5, with a name of docs/protocol.rst, section 8.2.
PROXY: Headers = ((b":method", b"CONNECT"), (b":authority", b"web-0.shop.pod:8080"))

GET: Headers = (
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":authority", b"gate:8001"),
    (b":path", b"/api/v1/pods?watch=1"),
)


def with_method(method: bytes) -> Headers:
    """Return the headers of a request like `GET`."""
    return ((b":method", method), *GET[1:])


class Client:
    """
    h2 in front of a gateway that serves it.

    :ivar served: ours.
    :ivar peer: h2.
    :ivar heard: what h2 has heard so far.
    :ivar events: what happened at our side since somebody last looked.
    """

    def __init__(self, *, trusted: bool = False, exchanges: bool = True) -> None:
        self.now = 0.0
        self.served = ServedHttp2(
            Http2Session(client=False, limits=CLIENT_LIMITS),
            trusted=trusted,
            session_id="s1",
            client="10.0.0.7",
            exchanges=exchanges,
        )
        self.peer = H2Connection(H2Configuration(header_encoding="ascii"))
        self.peer.initiate_connection()
        self.heard: list[Event] = []
        self.events: list[TunnelEvent] = []
        self.exchange()

    def exchange(self) -> None:
        """Let what was written pass, until neither has more to say."""
        moved = True
        while moved:
            up, down = self.peer.data_to_send(), self.served.outgoing()
            moved = bool(up or down)
            if up:
                self.says(up)
            if down:
                self._hear(self.peer.receive_data(down))

    def _hear(self, heard: list[Event]) -> None:
        """Keep what h2 says, and give credit for it."""
        self.heard += heard
        for event in heard:
            if isinstance(event, DataReceived) and event.flow_controlled_length:
                self.peer.acknowledge_received_data(
                    event.flow_controlled_length, event.stream_id
                )

    def says(self, frames: bytes) -> None:
        """Let bytes come to the gateway."""
        self.events += self.served.feed(frames, self.now)

    def release(self) -> None:
        """Let what waits pass, as far as it may."""
        self.exchange()
        while self.served.has_waiting:
            self.events += self.served.release(1 << 20)
            self.exchange()

    def told(self) -> list[TunnelEvent]:
        """Return, and forget, what has happened at our side."""
        self.exchange()
        events, self.events = self.events, []
        return events

    def request(self, headers: Headers = GET, *, end: bool = False) -> int:
        """Ask for something; return the stream's number."""
        stream_id = self.peer.get_next_available_stream_id()
        self.peer.send_headers(stream_id, headers, end_stream=end)
        self.exchange()
        return stream_id

    def asks(self, headers: Headers = GET, *, end: bool = False) -> Asked:
        """Ask for an exchange; return how it was asked for."""
        self.request(headers, end=end)
        asked = self.told()[0]
        assert isinstance(asked, Asked), asked
        return asked

    def opens(self, headers: Headers = PROXY) -> Opening:
        """Ask for a tunnel; return how it was asked for."""
        self.request(headers)
        (opening,) = self.told()
        assert isinstance(opening, Opening), opening
        return opening

    # -- what h2 has heard -----------------------------------------------------------

    def head(self, stream_id: int) -> dict[str, str]:
        """Return the head of the answer, or nothing."""
        for event in self.heard:
            if isinstance(event, ResponseReceived) and event.stream_id == stream_id:
                return {str(k): str(v) for k, v in event.headers or ()}
        return {}

    def before(self, stream_id: int) -> list[dict[str, str]]:
        """Return the heads of what went before the answer."""
        return [
            {str(key): str(value) for key, value in event.headers or ()}
            for event in self.heard
            if isinstance(event, InformationalResponseReceived)
            and event.stream_id == stream_id
        ]

    def trailers(self, stream_id: int) -> dict[str, str]:
        """Return what came behind the body."""
        for event in self.heard:
            if isinstance(event, TrailersReceived) and event.stream_id == stream_id:
                return {str(k): str(v) for k, v in event.headers or ()}
        return {}

    def body(self, stream_id: int) -> bytes:
        """Return what has come of the body."""
        self.exchange()
        return b"".join(
            event.data or b""
            for event in self.heard
            if isinstance(event, DataReceived) and event.stream_id == stream_id
        )

    def ended(self, stream_id: int) -> bool:
        """Return whether the answer is complete."""
        self.exchange()
        return any(
            isinstance(event, StreamEnded) and event.stream_id == stream_id
            for event in self.heard
        )

    def resets(self, stream_id: int) -> list[int]:
        """Return the codes with which the stream was reset."""
        self.exchange()
        return [
            int(event.error_code or 0)
            for event in self.heard
            if isinstance(event, StreamReset) and event.stream_id == stream_id
        ]
