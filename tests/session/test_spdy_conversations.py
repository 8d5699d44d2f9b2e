"""Tests for `spdygate.session.spdy`: whole conversations, real and random."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis.strategies import (
    SearchStrategy,
    binary,
    booleans,
    integers,
    lists,
    one_of,
    sampled_from,
    tuples,
)
from twisted.trial.unittest import SynchronousTestCase

from spdygate.session.events import (
    Broken,
    DataReceived,
    Event,
    GoingAway,
    StreamAccepted,
    StreamFinished,
    StreamOpened,
    StreamReset,
)
from spdygate.session.spdy import SpdySession
from tests.session.joined import Joined
from tests.session.spdybyhand import FIN, HandPeer, Seen, data, headers_of
from tests.wire import captures
from tests.wire.test_spdyparser import FRAGMENTS

GET = captures.CLIENT[3][8:]
HELLO = captures.SERVER[2][8:]


def joined(events: list[Event]) -> list[object]:
    """Return the events with neighbouring DATA of a stream joined, as values."""
    told: list[object] = []
    for event in events:
        last = told[-1] if told else None
        if isinstance(event, Broken):
            told.append((type(event.error), str(event.error)))
        elif not isinstance(event, DataReceived):
            told.append(event)
        elif isinstance(last, DataReceived) and last.stream_id == event.stream_id:
            last.data = bytes(last.data) + bytes(event.data)
        else:
            told.append(DataReceived(event.stream_id, bytes(event.data)))
    return told


class CaptureTests(SynchronousTestCase):
    """kubectl 1.20, cri-streaming 0.36: two curls, then Ctrl-C."""

    def test_what_kubectl_sent(self) -> None:
        """Fed byte by byte, it is the conversation that was captured."""
        expected = [
            (StreamOpened, b"error", b"0", 1),
            StreamFinished(1),
            (StreamOpened, b"data", b"0", 3),
            DataReceived(3, GET),
            StreamFinished(3),
            (StreamOpened, b"error", b"1", 5),
            StreamFinished(5),
            (StreamOpened, b"data", b"1", 7),
            DataReceived(7, GET),
            StreamFinished(7),
            GoingAway(0, 0),
        ]
        session = SpdySession(client=False)
        sent = b"".join(captures.CLIENT)
        events = [
            event
            for here in range(len(sent))
            for event in session.feed(sent[here : here + 1], 0.0)
        ]
        told: list[object] = []
        for event in joined(events):
            if isinstance(event, StreamOpened):
                found = dict(event.headers)
                self.assertEqual(found[b"port"], b"9001")
                self.assertEqual(len(event.headers), 3)
                kind, request_id = found[b"streamtype"], found[b"requestid"]
                told.append((StreamOpened, kind, request_id, event.stream_id))
            else:
                told.append(event)
        self.assertEqual(told, expected)

    def test_what_we_answer(self) -> None:
        """Our answers have empty blocks, and our DATA is the server's to the byte."""
        session, reader = SpdySession(client=False), HandPeer()
        for frame in captures.CLIENT[:4]:
            for event in session.feed(frame, 0.0):
                if isinstance(event, StreamOpened):
                    session.accept(event.stream_id)
        replies = reader.read(session.outgoing())
        empty = bytes(4)
        expected = [Seen("SYN_REPLY", 1, 0, empty), Seen("SYN_REPLY", 3, 0, empty)]
        self.assertEqual(replies, expected)
        session.send(3, HELLO)
        session.finish(3)
        session.finish(1)
        self.assertEqual(session.outgoing(), b"".join(captures.SERVER[2:5]))

    def test_what_the_server_sent(self) -> None:
        """Fed to the asking side, it answers what we asked."""
        session = SpdySession(client=True)
        for kind in ("error", "data"):
            session.open_stream(tuple(headers_of(kind, 9001)))
        events = session.feed(b"".join(captures.SERVER[:5]), 0.0)
        self.assertEqual(
            joined(events),
            [
                StreamAccepted(1, ()),
                StreamAccepted(3, ()),
                DataReceived(3, HELLO),
                StreamFinished(3),
                StreamFinished(1),
            ],
        )

    def test_a_ping_of_kubectl(self) -> None:
        """The answer to the captured PING is the same frame."""
        session = SpdySession(client=False)
        self.assertEqual(session.feed(captures.PING, 0.0), [])
        self.assertEqual(session.outgoing(), captures.PING)

    def test_a_refused_port(self) -> None:
        """The captured RST_STREAM is read, and is what we write for CANCEL."""
        session, peer = SpdySession(client=False), HandPeer()
        opened = session.feed(peer.syn(1) + captures.RST_STREAM, 0.0)
        self.assertEqual(opened[1:], [StreamReset(1, 5)])
        session = SpdySession(client=False)
        session.feed(HandPeer().syn(1), 0.0)
        session.reset(1, 5)
        self.assertEqual(session.outgoing(), captures.RST_STREAM)


