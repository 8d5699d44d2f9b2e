"""
A node written by hand, and our connection to it.

Frames go in as RFC 9113 draws them, and what we write is read back without our
own parser.
"""

from __future__ import annotations

from hpack import Encoder

from spdygate.dialect.http2end import Http2End
from spdygate.dialect.nodehttp2 import NodeHttp2
from spdygate.dialect.tunnel import TunnelEvent
from spdygate.session.events import Headers
from spdygate.session.http2 import Http2Session
from tests.dialect.ends import request
from tests.session.http2peer import kinds, raw, settings

#: Docs/protocol.rst, section 8.1.
PROOF = (b"x-stream-protocol-version", b"portforward.k8s.io")
OK: Headers = ((b":status", b"200"), PROOF)
NOT_FOUND: Headers = ((b":status", b"404"), PROOF)

#: SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441, section 3), and
#: SETTINGS_MAX_CONCURRENT_STREAMS.
TUNNELS = (8, 1)
MOST = 3


class ByHand:
    """
    A node written by hand, and our connection to it.

    :ivar now: seconds on our clock.
    :ivar woken: how often we had something to write.
    """

    def __init__(self, *entries: tuple[int, int], introduced: bool = True) -> None:
        ours = Http2Session(client=True)
        self.node = NodeHttp2("node n1", "n1:10260", "https", ours, 0.0)
        self.node.on_wake(self._wake)
        self.now = 0.0
        self.woken = 0
        self._encoder = Encoder()
        self.node.outgoing()
        if introduced:
            self.says(settings(*(entries or [TUNNELS])))
            self.node.outgoing()

    def _wake(self) -> None:
        """Count one."""
        self.woken += 1

    def says(self, *frames: bytes) -> list[TunnelEvent]:
        """Let the node send frames in one read; return what that means."""
        return self.node.feed(b"".join(frames), self.now)

    def answer(self, stream_id: int, fields: Headers, *, end: bool = False) -> bytes:
        """Write a HEADERS frame."""
        return raw(1, 5 if end else 4, stream_id, self._encoder.encode(fields))

    def open(self) -> Http2End:
        """Ask for a tunnel."""
        end = self.node.open(request())
        self.node.outgoing()
        return end

    def connect(self) -> Http2End:
        """Ask for a tunnel and accept it."""
        end = self.open()
        self.says(self.answer(end.stream_id, OK))
        return end

    def written(self) -> list[tuple[int, int, int, bytes]]:
        """Return the frames that we wrote."""
        return kinds(self.node.outgoing())
