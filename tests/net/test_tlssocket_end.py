"""Tests for :mod:`spdygate.net.tlssocket`: how connections end."""

from __future__ import annotations

import socket
import struct

from OpenSSL import SSL
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost

from spdygate.net.explain import explain
from spdygate.net.pem import openssl_reason
from spdygate.net.sockets import BUFFER, Closing
from spdygate.net.tls import ClientTls
from tests.certificates import rsa_key
from tests.net.socketcases import Always, HalfTalker, OverSockets, Talker

#: More than the kernel takes at once.
MUCH = 24 << 20


class Ending(OverSockets):
    """What they have in common."""

    def assert_over(self, talker: Talker, *reasons: type[Exception]) -> None:
        """Its connection is over, for one of these reasons, and it was told once."""
        self.reactor.until(lambda: talker.lost)
        self.reactor.settle()
        [reason] = talker.lost
        self.assertIsNotNone(reason.check(*reasons), reason)
        self.assertEqual(talker.transport.fileno(), -1)


class ClosingTests(Ending):
    """Whoever closes says all it had to say."""

    def test_both_are_done(self) -> None:
        """A close is a clean end for both."""
        client, server = Talker(greeting=b"bye"), Talker()
        self.ours(client, server)
        client.transport.loseConnection()
        self.assert_over(client, ConnectionDone)
        self.assert_over(server, ConnectionDone)
        self.assertEqual(server.heard, b"bye")

    def test_behind_much(self) -> None:
        """What waits goes first, however slow the peer is."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        server.transport.pauseProducing()
        client.transport.write(bytes(MUCH))
        client.transport.loseConnection()
        self.reactor.settle()
        self.assertEqual(client.lost, [])
        server.transport.resumeProducing()
        self.assert_over(client, ConnectionDone)
        self.assertEqual(len(server.heard), MUCH)

    def test_peer_that_reads_nothing(self) -> None:
        """Whoever bounds the close has it end."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        server.transport.pauseProducing()
        client.transport.write(bytes(MUCH))
        Closing(self.reactor, 5.0).begin(client.transport)
        self.reactor.settle()
        self.assertEqual(client.lost, [])
        self.reactor.advance(5.0)
        self.assert_over(client, ConnectionAborted)

    def test_behind_a_producer(self) -> None:
        """A producer may finish; the connection closes when it unregisters."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        client.transport.registerProducer(client, True)
        client.transport.loseConnection()
        client.transport.write(b"last words")
        self.reactor.settle()
        self.assertEqual((client.lost, server.lost), ([], []))
        client.transport.unregisterProducer()
        self.assert_over(client, ConnectionDone)
        self.assertEqual(server.heard, b"last words")

    def test_afterwards(self) -> None:
        """What is written after the close goes nowhere."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        client.transport.write(b"before")
        client.transport.loseConnection()
        client.transport.write(b"after")
        self.assert_over(server, ConnectionDone)
        self.assert_over(client, ConnectionDone)
        client.transport.write(b"long after")
        client.transport.loseConnection()
        client.transport.abortConnection()
        self.assertEqual(server.heard, b"before")
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_while_the_peer_talks(self) -> None:
        """What it says is thrown away, and it reads all that was said to it."""
        server = Talker()
        stranger = self.foreign(server)
        server.transport.pauseProducing()
        server.transport.write(b"goodbye")
        server.transport.loseConnection()
        for _ in range(20):
            stranger.say(bytes(BUFFER))
        self.assertEqual(stranger.hear(7), b"goodbye")
        stranger.hear_goodbye()
        self.assertEqual((server.pieces, server.lost), ([], []))
        stranger.tls.shutdown()
        self.assert_over(server, ConnectionDone)

    def test_the_peer_ends_without_goodbye(self) -> None:
        """Who has said goodbye misses none."""
        server = Talker()
        stranger = self.foreign(server)
        server.transport.loseConnection()
        stranger.hear_goodbye()
        stranger.handle.close()
        self.assert_over(server, ConnectionDone)

    def test_before_the_handshake(self) -> None:
        """A connection that is none yet is given up."""
        server = Talker()
        plain = socket.create_connection(self.listen(self.server_tls(), server))
        self.addCleanup(plain.close)
        self.reactor.until(lambda: len(self.reactor.getReaders()) == 2)
        [tls] = [
            each
            for each in self.reactor.getReaders()
            if hasattr(each, "wrappedProtocol")
        ]
        tls.loseConnection()
        self.reactor.settle()
        self.assertRaises(ConnectionResetError, plain.recv, 1)


