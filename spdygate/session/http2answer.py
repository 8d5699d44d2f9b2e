"""
How a session answers the streams that its peer opens.

A tunnel is accepted or refused.  An ordinary request may first be told that
its answer is on its way; the answer is a head, behind which the body is sent
as a tunnel's bytes are, or, as with a refusal, all of it at once.

Sections are those of RFC 9113.
"""

from __future__ import annotations

from ..errors import Http2Code, LocalError
from .events import Headers
from .http2lane import Phase, Stream
from .http2receive import Receiving


class Answering(Receiving):
    """The part of a session that answers."""

    def inform(self, stream_id: int, headers: Headers) -> None:
        """
        Tell the peer something before the answer (section 8.1).

        :param headers: all of it, ``:status`` first, which is 1xx but not 101.
        """
        if self._to_answer(stream_id) is not None:
            self._send_headers(stream_id, headers)

    def accept(self, stream_id: int, headers: Headers) -> None:
        """
        Answer the peer's stream with 200; bytes may be sent from now on.

        An ordinary request may be answered so too, with any final status: its
        body is then what is sent.

        :param headers: the whole answer, ``:status`` first.
        """
        stream = self._to_answer(stream_id)
        if stream is not None:
            self._send_headers(stream_id, headers)
            stream.phase = Phase.CONNECTED
            stream.may_send = True

    def refuse(self, stream_id: int, headers: Headers, body: bytes) -> None:
        """
        Answer the peer's stream with a final status and a body, and end it.

        A request that is not yet complete is cut off with RST_STREAM(NO_ERROR)
        (RFC 9113, section 8.1); what was sent of it is dropped.

        :param headers: the whole answer, ``:status`` first.
        """
        stream = self._to_answer(stream_id)
        if stream is None:
            return
        self._send_headers(stream_id, headers)
        stream.phase = Phase.REFUSED
        stream.lane = False
        stream.finishing = True
        stream.reset_after = Http2Code.NO_ERROR
        room = self._outbox.put(stream_id, body)
        if room:
            self._frame(stream_id, body[:room])
        if self._outbox.finish(stream_id):
            self._finish(stream_id, stream)

    def _to_answer(self, stream_id: int) -> Stream | None:
        """Return the peer's stream, which must not have been answered."""
        stream = self._streams.get(stream_id)
        if stream is not None and (self._client or stream.phase is not Phase.ASKED):
            raise LocalError(f"stream {stream_id}: it is not ours to answer")
        return stream
