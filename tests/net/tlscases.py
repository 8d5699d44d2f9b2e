"""What tests of TLS begin with: files, and a connection made of memory."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from spdygate.net.tls import ClientTls, ServerTls
from tests.certificates import Authority, Signed
from tests.net.memory import MemoryEndpoint, Recorder, Recorders, flush


class Files(SynchronousTestCase):
    """A folder with an authority and a server's certificate in it."""

    def setUp(self) -> None:
        """Make them."""
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.ca = Authority()
        self.ca_file = self.ca.write(self.folder)
        self.clock = Clock()
        self.server = self.ca.server("localhost", "127.0.0.1", "::1")

    def server_tls(
        self,
        signed: Signed | None = None,
        client_ca_file: str | None = None,
        minimum: str = "1.2",
        protocols: tuple[bytes, ...] = (b"h2", b"http/1.1"),
    ) -> ServerTls:
        """Serve with a certificate."""
        cert, key = (signed or self.server).write(self.folder, "server")
        return ServerTls(cert, key, client_ca_file, minimum, protocols)


class Meeting(Files):
    """Our client and our server meet over a connection made of memory."""

    def meet(
        self, server: ServerTls, client: ClientTls, host: str = "localhost"
    ) -> tuple[Recorders, Deferred[IProtocol]]:
        """Connect them; return the server's recorders and the client's result."""
        recorders = Recorders()
        memory = MemoryEndpoint(server.wrap_server(recorders, self.clock))
        endpoint = client.wrap_client(memory, host, self.clock)
        connecting = endpoint.connect(Recorders())
        flush(memory.pump, self.clock)
        return recorders, connecting

    def joined(self, connecting: Deferred[IProtocol]) -> Recorder:
        """Return the client's protocol, which has its connection by now."""
        protocol = self.successResultOf(connecting)
        assert isinstance(protocol, Recorder)
        return protocol
