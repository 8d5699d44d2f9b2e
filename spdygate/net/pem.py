"""
Certificates and keys, read from the files that the command line names.

Everything here runs before the first connection, for a person who waits at a
terminal.  So whatever is wrong becomes one `TlsError`, and its message names
the option, the file, and what to do about it.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.logger import Logger

from ..errors import SpdygateError

_log = Logger()

_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL
)
_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")
#: PKCS #8 says it in the first line (RFC 7468, section 11), the older formats
#: of OpenSSL in a header (RFC 1421, section 4.6.1.1).
_ENCRYPTED = re.compile(rb"BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED")


class TlsError(SpdygateError):
    """The operator's TLS options cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Pem:
    """
    What would be in a file, but came in another way.

    :ivar origin: what it is called in messages, in place of option and file.
    """

    origin: str
    data: bytes = field(repr=False)


#: A file by its name, or what would be in it.
Source = str | Pem


@dataclass(frozen=True)
class Identity:
    """
    What one side shows and proves in a handshake.

    :ivar certificate: its own certificate.
    :ivar chain: the intermediate certificates that lead to a root.
    :ivar key: the private key of the certificate.
    """

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: Any  # one of cryptography's private keys


def read_certificates(option: str, source: Source) -> list[x509.Certificate]:
    """
    Read every certificate of a PEM file, in the file's order.

    One that has expired is logged and kept: clocks are wrong more often than
    certificates, and the peer has the last word.

    :param option: the option that named the file, for the message.
    :raises TlsError: the file cannot be read, or is not what it should be.
    """
    data, where = _read(option, source)
    blocks = _CERTIFICATE.findall(data)
    if not blocks:
        raise TlsError(f"{where}: {_what_instead_of_certificates(data)}")
    found = [
        _load_certificate(where, number, block)
        for number, block in enumerate(blocks, 1)
    ]
    now = datetime.datetime.now(datetime.UTC)
    for certificate in found:
        if certificate.not_valid_after_utc < now:
            _log.warn(
                "{where}: the certificate of {name} has expired",
                where=where,
                name=common_name(certificate) or "(no name)",
            )
    return found


def read_key(option: str, source: Source) -> Any:
    """
    Read the private key of a PEM file.

    :param option: the option that named the file, for the message.
    :raises TlsError: the file cannot be read, or is not what it should be.
    """
    data, where = _read(option, source)
    if _ENCRYPTED.search(data):
        file = source if isinstance(source, str) else "encrypted.key"
        raise TlsError(
            f"{where}: the key is encrypted; "
            f"write it in the clear with: openssl pkey -in {file} -out clear.key"
        )
    if not _KEY.search(data):
        raise TlsError(f"{where}: there is no private key in PEM form in this file")
    try:
        return load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise TlsError(
            f"{where}: the private key is damaged or of an unknown kind"
        ) from error


def read_identity(
    cert_option: str, cert_file: Source, key_option: str, key_file: Source
) -> Identity:
    """
    Read a certificate with its chain, and the key that belongs to it.

    :param cert_option: the option that named the certificate.
    :param key_option: the option that named the key.
    :raises TlsError: one cannot be used, or they do not belong together.
    """
    certificate, *chain = read_certificates(cert_option, cert_file)
    key = read_key(key_option, key_file)
    if certificate.public_key() != key.public_key():
        raise TlsError(
            f"{_where(key_option, key_file)}: this key does not belong to the first "
            f"certificate of {_where(cert_option, cert_file)} (put the server's or "
            "the client's own certificate first, the intermediate ones after it)"
        )
    context = SSL.Context(SSL.TLS_METHOD)
    try:
        context.use_certificate(certificate)
        context.use_privatekey(key)
    except (SSL.Error, TypeError) as error:
        raise TlsError(
            f"{_where(cert_option, cert_file)}: OpenSSL does not accept the certificate "
            f"or its key ({openssl_reason(error)})"
        ) from error
    return Identity(certificate, tuple(chain), key)


def common_name(certificate: x509.Certificate) -> str | None:
    """
    Return the common name of a certificate's subject.

    :returns: None when it has none, or several: a name that two programs may
        read differently is no name.
    """
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1 or not isinstance(names[0].value, str):
        return None
    return names[0].value


def openssl_reason(error: BaseException) -> str:
    """Return what OpenSSL said last, in its own words; empty if it said nothing."""
    queue = error.args[0] if error.args else ()
    if isinstance(queue, (list, tuple)) and queue and len(queue[-1]) == 3:
        return str(queue[-1][2])
    return str(queue or "")


def _where(option: str, source: Source) -> str:
    """Say for a message which file is meant."""
    return f"{option}: {source}" if isinstance(source, str) else source.origin


def _read(option: str, source: Source) -> tuple[bytes, str]:
    """Read a file, or say why it cannot be; return also what it is called."""
    where = _where(option, source)
    if not isinstance(source, str):
        return source.data, where
    try:
        return Path(source).read_bytes(), where
    except FileNotFoundError as error:
        raise TlsError(f"{where}: there is no such file") from error
    except PermissionError as error:
        raise TlsError(f"{where}: this user may not read it") from error
    except (OSError, ValueError) as error:
        raise TlsError(f"{where}: it cannot be read ({error})") from error


def _load_certificate(where: str, number: int, block: bytes) -> x509.Certificate:
    """Read one PEM block."""
    try:
        return x509.load_pem_x509_certificate(block)
    except ValueError as error:
        raise TlsError(
            f"{where}: certificate number {number} in this file is damaged"
        ) from error


def _what_instead_of_certificates(data: bytes) -> str:
    """Say what a file without certificates seems to be."""
    if _KEY.search(data) or _ENCRYPTED.search(data):
        return "this is a private key, and a certificate is wanted"
    if data[:1] == b"\x30":  # an ASN.1 SEQUENCE: the binary form
        return (
            "this is not PEM but looks like DER; convert it with: "
            "openssl x509 -inform der -in FILE -out FILE.pem"
        )
    return "there is no certificate in PEM form in this file"
