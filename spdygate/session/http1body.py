"""
The body of a request, as it comes: h11 reads it, and gives back what follows.

A body in chunks ends with an empty line, and h11 takes LF alone for such; who
does not would look for the next request elsewhere.  So that is looked at here.
"""

from __future__ import annotations

import h11

from ..wire.http1head import BadHead

_ENDING = b"\r\n\r\n"


class BodyReader:
    """
    One body.

    :ivar end: what h11 said at its end, or ``None`` before.
    :ivar rest: what came behind it.
    """

    __slots__ = ("_chunked", "_h11", "_tail", "end", "rest")

    def __init__(self, connection: h11.Connection, *, chunked: bool) -> None:
        """Begin behind the head, which *connection* has read."""
        self._h11 = connection
        self._chunked = chunked
        #: The last bytes that have been read.
        self._tail = b""
        self.end: h11.EndOfMessage | None = None
        self.rest = b""

    def read(self, data: bytes, pieces: list[bytes]) -> None:
        """
        Read on; once there is an `end`, no more.

        :param pieces: takes what came of the body, also if the rest is bad.
        :raises BadHead: the body does not end as it should.
        :raises h11.RemoteProtocolError: it cannot be understood.
        """
        if data:
            self._h11.receive_data(data)
        while isinstance(event := self._h11.next_event(), h11.Data):
            pieces.append(event.data)
        if isinstance(event, h11.EndOfMessage):
            self.rest, _ = self._h11.trailing_data
            data = data[: len(data) - len(self.rest)]
            self.end = event
        self._tail = (self._tail + data[-4:])[-4:]
        if self.end is not None and self._chunked and self._tail != _ENDING:
            raise BadHead(400, "the body does not end with CR LF CR LF")
