"""An API server made of twisted.web: two lists, and watches that stay open."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.test.iosim import IOPump, connect, makeFakeClient, makeFakeServer
from twisted.web.http import Request as WebRequest
from twisted.web.resource import Resource as WebResource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import implementer

Json = dict[str, Any]

#: Answers a request itself, or returns nothing to let the lists answer.
Answerer = Callable[[WebRequest], bytes | None]


def pod(name: str, node: str = "n1", phase: str = "Running", version: str = "") -> Json:
    """Return a pod as JSON has it."""
    metadata = {"namespace": "shop", "name": name, "uid": f"uid-{name}"}
    return {
        "kind": "Pod",
        "metadata": metadata | {"resourceVersion": version},
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]},
        "status": {"phase": phase},
    }


def node(name: str, address: str) -> Json:
    """Return a node as JSON has it."""
    addresses = [
        {"type": "Hostname", "address": name},
        {"type": "InternalIP", "address": address},
    ]
    return {
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"addresses": addresses},
    }


def status(code: int, message: str) -> Json:
    """Return a Status as JSON has it."""
    return {"kind": "Status", "status": "Failure", "code": code, "message": message}


class FakeApi(WebResource):
    """
    What the API server answers.

    :ivar items: the objects of each resource, by its plural.
    :ivar version: the resourceVersion of every list.
    :ivar asked: path and parameters of every request.
    :ivar headers: those of the last request.
    :ivar watches: the open watches of each resource, the newest last.
    :ivar answer: asked before anything else.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[str, list[Json]] = {"pods": [], "nodes": []}
        self.version = "100"
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: dict[str, str] = {}
        self.watches: dict[str, list[WebRequest]] = {"pods": [], "nodes": []}
        self.answer: Answerer = lambda _: None

    def render_GET(self, request: WebRequest) -> bytes | int:
        """Answer a list or a watch."""
        path = request.path.decode()
        query = {k.decode(): v[0].decode() for k, v in request.args.items()}
        self.asked.append((path, query))
        self.headers = {
            name.decode().lower(): values[0].decode()
            for name, values in request.requestHeaders.getAllRawHeaders()
        }
        own = self.answer(request)
        if own is not None:
            return own
        plural = path.rpartition("/")[2]
        if "watch" in query:
            self.watches[plural].append(request)
            request.write(b"")
            return NOT_DONE_YET
        return self._list(plural, query)

    def _list(self, plural: str, query: dict[str, str]) -> bytes:
        """Answer one page of a list."""
        start, limit = int(query.get("continue", "0")), int(query["limit"])
        items = self.items[plural]
        metadata = {"resourceVersion": self.version}
        if start + limit < len(items):
            metadata["continue"] = str(start + limit)
        page = {"items": items[start : start + limit], "metadata": metadata}
        return json.dumps(page).encode()

    def tell(self, plural: str, kind: str, item: Json) -> None:
        """Tell the newest watch of a resource of an event."""
        event = json.dumps({"type": kind, "object": item}).encode() + b"\n"
        self.watches[plural][-1].write(event)

    def asked_for(self, plural: str, watch: bool) -> list[dict[str, str]]:
        """Return the parameters of the lists or watches of a resource."""
        return [
            query
            for path, query in self.asked
            if path.endswith(f"/{plural}") and ("watch" in query) is watch
        ]

    @staticmethod
    def refuse(code: int, message: str) -> Answerer:
        """Return what answers everything with a Status."""

        def answer(request: WebRequest) -> bytes:
            request.setResponseCode(code)
            return json.dumps(status(code, message)).encode()

        return answer


@implementer(IStreamClientEndpoint)
class MemoryServer:
    """
    Connects to a resource without any network.

    :ivar listening: whether it can be connected to.
    :ivar pumps: one for each connection.
    """

    def __init__(self, resource: WebResource, clock: Clock) -> None:
        self._site = Site(resource, reactor=clock, timeout=None)
        self._clock = clock
        self.listening = True
        self.pumps: list[IOPump] = []

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect at once."""
        if not self.listening:
            return fail(ConnectionRefusedError())
        address: IAddress = StringTransportWithDisconnection().getPeer()
        client = protocolFactory.buildProtocol(address)
        server = self._site.buildProtocol(address)
        assert client is not None
        self.pumps.append(
            connect(
                server,
                makeFakeServer(server),
                client,
                makeFakeClient(client),
                greet=False,
            )
        )
        return succeed(client)

    def flush(self) -> None:
        """Move bytes until none is left."""
        for _ in range(8):
            self._clock.advance(0)
            for pump in list(self.pumps):
                pump.flush()
