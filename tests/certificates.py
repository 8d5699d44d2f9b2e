"""
A certificate authority for tests: everything is made at once, in memory.

Keys are ECDSA over P-256, which take a millisecond; RSA, which old clients and
servers use, takes long and is made once for the whole process.
"""

from __future__ import annotations

import datetime
import functools
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@functools.cache
def rsa_key() -> rsa.RSAPrivateKey:
    """Return the one RSA-2048 key of this process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class Signed:
    """
    A certificate, its key, and what leads to its root.

    :ivar chain: the intermediate certificates, the nearest first.
    """

    certificate: x509.Certificate
    key: Key
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def cert_pem(self) -> bytes:
        """Return the certificate and its chain in PEM."""
        return b"".join(
            each.public_bytes(serialization.Encoding.PEM)
            for each in (self.certificate, *self.chain)
        )

    @property
    def key_pem(self) -> bytes:
        """Return the key in PEM (PKCS #8)."""
        return self.encode_key(serialization.NoEncryption())

    def encode_key(self, encryption: serialization.KeySerializationEncryption) -> bytes:
        """Return the key in PEM (PKCS #8), encrypted or not."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )

    def write(self, directory: str | Path, name: str) -> tuple[str, str]:
        """
        Write ``name.crt`` and ``name.key``.

        :returns: both paths.
        """
        cert, key = Path(directory, f"{name}.crt"), Path(directory, f"{name}.key")
        cert.write_bytes(self.cert_pem)
        key.write_bytes(self.key_pem)
        return str(cert), str(key)


class Authority:
    """
    Somebody who signs.

    :ivar own: its own certificate and key.
    """

    own: Signed
    _path: tuple[x509.Certificate, ...]

    def __init__(self, name: str = "Test CA", parent: Authority | None = None) -> None:
        """
        Make a root, or an intermediate CA if there is a parent.

        :param name: the common name.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        issuer = subject if parent is None else parent.own.certificate.subject
        by = key if parent is None else parent.own.key
        certificate = (
            _begin(subject, issuer, key)
            .add_extension(x509.BasicConstraints(True, None), True)
            .sign(by, hashes.SHA256())
        )
        self.own = Signed(certificate, key)
        self._path = () if parent is None else (certificate, *parent._path)

    @property
    def pem(self) -> bytes:
        """Return the CA's own certificate in PEM."""
        return self.own.certificate.public_bytes(serialization.Encoding.PEM)

    def write(self, directory: str | Path, name: str = "ca.crt") -> str:
        """Write the CA's own certificate; return the path."""
        path = Path(directory, name)
        path.write_bytes(self.pem)
        return str(path)

    def issue(
        self,
        name: str = "localhost",
        hosts: tuple[str, ...] = (),
        *,
        key: Key | None = None,
        usage: x509.ObjectIdentifier | None = None,
        days: int = 1,
    ) -> Signed:
        """
        Sign a certificate.

        :param name: the common name of its subject.
        :param hosts: DNS names and addresses for its subjectAltName; with none
            there is no such extension.
        :param usage: its one extended key usage, if any.
        :param days: for how long it is valid from now on; negative: it has
            expired so long ago.
        """
        key = ec.generate_private_key(ec.SECP256R1()) if key is None else key
        builder = _begin(_name(name), self.own.certificate.subject, key, days)
        if hosts:
            names = x509.SubjectAlternativeName([_general(host) for host in hosts])
            builder = builder.add_extension(names, False)
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
        signed = builder.sign(self.own.key, hashes.SHA256())
        return Signed(signed, key, self._path)

    def server(self, *hosts: str, key: Key | None = None) -> Signed:
        """Sign a certificate for a server at *hosts*."""
        return self.issue(
            hosts[0], hosts, key=key, usage=ExtendedKeyUsageOID.SERVER_AUTH
        )

    def client(self, name: str) -> Signed:
        """Sign a certificate for a client called *name*."""
        return self.issue(name, usage=ExtendedKeyUsageOID.CLIENT_AUTH)


def _name(common: str) -> x509.Name:
    """Write a common name as a distinguished one."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _begin(
    subject: x509.Name, issuer: x509.Name, key: Key, days: int = 1
) -> x509.CertificateBuilder:
    """Begin a certificate for a subject and its key."""
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day + min(days, 0) * day)
        .not_valid_after(now + days * day)
    )


def _general(host: str) -> x509.GeneralName:
    """Write a host for a subjectAltName."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
