"""
Which error stream belongs to which data stream.

A SPDY client makes two streams for every connection.  Since Kubernetes 1.1
both carry the same ``requestID``; before it the kubelet guessed from stream
numbers, and guessed wrong as soon as two connections began together.  We pair
old streams first-in first-out for each port, which is what their client's one
goroutine per connection amounts to: a wrong pair can then only be one of two
connections to the same target, and since the life of a pair hangs on its data
stream alone, even that harms nobody (docs/protocol.rst, 2.9).

A pair is *complete* when both streams have come, or when the data stream said
that it is alone.  One that is not within `PATIENCE` seconds has `expired`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import takewhile

from ..errors import SpdygateError
from ..wire.portforward import Kind, StreamAsk

#: Seconds between the two streams of a pair (``DefaultStreamCreationTimeout``
#: in k8s.io/cri-streaming, pkg/streaming/portforward/constants.go).
PATIENCE = 30.0


@dataclass(slots=True, eq=False)
class Pair:
    """
    The two streams of one connection, as far as they have come.

    :ivar request_id: what both streams carry, or ``None`` from a client that
        is older than 1.1.
    :ivar since: when the first of them came.
    :ivar alone: no error stream belongs to it.
    :ivar over: the connection has ended, and its error stream is to follow.
    """

    port: int
    request_id: str | None
    since: float
    error_id: int | None = None
    data_id: int | None = None
    alone: bool = False
    over: bool = False

    @property
    def complete(self) -> bool:
        """Return whether no further stream is waited for."""
        if self.data_id is None:
            return False
        return self.alone or self.error_id is not None


class DuplicateStreamError(SpdygateError):
    """
    A third stream came with a ``requestID`` that has two.

    :ivar pair: the pair that is complete without it.
    """

    def __init__(self, pair: Pair, kind: Kind) -> None:
        super().__init__(f"{kind.value} stream already assigned")
        self.pair = pair


class Pairing:
    """Every pair of one session."""

    def __init__(self) -> None:
        self._by_request: dict[str, Pair] = {}
        self._by_port: dict[tuple[int, Kind], deque[Pair]] = {}
        #: Oldest first, since all of them have the same patience.
        self._incomplete: dict[Pair, None] = {}

    def add(self, stream_id: int, ask: StreamAsk, now: float) -> Pair:
        """
        Give a new stream its place in a pair, old or new.

        :raises DuplicateStreamError: its place is taken.
        """
        if ask.kind is Kind.LONE:
            return Pair(ask.port, None, now, data_id=stream_id, alone=True)
        if ask.request_id is None:
            pair = self._oldest_that_lacks(ask) or Pair(ask.port, None, now)
        else:
            pair = self._by_request.setdefault(
                ask.request_id, Pair(ask.port, ask.request_id, now)
            )
        self._place(pair, stream_id, ask)
        if pair.complete:
            self._incomplete.pop(pair, None)
        elif pair not in self._incomplete:
            self._incomplete[pair] = None
        return pair

    def _oldest_that_lacks(self, ask: StreamAsk) -> Pair | None:
        """Return the pair of this port that has waited longest for such a stream."""
        queue = self._by_port.get((ask.port, ask.kind))
        if not queue:
            return None
        pair = queue.popleft()
        if not queue:
            del self._by_port[ask.port, ask.kind]
        return pair

    def _place(self, pair: Pair, stream_id: int, ask: StreamAsk) -> None:
        """Enter the stream; the port of a pair is that of its data stream."""
        if ask.kind is Kind.DATA:
            if pair.data_id is not None:
                raise DuplicateStreamError(pair, ask.kind)
            pair.data_id, pair.port = stream_id, ask.port
        else:
            if pair.error_id is not None:
                raise DuplicateStreamError(pair, ask.kind)
            pair.error_id = stream_id
        if ask.request_id is None and not pair.complete:
            lacks = Kind.ERROR if ask.kind is Kind.DATA else Kind.DATA
            self._by_port.setdefault((ask.port, lacks), deque()).append(pair)

    def done(self, pair: Pair) -> None:
        """Forget a pair; its ``requestID`` may be used again."""
        self._incomplete.pop(pair, None)
        if pair.request_id is not None:
            if self._by_request.get(pair.request_id) is pair:
                del self._by_request[pair.request_id]
        elif not pair.complete:
            lacks = Kind.DATA if pair.data_id is None else Kind.ERROR
            queue = self._by_port.get((pair.port, lacks))
            if queue is not None and pair in queue:
                queue.remove(pair)
                if not queue:
                    del self._by_port[pair.port, lacks]

    def next(self) -> float:
        """Return when the oldest incomplete pair expires."""
        for pair in self._incomplete:
            return pair.since + PATIENCE
        return float("inf")

    def expired(self, now: float) -> list[Pair]:
        """Return the pairs whose other stream did not come; `done` is the caller's."""
        # Oldest first: the first that is not due ends it.
        return list(takewhile(lambda p: now >= p.since + PATIENCE, self._incomplete))
