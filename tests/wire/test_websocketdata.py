"""Tests for :mod:`spdygate.wire.websocketdata`; its peer is wsproto."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis.strategies import binary, booleans, integers, lists, tuples
from twisted.trial.unittest import SynchronousTestCase
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, Ping, TextMessage

from spdygate.wire.websocketdata import BinaryLane, BinaryPiece, unmasked

#: RFC 6455, section 5.7: "Hello" as a server writes it, in BINARY, and as text.
HELLO = bytes.fromhex("8205") + b"Hello"
MASKED_HELLO = bytes.fromhex("82 85 37fa213d 7f9f4d5158")
TEXT = bytes.fromhex("8105") + b"Hello"
PING = bytes.fromhex("8905") + b"Hello"
FIRST, SECOND = bytes.fromhex("0203") + b"Hel", bytes.fromhex("8002") + b"lo"

#: A busy machine is no failure.
UNHURRIED = settings(deadline=None)


def message(found: Sequence[BinaryPiece | bytes]) -> tuple[bytes, bool]:
    """Return what is left of one message, of which only pieces were found."""
    pieces = [piece for piece in found if isinstance(piece, BinaryPiece)]
    assert len(pieces) == len(found), found
    assert not any(piece.finished for piece in pieces[:-1])
    return b"".join(piece.data for piece in pieces), pieces[-1].finished


def foreign(found: Sequence[BinaryPiece | bytes]) -> bytes:
    """Return what is for wsproto, when all that was found is."""
    rest = [piece for piece in found if isinstance(piece, bytes)]
    assert len(rest) == len(found), found
    return b"".join(rest)


class LaneTests(SynchronousTestCase):
    """What is in the lane, and what is wsproto's."""

    def test_whole(self) -> None:
        """A message in one frame is one piece."""
        for data, masked in ((HELLO, False), (MASKED_HELLO, True)):
            found = BinaryLane(masked).feed(data)
            self.assertEqual(message(found), (b"Hello", True))

    def test_empty(self) -> None:
        """So is one without payload, which Go peers do send."""
        found = BinaryLane(False).feed(bytes.fromhex("8200"))
        self.assertEqual(found, [BinaryPiece(b"", True)])

    def test_cut_through(self) -> None:
        """A message is passed on as it comes."""
        lane = BinaryLane(True)
        self.assertEqual(message(lane.feed(MASKED_HELLO[:8])), (b"He", False))
        self.assertEqual(message(lane.feed(MASKED_HELLO[8:])), (b"llo", True))

    def test_lengths(self) -> None:
        """Lengths of seven bits, of two bytes and of eight are read (5.2)."""
        heads = {125: "827d", 126: "827e007e", 65535: "827effff"}
        heads[65536] = "827f0000000000010000"
        for length, head in heads.items():
            found = BinaryLane(False).feed(bytes.fromhex(head) + bytes(length))
            self.assertEqual(message(found), (bytes(length), True))

    def test_others(self) -> None:
        """Text, control frames and fragments are wsproto's, every byte of them."""
        for data in (TEXT, PING, FIRST + SECOND):
            found = BinaryLane(False).feed(data)
            self.assertEqual(foreign(found), data)

    def test_within_a_message(self) -> None:
        """A whole message within another is wsproto's to refuse; then all is."""
        found = BinaryLane(False).feed(FIRST + HELLO)
        self.assertEqual(foreign(found), FIRST + HELLO)

    def test_between_fragments(self) -> None:
        """A Ping between two fragments ends nothing; behind the last the lane is open."""
        *rest, piece = BinaryLane(False).feed(FIRST + PING + SECOND + HELLO)
        self.assertEqual(foreign(rest), FIRST + PING + SECOND)
        self.assertEqual(message([piece]), (b"Hello", True))

    def test_wrong(self) -> None:
        """Whatever breaks a rule of section 5.2 is wsproto's to refuse."""
        wrong = {
            "a mask of a server": (MASKED_HELLO, False),
            "no mask of a client": (HELLO, True),
            "a length longer than it has to be": (bytes.fromhex("827e0001 21"), False),
            "the same in eight bytes": (
                bytes.fromhex("827f000000000000ffff") + bytes(65535),
                False,
            ),
            "a length of 2**63": (bytes.fromhex("827f8000000000000000"), False),
            "a reserved bit": (bytes.fromhex("c205") + b"Hello", False),
        }
        for why, (data, masked) in wrong.items():
            found = BinaryLane(masked).feed(data)
            self.assertEqual(foreign(found), data, why)

    def test_refused_early(self) -> None:
        """Two bytes can be enough for wsproto, and it is not kept waiting for more."""
        lane = BinaryLane(True)
        self.assertEqual(lane.feed(b"\xff\xff"), [b"\xff\xff"])
        self.assertEqual(lane.feed(b"\xff"), [b"\xff"])


