"""Tests for `spdygate.session.spdywriting`."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis.strategies import integers, lists, sampled_from, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import RstStatus
from spdygate.session.events import Drained, Event, Pong, StreamReset
from spdygate.session.pingwindow import LATE, SILENCE, PingWindow
from spdygate.session.questions import OFTEN, WINDOW
from spdygate.session.spdy import SpdySession
from spdygate.session.spdywriting import TOO_LATE
from spdygate.session.streamstate import awaits_us, may_send
from spdygate.session.workerqueue import LARGEST
from tests.session.spdybyhand import FIN, HandPeer, Seen, data
from tests.session.spdyworkers import Frame, GoClient, LocalStream

#: A busy machine is no failure.
UNHURRIED = settings(deadline=None)

KINDS = {
    "DATA": "data",
    "SYN_REPLY": "reply",
    "RST_STREAM": "rst",
    "PING": "ping",
    "SYN_STREAM": "open",
    "WINDOW_UPDATE": "other",
}


class Watched:
    """
    A session that watches the workers of a Go client.

    :ivar got: by stream, the bytes that reached the client.
    :ivar seen: the frames that did.
    """

    def __init__(self) -> None:
        self.session = SpdySession(client=False, window=PingWindow(60.0))
        self.peer = HandPeer()
        self.client = GoClient()
        self.now = 0.0
        self.got: dict[int, bytes] = defaultdict(bytes)
        self.seen: list[Seen] = []

    def open(self, *stream_ids: int, answer: bool = True) -> None:
        """Let the client open streams, and answer them."""
        for stream_id in stream_ids:
            self.client.streams[stream_id] = LocalStream()
            self.feed(self.peer.syn(stream_id))
            if answer:
                self.session.accept(stream_id)

    def feed(self, frame: bytes) -> list[Event]:
        """Let the client say something."""
        return self.session.feed(frame, self.now)

    def write(self) -> bool:
        """Hand over what the session has to say now."""
        session = self.session
        while session.has_waiting:
            session.release(1 << 16)
        frames = self.peer.read(session.outgoing())
        for seen in frames:
            if seen.name == "DATA":
                self.got[seen.stream_id] += seen.body
            number = seen.stream_id or seen.value
            kind = KINDS[seen.name]
            payload = seen.value if kind == "data" else 0
            self.client.wire.append(Frame(kind, number, payload, bool(seen.flags)))
        self.seen += frames
        return bool(frames)

    def hear(self) -> bool:
        """Take the client's answers."""
        if not self.client.answers:
            return False
        frame = self.client.answers.popleft()
        write = self.peer.ping if frame.kind == "ping" else self.peer.reply
        self.feed(write(frame.number))
        return True

    def run(self) -> None:
        """Do all that can be done, until nothing more can."""
        moved = True
        while moved:
            moved = self.write()
            self.client.rest()
            while self.hear():
                moved = True

    def wait(self, seconds: float) -> None:
        """Let time pass, and everybody go on."""
        self.now += seconds
        self.session.tick(self.now)
        self.run()

    def stall(self, stream_id: int = 3) -> None:
        """Stop a program that reads a stream, until its worker is known to be stuck."""
        self.client.streams[stream_id].reads = False
        for _ in range(2 * WINDOW):
            self.session.send(stream_id, bytes(LARGEST))
        self.run()
        self.wait(LATE)
        self.wait(LATE)

    def names(self) -> list[tuple[str, int]]:
        """Return what the client was sent since this was asked last, but questions."""
        seen, self.seen = self.seen, []
        return [
            (one.name, one.stream_id)
            for one in seen
            if one.name not in ("PING", "SYN_STREAM")
        ]


