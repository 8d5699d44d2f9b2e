"""Tests for :mod:`spdygate.net.tlssocket`: while the connection lasts."""

from __future__ import annotations

import gc
import random
import weakref
from typing import Any

from OpenSSL import SSL
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    INegotiated,
    IPullProducer,
    IPushProducer,
    ISSLTransport,
    ISystemHandle,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer
from zope.interface.verify import verifyObject

from spdygate.net.sockets import BUFFER, is_tls, write
from spdygate.net.tlssocket import TlsSocket
from tests.net.socketcases import Always, OverSockets, Talker

#: More than all buffers between two sockets hold.
MUCH = 24 << 20

_INTERFACES: tuple[Any, ...] = (
    ISSLTransport,
    INegotiated,
    ISystemHandle,
    IConsumer,
    IPushProducer,
)

#: The most that one callback reads: a share, and the record that fills it.
SHARE = BUFFER + (1 << 14)


class TransportTests(OverSockets):
    """What a protocol sees of it."""

    def test_what_it_is(self) -> None:
        """It is what whoever has TLS expects, and OpenSSL has the socket itself."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        for each in (client, server):
            tls = each.transport
            self.assertIsInstance(tls, TlsSocket)
            for interface in _INTERFACES:
                verifyObject(interface, tls)
            self.assertTrue(is_tls(tls))
            self.assertEqual(tls.negotiatedProtocol, b"h2")
            self.assertEqual(tls.getHandle().fileno(), tls.fileno())
            self.assertEqual(tls.getPeer().host, "127.0.0.1")
            self.assertEqual(tls.getHost().host, "127.0.0.1")

    def test_certificates(self) -> None:
        """Who has shown a certificate has, and who has not has not."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        certificate = client.transport.getPeerCertificate()
        assert certificate is not None
        self.assertEqual(certificate.to_cryptography(), self.server.certificate)
        self.assertIsNone(server.transport.getPeerCertificate())

    def test_socket_options(self) -> None:
        """The socket's options are the socket's."""
        client = Talker()
        self.ours(client, Talker())
        client.transport.setTcpNoDelay(True)
        client.transport.setTcpKeepAlive(True)
        self.assertTrue(client.transport.getTcpNoDelay())
        self.assertTrue(client.transport.getTcpKeepAlive())

    def test_nothing_holds_it(self) -> None:
        """Once lost and forgotten it is gone, without a garbage collection."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        held = [weakref.ref(each.transport) for each in (client, server)]
        gc.disable()
        self.addCleanup(gc.enable)
        client.transport.loseConnection()
        self.reactor.until(lambda: client.lost and server.lost)
        del client.transport, server.transport
        self.assertEqual([each() for each in held], [None, None])


class DataTests(OverSockets):
    """What is written arrives."""

    def test_both_ways(self) -> None:
        """Pieces of any size, both ways at once, arrive as they were, in order."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        dice = random.Random(7)
        said = {client: b"", server: b""}
        for _ in range(120):
            talker = dice.choice((client, server))
            piece = dice.randbytes(dice.choice((1, 100, 16384, 16385, 300_000)))
            said[talker] += piece
            talker.transport.write(piece)
            if dice.random() < 0.3:
                self.reactor.turn()
        self.reactor.until(lambda: len(client.heard) == len(said[server]))
        self.reactor.until(lambda: len(server.heard) == len(said[client]))
        self.assertTrue(client.heard == said[server])
        self.assertTrue(server.heard == said[client])

    def test_at_once(self) -> None:
        """What the socket takes has gone before the call returns."""
        client, server = Talker(greeting=b"hello"), Talker()
        self.ours(client, server)
        self.reactor.until(lambda: server.heard)
        write(server.transport, b"answer")
        self.assertNotIn(server.transport, self.reactor.getWriters())
        self.reactor.until(lambda: client.heard == b"answer")

    def test_sequence(self) -> None:
        """What is written as a sequence arrives as one."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        client.transport.writeSequence([b"a", b"", b"bc"])
        self.reactor.until(lambda: server.heard == b"abc")

    def test_records_come_together(self) -> None:
        """Many records that are there are one piece, but no more than a share."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        server.transport.pauseProducing()
        client.transport.write(bytes(3 * BUFFER))
        self.reactor.settle()
        server.transport.resumeProducing()
        self.reactor.until(lambda: len(server.heard) == 3 * BUFFER)
        self.assertLessEqual(len(server.pieces), 4)
        self.assertLessEqual(max(map(len, server.pieces)), SHARE)

    def test_small_records(self) -> None:
        """A flood of tiny records does not keep a callback busy for long."""
        server = Talker()
        stranger = self.foreign(server)
        server.transport.pauseProducing()
        for _ in range(1000):
            stranger.say(b".")
        server.transport.resumeProducing()
        self.reactor.until(lambda: len(server.heard) == 1000)
        self.assertLessEqual(max(map(len, server.pieces)), 64)

    def test_together_with_the_handshake(self) -> None:
        """What is sent right behind the handshake is the first that arrives."""
        client, server = Talker(greeting=b"first"), Talker(greeting=b"welcome")
        self.ours(client, server)
        self.reactor.until(lambda: client.heard and server.heard)
        self.assertEqual((server.heard, client.heard), (b"first", b"welcome"))


