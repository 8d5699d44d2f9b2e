"""
What every TCP socket of ours is set to, wherever it came from.

Sockets accepted on Linux take these settings over from the socket that
listens, so `spdygate.net.ports` sets them there, once; who dials calls `tune`
in its protocol's ``connectionMade``.

TCP_USER_TIMEOUT is not among them on purpose.  Linux then also ends a
connection whose peer answers every probe but has kept its window shut for that
long (``tcp_probe_timer``; tried on 6.18), and a peer that is slow may be slow
for ever: it is for the session's PINGs to find out who is dead.
"""

from __future__ import annotations

import contextlib
import socket
import sys

from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import TimeoutError
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IProtocol,
    IPushProducer,
    IReactorTime,
    ISSLTransport,
    ITCPTransport,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Connection
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure

#: Seconds of silence before the first probe.  Kubernetes' own dialers take 30
#: (``net.Dialer.KeepAlive``), and Amazon's balancers forget after 350.
KEEPALIVE_IDLE = 30

#: Seconds between probes, and how many may stay without an answer: dead after
#: half a minute more.
KEEPALIVE_INTERVAL = 10
KEEPALIVE_PROBES = 3

#: Bytes that the reactor reads at once, and that wait in a transport before it
#: is congested.  For each GiB, 256 KiB cost a seventh more CPU, and 128 KiB a third,
#: with more reads, smaller frames and more pauses; 1 MiB gains nothing.
BUFFER = 512 * 1024

#: Bytes that a socket toward a pod holds and has not sent: it then says that it
#: takes more whenever the pod has read so much, and not only after megabytes.
#: It costs throughput, so the sockets between us and others do without it.
LOW_WATER = 128 * 1024

#: Linux's TCP_NOTSENT_LOWAT (tcp(7)), for which Python has no name before 3.13.
_NOTSENT_LOWAT = 25

#: Seconds in which a peer must take what is left for it when we close.
FAREWELL = 30.0

#: TCP_KEEPALIVE is macOS's name for the seconds of silence.
_KEEPALIVE = (
    ("TCP_KEEPIDLE", KEEPALIVE_IDLE),
    ("TCP_KEEPALIVE", KEEPALIVE_IDLE),
    ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL),
    ("TCP_KEEPCNT", KEEPALIVE_PROBES),
)


def tune(transport: object) -> None:
    """
    Send small pieces at once, and notice a peer that is gone.

    :param transport: of whatever kind; one without a TCP socket below is left
        as it is.
    """
    while isinstance(transport, ProtocolWrapper):  # TLS, or the PROXY header's
        transport = transport.transport
    ask = getattr(transport, "getHandle", None)
    handle = None if ask is None else ask()
    if isinstance(handle, socket.socket):
        tune_socket(handle)


def widen(transport: object) -> None:
    """
    Read and hold `BUFFER` bytes at once, if the transport can be told so.

    And write all of that at once, with its headers: what Twisted's limit of
    128 KiB leaves over costs two calls of epoll and one more turn of the loop.
    """
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    if isinstance(transport, FileDescriptor):
        transport.bufferSize = BUFFER
        transport.SEND_LIMIT = 4 * BUFFER


def narrow(transport: object) -> None:
    """Keep little in a socket, so that what is said of its progress is true."""
    handle = transport.getHandle() if isinstance(transport, Connection) else None
    if isinstance(handle, socket.socket) and sys.platform == "linux":
        with contextlib.suppress(OSError):  # a UNIX socket has no such option
            handle.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, LOW_WATER)


def write(transport: ITransport, data: bytes) -> None:
    """
    Write at once what the socket takes, and leave the rest to the reactor.

    Twisted's own ``write`` waits for the next turn of the loop, with a call of
    epoll before and one after: a third of what it cost to pass a GiB on.  It is
    still asked for everything that is not the plain case: TLS, something that
    waits already, a socket that is full or broken.

    :param data: all there is to say now.
    """
    sent = write_some(transport, data)
    if sent < len(data):
        transport.write(data[sent:] if sent else data)


