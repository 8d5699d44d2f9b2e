"""Tests for :mod:`spdygate.net.sockets`."""

from __future__ import annotations

import socket

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.trial.unittest import SynchronousTestCase

from spdygate.net.sockets import KEEPALIVE_IDLE, Closing, tune, tune_socket
from tests.net.memory import Recorder, Recorders


class SocketTransport(StringTransport):
    """A transport that shows a socket, as Twisted's do."""

    def __init__(self, handle: socket.socket) -> None:
        super().__init__()
        self._handle = handle

    def getHandle(self) -> socket.socket:
        """Show it."""
        return self._handle


class TuneTests(SynchronousTestCase):
    """Settings of sockets."""

    def unconnected(self, family: int = socket.AF_INET) -> socket.socket:
        """Make a socket that is connected to nothing."""
        made = socket.socket(family)
        self.addCleanup(made.close)
        return made

    def assert_tuned(self, handle: socket.socket) -> None:
        """Look at every setting."""
        tcp = socket.IPPROTO_TCP
        self.assertTrue(handle.getsockopt(tcp, socket.TCP_NODELAY))
        self.assertTrue(handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        if hasattr(socket, "TCP_KEEPIDLE"):
            idle = handle.getsockopt(tcp, socket.TCP_KEEPIDLE)
            self.assertEqual(idle, KEEPALIVE_IDLE)

    def test_tcp(self) -> None:
        """A TCP transport sends at once and is probed."""
        handle = self.unconnected()
        tune(SocketTransport(handle))
        self.assert_tuned(handle)

    def test_below_wrappers(self) -> None:
        """The socket is found below TLS and whatever else wraps it."""
        handle = self.unconnected()
        wrapper = ProtocolWrapper(WrappingFactory(Recorders()), Recorder())
        wrapper.makeConnection(SocketTransport(handle))
        tune(wrapper)
        self.assert_tuned(handle)

    def test_slow_peers_live(self) -> None:
        """No limit is set on how long a peer may keep its window shut."""
        handle = self.unconnected()
        tune_socket(handle)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            limit = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            self.assertEqual(limit, 0)

    def test_unix(self) -> None:
        """A UNIX socket, which knows none of this, is left alone."""
        handle = self.unconnected(socket.AF_UNIX)
        tune(SocketTransport(handle))
        self.assertFalse(handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def test_closed(self) -> None:
        """A socket that is gone is no reason to fail."""
        handle = self.unconnected()
        handle.close()
        tune(SocketTransport(handle))
        self.assertEqual(handle.fileno(), -1)

    def test_memory(self) -> None:
        """A transport without a socket is left alone."""
        transport = StringTransport()
        tune(transport)
        self.assertEqual(transport.value(), b"")


class Abortable(StringTransport):
    """A transport that knows whether it was cut off."""

    aborted = False

    def abortConnection(self) -> None:
        """Note it."""
        self.aborted = True


class ClosingTests(SynchronousTestCase):
    """The end of a connection."""

    def setUp(self) -> None:
        """Begin with a connection that is open."""
        self.clock = Clock()
        self.transport = Abortable()
        self.closing = Closing(self.clock, 5.0)

    def test_patience(self) -> None:
        """A peer that does not take what is left is cut off in the end."""
        self.closing.begin(self.transport)
        self.assertTrue(self.closing.begun and self.transport.disconnecting)
        self.clock.advance(4.9)
        self.assertFalse(self.transport.aborted)
        self.clock.advance(0.2)
        self.assertTrue(self.transport.aborted)

    def test_over(self) -> None:
        """Once the connection is gone nothing is left to do, also if it goes at once."""
        self.transport.loseConnection = self.closing.over  # type: ignore[method-assign]
        self.closing.begin(self.transport)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_never_begun(self) -> None:
        """A connection that nobody closed may be lost like any other."""
        self.closing.over()
        self.assertFalse(self.closing.begun)
