"""Tests for `FrameCutter` of `spdygate.wire.http2data`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis.strategies import (
    SearchStrategy,
    binary,
    booleans,
    builds,
    integers,
    lists,
    sampled_from,
)
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LimitError, RemoteError
from spdygate.wire import http2data as wire
from spdygate.wire.http2data import Cut, FrameCutter, FrameSizeError

#: A busy machine is no failure.
UNHURRIED = hypothesis_settings(deadline=None)

#: RFC 9113, section 3.4, in the form it is given there.
PREFACE = bytes.fromhex("505249202a20485454502f322e300d0a0d0a534d0d0a0d0a")

#: A SETTINGS frame without settings, with which everything begins.
HELLO = bytes.fromhex("000000 04 00 00000000")

MAX_FRAME = 1000
MAX_CONTROL = 200


def raw(kind: int, flags: int, stream_id: int, body: bytes = b"") -> bytes:
    """Write a frame as RFC 9113, section 4.1, draws it."""
    head = len(body).to_bytes(3, "big") + bytes([kind, flags])
    return head + stream_id.to_bytes(4, "big") + body


def cutter(*, preface: bool = False) -> FrameCutter:
    """Return a cutter with small limits."""
    return FrameCutter(preface=preface, max_frame=MAX_FRAME, max_control=MAX_CONTROL)


def begun() -> FrameCutter:
    """Return a cutter that has seen the peer's SETTINGS."""
    started = cutter()
    list(started.cut(HELLO))
    return started


def joined(cuts: Iterable[Cut]) -> list[Cut]:
    """Join the pieces of each DATA frame, so that slices do not show."""
    whole: list[Cut] = []
    open_frame = False
    for kind, stream_id, data, counted, flags in cuts:
        if kind == wire.DATA and open_frame and not counted and data:
            before = whole.pop()
            data = bytes(before[2]) + bytes(data)
            counted = before[3]
        open_frame = kind == wire.DATA and bool(data)
        whole.append((kind, stream_id, bytes(data), counted, flags))
    return whole


def frames() -> SearchStrategy[bytes]:
    """Return any frame that may stand anywhere, DATA padded and not."""
    bodies = binary(max_size=60)
    streams = integers(1, 9)
    data = builds(raw, sampled_from([0]), sampled_from([0, 1]), streams, bodies)
    padded = builds(
        lambda stream_id, body, pad, end: raw(
            0, 8 | end, stream_id, bytes([pad]) + body + bytes(pad)
        ),
        streams,
        bodies,
        integers(0, 40),
        booleans(),
    )
    others = builds(
        raw,
        sampled_from([2, 3, 4, 6, 7, 8, 0x10, 0xFA]),
        integers(0, 255),
        streams,
        bodies,
    )
    block = builds(
        lambda stream_id, parts: b"".join(
            raw(9 if n else 1, 4 if n == len(parts) - 1 else 0, stream_id, part)
            for n, part in enumerate(parts)
        ),
        streams,
        lists(binary(max_size=20), min_size=1, max_size=4),
    )
    return data | padded | others | block


def outcome(data: bytes, slices: list[int]) -> tuple[list[Cut], str]:
    """Cut *data*, fed in slices, and say with which error it ended."""
    cuts: list[Cut] = []
    under_test = begun()
    try:
        for part in sliced(data, slices):
            cuts.extend(under_test.cut(part))
    except RemoteError as error:
        return joined(cuts), repr(error)
    return joined(cuts), ""


def sliced(data: bytes, slices: list[int]) -> Iterable[bytes]:
    """Slice *data* at those lengths, over and over."""
    at = turn = 0
    while at < len(data):
        length = slices[turn % len(slices)] if slices else len(data)
        yield data[at : at + length]
        at += length
        turn += 1