class BackPressureTests(OverSockets):
    """Nobody is given more than it wants, and nobody keeps more than it may."""

    def test_paused_reader(self) -> None:
        """Who pauses hears nothing until it resumes, and then everything."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        server.transport.pauseProducing()
        client.transport.write(b"waits")
        self.reactor.settle()
        self.assertEqual(server.heard, b"")
        server.transport.resumeProducing()
        self.reactor.until(lambda: server.heard == b"waits")

    def test_pause_in_the_middle(self) -> None:
        """Who pauses while it is given something is given no more than that."""
        client, server = Talker(), _PausesAtOnce()
        self.ours(client, server)
        client.transport.write(bytes(4 * BUFFER))
        self.reactor.settle()
        self.assertEqual(len(server.pieces), 1)
        self.assertLessEqual(len(server.heard), SHARE)

    def test_slow_reader(self) -> None:
        """A producer is paused while too much waits, and resumed when it is gone."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        server.transport.pauseProducing()
        client.transport.registerProducer(client, True)
        written = 0
        while client.told != ["pause"]:
            client.transport.write(bytes(BUFFER))
            written += BUFFER
            self.reactor.turn()
            self.assertLess(written, MUCH)
        server.transport.resumeProducing()
        self.reactor.until(lambda: client.told == ["pause", "resume"])
        self.reactor.until(lambda: len(server.heard) == written)

    def test_pull_producer(self) -> None:
        """A producer that is asked for each piece is asked until it has no more."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        source = _Pieces(client.transport, 40)
        client.transport.registerProducer(source, False)
        self.reactor.until(lambda: len(server.heard) == 40 * 50_000)
        self.assertIsNone(client.transport.producer)

    def test_producer_of_what_is_gone(self) -> None:
        """A producer that comes too late is told to stop."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        client.transport.abortConnection()
        self.reactor.until(lambda: client.lost)
        client.transport.registerProducer(client, True)
        self.assertEqual(client.told, ["stop"])


class _PausesAtOnce(Talker):
    """Takes one piece."""

    def dataReceived(self, data: bytes) -> None:
        """Take it, and pause."""
        super().dataReceived(data)
        self.transport.pauseProducing()


@implementer(IPullProducer)
class _Pieces:
    """Says a number of pieces, each when it is asked to."""

    def __init__(self, transport: TlsSocket, pieces: int) -> None:
        self._transport = transport
        self._pieces = pieces

    def resumeProducing(self) -> None:
        """Say one, and go after the last."""
        self._transport.write(bytes(50_000))
        self._pieces -= 1
        if not self._pieces:
            self._transport.unregisterProducer()

    def stopProducing(self) -> None:
        """Say no more."""


class Moody(SSL.Connection):
    """
    OpenSSL in a mood: what may happen at any time happens when a test wants it.

    :ivar read_moods: raised by the next reads, the first first.
    :ivar write_moods: raised by the next writes.
    :ivar parting_moods: raised by the next goodbyes.
    """

    read_moods: list[type[SSL.Error]]
    write_moods: list[type[SSL.Error]]
    parting_moods: list[type[SSL.Error]]

    def recv(self, *words: Any) -> bytes:
        """Read, if in the mood."""
        if self.read_moods:
            raise self.read_moods.pop(0)
        return super().recv(*words)

    def send(self, *words: Any) -> int:
        """Write, if in the mood."""
        if self.write_moods:
            raise self.write_moods.pop(0)
        return super().send(*words)

    def shutdown(self) -> bool:
        """Say goodbye, if in the mood."""
        if self.parting_moods:
            raise self.parting_moods.pop(0)
        return super().shutdown()


