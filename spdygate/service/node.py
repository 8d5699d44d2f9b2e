"""``twistd spdygate-node``: serve port-forward over HTTP/2 streams on a node."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.application.service import IService, MultiService

from ..gateway.switchboard import Switchboard
from ..net.listeners import Listener, check_exposure
from ..net.ports import ListenerService
from ..net.shell import Turn
from ..net.tls import ServerTls
from ..node.dialers import PodDialer
from ..node.pods import Place, Pods
from ..node.server import NodeDoors
from ..observe.log import LogObserver
from .options import ListeningOptions
from .settings import (
    DeclaredPod,
    SettingError,
    check_unique,
    read_listeners,
    read_pod,
    read_seconds,
)

#: Where a node service listens unless it is told.
DEFAULT_LISTEN = "tcp:10443:interface=127.0.0.1"


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """
    What the command line of a node service says.

    :ivar exposed: whether other machines may connect.
    :ivar connect_timeout: seconds for all addresses of a target together.
    """

    listeners: list[Listener]
    tls: ServerTls | None
    pods: list[DeclaredPod]
    exposed: bool
    connect_timeout: float


class Options(ListeningOptions):
    """The command line of the node service."""

    command = "twistd spdygate-node"

    longdesc = """\
Serves port-forward over HTTP/2 streams on a node, beside the kubelet or instead
of it, for a spdygate gateway that is told of it with --node NAME=URL.

In front of production it listens with a certificate and asks gateways for
theirs:

twistd -n --pidfile= spdygate-node --listen tcp:10443 --tls-cert node.pem
--tls-key node.key --client-ca gateways.pem --pod default/web=10.0.0.7
"""

    optFlags = [
        [
            "insecure-anonymous",
            None,
            "Let other machines connect without a client certificate.",
        ],
    ]

    optParameters = [
        [
            "connect-timeout",
            None,
            "10",
            "Seconds for all addresses of a pod's port together.",
        ],
    ]

    settings: NodeSettings

    def opt_pod(self, declaration: str) -> None:
        """
        A pod of this node, as NS/NAME=HOST: its namespace, its name, and the
        host name or address where its ports are. May be given several times.
        """
        self.add("pod", declaration)

    def understand(self) -> None:
        """Turn text into `NodeSettings`."""
        pods = [read_pod(text, may_name_node=False) for text in self.many("pod")]
        if not pods:
            raise SettingError("no pod is declared: give --pod NS/NAME=HOST")
        check_unique("--pod", [f"{pod.namespace}/{pod.name}" for pod in pods])
        listeners = read_listeners(self.many("listen"), DEFAULT_LISTEN)
        tls = self.server_tls((b"h2",))
        exposed = bool(self["insecure-anonymous"])
        exposed = exposed or (tls is not None and tls.asks_for_certificates)
        check_exposure(listeners, exposed, "--client-ca, or --insecure-anonymous,")
        timeout = read_seconds("--connect-timeout", str(self["connect-timeout"]))
        self.settings = NodeSettings(listeners, tls, pods, exposed, timeout)


def places(pods: list[DeclaredPod]) -> dict[tuple[str, str], Place]:
    """Return where the ports of declared pods are."""
    return {(pod.namespace, pod.name): Place(pod.host) for pod in pods if pod.host}


def makeService(options: Options) -> IService:  # twistd calls this name
    """Build the service that *options* describe."""
    from twisted.internet import reactor

    settings = options.settings
    turn = Turn(reactor)
    pods = Pods(places(settings.pods))
    dialer = PodDialer(reactor, pods, turn, settings.connect_timeout)
    trusted = settings.tls is not None and settings.tls.asks_for_certificates
    doors = NodeDoors(Switchboard(dialer, LogObserver()), turn, trusted=trusted)
    service = MultiService()
    for listener in settings.listeners:
        ListenerService(
            reactor,
            listener,
            doors,
            settings.tls,
            allowed=settings.exposed,
            option="--client-ca, or --insecure-anonymous,",
        ).setServiceParent(service)
    return service
