"""Tests for :mod:`spdygate.net.tls`."""

from __future__ import annotations

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from spdygate.net.explain import explain
from spdygate.net.tls import ClientTls, TlsError, alpn, peer_name
from tests.certificates import Authority, Signed, rsa_key
from tests.net.memory import (
    ForeignClient,
    MemoryEndpoint,
    Recorder,
    Recorders,
    any_client,
    client_of_2015,
    flush,
)
from tests.net.tlscases import Files, Meeting


class ServerAlpnTests(Files):
    """A server agrees on a protocol if it can, and otherwise does without."""

    def agreed(self, ours: tuple[bytes, ...], *theirs: str) -> str | None:
        """Shake hands with a foreign client; return what was agreed on."""
        recorders = Recorders()
        server = self.server_tls(protocols=ours).wrap_server(recorders, self.clock)
        client = ForeignClient(any_client(self.ca_file, *theirs))
        client.connect(server, self.clock)
        self.assertIsNone(client.error)
        agreed = client.tls.selected_alpn_protocol()
        [recorder] = recorders.built
        self.assertEqual(recorder.alpn, agreed and agreed.encode())
        return agreed

    def test_ours_come_first(self) -> None:
        """Of what both know, the server's favourite is chosen."""
        self.assertEqual(self.agreed((b"h2", b"http/1.1"), "http/1.1", "h2"), "h2")

    def test_the_one_in_common(self) -> None:
        """A client of HTTP/1.1 gets HTTP/1.1."""
        self.assertEqual(self.agreed((b"h2", b"http/1.1"), "http/1.1"), "http/1.1")

    def test_nothing_in_common(self) -> None:
        """The handshake succeeds without ALPN."""
        self.assertIsNone(self.agreed((b"h2",), "http/1.1"))

    def test_nothing_offered(self) -> None:
        """A client that knows no ALPN is welcome."""
        self.assertIsNone(self.agreed((b"h2", b"http/1.1")))

    def test_nothing_known(self) -> None:
        """A server without protocols is, too, for clients that offer some."""
        self.assertIsNone(self.agreed((), "h2", "http/1.1"))


class ServerTermsTests(Files):
    """Which handshakes a server agrees to."""

    def test_a_client_of_2015(self) -> None:
        """TLS 1.2, RSA, P-256, AES128-GCM and no ALPN still do."""
        signed = self.ca.server("localhost", key=rsa_key())
        recorders = Recorders(greeting=b"welcome")
        server = self.server_tls(signed).wrap_server(recorders, self.clock)
        client = ForeignClient(client_of_2015(self.ca_file))
        client.connect(server, self.clock)
        self.assertIsNone(client.error)
        self.assertEqual(
            client.tls.cipher(), ("ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2", 128)
        )
        self.assertEqual(client.read(), b"welcome")

    def test_minimum(self) -> None:
        """With a minimum of 1.3 the same client is refused, with TLS's own alert."""
        signed = self.ca.server("localhost", key=rsa_key())
        recorders = Recorders()
        server = self.server_tls(signed, minimum="1.3")
        client = ForeignClient(client_of_2015(self.ca_file))
        client.connect(server.wrap_server(recorders, self.clock), self.clock)
        self.assertIn("PROTOCOL_VERSION", str(client.error))
        self.assertEqual(recorders.built, [])

    def test_minimum_is_reached(self) -> None:
        """A client of today passes a minimum of 1.3."""
        client = ForeignClient(any_client(self.ca_file))
        server = self.server_tls(minimum="1.3").wrap_server(Recorders(), self.clock)
        client.connect(server, self.clock)
        self.assertEqual((client.error, client.tls.version()), (None, "TLSv1.3"))

    def test_other_suites_are_refused(self) -> None:
        """No forward secrecy or no authenticated encryption: no connection."""
        signed = self.ca.server("localhost", key=rsa_key())
        for suite in ("AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA"):
            context = client_of_2015(self.ca_file)
            context.set_ciphers(f"{suite}:@SECLEVEL=0")
            client = ForeignClient(context)
            server = self.server_tls(signed).wrap_server(Recorders(), self.clock)
            client.connect(server, self.clock)
            self.assertIn("HANDSHAKE_FAILURE", str(client.error), suite)

    def test_unknown_minimum(self) -> None:
        """A word that is no version is refused with the two that are."""
        with self.assertRaisesRegex(TlsError, "--tls-min: write 1.2 or 1.3, not '1.1'"):
            self.server_tls(minimum="1.1")

    def test_chain(self) -> None:
        """What follows the certificate in its file is sent along."""
        signed = Authority("Middle", self.ca).server("localhost")
        client = ForeignClient(any_client(self.ca_file))
        client.connect(
            self.server_tls(signed).wrap_server(Recorders(), self.clock), self.clock
        )
        self.assertIsNone(client.error)


