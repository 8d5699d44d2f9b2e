"""
A client's HTTP/1.1 connection: requests out, responses in, or an upgrade.

`AnswerScanner` finds a response's head and refuses what is open to two
readings, h11 parses it and frames both bodies, and this file says what may
come next.  Rules:

1. One exchange at a time: a request, its body piece by piece, and a response
   that may begin, and end, before the request's body does.
2. Only what was asked for is switched to: a 101 that nobody asked for, or that
   names another protocol, breaks the connection.  What comes behind the right
   one is never HTTP, and is handed out with it.
3. A connection that was asked to upgrade is never used again, whatever the
   answer: CVE-2018-1002105 was a proxy that took a refused upgrade's
   connection for an open one.
4. Bad input raises nothing.  It is reported as `Broken`, which is the last
   event.

Not done here: time limits, and holding anything back (whoever sends does).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import h11

from ..errors import LocalError, RemoteError
from ..wire.http1answer import LARGEST_ANSWER_HEAD, AnswerScanner, BadAnswer
from ..wire.upgrade import Fields, Request
from .events import Broken, Buffer
from .http1events import (
    Body,
    BodyFinished,
    ClientEvent,
    Informed,
    Responded,
    Switched,
    read_fields,
    write_fields,
)

__all__ = ["Body", "BodyFinished", "Http1Client", "Informed", "Responded", "Switched"]

#: Responses before the final one.  There is hardly ever one: nobody here asks
#: for "100 Continue".
MOST_INFORMED = 32

#: Characters of h11's complaint, which quotes the peer, that are repeated.
_COMPLAINT = 256


class _Turn(Enum):
    """What the connection waits for."""

    ASK = "a request of ours"
    HEAD = "a response's head"
    BODY = "a response's body"
    SWITCHED = "nothing: it is another protocol's"
    BROKEN = "nothing: it is broken"


class Http1Client:
    """One connection."""

    def __init__(self, largest_head: int = LARGEST_ANSWER_HEAD) -> None:
        """
        Begin.

        :param largest_head: bytes that the head of a response may have.
        """
        self._largest = largest_head
        self._out: list[Buffer] = []
        self._buffer = bytearray()
        self._turn = _Turn.ASK
        self._spoilt = False
        self._h11 = h11.Connection(h11.CLIENT, largest_head)
        self._upgrade = self._method = ""
        self._informed = 0
        #: Whether the request's body, and the response's, come in chunks.
        self._in_chunks = False
        self._chunked = False
        #: The last bytes of the response's body that have been read.
        self._tail = b""
        self._scanner = AnswerScanner(largest_head)

    @property
    def reusable(self) -> bool:
        """Return whether another request may be asked on this connection."""
        if self._turn is not _Turn.ASK or self._spoilt:
            return False
        states = (self._h11.our_state, self._h11.their_state)
        return states in ((h11.IDLE, h11.IDLE), (h11.DONE, h11.DONE))

    def outgoing(self) -> bytes:
        """Return what is to be written, once."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    # -- asking ----------------------------------------------------------------

    def ask(self, request: Request, *, upgrade: str = "") -> None:
        """
        Queue the head of a request.

        How its body is framed is what its headers say: ``content-length``,
        ``transfer-encoding: chunked``, or neither if there is none.

        :param upgrade: the one protocol to go over to; the two headers that
            say so are added.
        :raises LocalError: it is no valid request, or not its turn.
        """
        if not self.reusable:
            raise LocalError(f"a request, while waiting for {self._turn.value}")
        wish = (("connection", "Upgrade"), ("upgrade", upgrade)) if upgrade else ()
        headers = write_fields((*request.headers, *wish))
        # h11 has no way to be given back what it was fed too much.
        self._h11 = h11.Connection(h11.CLIENT, self._largest)
        self._method, self._upgrade = request.method, upgrade.lower()
        self._spoilt = bool(upgrade)
        self._informed = 0
        self._turn = _Turn.HEAD
        self._scanner = AnswerScanner(self._largest)
        self._in_chunks = request.header("transfer-encoding") is not None
        try:
            head = h11.Request(
                method=request.method, target=request.target, headers=headers
            )
        except h11.LocalProtocolError as error:
            self._turn = _Turn.BROKEN
            raise LocalError(f"not an HTTP request: {error}") from error
        self._send(head)

    def send(self, data: Buffer) -> None:
        """
        Queue bytes of the request's body.

        :raises LocalError: its head did not announce them.
        """
        self._send(h11.Data(data=data))  # type: ignore[arg-type]

    def finish(self, trailers: Iterable[tuple[str, str]] = ()) -> None:
        """
        Queue the end of the request.

        :param trailers: sent behind a body in chunks, and otherwise not at all.
        :raises LocalError: its head announced more.
        """
        fields = write_fields(trailers) if self._in_chunks else []
        self._send(h11.EndOfMessage(headers=fields))

    def _send(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        """Write what h11 makes of *event*, without copying a body."""
        try:
            self._out += self._h11.send_with_data_passthrough(event) or ()
        except h11.LocalProtocolError as error:
            self._turn = _Turn.BROKEN
            raise LocalError(f"not an HTTP request: {error}") from error

    # -- reading ---------------------------------------------------------------

    def feed(self, data: bytes) -> list[ClientEvent]:
        """
        Take bytes from the server.

        :raises LocalError: the connection has been switched.
        """
        if self._turn is _Turn.SWITCHED:
            raise LocalError("these bytes are another protocol's")
        if self._turn is _Turn.BROKEN or not data:
            return []
        if self._turn is _Turn.ASK:
            return self._break("it sent what nobody had asked for")
        self._buffer += data
        events: list[ClientEvent] = []
        try:
            while self._turn is _Turn.HEAD and self._read_head(events):
                pass
            if self._turn is _Turn.BODY:
                self._read_body(events)
        except BadAnswer as error:
            events += self._break(str(error))
        except h11.RemoteProtocolError as error:
            events += self._break(str(error)[:_COMPLAINT])
        return events

    def _break(self, words: str) -> list[ClientEvent]:
        """Be broken from now on."""
        self._turn = _Turn.BROKEN
        self._buffer.clear()
        return [Broken(RemoteError(words))]

    def _read_head(self, events: list[ClientEvent]) -> bool:
        """Read a head, if it is whole; say whether it was."""
        end = self._scanner.find(self._buffer) if self._buffer else 0
        if not end:
            return False
        self._h11.receive_data(bytes(self._buffer[:end]))
        del self._buffer[:end]
        head = self._h11.next_event()
        if isinstance(head, h11.Response):
            fields = read_fields(head.headers)
            self._begin_body(head, fields)
            events.append(Responded(head.status_code, fields))
            return True
        assert isinstance(head, h11.InformationalResponse)
        fields = read_fields(head.headers)
        if head.status_code == 101:
            events.append(self._switch(head, fields))
        else:
            self._count_informed()
            events.append(Informed(head.status_code, fields))
        return True

    def _switch(self, head: h11.InformationalResponse, fields: Fields) -> Switched:
        """Check a 101; h11 has refused it if no upgrade was asked for."""
        answer = Request("", b"", fields)
        if head.http_version != b"1.1" or "upgrade" not in answer.tokens("connection"):
            raise BadAnswer("the 101 does not say 'Connection: Upgrade'")
        if answer.tokens("upgrade") != (self._upgrade,):
            raise BadAnswer(f"the 101 is not for {self._upgrade}, which was asked for")
        self._turn = _Turn.SWITCHED
        glued = bytes(self._buffer)
        self._buffer.clear()
        return Switched(fields, glued)

    def _count_informed(self) -> None:
        """Wait for another head, but not for ever."""
        self._informed += 1
        if self._informed > MOST_INFORMED:
            raise BadAnswer(f"there were more than {MOST_INFORMED} interim answers")
        self._scanner = AnswerScanner(self._largest)

    def _begin_body(self, head: h11.Response, fields: Fields) -> None:
        """Note what follows the head."""
        coded = any(name == "transfer-encoding" for name, _ in fields)
        if coded and head.http_version != b"1.1":
            raise BadAnswer("there is no Transfer-Encoding in HTTP/1.0")
        bodiless = head.status_code in (204, 304) or self._method == "HEAD"
        self._chunked = coded and not bodiless
        self._tail = b""
        self._turn = _Turn.BODY

    def _read_body(self, events: list[ClientEvent]) -> None:
        """Read what has come of the body, as one piece."""
        data = bytes(self._buffer)
        self._buffer.clear()
        if data:
            self._h11.receive_data(data)
        pieces: list[bytes] = []
        finished: list[ClientEvent] = []
        try:
            while isinstance(event := self._h11.next_event(), h11.Data):
                pieces.append(event.data)
            if isinstance(event, h11.EndOfMessage):
                finished.append(self._end_body(event, data))
            self._tail = (self._tail + data[-4:])[-4:]
        finally:
            if pieces:
                events.append(Body(b"".join(pieces)))
        events += finished

    def _end_body(self, end: h11.EndOfMessage, data: bytes) -> BodyFinished:
        """
        See that the body ended well, and that nothing follows it.

        One in chunks ends with an empty line, and h11 takes LF alone for such.

        :param data: what h11 was fed last.
        """
        waiting, _ = self._h11.trailing_data
        ending = (self._tail + data[: len(data) - len(waiting)])[-4:]
        if self._chunked and ending != b"\r\n\r\n":
            raise BadAnswer("the answer's body does not end with CR LF CR LF")
        if waiting:
            self._spoilt = True
        self._turn = _Turn.ASK
        return BodyFinished(read_fields(end.headers))

    def eof(self) -> list[ClientEvent]:
        """Hear that the server sends no more; return what that means."""
        self._spoilt = True
        if self._turn is _Turn.HEAD:
            return self._break("it closed the connection without an answer")
        if self._turn is not _Turn.BODY:
            return []
        try:
            self._h11.receive_data(b"")
            end = self._h11.next_event()
        except h11.RemoteProtocolError as error:
            return self._break(str(error)[:_COMPLAINT])
        assert isinstance(end, h11.EndOfMessage)
        self._turn = _Turn.ASK
        return [BodyFinished()]
