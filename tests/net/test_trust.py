"""Tests for :mod:`spdygate.net.trust`."""

from __future__ import annotations

from spdygate.net.explain import explain
from spdygate.net.tls import ClientTls, TlsError
from spdygate.net.trust import CertificateRefused
from tests.certificates import Authority, Signed
from tests.net.memory import MemoryEndpoint, Recorders
from tests.net.tlscases import Meeting


class BelievedNamesTests(Meeting):
    """What our client believes of our server."""

    def refused(self, server: Signed, host: str = "localhost") -> str:
        """Return why our client does not believe a server."""
        _, connecting = self.meet(
            self.server_tls(server), ClientTls(self.ca_file), host
        )
        failure = self.failureResultOf(connecting, CertificateRefused)
        return explain(failure, "n1")

    def test_names(self) -> None:
        """A server is believed for every name and address in its certificate."""
        for host in ("localhost", "LOCALHOST.", "127.0.0.1", "::1", "[::1]"):
            _, connecting = self.meet(self.server_tls(), ClientTls(self.ca_file), host)
            self.successResultOf(connecting)

    def test_other_name(self) -> None:
        """It is not believed for another, and the names it has are told."""
        self.assertEqual(
            self.refused(self.server, "node2.example"),
            "n1: its certificate is refused: it is for localhost, 127.0.0.1, ::1, "
            "and not for node2.example; "
            "write a name that it is for, or have it signed for this one",
        )

    def test_other_address(self) -> None:
        """An address counts only as an address."""
        named = self.ca.server("127.0.0.2.example")
        self.assertIn("and not for 127.0.0.2", self.refused(named, "127.0.0.2"))

    def test_no_names_at_all(self) -> None:
        """A certificate with only a common name is for nobody (RFC 9525, 2)."""
        self.assertIn(
            "it is not for localhost", self.refused(self.ca.issue("localhost"))
        )

    def test_other_authority(self) -> None:
        """It is not believed if we do not know who signed; the option is named."""
        said = self.refused(Authority("Other").server("localhost"))
        self.assertIn("it is not signed by a CA that is trusted here", said)
        self.assertIn("--node-ca", said)

    def test_expired(self) -> None:
        """It is not believed for ever."""
        old = self.ca.issue("localhost", ("localhost",), days=-3)
        self.assertIn("it has expired; renew it", self.refused(old))

    def test_wrong_purpose(self) -> None:
        """A client's certificate does not make a server."""
        said = self.refused(self.ca.client("localhost"))
        self.assertIn("it is not meant for this use", said)

    def test_expected_name(self) -> None:
        """What to expect can be told apart from what to dial."""
        _, connecting = self.meet(
            self.server_tls(),
            ClientTls(self.ca_file, server_name="localhost"),
            "10.1.2.3",
        )
        self.successResultOf(connecting)

    def test_impossible_name(self) -> None:
        """A host for which there can be no certificate is refused at once."""
        with self.assertRaisesRegex(TlsError, "neither a DNS name nor an IP address"):
            ClientTls(self.ca_file).wrap_client(
                MemoryEndpoint(Recorders()), "no such/name", self.clock
            )

    def test_bundle(self) -> None:
        """A CA file may hold several; each is trusted, root or not."""
        middle = Authority("Middle", Authority("Unknown"))
        bundle = self.folder / "bundle.pem"
        bundle.write_bytes(b"# two\n" + self.ca.pem + b"\n# of them\n" + middle.pem)
        for signed in (self.server, middle.server("localhost")):
            _, connecting = self.meet(self.server_tls(signed), ClientTls(str(bundle)))
            self.successResultOf(connecting)

    def test_certificate_itself(self) -> None:
        """A kubelet's self-signed certificate can be its own CA file."""
        signed = self.ca.server("localhost")
        alone = self.folder / "alone.pem"
        alone.write_bytes(signed.cert_pem)
        _, connecting = self.meet(self.server_tls(signed), ClientTls(str(alone)))
        self.successResultOf(connecting)
        _, connecting = self.meet(
            self.server_tls(signed), ClientTls(str(alone)), "elsewhere"
        )
        self.failureResultOf(connecting, CertificateRefused)

    def test_platform(self) -> None:
        """Without a CA file a stranger's certificate is refused."""
        _, connecting = self.meet(self.server_tls(), ClientTls())
        self.failureResultOf(connecting, CertificateRefused)
