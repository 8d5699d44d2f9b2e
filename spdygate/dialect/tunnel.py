"""
The one vocabulary of tunnels, into which every dialect is translated.

A *tunnel* is one forwarded TCP connection.  It has two *ends*: one faces the
client that asked, one faces whatever is nearer to the pod.  What happens at
an end is told as a value (`Opening`, `Opened`, `Data`, `Finished`, `Failed`,
`Drained`); what we want of it is a method of `End`.  A relay joins two ends
and knows nothing else, so N kinds of client and M kinds of node cost N + M
translations.

The contract of every end, held by one test class for all of them:

1. Bytes leave in the order they were sent, then the FIN, then a failure:
   `fail` after `finish` still delivers what was sent before.  `fail` without
   `finish` is at once, and what waits is thrown away.
2. `send` never refuses.  It says how many bytes are already on their way; the
   rest waits at the end and is reported by `Drained`.
3. Whoever receives `Data` owes the end a `grant` of as many bytes once they
   have left on the other side.  An end that is owed too much stops reading:
   that is all the back-pressure there is.
4. After `Failed` has been reported, after `fail`, or after both directions are
   finished, the end is over: it ignores what it is told, except for `grant`,
   since bytes it received may still wait elsewhere, and a second `fail`, which
   is at once.  It reports nothing more, unless bytes wait in it: then it goes
   on with `Drained`, and with `Failed` if they will never leave.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from ..session.events import Buffer
from ..wire.urls import Target


class Reason(Enum):
    """
    Why a tunnel failed, in words that appear in logs and metrics.

    The value is the HTTP status of a refusal (docs/protocol.rst, 8.1); what can only
    happen to an open tunnel has the status nearest to it.
    """

    def __init__(self, label: str, status: int) -> None:
        self.label = label
        self.status = status

    BAD_REQUEST = "bad-request", 400
    UNAUTHORIZED = "unauthorized", 401
    FORBIDDEN = "forbidden", 403
    NO_SUCH_POD = "no-such-pod", 404
    #: The port refused, or cannot be reached.
    REFUSED = "refused", 502
    TIMEOUT = "timeout", 504
    DRAINING = "draining", 503
    #: Nothing was done: the same can be asked again.
    RETRY = "retry", 503
    LIMIT = "limit", 429
    #: The target reset an open connection.
    TARGET_RESET = "target-reset", 502
    #: The pod ended while the tunnel was open.
    POD_GONE = "pod-gone", 502
    #: The other side of this end gave up: a client that resets or vanishes.
    GAVE_UP = "gave-up", 499
    #: The connection that carried the tunnel was lost.
    LINK_LOST = "link-lost", 502
    #: The peer did what the protocol forbids.
    PROTOCOL = "protocol", 502
    #: What was sent is not taken, and others wait for that.
    STALLED = "stalled", 504
    #: Whoever answered does not speak this dialect: another one may work.
    STRANGER = "stranger", 502
    #: Something here is broken that should not be.
    INTERNAL = "internal", 500


@dataclass(frozen=True, slots=True)
class Failure:
    """
    Why a tunnel failed, for a machine and for a person.

    :ivar message: one sentence that names the hop and, where there is one,
        the remedy.
    """

    reason: Reason
    message: str


class Receiver(Protocol):
    """Whoever holds an end, and hears what happens at it."""

    def act(self, event: TunnelEvent) -> None:
        """Act on what happened at one of the ends it holds."""

    def refuse(self, failure: Failure) -> None:
        """Give up the tunnel, both ends of it."""


class End(Protocol):
    """
    One end of a tunnel: what a relay may ask of it.

    :ivar receiver: who hears what happens here; set by whoever joins the end
        to another, and only carried by the dialect.
    """

    receiver: Receiver | None

    def accept(self) -> None:
        """Tell the client that the target is connected (client ends only)."""

    def send(self, data: Buffer) -> int:
        """
        Send *data*; keep what cannot go yet.

        :returns: how many of its bytes need no longer be waited for.
        """

    def finish(self) -> None:
        """Half-close: after what was sent, nothing more comes."""

    def fail(self, failure: Failure) -> None:
        """Give the tunnel up, and say why as far as the dialect can."""

    def grant(self, count: int) -> None:
        """Allow the end to read *count* bytes more."""


@dataclass(slots=True)
class Request:
    """
    What a client asks for: one port of one pod.

    :ivar request_id: one per tunnel, in every log line on the way.
    :ivar user: who asks, or empty while nobody is asked for credentials.
    :ivar client: who the client is and what it speaks, in words for a log.
    :ivar session: the client's connection; tunnels of one session to one pod
        share a connection to a node that has one for each client.
    """

    target: Target
    port: int
    request_id: str
    user: str = ""
    client: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """A client asks for a tunnel."""

    end: End
    request: Request


@dataclass(frozen=True, slots=True)
class Opened:
    """The far side has connected to the target."""

    end: End


@dataclass(slots=True)
class Data:
    """Bytes came; made once per piece, so neither frozen nor cheap to add to."""

    end: End
    data: Buffer


@dataclass(frozen=True, slots=True)
class Finished:
    """The end's other side will send no more."""

    end: End


@dataclass(frozen=True, slots=True)
class Failed:
    """The end is over."""

    end: End
    failure: Failure


@dataclass(frozen=True, slots=True)
class Drained:
    """Bytes that had waited at the end, ``count`` of them, have left."""

    end: End
    count: int


@dataclass(frozen=True, slots=True)
class Noted:
    """Something happened that concerns no tunnel, and a log should have it."""

    message: str


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What only an exchange has to tell: see `spdygate.dialect.exchange`."""

    end: End


#: What a relay acts on.
RelayEvent = Opened | Data | Finished | Failed | Drained

TunnelEvent = Opening | RelayEvent | Exchanged | Noted


def nothing() -> None:
    """Do nothing: what a callback is before somebody sets it."""
