"""
h2, fenced in: HPACK, settings and the state machine of streams.

h2 is asked about everything but the bytes of tunnels; those go past it, in
`spdygate.session.http2lane`.  What the lane relies on, and may rely on
because every call of h2 is in this file:

1. *State.*  h2 learns of each HEADERS, END_STREAM and RST_STREAM in both
   directions, and of END_STREAM by an empty DATA frame or by the trailers
   that carry it.  So a stream is open
   for us exactly as long as it is for h2, which therefore counts streams
   rightly.
2. *Windows.*  h2 learns of no WINDOW_UPDATE and sends no DATA but empty ones,
   and what it is shown of bodies is given back to its windows at once.  So
   its four kinds of window stay where they begin, and the true ones are ours
   alone: `Outbox` and `Inbound`.
3. *GOAWAY.*  h2 learns of none, sent or received: it would take either for
   the end of the connection, but streams go on.
4. *Lengths.*  h2 holds a stream to its content-length, and sees no body of
   a tunnel.  So a tunnel that has one is refused before it begins: RFC 9110,
   section 9.3.6, forbids it.
5. *Settings.*  Values from the peer that would make h2 keep much for it are
   cut down before h2 sees them.

Only public names of h2 are used.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sized

from h2.config import H2Configuration
from h2.events import Event
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings

from ..errors import LocalError, RemoteError
from ..wire.http2data import (
    DATA,
    DEFAULT_FRAME,
    END_STREAM,
    HEADER_SIZE,
    PREFACE,
    data_header,
    frame,
    read_settings,
    settings,
)
from .events import Buffer, Headers
from .http2connection import H2_FAILURES, Connection, Http2Error
from .http2limits import Http2Limits

#: Bytes of HPACK table that we use at most to compress: what every peer has
#: at least.  A table as large as a peer may allow is memory lent to it.
_HPACK_TABLE = 4096


#: RFC 9113, section 8.2.1: lower-case tokens; a colon begins pseudo headers.
_NAME = re.compile(rb":?[a-z0-9!#$%&'*+.^_`|~-]+")

#: RFC 9113, section 8.2.1: what lets one header pass for two.
_BAD_VALUE = re.compile(rb"[\0\r\n]")


class Control:
    """
    One HTTP/2 connection as h2 sees it.

    :ivar out_of_step: whether a mistake of ours has spoilt its compression.
    """

    def __init__(self, limits: Http2Limits, open_streams: Sized, client: bool) -> None:
        """
        Prepare the settings we announce; `start` or `upgrade` writes them.

        :param open_streams: the streams that are not over, kept by the caller.
        """
        self._limits = limits
        self.out_of_step = False
        self._h2 = Connection(H2Configuration(client_side=client), open_streams)
        ours = {
            SettingCodes.ENABLE_PUSH: 0,
            SettingCodes.INITIAL_WINDOW_SIZE: limits.stream_window,
            SettingCodes.MAX_FRAME_SIZE: limits.frame,
            SettingCodes.MAX_HEADER_LIST_SIZE: limits.headers,
        }
        if not client:
            ours[SettingCodes.ENABLE_CONNECT_PROTOCOL] = 1
            ours[SettingCodes.MAX_CONCURRENT_STREAMS] = limits.streams
        # Not `update_settings`: it would send a second frame, and count on
        # the values only when they are acknowledged.
        self._h2.local_settings = Settings(client, ours)
        self._h2.decoder.max_header_list_size = limits.headers
        # Frames are measured before h2 has them, and it has none longer.
        self._h2.max_inbound_frame_size = max(DEFAULT_FRAME, limits.control)

    def start(self) -> None:
        """Write the beginning of a connection (RFC 9113, section 3.4)."""
        self._h2.initiate_connection()
        self._skip_preface()

    def upgrade(self, http2_settings: bytes) -> None:
        """
        Write the beginning of an upgraded connection (RFC 7540, section 3.2).

        :param http2_settings: the client's ``HTTP2-Settings`` header.
        :raises RemoteError: it is not what it should be.
        """
        padded = http2_settings.strip() + b"=" * (-len(http2_settings.strip()) % 4)
        try:
            body = base64.b64decode(padded, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise RemoteError("HTTP2-Settings is not base64url") from None
        tamed = base64.urlsafe_b64encode(self._tame(body)[HEADER_SIZE:])
        try:
            self._h2.initiate_upgrade_connection(tamed)
        except H2_FAILURES as error:
            raise Http2Error(error) from error
        self._skip_preface()

    def _skip_preface(self) -> None:
        """Show a server's h2 the preface: it reaches us without."""
        if not self._h2.config.client_side:
            self._h2.receive_data(PREFACE)

    # -- reading ----------------------------------------------------------------

    def read(self, whole: Buffer) -> list[Event]:
        """
        Take one frame, or one header block, from the peer.

        :raises Http2Error: h2 knows why not.
        """
        try:
            return self._h2.receive_data(whole)
        except H2_FAILURES as error:
            # Its farewell is not sent: the session's own says why.
            self._h2.clear_outbound_data_buffer()
            raise Http2Error(error) from error

    def read_dead(self, block: Buffer) -> None:
        """
        Take a header block of a stream that is over, for HPACK's sake alone.

        Whatever h2 would answer is not sent: nobody waits for it.
        """
        self.read(block)
        self._h2.clear_outbound_data_buffer()

    def read_announced(self, whole: Buffer) -> list[Event]:
        """Take SETTINGS that are not an ACK."""
        if bytes(whole[5:HEADER_SIZE]).strip(b"\x80\x00"):
            raise RemoteError("SETTINGS on a stream")
        return self.read(self._tame(whole[HEADER_SIZE:]))

    def _tame(self, body: Buffer) -> bytes:
        """
        Return the SETTINGS frame that h2 may see.

        It keeps every identifier it is shown, known or not, and would let its
        compression table grow as far as the peer allows.
        """
        entries = read_settings(body)
        if len(entries) > self._limits.entries:
            raise RemoteError(f"{len(entries)} settings in one frame")
        known = SettingCodes.__members__.values()
        return settings(
            [
                (
                    key,
                    min(value, _HPACK_TABLE)
                    if key == SettingCodes.HEADER_TABLE_SIZE
                    else value,
                )
                for key, value in entries
                if key in known
            ]
        )

    def read_body(self, stream_id: int, data: Buffer) -> Iterator[Event]:
        """Take DATA of a stream that is no tunnel, in frames that h2 likes."""
        for at in range(0, len(data), DEFAULT_FRAME):
            part = bytes(data[at : at + DEFAULT_FRAME])
            events = self.read(data_header(stream_id, len(part)) + part)
            # Our own windows have counted it; h2's go back where they were,
            # and the frames that say so are not sent.
            self._h2.increment_flow_control_window(len(part))
            self._h2.increment_flow_control_window(len(part), stream_id)
            self._h2.clear_outbound_data_buffer()
            yield from events

    def read_end(self, stream_id: int) -> list[Event]:
        """Take note of the peer's END_STREAM."""
        return self.read(frame(DATA, END_STREAM, stream_id))

    # -- writing ----------------------------------------------------------------

    def written(self) -> bytes:
        """Return, and forget, what h2 has to send; call it after every verb."""
        return self._h2.data_to_send()

    def send_headers(
        self, stream_id: int, headers: Headers, *, finished: bool = False
    ) -> None:
        """
        Send a request or an answer.

        :raises LocalError: the headers, or the moment, are wrong.
        """
        # h2 judges what comes, not what goes.
        for name, value in headers:
            if not _NAME.fullmatch(name) or _BAD_VALUE.search(value):
                raise LocalError(f"stream {stream_id}: a header {name!r}: {value!r}")
        try:
            self._h2.send_headers(stream_id, headers, end_stream=finished)
        except (H2Error, LookupError, ValueError) as error:
            # It may have compressed half of them, and the peer sees none.
            self.out_of_step = True
            raise LocalError(f"stream {stream_id}: {error}") from error

    def end(self, stream_id: int) -> None:
        """Send END_STREAM."""
        self._h2.end_stream(stream_id)

    def reset(self, stream_id: int, code: int) -> None:
        """Send RST_STREAM."""
        self._h2.reset_stream(stream_id, code)

    def ping(self, payload: bytes) -> None:
        """Send a PING of eight bytes."""
        self._h2.ping(payload)

    # -- what the peer has announced -----------------------------------------------

    @property
    def initial_window(self) -> int:
        """Return the bytes the peer takes at first on every stream."""
        return self._h2.remote_settings.initial_window_size

    @property
    def max_frame(self) -> int:
        """Return the bytes of payload the peer takes in one frame."""
        return self._h2.remote_settings.max_frame_size

    @property
    def max_streams(self) -> int:
        """Return how many streams the peer lets us have at once."""
        return self._h2.remote_settings.max_concurrent_streams

    @property
    def extended_connect(self) -> bool:
        """Return whether the peer knows ``:protocol`` (RFC 8441, section 3)."""
        return bool(self._h2.remote_settings.enable_connect_protocol)