class HalfTests(Ending):
    """Each direction ends by itself."""

    def test_ours_first(self) -> None:
        """An answer to what was said with a goodbye behind it arrives."""
        client, server = HalfTalker(), HalfTalker()
        self.ours(client, server)
        client.transport.write(b"question")
        client.transport.loseWriteConnection()
        self.reactor.until(lambda: server.told == ["read lost"])
        self.assertEqual((server.heard, client.told), (b"question", ["write lost"]))
        server.transport.write(bytes(MUCH))
        server.transport.loseConnection()
        self.assert_over(client, ConnectionDone)
        self.assert_over(server, ConnectionDone)
        self.assertEqual(len(client.heard), MUCH)
        self.assertEqual(client.told, ["write lost", "read lost"])

    def test_both_halves(self) -> None:
        """Two halves are a whole: both are told, and the connection is done."""
        client, server = HalfTalker(), HalfTalker()
        self.ours(client, server)
        client.transport.loseWriteConnection()
        self.reactor.until(lambda: server.told)
        server.transport.loseWriteConnection()
        self.assert_over(client, ConnectionDone)
        self.assert_over(server, ConnectionDone)
        self.assertEqual(server.told, ["read lost", "write lost"])

    def test_behind_much(self) -> None:
        """The goodbye waits for what waits."""
        client, server = HalfTalker(), HalfTalker()
        self.ours(client, server)
        client.transport.write(bytes(MUCH))
        client.transport.loseWriteConnection()
        client.transport.write(b"after")
        self.reactor.until(lambda: server.told)
        self.assertEqual(len(server.heard), MUCH)

    def test_fin_below(self) -> None:
        """TCP's FIN follows close_notify, and reading goes on."""
        server = HalfTalker()
        stranger = self.foreign(server)
        server.transport.loseWriteConnection()
        stranger.hear_goodbye()
        self.assertEqual(stranger.handle.recv(1), b"")
        stranger.say(b"late")
        self.reactor.until(lambda: server.heard == b"late")

    def test_a_protocol_that_knows_no_halves(self) -> None:
        """The peer's goodbye is its end, after what waits; its producer stops."""
        client, server = HalfTalker(), Talker()
        self.ours(client, server)
        server.transport.registerProducer(server, True)
        server.transport.write(bytes(MUCH))
        client.transport.loseWriteConnection()
        self.assert_over(server, ConnectionDone)
        self.assertEqual(len(client.heard), MUCH)
        self.assertIn("stop", server.told)

    def test_data_before_the_goodbye(self) -> None:
        """What comes together with a goodbye comes first."""
        server = HalfTalker()
        stranger = self.foreign(server)
        server.transport.pauseProducing()
        stranger.say(b"last words")
        stranger.tls.shutdown()
        self.reactor.settle()
        self.assertEqual((server.heard, server.told), (b"", []))
        server.transport.resumeProducing()
        self.reactor.until(lambda: server.told)
        self.assertEqual((server.heard, server.lost), (b"last words", []))


