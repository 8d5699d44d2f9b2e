"""
What h2 makes of a peer's frames, in our words: streams that come, answer, end.

1. Only requests and answers, ordinary bodies and settings are heard of here;
   DATA of tunnels is not, but its END_STREAM is.
2. What h2 does not forbid is forbidden here: ``:protocol`` that was not
   announced, and a tunnel that has a content-length.
3. A reset of a tunnel that was never answered costs a token, and so does one
   of an ordinary request whose answer has not left, and one that h2 sends by
   itself (docs/protocol.rst, section 6.4).

Sections are those of RFC 9113.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from h2 import events as h2
from h2.settings import SettingCodes

from ..errors import Http2Code, RemoteStreamError
from .events import (
    DataReceived,
    Event,
    Headers,
    Pong,
    Ready,
    StreamAccepted,
    StreamFinished,
    StreamOpened,
)
from .http2lane import Lane, Phase, Stream


class Translating(Lane):
    """The part of a session that h2 tells what it has read."""

    def _translate(self, heard: Iterable[h2.Event], events: list[Event]) -> None:
        """Say in our words what h2 says in its own."""
        self._collect()
        for event in heard:
            translate = _TRANSLATIONS.get(type(event))
            if translate is not None:
                translate(self, event, events)

    def _heard_request(self, event: h2.RequestReceived, events: list[Event]) -> None:
        """Open a stream for the peer (section 8.3.1)."""
        stream_id = self._highest = event.stream_id
        headers = _plain(event.headers)
        names = dict(headers)
        tunnel = names.get(b":method") == b"CONNECT"
        finished = event.stream_ended is not None
        if self._leaving:
            self._noise.take(1, self._now)
            self._reset(stream_id, Http2Code.REFUSED_STREAM)
            return
        if b":protocol" in names and not self._announced:
            raise RemoteStreamError(stream_id, ":protocol was not announced")
        if tunnel and b"content-length" in names:
            raise RemoteStreamError(stream_id, "a CONNECT with a content-length")
        stream = self._begin(stream_id, tunnel=tunnel)
        stream.lane = tunnel and not finished
        stream.they_finished = finished
        events.append(StreamOpened(stream_id, headers, finished))

    def _heard_response(self, event: h2.ResponseReceived, events: list[Event]) -> None:
        """Learn how one of our streams was answered (section 8.5)."""
        stream_id = event.stream_id
        stream = self._streams[stream_id]
        headers = _plain(event.headers)
        names = dict(headers)
        if names[b":status"] != b"200":
            stream.phase = Phase.REFUSED
            stream.refusal = headers
            stream.may_send = False
            self._outbox.remove(stream_id)
            return
        if b"content-length" in names:
            raise RemoteStreamError(stream_id, "a tunnel with a content-length")
        stream.phase = Phase.CONNECTED
        stream.lane = event.stream_ended is None
        events.append(StreamAccepted(stream_id, headers))

    def _heard_data(self, event: h2.DataReceived, events: list[Event]) -> None:
        """Take a request's body, or the reason of a refusal."""
        stream = self._streams.get(event.stream_id)
        if stream is None or not event.data:
            return
        if not self._client:
            if stream.phase is not Phase.REFUSED:
                events.append(DataReceived(event.stream_id, event.data))
            return
        room = self._limits.refusal - len(stream.body)
        stream.body += event.data[:room]
        self._grant(event.stream_id, stream, len(event.data))
        if len(event.data) > room:
            self._close_refused(event.stream_id, stream, events)

    def _heard_trailers(self, event: h2.TrailersReceived, events: list[Event]) -> None:
        """Take what ends a body, before h2 says that it has ended (section 8.1)."""
        self._end_theirs(event.stream_id, _plain(event.headers), events)

    def _heard_end(self, event: h2.StreamEnded, events: list[Event]) -> None:
        """Take note that the peer sends no more."""
        self._end_theirs(event.stream_id, (), events)

    def _end_theirs(
        self, stream_id: int, trailers: Headers, events: list[Event]
    ) -> None:
        """End the peer's direction of a stream, once."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.they_finished:
            return
        stream.they_finished = True
        stream.lane = False
        if self._client and stream.phase is Phase.REFUSED:
            self._close_refused(stream_id, stream, events)
            return
        events.append(StreamFinished(stream_id, trailers))
        if stream.we_finished:
            self._forget(stream_id)

    def _close_refused(
        self, stream_id: int, stream: Stream, events: list[Event]
    ) -> None:
        """Report a refusal of which we have read all we want."""
        if stream.we_finished and stream.they_finished:
            self._forget(stream_id)
        else:
            self._reset(stream_id, Http2Code.CANCEL)
        self._report_over(stream_id, stream, Http2Code.CANCEL, events)

    def _heard_reset(self, event: h2.StreamReset, events: list[Event]) -> None:
        """Drop a stream that the peer has reset, or h2 because of the peer."""
        stream = self._streams.get(event.stream_id)
        if stream is None:
            return
        # An ordinary request makes more work than a tunnel, and its answer is
        # made before it is read: it may be given up only once that is written.
        useless = stream.phase is Phase.ASKED if stream.tunnel else True
        rapid = useless and not (self._client or stream.we_finished)
        if rapid or not event.remote_reset:
            self._noise.take(1, self._now)
        self._forget(event.stream_id)
        self._report_over(event.stream_id, stream, int(event.error_code or 0), events)

    def _heard_settings(
        self, event: h2.RemoteSettingsChanged, events: list[Event]
    ) -> None:
        """Follow the settings that concern the lane (section 6.5.2)."""
        self._max_frame = self._control.max_frame
        window = event.changed_settings.get(SettingCodes.INITIAL_WINDOW_SIZE)
        if window is not None:
            self._outbox.shift(window.new_value - (window.original_value or 0))
        if not self.ready:
            self.ready = True
            events.append(Ready(self._control.extended_connect))

    def _heard_pong(self, event: h2.PingAckReceived, events: list[Event]) -> None:
        """Report an echo of ours; one of nobody's is noise (section 6.7)."""
        if event.ping_data in self._pings:
            self._pings.remove(event.ping_data)
            events.append(Pong(int.from_bytes(event.ping_data, "big")))
        else:
            self._noise.take(1, self._now)

    def _heard_informational(
        self, event: h2.InformationalResponseReceived, events: list[Event]
    ) -> None:
        """Ignore 1xx answers, within measure (section 8.1)."""
        self._noise.take(1, self._now)


def _plain(headers: Iterable[Any] | None) -> Headers:
    """Return h2's headers as plain pairs of bytes."""
    return tuple((bytes(name), bytes(value)) for name, value in headers or ())


_TRANSLATIONS: dict[type[h2.Event], Callable[[Translating, Any, list[Event]], None]] = {
    h2.RequestReceived: Translating._heard_request,
    h2.ResponseReceived: Translating._heard_response,
    h2.InformationalResponseReceived: Translating._heard_informational,
    h2.DataReceived: Translating._heard_data,
    h2.TrailersReceived: Translating._heard_trailers,
    h2.StreamEnded: Translating._heard_end,
    h2.StreamReset: Translating._heard_reset,
    h2.RemoteSettingsChanged: Translating._heard_settings,
    h2.PingAckReceived: Translating._heard_pong,
}
