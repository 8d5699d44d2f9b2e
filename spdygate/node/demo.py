"""
The demo pod: something to forward to before anything of one's own is there.

It has two ports.  80 answers HTTP with a page that says how the visitor got
here (`spdygate.node.demopage`); 7 repeats what it hears (RFC 862).  Every
connection gets a protocol factory of its own, because the page is about the
tunnel that it is read through; the caller makes a pair of sockets and gives
one end to ``reactor.adoptStreamConnection`` with that factory.

Both protocols honour half-close: what was asked before the client's FIN is
answered after it.  A plain Twisted protocol would lose its unsent bytes then.
"""

from __future__ import annotations

from io import BytesIO

from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    IProtocolFactory,
    IPushProducer,
    IReactorTime,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from zope.interface import implementer

from .demopage import Visitor, as_html, as_text

__all__ = ["PORTS", "Visitor", "factory"]

#: The ports of the demo pod, by the names that a service has for them.
PORTS = (("http", 80), ("echo", 7))

#: Seconds that an HTTP connection may be idle, as Twisted has it by default.
IDLE = 60

#: The page is whole in itself: it fetches nothing and runs nothing.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:",
    "Server": "spdygate demo pod",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}


def factory(
    port: int, visitor: Visitor, reactor: IReactorTime | None = None
) -> IProtocolFactory | None:
    """
    Return what serves one connection to a port of the demo pod.

    :param reactor: what measures idle time; the global one by default.
    :returns: nothing if the pod does not listen there.
    """
    if port == 7:
        return Factory.forProtocol(Echo)
    if port == 80:
        return PageSite(visitor, reactor)
    return None


@implementer(IHalfCloseableProtocol)
class Echo(Protocol):
    """
    Repeats every byte, then the FIN (RFC 862).

    The transport is its own producer: while it cannot write it does not read,
    so that a visitor who only talks costs no memory.
    """

    def connectionMade(self) -> None:
        """Let writing hold back reading."""
        producer = IPushProducer(self.transport)
        IConsumer(self.transport).registerProducer(producer, True)

    def dataReceived(self, data: bytes) -> None:
        """Send it back."""
        IConsumer(self.transport).write(data)

    def readConnectionLost(self) -> None:
        """Send what is left and then our FIN: there is no more to come."""
        IConsumer(self.transport).unregisterProducer()
        ITransport(self.transport).loseConnection()

    def writeConnectionLost(self) -> None:
        """Do nothing: this side only ever closes as a whole."""


@implementer(IHalfCloseableProtocol)
class PageChannel(HTTPChannel):
    """An HTTP/1.1 connection that answers before it follows a FIN."""

    def readConnectionLost(self) -> None:
        """
        Send what is left and then our FIN.

        Pages are made at once, so every complete request has been answered;
        what is incomplete will stay so.
        """
        self.loseConnection()

    def writeConnectionLost(self) -> None:
        """Do nothing: this side only ever closes as a whole."""


class PageRequest(Request):
    """A request whose body nobody wants, so that it may be of any length."""

    def gotLength(self, length: int | None) -> None:
        """Prepare for no body; Twisted would open a file for a long one."""
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """Let a piece of the body go."""


class PageSite(Site):
    """The HTTP server of one connection."""

    # Twisted declares the proxy that it puts before its own channels.
    protocol = PageChannel  # type: ignore[assignment]
    requestFactory = PageRequest

    def __init__(self, visitor: Visitor, reactor: IReactorTime | None = None) -> None:
        super().__init__(
            Page(visitor), timeout=IDLE, reactor=reactor, parsePOSTFormSubmission=False
        )


class Page(Resource):
    """The page about one visitor, whatever path is asked for."""

    isLeaf = True

    def __init__(self, visitor: Visitor) -> None:
        super().__init__()
        self._visitor = visitor

    def render_GET(self, request: Request) -> bytes:
        """Answer in HTML who asks for that, and in plain text all others."""
        for name, value in _HEADERS.items():
            request.setHeader(name, value)
        # Browsers name it; curl and the like say only that they take anything.
        if "text/html" in (request.getHeader("Accept") or ""):
            request.setHeader("Content-Type", "text/html; charset=utf-8")
            return as_html(self._visitor)
        request.setHeader("Content-Type", "text/plain; charset=utf-8")
        return as_text(self._visitor)
