"""
What an operator wrote, understood: text in, values out, and nothing started.

Every function here either returns a value or raises `SettingError`, whose
message names the option and says what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import SpdygateError
from ..gateway.routing import ANY
from ..net.listeners import Listener, ListenError, parse_listener
from ..wire.urls import is_namespace, is_node_name, is_pod_name

_HOST = re.compile(r"[0-9A-Za-z.:_-]{1,255}")


class SettingError(SpdygateError):
    """An option cannot be what it is; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class NodeUrl:
    """
    One ``--node NAME=URL``.

    :ivar name: the node, or `ANY`.
    :ivar scheme: ``https`` or ``http``.
    """

    name: str
    url: str
    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Return host and port as they stand in a URL."""
        return self.url.removeprefix(f"{self.scheme}://").rstrip("/")


@dataclass(frozen=True, slots=True)
class DeclaredPod:
    """
    One ``--pod``: where it is, or on which node.

    :ivar host: where its ports are; empty if it is on a node.
    :ivar node: the node that has it; empty if its host is known here.
    """

    namespace: str
    name: str
    host: str = ""
    node: str = ""


def read_node(text: str) -> NodeUrl:
    """Understand ``NAME=URL``."""
    name, found, url = text.partition("=")
    if not found:
        raise SettingError(
            f"--node {text}: write NAME=URL, as in --node n1=https://10.0.0.1:10443"
        )
    if name != ANY and not is_node_name(name):
        raise SettingError(f"--node {text}: {name!r} is no name of a node")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingError(f"--node {text}: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError(f"--node {text}: the URL is https://HOST:PORT or http://...")
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise SettingError(f"--node {text}: the URL is scheme, host and port, no more")
    if not port:
        raise SettingError(f"--node {text}: the URL needs a port, as in {url}:10443")
    return NodeUrl(name, url, parts.scheme, parts.hostname, port)


def read_pod(text: str, *, may_name_node: bool) -> DeclaredPod:
    """
    Understand ``NS/NAME=HOST`` or, on a gateway, ``NS/NAME@NODE``.

    :param may_name_node: whether the second form is one.
    """
    match = re.fullmatch(r"([^/=@]*)/([^/=@]*)([=@])(.*)", text)
    if match is None or (match[3] == "@" and not may_name_node):
        forms = "NS/NAME=HOST" + (" or NS/NAME@NODE" if may_name_node else "")
        raise SettingError(
            f"--pod {text}: write {forms}, as in --pod default/web=10.0.0.7"
        )
    namespace, name, sign, where = match.groups()
    if not is_namespace(namespace):
        raise SettingError(f"--pod {text}: {namespace!r} is no name of a namespace")
    if not is_pod_name(name):
        raise SettingError(f"--pod {text}: {name!r} is no name of a pod")
    if sign == "@":
        if where != ANY and not is_node_name(where):
            raise SettingError(f"--pod {text}: {where!r} is no name of a node")
        return DeclaredPod(namespace, name, node=where)
    host = where.removeprefix("[").removesuffix("]")
    if not _HOST.fullmatch(host):
        raise SettingError(
            f"--pod {text}: {where!r} is no host: write a name or an address, "
            "without a port"
        )
    return DeclaredPod(namespace, name, host=host)


def read_listeners(texts: Sequence[str], default: str) -> list[Listener]:
    """Understand every ``--listen``."""
    try:
        return [parse_listener(text) for text in texts or [default]]
    except ListenError as error:
        raise SettingError(f"--listen {error}") from None


def read_seconds(option: str, text: str) -> float:
    """Understand a time in seconds."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < 1e6:
        raise SettingError(f"{option} {text}: write a number of seconds above 0")
    return seconds


def check_unique(option: str, names: Sequence[str]) -> None:
    """Refuse what is said twice."""
    for name in names:
        if names.count(name) > 1:
            raise SettingError(f"{option}: {name} is given twice")
