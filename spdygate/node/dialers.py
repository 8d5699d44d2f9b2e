"""
How a node reaches a port of a pod.

``direct`` is TCP to the pod's host; the demo pod is reached through a socket
pair.  Both end in a `TcpEnd`, and a tunnel is accepted only when its target is
connected (docs/protocol.rst, 8.1).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import TimeoutError
from twisted.internet.error import (
    ConnectingCancelledError,
    TCPTimedOutError,
)
from twisted.internet.error import TimeoutError as TwistedTimeout
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure as TwistedFailure

from ..dialect.tunnel import Failure, Opened, Reason, Request
from ..gateway.relay import Relay
from ..net.reaching import client_endpoint
from ..net.socketpair import SocketpairEndpoint
from ..net.sockets import Ready, tune
from ..net.turn import Turn
from .demo import Visitor, factory
from .pods import IN_PROCESS, Place, Pods
from .tcpend import TcpEnd

#: Seconds for all addresses of a target together.
CONNECT_TIMEOUT = 10.0

#: How a target is said not to have answered.  An endpoint that is cancelled by
#: the time that is up says only that it was cancelled.
_LATE = TimeoutError, TwistedTimeout, TCPTimedOutError, ConnectingCancelledError


class PodDialer:
    """Connects tunnels to the pods of this node."""

    def __init__(
        self, reactor: Any, pods: Pods, turn: Turn, timeout: float = CONNECT_TIMEOUT
    ) -> None:
        """
        Prepare to dial.

        :param timeout: seconds for all addresses of one target together.
        """
        self._reactor = reactor
        self._pods = pods
        self._turn = turn
        self._timeout = timeout

    def dial(self, relay: Relay) -> None:
        """Begin to connect *relay* to its target."""
        place = self._pods.find(relay.request.target)
        if isinstance(place, Failure):
            relay.refuse(place)
            return
        endpoint = self._endpoint(place, relay.request)
        if endpoint is None:
            relay.refuse(Failure(Reason.REFUSED, _words(relay, "connection refused")))
            return
        end = TcpEnd(self._turn)
        connecting = endpoint.connect(Ready(end))
        connecting.addTimeout(self._timeout, self._turn.clock)
        relay.cancel = connecting.cancel
        connecting.addCallbacks(
            lambda _: self._connected(relay, end), lambda why: self._failed(relay, why)
        )

    def _endpoint(self, place: Place, request: Request) -> IStreamClientEndpoint | None:
        """Return what connects to the target, if anything can."""
        if place is not IN_PROCESS:
            # Its own timeout is for each address; the one for all is `dial`'s.
            return client_endpoint(self._reactor, place.host, request.port)
        target = request.target
        visitor = Visitor(
            client=request.client,
            request_id=request.request_id,
            node=target.node or "",
            target=f"{target.namespace}/{target.pod}",
        )
        server = factory(request.port, visitor)
        return SocketpairEndpoint(self._reactor, server) if server else None

    def _connected(self, relay: Relay, end: TcpEnd) -> None:
        """Accept the tunnel: its target is connected."""
        with self._turn:
            tune(end.transport)
            relay.join(end)
            relay.act(Opened(end))

    def _failed(self, relay: Relay, why: TwistedFailure) -> None:
        """Refuse the tunnel, and say at which hop it ended."""
        late = why.check(*_LATE)
        words = "no answer" if late else why.getErrorMessage()
        reason = Reason.TIMEOUT if late else Reason.REFUSED
        with self._turn:
            relay.refuse(Failure(reason, _words(relay, words)))


def _words(relay: Relay, why: str) -> str:
    """Say which target could not be reached."""
    target = relay.request.target
    name = f"{target.namespace}/{target.pod}"
    return f"failed to connect to port {relay.request.port} of pod {name}: {why}"
