"""Tests for `spdygate.session.websocket`: conversations with ``websockets``."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import binary, integers, lists, sampled_from, text, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.session.events import Pong
from spdygate.session.websocket import (
    GOING_AWAY,
    NORMAL,
    Closed,
    MessagePiece,
    WebSocketSession,
)
from tests.session.websocketpeer import (
    Opcode,
    TheirSide,
    by_hand,
    close_code,
    frame,
    tell,
)

#: Sizes at each bound of the three forms of a length (RFC 6455, section 5.2).
SIZES = (0, 1, 125, 126, 127, 65535, 65536, 300_000)


class MessageTests(SynchronousTestCase):
    """Messages, in both directions and in both roles."""

    def test_from_them(self) -> None:
        """Every message comes as it was sent, of any size."""
        for client in (True, False):
            side = TheirSide(client=client)
            for size in SIZES:
                body = bytes(range(256)) * (size // 256 + 1)
                side.theirs.send_binary(body[:size])
                self.assertEqual(tell(side.sends()), [body[:size]])

    def test_to_them(self) -> None:
        """Every message goes as one frame, masked when we are the client."""
        for client in (True, False):
            side = TheirSide(client=client)
            for size in SIZES:
                body = bytes(range(256)) * (size // 256 + 1)
                side.session.send(memoryview(body)[:size])
                (seen,) = side.gets()
                expected = (Opcode.BINARY, body[:size], True)
                self.assertEqual((seen.opcode, bytes(seen.data), seen.fin), expected)

    def test_text(self) -> None:
        """Text is told apart, and is UTF-8 on our side of it."""
        for client in (True, False):
            side = TheirSide(client=client)
            side.theirs.send_text("gr\xfc\xdfe \N{SNOWMAN}".encode())
            side.theirs.send_text(b"")
            self.assertEqual(tell(side.sends()), ["gr\xfc\xdfe \N{SNOWMAN}", ""])
            side.session.send("gr\xfc\xdfe".encode(), text=True)
            (seen,) = side.gets()
            self.assertEqual(seen.opcode, Opcode.TEXT)
            self.assertEqual(bytes(seen.data), "gr\xfc\xdfe".encode())

    def test_several_at_once(self) -> None:
        """What was sent in one turn leaves in one piece, in its order."""
        side = TheirSide(client=True)
        for word in (b"one", b"", b"three"):
            side.session.send(word)
        self.assertEqual(
            [bytes(seen.data) for seen in side.gets()], [b"one", b"", b"three"]
        )
        self.assertEqual(side.session.outgoing(), b"")

    def test_cut_through(self) -> None:
        """A message is passed on before it is whole."""
        whole = frame(Opcode.BINARY, b"x" * 1_000_000)
        session = WebSocketSession(client=False)
        (piece,) = session.feed(whole[:1000], 0.0)
        self.assertEqual(piece, MessagePiece(b"x" * (1000 - 14), False, False))
        (piece,) = session.feed(whole[1000:], 0.0)
        expected = MessagePiece(b"x" * (1_000_000 - 1000 + 14), False, True)
        self.assertEqual(piece, expected)

    def test_fragments(self) -> None:
        """Fragments are pieces of one message, whatever comes between them."""
        side = TheirSide(client=True)
        side.theirs.send_binary(b"first ", fin=False)
        side.theirs.send_ping(b"?")
        side.theirs.send_continuation(b"", fin=False)
        side.theirs.send_continuation(b"last", fin=True)
        side.theirs.send_binary(b"next")
        events = side.sends()
        self.assertEqual(tell(events), [b"first last", b"next"])
        self.assertEqual([seen.opcode for seen in side.gets()], [Opcode.PONG])

    def test_a_character_in_two_fragments(self) -> None:
        """A piece of text ends where a character does."""
        session = WebSocketSession(client=False)
        told = session.feed(by_hand(0x01, b"a\xe2\x98"), 0.0)
        self.assertEqual(told, [MessagePiece(b"a", True, False)])
        told = session.feed(by_hand(0x80, b"\x83"), 0.0)
        self.assertEqual(told, [MessagePiece("\N{SNOWMAN}".encode(), True, True)])


class PingTests(SynchronousTestCase):
    """Whether the other side is there."""

    def test_theirs(self) -> None:
        """A Ping is answered with what it said, and not told."""
        side = TheirSide(client=True)
        side.theirs.send_ping(b"are you there?")
        self.assertEqual(side.sends(), [])
        (pong,) = side.gets()
        expected = (Opcode.PONG, b"are you there?")
        self.assertEqual((pong.opcode, bytes(pong.data)), expected)
        self.assertEqual(side.gets(), [])

    def test_only_the_latest(self) -> None:
        """Of several that wait, the latest is answered (section 5.5.3)."""
        side = TheirSide(client=False)
        for word in (b"1", b"2", b"3"):
            side.theirs.send_ping(word)
        side.sends()
        self.assertEqual([bytes(seen.data) for seen in side.gets()], [b"3"])

    def test_congested(self) -> None:
        """A Pong waits while the transport is congested; nothing else does."""
        side = TheirSide(client=True)
        side.session.paused = True
        side.theirs.send_ping(b"?")
        side.sends()
        side.session.send(b"data")
        self.assertEqual([seen.opcode for seen in side.gets()], [Opcode.BINARY])
        side.session.paused = False
        self.assertEqual([seen.opcode for seen in side.gets()], [Opcode.PONG])

    def test_ours(self) -> None:
        """Each of our Pings comes back, if each is answered."""
        for client in (True, False):
            side = TheirSide(client=client)
            for ping_id in (0, 7, 2**64 - 1):
                side.session.ping(ping_id)
            self.assertEqual([seen.opcode for seen in side.gets()], [Opcode.PING] * 3)
            self.assertEqual(tell(side.sends()), [0, 7, 2**64 - 1])

    def test_one_pong_for_all(self) -> None:
        """An answer to the latest answers those before it, once."""
        session = WebSocketSession(client=False)
        session.ping(1)
        session.ping(2)
        latest = frame(Opcode.PONG, (2).to_bytes(8))
        before = frame(Opcode.PONG, (1).to_bytes(8))
        self.assertEqual(session.feed(latest + before + latest, 0.0), [Pong(2)])

    def test_nobody_asked(self) -> None:
        """A Pong that answers nothing says nothing."""
        session = WebSocketSession(client=False)
        session.ping(1)
        for word in (b"", b"heartbeat", bytes(8)):
            self.assertEqual(session.feed(frame(Opcode.PONG, word), 0.0), [])


class CloseTests(SynchronousTestCase):
    """The end, from either side."""

    def test_theirs(self) -> None:
        """It is told as the last thing, and answered with the same code."""
        for client in (True, False):
            side = TheirSide(client=client)
            side.theirs.send_binary(b"last words")
            side.theirs.send_close(4999, "because")
            self.assertEqual(tell(side.sends()), [b"last words", Closed(4999)])
            self.assertTrue(side.session.closed)
            side.gets()
            assert side.theirs.close_rcvd is not None
            self.assertEqual(side.theirs.close_rcvd.code, 4999)

    def test_theirs_without_a_code(self) -> None:
        """It is answered without one (section 5.5.1)."""
        session = WebSocketSession(client=False)
        self.assertEqual(session.feed(frame(Opcode.CLOSE), 0.0), [Closed(None)])
        self.assertEqual(session.outgoing(), b"\x88\x00")

    def test_ours(self) -> None:
        """It follows all that was sent, and the library agrees to it."""
        for client in (True, False):
            side = TheirSide(client=client)
            side.session.send(b"last words")
            side.session.close(GOING_AWAY, "done")
            self.assertTrue(side.session.closed)
            opcodes = [seen.opcode for seen in side.gets()]
            self.assertEqual(opcodes, [Opcode.BINARY, Opcode.CLOSE])
            assert side.theirs.close_rcvd is not None
            self.assertEqual(side.theirs.close_rcvd.code, GOING_AWAY)
            self.assertEqual(side.theirs.close_rcvd.reason, "done")

    def test_nothing_follows(self) -> None:
        """Once it is closed it neither says nor tells anything, whoever began."""
        for ours in (True, False):
            session = WebSocketSession(client=False)
            session.feed(frame(Opcode.PING), 0.0)
            if ours:
                session.close(NORMAL)
            else:
                session.feed(frame(Opcode.CLOSE, b"\x03\xe8"), 0.0)
            self.assertEqual(session.outgoing(), b"\x88\x02\x03\xe8")
            session.send(b"x")
            session.send(b"x", text=True)
            session.ping(1)
            session.close(GOING_AWAY)
            more = frame(Opcode.PING) + frame(Opcode.BINARY, b"x")
            more += frame(Opcode.CLOSE) + b"\xff" * 20
            self.assertEqual(session.feed(more, 0.0), [])
            self.assertEqual(session.outgoing(), b"")

    def test_a_long_reason(self) -> None:
        """A reason is cut to what a control frame holds, between characters."""
        session = WebSocketSession(client=False)
        session.close(NORMAL, "\N{SNOWMAN}" * 100)
        written = session.outgoing()
        self.assertEqual(written[4:].decode(), "\N{SNOWMAN}" * 41)
        self.assertEqual(close_code(written), NORMAL)


MESSAGES = lists(
    tuples(sampled_from((Opcode.BINARY, Opcode.PING)), binary(max_size=140))
    | tuples(sampled_from((Opcode.TEXT,)), text(max_size=40).map(str.encode)),
    max_size=8,
)


class SplitTests(SynchronousTestCase):
    """However the bytes are cut, the same happens."""

    @given(MESSAGES, lists(integers(1, 30), min_size=1, max_size=9))
    def test_any_split(self, sent: list[tuple[Opcode, bytes]], cuts: list[int]) -> None:
        """The same messages come of it, whole and in order."""
        messages = [
            body.decode() if opcode is Opcode.TEXT else body
            for opcode, body in sent
            if opcode is not Opcode.PING
        ]
        for client in (True, False):
            session = WebSocketSession(client)
            whole = b"".join(frame(*one, masked=not client) for one in sent)
            told = []
            turn = 0
            while whole:
                size = cuts[turn % len(cuts)]
                told += session.feed(whole[:size], 0.0)
                whole, turn = whole[size:], turn + 1
            self.assertEqual(tell(told), messages)
