"""Tests for :mod:`spdygate.net.explain`."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet import error
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from spdygate.net.explain import explain
from spdygate.net.handshakes import HandshakeTimeout
from spdygate.net.trust import CertificateRefused

HOP = "node n1 (https://10.0.0.1:10443)"


class ExplainTests(SynchronousTestCase):
    """One sentence, with the hop and the remedy."""

    def said(self, reason: BaseException, prefix: str = "--node") -> str:
        """Return the sentence without the hop, which is always there."""
        sentence = explain(Failure(reason), HOP, prefix)
        self.assertTrue(sentence.startswith(f"{HOP}: "), sentence)
        self.assertNotIn("\n", sentence)
        return sentence.removeprefix(f"{HOP}: ")

    def test_before_tls(self) -> None:
        """What may happen before TLS has a remedy each."""
        expected: list[tuple[BaseException, str]] = [
            (error.ConnectionRefusedError(), "is it running?"),
            (error.DNSLookupError(), "check its spelling"),
            (error.NoRouteError(), "check the address"),
            (error.TCPTimedOutError(), "firewall"),
            (error.TimeoutError(), "firewall"),
            (error.ConnectionDone(), "it hung up"),
            (error.ConnectionLost(), "the connection broke"),
            (CancelledError(), "given up"),
            (HandshakeTimeout("late"), "is it a TLS server?"),
        ]
        for reason, words in expected:
            self.assertIn(words, self.said(reason))

    def test_untrusted(self) -> None:
        """For a certificate of an unknown CA the option is named."""
        said = self.said(CertificateRefused("it is not signed", 20), "--server")
        self.assertIn("--server-ca", said)

    def test_dates(self) -> None:
        """For one that has expired the clocks are."""
        self.assertIn("clocks", self.said(CertificateRefused("it has expired", 10)))

    def test_name(self) -> None:
        """For one of another name, the names."""
        self.assertIn("write a name", self.said(CertificateRefused("it is for a")))

    def test_odd_certificate(self) -> None:
        """For any other nothing is promised."""
        self.assertEqual(
            self.said(CertificateRefused("it has a wrong signature", 7)),
            "its certificate is refused: it has a wrong signature",
        )

    def test_alerts(self) -> None:
        """What the other side says of us, in OpenSSL's words of several releases."""
        expected = {
            "tlsv13 alert certificate required": "give --node-cert",
            "tlsv1 alert unknown ca": "let its CA sign --node-cert",
            "sslv3 alert bad certificate": "does not accept our certificate",
            "ssl/tls alert certificate expired": "renew it",
            "sslv3 alert handshake failure": "--node-cert",
            "tlsv1 alert protocol version": "neither TLS 1.2 nor 1.3",
            "wrong version number": "write http://",
            "packet length too long": "write http://",
        }
        for reason, words in expected.items():
            said = self.said(SSL.Error([("SSL routines", "", reason)]))
            self.assertIn(words, said)
            self.assertIn(f"({reason})", said)

    def test_unknown_alert(self) -> None:
        """What nobody thought of is quoted."""
        said = self.said(SSL.Error([("SSL routines", "", "moon phase")]))
        self.assertEqual(said, "TLS failed (moon phase)")
        self.assertEqual(self.said(SSL.Error()), "the TLS connection broke")

    def test_anything(self) -> None:
        """So is every other failure, on one line."""
        self.assertEqual(self.said(ValueError("a\n b")), "a b")
        self.assertEqual(self.said(KeyError()), "KeyError")
        self.assertEqual(self.said(error.ConnectError(5, "odd")), "5")
