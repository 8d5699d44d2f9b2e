"""
One context of a kubeconfig file, read by our own small reader.

Only the file that ``--kubeconfig`` names is read: nothing in anybody's home,
and nothing that ``$KUBECONFIG`` names.  What cannot be done here is refused
with what to do instead, never passed over: a gateway that leaves out half of
what a file says is a gateway that asks as somebody else.

File names in it are relative to the file itself, and inline data comes before
them (k8s.io/client-go, tools/clientcmd/api/v1/types.go).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..net.pem import Pem
from .settings import SettingError

#: Bytes of a kubeconfig, and of a PEM file that it names.  Those with a dozen
#: clusters in them have some 100 KiB.
LARGEST = 1024 * 1024

_TOKEN_INSTEAD = "write a bearer token into a file, and give --api-server URL"

#: What a user entry may say that we do not do, and what to do instead.
_USER_REFUSED = {
    "exec": f"programs are not run here: {_TOKEN_INSTEAD} and --api-token-file FILE",
    "auth-provider": (
        f"auth providers are not known here: {_TOKEN_INSTEAD} and --api-token-file FILE"
    ),
    "username": (
        f"no cluster takes passwords since 1.19: {_TOKEN_INSTEAD} and "
        "--api-token-file FILE"
    ),
    "as": "nobody is impersonated here: name a user that has the rights itself",
}

_CLUSTER_REFUSED = {
    "insecure-skip-tls-verify": (
        "whoever answers would get our credential: leave it out, and write "
        "certificate-authority or, if the name is wrong, tls-server-name"
    ),
    "proxy-url": "proxies are not used here: name a server that is reached directly",
}

#: A part of the file.
Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KubeConfig:
    """
    What one context says.

    :ivar where: the file and the cluster, for messages.
    :ivar server: the URL, as it was written.
    :ivar server_name: whom to expect there, if not the host of the URL.
    :ivar token_file: comes before *token*, as it may be newer.
    """

    where: str
    server: str
    server_name: str | None = None
    authorities: Pem | None = None
    certificate: Pem | None = None
    key: Pem | None = None
    token: str = field(default="", repr=False)
    token_file: str = ""


def read_kubeconfig(path: str, context: str | None) -> KubeConfig:
    """
    Read one context of a file.

    :param context: its name; None for the one that the file calls current.
    :raises SettingError: it cannot be read, or says what is not done here.
    """
    said = f"--kubeconfig {path}"
    document = _load(said, path)
    name = context if context is not None else _text(said, document, "current-context")
    if not name:
        raise SettingError(
            f"{said}: it has no current-context: give --context with one of "
            f"{_names(document, 'contexts')}"
        )
    chosen = _entry(said, document, "context", name)
    cluster_name = _text(f'{said}: context "{name}"', chosen, "cluster")
    user_name = _text(f'{said}: context "{name}"', chosen, "user")
    cluster = _entry(said, document, "cluster", cluster_name)
    user = _entry(said, document, "user", user_name) if user_name else {}
    files = _Files(
        Path(path).parent,
        f'{said}: cluster "{cluster_name}"',
        f'{said}: user "{user_name}"',
    )
    return _understand(files, cluster, user)


@dataclass(frozen=True, slots=True)
class _Files:
    """Where files are, and what the entries that name them are called."""

    folder: Path
    cluster: str
    user: str

    def path(self, name: str) -> str:
        """Return where a file is."""
        return str(self.folder / name)

    def pem(self, where: str, part: Part, name: str) -> Pem | None:
        """Return what an entry has in itself, or in a file, if in either."""
        data = _text(where, part, f"{name}-data")
        if data:
            return Pem(f"{where}: {name}-data", _decoded(where, name, data))
        file = _text(where, part, name)
        return read_pem(f"{where}: {name}", self.path(file)) if file else None


def _understand(files: _Files, cluster: Part, user: Part) -> KubeConfig:
    """Put together what a cluster and a user say."""
    _refuse(files.cluster, cluster, _CLUSTER_REFUSED)
    _refuse(files.user, user, _USER_REFUSED)
    server = _text(files.cluster, cluster, "server")
    if not server:
        raise SettingError(f"{files.cluster} has no server: write its URL into it")
    certificate = files.pem(files.user, user, "client-certificate")
    key = files.pem(files.user, user, "client-key")
    if (certificate is None) is not (key is None):
        missing = "client-certificate" if certificate is None else "client-key"
        raise SettingError(f"{files.user}: write {missing} too")
    token_file = _text(files.user, user, "tokenFile")
    return KubeConfig(
        f"{files.cluster}: server {server}",
        server,
        _text(files.cluster, cluster, "tls-server-name") or None,
        files.pem(files.cluster, cluster, "certificate-authority"),
        certificate,
        key,
        _text(files.user, user, "token"),
        files.path(token_file) if token_file else "",
    )


def read_pem(where: str, path: str) -> Pem:
    """
    Read a file that no option of its own names.

    :param where: what names it, for messages.
    :raises SettingError: it cannot be read, or is too large.
    """
    return Pem(f"{where} {path}", _read(f"{where} {path}", path))


def _read(said: str, path: str) -> bytes:
    """Read a file of a size that is worth reading."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise SettingError(f"{said}: there is no such file") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise SettingError(f"{said}: {why}") from None
    if len(data) > LARGEST:
        raise SettingError(f"{said}: it has more than {LARGEST} bytes")
    return data


def _load(said: str, path: str) -> Part:
    """Read the file as YAML."""
    try:
        document = yaml.safe_load(_read(said, path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise SettingError(f"{said}{line}: this is not YAML") from None
    if not isinstance(document, dict) or document.get("kind", "Config") != "Config":
        raise SettingError(f"{said}: this is no kubeconfig")
    return document


def _entry(said: str, document: Part, kind: str, name: str) -> Part:
    """Return the context, cluster or user of a name."""
    for each in _list(document, f"{kind}s"):
        if each.get("name") == name:
            part = each.get(kind)
            return part if isinstance(part, dict) else {}
    raise SettingError(
        f'{said}: there is no {kind} "{name}", but {_names(document, f"{kind}s")}'
    )


def _names(document: Part, plural: str) -> str:
    """Name the entries that there are."""
    names = [str(each.get("name")) for each in _list(document, plural)]
    return ", ".join(names[:20]) or "none at all"


def _list(document: Part, plural: str) -> list[Part]:
    """Return the entries of one kind."""
    entries = document.get(plural)
    entries = entries if isinstance(entries, list) else []
    return [each for each in entries if isinstance(each, dict)]


def _text(said: str, part: Part, name: str) -> str:
    """Return a text; nothing if there is none."""
    value = part.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise SettingError(f"{said}: {name} is not a text: write it in quotes")
    return value


def _decoded(where: str, name: str, text: str) -> bytes:
    """Decode inline data (RFC 4648, section 4); YAML may have broken its lines."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise SettingError(f"{where}: {name}-data is not base64") from None


def _refuse(where: str, part: Part, refused: dict[str, str]) -> None:
    """Refuse what is said and cannot be done."""
    for name, advice in refused.items():
        if part.get(name):
            raise SettingError(f"{where} says {name}: {advice}")
