"""Tests for :mod:`spdygate.net.handshakes`."""

from __future__ import annotations

from twisted.internet.interfaces import IHandshakeListener, IProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from spdygate.net.handshakes import HANDSHAKE_LIMIT, Handshake, HandshakeTimeout
from spdygate.net.tls import ClientTls
from tests.net.memory import ForeignClient, MemoryEndpoint, Recorders, any_client, flush
from tests.net.tlscases import Meeting


class HandshakeTests(Meeting):
    """A handshake ends, one way or the other."""

    def test_interfaces(self) -> None:
        """It is what Twisted calls when it is done."""
        handshake = Handshake(_Nobody(), Clock(), 1.0)
        verifyObject(IProtocol, handshake)
        verifyObject(IHandshakeListener, handshake)

    def test_nothing_before(self) -> None:
        """No protocol is built for a peer that has not finished."""
        recorders = Recorders()
        server = self.server_tls().wrap_server(recorders, self.clock)
        memory = MemoryEndpoint(server)
        endpoint = ClientTls(self.ca_file).wrap_client(memory, "localhost", self.clock)
        connecting = endpoint.connect(Recorders())
        self.assertNoResult(connecting)
        self.assertEqual(recorders.built, [])
        flush(memory.pump, self.clock)
        self.joined(connecting)
        self.assertEqual(len(recorders.built), 1)

    def test_nothing_in_the_way(self) -> None:
        """Afterwards the real protocol itself is what TLS calls; no timer is left."""
        recorders = Recorders(greeting=b"server first")
        server = self.server_tls().wrap_server(recorders, self.clock)
        client = ForeignClient(any_client(self.ca_file))
        client.connect(server, self.clock)
        self.assertEqual(client.read(), b"server first")
        [recorder] = recorders.built
        tls = recorder.transport
        assert isinstance(tls, TLSMemoryBIOProtocol)
        self.assertIs(tls.wrappedProtocol, recorder)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_data_and_end_reach_it(self) -> None:
        """It hears the data, and the end."""
        recorders = Recorders()
        server = self.server_tls().wrap_server(recorders, self.clock)
        memory = MemoryEndpoint(server)
        endpoint = ClientTls(self.ca_file).wrap_client(memory, "localhost", self.clock)
        connecting = endpoint.connect(Recorders(greeting=b"hello"))
        flush(memory.pump, self.clock)
        transport = self.joined(connecting).transport
        assert transport is not None
        transport.loseConnection()
        flush(memory.pump, self.clock)
        [recorder] = recorders.built
        self.assertEqual(recorder.data, b"hello")
        self.assertIsNotNone(recorder.lost)

    def test_silent_client(self) -> None:
        """Who connects and says nothing is shown out after the limit."""
        server = self.server_tls().wrap_server(Recorders(), self.clock)
        protocol = server.buildProtocol(StringTransportWithDisconnection().getPeer())
        transport = StringTransportWithDisconnection()
        assert protocol is not None
        transport.protocol = protocol
        protocol.makeConnection(transport)
        self.clock.advance(HANDSHAKE_LIMIT - 0.1)
        self.assertTrue(transport.connected)
        self.clock.advance(0.2)
        self.assertFalse(transport.connected)

    def test_silent_server(self) -> None:
        """A client does not wait longer than it was told to."""
        memory = MemoryEndpoint(Recorders())
        endpoint = ClientTls(self.ca_file).wrap_client(
            memory, "localhost", self.clock, limit=3
        )
        connecting = endpoint.connect(Recorders())
        flush(memory.pump, self.clock)
        self.assertNoResult(connecting)
        self.clock.advance(3)
        flush(memory.pump, self.clock)
        self.failureResultOf(connecting, HandshakeTimeout)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_never_judged(self) -> None:
        """A handshake that ends before the certificate was looked at has failed."""
        outcome = _Nobody()
        handshake = Handshake(outcome, self.clock, 1.0)
        handshake.judge = lambda certificate: None
        transport = StringTransportWithDisconnection()
        transport.protocol = handshake
        handshake.makeConnection(transport)
        handshake.handshakeCompleted()
        self.assertFalse(transport.connected)
        self.assertEqual(outcome.said, ["its certificate was never looked at"])


class _Nobody:
    """
    Waits for a handshake, and wants no protocol.

    :ivar said: why there was none.
    """

    def __init__(self) -> None:
        self.said: list[str] = []

    def build(self, peer: object) -> None:
        """Want none."""
        self.said.append("built")

    def connected(self, protocol: object) -> None:
        """Never come here."""
        self.said.append("connected")

    def failed(self, reason: Failure, peer: object) -> None:
        """Write down why."""
        self.said.append(reason.getErrorMessage())