class StuckTests(SynchronousTestCase):
    """What is for a worker that stands still waits here, and nothing else."""

    def setUp(self) -> None:
        """Let the worker of streams 3, 13 and 23 stand still."""
        self.watched = Watched()
        self.session = self.watched.session
        self.watched.open(3, 5)
        self.watched.run()
        self.watched.stall()
        self.watched.names()

    def go_on(self) -> list[tuple[str, int]]:
        """Let the worker go on; return what it is sent then, but DATA of 3."""
        self.watched.client.streams[3].reads = True
        self.watched.run()
        self.watched.run()
        return [name for name in self.watched.names() if name != ("DATA", 3)]

    def test_noted(self) -> None:
        """A log is told, and told when it is over."""
        (note,) = self.session.notes
        self.assertIn("on stream 3:", note)
        self.go_on()
        self.assertIn("takes again", self.session.notes[1])

    def test_all_arrives(self) -> None:
        """All that was sent is there in the end."""
        self.assertLess(len(self.watched.got[3]), WINDOW * LARGEST + 1)
        self.go_on()
        self.assertEqual(len(self.watched.got[3]), 2 * WINDOW * LARGEST)

    def test_answer(self) -> None:
        """A stream of its own is answered late, and its DATA follows."""
        self.watched.open(13)
        self.assertEqual(self.session.send(13, b"words"), 0)
        self.watched.run()
        self.assertEqual(self.watched.names(), [])
        self.assertEqual(self.go_on(), [("SYN_REPLY", 13), ("DATA", 13)])
        self.assertEqual(self.watched.client.streams[13].taken, 5)

    def test_others(self) -> None:
        """Streams of the others are answered at once, and sent what they want."""
        self.watched.open(15)
        self.assertEqual(self.session.send(15, b"words"), 5)
        self.watched.run()
        self.assertEqual(self.watched.names(), [("SYN_REPLY", 15), ("DATA", 15)])

    def test_finish(self) -> None:
        """A FIN waits, and its stream is remembered until it has gone."""
        self.watched.open(13)
        self.session.finish(13)
        self.watched.feed(data(13, b"", FIN))
        self.watched.run()
        self.assertIn(13, self.session)
        self.assertEqual(self.go_on(), [("SYN_REPLY", 13), ("DATA", 13)])
        self.assertNotIn(13, self.session)

    def test_finish_and_reset(self) -> None:
        """So does a reset behind it."""
        self.watched.open(13)
        self.session.finish(13)
        self.session.reset(13, RstStatus.CANCEL)
        sent = [("SYN_REPLY", 13), ("DATA", 13), ("RST_STREAM", 13)]
        self.assertEqual(self.go_on(), sent)

    def test_reset(self) -> None:
        """A reset is never sent before the answer."""
        self.watched.open(13)
        self.session.reset(13, RstStatus.CANCEL)
        self.assertNotIn(13, self.session)
        self.assertEqual(self.go_on(), [("SYN_REPLY", 13), ("RST_STREAM", 13)])

    def test_reset_of_the_unanswered(self) -> None:
        """In time it says that the stream is refused."""
        self.watched.open(13, answer=False)
        self.session.reset(13, RstStatus.CANCEL)
        self.assertEqual(self.go_on(), [("RST_STREAM", 13)])

    def test_late_reset_of_the_unanswered(self) -> None:
        """Late, the stream is answered first: the client does not wait any more."""
        self.watched.open(13, answer=False)
        self.session.reset(13, RstStatus.CANCEL)
        self.watched.now += TOO_LATE
        self.assertEqual(self.go_on(), [("SYN_REPLY", 13), ("RST_STREAM", 13)])
        self.assertNotIn(13, self.watched.client.streams)

    def test_late_answer(self) -> None:
        """Late, what was accepted is reset: nobody would read what it is sent."""
        self.watched.open(13)
        self.session.send(13, b"news")
        self.watched.now += TOO_LATE
        told = self.watched.feed(self.watched.peer.ping(8))
        self.assertEqual(told, [Pong(8), StreamReset(13, RstStatus.CANCEL)])
        self.assertNotIn(13, self.session)
        self.assertEqual(self.go_on(), [("SYN_REPLY", 13), ("RST_STREAM", 13)])

    def test_starved(self) -> None:
        """A stream whose bytes wait for this is known, unless all are waiting."""
        self.assertTrue(self.session.starved(3))
        self.assertFalse(self.session.starved(5))
        self.session.pause()
        self.assertFalse(self.session.starved(3))

    def test_many_resets(self) -> None:
        """What waits is bounded, however many streams a client opens."""
        for stream_id in range(13, 13 + 10 * 9_000, 10):
            self.watched.open(stream_id)
            self.session.reset(stream_id, RstStatus.CANCEL)
        self.assertLessEqual(len(self.session._kept), 8_001)

    def test_a_client_that_counts(self) -> None:
        """One that grants credit is not watched: what waited goes at once."""
        self.watched.open(13)
        self.session.finish(13)
        self.watched.feed(self.watched.peer.grant(3, 1 << 30))
        self.watched.feed(self.watched.peer.grant(0, 1 << 30))
        self.watched.write()
        names = self.watched.names()
        self.assertEqual(names[0], ("SYN_REPLY", 13))
        self.assertIn(("DATA", 13), names)
        self.assertEqual(len(self.watched.got[3]), 2 * WINDOW * LARGEST)
        self.assertEqual(self.session.deadline(), float("inf"))

    def test_dead(self) -> None:
        """Once its program has gone, the session says when it is over."""
        self.watched.feed(data(3, b"", FIN))
        self.watched.wait(59.0)
        self.assertEqual(self.session.dead, "")
        self.watched.wait(1.0)
        self.assertIn("behind stream 3 finished", self.session.dead)