class WaitingTests(OverSockets):
    """Reading may have to wait until it can write, and writing until it can read."""

    def setUp(self) -> None:
        """Connect one in a mood to a stranger who hears everything."""
        super().setUp()
        self.talker = Talker()
        self.peer = Talker()
        address = self.listen(self.server_tls(), self.peer)
        endpoint = TCP4ClientEndpoint(self.reactor, *address)
        taken = _Taken(self.talker)
        endpoint.connect(Always(taken))
        self.reactor.until(lambda: self.peer.transport)
        self.peer.transport.write(b"hello")
        self.reactor.until(lambda: self.talker.heard == b"hello")
        self.tls = self.talker.transport
        self.moody = taken.moody

    def test_reading_waits(self) -> None:
        """A read that must write first is done when it can, and none before."""
        self.moody.read_moods = [SSL.WantWriteError, SSL.WantWriteError]
        self.peer.transport.write(b", world")
        self.reactor.until(lambda: self.talker.heard == b"hello, world")
        self.assertEqual(self.moody.read_moods, [])
        self.reactor.settle()
        self.assertNotIn(self.tls, self.reactor.getWriters())

    def test_writing_waits(self) -> None:
        """A write that must read first rests until something comes."""
        self.moody.write_moods = [SSL.WantReadError]
        self.tls.write(b"after ")
        self.tls.write(b"you")
        self.reactor.settle()
        self.assertNotIn(self.tls, self.reactor.getWriters())
        self.assertEqual(self.peer.heard, b"")
        self.peer.transport.write(b", please")
        self.reactor.until(lambda: self.peer.heard == b"after you")
        self.assertEqual(self.talker.heard, b"hello, please")

    def test_writing_waits_although_paused(self) -> None:
        """It does so even if nobody wants to read, and nobody is made to."""
        self.tls.pauseProducing()
        self.moody.write_moods = [SSL.WantReadError]
        self.tls.write(b"after you")
        self.peer.transport.write(b", please")
        self.reactor.until(lambda: self.peer.heard == b"after you")
        self.assertEqual(self.talker.heard, b"hello")
        self.tls.resumeProducing()
        self.reactor.until(lambda: self.talker.heard == b"hello, please")

    def test_goodbye_waits(self) -> None:
        """A goodbye for which there is no room is said when there is."""
        self.moody.parting_moods = [SSL.WantWriteError, SSL.WantWriteError]
        self.tls.loseConnection()
        self.reactor.until(lambda: self.talker.lost and self.peer.lost)
        for each in (self.talker, self.peer):
            self.assertIsNotNone(each.lost[0].check(ConnectionDone))

    def test_goodbye_fails(self) -> None:
        """One that cannot be said is a loss."""
        self.moody.parting_moods = [SSL.SysCallError]
        self.tls.loseConnection()
        self.reactor.until(lambda: self.talker.lost)
        self.assertIsNotNone(self.talker.lost[0].check(ConnectionLost))

    def test_paused_while_reading_waits(self) -> None:
        """Who pauses meanwhile hears nothing until it resumes."""
        self.moody.read_moods = [SSL.WantWriteError]
        self.peer.transport.write(b", world")
        self.reactor.until(lambda: not self.moody.read_moods)
        self.tls.pauseProducing()
        self.reactor.settle()
        self.tls.resumeProducing()
        self.reactor.until(lambda: self.talker.heard == b"hello, world")


class _Taken(Protocol):
    """
    Lets a protocol have TLS in a mood instead of its transport.

    :ivar moody: the OpenSSL object.
    """

    def __init__(self, talker: Talker) -> None:
        self._talker = talker

    def makeConnection(self, transport: Any) -> None:
        """Take the transport's place."""
        self.moody = Moody(SSL.Context(SSL.TLS_METHOD), transport.getHandle())
        self.moody.read_moods, self.moody.write_moods = [], []
        self.moody.parting_moods = []
        self._tls = TlsSocket(transport, self.moody, self._talker, client=True)
        self._tls.begin()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Pass it on."""
        self._tls.lost(reason)