class ClientOptionsTests(Meeting):
    """What our client offers, and what it is made of."""

    def test_alpn(self) -> None:
        """Both protocols begin with what was agreed on."""
        recorders, connecting = self.meet(self.server_tls(), ClientTls(self.ca_file))
        client = self.joined(connecting)
        self.assertEqual((client.alpn, recorders.built[0].alpn), (b"h2", b"h2"))

    def test_alpn_of_one_connection(self) -> None:
        """A client may offer less the next time."""
        memory = MemoryEndpoint(self.server_tls().wrap_server(Recorders(), self.clock))
        endpoint = ClientTls(self.ca_file).wrap_client(
            memory, "localhost", self.clock, protocols=(b"http/1.1",)
        )
        connecting = endpoint.connect(Recorders())
        flush(memory.pump, self.clock)
        self.assertEqual(self.joined(connecting).alpn, b"http/1.1")

    def test_half_an_identity(self) -> None:
        """Certificate and key come together; the option that lacks is named."""
        cert, key = self.ca.client("gateway").write(self.folder, "client")
        with self.assertRaisesRegex(TlsError, "--node-cert: give --node-key too"):
            ClientTls(self.ca_file, cert)
        with self.assertRaisesRegex(TlsError, "--x-key: give --x-cert too"):
            ClientTls(self.ca_file, None, key, prefix="--x")


class ClientCertificateTests(Meeting):
    """A server that asks who its clients are."""

    def client_tls(self, signed: Signed | None) -> ClientTls:
        """Dial with a certificate, or without."""
        if signed is None:
            return ClientTls(self.ca_file)
        return ClientTls(self.ca_file, *signed.write(self.folder, "client"))

    def let_in(self, signed: Signed) -> Recorder:
        """Let a client in; return the server's side of it."""
        server = self.server_tls(client_ca_file=self.ca_file)
        self.assertTrue(server.asks_for_certificates)
        recorders, connecting = self.meet(server, self.client_tls(signed))
        self.successResultOf(connecting)
        return recorders.built[0]

    def kept_out(self, signed: Signed | None) -> str:
        """Keep a client out; return what it is told."""
        server = self.server_tls(client_ca_file=self.ca_file)
        recorders, connecting = self.meet(server, self.client_tls(signed))
        self.assertEqual(recorders.built, [])
        # TLS 1.3: the client was done before the server said no.
        client = self.joined(connecting)
        assert client.lost is not None
        self.assertEqual(client.data, b"")
        return explain(client.lost, "n1")

    def test_name(self) -> None:
        """The protocol begins with the name that was proved."""
        self.assertEqual(self.let_in(self.ca.client("gateway")).peer, "gateway")

    def test_chain(self) -> None:
        """An intermediate certificate may be sent along."""
        middle = Authority("Middle", self.ca)
        self.assertEqual(self.let_in(middle.client("gateway")).peer, "gateway")

    def test_nobody_is_asked(self) -> None:
        """Without a client CA nobody has a name, whatever they bring."""
        server = self.server_tls()
        self.assertFalse(server.asks_for_certificates)
        recorders, _ = self.meet(server, self.client_tls(self.ca.client("gateway")))
        self.assertIsNone(recorders.built[0].peer)

    def test_missing(self) -> None:
        """Who brings none is told which options to give."""
        said = self.kept_out(None)
        self.assertIn("give --node-cert and --node-key", said)

    def test_other_authority(self) -> None:
        """Who brings one that somebody else signed is told so."""
        said = self.kept_out(Authority("Other").client("gateway"))
        self.assertIn("let its CA sign --node-cert", said)

    def test_servers_certificate(self) -> None:
        """A server's certificate does not make a client."""
        self.kept_out(self.ca.server("gateway"))

    def test_tls_1_2(self) -> None:
        """Under TLS 1.2 the client learns it in the handshake."""
        server = self.server_tls(
            self.ca.server("localhost", key=rsa_key()), self.ca_file
        )
        client = ForeignClient(client_of_2015(self.ca_file))
        client.connect(server.wrap_server(Recorders(), self.clock), self.clock)
        self.assertIn("HANDSHAKE_FAILURE", str(client.error))


class PlainTransportTests(SynchronousTestCase):
    """Transports without TLS."""

    def test_nothing_to_tell(self) -> None:
        """They have neither ALPN nor a peer with a name."""
        transport = StringTransport()
        self.assertEqual((alpn(transport), peer_name(transport)), (None, None))