class AskTests(SynchronousTestCase):
    """Questions, and their answers."""

    def setUp(self) -> None:
        """Open a stream."""
        self.watched = Watched()
        self.session = self.watched.session
        self.watched.open(3)
        self.watched.run()

    def test_behind_the_data(self) -> None:
        """PINGs follow what they ask after, in the same write."""
        for _ in range(OFTEN):
            self.session.send(3, b"word")
        frames = [seen.name for seen in self.watched.peer.read(self.session.outgoing())]
        self.assertEqual(frames, ["DATA"] * OFTEN + ["PING"] * 5)

    def test_keepalive(self) -> None:
        """An idle client is asked with one PING, in turn with all the others."""
        self.session.ping(2)
        self.session.ping(4)
        seen = self.watched.peer.read(self.session.outgoing())
        self.assertEqual([one.value for one in seen], [2, 4])

    def test_keepalive_of_the_busy(self) -> None:
        """A PING alone might wait behind what is not read: five do not."""
        self.session.send(3, b"word")
        self.session.ping(2)
        seen = self.watched.peer.read(self.session.outgoing())[1:]
        self.assertEqual([one.value for one in seen], [2, 4, 6, 8, 10])

    def test_sizes(self) -> None:
        """Frames have a largest size, and what is small is joined while it waits."""
        self.session.send(3, bytes(3 * LARGEST))
        self.session.pause()
        for _ in range(1000):
            self.session.send(3, b"word")
        self.session.resume()
        self.watched.write()
        sizes = [one.value for one in self.watched.seen if one.name == "DATA"]
        self.assertEqual(sizes, [LARGEST] * 3 + [4000])

    def test_its_pings(self) -> None:
        """A client's own PINGs are echoed, and each takes a turn."""
        self.watched.feed(self.watched.peer.ping(1))
        self.session.send(3, b"word")
        self.session.ping(2)
        self.watched.run()
        self.assertEqual(self.session.notes, [])
        self.assertEqual(self.watched.client.turn, 1)

    def test_more_pings_than_there_are_places(self) -> None:
        """Echoes wait while there is no place for them, and only a few do."""
        watched = self.watched
        for number in range(1, 2000, 2):
            watched.feed(watched.peer.ping(number))
        frames = watched.peer.read(self.session.outgoing())
        self.assertLess(len(frames), 5 * 50)
        watched.client.wire.extend(Frame("ping", one.value) for one in frames)
        self.assertFalse(watched.client.frozen)
        watched.run()
        self.assertFalse(watched.client.frozen)

    def test_silent(self) -> None:
        """A client that echoes nothing is left alone, and a log told."""
        for _ in range(2 * WINDOW):
            self.session.send(3, b"word")
        self.watched.write()
        self.watched.client.wire.clear()
        for _ in range(2):
            self.session.tick(self.watched.now)
            self.watched.now += SILENCE
        (note,) = self.session.notes
        self.assertIn("not watched any more: it has answered no PING", note)
        self.watched.write()
        self.assertEqual(len(self.watched.got[3]), 2 * WINDOW * 4)

    def test_reset_of_the_unanswered(self) -> None:
        """It waits for proof that its worker goes on, and is as good as asked for."""
        self.watched.open(13, answer=False)
        self.session.send(3, b"word")
        self.session.reset(13, RstStatus.CANCEL)
        self.watched.write()
        self.assertEqual(
            [one.name for one in self.watched.seen[1:]], ["DATA"] + ["PING"] * 5
        )
        self.watched.run()
        self.assertEqual(self.watched.names()[-1], ("RST_STREAM", 13))

    def test_reset_of_the_answered(self) -> None:
        """One that was answered is reset at once."""
        self.watched.open(13)
        self.session.send(3, b"word")
        self.session.reset(13, RstStatus.CANCEL)
        self.watched.write()
        self.assertEqual(self.watched.names()[-1], ("RST_STREAM", 13))

    def test_deaf(self) -> None:
        """While we do not read, everything goes out."""
        self.session.hears(False)
        for _ in range(5 * WINDOW):
            self.session.send(3, bytes(LARGEST))
        self.assertEqual(self.session.waiting(3), 0)
        self.session.hears(True)
        self.session.send(3, b"word")
        self.assertEqual(self.session.waiting(3), 4)
        self.watched.run()
        self.assertEqual(self.session.waiting(3), 0)

    def test_deaf_in_the_middle(self) -> None:
        """What waited goes on as soon as we cannot hear."""
        for _ in range(2 * WINDOW):
            self.session.send(3, b"word")
        self.assertNotEqual(self.session.waiting(3), 0)
        self.session.hears(False)
        self.watched.write()
        self.assertEqual(self.session.waiting(3), 0)


