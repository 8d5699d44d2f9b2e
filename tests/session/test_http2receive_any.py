"""Any bytes at all, fed to `spdygate.session.http2`, of either role."""

from __future__ import annotations

from h2.config import H2Configuration
from h2.connection import H2Connection
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis.strategies import SearchStrategy, binary, builds, integers, just, lists
from hypothesis.strategies import sampled_from as one
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import RemoteError
from spdygate.session.events import Broken, Event
from spdygate.session.http2 import Http2Session

from .http2peer import (
    CONNECT,
    OK,
    POST,
    PREFACE,
    data,
    joined,
    raw,
    rst,
    settings,
    window_update,
)

#: A busy machine is no failure.
UNHURRIED = hypothesis_settings(deadline=None)


def wires(client: bool) -> SearchStrategy[bytes]:
    """Return frames that h2 or a vandal may send to a session of that role."""
    streams = integers(0, 9)
    any_frame = builds(
        raw, integers(0, 11), integers(0, 255), streams, binary(max_size=40)
    )
    block = builds(
        lambda stream_id, body, end: raw(1, 4 | end, stream_id, body),
        streams,
        one(blocks(client)) | binary(max_size=20),
        one([0, 1]),
    )
    sent = builds(
        lambda s, b, end: data(s, b, end=end),
        streams,
        binary(max_size=80),
        one([True, False]),
    )
    credit = builds(window_update, streams, integers(0, 2**31 - 1))
    wishes = builds(
        lambda key, value: settings((key, value)),
        integers(0, 9),
        integers(0, 2**32 - 1),
    )
    resets = builds(rst, streams, integers(0, 20))
    pings = just(raw(6, 0, 0, b"12345678"))
    return any_frame | block | sent | credit | wishes | resets | pings


def blocks(client: bool) -> list[bytes]:
    """Return header blocks that mean something to a session of that role."""
    if client:
        return [b"\x88", b"\x8d", b"\x08\x03100", b"\x08\x03200\x5c\x015"]
    encoder = H2Connection(H2Configuration()).encoder
    encoder.header_table_size = 0
    return [bytes(encoder.encode(headers)) for headers in (CONNECT, POST, OK)]


def outcome(client: bool, wire: bytes, slices: list[int]) -> tuple[list[Event], str]:
    """Feed a session in slices, answering nothing; return its events, its error."""
    session = Http2Session(client=client)
    session.outgoing()
    greeting = settings((8, 1)) if client else PREFACE + settings()
    events = session.feed(greeting, 0.0)
    if client:
        for _ in range(3):
            session.open_stream(CONNECT)
    at = turn = 0
    while at < len(wire):
        length = slices[turn % len(slices)] if slices else len(wire)
        events += session.feed(wire[at : at + length], 0.0)
        at, turn = at + length, turn + 1
    session.outgoing()
    error = ""
    if events and isinstance(events[-1], Broken):
        broken = events.pop()
        assert isinstance(broken, Broken) and isinstance(broken.error, RemoteError)
        error = repr(broken.error)
    return joined(events), error


def broken_before_the_end(events: list[Event]) -> bool:
    """Say whether anything was reported after the end."""
    return any(isinstance(event, Broken) for event in events)


class Properties(SynchronousTestCase):
    """What holds for all bytes."""

    def check(self, client: bool, parts: list[bytes], slices: list[int]) -> None:
        """Hold slices to the same outcome as the whole."""
        wire = b"".join(parts)
        whole = outcome(client, wire, [])
        self.assertEqual(outcome(client, wire, slices), whole)
        self.assertFalse(broken_before_the_end(whole[0]))

    @UNHURRIED
    @given(lists(wires(False), max_size=12), lists(integers(1, 30), min_size=1))
    def test_server(self, parts: list[bytes], slices: list[int]) -> None:
        """Any frames, in any slices, give a server the same events, or its peer blame."""
        self.check(False, parts, slices)

    @UNHURRIED
    @given(lists(wires(True), max_size=12), lists(integers(1, 30), min_size=1))
    def test_client(self, parts: list[bytes], slices: list[int]) -> None:
        """The same for a client that has asked for three tunnels."""
        self.check(True, parts, slices)

    @UNHURRIED
    @given(binary(max_size=300), one([True, False]))
    def test_any_bytes(self, wire: bytes, client: bool) -> None:
        """Any bytes at all are events or the peer's fault, never a crash."""
        outcome(client, wire, [])
