"""Tests for :mod:`spdygate.net.pem`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
)
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.logger import LogEvent, capturedLogs
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from spdygate.net.pem import (
    Pem,
    TlsError,
    common_name,
    openssl_reason,
    read_certificates,
    read_identity,
    read_key,
)
from tests.certificates import Authority


class ReadingTests(SynchronousTestCase):
    """Files that can be used, and what is said of those that cannot."""

    def setUp(self) -> None:
        """Make a folder and an authority."""
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.ca = Authority()
        self.cert, self.key = self.ca.server("node1").write(self.folder, "node1")

    def file(self, data: bytes) -> str:
        """Write a file."""
        path = self.folder / "file"
        path.write_bytes(data)
        return str(path)

    def wrong_certificates(self, path: str) -> str:
        """Return what is said of a file without certificates."""
        error = self.assertRaises(TlsError, read_certificates, "--node-ca", path)
        self.assertTrue(str(error).startswith(f"--node-ca: {path}: "), error)
        return str(error)

    def wrong_key(self, path: str) -> str:
        """Return what is said of a file without a key."""
        error = self.assertRaises(TlsError, read_key, "--tls-key", path)
        self.assertTrue(str(error).startswith(f"--tls-key: {path}: "), error)
        return str(error)

    def test_identity(self) -> None:
        """Certificate, chain and key are told apart; the order is kept."""
        middle = Authority("Middle", Authority("Upper", self.ca))
        files = middle.server("node2").write(self.folder, "node2")
        identity = read_identity("--tls-cert", files[0], "--tls-key", files[1])
        self.assertEqual(common_name(identity.certificate), "node2")
        self.assertEqual([*map(common_name, identity.chain)], ["Middle", "Upper"])

    def test_one_file_for_both(self) -> None:
        """Certificate and key may share a file."""
        both = self.file(Path(self.key).read_bytes() + Path(self.cert).read_bytes())
        identity = read_identity("--tls-cert", both, "--tls-key", both)
        self.assertEqual(common_name(identity.certificate), "node1")

    def test_missing(self) -> None:
        """A file that is not there is named with its option."""
        missing = str(self.folder / "missing")
        self.assertIn("there is no such file", self.wrong_certificates(missing))
        self.assertIn("there is no such file", self.wrong_key(missing))

    def test_forbidden(self) -> None:
        """So is one that may not be read."""
        if os.geteuid() == 0:
            raise SkipTest("root may read everything")
        path = self.file(b"")
        os.chmod(path, 0)
        self.assertIn("this user may not read it", self.wrong_key(path))

    def test_folder(self) -> None:
        """So is a folder."""
        self.assertIn("it cannot be read", self.wrong_key(str(self.folder)))

    def test_no_certificate(self) -> None:
        """Text without a certificate is no certificate."""
        said = self.wrong_certificates(self.file(b"hello\n"))
        self.assertIn("no certificate in PEM form", said)

    def test_binary_certificate(self) -> None:
        """A certificate in DER is recognised, and how to convert it is told."""
        signed = self.ca.server("node1")
        said = self.wrong_certificates(
            self.file(signed.certificate.public_bytes(Encoding.DER))
        )
        self.assertIn("openssl x509 -inform der", said)

    def test_key_for_certificate(self) -> None:
        """Files that were exchanged are recognised."""
        self.assertIn("this is a private key", self.wrong_certificates(self.key))
        self.assertIn("there is no private key", self.wrong_key(self.cert))

    def test_damaged_certificate(self) -> None:
        """Of several certificates the damaged one is counted out."""
        damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        said = self.wrong_certificates(self.file(self.ca.pem + damaged))
        self.assertIn("certificate number 2 in this file is damaged", said)

    def test_damaged_key(self) -> None:
        """A key that makes no sense is damaged."""
        damaged = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
        said = self.wrong_key(self.file(damaged))
        self.assertIn("damaged or of an unknown kind", said)

    def test_encrypted_key(self) -> None:
        """An encrypted key is not asked for its pass phrase but refused."""
        signed = self.ca.server("node1")
        path = self.file(signed.encode_key(BestAvailableEncryption(b"secret")))
        said = self.wrong_key(path)
        self.assertIn(f"openssl pkey -in {path}", said)

    def test_from_elsewhere(self) -> None:
        """What came in another way than by file is used, and blamed by its name."""
        cert = Pem("config: certificate", Path(self.cert).read_bytes())
        key = Pem("config: key", Path(self.key).read_bytes())
        identity = read_identity("--x-cert", cert, "--x-key", key)
        self.assertEqual(common_name(identity.certificate), "node1")
        error = self.assertRaises(TlsError, read_certificates, "--x", Pem("here", b""))
        self.assertEqual(
            str(error), "here: there is no certificate in PEM form in this file"
        )
        self.assertNotIn("PRIVATE", repr(key))

    def test_others_key(self) -> None:
        """A key that belongs to another certificate names both options."""
        other = self.ca.server("node2").write(self.folder, "node2")[1]
        with self.assertRaisesRegex(TlsError, "--tls-key: .*--tls-cert"):
            read_identity("--tls-cert", self.cert, "--tls-key", other)

    def logged(self, days: int) -> Sequence[LogEvent]:
        """Return what is logged when a certificate of some days is read."""
        path = self.file(self.ca.issue("node1", days=days).cert_pem)
        with capturedLogs() as events:
            self.assertEqual(len(read_certificates("--tls-cert", path)), 1)
        return events

    def test_expired(self) -> None:
        """An expired certificate is used all the same, with a warning."""
        [event] = self.logged(days=-2)
        self.assertEqual(event["name"], "node1")
        self.assertTrue(event["where"].startswith("--tls-cert: /"), event["where"])
        self.assertEqual(len(self.logged(days=2)), 0)


class CommonNameTests(SynchronousTestCase):
    """Whom a certificate names."""

    def name(self, *names: str) -> str | None:
        """Return the common name of a certificate with several."""
        signed = Authority().issue("unused")
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n) for n in names])
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        request = builder.sign(signed.key, hashes.SHA256())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(subject)
            .public_key(signed.key.public_key())
            .serial_number(1)
            .not_valid_before(signed.certificate.not_valid_before_utc)
            .not_valid_after(signed.certificate.not_valid_after_utc)
            .sign(signed.key, hashes.SHA256())
        )
        return common_name(certificate)

    def test_one(self) -> None:
        """One name is the name, in any script."""
        self.assertEqual(self.name("gateway"), "gateway")
        self.assertEqual(self.name("schlüssel"), "schlüssel")

    def test_none_or_many(self) -> None:
        """None is none; of two, each reader could take another."""
        self.assertIsNone(self.name())
        self.assertIsNone(self.name("gateway", "admin"))


class ReasonTests(SynchronousTestCase):
    """OpenSSL's own words."""

    def test_last(self) -> None:
        """The last entry of the queue is the one that matters."""
        queue = [("a", "", "first"), ("SSL routines", "", "certificate verify failed")]
        self.assertEqual(openssl_reason(SSL.Error(queue)), "certificate verify failed")

    def test_silence(self) -> None:
        """OpenSSL may have nothing to say, or say it otherwise."""
        self.assertEqual(openssl_reason(SSL.Error()), "")
        self.assertEqual(openssl_reason(SSL.Error([])), "")
        self.assertEqual(openssl_reason(SSL.SysCallError(-1, "EOF")), "-1")
