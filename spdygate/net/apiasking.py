"""
Our own questions to the API server: one page, or a watch, as JSON.

They go over `twisted.web.client.Agent` in HTTP/1.1 and with our own
credential, which is read anew for each.  What comes is bounded: a page by
`LARGEST_PAGE`, a line of a watch by `LARGEST_LINE`, and everything by a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IResponse
from zope.interface import implementer

from .. import __version__
from ..errors import SpdygateError
from ..wire.kubejson import read_object
from ..wire.portforward import status_message
from .apiserver import ApiServer
from .explain import explain
from .sockets import tune

#: Bytes of one page of a list.  etcd takes objects of 1.5 MiB; a page of 500
#: pods has some 5 MiB.
LARGEST_PAGE = 64 * 1024 * 1024

#: Bytes of one line of a watch, which is one object.
LARGEST_LINE = 4 * 1024 * 1024

#: Bytes of an answer that is none of these.
LARGEST_STATUS = 64 * 1024

#: Seconds for the head of an answer, with the connection it comes on.
ANSWER_LIMIT = 30.0

#: Seconds for a page to arrive.
PAGE_LIMIT = 120.0


class Refused(SpdygateError):
    """
    The API server answered, but not with what was asked for.

    :ivar status: the HTTP status, or the code of a Status.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Strange(SpdygateError):
    """What came is not what an API server says."""


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class _Way:
    """
    The one connection of one request, whatever its URL says.

    Agent's own way to leave a response early waits for the peer's farewell
    under TLS; whoever has gone silent says none.
    """

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._protocol: IProtocol | None = None

    def endpointForURI(self, uri: URI) -> _Way:
        """Return how the API server is reached."""
        return self

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, and remember to what."""
        if isinstance(protocolFactory, Factory):
            protocolFactory.noisy = False
        connecting = self._api.endpoint.connect(protocolFactory)
        return connecting.addCallback(self._keep)

    def _keep(self, protocol: IProtocol) -> IProtocol:
        """Remember a connection, and see that its end is noticed."""
        self._protocol = protocol
        tune(getattr(protocol, "transport", None))
        return protocol

    def abort(self) -> None:
        """Close the connection at once, if there is one."""
        transport = getattr(self._protocol, "transport", None)
        if transport is not None:
            transport.abortConnection()


class ApiClient:
    """Asks the API server for ourselves."""

    def __init__(self, api: ApiServer, clock: IReactorTime) -> None:
        self._api = api
        self._clock = clock

    async def page(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        """
        Ask for one JSON object.

        :raises Refused: the answer is not a 200.
        :raises Strange: it is, but it is no JSON object.
        """
        way = _Way(self._api)
        response = await self._get(way, path, query)
        gather = _Gather(way, LARGEST_PAGE)
        found = read_object(await self._read(response, gather, PAGE_LIMIT))
        if found is None:
            raise Strange("its answer is not a JSON object")
        return found

    async def watch(
        self,
        path: str,
        query: dict[str, str],
        tell: Callable[[dict[str, Any]], None],
    ) -> Deferred[bytes]:
        """
        Ask for a stream of JSON objects.

        :param tell: called with each; what it raises ends the stream.
        :returns: once it has begun; what is returned fires when it ends, and
            with `Strange` if a line is no JSON object, or too long.
        :raises Refused: the answer is not a 200.
        """
        way = _Way(self._api)
        response = await self._get(way, path, query)
        lines = _Lines(way, tell)
        response.deliverBody(lines)
        return lines.done

    async def _get(self, way: _Way, path: str, query: dict[str, str]) -> IResponse:
        """Ask, and wait for the head of an answer that is a 200."""
        api = self._api
        url = f"{api.scheme}://{api.authority}{api.prefix}{path}?{urlencode(query)}"
        headers = Headers(
            {"accept": ["application/json"], "user-agent": [f"spdygate/{__version__}"]}
        )
        for name, value in api.credential():
            headers.addRawHeader(name, value)
        # No pool: the connection is closed behind the answer.  Agent wants a
        # whole reactor, and uses its clock.
        agent = Agent.usingEndpointFactory(cast(Any, self._clock), way)
        asking = agent.request(b"GET", url.encode("ascii"), headers)
        asking.addTimeout(ANSWER_LIMIT, self._clock)
        response: IResponse = await asking
        if response.code != 200:
            gather = _Gather(way, LARGEST_STATUS)
            body = await self._read(response, gather, ANSWER_LIMIT)
            raise _refused(response.code, body)
        return response

    async def _read(self, response: IResponse, into: _Reader, limit: float) -> bytes:
        """Read a body, within a time."""
        response.deliverBody(into)
        return await into.done.addTimeout(limit, self._clock)


class _Reader(Protocol):
    """
    Reads a body.

    :ivar done: fires with what there is to say of it when it has ended.
    """

    def __init__(self, way: _Way) -> None:
        self._way = way
        self.done: Deferred[bytes] = Deferred(lambda _: way.abort())

    def dataReceived(self, data: bytes) -> None:
        """Read; what goes wrong ends the body."""
        if self.done.called:
            return
        try:
            self.read(data)
        except Exception:  # noqa: BLE001
            # Whatever it is: it is told to whoever waits for the body.
            failure = Failure()
            self._way.abort()
            if not self.done.called:
                self.done.errback(failure)

    def read(self, data: bytes) -> None:
        """Read a piece."""

    def result(self) -> bytes:
        """Return what was read."""
        return b""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell how the body has ended."""
        if self.done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(self.result())
        else:
            self.done.errback(reason)


class _Gather(_Reader):
    """Gathers a body that has a bound."""

    def __init__(self, way: _Way, most: int) -> None:
        super().__init__(way)
        self._most = most
        self._data = bytearray()

    def read(self, data: bytes) -> None:
        """Gather."""
        self._data += data
        if len(self._data) > self._most:
            raise Strange(f"its answer has more than {self._most} bytes")

    def result(self) -> bytes:
        """Return all of it."""
        return bytes(self._data)


class _Lines(_Reader):
    """Tells of each line of a body."""

    def __init__(self, way: _Way, tell: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(way)
        self._tell = tell
        self._line = bytearray()

    def read(self, data: bytes) -> None:
        """Tell of every line that is whole now."""
        *whole, rest = data.split(b"\n")
        for each in whole:
            self._line += each
            self._check()
            line, self._line = self._line, bytearray()
            if line.strip():
                self._tell_line(bytes(line))
        self._line += rest
        self._check()

    def _check(self) -> None:
        """Refuse a line that is too long."""
        if len(self._line) > LARGEST_LINE:
            raise Strange(f"a line of its watch has more than {LARGEST_LINE} bytes")

    def _tell_line(self, line: bytes) -> None:
        """Tell of one line."""
        found = read_object(line)
        if found is None:
            raise Strange("a line of its watch is not a JSON object")
        self._tell(found)


def _refused(status: int, body: bytes) -> Refused:
    """Return what an answer says that is not a 200."""
    words = status_message(body)
    return Refused(status, f"it answers {status}" + (f": {words}" if words else ""))


def why(failure: Failure) -> str:
    """Say why a question has no answer."""
    error = failure.value
    if isinstance(error, SpdygateError):
        return str(error)
    reasons = getattr(error, "reasons", None)
    if reasons and isinstance(reasons[0], Failure):
        return why(reasons[0])  # what Agent puts around failures
    if isinstance(error, (CancelledError, TimeoutError)):
        return "it does not answer in time"
    return explain(failure, "it", "--api").removeprefix("it: ")
