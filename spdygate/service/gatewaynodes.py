"""How the nodes of a command line are reached: text has become endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IStreamClientEndpoint

from ..dialect.asking import Place
from ..gateway.ladder import Generation
from ..gateway.switchboard import Switchboard
from ..net.apiserver import ApiServer, no_credential
from ..net.attempts import Access, Node
from ..net.nodeasks import Terms
from ..net.nodes import access_to
from ..net.reaching import client_endpoint
from ..net.socketpair import SocketpairEndpoint
from ..net.turn import Turn
from ..node.dialers import CONNECT_TIMEOUT, PodDialer
from ..node.pods import Pods
from ..node.server import NodeDoors
from .gatewaysettings import GatewaySettings
from .nodesettings import NodeUrl

_HTTP1 = (b"http/1.1",)


@dataclass(frozen=True, slots=True)
class NodeWays:
    """
    Makes the way to each node.

    :ivar switchboard: where what happens on connections to nodes goes.
    """

    reactor: Any
    settings: GatewaySettings
    switchboard: Switchboard
    turn: Turn
    terms: Terms

    def named(self, node: NodeUrl) -> Access:
        """Return the way to a node that the command line names."""
        http1: IStreamClientEndpoint
        endpoint: IStreamClientEndpoint
        http1 = endpoint = client_endpoint(self.reactor, node.host, node.port)
        token = self.settings.node_token
        credential = no_credential
        if node.scheme == "https":
            tls = self.settings.node_tls
            http1 = tls.wrap_client(endpoint, node.host, self.reactor, _HTTP1)
            endpoint = tls.wrap_client(endpoint, node.host, self.reactor)
            # A secret goes nowhere in the clear.
            credential = no_credential if token is None else token.fields
        return self._access(
            Node(
                node.name,
                node.url,
                Place(node.authority),
                node.scheme,
                endpoint,
                http1,
                Generation(node.generation) if node.generation else None,
                credential,
            )
        )

    def by_address(self, name: str, address: str) -> Access:
        """Return the way to a node of the cluster, as ``--node *`` says."""
        template = self.settings.any_node
        assert template is not None
        return self.named(template.at(name, address))

    def api_server(self, api: ApiServer) -> Access:
        """Return the way to pods through the API server."""
        place = Place(api.authority, True, api.prefix)
        return self._access(
            Node(
                "API server",
                api.url,
                place,
                api.scheme,
                api.endpoint,
                api.endpoint,
                credential=api.credential,
            )
        )

    def embedded(self, pods: Pods) -> Access:
        """Return the node service of this process, and how it is reached."""
        dialer = PodDialer(self.reactor, pods, self.turn, CONNECT_TIMEOUT)
        # Its tunnels' failures are told by the gateway, with the client's name.
        doors = NodeDoors(Switchboard(dialer), self.turn, trusted=True)
        endpoint = SocketpairEndpoint(self.reactor, doors)
        return self._access(
            Node(
                "embedded",
                "in this process",
                Place("embedded"),
                "http",
                endpoint,
                endpoint,
                Generation.HTTP2,
            )
        )

    def _access(self, node: Node) -> Access:
        """Return the way to a node."""
        return access_to(node, self.switchboard, self.turn, self.terms)