class WatchedProperties(SynchronousTestCase):
    """What holds whatever the client's programs do."""

    @UNHURRIED
    @given(
        lists(
            tuples(
                sampled_from(("send", "stop", "go", "run", "wait", "read", "work")),
                integers(0, 9),
                integers(1, 200),
            ),
            max_size=100,
        )
    )
    def test_all_in_order(self, life: list[tuple[str, int, int]]) -> None:
        """The client never freezes, and gets all bytes in order in the end."""
        watched, counter = Watched(), 0
        sent: dict[int, bytes] = defaultdict(bytes)
        streams = range(1, 20, 2)
        watched.open(*streams)
        for verb, number, size in life:
            stream_id = streams[number]
            match verb:
                case "send":
                    for _ in range(size):
                        counter += 1
                        words = counter.to_bytes(4)
                        sent[stream_id] += words
                        watched.session.send(stream_id, words)
                    watched.write()
                case "stop" | "go":
                    watched.client.streams[stream_id].reads = verb == "go"
                case "run":
                    watched.run()
                case "wait":
                    watched.wait(size / 50)
                case "read":
                    watched.client.read()
                case _:
                    watched.client.work(number % 5)
            self.assertFalse(watched.client.frozen)
        for stream_id in streams:
            watched.client.streams[stream_id].reads = True
        watched.run()
        self.assertEqual(watched.got, sent)
        self.assertEqual(
            {key: watched.client.streams[key].taken for key in sent},
            {key: len(words) for key, words in sent.items()},
        )

    def test_drained(self) -> None:
        """What waited is reported when it goes."""
        watched = Watched()
        watched.open(3)
        for _ in range(WINDOW):
            watched.session.send(3, b"word")
        watched.session.send(3, b"words")
        self.assertEqual(watched.session.waiting(3), 9)
        self.assertEqual(watched.session.release(100), [])
        self.assertFalse(watched.session.has_waiting)
        watched.peer.read(watched.session.outgoing())
        for number in (2, 4, 6, 8, 10):
            watched.feed(watched.peer.ping(number))
        self.assertEqual(watched.session.release(100), [Drained(3, 9)])


#: What a client may do, and what we do, in any order.
VERBS = (
    *("open", "ping", "reply", "rst", "fin", "data"),
    *("accept", "send", "send", "finish", "reset", "hears", "tick", "write", "write"),
)


class AnyTests(SynchronousTestCase):
    """A client need not be what we take it for."""

    def do(self, watched: Watched, verb: str, number: int) -> None:
        """Do one thing, with any number."""
        session, peer = watched.session, watched.peer
        known = sorted(session._streams) or [1]
        stream_id = known[number % len(known)]
        state = session._streams.get(stream_id)
        match verb:
            case "open":
                watched.feed(peer.syn(2 * watched.client.count + 1))
                watched.client.count += 1
            case "ping":
                watched.feed(peer.ping(number + 1))
            case "reply":
                watched.feed(peer.reply(number + 1))
            case "rst":
                watched.feed(peer.rst(number + 1, 1 + number % 5))
            case "fin" | "data":
                ends = FIN if verb == "fin" else 0
                watched.feed(data(stream_id, b"" if ends else b"word", ends))
            case "accept" if state is not None and awaits_us(state.state):
                session.accept(stream_id)
            case "send" if state is not None and may_send(state.state):
                session.send(stream_id, bytes(number * 5000))
            case "finish":
                session.finish(stream_id)
            case "reset":
                session.reset(stream_id, RstStatus.CANCEL)
            case "hears":
                session.hears(number % 3 > 0)
            case "tick":
                watched.now += number / 10
                session.tick(watched.now)
            case "write":
                while session.has_waiting:
                    session.release(1 << 16)
                peer.read(session.outgoing())

    @UNHURRIED
    @given(lists(tuples(sampled_from(VERBS), integers(0, 100)), max_size=200))
    def test_nothing_is_raised(self, life: list[tuple[str, int]]) -> None:
        """Whatever it does, it gets frames that can be read, and we no error."""
        watched = Watched()
        for verb, number in life:
            self.do(watched, verb, number)
            self.assertGreaterEqual(watched.session.deadline(), -float("inf"))