class Script:
    """Frames that are well made, in an order that may not be."""

    def __init__(self) -> None:
        self.peer = HandPeer()

    def frame(self, verb: int, number: int, count: int) -> bytes:
        """Write one frame."""
        payload, flags = bytes(count), (count % 5 == 0) * FIN
        peer = self.peer
        match verb:
            case 0 | 1:
                return peer.syn(number, flags=flags)
            case 2 | 3 | 4:
                return data(number, payload, flags)
            case 5:
                return peer.rst(number)
            case 6:
                return peer.headers(number, flags=flags)
            case 7:
                return peer.reply(number, flags=flags)
            case 8:
                return peer.grant(number, count + 1)
            case 9:
                return peer.settings((7, count))
            case _:
                return peer.ping(number)


_STEPS = lists(tuples(integers(0, 10), integers(1, 9), integers(0, 90)), max_size=40)


def wellformed(steps: list[tuple[int, int, int]]) -> bytes:
    """Write a whole script."""
    script = Script()
    return b"".join(script.frame(*step) for step in steps)


_INPUTS: SearchStrategy[bytes] = one_of(
    _STEPS.map(wellformed),
    lists(FRAGMENTS, max_size=12).map(b"".join),
    binary(max_size=200),
    tuples(_STEPS.map(wellformed), FRAGMENTS).map(b"".join),
)


class AnyBytesTests(SynchronousTestCase):
    """A peer's bytes lead to events, to resets or to the end; nothing raises."""

    @given(_INPUTS, integers(0, 2**32))
    def test_any_split(self, sent: bytes, seed: int) -> None:
        """However the bytes are cut, the same happens."""
        whole = SpdySession(client=False)
        expected = joined(whole.feed(sent, 0.0))
        dice, here = random.Random(seed), 0
        cut = SpdySession(client=False)
        events: list[Event] = []
        while here < len(sent):
            stop = here + dice.randint(1, 20)
            events += cut.feed(sent[here:stop], 0.0)
            here = stop
        self.assertEqual(joined(events), expected)
        self.assertEqual(cut.broken, whole.broken)

    @given(lists(_INPUTS, max_size=4), booleans())
    def test_nothing_raises(self, reads: list[bytes], client: bool) -> None:
        """Either side survives anything, while it is in use; `Broken` is last."""
        session = SpdySession(client=client)
        if client:
            session.open_stream((), finished=True)
            session.open_stream(())
        for read in reads:
            for event in (events := session.feed(read, 0.0)):
                if isinstance(event, Broken):
                    self.assertIs(event, events[-1])
                if isinstance(event, StreamOpened):
                    session.accept(event.stream_id)
                    session.send(event.stream_id, b"welcome")
                if isinstance(event, DataReceived):
                    session.grant(event.stream_id, len(event.data))
                if isinstance(event, StreamFinished):
                    session.finish(event.stream_id)
            session.release(1000)
            session.outgoing()


#: What is done, often and less so.
VERBS = (*("send", "slice") * 4, *("pause", "resume", "release", "finish") * 2) + (
    *("open", "accept", "grant", "reset"),
)


class RandomConversationTests(SynchronousTestCase):
    """Two sessions in memory, and everything that can be asked of them."""

    @settings(deadline=None, max_examples=200)
    @given(
        booleans(),
        lists(
            tuples(
                sampled_from(VERBS),
                sampled_from((0, 1)),
                sampled_from((1, 1, 3, 5)),
                sampled_from((1, 100, 5_000, 70_000)),
            ),
            min_size=25,
            max_size=60,
        ),
    )
    def test_nothing_is_lost(
        self, counting: bool, steps: list[tuple[str, int, int, int]]
    ) -> None:
        """Bytes arrive in order, FIN after them; what is reset ends for both."""
        pair = Joined(counting=counting)
        pair.begin()
        for verb, side, number, count in steps:
            pair.verbs[verb](pair.sides[side], number, count)
        pair.drain()
        pair.check()
