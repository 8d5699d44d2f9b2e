"""
``twistd spdygate``: the gateway.

With no node given, or with pods declared on itself, it carries a node service
in the same reactor, reached by HTTP/2 over a socket pair: the same code on
both sides of it as between two machines.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

from twisted.application.service import IService, MultiService, Service
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint

from .. import __version__
from ..dialect.servedspdy import Errors
from ..gateway.kubeapi import KubeApi
from ..gateway.kubeobjects import Pod
from ..gateway.routing import ANY, EMBEDDED, Routing
from ..gateway.switchboard import Switchboard
from ..net.frontdoor import FrontDoors
from ..net.house import House
from ..net.listeners import Listener
from ..net.nodes import Node, NodeDialer, Pool
from ..net.ports import ListenerService
from ..net.shell import Turn
from ..net.socketpair import SocketpairEndpoint
from ..net.tls import ClientTls, ServerTls
from ..node.demo import PORTS
from ..node.dialers import CONNECT_TIMEOUT, PodDialer
from ..node.pods import DEMO, IN_PROCESS, Pods
from ..node.server import NodeDoors
from ..observe.log import LogObserver
from .node import places
from .options import ListeningOptions, Row
from .settings import (
    DeclaredPod,
    NodeUrl,
    SettingError,
    check_nodes_of,
    check_reach,
    check_unique,
    read_errors,
    read_listeners,
    read_node,
    read_pod,
)

#: Where the gateway listens unless it is told.
DEFAULT_LISTEN = "tcp:8001:interface=127.0.0.1"


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """
    What the command line of a gateway says.

    :ivar tls: what listeners prove and ask for, if they do.
    :ivar node_tls: the same toward nodes.
    :ivar exposed: whether other machines may connect.
    """

    listeners: list[Listener]
    tls: ServerTls | None
    nodes: list[NodeUrl]
    node_tls: ClientTls
    pods: list[DeclaredPod]
    errors: Errors
    exposed: bool

    @property
    def embedded(self) -> bool:
        """Return whether there is a node service in this process."""
        return not self.nodes or any(pod.host for pod in self.pods)


class Options(ListeningOptions):
    """The command line of the gateway."""

    command = "twistd spdygate"

    default_listen = DEFAULT_LISTEN

    about = """\
Takes port-forward clients of every generation (kubectl, oc, client-go) and
carries their connections to nodes over HTTP/2. With no --node it is a node
itself, and with no --pod either it has a pod to try: default/demo.
"""

    examples = """\
Try it with the demo pod (-n: stay in the foreground; without it twistd goes to
the background and logs into twistd.log):

  twistd -n --pidfile= spdygate

  kubectl --server http://127.0.0.1:8001 port-forward pod/demo 8080:80
  curl http://127.0.0.1:8080/

Forward to an address that this machine reaches:

  twistd -n --pidfile= spdygate --pod default/web=10.0.0.7

In front of nodes that run `twistd spdygate-node`:

  twistd -n --pidfile= spdygate \\
    --node n1=https://10.0.0.1:10443 --pod default/web@n1 \\
    --node-ca ca.pem --node-cert gateway.pem --node-key gateway.key
