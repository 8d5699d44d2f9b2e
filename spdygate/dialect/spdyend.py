"""
The end of a tunnel that faces a SPDY client, and what all ends of it share.

What a failed connection is told is the table in docs/protocol.rst, 8.4.  Two
things no client forgives (there, "The traps"):

* an error stream that is never finished leaves its local socket open for
  ever; so whatever ends the data stream, or only the pod's half of it, ends
  the error stream too;
* one byte on an error stream makes every client since 1.23 close the session
  with all its ports; so it is written only where nothing is left to lose, or
  to clients that merely log it, or because an operator wants a kubelet's ways.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from ..errors import RstStatus
from ..session.events import Buffer
from ..session.spdy import SpdySession
from ..wire.portforward import (
    error_forwarding,
    error_forwarding_2015,
    timed_out,
    timed_out_2015,
)
from ..wire.urls import Target
from .budget import Held
from .pairs import Pair, Pairing
from .tunnel import Failure, Reason, Receiver, nothing


class Errors(Enum):
    """
    What a client is told of a failed connection.

    ``ISOLATE`` keeps the session alive: the stream is reset, which kubectl
    prints as "Stream reset", and the reason is in our log.  ``KUBELET`` does
    what k8s.io/cri-streaming 0.36 does: SYN_REPLY before the dial, then the
    text, upon which clients since 1.23 end the session.
    """

    ISOLATE = "isolate"
    KUBELET = "kubelet"


@dataclass(slots=True)
class Line:
    """
    What the ends of one client's session share.

    :ivar old: whether the client is of generation A or B, as far as its
        upgrade request told: it only logs what an error stream says.
    :ivar ends: by the number of the data stream, until nothing waits on it.
    :ivar wake: called when there is something to write or read again.
    :ivar pod_gone: whether the session should end, for want of a pod.
    :ivar farewells: streams to be reset when their clients have had time to
        read why, and to end them themselves.
    :ivar busy: whether anything was sent since somebody last looked.
    """

    session: SpdySession
    target: Target
    errors: Errors
    held: Held
    old: bool
    pairs: Pairing = field(default_factory=Pairing)
    ends: dict[int, SpdyEnd] = field(default_factory=dict)
    wake: Callable[[], None] = nothing
    pod_gone: bool = False
    farewells: list[int] = field(default_factory=list)
    busy: bool = False

    def is_old(self, pair: Pair) -> bool:
        """Say whether the pair is of a client of generation A or B."""
        return self.old and pair.request_id is None

    def forget(self, end: SpdyEnd) -> None:
        """Drop an end that is over, once nothing waits on it."""
        if not self.session.waiting(end.stream_id):
            self.ends.pop(end.stream_id, None)
        self.pairs.done(end.pair)

    def end_error_stream(self, pair: Pair, text: str = "") -> None:
        """Finish the error stream of a pair, if it has come, with *text* before."""
        pair.over = True
        if pair.error_id is None or pair.error_id not in self.session:
            return
        if text:
            self.session.send(pair.error_id, text.encode())
        self.session.finish(pair.error_id)
        if pair.error_id in self.session:  # the client has not finished it
            self.farewells.append(pair.error_id)

    def reset_error_stream(self, pair: Pair, text: str) -> None:
        """Write *text* and reset, as k8s.io/cri-streaming does since 1.32."""
        pair.over = True
        if pair.error_id is None or pair.error_id not in self.session:
            return
        data = text.encode()
        if self.session.send(pair.error_id, data) < len(data):
            # It waits, and a reset would overtake it: but not a FIN.
            self.session.finish(pair.error_id)
        self.session.reset(pair.error_id, RstStatus.CANCEL)

    def timeout_text(self, pair: Pair) -> str:
        """Return what a kubelet would write, where it does no harm or is wanted."""
        if self.is_old(pair):
            return timed_out_2015()
        if self.errors is Errors.KUBELET:
            return timed_out(pair.request_id or "")
        return ""

    def text_of(self, pair: Pair, failure: Failure) -> str:
        """Return the words a kubelet would have for *failure*."""
        form = error_forwarding_2015 if self.is_old(pair) else error_forwarding
        target = self.target
        name = f"{target.namespace}/{target.pod}"
        return form(pair.port, name, target.uid or "", failure.message)


class SpdyEnd:
    """
    One tunnel, as its SPDY client sees it.

    :ivar accepted: whether the data stream has been answered; as a kubelet it
        is, before anything is known of the target.
    :ivar held: bytes received that the other side has not drained.
    :ivar granted: bytes that it has, ever.
    :ivar finished: whether the pod's side has sent all it will.
    :ivar over: whether nothing more is to be reported.
    """

    __slots__ = (
        "_line",
        "accepted",
        "finished",
        "granted",
        "held",
        "over",
        "pair",
        "receiver",
        "stream_id",
    )

    def __init__(self, line: Line, pair: Pair, stream_id: int) -> None:
        self._line = line
        self.receiver: Receiver | None = None
        self.pair = pair
        self.stream_id = stream_id
        self.held = 0
        self.granted = 0
        self.accepted = line.errors is Errors.KUBELET
        self.finished = False
        self.over = False

    def accept(self) -> None:
        """Answer the data stream: the target is connected."""
        if not self.over:
            self._answer()
            self._line.wake()

    def _answer(self) -> None:
        """Answer the data stream, once."""
        if not self.accepted:
            self.accepted = True
            self._line.session.accept(self.stream_id)

    def send(self, data: Buffer) -> int:
        """Send DATA to the client."""
        if self.over:
            return len(data)
        self._line.busy = True
        self._line.wake()
        return self._line.session.send(self.stream_id, data)

    def starved(self) -> bool:
        """Say whether the client lets this tunnel wait, and takes others' bytes."""
        return self._line.session.starved(self.stream_id)

    def finish(self) -> None:
        """Send the pod's FIN, and end the error stream with it."""
        if self.over or self.finished:
            return
        self.finished = True
        self._line.session.finish(self.stream_id)
        self._line.end_error_stream(self.pair)
        if self.stream_id not in self._line.session:
            self._line.forget(self)
        self._line.wake()

    def fail(self, failure: Failure) -> None:
        """Reset the data stream, and tell the client what `Errors` allows."""
        line = self._line
        if not self.over:
            self.over = True
            self._tell(failure)
        else:
            # Asked twice, the session waits for nothing.
            line.session.reset(self.stream_id, RstStatus.CANCEL)
        line.forget(self)
        line.wake()

    def _tell(self, failure: Failure) -> None:
        """End both streams in the manner that suits the client and *failure*."""
        line, pair = self._line, self.pair
        if self.finished:
            line.session.reset(self.stream_id, RstStatus.CANCEL)
        elif failure.reason in (Reason.POD_GONE, Reason.NO_SUCH_POD):
            # A pod that is not there any more was, when the session began.
            line.end_error_stream(pair, line.text_of(pair, failure))
            line.session.reset(self.stream_id, RstStatus.CANCEL)
            line.pod_gone = True
        elif line.errors is Errors.KUBELET and pair.error_id is not None:
            if line.session.waiting(self.stream_id):
                line.session.reset(self.stream_id, RstStatus.CANCEL)
            line.session.finish(self.stream_id)
            line.reset_error_stream(pair, line.text_of(pair, failure))
        else:
            old = line.is_old(pair) and pair.error_id is not None
            line.end_error_stream(pair, line.text_of(pair, failure) if old else "")
            if old and not line.session.waiting(self.stream_id):
                # A client of 2015 reads why only while its data stream is open;
                # it resets both when it has, and we do if it does not.
                self._answer()
                line.farewells.append(self.stream_id)
            else:
                line.session.reset(self.stream_id, RstStatus.CANCEL)

    def grant(self, count: int) -> None:
        """Count *count* bytes as drained."""
        line = self._line
        self.granted += count
        self.held = line.held.give(self.held, count)
        if line.session.grant(self.stream_id, count):
            line.wake()
