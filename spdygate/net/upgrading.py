"""
From a connection to a node's dialect: ask, wait for the 101, hand over.

Nothing passes before the node's explicit yes (CVE-2018-1002105), a redirect is
never followed (CVE-2018-1002102), and a connection whose upgrade was refused is
closed: whoever answers otherwise gets nothing more out of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure as TwistedFailure
from zope.interface import implementer

from ..gateway.ladder import LARGEST_ANSWER
from ..session.events import Broken
from ..session.http1client import Http1Client
from ..session.http1events import (
    Body,
    BodyFinished,
    ClientEvent,
    Responded,
    Switched,
)
from ..wire.upgrade import Request
from .shell import Shell
from .sockets import write
from .tls import alpn
from .turn import Turn

#: Seconds for a node to answer the request that asks for an upgrade.
ANSWERING = 10.0

#: What offers HTTP/2 in TLS (RFC 9113, section 3.2).
_H2 = b"h2"


@dataclass(frozen=True, slots=True)
class Refused:
    """
    A node did not go over to what it was asked for.

    :ivar status: of its answer; 0 if there was none.
    :ivar body: as much of it as is worth reading.
    :ivar words: what happened, for a log.
    """

    status: int
    body: bytes
    words: str


@implementer(IHalfCloseableProtocol)
class HandingOver(Protocol):
    """A connection that becomes a shell's, once it is known to be of use."""

    def __init__(self) -> None:
        self._shell: Shell | None = None

    def hand_over(self, shell: Shell) -> None:
        """Let *shell* have the connection from now on."""
        self._shell = shell
        shell.makeConnection(self.transport)

    def dataReceived(self, data: bytes) -> None:
        """Pass on what comes."""
        if self._shell is not None:
            self._shell.dataReceived(data)

    def readConnectionLost(self) -> None:
        """Pass the peer's FIN on; before the handing over it is the end."""
        if self._shell is not None:
            self._shell.readConnectionLost()
        elif self.transport is not None:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Do nothing: it was us who closed it."""

    def connectionLost(self, reason: TwistedFailure = connectionDone) -> None:
        """Pass it on."""
        if self._shell is not None:
            self._shell.connectionLost(reason)


class Greeting(HandingOver):
    """Hands a connection over to HTTP/2, unless TLS has agreed on another."""

    def __init__(self, shell: Shell, on_refused: Callable[[Refused], None]) -> None:
        super().__init__()
        self._next = shell
        self._on_refused = on_refused

    def connectionMade(self) -> None:
        """Look at what was agreed on: with another, not a byte is said."""
        agreed = alpn(self.transport)
        if agreed is None or agreed == _H2:
            self.hand_over(self._next)
            return
        words = f"TLS agreed on {agreed.decode('ascii', 'replace')}, not on h2"
        assert self.transport is not None
        self.transport.loseConnection()
        self._on_refused(Refused(0, b"", words))


class Upgrading(HandingOver):
    """Asks for an upgrade, and hands the connection over when it is granted."""

    def __init__(
        self,
        ask: Request,
        token: str,
        turn: Turn,
        on_switched: Callable[[Switched], Shell | str],
        on_refused: Callable[[Refused], None],
    ) -> None:
        """
        Prepare to ask.

        :param token: what to go over to.
        :param on_switched: given the 101, returns who is to have the
            connection, or what is wrong with it.
        """
        super().__init__()
        self._ask = ask
        self._token = token
        self._turn = turn
        self._on_switched = on_switched
        self._on_refused = on_refused
        self._http = Http1Client()
        self._status = 0
        self._body = bytearray()
        self._timer: IDelayedCall | None = None
        self._over = False

    def connectionMade(self) -> None:
        """Ask."""
        self._timer = self._turn.clock.callLater(ANSWERING, self._late)
        self._http.ask(self._ask, upgrade=self._token)
        self._flush()

    def _flush(self) -> None:
        """Write what HTTP has to say."""
        data = self._http.outgoing()
        if data and self.transport is not None:
            write(self.transport, data)

    def dataReceived(self, data: bytes) -> None:
        """Read the answer."""
        if self._shell is not None:
            self._shell.dataReceived(data)
        elif not self._over:
            self._act(self._http.feed(data))

    def _act(self, events: list[ClientEvent]) -> None:
        """Act on what the node answered."""
        for event in events:
            match event:
                case Switched():
                    self._switched(event)
                case Responded(status, _):
                    self._status = status
                case Body(data):
                    self._body += data[: LARGEST_ANSWER - len(self._body)]
                    if len(self._body) >= LARGEST_ANSWER:
                        self._answered()
                case BodyFinished():
                    self._answered()
                case Broken(error):
                    self._refused(f"it broke the protocol: {error}")
            if self._over:
                return

    def _switched(self, event: Switched) -> None:
        """Hand the connection over, unless the 101 is not what was asked for."""
        shell = self._on_switched(event)
        if isinstance(shell, str):
            self._refused(shell)
            return
        self._end()
        self.hand_over(shell)
        if event.glued:
            shell.dataReceived(event.glued)

    def _answered(self) -> None:
        """Tell what was answered instead."""
        self._refused(f"it answered with HTTP status {self._status}")

    def _late(self) -> None:
        """Give up a node that does not answer."""
        self._refused(f"it did not answer within {ANSWERING:.0f} s")

    def _refused(self, words: str) -> None:
        """Close the connection, and tell why."""
        if self._over:
            return
        self.abort()
        self._on_refused(Refused(self._status, bytes(self._body), words))

    def abort(self) -> None:
        """Stop, without a word to anyone."""
        self._end()
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def _end(self) -> None:
        """Stop waiting for an answer."""
        self._over = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def connectionLost(self, reason: TwistedFailure = connectionDone) -> None:
        """Pass it on; a body may end so, but no answer may."""
        if self._shell is None and not self._over:
            self._act(self._http.eof())
            self._refused("it closed the connection without an answer")
        super().connectionLost(reason)