def write_some(transport: ITransport, data: bytes) -> int:
    """
    Write what the socket takes at once.

    :returns: how many bytes that was; 0 if the transport is not a plain socket
        on which nothing waits.
    """
    if not _is_idle(transport):
        return 0
    assert isinstance(transport, Connection)
    sent = transport.writeSomeData(data)
    # If it is broken, the reactor is about to find that out.
    return sent if isinstance(sent, int) else 0


def _is_idle(transport: ITransport) -> bool:
    """
    Say whether a transport is a plain socket on which nothing waits.

    Twisted keeps what waits in two places, of which one has a private name.  A
    Twisted that has it elsewhere is always busy, which is slower and no worse.
    """
    return (
        isinstance(transport, Connection)
        and not transport.TLS
        and bool(transport.connected)
        and not transport.dataBuffer
        and getattr(transport, "_tempDataBuffer", None) == []
    )


def tune_socket(handle: socket.socket) -> None:
    """Do the same for a socket, which may listen; UNIX sockets are left alone."""
    if handle.family not in (socket.AF_INET, socket.AF_INET6):
        return
    # A peer that is already gone makes this fail on some systems; the reactor
    # is about to find that out by itself.
    with contextlib.suppress(OSError):
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if hasattr(socket, name):
                handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def is_tls(transport: object) -> bool:
    """Say whether a transport is TLS."""
    return ISSLTransport.providedBy(transport)


def can_half_close(transport: object) -> bool:
    """
    Say whether one direction of a transport can end while the other goes on.

    TLS can do that on a socket of its own (`spdygate.net.tlssocket`); Twisted's
    would put the FIN below what it still has to say.
    """
    return not is_tls(transport) or isinstance(transport, FileDescriptor)


class Closing:
    """
    The end of a connection: what was written goes first, but not for ever.

    Whoever is the transport's producer unregisters first: a transport with a
    producer that may write on does not close.

    A socket that is closed with bytes unread resets the connection, and what
    the peer has not read yet is lost with it (RFC 9112, section 9.6).  So a
    peer that may still send is told FIN and read on, and whatever comes is for
    the caller to throw away, until the peer finishes too.
    """

    __slots__ = ("_abort", "_clock", "_patience")

    def __init__(self, clock: IReactorTime, patience: float = FAREWELL) -> None:
        """
        Prepare to close.

        :param patience: seconds for the peer to take what is left for it.
        """
        self._clock = clock
        self._patience = patience
        self._abort: IDelayedCall | None = None

    @property
    def begun(self) -> bool:
        """Return whether the connection is being closed."""
        return self._abort is not None

    def begin(self, transport: ITransport, *, reads: bool = False) -> None:
        """
        Close the connection once what was written has gone.

        :param reads: whether the peer may still send, and is read on.
        """
        if self._abort is None:
            # Before all else: closing may lose the connection at once.
            abort = transport.abortConnection  # type: ignore[attr-defined]
            self._abort = self._clock.callLater(self._patience, abort)
        # Over TLS a FIN would cut off what has to be said below; there
        # OpenSSL's own farewell is all there is.
        if reads and ITCPTransport.providedBy(transport) and not is_tls(transport):
            if IPushProducer.providedBy(transport):
                transport.resumeProducing()
            transport.loseWriteConnection()
        else:
            transport.loseConnection()

    def over(self) -> None:
        """Hear that the connection is gone."""
        if self._abort is not None and self._abort.active():
            self._abort.cancel()


class Ready(Factory):
    """A factory of the one protocol that there is already."""

    noisy = False

    def __init__(self, protocol: IProtocol) -> None:
        self._protocol: IProtocol | None = protocol

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """Return the protocol, and let go of it."""
        protocol, self._protocol = self._protocol, None
        return protocol  # type: ignore[return-value]


def too_late(result: object, timeout: float) -> object:
    """Call a connect that was given up what it is; endpoints say "cancelled"."""
    if isinstance(result, Failure):
        raise TimeoutError
    return result
