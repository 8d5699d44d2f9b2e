"""
Tests for :mod:`spdygate.net.tls` and :mod:`spdygate.net.trust`, over sockets.

What is promised of a connection made of memory is promised of one made of TCP,
where OpenSSL has the socket to itself.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IProtocol

from spdygate.net.tls import ClientTls, ServerTls
from tests.net import test_tls, test_trust
from tests.net.memory import Recorders
from tests.net.socketcases import OverSockets


class Meeting(OverSockets):
    """Our client and our server meet over sockets."""

    def meet(
        self, server: ServerTls, client: ClientTls, host: str = "localhost"
    ) -> tuple[Recorders, Deferred[IProtocol]]:
        """Connect them; return the server's recorders and the client's result."""
        recorders = Recorders()
        factory = server.wrap_server(recorders, self.reactor)
        listening = TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1")
        port = self.successResultOf(listening.listen(factory))
        self.addCleanup(port.stopListening)
        number = port.getHost().port
        endpoint = client.wrap_client(
            TCP4ClientEndpoint(self.reactor, "127.0.0.1", number), host, self.reactor
        )
        connecting = endpoint.connect(Recorders())
        self.reactor.settle()
        return recorders, connecting


class ClientOptionsTests(Meeting, test_tls.ClientOptionsTests):
    """What our client offers."""


class ClientCertificateTests(Meeting, test_tls.ClientCertificateTests):
    """A server that asks who its clients are."""


class BelievedNamesTests(Meeting, test_trust.BelievedNamesTests):
    """What our client believes of our server."""
