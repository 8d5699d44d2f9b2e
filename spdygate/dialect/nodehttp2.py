"""
Port-forward on HTTP/2 streams, from the asking side: what a gateway does to a
node service.

One connection carries the tunnels of many clients, so nothing that one of
them does may cost the others anything: a session that ends resets its own
streams only (docs/protocol.rst, 8.1 and 8.2).
"""

from __future__ import annotations

from ..session import events
from ..session.deadlines import Liveness, Verdict, in_words
from ..session.http2 import Http2Session
from .http2end import Http2End, Http2Line
from .http2tunnels import Http2Tunnels
from .http2words import ask, is_ours, refusal
from .patience import USUAL, Patience
from .tunnel import Failure, Opened, Reason, Request, TunnelEvent, nothing

#: Seconds of silence before a node is asked whether it is there, at most: the
#: tunnels of many clients are on one connection.
PING_INTERVAL = 15.0

#: What is said of a connection that ended without a reason of its own.
LOST = "the connection was lost"

#: Seconds in which a node must introduce itself on a new connection.
INTRODUCTION = 10.0


class NodeHttp2(Http2Tunnels):
    """
    Our connection to one node service.

    :ivar name: who is at the other side, as every failure begins: "node n1".
    :ivar ready: whether the node has introduced itself.
    :ivar stranger: whether it has shown to be no node service at all.
    """

    def __init__(
        self,
        name: str,
        authority: str,
        scheme: str,
        session: Http2Session,
        now: float,
        patience: Patience = USUAL,
    ) -> None:
        quiet = min(PING_INTERVAL, patience.quiet)
        alive = Liveness(now, quiet, patience.answer)
        super().__init__(Http2Line(session, f"{name}: ", now=now), alive)
        self.name = name
        self._authority = authority
        self._scheme = scheme
        self._patience = patience
        self._introduce_by = now + INTRODUCTION
        self.ready = False
        self.stranger = False

    @property
    def usable(self) -> bool:
        """Return whether a tunnel can be opened here now."""
        return self.ready and not self.ending and self._session.can_open

    @property
    def exhausted(self) -> bool:
        """Return whether no tunnel can ever be opened here again."""
        return self.ending or self._session.exhausted

    def open(self, request: Request) -> Http2End:
        """Ask for a tunnel; ask whether we are `usable` first."""
        headers = ask(request, self._authority, self._scheme)
        stream_id = self._session.open_stream(headers)
        end = self._line.ends[stream_id] = Http2End(self._line, stream_id)
        self._line.wake()
        return end

    def feed(self, data: bytes, now: float) -> list[TunnelEvent]:
        """Take bytes from the node; return what happened to the tunnels."""
        self._line.now = now
        self._alive.heard(now)
        if not self.ready and data.startswith(b"HTTP/1."):
            return self._not_http2()
        return self._translate(self._session.feed(data, now))

    def _not_http2(self) -> list[TunnelEvent]:
        """Give up what answers in HTTP/1.1, whatever it is."""
        self.stranger = True
        told: list[TunnelEvent] = []
        self._end_all("it answers in HTTP/1.1, so it is no spdygate node service", told)
        return told

    def _translate(self, happened: list[events.Event]) -> list[TunnelEvent]:
        """Say in terms of tunnels what happened to streams."""
        told: list[TunnelEvent] = []
        for event in happened:
            if type(event) is events.DataReceived:
                self._line.data(event, told)
            else:
                self._other(event, told)
        return self._line.settled(told)

    def _other(self, event: events.Event, told: list[TunnelEvent]) -> None:
        """Act on whatever is not DATA."""
        match event:
            case events.StreamAccepted(stream_id, headers):
                self._accepted(stream_id, headers, told)
            case events.StreamRefused(stream_id, headers, body):
                self._refused(stream_id, headers, body, told)
            case events.Ready(extended_connect):
                self._introduced(extended_connect, told)
            case events.GoingAway(last_stream_id):
                self._going_away(last_stream_id, told)
            case events.Broken(error):
                self._end_all(f"it broke the protocol: {error}", told)
            case _:
                self._line.common(event, told)

    def _accepted(
        self, stream_id: int, headers: events.Headers, told: list[TunnelEvent]
    ) -> None:
        """Believe a 200 only from a node service."""
        end = self._line.ends.get(stream_id)
        if end is None or end.over:
            return
        if is_ours(headers):
            end.answered = True
            told.append(Opened(end))
            return
        why = Failure(Reason.STRANGER, "its 200 is not a spdygate node service's")
        self._line.give_up(stream_id, why, told)

    def _refused(
        self,
        stream_id: int,
        headers: events.Headers,
        body: bytes,
        told: list[TunnelEvent],
    ) -> None:
        """Pass a refusal on, and note whether a node service gave it."""
        end = self._line.ends.get(stream_id)
        if end is not None:
            end.answered = is_ours(headers)
        self._line.failed(stream_id, refusal(headers, body), told)

    def _introduced(self, extended_connect: bool, told: list[TunnelEvent]) -> None:
        """Take note of the node's SETTINGS (RFC 8441, section 3)."""
        if extended_connect:
            self.ready = True
        else:
            self.stranger = True
            self._end_all("it speaks HTTP/2 but no extended CONNECT", told)

    def _going_away(self, last_stream_id: int, told: list[TunnelEvent]) -> None:
        """Give up what the node will not act on (RFC 9113, section 6.8)."""
        why = Failure(Reason.RETRY, "it is going away and did not take the stream")
        for stream_id in [key for key in self._line.ends if key > last_stream_id]:
            self._line.failed(stream_id, why, told)

    def _end_all(self, why: str, told: list[TunnelEvent]) -> None:
        """End every tunnel: the node cannot be reached any more."""
        self.ending = True
        self.why = self.why or why
        self._line.all_failed(Failure(Reason.LINK_LOST, self.why), told)

    def lost(self, why: str = LOST) -> list[TunnelEvent]:
        """Hear that the connection is gone; return what that means."""
        told: list[TunnelEvent] = []
        self._line.wake = nothing
        self._end_all(why, told)
        return told

    def deadline(self) -> float:
        """Return the time at which `tick` has something to do."""
        if self.ending:
            return float("inf")
        times = self._line.deadline(), self._alive.next()
        return min(times) if self.ready else min(*times, self._introduce_by)

    def tick(self, now: float) -> list[TunnelEvent]:
        """Do what *now* demands: ping, or give up a node that is dead."""
        told: list[TunnelEvent] = []
        if self.ending:
            return told
        self._line.tick(now, told)
        if not self.ready and now >= self._introduce_by:
            self.stranger = True
            self._end_all(f"it sent no SETTINGS within {INTRODUCTION:.0f} s", told)
        match self._look_alive(now):
            case Verdict.PING:
                self._line.ping()
            case Verdict.DEAD:
                seconds = in_words(self._patience.answer)
                words = f"it did not answer a PING within {seconds}"
                self._end_all(words, told)
        return told
