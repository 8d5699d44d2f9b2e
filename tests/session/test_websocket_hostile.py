"""Tests for `spdygate.session.websocket`: peers that break the protocol."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import binary, lists, sampled_from, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LimitError, RemoteError
from spdygate.session.events import Broken
from spdygate.session.ratelimit import BURST
from spdygate.session.websocket import (
    POLICY,
    PROTOCOL_ERROR,
    MessagePiece,
    WebSocketError,
    WebSocketSession,
)
from tests.session.websocketpeer import (
    Opcode,
    broken,
    by_hand,
    close_code,
    frame,
    tell,
)

#: What a client may not send, and the code of Close (RFC 6455, section 7.4.1).
WRONG = (
    ("not masked", by_hand(0x82, b"x", masked=False), 1002),
    ("first reserved bit", by_hand(0xC2, b"x"), 1002),
    ("second reserved bit", by_hand(0xA2, b"x"), 1002),
    ("third reserved bit", by_hand(0x92, b"x"), 1002),
    ("reserved bit of a Ping", by_hand(0xC9), 1002),
    ("opcode 3", by_hand(0x83), 1002),
    ("opcode 11", by_hand(0x8B), 1002),
    ("opcode 15", by_hand(0x8F), 1002),
    ("Ping of 126 bytes", by_hand(0x89, bytes(126)), 1002),
    ("Close of 126 bytes", by_hand(0x88, b"\x03\xe8" + bytes(124)), 1002),
    ("Ping without FIN", by_hand(0x09), 1002),
    ("Close without FIN", by_hand(0x08), 1002),
    ("continuation of nothing", by_hand(0x80, b"x"), 1002),
    ("message within a message", by_hand(0x02, b"x") + by_hand(0x82, b"y"), 1002),
    ("text within a message", by_hand(0x02, b"x") + by_hand(0x81, b"y"), 1002),
    ("5 bytes, in the form for 126", b"\x82\xfe\x00\x05" + bytes(9), 1002),
    ("5 bytes, in the form for 65536", b"\x82\xff" + (5).to_bytes(8) + bytes(9), 1002),
    ("2**63 bytes", b"\x82\xff\x80" + bytes(7 + 4), 1002),
    ("not UTF-8", by_hand(0x81, b"\xff\xfe"), 1007),
    ("half a character", by_hand(0x81, b"\xe2\x98"), 1007),
    ("a surrogate", by_hand(0x81, b"\xed\xa0\x80"), 1007),
    ("half a code", by_hand(0x88, b"\x03"), 1002),
    ("Close 0", by_hand(0x88, b"\x00\x00"), 1002),
    ("Close 999", by_hand(0x88, b"\x03\xe7"), 1002),
    ("Close 1005", by_hand(0x88, b"\x03\xed"), 1002),
    ("Close 1006", by_hand(0x88, b"\x03\xee"), 1002),
    ("Close 1015", by_hand(0x88, b"\x03\xf7"), 1002),
    ("Close 2000", by_hand(0x88, b"\x07\xd0"), 1002),
    ("Close 5000", by_hand(0x88, b"\x13\x88"), 1002),
    ("Close with a reason not UTF-8", by_hand(0x88, b"\x03\xe8\xff"), 1007),
)


class WrongTests(SynchronousTestCase):
    """Every rule of framing, broken once."""

    def test_each(self) -> None:
        """It is the last thing told, what came before it is, and Close says why."""
        for name, bad, code in WRONG:
            for step in (1, 1000):
                with self.subTest(f"{name}, {step}"):
                    session = WebSocketSession(client=False)
                    sent = frame(Opcode.BINARY, b"before") + bad
                    told = []
                    for start in range(0, len(sent), step):
                        told += session.feed(sent[start : start + step], 0.0)
                    self.assertEqual(tell(told)[0], b"before")
                    self.assertIsInstance(broken(told), WebSocketError)
                    self.assertEqual(sum(type(one) is Broken for one in told), 1)
                    self.assertTrue(session.closed)
                    self.assertEqual(close_code(session.outgoing()), code)

    def test_a_servers_mask(self) -> None:
        """A server that masks breaks the protocol, too (section 5.1)."""
        session = WebSocketSession(client=True)
        told = session.feed(by_hand(0x82, b"x"), 0.0)
        self.assertIsInstance(broken(told), WebSocketError)
        self.assertEqual(close_code(session.outgoing(), masked=True), PROTOCOL_ERROR)

    def test_a_huge_frame(self) -> None:
        """A length alone, however large, costs and means nothing."""
        session = WebSocketSession(client=False)
        head = b"\x82\xff\x7f" + b"\xff" * 7 + bytes(4)
        self.assertEqual(session.feed(head, 0.0), [])
        self.assertEqual(tell(session.feed(b"abc", 0.0)), [b"abc"])
        self.assertFalse(session.closed)


class FloodTests(SynchronousTestCase):
    """Frames that cost the peer nothing."""

    def floods(self, *frames: bytes) -> RemoteError | None:
        """Send each so often that they are too many; return how that ends."""
        session = WebSocketSession(client=False)
        one = b"".join(frames)
        told = session.feed(one * (BURST // len(frames) - 2), 0.0)
        self.assertIsNone(broken(told))
        session.outgoing()
        told = session.feed(one * 5, 0.0)
        if session.closed:
            self.assertEqual(close_code(session.outgoing()), POLICY)
        return broken(told)

    def test_floods(self) -> None:
        """Pings, Pongs, empty frames, or all of them in turn."""
        ping, pong = frame(Opcode.PING, b"x" * 125), frame(Opcode.PONG)
        empty = frame(Opcode.BINARY)
        for frames in ((ping,), (pong,), (empty,), (ping, pong, empty)):
            self.assertIsInstance(self.floods(*frames), LimitError)

    def test_empty_fragments(self) -> None:
        """A message that never ends and never goes on."""
        for first in (0x01, 0x02):
            session = WebSocketSession(client=False)
            session.feed(by_hand(first), 0.0)
            told = session.feed(by_hand(0x00) * (BURST + 2), 0.0)
            self.assertIsInstance(broken(told), LimitError)

    def test_pings_in_time(self) -> None:
        """A peer that pings ten times a second may do so for ever."""
        session = WebSocketSession(client=False)
        for turn in range(3 * BURST):
            self.assertEqual(session.feed(frame(Opcode.PING), turn / 10), [])
        self.assertFalse(session.closed)

    def test_what_go_writes(self) -> None:
        """
        Nobody takes kubectl for a flood.

        The messages of an empty DATA frame with FIN and of one with a payload,
        as they were captured of kubectl 1.33: many of both, all at once.
        """
        captured = (4, 4, 0, 2, 2, 4, 4, 4, 1, 1, 51, 4, 4, 0)
        sent = b"".join(frame(Opcode.BINARY, bytes(size)) for size in captured)
        session = WebSocketSession(client=False)
        told = session.feed(sent * BURST, 0.0)
        self.assertEqual(len(told), BURST * len(captured))
        self.assertFalse(session.closed)

    def test_a_peer_that_only_pings(self) -> None:
        """While it does not read, its Pings are kept as one Pong."""
        session = WebSocketSession(client=False)
        session.paused = True
        for turn in range(5000):
            session.feed(frame(Opcode.PING, b"x" * 125), turn / 10)
            self.assertEqual(session.outgoing(), b"")
        session.paused = False
        self.assertEqual(len(session.outgoing()), 2 + 125)


#: First bytes and payloads that are almost right, so that more than one is read.
ALMOST = tuples(
    sampled_from((0x00, 0x01, 0x02, 0x08, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A, 0xC1)),
    binary(max_size=130),
)


class AnyTests(SynchronousTestCase):
    """Any bytes give events or an end."""

    @given(lists(ALMOST | binary(max_size=20), max_size=12))
    def test_any(self, sent: list[bytes | tuple[int, bytes]]) -> None:
        """Nothing is raised, and whatever ends a session is its last event."""
        for client in (True, False):
            session = WebSocketSession(client)
            told = []
            for one in sent:
                if isinstance(one, tuple):
                    one = by_hand(*one, masked=not client)
                told += session.feed(one, 0.0)
            ends = [event for event in told if type(event) is not MessagePiece]
            self.assertEqual(bool(ends), session.closed)
            self.assertEqual(ends, told[-1:] if ends else [])
            code = close_code(session.outgoing(), masked=client)
            self.assertEqual(code is not None, session.closed)
