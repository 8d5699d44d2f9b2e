"""
The far end of one exchange, and what it shares with its connection.

The bytes sent are the request's body, and those received the response's.  Once
the API server has granted an upgrade, both are the connection's own, and each
direction ends with a FIN.  Rules beyond the contract of every end:

1. What is sent before the upgrade is granted waits, and is thrown away if it
   is not: bytes behind a request that is refused must reach nobody, or they
   would be read as another request.
2. An end outlives its exchange, and the connection may serve another one by
   then.  So it asks whose turn it is before it touches anything but the
   account of what was received.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..session.events import Buffer
from ..session.http1client import Http1Client
from ..session.outbox import UNLIMITED, Outbox
from ..wire.upgrade import Fields
from .budget import Held
from .tunnel import Failure, Receiver, nothing


@dataclass(slots=True)
class ApiLine:
    """
    What the ends of one connection's exchanges share.

    :ivar end: the end of the exchange in progress.
    :ivar raw: whether the connection was switched to another protocol.
    :ivar raw_out: what is to be written in it.
    :ivar fin: whether nothing is to be written in it any more.
    :ivar owed: bytes received that have not left on the other side.
    :ivar ending: whether the connection serves nobody any more.
    :ivar wake: called when there is something to write or read again.
    """

    held: Held
    client: Http1Client = field(default_factory=Http1Client)
    outbox: Outbox = field(default_factory=Outbox)
    end: ApiEnd | None = None
    raw: bool = False
    raw_out: list[Buffer] = field(default_factory=list)
    fin: bool = False
    owed: int = 0
    ending: bool = False
    wake: Callable[[], None] = nothing

    def write(self, data: Buffer) -> None:
        """Write what may go now."""
        if self.raw:
            self.raw_out.append(data)
        else:
            self.client.send(data)

    def take(self, count: int) -> None:
        """Count bytes as received."""
        self.owed = self.held.take(self.owed, count)

    def give(self, count: int) -> None:
        """Count bytes as gone, and read on if that is what it took."""
        self.owed = self.held.give(self.owed, count)
        self.wake()


class ApiEnd:
    """
    One exchange, as far as the API server is concerned.

    :ivar number: of the exchange on its connection.
    :ivar upgrade: what the request asks to go over to, or empty.
    :ivar over: whether nothing more is to be reported.
    :ivar finished: whether we were told to finish.
    :ivar sent_all: whether all that was sent, and its end, is on its way.
    :ivar told_finished: whether the API server has said all.
    """

    __slots__ = (
        "_line",
        "_trailers",
        "finished",
        "number",
        "over",
        "receiver",
        "sent_all",
        "told_finished",
        "upgrade",
    )

    def __init__(self, line: ApiLine, number: int, upgrade: str) -> None:
        self._line = line
        self.number = number
        self.upgrade = upgrade
        self.receiver: Receiver | None = None
        self.over = self.finished = self.sent_all = self.told_finished = False
        self._trailers: Fields = ()
        line.outbox.add(number, 0 if upgrade else UNLIMITED)

    def accept(self) -> None:
        """Refuse: an API server asks for nothing."""
        raise NotImplementedError("an API server's end is never accepted")

    def send(self, data: Buffer) -> int:
        """Send *data*; keep it while the transport is congested."""
        if self.over or self.finished:
            return len(data)
        room = self._line.outbox.put(self.number, data)
        if room:
            self._line.write(data[:room])
            self._line.wake()
        return room

    def trail(self, trailers: Fields) -> None:
        """Keep trailers, to be written when the request is finished."""
        self._trailers = trailers

    def finish(self) -> None:
        """End the request, or the connection's sending half, behind what was sent."""
        if self.over or self.finished:
            return
        self.finished = True
        if self._line.outbox.finish(self.number):
            self.end_request()
        self._line.wake()

    def end_request(self) -> None:
        """Write the end, now that all before it is written."""
        self.sent_all = True
        if self.upgrade:  # the request itself ended with its head
            self._line.fin = True
        else:
            self._line.client.finish(self._trailers)

    def grant_upgrade(self) -> None:
        """Let what waited for the upgrade go."""
        self._line.outbox.credit(self.number, UNLIMITED)

    @property
    def waiting(self) -> int:
        """Return how many bytes wait here."""
        return self._line.outbox.waiting(self.number)

    def fail(self, failure: Failure) -> None:
        """Close the connection; after `finish`, deliver what was sent first."""
        at_once = self.over or not self.finished
        self.over = True
        if self._line.end is not self:
            return
        self._line.ending = True
        if at_once:
            self._line.outbox.remove(self.number)
        self._line.wake()

    def grant(self, count: int) -> None:
        """Note that *count* bytes have left on the other side."""
        self._line.give(count)
