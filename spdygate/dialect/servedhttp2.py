"""
Port-forward on HTTP/2 streams, from the serving side.

Docs/protocol.rst, 8.1: one CONNECT stream is one tunnel; it is accepted when
the target is, or refused with a status and a JSON Status.  Those who serve:

* a node service, for a gateway: one kind of CONNECT and nothing else;
* a gateway, for anybody (``exchanges``): also CONNECT as one asks a proxy,
  whose authority is a port of a pod, and every other request, as an exchange.

The connection is the tunnels' of many pods, so what is wrong with a stream
costs that stream alone.
"""

from __future__ import annotations

from ..session import events
from ..session.deadlines import Liveness, Verdict, in_words
from ..session.http2 import Http2Limits, Http2Session
from .exchange import Asked, Trailed
from .http2end import Http2End, Http2Line
from .http2exchange import Http2Exchange, ProxyEnd
from .http2heads import read_request, read_trailers, wants_to_go_on
from .http2tunnels import Http2Tunnels, ServedEnd
from .http2words import (
    BadRequestError,
    refused,
    understand,
    understand_plain,
    upgraded,
)
from .patience import USUAL, Patience
from .stalls import Stalls, reset_stalled
from .tunnel import (
    Failure,
    Finished,
    Noted,
    Opening,
    Reason,
    Request,
    TunnelEvent,
    nothing,
)

__all__ = ["CLIENT_LIMITS", "ServedHttp2"]

#: What a gateway lets a client's session hold: one client, not a cluster's, and
#: as many bytes as of a SPDY client's (`spdygate.dialect.budget.SESSION`).
CLIENT_LIMITS = Http2Limits(
    streams=1_000, session_window=4 * 1024 * 1024, held=12 * 1024 * 1024
)


