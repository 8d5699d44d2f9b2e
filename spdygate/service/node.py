"""``twistd spdygate-node``: serve port-forward over HTTP/2 streams on a node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from twisted.application.service import IService, MultiService

from ..gateway.switchboard import Switchboard
from ..net.heap import keep_heap
from ..net.listeners import Listener
from ..net.openfiles import raise_open_files
from ..net.ports import ListenerService
from ..net.tls import ServerTls
from ..net.turn import Turn
from ..node.dialers import PodDialer
from ..node.pods import Place, Pods
from ..node.server import NodeDoors
from ..observe.log import LogObserver
from .options import ListeningOptions, Row
from .settings import (
    DeclaredPod,
    SettingError,
    check_reach,
    check_unique,
    read_listeners,
    read_pod,
    read_seconds,
)

#: Where a node service listens unless it is told.
DEFAULT_LISTEN = "tcp:10443:interface=127.0.0.1"

#: What lets other machines in.
WHO_MAY = "--client-ca or --insecure-anonymous"


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

    default_listen = DEFAULT_LISTEN

    about = """\
Serves port-forward over HTTP/2 streams on a node, beside the kubelet or instead
of it, for a `twistd spdygate` that is told of it with --node NAME=URL.
"""

    examples = """\
Try it on one machine (-n: stay in the foreground; without it twistd goes to the
background and logs into twistd.log):

  twistd -n --pidfile= spdygate-node --pod default/web=127.0.0.1
  twistd -n --pidfile= spdygate --node n1=http://127.0.0.1:10443 \\
    --pod default/web@n1

For other machines, with a certificate, and asking gateways for theirs:

  twistd -n --pidfile= spdygate-node --listen tcp:10443 \\
    --tls-cert node.pem --tls-key node.key --client-ca gateways.pem \\
    --pod default/web=10.0.0.7
"""

    optFlags: ClassVar[list[Row]] = [
        [
            "insecure-anonymous",
            None,
            (
                "Let other machines connect though there is no --client-ca: whoever "
                "connects reaches every pod."
            ),
        ],
    ]

    optParameters: ClassVar[list[Row]] = [
        [
            "connect-timeout",
            None,
            "10",
            "Seconds to connect to a port of a pod, all its addresses together.",
        ],
    ]

    settings: NodeSettings

    def opt_pod(self, declaration: str) -> None:
        """
        A pod of this node, as NS/NAME=HOST: its namespace, its name, and the
        host name or address where its ports are, without a port. At least one;
        may be given several times.
        """
        self.add("pod", declaration)

    def understand(self) -> None:
        """Turn text into `NodeSettings`."""
        pods = [read_pod(text, may_name_node=False) for text in self.many("pod")]
        if not pods:
            raise SettingError(
                "no pod is declared: give --pod NS/NAME=HOST, as in "
                "--pod default/web=10.0.0.7"
            )
        check_unique("--pod", [f"{pod.namespace}/{pod.name}" for pod in pods])
        listeners = read_listeners(self.many("listen"), DEFAULT_LISTEN)
        tls = self.server_tls((b"h2",))
        exposed = bool(self["insecure-anonymous"])
        exposed = exposed or (tls is not None and tls.asks_for_certificates)
        check_reach(listeners, exposed, WHO_MAY)
        timeout = read_seconds("--connect-timeout", str(self["connect-timeout"]))
        self.settings = NodeSettings(listeners, tls, pods, exposed, timeout)


def places(pods: list[DeclaredPod]) -> dict[tuple[str, str], Place]:
    """Return where the ports of declared pods are."""
    return {(pod.namespace, pod.name): Place(pod.host) for pod in pods if pod.host}


def makeService(options: Options) -> IService:  # twistd calls this name
    """Build the service that *options* describe."""
    from twisted.internet import reactor

    raise_open_files()
    keep_heap()
    settings = options.settings
    turn = Turn(reactor)
    pods = Pods(places(settings.pods))
    dialer = PodDialer(reactor, pods, turn, settings.connect_timeout)
    trusted = settings.tls is not None and settings.tls.asks_for_certificates
    switchboard = Switchboard(dialer, LogObserver(verbose=bool(options["verbose"])))
    doors = NodeDoors(switchboard, turn, trusted=trusted)
    service = MultiService()
    for listener in settings.listeners:
        ListenerService(
            reactor,
            listener,
            doors,
            settings.tls,
            allowed=settings.exposed,
            option=WHO_MAY,
        ).setServiceParent(service)
    return service