class MaskTests(SynchronousTestCase):
    """RFC 6455, section 5.3."""

    def test_of_the_rfc(self) -> None:
        """The example of section 5.7."""
        key, hello = bytes.fromhex("37fa213d"), bytes.fromhex("7f9f4d5158")
        self.assertEqual(unmasked(hello, key), b"Hello")

    @UNHURRIED
    @given(binary(max_size=70), binary(min_size=4, max_size=4))
    def test_any(self, data: bytes, key: bytes) -> None:
        """Byte i is combined with byte i modulo 4 of the key."""
        expected = bytes(byte ^ key[i % 4] for i, byte in enumerate(data))
        self.assertEqual(unmasked(data, key), expected)


class PeerTests(SynchronousTestCase):
    """What wsproto writes, in any slices."""

    @UNHURRIED
    @given(
        lists(tuples(integers(0, 3), binary(max_size=300)), max_size=8),
        lists(integers(0, 4000)),
        booleans(),
    )
    def test_any_split(
        self, sent: list[tuple[int, bytes]], cuts: list[int], client: bool
    ) -> None:
        """Messages arrive as they were sent, and wsproto reads all the others."""
        kinds = [ConnectionType.SERVER, ConnectionType.CLIENT]
        theirs, ours = (Connection(kinds[side]) for side in (client, not client))
        stream, expected = b"", []
        for kind, data in sent:
            if kind == 0:
                stream += theirs.send(TextMessage(data.hex()))
                expected.append(data.hex().encode())
            elif kind == 1:
                stream += theirs.send(Ping(data[:100]))
            elif kind == 2:
                stream += theirs.send(BytesMessage(data, message_finished=False))
                stream += theirs.send(BytesMessage(data))
                expected.append(data + data)
            else:
                stream += theirs.send(BytesMessage(data))
                expected.append(data)
        lane, seen, message = BinaryLane(masked=client), [], b""
        places = sorted({cut % (len(stream) + 1) for cut in cuts})
        for start, stop in zip([0, *places], [*places, len(stream)], strict=True):
            for found in lane.feed(stream[start:stop]):
                for piece, finished in _read(found, ours):
                    message += piece
                    if finished:
                        seen.append(message)
                        message = b""
        self.assertEqual(seen, expected)

    def test_large(self) -> None:
        """A message of 1 MiB, masked, in reads of odd sizes."""
        data = os.urandom(1 << 20)
        stream = Connection(ConnectionType.CLIENT).send(BytesMessage(data))
        lane, found = BinaryLane(True), []
        for start in range(0, len(stream), 9973):
            found += lane.feed(stream[start : start + 9973])
        self.assertEqual(message(found), (data, True))


def _read(found: BinaryPiece | bytes, ours: Connection) -> list[BinaryPiece]:
    """Return the pieces of messages in what was found, with wsproto's help."""
    if isinstance(found, BinaryPiece):
        return [found]
    ours.receive_data(found)
    pieces = []
    for event in ours.events():
        if isinstance(event, TextMessage):
            pieces.append(BinaryPiece(event.data.encode(), event.message_finished))
        elif isinstance(event, BytesMessage):
            pieces.append(BinaryPiece(bytes(event.data), event.message_finished))
    return pieces