"""

    optFlags: ClassVar[list[Row]] = [
        [
            "insecure-anonymous",
            None,
            (
                "Let other machines connect: without it, only listeners on loopback "
                "are allowed. Nobody is asked who they are, and whoever connects "
                "reaches every pod."
            ),
        ],
    ]

    optParameters: ClassVar[list[Row]] = [
        [
            "errors",
            None,
            "isolate",
            (
                "What a failed connection does to the session of its client: "
                "'isolate' resets it alone; 'kubelet' does as a kubelet does, and "
                "kubectl 1.23 and later end with it."
            ),
        ],
        ["node-ca", None, None, "PEM file: the CAs of nodes; else the platform's."],
        ["node-cert", None, None, "PEM file: what we show to nodes that ask."],
        ["node-key", None, None, "PEM file: the key of --node-cert."],
    ]

    settings: GatewaySettings

    def opt_node(self, node: str) -> None:
        """
        A node that runs spdygate-node, as NAME=URL, where the URL is
        https://HOST:PORT or http://HOST:PORT; '*=URL' takes every node that is
        not named. May be given several times. Default: the node service in
        this process takes them all.
        """
        self.add("node", node)

    def opt_pod(self, declaration: str) -> None:
        """
        A pod, as NS/NAME=HOST if this machine reaches its ports at HOST (a
        name or an address, without a port), or as NS/NAME@NODE if it is on a
        --node: the URLs of kubectl name no node. May be given several times.
        Default, with no --node either: default/demo.
        """
        self.add("pod", declaration)

    def understand(self) -> None:
        """Turn text into `GatewaySettings`."""
        nodes = [read_node(text) for text in self.many("node")]
        check_unique("--node", [node.name for node in nodes])
        pods = [read_pod(text, may_name_node=True) for text in self.many("pod")]
        check_unique("--pod", [f"{pod.namespace}/{pod.name}" for pod in pods])
        check_nodes_of(pods, nodes)
        listeners = read_listeners(self.many("listen"), DEFAULT_LISTEN)
        exposed = bool(self["insecure-anonymous"])
        check_reach(listeners, exposed, "--insecure-anonymous")
        node_tls = self._node_tls(nodes)
        self.settings = GatewaySettings(
            listeners,
            self.server_tls((b"http/1.1",)),
            nodes,
            node_tls,
            pods,
            read_errors(str(self["errors"])),
            exposed,
        )

    def _node_tls(self, nodes: list[NodeUrl]) -> ClientTls:
        """Read the files for nodes; refuse files that no node would make use of."""
        ca, cert, key = map(self.word, ("node-ca", "node-cert", "node-key"))
        tls = ClientTls(ca, cert, key, protocols=(b"h2", b"http/1.1"))
        files = {"node-ca": ca, "node-cert": cert, "node-key": key}
        secure = any(node.scheme == "https" for node in nodes)
        for option, file in files.items():
            if file is not None and not secure:
                raise SettingError(
                    f"--{option} {file}: no node is reached by TLS; "
                    f"give --node NAME=https://HOST:PORT, or leave --{option} out"
                )
        return tls


def _routing(settings: GatewaySettings) -> Routing:
    """Return which node has which pod."""
    names = frozenset(node.name for node in settings.nodes)
    on_node = {
        (pod.namespace, pod.name): pod.node if pod.node in names else ANY
        for pod in settings.pods
        if pod.node
    }
    here = dict.fromkeys(_local_places(settings), EMBEDDED)
    return Routing(names, {**here, **on_node}, settings.embedded)


def _local_places(settings: GatewaySettings) -> dict[tuple[str, str], Any]:
    """Return the pods of the embedded node service; the demo pod if none is."""
    if not settings.embedded:
        return {}
    return places(settings.pods) or {DEMO: IN_PROCESS}


def _api(settings: GatewaySettings, here: dict[tuple[str, str], Any]) -> KubeApi:
    """Return the API that knows the declared pods."""
    pods = [Pod(*key, "embedded", ports=PORTS if key == DEMO else ()) for key in here]
    pods += [
        Pod(pod.namespace, pod.name, pod.node) for pod in settings.pods if pod.node
    ]
    return KubeApi(pods, __version__, time.time())


class Dialling(Service):
    """Closes the connections to nodes when the gateway stops."""

    def __init__(self, dialer: NodeDialer) -> None:
        self._dialer = dialer

    def stopService(self) -> None:
        """Close every connection to every node."""
        self._dialer.stop()
        super().stopService()


def makeService(options: Options) -> IService:  # twistd calls this name
    """Build the service that *options* describe."""
    from twisted.internet import reactor

    settings = options.settings
    turn = Turn(reactor)
    routing = _routing(settings)
    dialer = NodeDialer(routing, turn)
    switchboard = Switchboard(dialer, LogObserver(verbose=bool(options["verbose"])))
    for node in settings.nodes:
        dialer.add(node.name, Pool(_node(reactor, node, settings), switchboard, turn))
    here = _local_places(settings)
    if settings.embedded:
        node_ = _embedded(reactor, Pods(here), turn)
        dialer.add(EMBEDDED, Pool(node_, switchboard, turn))
    house = House(
        switchboard, routing, _api(settings, here), turn, time.time, settings.errors
    )
    service = MultiService()
    Dialling(dialer).setServiceParent(service)
    for listener in settings.listeners:
        ListenerService(
            reactor,
            listener,
            FrontDoors(house),
            settings.tls,
            allowed=settings.exposed,
        ).setServiceParent(service)
    return service


def _node(reactor: Any, node: NodeUrl, settings: GatewaySettings) -> Node:
    """Return how a node of the command line is reached."""
    endpoint: IStreamClientEndpoint
    endpoint = HostnameEndpoint(reactor, node.host, node.port)
    if node.scheme == "https":
        endpoint = settings.node_tls.wrap_client(endpoint, node.host, reactor)
    return Node(node.name, node.url, node.authority, node.scheme, endpoint)


def _embedded(reactor: Any, pods: Pods, turn: Turn) -> Node:
    """Return the node service of this process, and how it is reached."""
    dialer = PodDialer(reactor, pods, turn, CONNECT_TIMEOUT)
    # Its tunnels' failures are told by the gateway, with the client's name.
    doors = NodeDoors(Switchboard(dialer), turn, trusted=True)
    endpoint = SocketpairEndpoint(reactor, doors)
    return Node("embedded", "in this process", "embedded", "http", endpoint)
