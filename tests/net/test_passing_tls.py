"""Tests for :mod:`spdygate.net.passing` toward an API server behind TLS."""

from __future__ import annotations

from twisted.test.iosim import IOPump

from spdygate.dialect.tunnel import Reason
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.apiserver import ApiServer
from spdygate.net.passing import Passing
from spdygate.net.tls import ClientTls
from tests.certificates import Authority
from tests.net.passingcases import EMPTY, ApiEndpoint, PassingCase
from tests.net.shellcases import Nowhere
from tests.net.tlscases import Files

UNTIL_THE_END = b"HTTP/1.1 200 OK\r\n\r\nall there is"


class TlsTests(Files, PassingCase):
    """What TLS adds: who it is, and when it has said all."""

    def setUp(self) -> None:
        """Know an API server whose certificate is to be believed."""
        Files.setUp(self)
        PassingCase.setUp(self)
        self.trust(self.ca_file)

    def trust(self, ca_file: str) -> None:
        """Believe whomever that authority has signed."""
        wrapped = self.server_tls(self.ca.server("localhost")).wrap_server(
            self.factory, self.clock
        )
        self.endpoint = ApiEndpoint(wrapped)
        endpoint = ClientTls(ca_file, prefix="--api").wrap_client(
            self.endpoint, "localhost", self.clock, (b"http/1.1",)
        )
        api = ApiServer(
            "https://localhost", "localhost", "https", "", endpoint, endpoint
        )
        self.passing = Passing(api, Switchboard(Nowhere()), self.turn)

    def exchange(self) -> None:
        """Carry bytes; TLS writes in turns of its own."""
        for _ in range(8):
            super().exchange()

    def pump(self) -> IOPump:
        """Return the last connection's."""
        return self.endpoint.pumps[-1]

    def test_kept(self) -> None:
        """One connection serves one question after another."""
        for _ in range(3):
            end = self.ask()
            self.say(EMPTY)
            self.assertTrue(end.finished)
        self.assertEqual(len(self.endpoint.pumps), 1)

    def test_until_the_end(self) -> None:
        """A body that ends with the connection is whole if TLS says that it is."""
        end = self.ask()
        self.say(UNTIL_THE_END)
        self.servers()[0].leave()
        self.exchange()
        self.assertEqual((end.sent, end.finished), (b"all there is", True))
        self.assertEqual(end.failures, [])

    def test_cut_off(self) -> None:
        """If TLS does not, it was cut off, and the client is told."""
        end = self.ask()
        self.say(UNTIL_THE_END)
        self.pump().serverIO.loseConnection()
        self.exchange()
        self.assertFalse(end.finished)
        self.assertEqual(end.failure.reason, Reason.LINK_LOST)

    def test_upgrade(self) -> None:
        """A connection that was switched ends when TLS does."""
        end = self.ask(b"/exec", upgrade="websocket")
        self.say(
            b"HTTP/1.1 101 Switching Protocols\r\n"
            b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nbye"
        )
        self.servers()[0].leave()
        self.exchange()
        self.assertEqual((end.sent, end.finished), (b"bye", True))

    def test_a_stranger(self) -> None:
        """A server that is not to be believed is not asked; the client hears why."""
        other = Authority()
        folder = self.folder / "other"
        folder.mkdir()
        self.trust(other.write(folder))
        failure = self.ask(b"/api", ("authorization", "Bearer secret")).failure
        self.assertEqual(failure.reason.status, 502)
        self.assertIn("its certificate is refused", failure.message)
        asked = [server.read() for server in self.servers()]
        self.assertNotIn(b"secret", b"".join(asked))
