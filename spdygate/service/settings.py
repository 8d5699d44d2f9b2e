"""
What an operator wrote, understood: text in, values out, and nothing started.

Every function here either returns a value or raises `SettingError`, whose
message names the option and says what to write instead.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..dialect.servedspdy import Errors
from ..errors import SpdygateError
from ..gateway.routing import ANY
from ..net.listeners import Listener, ListenError, check_exposure, parse_listener
from ..net.tls import TlsError
from ..net.trust import ServerName
from ..wire.urls import is_namespace, is_node_name, is_pod_name

_LABEL = re.compile(r"[0-9A-Za-z_]([0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?")

#: A time with its unit, and how many seconds each unit has.
_TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smh]?)")
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}

#: What Kubernetes allows in a name, in words.
NAMES = "lower-case letters, digits and -"


class SettingError(SpdygateError):
    """An option cannot be what it is; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """
    A URL as far as an option may have one.

    :ivar scheme: ``https`` or ``http``.
    :ivar host: a name in ASCII, or an address without brackets.
    :ivar port: 0 if there is none.
    :ivar path: empty, or with a slash before and none behind.
    """

    scheme: str
    host: str
    port: int
    path: str


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


def read_url(said: str, url: str, wanted: str) -> HttpUrl:
    """
    Take a URL apart.

    :param said: the option and what was written, for messages.
    :param wanted: what to write instead.
    :raises SettingError: it has not the form, or no certificate can be for it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingError(f"{said}: {error}; {wanted}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError(f"{said}: {wanted}")
    if any(sign in url for sign in "?#@"):
        raise SettingError(f"{said}: {wanted} and no more")
    host = read_host(parts.hostname)
    if host is None:
        raise SettingError(
            f"{said}: {parts.hostname!r} is neither a DNS name nor an address; {wanted}"
        )
    if parts.scheme == "https":
        _check_certifiable(said, host)
    return HttpUrl(parts.scheme, host, port or 0, parts.path.rstrip("/"))


def _check_certifiable(said: str, host: str) -> None:
    """Refuse a host that no certificate can name, before it is dialled."""
    try:
        ServerName.parse(host)
    except TlsError as error:
        raise SettingError(f"{said}: {error}") from None


def read_host(text: str) -> str | None:
    """
    Return a host name in ASCII, or an address; None if it is neither.

    Digits alone cannot end a name (RFC 1123, section 2.1): what looks like an
    IPv4 address and is none is a slip of the finger.
    """
    try:
        ipaddress.ip_address(text)
    except ValueError:
        pass
    else:
        return None if "%" in text else text
    try:
        name = text.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    labels = name.removesuffix(".").split(".")
    if len(name) > 253 or labels[-1].isdigit():
        return None
    return name if all(map(_LABEL.fullmatch, labels)) else None


def in_url(host: str) -> str:
    """Write a host as URLs have it."""
    return f"[{host}]" if ":" in host else host


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
        raise SettingError(
            f"--pod {text}: {namespace!r} is no name of a namespace: write {NAMES}"
        )
    if not is_pod_name(name):
        raise SettingError(
            f"--pod {text}: {name!r} is no name of a pod: write {NAMES} and dots"
        )
    if sign == "@":
        if where != ANY and not is_node_name(where):
            raise SettingError(
                f"--pod {text}: {where!r} is no name of a node: write the name "
                "of one --node"
            )
        return DeclaredPod(namespace, name, node=where)
    bracketed = re.fullmatch(r"\[(.*:.*)\]", where)
    host = read_host(bracketed[1] if bracketed else where)
    if host is None:
        raise SettingError(
            f"--pod {text}: {where!r} is no host: write a name or an address, "
            "without a port"
        )
    return DeclaredPod(namespace, name, host=host)


def read_listeners(texts: Sequence[str], default: str) -> list[Listener]:
    """Understand every ``--listen``."""
    try:
        listeners = [parse_listener(text) for text in texts or [default]]
    except ListenError as error:
        raise SettingError(f"--listen {error}") from None
    # Port 0 is another port each time, and has no place.
    check_unique("--listen", [each.text for each in listeners if each.port])
    return listeners


def check_reach(listeners: Sequence[Listener], allowed: bool, option: str) -> None:
    """
    Refuse to let other machines in, unless somebody has said that they may.

    :param option: how it is said.
    """
    try:
        check_exposure(listeners, allowed, option)
    except ListenError as error:
        raise SettingError(f"--listen {error}") from None


def read_seconds(option: str, text: str, *, or_never: bool = False) -> float:
    """
    Understand a time in seconds.

    :param or_never: whether 0 is a time, too.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not (0.0 < seconds < 1e6 or (or_never and seconds == 0.0)):
        what = "0 or more" if or_never else "above 0"
        raise SettingError(
            f"{option} {text}: write a number of seconds {what}, as in {option} 10"
        )
    return seconds


def read_limit(option: str, text: str) -> float:
    """
    Understand a time that may be long, or none at all.

    :returns: seconds; infinitely many for never.
    """
    if text in ("never", "0"):
        return math.inf
    match = _TIME.fullmatch(text)
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 0.0 < seconds < 1e9:
        raise SettingError(
            f"{option} {text}: write a time, as in {option} 4h or 30m, or a number "
            "of seconds; never, or 0, for no limit"
        )
    return seconds


def read_count(option: str, text: str, most: int) -> int:
    """
    Understand a number of things.

    :param most: how many there may be.
    """
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise SettingError(
            f"{option} {text}: write a whole number from 1 to {most}, as in {option} 2"
        )
    return int(text)


def read_errors(word: str) -> Errors:
    """Understand ``--errors``."""
    try:
        return Errors(word)
    except ValueError:
        words = " or ".join(mode.value for mode in Errors)
        raise SettingError(f"--errors {word}: write {words}") from None


def check_unique(option: str, names: Sequence[str]) -> None:
    """Refuse what is said twice."""
    for name in names:
        if names.count(name) > 1:
            raise SettingError(f"{option}: {name} is given twice; leave one out")
