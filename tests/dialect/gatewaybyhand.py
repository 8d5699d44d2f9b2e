"""
A gateway written by hand, in front of a node that serves it.

Frames go in as RFC 9113 draws them, and what the node writes is read back
without our own parser.
"""

from __future__ import annotations

from hpack import Decoder, Encoder

from spdygate.dialect.servedhttp2 import ServedHttp2
from spdygate.dialect.tunnel import TunnelEvent
from spdygate.session.events import Headers
from spdygate.session.http2 import Http2Session
from tests.session.http2peer import CONNECT, PREFACE, kinds, raw, settings


class Gateway:
    """
    A gateway written by hand, in front of a node that serves it.

    :ivar served: our side of the connection.
    """

    def __init__(self, *entries: tuple[int, int], trusted: bool = True) -> None:
        self.served = ServedHttp2(Http2Session(client=False), trusted=trusted)
        self._encoder = Encoder()
        self._decoder = Decoder()
        self.served.outgoing()
        self.says(PREFACE + settings(*entries))
        self.served.outgoing()

    def says(self, *frames: bytes) -> list[TunnelEvent]:
        """Send frames in one read; return what happened to tunnels."""
        return self.served.feed(b"".join(frames), 0.0)

    def headers(
        self, stream_id: int, fields: Headers = CONNECT, *, end: bool = False
    ) -> bytes:
        """Write a HEADERS frame."""
        return raw(1, 5 if end else 4, stream_id, self._encoder.encode(fields))

    def written(self) -> list[tuple[int, int, int, bytes]]:
        """Return the frames that the node wrote."""
        return kinds(self.served.outgoing())

    def answer(self, block: bytes) -> dict[str, str]:
        """Read a block of headers."""
        return {str(key): str(value) for key, value in self._decoder.decode(block)}
