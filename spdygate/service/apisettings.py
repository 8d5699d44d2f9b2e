"""
Where the API server is, and who we are to it: three ways to say it.

``--api-server`` with files, a context of the one kubeconfig that
``--kubeconfig`` names, or the account of the pod that we run in, by
``--in-cluster``.  Nothing is taken from anywhere else: a laptop must not stand
before a production cluster because a file lies in its home.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IStreamClientEndpoint

from ..net.apiserver import ApiServer, no_credential
from ..net.pem import Source
from ..net.reaching import client_endpoint
from ..net.tls import ClientTls
from ..net.tokenfile import TokenFile, bearer, check_token
from ..wire.upgrade import Fields
from .kubeconfig import read_kubeconfig, read_pem
from .settings import HttpUrl, SettingError, in_url, read_url

#: Where a pod finds the account it runs as (k8s.io/client-go, rest/config.go:
#: ``InClusterConfig``).
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

#: What our own requests and those that are passed on are spoken in.
_HTTP1 = (b"http/1.1",)

_PORTS = {"https": 443, "http": 80}

_PATH = re.compile(r"(/(?!\.\.?(/|$))[0-9A-Za-z._~-]+)*")

_WANTED = "write https://HOST, https://HOST:PORT or https://HOST/PREFIX"


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """
    How the API server is reached.

    :ivar tls: with our certificate, if we have one; None over ``http``.
    :ivar plain_tls: without any.
    :ivar credential: returns the headers that prove who we are.
    """

    url: HttpUrl
    tls: ClientTls | None
    plain_tls: ClientTls | None
    credential: Callable[[], Fields] = no_credential

    @property
    def near(self) -> bool:
        """Return whether the API server is on this machine."""
        return _is_near(self.url.host)

    @property
    def authority(self) -> str:
        """Return host and port as ``Host`` has them."""
        host = in_url(self.url.host)
        usual = self.url.port in (0, _PORTS[self.url.scheme])
        return host if usual else f"{host}:{self.url.port}"

    def connect(self, reactor: Any) -> ApiServer:
        """Return the API server, to be dialled when it is needed."""
        scheme, host = self.url.scheme, self.url.host
        port = self.url.port or _PORTS[scheme]
        endpoint: IStreamClientEndpoint
        plain: IStreamClientEndpoint
        endpoint = plain = client_endpoint(reactor, host, port)
        if self.tls is not None and self.plain_tls is not None:
            endpoint = self.tls.wrap_client(endpoint, host, reactor)
            plain = self.plain_tls.wrap_client(plain, host, reactor)
        return ApiServer(
            f"{scheme}://{self.authority}{self.url.path}",
            self.authority,
            scheme,
            self.url.path,
            endpoint,
            plain,
            self.credential,
        )


@dataclass(frozen=True, slots=True)
class ApiFiles:
    """
    What belongs to ``--api-server``.

    :ivar token: the name of the file with the bearer token.
    """

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    token: str | None = None


def api_server(url: str, files: ApiFiles) -> ApiSettings:
    """
    Understand ``--api-server`` and its files.

    :raises SpdygateError: one cannot be used.
    """
    said = f"--api-server {url}"
    parts = _read_api_url(said, url)
    credential = no_credential
    if files.token is not None:
        _check_secret(said, parts, f"the token of --api-token-file {files.token}")
        credential = TokenFile("--api-token-file", files.token).fields
    given = {"ca": files.ca, "cert": files.cert, "key": files.key}
    for option, file in given.items():
        if file is not None and parts.scheme != "https":
            raise SettingError(
                f"--api-{option} {file}: the API server is not reached by TLS; "
                f"write --api-server https://, or leave --api-{option} out"
            )
    return _settings(parts, credential, files.ca, files.cert, files.key)


def from_kubeconfig(path: str, context: str | None) -> ApiSettings:
    """
    Understand ``--kubeconfig``.

    :raises SpdygateError: the file, or one that it names, cannot be used.
    """
    found = read_kubeconfig(path, context)
    parts = _read_api_url(found.where, found.server)
    credential = no_credential
    if found.token or found.token_file:
        _check_secret(found.where, parts, "the user's token")
    if found.token_file:
        credential = TokenFile(
            f"--kubeconfig {path}: tokenFile", found.token_file
        ).fields
    elif found.token:
        token = check_token(f"--kubeconfig {path}: token", found.token.encode())
        credential = _always(bearer(token))
    return _settings(
        parts,
        credential,
        found.authorities,
        found.certificate,
        found.key,
        found.server_name,
    )


def in_cluster(environment: Mapping[str, str], folder: Path = ACCOUNT) -> ApiSettings:
    """
    Understand ``--in-cluster``.

    :param environment: of the process; Kubernetes puts the address there.
    :param folder: where the account's files are.
    :raises SpdygateError: this is no pod, or one without an account.
    """
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port:
        raise SettingError(
            "--in-cluster: this is no pod of a cluster, as KUBERNETES_SERVICE_HOST and "
            "KUBERNETES_SERVICE_PORT are not set; give --api-server or --kubeconfig"
        )
    bare = host.removeprefix("[").removesuffix("]")
    parts = _read_api_url("--in-cluster", f"https://{in_url(bare)}:{port}")
    authorities = read_pem("--in-cluster:", str(folder / "ca.crt"))
    token = TokenFile("--in-cluster:", str(folder / "token"))
    return _settings(parts, token.fields, authorities)


def _settings(
    url: HttpUrl,
    credential: Callable[[], Fields],
    ca: Source | None,
    cert: Source | None = None,
    key: Source | None = None,
    server_name: str | None = None,
) -> ApiSettings:
    """Read the files for TLS, once with our certificate and once without."""
    if url.scheme != "https":
        return ApiSettings(url, None, None, credential)
    tls = ClientTls(ca, cert, key, server_name, _HTTP1, "--api")
    plain = ClientTls(ca, None, None, server_name, _HTTP1, "--api") if cert else tls
    return ApiSettings(url, tls, plain, credential)


def _read_api_url(said: str, url: str) -> HttpUrl:
    """Take the API server's URL apart."""
    parts = read_url(said, url, _WANTED)
    if not _PATH.fullmatch(parts.path):
        raise SettingError(f"{said}: {parts.path!r} is no prefix of paths; {_WANTED}")
    return parts


def _check_secret(said: str, url: HttpUrl, what: str) -> None:
    """Refuse to show a secret to everybody on the way."""
    if url.scheme != "https" and not _is_near(url.host):
        raise SettingError(
            f"{said}: {what} would be sent in the clear; write https://, "
            "or leave the token out"
        )


def _is_near(host: str) -> bool:
    """Say whether a host is this machine, going by its name alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().removesuffix(".") == "localhost"


def _always(fields: Fields) -> Callable[[], Fields]:
    """Return a function that returns *fields*."""
    return lambda: fields
