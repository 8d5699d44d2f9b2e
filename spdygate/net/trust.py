"""
Whose certificates are believed, and for which names.

OpenSSL builds the chain and checks signatures, dates and purposes;
service-identity compares names (RFC 9525).  A refusal is written down in the
connection's `Handshake` while OpenSSL sends the alert, because afterwards
OpenSSL only says "certificate verify failed".
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity.cryptography import extract_patterns
from service_identity.exceptions import VerificationError
from service_identity.hazmat import (
    DNS_ID,
    CertificatePattern,
    DNSPattern,
    IPAddress_ID,
    IPAddressPattern,
    verify_service_identity,
)

from ..errors import SpdygateError
from .handshakes import Handshake
from .pem import TlsError

#: What OpenSSL may find, by its number (openssl/x509_vfy.h); these and no more
#: have been seen in clusters.
_FAULTS = {
    2: "is not signed by a CA that is trusted here",
    7: "has a wrong signature",
    9: "is not valid yet",
    10: "has expired",
    18: "is signed by itself, and is not trusted here",
    19: "is signed by a root that is not trusted here",
    20: "is not signed by a CA that is trusted here",
    21: "is not signed by a CA that is trusted here",
    26: "is not meant for this use (its extended key usage)",
    66: "has a key that is too weak",
    67: "has a key that is too weak",
    68: "has a signature that is too weak",
    79: "is not the certificate of a CA",
}


class CertificateRefused(SpdygateError):
    """
    We did not accept the peer's certificate.

    :ivar code: OpenSSL's X509_V_ERR number, or 0 when only the name is wrong.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class ServerName:
    """
    The server that a client means to reach.

    :ivar name: a DNS name in ASCII, or an address without brackets.
    """

    name: str
    is_address: bool

    @classmethod
    def parse(cls, text: str) -> ServerName:
        """Tell a name from an address."""
        bare = text.removeprefix("[").removesuffix("]")
        try:
            return cls(str(ipaddress.ip_address(bare)), True)
        except ValueError:
            pass
        try:
            name = text.removesuffix(".").encode("idna").decode("ascii").lower()
            DNS_ID(name)
        except ValueError as error:
            raise TlsError(
                f"{text!r} is neither a DNS name nor an IP address, "
                "so no certificate can be for it"
            ) from error
        return cls(name, False)

    def judge(self, certificate: x509.Certificate) -> CertificateRefused | None:
        """Say what is wrong with the names of a certificate, if anything."""
        service = IPAddress_ID(self.name) if self.is_address else DNS_ID(self.name)
        names = ""
        try:
            patterns = extract_patterns(certificate)
            names = ", ".join(filter(None, map(_spell, patterns)))
            verify_service_identity(patterns, [service], [])
        except VerificationError:
            return CertificateRefused(
                f"it is for {names or 'no host at all'}, and not for {self.name}"
            )
        except Exception as error:  # noqa: BLE001
            # A stranger wrote the certificate: what cannot be read is refused,
            # whatever it is that cannot be read.
            return CertificateRefused(f"it is not for {self.name}: {error}")
        return None


def _spell(pattern: CertificatePattern) -> str | None:
    """Write a name of a certificate for a person; None if it names no host."""
    if isinstance(pattern, DNSPattern):
        return pattern.pattern.decode("ascii", "replace")
    if isinstance(pattern, IPAddressPattern):
        return str(pattern.pattern)
    return None


def trust(context: SSL.Context, certificates: list[x509.Certificate]) -> None:
    """Trust these certificates and whatever they signed."""
    store = context.get_cert_store()
    assert store is not None
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    for certificate in certificates:
        store.add_cert(crypto.X509.from_cryptography(certificate))


def demand_certificate(context: SSL.Context) -> None:
    """Demand a certificate of the peer, and write down why one is refused."""
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _confirm)


def _confirm(
    connection: SSL.Connection, certificate: crypto.X509, code: int, depth: int, ok: int
) -> bool:
    """
    Confirm what OpenSSL thinks of one certificate of a chain, or refuse it.

    :param code: OpenSSL's X509_V_ERR number.
    :param depth: 0 for the peer's own certificate, which comes last.
    """
    handshake = connection.get_app_data().wrappedProtocol
    if not isinstance(handshake, Handshake):
        return False  # a renegotiation, which our options forbid
    if not ok:
        whose = "it" if depth == 0 else "the certificate that signed it"
        fault = _FAULTS.get(code, f"is refused by OpenSSL (X509_V_ERR {code})")
        handshake.refusal = CertificateRefused(f"{whose} {fault}", code)
    elif depth == 0 and handshake.judge is not None:
        handshake.refusal = handshake.judge(certificate.to_cryptography())
        if handshake.refusal is None:
            handshake.judge = None
    return handshake.refusal is None