class ServedHttp2(Http2Tunnels):
    """
    One HTTP/2 client's connection, as tunnels and exchanges.

    :ivar opened: how many tunnels were asked for so far.
    """

    def __init__(
        self,
        session: Http2Session,
        *,
        trusted: bool,
        session_id: str = "",
        client: str = "",
        now: float = 0.0,
        exchanges: bool = False,
        patience: Patience = USUAL,
    ) -> None:
        """
        Serve a connection.

        :param trusted: whether the peer proved by certificate to be a gateway.
        :param session_id: unique among sessions; its tunnels are numbered with
            it.  Without one they have the numbers that the peer gave them.
        :param client: who the peer is, in words for a log.
        :param now: seconds, of the clock that `feed` and `tick` are told; it
            may also begin with them.
        :param exchanges: whether whatever is no port-forward is passed on.
        """
        alive = Liveness(now, patience.quiet, patience.answer, patience.idle)
        super().__init__(Http2Line(session, now=now), alive)
        self._trusted = trusted
        self._session_id = session_id
        self._client = client
        self._exchanges = exchanges
        self._patience = patience
        self._stalls: Stalls[Http2End] = Stalls(session, now, patience)
        self._began = False
        self._peer = "the client" if exchanges else "the gateway"
        self.opened = 0

    def answer_upgrade(self) -> None:
        """
        Answer the request that asked for ``h2c``: stream 1, and end it.

        Once, after `Http2Session.after_upgrade`; tunnels are streams from 3 on
        (docs/protocol.rst, 8.2).
        """
        self._session.refuse(1, *upgraded())
        self._line.wake()

    def feed(self, data: bytes, now: float) -> list[TunnelEvent]:
        """Take bytes from the client; return what happened to its tunnels."""
        self._line.now = now
        self._begin(now)
        self._alive.heard(now)
        happened = self._session.feed(data, now)
        if not happened or any(type(event) is not events.Pong for event in happened):
            # Its own PINGs are use; answers to ours are not.
            self._alive.used(now)
        return self._translate(happened)

    def _translate(self, happened: list[events.Event]) -> list[TunnelEvent]:
        """Say in terms of tunnels what happened to streams."""
        told: list[TunnelEvent] = []
        for event in happened:
            if type(event) is events.DataReceived:
                self._line.data(event, told)
            elif type(event) is events.StreamOpened:
                self._open(event, told)
            elif type(event) is events.Broken:
                self._end_all(f"{self._peer} broke the protocol: {event.error}", told)
            else:
                if type(event) is events.StreamFinished and event.trailers:
                    self._trailed(event, told)
                self._line.common(event, told)
        return self._line.settled(told)

    # -- what is asked for ----------------------------------------------------------

    def _open(self, event: events.StreamOpened, told: list[TunnelEvent]) -> None:
        """Ask for what a stream is to be, or refuse it."""
        stream_id, headers = event.stream_id, event.headers
        fields = dict(headers)
        try:
            if not self._exchanges or b":protocol" in fields:
                request = understand(headers, trusted=self._trusted)
                self._tunnel(ServedEnd(self._line, stream_id), request, told)
            elif fields[b":method"] == b"CONNECT":
                request = understand_plain(headers, trusted=self._trusted)
                self._tunnel(ProxyEnd(self._line, stream_id), request, told)
            else:
                self._exchange(event, told)
        except BadRequestError as error:
            answer, body = refused(error.status, str(error))
            head_only = fields[b":method"] == b"HEAD"
            self._session.refuse(stream_id, answer, b"" if head_only else body)
            told.append(Noted(f"stream {stream_id} refused: {error}"))
            return
        if event.finished:
            end = self._line.ends[stream_id]
            end.they_finished = True
            told.append(Finished(end))

    def _tunnel(self, end: Http2End, request: Request, told: list[TunnelEvent]) -> None:
        """Ask for a tunnel."""
        self._line.ends[end.stream_id] = end
        self.opened += 1
        if self._session_id:
            request.session = self._session_id
            if not (self._trusted and request.request_id):
                # Two clients may choose the same, or one a line break in a log.
                request.request_id = f"{self._session_id}-{end.stream_id}"
        words = request.client, self._client
        request.client = "; ".join(word for word in words if word)
        told.append(Opening(end, request))

    def _exchange(self, event: events.StreamOpened, told: list[TunnelEvent]) -> None:
        """Ask for what is no tunnel."""
        request = read_request(event.headers)
        end = Http2Exchange(
            self._line, event.stream_id, head_only=request.method == "HEAD"
        )
        self._line.ends[event.stream_id] = end
        if wants_to_go_on(event.headers) and not event.finished:
            end.go_on()
        told.append(Asked(end, request, bodiless=event.finished))

    def _trailed(self, event: events.StreamFinished, told: list[TunnelEvent]) -> None:
        """Pass on the trailers of a request."""
        end = self._line.ends.get(event.stream_id)
        if end is not None and not end.over:
            told.append(Trailed(end, read_trailers(event.trailers)))

    # -- the connection -------------------------------------------------------------

    def _end_all(self, why: str, told: list[TunnelEvent]) -> None:
        """End every tunnel: there is no client any more."""
        self.ending = True
        self.why = self.why or why
        self._line.all_failed(Failure(Reason.GAVE_UP, self.why), told)

    def lost(self, why: str = "") -> list[TunnelEvent]:
        """Hear that the connection is gone; return what that means."""
        told: list[TunnelEvent] = []
        self._line.wake = nothing
        self._end_all(why or f"{self._peer} closed the connection", told)
        return told

    def deadline(self) -> float:
        """Return the time at which `tick` has something to do."""
        if self.ending:
            return float("inf")
        times = self._line.deadline(), self._alive.next(), self._stalls.next()
        return min(times)

    def tick(self, now: float) -> list[TunnelEvent]:
        """Do what *now* demands: ping, or give up a client that is gone."""
        told: list[TunnelEvent] = []
        if self.ending:
            return told
        self._begin(now)
        self._line.tick(now, told)
        ends = self._line.ends.values()
        reset_stalled(self._stalls, ends, self._patience, now, told)
        if self._line.ends:
            self._alive.used(now)
        match self._look_alive(now):
            case Verdict.PING:
                self._line.ping()
            case Verdict.DEAD:
                seconds = in_words(self._patience.answer)
                words = f"did not answer a PING within {seconds}"
                self._end_all(f"{self._peer} {words}", told)
            case Verdict.IDLE:
                self._session.goaway()
                self._end_all(f"idle for {in_words(self._patience.idle)}", told)
        return told

    def _begin(self, now: float) -> None:
        """Take the first time that is told for the beginning."""
        if not self._began:
            self._began = True
            self._alive.heard(now)
            self._alive.used(now)
