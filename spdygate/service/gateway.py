"""
``twistd spdygate``: the gateway.

With no node and no API server given, or with pods declared on itself, it
carries a node service in the same reactor, reached by HTTP/2 over a socket
pair: the same code on both sides of it as between two machines.

With ``--workers`` this process only listens, and starts others that have all of
that each.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.application.service import IService, MultiService, Service

from .. import __version__
from ..gateway.kubeapi import KubeApi
from ..gateway.kubeobjects import Pod
from ..gateway.relay import Relay
from ..gateway.routing import API, EMBEDDED
from ..gateway.switchboard import Switchboard
from ..net.apiserver import ApiServer
from ..net.apiwatch import ApiWatch
from ..net.frontdoor import FrontDoors
from ..net.heap import keep_heap
from ..net.house import House
from ..net.nodeasks import Terms
from ..net.nodes import NodeDialer
from ..net.openfiles import raise_open_files
from ..net.passing import Passing
from ..net.ports import ListenerService
from ..net.turn import Turn
from ..node.demo import PORTS
from ..node.pods import DEMO, IN_PROCESS, Pods
from ..observe.log import LogObserver
from .gatewaynodes import NodeWays
from .gatewayoptions import Options
from .gatewaysettings import GatewaySettings
from .node import places
from .workers import Workers

__all__ = ["Options", "makeService"]


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
    """
    Everything that is dialled, and closed when the gateway stops.

    :ivar dialer: connects tunnels to nodes.
    :ivar api: the API server, if there is one.
    :ivar passing: connects everything else to it.
    """

    dialer: NodeDialer
    api: ApiServer | None = None
    passing: Passing | None = None

    def dial(self, relay: Relay) -> None:
        """Connect a tunnel."""
        self.dialer.dial(relay)

    def stopService(self) -> None:
        """Close every connection to every node, and to the API server."""
        self.dialer.stop()
        if self.passing is not None:
            self.passing.stop()
        super().stopService()


def makeService(options: Options) -> IService:  # twistd calls this name
    """Build the service that *options* describe."""
    from twisted.internet import reactor

    settings = options.settings
    if settings.workers > 1:
        return Workers(reactor, options)
    service, house = build(reactor, options)
    for listener in settings.listeners:
        ListenerService(
            reactor,
            listener,
            FrontDoors(house),
            settings.tls,
            allowed=settings.exposed,
        ).setServiceParent(service)
    return service


def build(reactor: Any, options: Options) -> tuple[MultiService, House]:
    """
    Build everything but the listeners.

    :returns: what is to run, and what its front doors need.
    """
    raise_open_files()
    keep_heap()
    settings = options.settings
    turn = Turn(reactor)
    here = _local_places(settings)
    service = MultiService()
    dialling = Dialling()
    dialling.setServiceParent(service)
    observer = LogObserver(verbose=bool(options["verbose"]))
    house = House(
        Switchboard(dialling, observer),
        settings.routing(here),
        _api(settings, here),
        turn,
        time.time,
        settings.errors,
        settings.patience,
        settings.ping_window,
    )
    _reach(reactor, settings, house, dialling, Pods(here))
    if house.routing.cluster is not None and dialling.api is not None:
        watch = ApiWatch(dialling.api, house.routing.cluster, reactor)
        watch.setServiceParent(service)
    return service, house


def _reach(
    reactor: Any,
    settings: GatewaySettings,
    house: House,
    dialling: Dialling,
    here: Pods,
) -> None:
    """Prepare to dial everything that the command line names."""
    terms = Terms(settings.hold_fin, house.shared, settings.patience)
    ways = NodeWays(reactor, settings, house.switchboard, house.turn, terms)
    dialer = dialling.dialer = NodeDialer(house.routing, house.turn, ways.by_address)
    for node in settings.nodes:
        if not node.by_address:
            dialer.add(node.name, ways.named(node))
    if settings.embedded:
        dialer.add(EMBEDDED, ways.embedded(here))
    if settings.api is not None:
        api = dialling.api = settings.api.connect(reactor)
        dialer.add(API, ways.api_server(api))
        passing = Passing(api, house.switchboard, house.turn, house.shared)
        house.passing = dialling.passing = passing
