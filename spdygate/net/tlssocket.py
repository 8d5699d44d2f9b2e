"""
TLS straight on a socket: OpenSSL reads and writes it itself.

Twisted's own TLS is a protocol over a transport: every byte passes two buffers
in memory more, in pieces of a record, and each record is a ``dataReceived`` of
its own.  Passing a GiB on cost twice the CPU time that way.

The rules:

1. *A callback takes its share and no more*: `bufferSize` bytes, handed over as
   one piece.  Nothing stays behind that the reactor does not know of
   (`spdygate.net.tlsrecords`).
2. *Writes go out at once* while nothing waits; what the socket does not take
   waits in Twisted's ``FileDescriptor``, which also pauses the producer.
3. *Reading may need to write, and writing to read*: in the handshake, and for
   the key updates of TLS 1.3 (RFC 8446, section 4.6.3).  Then that direction
   rests until the other can.
4. *Each direction ends with close_notify* (RFC 8446, section 6.1), and ours
   with TCP's FIN below it.  The peer's is told to who implements
   ``IHalfCloseableProtocol``; for anyone else it ends the connection, after
   what waits has been written.  An end without it is a loss.
5. *Who closes reads on* until the peer has closed as well, and throws away what
   comes; `BorrowedSocket.read_out` says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    INegotiated,
    IProtocol,
    ISSLTransport,
)
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer

from .borrowing import BorrowedSocket
from .tlsrecords import Records, Wants


@implementer(ISSLTransport, INegotiated)
class TlsSocket(BorrowedSocket):
    """
    A transport that speaks TLS.

    :ivar wrappedProtocol: who has the bytes; named as Twisted's TLS names it.
    """

    def __init__(
        self,
        tcp: Connection,
        connection: SSL.Connection,
        protocol: IProtocol,
        *,
        client: bool,
    ) -> None:
        """
        Take the socket over.

        :param connection: made for that socket.
        :param protocol: hears of the handshake if it is an
            ``IHandshakeListener``, and has the bytes from then on.
        :param client: whether we speak first.
        """
        super().__init__(tcp)
        self.wrappedProtocol = protocol
        connection.set_app_data(self)  # as Twisted does
        self._tls = connection
        self._records = Records(connection, client=client)
        #: Whether the peer is known to have let us in: a server's handshake says so.
        self._let_in = not client
        self._paused = False
        self._reading_waits_to_write = False
        #: Whether nothing more is wanted, and the peer only to close as well.
        self._closing = False

    def begin(self) -> None:
        """Introduce the protocol, and begin the handshake."""
        self.wrappedProtocol.makeConnection(self)
        self._listen()
        if not self.aborting:
            self._shake_hands()
            if self._records.failure is not None:
                self.lose_soon(Failure(self._records.failure))

    def lost(self, reason: Failure) -> None:
        """Hear that the socket is closed, and let go of everything."""
        protocol = self.wrappedProtocol
        del self.wrappedProtocol, self._tls, self._records
        protocol.connectionLost(reason)

    # -- the handshake -------------------------------------------------------------

    def _shake_hands(self) -> None:
        """Go on with the handshake, and tell who listens when it is over."""
        records = self._records
        records.shake_hands()
        if records.wants is Wants.TO_WRITE:
            self._wait_to_write()
        if records.shaken:
            listener = IHandshakeListener(self.wrappedProtocol, None)
            if listener is not None:
                listener.handshakeCompleted()

    def getPeerCertificate(self) -> crypto.X509 | None:
        """Return the peer's certificate."""
        return self._tls.get_peer_certificate()

    @property
    def negotiatedProtocol(self) -> bytes | None:
        """Return what ALPN agreed on."""
        return self._tls.get_alpn_proto_negotiated() or None

    # -- reading -------------------------------------------------------------------

    def doRead(self) -> Exception | None:
        """Pass on what has come; return why the connection is over, if it is."""
        records = self._records
        if self.held:
            self.held = False
            self.startWriting()
        if not records.shaken and not self.aborting:
            self._shake_hands()
        if records.shaken and self._listens:
            self._receive()
        if records.failure is not None:
            self.read_out()  # lest OpenSSL's alert be lost; see rule 5
        elif not self._listens:  # any more, or since the reactor looked
            self.stopReading()
        return None if self.aborting else records.failure or self._farewell

    def _receive(self) -> None:
        """Read a share, and pass it on."""
        records = self._records
        data = records.receive(self.bufferSize)
        if records.wants is Wants.TO_WRITE:
            self._wait_to_write()
        self._let_in = self._let_in or bool(data)
        if data and not self._closing:
            self.wrappedProtocol.dataReceived(data)
        if records.heard_goodbye and not self._closing and not self.aborting:
            self._tell_goodbye()

    @property
    def _listens(self) -> bool:
        """Return whether anybody wants what comes."""
        wanted = self._closing or not self._paused
        return wanted and not self._records.heard_goodbye and not self.aborting

    def _listen(self) -> None:
        """Read on, if anybody wants what comes."""
        if self.connected and self._listens:
            self.startReading()

    def pauseProducing(self) -> None:
        """Read nothing for now."""
        self._paused = True
        if self.connected and not self._listens:
            self.stopReading()

    def resumeProducing(self) -> None:
        """Read on."""
        self._paused = False
        self._listen()

    def _wait_to_write(self) -> None:
        """Let reading rest until the socket can be written."""
        self._reading_waits_to_write = True
        self.stopReading()
        self.startWriting()

    # -- writing -------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Write at once what the socket takes, and keep the rest."""
        if not self.connected or (self.leaving and self.producer is None):
            return
        if not self.busy and self._may_hurry:
            data = data[self._send(data) :]
        if data:
            super().write(data)

    @property
    def _may_hurry(self) -> bool:
        """
        Return whether to write before the reactor says that there is room.

        A TLS 1.3 client hears that it is refused after the handshake.  If it
        writes to a server that has gone, OpenSSL 4 does not read the server's
        reason any more; the reactor has us read before we write.

        A pull producer is asked for more by `doWrite`, and nobody else.
        """
        return self._let_in and (self.producer is None or self.streamingProducer)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Write these, one after the other."""
        self.write(b"".join(iovec))

    def _send(self, data: bytes | memoryview) -> int:
        """Write as much as goes; return how much that was."""
        records = self._records
        if not data:
            return 0
        if not records.shaken:
            self._wait_to_read()
            return 0
        sent = records.send(memoryview(data)[: self.SEND_LIMIT])
        if records.wants is Wants.TO_READ:
            self._wait_to_read()
        return sent

    def writeSomeData(self, data: bytes | memoryview) -> int | Exception:
        """Write as much as goes; return how much that was, or why none will."""
        sent = self._send(data)
        failure = self._records.failure
        return sent if failure is None else failure

    def doWrite(self) -> Exception | None:
        """Write what waits; return why the connection is over, if it is."""
        if self.aborting:
            return None
        if self._reading_waits_to_write:
            self._reading_waits_to_write = False
            self._listen()
            why = self.doRead()
            if why is not None or self.aborting or self._reading_waits_to_write:
                return why
        why = cast("Exception | None", super().doWrite())
        if why is None and not self.busy and self.leaving and self.producer is None:
            self._say_goodbye()
        return why or self._records.failure or self._farewell

    def _wait_to_read(self) -> None:
        """Let writing rest until something comes, whoever wants that."""
        self.held = True
        self.reactor.removeWriter(self)
        self.startReading()

    # -- the end -------------------------------------------------------------------

    @property
    def _farewell(self) -> Exception | None:
        """Return that the connection is over, if both sides have said goodbye."""
        records = self._records
        over = records.said_goodbye and records.heard_goodbye
        return CONNECTION_DONE if over else None

    def loseConnection(self) -> None:
        """Close both directions once all is written and no producer is left."""
        if self.connected and not self._closing:
            self._closing = True
            self._listen()
            self.loseWriteConnection()

    def loseWriteConnection(self) -> None:
        """Close our direction once all is written and no producer is left."""
        if self.connected and not self._records.shaken:
            self.abortConnection()  # there is nobody yet to say goodbye to
        elif self.connected:
            self.leaving = True
            self.startWriting()

    def _say_goodbye(self) -> None:
        """End our direction, unless it has ended."""
        records = self._records
        if records.said_goodbye:
            return
        records.say_goodbye()
        if records.wants is Wants.TO_WRITE:
            self.startWriting()
        elif records.said_goodbye:
            self.send_fin()
            half = IHalfCloseableProtocol(self.wrappedProtocol, None)
            if half is not None and not self._closing:
                half.writeConnectionLost()

    def _tell_goodbye(self) -> None:
        """Tell who can go on without hearing, and close for everyone else."""
        half = IHalfCloseableProtocol(self.wrappedProtocol, None)
        if half is not None:
            half.readConnectionLost()
            return
        if self.producer is not None:
            self.producer.stopProducing()
        self.stopConsuming()

    def readConnectionLost(self, reason: Failure) -> None:
        """Hear from the reactor that there is nothing more to read."""
        records = self._records
        if not records.said_goodbye and not records.heard_goodbye:
            reason = Failure(CONNECTION_LOST)
        self.connectionLost(reason)
