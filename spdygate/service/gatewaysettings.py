"""What the command line of a gateway says, once it is understood."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..dialect.patience import Patience
from ..dialect.servedspdy import Errors
from ..gateway.cluster import Cluster
from ..gateway.routing import ANY, EMBEDDED, Routing
from ..net.listeners import Listener
from ..net.tls import ClientTls, ServerTls
from ..net.tokenfile import TokenFile
from .apisettings import ApiSettings
from .nodesettings import NodeUrl
from .settings import DeclaredPod


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """
    What the command line of a gateway says.

    :ivar tls: what listeners prove and ask for, if they do.
    :ivar node_tls: the same toward nodes.
    :ivar exposed: whether other machines may connect.
    :ivar api: how the API server is reached; None if there is none.
    :ivar node_token: the bearer token for nodes that are kubelets.
    :ivar hold_fin: seconds for which a client's FIN is held back from nodes
        that would cut off what the pod still has to say; 0 for not at all.
    :ivar patience: how long everything else may take.
    :ivar ping_window: whether PINGs count what a client without flow control
        has read.
    :ivar workers: how many processes share the listeners.
    """

    listeners: list[Listener]
    tls: ServerTls | None
    nodes: list[NodeUrl]
    node_tls: ClientTls
    pods: list[DeclaredPod]
    errors: Errors
    exposed: bool
    api: ApiSettings | None = None
    node_token: TokenFile | None = None
    hold_fin: float = 30.0
    patience: Patience = Patience()
    ping_window: bool = True
    workers: int = 1

    @property
    def embedded(self) -> bool:
        """Return whether there is a node service in this process."""
        alone = not self.nodes and self.api is None
        return alone or any(pod.host for pod in self.pods)

    @property
    def any_node(self) -> NodeUrl | None:
        """Return the URL of every node not named, if there is one."""
        return next((node for node in self.nodes if node.name == ANY), None)

    def routing(self, here: Iterable[tuple[str, str]]) -> Routing:
        """
        Return which node has which pod.

        :param here: the pods of the node service in this process.
        """
        names = frozenset(node.name for node in self.nodes)
        on_node = {
            (pod.namespace, pod.name): pod.node if pod.node in names else ANY
            for pod in self.pods
            if pod.node
        }
        any_node = self.any_node
        return Routing(
            names,
            {**dict.fromkeys(here, EMBEDDED), **on_node},
            self.embedded,
            None if self.api is None else Cluster(near=self.api.near),
            any_node is not None and any_node.by_address,
        )
