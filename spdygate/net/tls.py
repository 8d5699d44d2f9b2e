"""
TLS for whoever listens and whoever dials: who must prove what, in which terms.

The rules, and what each is for:

1. ALPN never fails a handshake.  We choose the first of our protocols that the
   client offers; nothing in common, or nothing offered, is no ALPN, which
   means HTTP/1.1.  (Twisted's own contexts fail where nothing is in common.)
2. TLS 1.2 with ECDHE over P-256 and AES128-GCM stays possible at the default
   minimum: it is the best that clients of 2015 know.  Nothing without forward
   secrecy or authenticated encryption is.
3. Every certificate of a CA file is trusted as it is, intermediate or root, as
   Go does it: kubeconfigs hold such files.
4. A client believes a certificate only for the name it dialled.

Connections are made here and not by ``optionsForClientTLS``, which accepts a
certificate without any subjectAltName for every name (Twisted 26.10 with
service-identity 24.1 and later: the ``CertificateError`` is logged, and the
handshake goes on), and which loses the reason for which a chain was refused.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import (
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)

from .handshakes import HANDSHAKE_LIMIT, Handshake
from .pem import (
    Identity,
    Source,
    TlsError,
    common_name,
    read_certificates,
    read_identity,
)
from .trust import ServerName, demand_certificate, trust
from .wrapping import TlsEndpoint, wrap_server

__all__ = ["HTTP", "ClientTls", "ServerTls", "TlsError", "alpn", "peer_name"]

#: What a server of HTTP offers, the better first.
HTTP = (b"h2", b"http/1.1")

#: For TLS 1.2 (RFC 9113, section 9.2.2, and appendix A).  The suites of TLS 1.3
#: are all good.
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"

#: SSL_MODE_ENABLE_PARTIAL_WRITE (openssl/ssl.h), which pyOpenSSL sets.
_PARTIAL_WRITE = 1

_MINIMUMS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}


class ServerTls:
    """
    TLS for listeners.

    :ivar asks_for_certificates: whether every client must prove who it is.
    """

    def __init__(
        self,
        cert_file: str,
        key_file: str,
        client_ca_file: str | None = None,
        minimum: str = "1.2",
        protocols: tuple[bytes, ...] = HTTP,
    ) -> None:
        """
        Read the files.

        :param cert_file: the server's certificate, then intermediate ones.
        :param client_ca_file: who signs clients; None asks for no certificate.
        :param minimum: "1.2" or "1.3".
        :param protocols: the ALPN names to offer, the best first.
        :raises TlsError: a file or a word cannot be used.
        """
        if minimum not in _MINIMUMS:
            raise TlsError(f"--tls-min: write 1.2 or 1.3, not {minimum!r}")
        identity = read_identity("--tls-cert", cert_file, "--tls-key", key_file)
        self._protocols = protocols
        self.asks_for_certificates = client_ca_file is not None
        context = _new_context(identity, _MINIMUMS[minimum])
        if client_ca_file is not None:
            trust(context, read_certificates("--client-ca", client_ca_file))
            demand_certificate(context)
        if protocols:
            context.set_alpn_select_callback(self._choose)
        self._context = _finished(context)

    def wrap_server(
        self,
        factory: IProtocolFactory,
        clock: IReactorTime,
        limit: float = HANDSHAKE_LIMIT,
    ) -> IProtocolFactory:
        """
        Put TLS before the protocols of a factory; they begin handshaken.

        :param limit: seconds a handshake may take.
        """
        return wrap_server(self._connection, factory, clock, limit)

    def _connection(
        self, handshake: Handshake, handle: socket.socket | None
    ) -> SSL.Connection:
        """Make the OpenSSL object for one connection."""
        return SSL.Connection(self._context, handle)

    def _choose(self, connection: SSL.Connection, offered: list[bytes]) -> Any:
        """Choose the first of ours that the client offers, or none at all."""
        for protocol in self._protocols:
            if protocol in offered:
                return protocol
        return SSL.NO_OVERLAPPING_PROTOCOLS


class ClientTls:
    """TLS for dialling: whom to believe, and who we are."""

    def __init__(
        self,
        ca_file: Source | None = None,
        cert_file: Source | None = None,
        key_file: Source | None = None,
        server_name: str | None = None,
        protocols: tuple[bytes, ...] = HTTP,
        prefix: str = "--node",
    ) -> None:
        """
        Read the files.

        :param ca_file: who signs servers; None for those the platform trusts.
        :param cert_file: our own certificate, then intermediate ones, if the
            server asks for one.
        :param server_name: the name to expect instead of the one that is dialled.
        :param protocols: the ALPN names to offer, the best first.
        :param prefix: what the options that name the files begin with.
        :raises TlsError: a file cannot be used, or one of a pair is missing.
        """
        self._server_name = server_name
        self._protocols = protocols
        identity = _client_identity(prefix, cert_file, key_file)
        context = _new_context(identity, SSL.TLS1_2_VERSION)
        if ca_file is None:
            context.set_default_verify_paths()
        else:
            trust(context, read_certificates(f"{prefix}-ca", ca_file))
        demand_certificate(context)
        self._context = _finished(context)

    def wrap_client(
        self,
        endpoint: IStreamClientEndpoint,
        hostname: str,
        clock: IReactorTime,
        protocols: tuple[bytes, ...] | None = None,
        limit: float = HANDSHAKE_LIMIT,
    ) -> IStreamClientEndpoint:
        """
        Put TLS over an endpoint, whose ``connect`` then fires handshaken.

        :param hostname: the DNS name, IPv4 or IPv6 address that was dialled.
        :param protocols: the ALPN names to offer this time.
        :param limit: seconds the handshake may take, after the connect.
        :raises TlsError: no certificate could be for such a name.
        """
        wanted = ServerName.parse(self._server_name or hostname)
        connections = _ClientConnections(
            self._context,
            wanted,
            self._protocols if protocols is None else protocols,
        )
        return TlsEndpoint(connections.make, endpoint, clock, limit)


class _ClientConnections:
    """Make a client's connections to one server."""

    def __init__(
        self, context: SSL.Context, server: ServerName, protocols: tuple[bytes, ...]
    ) -> None:
        self._context = context
        self._server = server
        self._protocols = protocols

    def make(
        self, handshake: Handshake, handle: socket.socket | None
    ) -> SSL.Connection:
        """Make the OpenSSL object for one connection."""
        handshake.judge = self._server.judge
        connection = SSL.Connection(self._context, handle)
        if self._protocols:
            connection.set_alpn_protos(list(self._protocols))
        if not self._server.is_address:  # RFC 6066, section 3: names only
            connection.set_tlsext_host_name(self._server.name.encode("ascii"))
        return connection


