"""Tests for :mod:`spdygate.net.tlsrecords`."""

from __future__ import annotations

import socket
from collections.abc import Callable

from OpenSSL import SSL
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST

from spdygate.net.tlsrecords import Records, Wants
from tests.net.tlscases import Files

#: More than two sockets hold.
MUCH = 16 << 20


class RecordsTests(Files):
    """Two of them, on two sockets."""

    def setUp(self) -> None:
        """Connect them; no byte has moved."""
        super().setUp()
        cert, key = self.server.write(self.folder, "server")
        context = SSL.Context(SSL.TLS_METHOD)
        context.use_certificate_chain_file(cert)
        context.use_privatekey_file(key)
        self.sockets = socket.socketpair()
        made = [SSL.Connection(context, each) for each in self.sockets]
        for each in self.sockets:
            each.setblocking(False)
            self.addCleanup(each.close)
        self.client = Records(made[0], client=True)
        self.server_side = Records(made[1], client=False)

    def shake(self) -> None:
        """Shake hands, to the end."""
        for _ in range(5):
            for each in (self.client, self.server_side):
                if not each.shaken:
                    each.shake_hands()
        self.assertTrue(self.client.shaken and self.server_side.shaken)
        self.assertEqual(self.client.receive(1), b"")  # session tickets

    def test_handshake(self) -> None:
        """A handshake waits for the peer, and is over when both have spoken."""
        self.client.shake_hands()
        self.assertEqual(
            (self.client.wants, self.client.shaken), (Wants.TO_READ, False)
        )
        self.shake()

    def test_nothing_there(self) -> None:
        """Where nothing has come, reading waits."""
        self.shake()
        self.assertEqual(self.client.receive(100), b"")
        self.assertIs(self.client.wants, Wants.TO_READ)

    def test_all_that_is_there(self) -> None:
        """Records that are there are read together, up to the one that is enough."""
        self.shake()
        for size in (5, 16384, 1, 16384, 7):
            self.server_side.send(memoryview(bytes(size)))
        self.assertEqual(len(self.client.receive(20_000)), 5 + 16384 + 1 + 16384)
        self.assertEqual(len(self.client.receive(20_000)), 7)

    def test_full(self) -> None:
        """Where there is no room, writing waits, and is taken up where it was."""
        self.shake()
        said = bytes(range(256)) * (MUCH // 256)
        sent, heard = self.server_side.send(memoryview(said)), b""
        self.assertIs(self.server_side.wants, Wants.TO_WRITE)
        while sent < MUCH:
            heard += self.client.receive(MUCH)
            sent += self.server_side.send(memoryview(said)[sent:])
        while piece := self.client.receive(MUCH):
            heard += piece
        self.assertTrue(heard == said)

    def test_goodbye(self) -> None:
        """Each side says it, and the other hears it behind all that was said."""
        self.shake()
        self.client.send(memoryview(b"bye"))
        self.client.say_goodbye()
        self.assertTrue(self.client.said_goodbye)
        self.assertEqual(self.server_side.receive(100), b"bye")
        self.assertTrue(self.server_side.heard_goodbye)
        self.server_side.send(memoryview(b"so long"))
        self.assertEqual(self.client.receive(100), b"so long")
        self.assertFalse(self.client.heard_goodbye)

    def cut(self, verb: Callable[[], object]) -> Exception | None:
        """Close the server's socket; return the failure that the client finds."""
        self.sockets[1].close()
        verb()
        return self.client.failure

    def test_cut_in_the_handshake(self) -> None:
        """A peer that leaves in the handshake is a loss."""
        self.client.shake_hands()
        self.assertIs(self.cut(self.client.shake_hands), CONNECTION_LOST)

    def test_cut(self) -> None:
        """So is one that leaves without a goodbye."""
        self.shake()
        self.assertIs(self.cut(lambda: self.client.receive(1)), CONNECTION_LOST)

    def test_cut_noticed_by_writing(self) -> None:
        """Also when it is written to."""
        self.shake()
        said = memoryview(b"hello")
        self.assertIs(self.cut(lambda: self.client.send(said)), CONNECTION_LOST)

    def test_cut_noticed_by_leaving(self) -> None:
        """Also when it is to hear a goodbye."""
        self.shake()
        self.assertIs(self.cut(self.client.say_goodbye), CONNECTION_LOST)

    def test_cut_after_goodbye(self) -> None:
        """Who has said goodbye misses none."""
        self.shake()
        self.client.say_goodbye()
        self.server_side.receive(1)
        self.assertIs(self.cut(lambda: self.client.receive(1)), CONNECTION_DONE)

    def test_nonsense(self) -> None:
        """What OpenSSL does not understand is a failure in its own words."""
        self.sockets[1].send(b"HTTP/1.1 400 Bad Request\r\n")
        self.client.shake_hands()
        failure = self.client.failure
        self.assertIsInstance(failure, SSL.Error)
        self.client.shake_hands()
        self.assertIs(self.client.failure, failure)