class CuttingTests(SynchronousTestCase):
    """What comes out of a `FrameCutter`."""

    def test_preface(self) -> None:
        """A client's preface is taken off, however it is sliced."""
        for size in (1, 5, 100):
            under_test = cutter(preface=True)
            cuts: list[Cut] = []
            for part in sliced(PREFACE + HELLO, [size]):
                cuts.extend(under_test.cut(part))
            self.assertEqual(cuts, [(wire.SETTINGS, 0, HELLO, 0, 0)])

    def test_wrong_preface(self) -> None:
        """An HTTP/1 request is refused at its first wrong byte."""
        with self.assertRaises(RemoteError):
            list(cutter(preface=True).cut(b"GET"))

    def test_settings_first(self) -> None:
        """The first frame is SETTINGS (section 3.4)."""
        with self.assertRaises(RemoteError):
            list(cutter().cut(raw(6, 0, 0, bytes(8))))

    def test_an_http1_answer(self) -> None:
        """A server that answers in HTTP/1.1 is refused at once, without gathering."""
        with self.assertRaises(RemoteError):
            list(cutter().cut(b"HTTP/1.1 400 Bad Request\r\n"))

    def test_data_passes_as_it_comes(self) -> None:
        """A piece is reported at once, the length of the frame with the first."""
        under_test = begun()
        whole = raw(0, 1, 3, b"0123456789")
        self.assertEqual(
            list(under_test.cut(whole[:13])), [(wire.DATA, 3, b"0123", 10, 0)]
        )
        self.assertEqual(
            list(under_test.cut(whole[13:])), [(wire.DATA, 3, b"456789", 0, 1)]
        )

    def test_data_is_not_copied(self) -> None:
        """What is reported is a view of what was fed."""
        fed = raw(0, 0, 3, b"0123456789")
        ((_, _, view, _, _),) = begun().cut(fed)
        assert isinstance(view, memoryview)
        self.assertIs(view.obj, fed)

    def test_padding(self) -> None:
        """Padding is counted for itself and not passed on (section 6.1)."""
        cuts = list(begun().cut(raw(0, 9, 3, b"\x04data\0\0\0\0") + HELLO))
        self.assertEqual(
            cuts,
            [
                (wire.PADDING, 3, b"", 5, 0),
                (wire.DATA, 3, b"data", 4, 1),
                (wire.SETTINGS, 0, HELLO, 0, 0),
            ],
        )

    def test_nothing_but_padding(self) -> None:
        """A frame of padding alone still ends its stream."""
        cuts = list(begun().cut(raw(0, 9, 3, b"\x02\0\0")))
        self.assertEqual(
            cuts, [(wire.PADDING, 3, b"", 3, 0), (wire.DATA, 3, b"", 0, 1)]
        )

    def test_too_much_padding(self) -> None:
        """Padding as long as the frame is an error (section 6.1)."""
        with self.assertRaises(RemoteError):
            list(begun().cut(raw(0, 8, 3, b"\x05data")))

    def test_padded_and_empty(self) -> None:
        """A padded frame has at least the byte that says how much."""
        with self.assertRaises(FrameSizeError):
            list(begun().cut(raw(0, 8, 3)))

    def test_header_block(self) -> None:
        """HEADERS and CONTINUATIONs come out as one piece."""
        block = raw(1, 0, 3, b"ab") + raw(9, 0, 3, b"cd") + raw(9, 4, 3, b"ef")
        self.assertEqual(list(begun().cut(block)), [(wire.HEADERS, 3, block, 0, 4)])

    def test_interrupted_header_block(self) -> None:
        """Nothing may come between: no frame, and no other stream's (6.10)."""
        for other in (raw(0, 0, 3, b"x"), raw(9, 4, 5), raw(6, 0, 0, bytes(8))):
            with self.assertRaises(RemoteError):
                list(begun().cut(raw(1, 0, 3, b"ab") + other))

    def test_naked_continuation(self) -> None:
        """A CONTINUATION continues something (section 6.10)."""
        with self.assertRaises(RemoteError):
            list(begun().cut(raw(9, 4, 3)))

    def test_endless_header_block(self) -> None:
        """CONTINUATIONs without end are cut off, empty ones too (CVE-2024-27316)."""
        for body in (b"", b"x" * 50):
            flood = raw(1, 0, 3) + raw(9, 0, 3, body) * MAX_CONTROL
            with self.assertRaises(LimitError):
                list(begun().cut(flood))

    def test_push_promise(self) -> None:
        """Nobody may push to us."""
        with self.assertRaises(RemoteError):
            list(begun().cut(raw(5, 4, 3, bytes(4))))

    def test_too_long(self) -> None:
        """A frame past the announced size is refused by its header alone."""
        header = (MAX_FRAME + 1).to_bytes(3, "big") + bytes([0, 0, 0, 0, 0, 3])
        with self.assertRaises(FrameSizeError):
            list(begun().cut(header))

    def test_too_long_to_gather(self) -> None:
        """A control frame past its own bound is refused by its header alone."""
        header = (MAX_CONTROL).to_bytes(3, "big") + bytes([7, 0, 0, 0, 0, 0])
        with self.assertRaises(LimitError):
            list(begun().cut(header))

    def test_unknown_frames(self) -> None:
        """A frame of a type nobody knows is reported, skipped, never gathered."""
        whole = raw(0xEE, 0xFF, 3, bytes(MAX_FRAME))
        cuts = list(begun().cut(whole + HELLO))
        self.assertEqual(cuts, [(0xEE, 3, b"", 0, 0), (wire.SETTINGS, 0, HELLO, 0, 0)])

    def test_reserved_bit(self) -> None:
        """The top bit of a stream id is ignored (section 4.1)."""
        ((_, stream_id, _, _, _),) = begun().cut(raw(0, 0, 0x8000_0003, b"x"))
        self.assertEqual(stream_id, 3)


class CuttingProperties(SynchronousTestCase):
    """What holds for all bytes."""

    @UNHURRIED
    @given(lists(frames(), max_size=8), lists(integers(1, 30), min_size=1, max_size=5))
    def test_slices_do_not_show(self, parts: list[bytes], slices: list[int]) -> None:
        """Any slicing of the bytes gives the same pieces and the same error."""
        data = b"".join(parts)
        self.assertEqual(outcome(data, slices), outcome(data, []))

    @UNHURRIED
    @given(binary(max_size=200), lists(integers(1, 30), max_size=5))
    def test_any_bytes(self, data: bytes, slices: list[int]) -> None:
        """Any bytes are pieces or the peer's fault, never a crash."""
        under_test = cutter(preface=True)
        with contextlib.suppress(RemoteError):
            for part in sliced(PREFACE + HELLO + data, slices):
                list(under_test.cut(part))

    @UNHURRIED
    @given(lists(frames(), max_size=8))
    def test_nothing_is_lost(self, parts: list[bytes]) -> None:
        """All payload of DATA comes out, and all of it is counted, with padding."""
        cuts, error = outcome(b"".join(parts), [])
        data = [part for part in parts if not part[3]]
        if not error:
            self.assertEqual(
                sum(counted for _, _, _, counted, _ in cuts),
                sum(len(part) - 9 for part in data),
            )