def alpn(transport: object) -> bytes | None:
    """Return the protocol that ALPN agreed on; None without ALPN or TLS."""
    name = getattr(transport, "negotiatedProtocol", None)
    return name if isinstance(name, bytes) else None


def peer_name(transport: object) -> str | None:
    """
    Return the common name of the peer's certificate, which was verified.

    :returns: None without TLS, certificate, or one clear name.
    """
    ask = getattr(transport, "getPeerCertificate", None)
    certificate = None if ask is None else ask()
    if not isinstance(certificate, crypto.X509):
        return None
    return common_name(certificate.to_cryptography())


def _client_identity(
    prefix: str, cert_file: Source | None, key_file: Source | None
) -> Identity | None:
    """Read a client's certificate and key, which come together or not at all."""
    cert_option, key_option = f"{prefix}-cert", f"{prefix}-key"
    if cert_file is None and key_file is None:
        return None
    if cert_file is None:
        raise TlsError(f"{key_option}: give {cert_option} too")
    if key_file is None:
        raise TlsError(f"{cert_option}: give {key_option} too")
    return read_identity(cert_option, cert_file, key_option, key_file)


def _new_context(identity: Identity | None, minimum: int) -> SSL.Context:
    """Make a context in our terms, for either side."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(minimum)
    # Tickets are of no use to clients that live for one session, and the key
    # they are sealed with would outlive the sessions' own.
    context.set_options(
        SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET
    )
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # OpenSSL demands one of every server that asks for certificates.
    context.set_session_id(os.urandom(16))
    # An idle session then keeps no 32 KiB of buffers.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # A write then goes on to the next record by itself.
    context.clear_mode(_PARTIAL_WRITE)
    if identity is not None:
        context.use_certificate(identity.certificate)
        for certificate in identity.chain:
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(identity.key)
    return context


def _finished(context: SSL.Context) -> SSL.Context:
    """Set the ciphers: the last step, after which pyOpenSSL wants no other."""
    context.set_cipher_list(_CIPHERS)
    return context
