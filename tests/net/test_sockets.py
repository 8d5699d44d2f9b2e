"""Tests for :mod:`spdygate.net.sockets`."""

from __future__ import annotations

import socket

from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.trial.unittest import SynchronousTestCase

from spdygate.net.sockets import KEEPALIVE_IDLE, tune, tune_socket
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
