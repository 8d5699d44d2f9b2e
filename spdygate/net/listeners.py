"""
Where to listen, as a person writes it: Twisted's endpoint strings, understood.

``twistd`` would understand them too, but only when it is too late to say what
is wrong in one line.  So they are taken apart here, before anything runs.
They are also understood better: a listener knows who can reach it, and two
kinds are refused, with the advice what to write instead.

* ``ssl:`` and ``tls:`` know neither ALPN nor client certificates.  TLS is laid
  over a plain endpoint by `spdygate.net.tls`.
* Whatever other plug-ins offer: nothing is known of who can reach those.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.endpoints import (
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    UNIXServerEndpoint,
    serverFromString,
)
from twisted.internet.interfaces import IAddress, IReactorCore, IStreamServerEndpoint
from twisted.protocols.haproxy import proxyEndpoint

from .endpointtext import EXAMPLE, ListenError, number, octal, parse_endpoint

__all__ = [
    "ListenError",
    "Listener",
    "check_exposure",
    "check_host",
    "is_local_host",
    "parse_listener",
]

#: Connections that may wait to be accepted.  Twisted's 50 is soon full when
#: hundreds of clients come at once; Linux itself caps at 4096 (``somaxconn``).
_BACKLOG = 1024


@dataclass(frozen=True)
class Listener:
    """
    One place to listen.

    :ivar text: as it was written.
    :ivar kind: tcp, tcp6, unix or systemd.
    :ivar proxied: whether a proxy's PROXY header precedes each connection.
    :ivar port: the TCP port; 0 takes any.
    :ivar interface: the address to listen on; empty for all.
    :ivar path: the path of a UNIX socket.
    :ivar mode: the permissions of a UNIX socket.
    :ivar lockfile: whether a UNIX socket is guarded by a lock file.
    :ivar backlog: how many connections may wait to be accepted.
    """

    text: str
    kind: str
    proxied: bool = False
    port: int = 0
    interface: str = ""
    path: str = ""
    mode: int = 0o666
    lockfile: bool = True
    backlog: int = _BACKLOG

    @property
    def local(self) -> bool:
        """
        Return whether only this machine can reach it, as far as the text tells.

        What systemd has opened is only seen when it is taken over; see
        `check_host`.  Whoever writes ``haproxy:`` lets others in.
        """
        if self.proxied:
            return False
        if self.kind in ("unix", "systemd"):
            return True
        return _is_loopback(self.interface)

    def endpoint(self, reactor: IReactorCore) -> IStreamServerEndpoint:
        """
        Make the endpoint to listen with.

        :raises ListenError: systemd passed no such socket.
        """
        made = self._plain_endpoint(reactor)
        return proxyEndpoint(made) if self.proxied else made

    def _plain_endpoint(self, reactor: IReactorCore) -> IStreamServerEndpoint:
        """Make the endpoint under a possible PROXY header."""
        if self.kind == "tcp":
            return TCP4ServerEndpoint(reactor, self.port, self.backlog, self.interface)
        if self.kind == "tcp6":
            return TCP6ServerEndpoint(reactor, self.port, self.backlog, self.interface)
        if self.kind == "unix":
            return UNIXServerEndpoint(
                reactor, self.path, self.backlog, self.mode, self.lockfile
            )
        try:
            made: IStreamServerEndpoint = serverFromString(
                reactor, self.text.removeprefix("haproxy:")
            )
        except (LookupError, ValueError) as error:
            raise ListenError(
                f"{self.text}: systemd passed no such socket; "
                "start the service through its .socket unit"
            ) from error
        return made


def parse_listener(text: str) -> Listener:
    """
    Understand an endpoint string.

    :raises ListenError: it is not one, or not one for us.
    """
    kind, _, rest = text.partition(":")
    if kind.lower() in ("ssl", "tls"):
        raise ListenError(
            f"{text}: TLS is not part of the endpoint here; write "
            "tcp:PORT:interface=ADDRESS, and give --tls-cert and --tls-key"
        )
    if kind == "haproxy":
        return _parse_plain(text, rest, proxied=True)
    return _parse_plain(text, text, proxied=False)


def is_local_host(address: IAddress) -> bool:
    """Return whether only this machine can reach what listens at an address."""
    if isinstance(address, UNIXAddress):
        return True
    if isinstance(address, (IPv4Address, IPv6Address)):
        return _is_loopback(address.host)
    return False


def check_exposure(
    listeners: Iterable[Listener], allowed: bool, option: str = "--insecure-anonymous"
) -> None:
    """
    Refuse to let other machines in, unless somebody has said that they may.

    :param allowed: whether somebody has.
    :param option: how it is said.
    :raises ListenError: a listener is open to others.
    """
    for listener in listeners:
        if not allowed and not listener.local:
            raise _exposed(listener, option)


def check_host(
    listener: Listener,
    host: IAddress,
    allowed: bool,
    option: str = "--insecure-anonymous",
) -> None:
    """
    Do the same for a socket that is open, and may be other than its text.

    :param host: where it listens in truth.
    :raises ListenError: it is open to others.
    """
    if not allowed and not (listener.local and is_local_host(host)):
        raise _exposed(listener, option)


def _exposed(listener: Listener, option: str) -> ListenError:
    """Say that a listener is open to others."""
    instead = ""
    if listener.kind == "tcp" and not listener.proxied:
        instead = f"write tcp:{listener.port}:interface=127.0.0.1, or "
    return ListenError(
        f"{listener.text}: other machines could connect here, and nobody would ask "
        f"them who they are; {instead}let them in with {option}"
    )


def _parse_plain(text: str, plain: str, proxied: bool) -> Listener:
    """Understand an endpoint string without its ``haproxy:``."""
    kind, fields = parse_endpoint(text, plain)
    listener = Listener(
        text=text,
        kind=kind,
        proxied=proxied,
        port=number(text, "port", fields.get("port", "0"), 65535),
        interface=fields.get("interface", "::" if kind == "tcp6" else ""),
        path=fields.get("address", ""),
        mode=octal(text, fields.get("mode", "666")),
        lockfile=fields.get("lockfile", "1") != "0",
        backlog=number(text, "backlog", fields.get("backlog", f"{_BACKLOG}"), 65535),
    )
    _check_interface(listener)
    if listener.kind == "systemd":
        _check_systemd(text, fields)
    return listener


def _check_interface(listener: Listener) -> None:
    """Refuse what is not an address, before the reactor looks up a name."""
    text, interface = listener.text, listener.interface
    if interface == "" or (interface == "localhost" and listener.kind == "tcp"):
        return
    try:
        address = ipaddress.ip_address(interface)
    except ValueError as error:
        raise ListenError(
            f"{text}: the interface is an address of this machine, as in {EXAMPLE}, "
            f"not {interface!r}"
        ) from error
    if listener.kind == "tcp6" and address.version != 6:
        raise ListenError(f"{text}: tcp6: wants an IPv6 address; write tcp: instead")


def _check_systemd(text: str, fields: dict[str, str]) -> None:
    """Refuse what no socket unit could pass."""
    if fields["domain"] not in ("INET", "INET6", "UNIX"):
        raise ListenError(f"{text}: the domain is INET, INET6 or UNIX")
    if ("index" in fields) == ("name" in fields):
        raise ListenError(
            f"{text}: say which socket, as in systemd:domain=INET:index=0 "
            "or systemd:domain=INET:name=NAME"
        )
    if "index" in fields:
        number(text, "index", fields["index"], 65535)


def _is_loopback(host: str) -> bool:
    """Return whether an address never leaves this machine."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
