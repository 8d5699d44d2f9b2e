"""Tests for :mod:`spdygate.net.sockets`: writing at once, on real sockets."""

from __future__ import annotations

import socket

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from spdygate.net.sockets import widen, write


class WriteTests(SynchronousTestCase):
    """What is written arrives, in its order, and mostly at once."""

    def setUp(self) -> None:
        """Connect two sockets, one of which is a transport."""
        ours, self.theirs = socket.socketpair()
        self.addCleanup(self.theirs.close)
        ours.setblocking(False)
        self.theirs.setblocking(False)
        self.transport = Connection(ours, Protocol(), IReactorFDSet(reactor))
        self.transport.connected = 1
        self.addCleanup(self.end)
        widen(self.transport)

    def end(self) -> None:
        """Let go of the transport."""
        self.transport.stopReading()
        self.transport.stopWriting()
        self.transport.socket.close()

    def arrived(self) -> bytes:
        """Return what has come."""
        pieces = []
        try:
            while piece := self.theirs.recv(1 << 20):
                pieces.append(piece)
        except BlockingIOError:
            pass
        return b"".join(pieces)

    def test_at_once(self) -> None:
        """What the socket takes has gone before the call returns."""
        write(self.transport, b"hello")
        self.assertEqual(self.arrived(), b"hello")
        self.assertEqual(self.transport.dataBuffer, b"")

    def test_more_than_it_takes(self) -> None:
        """The rest waits, and nothing overtakes it."""
        much = bytes(range(256)) * 16384
        write(self.transport, much)
        write(self.transport, b"the end")
        got = b""
        for _ in range(1000):
            got += self.arrived()
            if len(got) == len(much) + 7:
                break
            self.transport.doWrite()
        self.assertEqual(got, much + b"the end")

    def test_behind_what_waits(self) -> None:
        """After Twisted's own write, ours waits its turn."""
        self.transport.write(b"first ")
        write(self.transport, b"second")
        self.assertEqual(self.arrived(), b"")
        self.transport.doWrite()
        self.assertEqual(self.arrived(), b"first second")

    def test_a_broken_socket(self) -> None:
        """What cannot be written is Twisted's to be told of."""
        self.theirs.close()
        write(self.transport, b"never read")
        self.assertIsInstance(self.transport.doWrite(), Exception)

    def test_any_other_transport(self) -> None:
        """TLS, and transports in memory, are written to as ever."""
        transport = StringTransport()
        write(transport, b"hello")
        self.assertEqual(transport.value(), b"hello")
