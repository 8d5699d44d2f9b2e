"""How a host and a port are dialled, whether the host is a name or an address."""

from __future__ import annotations

from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
)
from twisted.internet.interfaces import IStreamClientEndpoint

#: Seconds for one address to answer; whoever dials has a shorter bound for all.
_EACH = 30


def client_endpoint(reactor: Any, host: str, port: int) -> IStreamClientEndpoint:
    """
    Return what connects to a host.

    ``HostnameEndpoint`` alone would do, but it has addresses "resolved" in a
    thread, which takes longer than to connect.

    :param host: a DNS name, or an IPv4 or IPv6 address without brackets.
    """
    if isIPAddress(host):
        return TCP4ClientEndpoint(reactor, host, port, _EACH)
    if isIPv6Address(host):
        return TCP6ClientEndpoint(reactor, host, port, _EACH)
    return HostnameEndpoint(reactor, host, port)
