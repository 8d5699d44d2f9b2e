"""
What OpenSSL does with a socket of its own, told in values instead of exceptions.

`Records` knows nothing of the reactor.  Each of its verbs does what can be done
at once, and then says what it waits for (`Records.wants`), whether the peer has
said goodbye, and whether all is over (`Records.failure`).

Its rule: *nothing stays behind in OpenSSL.*  A reactor reports what the kernel
has, and not what OpenSSL has decrypted.  So every read asks for as much as a
record can hold, and OpenSSL never reads further than to the end of a record.
"""

from __future__ import annotations

import contextlib
from enum import Enum, auto

from OpenSSL import SSL, crypto
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST

from .sockets import BUFFER

#: Bytes that a record holds at most (RFC 8446, section 5.1).
_LARGEST = 2**14

#: Records that are read at once, if they are small: that many cost about as
#: much time as `BUFFER` bytes of large ones.
_MOST = 64


class Wants(Enum):
    """What OpenSSL waits for, in the middle of what it was asked to do."""

    NOTHING = auto()
    TO_READ = auto()
    TO_WRITE = auto()


class Records:
    """
    One OpenSSL connection.

    :ivar wants: what the last verb waits for.
    :ivar shaken: whether the handshake is over.
    :ivar said_goodbye: whether our close_notify was sent.
    :ivar heard_goodbye: whether the peer's has come.
    :ivar failure: why nothing works any more, in the terms of Twisted's own
        TLS: a loss, or what OpenSSL says.
    """

    __slots__ = (
        "_tls",
        "failure",
        "heard_goodbye",
        "said_goodbye",
        "shaken",
        "wants",
    )

    def __init__(self, connection: SSL.Connection, *, client: bool) -> None:
        """
        Prepare to shake hands.

        :param connection: on a socket that does not block.
        :param client: whether we speak first.
        """
        if client:
            connection.set_connect_state()
        else:
            connection.set_accept_state()
        self._tls = connection
        self.wants = Wants.NOTHING
        self.shaken = False
        self.said_goodbye = False
        self.heard_goodbye = False
        self.failure: Exception | None = None

    def shake_hands(self) -> None:
        """Go on with the handshake."""
        try:
            self._tls.do_handshake()
        except SSL.Error as error:
            self._hear(error)
        else:
            self.shaken = True
            self.wants = Wants.NOTHING

    def receive(self, room: int) -> bytes:
        """
        Read what has come.

        :param room: bytes after which no further record is read.
        """
        pieces: list[bytes] = []
        receive = self._tls.recv
        self.wants = Wants.NOTHING
        try:
            while room > 0 and len(pieces) < _MOST:
                piece = receive(_LARGEST)
                pieces.append(piece)
                room -= len(piece)
        except SSL.Error as error:
            self._hear(error)
        return b"".join(pieces)

    def send(self, data: memoryview) -> int:
        """
        Write as much as the socket takes.

        What is refused has to be the beginning of the next call's data, and of
        no less data: some of its records may be on their way (SSL_write(3)).

        :returns: the bytes that need not be given again.
        """
        sent = 0
        send = self._tls.send
        self.wants = Wants.NOTHING
        try:
            while sent < len(data):
                sent += send(data[sent : sent + BUFFER])
        except SSL.Error as error:
            self._hear(error)
        return sent

    def say_goodbye(self) -> None:
        """End our direction; it is to be done once, and after all is sent."""
        self.wants = Wants.NOTHING
        try:
            self._tls.shutdown()
        except SSL.Error as error:
            self._hear(error)
        else:
            self.said_goodbye = True

    def _hear(self, error: SSL.Error) -> None:
        """Note why a verb was not done to its end."""
        if isinstance(error, SSL.WantReadError):
            self.wants = Wants.TO_READ
        elif isinstance(error, SSL.WantWriteError):
            self.wants = Wants.TO_WRITE
        elif isinstance(error, SSL.ZeroReturnError) and self.shaken:
            self.heard_goodbye = True
        elif self.failure is None or self.failure is CONNECTION_LOST:
            # What the peer says explains a loss; nothing explains what it says.
            self.failure = self._name(error)

    def _name(self, error: SSL.Error) -> Exception:
        """Name a failure in the terms of Twisted's own TLS."""
        if isinstance(error, SSL.SysCallError) or not (error.args and error.args[0]):
            _forget_errors()
            return self._ended(error)
        return error.with_traceback(None)

    def _ended(self, error: SSL.Error) -> Exception:
        """Say what it means that TCP has ended without a goodbye."""
        # pyOpenSSL's name for the peer's FIN.  It does no harm once we are
        # only waiting for the peer to close.
        finished = error.args[:1] == (-1,)
        return CONNECTION_DONE if finished and self.said_goodbye else CONNECTION_LOST


def _forget_errors() -> None:
    """
    Empty OpenSSL's queue of errors, which all connections share.

    pyOpenSSL leaves in it what a broken socket has put there, and an OpenSSL
    before 4.0 then takes whatever the next connection tells for a failure
    (SSL_get_error(3)).  Where pyOpenSSL fails for any other reason, it takes
    all errors out and raises them.
    """
    with contextlib.suppress(crypto.Error):
        crypto.load_certificate(crypto.FILETYPE_PEM, b"")
