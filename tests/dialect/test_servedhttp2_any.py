"""Any bytes at all, fed to `spdygate.dialect.servedhttp2` at a gateway."""

from __future__ import annotations

from hpack import Encoder
from hypothesis import given, settings
from hypothesis.strategies import (
    SearchStrategy,
    binary,
    booleans,
    integers,
    lists,
    tuples,
)
from hypothesis.strategies import sampled_from as one
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.exchange import Answer, Asked, ExchangeEnd, Trailed
from spdygate.dialect.servedhttp2 import CLIENT_LIMITS, ServedHttp2
from spdygate.dialect.tunnel import Data, End, Failed, Failure, Opening, Reason
from spdygate.session.http2 import Http2Session
from tests.dialect.http2client import GET, PROXY, with_method
from tests.session.http2peer import CONNECT, PREFACE, data, raw, rst, window_update
from tests.session.http2peer import settings as settings_frame

#: A busy machine is no failure.
UNHURRIED = settings(deadline=None)

WHY = Failure(Reason.LINK_LOST, "the far side is gone")


#: ``x: 1``, as HPACK writes it without a table (RFC 7541, section 6.2.2).
TRAILERS = b"\x00\x01x\x011"


def blocks() -> list[bytes]:
    """Return header blocks that mean something, or almost."""
    encoder = Encoder()
    encoder.header_table_size = 0
    requests = (
        *(GET, PROXY, CONNECT, with_method(b"HEAD"), with_method(b"P\xe9ST")),
        (*with_method(b"PUT"), (b"expect", b"100-continue")),
        (*GET, (b"x\xff", b"\x01"), (b"cookie", b"a=1"), (b"cookie", b"b=2")),
    )
    return [bytes(encoder.encode(headers)) for headers in requests]


BLOCKS = blocks()

#: A verb of a client's, which of its streams, bytes, and whether that is all.
Part = tuple[str, int, bytes, bool]


def parts() -> SearchStrategy[list[Part]]:
    """Return what a client may do that has not quite lost its mind."""
    verbs = one([*["open", "data", "trailers"] * 3, "reset", "credit", "any"])
    one_of_them = tuples(verbs, integers(0, 4), binary(max_size=20), booleans())
    return lists(one_of_them, max_size=14)


def wire(life: list[Part]) -> bytes:
    """Write frames: each opening is a stream of its own, all else is on one of them."""
    frames = []
    opened = 0
    for verb, which, body, end in life:
        stream_id = 2 * min(which, opened - 1) + 1
        match verb if opened else "open":
            case "open":
                block = BLOCKS[(which + len(body)) % len(BLOCKS)]
                frames.append(raw(1, 4 | end, 2 * opened + 1, block))
                opened += 1
            case "data":
                frames.append(data(stream_id, body, end=end))
            case "trailers":
                frames.append(raw(1, 5, stream_id, TRAILERS))
            case "reset":
                frames.append(rst(stream_id, which))
            case "credit":
                window = settings_frame((4, len(body)))
                frames.append(window if end else window_update(stream_id, which))
            case "any":
                frames.append(raw(len(body) % 12, which, stream_id, body))
    return b"".join(frames)


class Gateway:
    """
    A gateway that answers whatever it is asked, as it is told to.

    :ivar told: what happened, in words that have no end in them.
    """

    def __init__(self, deeds: list[int]) -> None:
        session = Http2Session(client=False, limits=CLIENT_LIMITS)
        self.served = ServedHttp2(session, trusted=False, exchanges=True)
        self.served.outgoing()
        self._deeds = iter(deeds)
        self._ends: list[End] = []
        self.told: list[str] = []
        self.failed: list[End] = []
        self.feed(PREFACE + settings_frame())

    def feed(self, wire: bytes) -> None:
        """Take bytes; join DATA, which comes in the slices in which it came."""
        for event in self.served.feed(wire, 0.0):
            self._note(event)
        self.served.outgoing()

    def _note(self, event: object) -> None:
        """Write down what happened."""
        if isinstance(event, Opening | Asked):
            self._ends.append(event.end)
        end = getattr(event, "end", None)
        where = self._ends.index(end) if end is not None else -1
        if isinstance(event, Data):
            assert end is not None
            end.grant(len(event.data))
            self.told += [f"{where}: {byte}" for byte in bytes(event.data)]
            return
        if isinstance(event, Failed):
            assert event.end not in self.failed
            self.failed.append(event.end)
        trailers = event.trailers if isinstance(event, Trailed) else ""
        self.told.append(f"{where}: {type(event).__name__} {trailers}")
        if isinstance(event, Opening | Asked):
            self._do(event.end, next(self._deeds, 0))

    @staticmethod
    def _do(end: End | ExchangeEnd, deed: int) -> None:
        """Do to an end that was just told of whatever may be done to it."""
        if deed == 1:
            end.fail(WHY)
        elif deed > 1:
            end.accept()
            if hasattr(end, "respond"):
                end.respond(Answer(200, (("x", "y"),)))
            end.send(b"some bytes that may have to wait")
        if deed > 2:
            end.finish()
        if deed > 3:
            end.fail(WHY)


class AnyTests(SynchronousTestCase):
    """What holds for all bytes."""

    def sliced(self, frames: bytes, slices: list[int], deeds: list[int]) -> Gateway:
        """Feed a gateway in slices; see that in the end it keeps nothing."""
        gateway = Gateway(deeds)
        at = turn = 0
        while at < len(frames):
            length = slices[turn % len(slices)]
            gateway.feed(frames[at : at + length])
            at, turn = at + length, turn + 1
        told = list(gateway.told)
        for event in gateway.served.lost():
            gateway._note(event)
        self.assertEqual(gateway.served.tunnels, 0)
        gateway.told = told
        return gateway

    @UNHURRIED
    @given(parts(), lists(integers(1, 30), min_size=1))
    def test_slices(self, life: list[Part], slices: list[int]) -> None:
        """Any frames, in any slices, are told alike, unless we answer in between."""
        frames = wire(life)
        whole = self.sliced(frames, [len(frames) or 1], []).told
        sliced = self.sliced(frames, slices, []).told
        if not any("Noted" in words for words in whole):
            self.assertEqual(sliced, whole)

    @UNHURRIED
    @given(
        parts(),
        lists(integers(1, 30), min_size=1),
        lists(integers(0, 4), min_size=1, max_size=8),
    )
    def test_answered(
        self, life: list[Part], slices: list[int], deeds: list[int]
    ) -> None:
        """Whatever is answered to them meanwhile, no end fails twice or is kept."""
        self.sliced(wire(life), slices, deeds)

    @UNHURRIED
    @given(binary(max_size=300))
    def test_any_bytes(self, anything: bytes) -> None:
        """Any bytes at all are events or the client's fault."""
        Gateway([2, 3]).feed(anything)