class BreakingTests(Ending):
    """What is no clean end is not taken for one."""

    def test_cut_off(self) -> None:
        """TCP's FIN without a goodbye is a loss; what came before it counts."""
        server = HalfTalker()
        stranger = self.foreign(server)
        stranger.say(b"and then")
        stranger.handle.close()
        self.assert_over(server, ConnectionLost)
        self.assertEqual((server.heard, server.told), (b"and then", []))

    def test_reset_by_the_peer(self) -> None:
        """A reset is a loss."""
        server = Talker()
        stranger = self.foreign(server)
        _reset(stranger.handle)
        self.assert_over(server, ConnectionLost)

    def test_reset_is_noticed_by_writing(self) -> None:
        """Also while nobody reads."""
        server = Talker()
        stranger = self.foreign(server)
        server.transport.pauseProducing()
        _reset(stranger.handle)
        self.reactor.settle()
        server.transport.write(b"anybody there?")
        self.assert_over(server, ConnectionLost)

    def test_others_are_not_blamed(self) -> None:
        """One connection's broken socket is no other connection's failure."""
        broken, whole = Talker(), Talker()
        stranger, friend = self.foreign(broken), self.foreign(whole)
        broken.transport.pauseProducing()
        whole.transport.pauseProducing()
        _reset(stranger.handle)
        self.reactor.settle()
        whole.transport.SEND_LIMIT = MUCH
        broken.transport.write(b"anybody there?")
        whole.transport.write(bytes(MUCH))  # has to wait, which is no failure
        self.assert_over(broken, ConnectionLost)
        self.assertEqual(len(friend.hear(MUCH)), MUCH)
        self.assertEqual(whole.lost, [])

    def test_abort(self) -> None:
        """Who gives up resets the connection, and hears nothing more."""
        client, server = Talker(), Talker()
        self.ours(client, server)
        client.transport.write(b"unimportant")
        client.transport.abortConnection()
        client.transport.abortConnection()
        self.assertEqual(client.lost, [])
        self.assert_over(client, ConnectionAborted)
        self.assert_over(server, ConnectionLost)

    def test_abort_while_told(self) -> None:
        """Who gives up while it is given something is given nothing else."""
        server = _GivesUp()
        stranger = self.foreign(server)
        stranger.say(b"too much")
        stranger.tls.shutdown()
        self.assert_over(server, ConnectionAborted)
        self.assertEqual(server.told, [])

    def test_forged_record(self) -> None:
        """What OpenSSL does not accept ends the connection, and the peer hears why."""
        server = Talker()
        stranger = self.foreign(server)
        stranger.handle.send(b"\x17\x03\x03\x00\x20" + bytes(32))
        self.assert_over(server, SSL.Error)
        error = self.assertRaises(SSL.Error, stranger.do, stranger.tls.recv, 1)
        self.assertIn("bad record mac", openssl_reason(error))

    def test_renegotiation(self) -> None:
        """A client of TLS 1.2 that shakes hands again is refused."""
        server = Talker()
        tls = self.server_tls(self.ca.server("localhost", key=rsa_key()))
        stranger = self.foreign(server, tls, maximum=SSL.TLS1_2_VERSION)
        stranger.say(b"before")
        stranger.tls.renegotiate()
        error = self.assertRaises(SSL.Error, stranger.do, stranger.tls.do_handshake)
        self.assertIn("no renegotiation", openssl_reason(error))


class RefusedTests(Ending):
    """Who is not let in hears why."""

    def test_a_client_that_talks_at_once(self) -> None:
        """
        A TLS 1.3 client that has no certificate hears that it needs one.

        It thinks that it is connected, and has said something by then.
        """
        client, server = Talker(greeting=b"hello"), Talker()
        tls = self.server_tls(client_ca_file=self.ca_file)
        endpoint = ClientTls(self.ca_file).wrap_client(
            TCP4ClientEndpoint(self.reactor, *self.listen(tls, server)),
            "localhost",
            self.reactor,
        )
        endpoint.connect(Always(client))
        self.reactor.until(lambda: client.transport)
        client.transport.write(b"anybody there?")
        self.assert_over(client, SSL.Error)
        said = explain(client.lost[0], "n1")
        self.assertIn("give --node-cert and --node-key", said)
        self.assertIsNone(server.transport)

    def test_tls_1_2(self) -> None:
        """A TLS 1.2 client hears it in the handshake, behind all that it says."""
        tls = self.server_tls(
            self.ca.server("localhost", key=rsa_key()), client_ca_file=self.ca_file
        )
        error = self.assertRaises(
            SSL.Error, self.foreign, Talker(), tls, maximum=SSL.TLS1_2_VERSION
        )
        self.assertIn("handshake failure", openssl_reason(error))

    def test_plain_http(self) -> None:
        """Who does not speak TLS is shown out, and not by a reset."""
        server = Talker()
        plain = socket.create_connection(self.listen(self.server_tls(), server))
        self.addCleanup(plain.close)
        plain.send(b"GET / HTTP/1.1\r\n\r\n")
        self.reactor.settle()
        said = plain.recv(100)
        self.assertIn(said[:1], (b"", b"\x15"), "an alert, if anything")
        self.assertEqual(plain.recv(1), b"")
        self.assertIsNone(server.transport)


class _GivesUp(HalfTalker):
    """Gives up at the first word."""

    def dataReceived(self, data: bytes) -> None:
        """Give up."""
        self.transport.abortConnection()


def _reset(handle: socket.socket) -> None:
    """Close a socket with a reset."""
    linger = struct.pack("ii", 1, 0)
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handle.close()
