"""
h2 itself on the other side of the wire, and frames written by hand.

`Meeting` joins one of our sessions to an ``H2Connection`` of the other role.
Whatever h2 objects to is raised in the test.
"""

from __future__ import annotations

from collections.abc import Iterable

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived as PeerData
from h2.events import Event as PeerEvent
from h2.settings import SettingCodes, Settings

from spdygate.errors import RemoteError
from spdygate.session.events import Broken, DataReceived, Event, Headers
from spdygate.session.http2 import Http2Limits, Http2Session

#: Docs/protocol.rst, section 8.1.
CONNECT: Headers = (
    (b":method", b"CONNECT"),
    (b":protocol", b"portforward.k8s.io"),
    (b":scheme", b"http"),
    (b":authority", b"node-1"),
    (b":path", b"/portForward/default/web"),
    (b"port", b"5000"),
)

#: RFC 9113, section 8.5.
PLAIN_CONNECT: Headers = ((b":method", b"CONNECT"), (b":authority", b"web:5000"))

#: An ordinary request with a body.
POST: Headers = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":authority", b"node-1"),
    (b":path", b"/anything"),
)

OK: Headers = ((b":status", b"200"), (b"x-stream-protocol-version", b"v"))
BAD_GATEWAY: Headers = ((b":status", b"502"), (b"content-type", b"application/json"))

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def raw(kind: int, flags: int, stream_id: int, body: bytes = b"") -> bytes:
    """Write a frame as RFC 9113, section 4.1, draws it."""
    head = len(body).to_bytes(3, "big") + bytes([kind, flags])
    return head + stream_id.to_bytes(4, "big") + body


def data(stream_id: int, body: bytes, *, end: bool = False) -> bytes:
    """Write a DATA frame."""
    return raw(0, 1 if end else 0, stream_id, body)


def window_update(stream_id: int, increment: int) -> bytes:
    """Write a WINDOW_UPDATE frame."""
    return raw(8, 0, stream_id, increment.to_bytes(4, "big"))


def rst(stream_id: int, code: int) -> bytes:
    """Write a RST_STREAM frame."""
    return raw(3, 0, stream_id, code.to_bytes(4, "big"))


def settings(*entries: tuple[int, int]) -> bytes:
    """Write a SETTINGS frame."""
    body = b"".join(key.to_bytes(2, "big") + n.to_bytes(4, "big") for key, n in entries)
    return raw(4, 0, 0, body)


def kinds(written: bytes) -> list[tuple[int, int, int, bytes]]:
    """Read frames back: type, flags, stream, body."""
    found = []
    while written:
        length = int.from_bytes(written[:3], "big")
        stream_id = int.from_bytes(written[5:9], "big")
        found.append((written[3], written[4], stream_id, written[9 : 9 + length]))
        written = written[9 + length :]
    return found


def joined(events: Iterable[Event]) -> list[Event]:
    """Join DATA that followed on DATA of the same stream."""
    whole: list[Event] = []
    for event in events:
        if isinstance(event, DataReceived):
            last = whole[-1] if whole else None
            before = b""
            if isinstance(last, DataReceived) and last.stream_id == event.stream_id:
                whole.pop()
                before = bytes(last.data)
            event = DataReceived(event.stream_id, before + bytes(event.data))
        whole.append(event)
    return whole


class Meeting:
    """
    One of our sessions and h2, with a wire between them that delivers.

    :ivar session: ours.
    :ivar peer: h2.
    :ivar events: what ours reported, since it was last `taken`.
    :ivar heard: what h2 reported.
    """

    def __init__(
        self,
        *,
        client: bool,
        limits: Http2Limits | None = None,
        theirs: dict[SettingCodes, int] | None = None,
    ) -> None:
        """
        Introduce the two to each other.

        :param client: whether ours is the client.
        :param theirs: settings of h2's, beside what we cannot do without.
        """
        self.session = Http2Session(client=client, limits=limits)
        self.peer = H2Connection(H2Configuration(client_side=not client))
        known = {SettingCodes.ENABLE_CONNECT_PROTOCOL: 1} if client else {}
        self.peer.local_settings = Settings(not client, {**known, **(theirs or {})})
        self.peer.initiate_connection()
        self.events: list[Event] = []
        self.heard: list[PeerEvent] = []
        self.now = 0.0
        self.exchange()
        self.taken()

    def exchange(self) -> None:
        """Deliver until neither has anything more to say."""
        while True:
            ours, theirs = self.session.outgoing(), self.peer.data_to_send()
            if not ours and not theirs:
                return
            if ours:
                self.heard += self.peer.receive_data(ours)
            if theirs:
                self.feed(theirs)

    def feed(self, wire: bytes) -> None:
        """Give our session bytes, h2's or written by hand."""
        self.events += self.session.feed(wire, self.now)

    def taken(self) -> list[Event]:
        """Return what ours has reported since it was last asked."""
        events, self.events = joined(self.events), []
        return events

    def broken(self) -> RemoteError:
        """Return why our session ended itself."""
        last = self.taken()[-1]
        assert isinstance(last, Broken), last
        return last.error

    def open(self, headers: Headers = CONNECT) -> int:
        """Open a stream, from whichever side is the client, and deliver that."""
        if self.peer.config.client_side:
            stream_id = self.peer.get_next_available_stream_id()
            self.peer.send_headers(stream_id, headers)
        else:
            stream_id = self.session.open_stream(headers)
        self.exchange()
        return stream_id

    def connect(self) -> int:
        """Open a stream and have it accepted."""
        stream_id = self.open()
        if self.peer.config.client_side:
            self.session.accept(stream_id, OK)
        else:
            self.peer.send_headers(stream_id, OK)
        self.exchange()
        self.taken()
        self.heard.clear()
        return stream_id

    def got(self, stream_id: int) -> bytes:
        """Return the bytes h2 has received on a stream."""
        return b"".join(
            event.data or b""
            for event in self.heard
            if isinstance(event, PeerData) and event.stream_id == stream_id
        )
