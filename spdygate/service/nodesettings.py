"""
``--node``: what an operator says of nodes.

A node is known by its name, and its URL is the operator's.  Only ``*`` may
leave the address to the API server, as ``{address}``: then the operator says
the scheme and the port, the API server says the address, and no client says
anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..gateway.ladder import Generation
from ..gateway.routing import ANY
from ..wire.urls import is_node_name
from .settings import NAMES, DeclaredPod, SettingError, in_url, read_url

#: What stands in a URL for the address of each node.
ADDRESS = "{address}"

_TEMPLATE = re.compile(r"(https?)://\{address\}:([0-9]{1,5})/?", re.IGNORECASE)

_WANTED = "write https://HOST:PORT or http://HOST:PORT"


@dataclass(frozen=True, slots=True)
class NodeUrl:
    """
    One ``--node NAME=URL``.

    :ivar name: the node, or `ANY`.
    :ivar url: as it was written, without what stood behind it.
    :ivar scheme: ``https`` or ``http``.
    :ivar host: a name in ASCII, an address without brackets, or `ADDRESS`.
    :ivar generation: the only dialect to speak with it, or empty if that is to
        be found out.
    """

    name: str
    url: str
    scheme: str
    host: str
    port: int
    generation: str = ""

    @property
    def authority(self) -> str:
        """Return host and port as they stand in a URL."""
        return f"{in_url(self.host)}:{self.port}"

    @property
    def by_address(self) -> bool:
        """Return whether each node's own address has to be filled in."""
        return self.host == ADDRESS

    def at(self, name: str, address: str) -> NodeUrl:
        """
        Return the URL of one node of those that this is for.

        :param address: without brackets.
        """
        url = self.url.replace(ADDRESS, in_url(address))
        return replace(self, name=name, host=address, url=url)


def read_node(text: str) -> NodeUrl:
    """Understand ``NAME=URL[,generation=WORD]``."""
    name, found, rest = text.partition("=")
    if not found:
        raise SettingError(
            f"--node {text}: write NAME=URL, as in --node n1=https://10.0.0.1:10443"
        )
    if name != ANY and not is_node_name(name):
        raise SettingError(
            f"--node {text}: {name!r} is no name of a node: write {NAMES} and dots, "
            f"or {ANY} for every other node"
        )
    url, *more = rest.split(",")
    generation = _read_generation(text, more)
    if ADDRESS in url:
        scheme, port = _read_template(text, name, url)
        return NodeUrl(name, url, scheme, ADDRESS, port, generation)
    scheme, host, port = _read_plain(text, url)
    return NodeUrl(name, url, scheme, host, port, generation)


def _read_plain(text: str, url: str) -> tuple[str, str, int]:
    """Take the URL of one node apart: scheme, host and port, and no more."""
    parts = read_url(f"--node {text}", url, _WANTED)
    if parts.path:
        raise SettingError(f"--node {text}: {_WANTED} and no more")
    if not parts.port:
        example = f"{parts.scheme}://{in_url(parts.host)}:10443"
        raise SettingError(f"--node {text}: the URL needs a port, as in {example}")
    return parts.scheme, parts.host, parts.port


def _read_template(text: str, name: str, url: str) -> tuple[str, int]:
    """Take a URL apart that has `ADDRESS` for its host."""
    if name != ANY:
        raise SettingError(
            f"--node {text}: {ADDRESS} is for the node of each pod: write {ANY} for "
            f"the name, or the address of {name}"
        )
    match = _TEMPLATE.fullmatch(url)
    if match is None or not 0 < int(match[2]) < 65536:
        raise SettingError(
            f"--node {text}: write https://{ADDRESS}:PORT or http://{ADDRESS}:PORT"
        )
    return match[1].lower(), int(match[2])


def _read_generation(text: str, more: Sequence[str]) -> str:
    """Understand what stands behind a URL."""
    words = [each.value for each in Generation]
    match more:
        case []:
            return ""
        case [one] if one.removeprefix("generation=") in words and "=" in one:
            return one.removeprefix("generation=")
    known = f"{', '.join(words[:-1])} or {words[-1]}"
    raise SettingError(
        f"--node {text}: behind the URL write nothing, or ,generation=WORD "
        f"with one of {known}"
    )


def check_nodes_of(pods: Sequence[DeclaredPod], nodes: Sequence[NodeUrl]) -> None:
    """Refuse a pod on a node that is not given."""
    names = {node.name for node in nodes}
    for pod in pods:
        if pod.node and pod.node not in names and ANY not in names:
            raise SettingError(
                f"--pod {pod.namespace}/{pod.name}@{pod.node}: no such node; "
                f"give --node {pod.node}=URL too"
            )
