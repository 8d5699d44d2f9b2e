"""The options that say how nodes are reached, and what we show to them."""

from __future__ import annotations

from typing import ClassVar

from ..net.tls import ClientTls
from ..net.tokenfile import TokenFile
from .nodesettings import ADDRESS, NodeUrl, read_node
from .options import Options, Row
from .settings import SettingError, check_unique


class NodeOptions(Options):
    """What is said of nodes."""

    optParameters: ClassVar[list[Row]] = [
        ["node-ca", None, None, "PEM file: the CAs of nodes; else the platform's."],
        ["node-cert", None, None, "PEM file: what we show to nodes that ask."],
        ["node-key", None, None, "PEM file: the key of --node-cert."],
        [
            "node-token-file",
            None,
            None,
            (
                "File: a bearer token to show to nodes that are kubelets, over TLS "
                "only; read again when it changes."
            ),
        ],
    ]

    def opt_node(self, node: str) -> None:
        """
        A node, as NAME=URL, where the URL is https://HOST:PORT or
        http://HOST:PORT; '*=URL' takes every node that is not named, and with an
        API server known '*=https://{address}:PORT' reaches each at its own
        InternalIP. What it speaks is found out, unless ,generation= and one of
        http2 (spdygate-node), spdy, tunnel or channels (kubelets) stands behind
        the URL. May be given several times. Default: the API server reaches
        nodes itself; without one, the node service in this process.
        """
        self.add("node", node)

    def nodes(self, known: bool) -> list[NodeUrl]:
        """
        Read the nodes.

        :param known: whether an API server tells the addresses of nodes.
        :raises SettingError: one is not written as nodes are, is given twice,
            or has an address that nobody tells.
        """
        nodes = [read_node(text) for text in self.many("node")]
        check_unique("--node", [node.name for node in nodes])
        for node in nodes:
            if node.by_address and not known:
                raise SettingError(
                    f"--node {node.name}={node.url}: {ADDRESS} is told by an API "
                    "server; give --api-server, --kubeconfig or --in-cluster too"
                )
        return nodes

    def node_files(self, nodes: list[NodeUrl]) -> tuple[ClientTls, TokenFile | None]:
        """
        Read the files for nodes.

        :raises SpdygateError: they cannot be used, or no node would make use
            of them.
        """
        names = ("node-ca", "node-cert", "node-key", "node-token-file")
        ca, cert, key, token = files = tuple(map(self.word, names))
        tls = ClientTls(ca, cert, key, protocols=(b"h2", b"http/1.1"))
        secure = any(node.scheme == "https" for node in nodes)
        for option, file in zip(names, files, strict=True):
            if file is not None and not secure:
                raise SettingError(
                    f"--{option} {file}: no node is reached by TLS; "
                    f"give --node NAME=https://HOST:PORT, or leave --{option} out"
                )
        if token is None:
            return tls, None
        return tls, TokenFile("--node-token-file", token)
