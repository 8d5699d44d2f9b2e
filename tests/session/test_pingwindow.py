"""Tests for `spdygate.session.pingwindow`."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis.strategies import DrawFn, composite, integers, lists, sampled_from
from twisted.trial.unittest import SynchronousTestCase

from spdygate.session.pingwindow import LATE, QUIET, SILENCE, PingWindow
from spdygate.session.questions import OFTEN, WINDOW
from spdygate.session.workerqueue import FULL, GONE

from .spdyworkers import Frame, GoClient, LocalStream

#: A busy machine is no failure.
UNHURRIED = settings(deadline=None)

FROZEN = 60.0


@dataclass
class Server:
    """
    Whoever has a window, and a client.

    :ivar left: frames of DATA that each stream has still to send.
    """

    client: GoClient = field(default_factory=GoClient)
    window: PingWindow = field(default_factory=lambda: PingWindow(FROZEN))
    left: dict[int, int] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    now: float = 0.0
    opened: int = 0

    def open(self, stream_id: int, frames: int) -> None:
        """Accept a stream and give it so many frames to send."""
        self.client.streams[stream_id] = LocalStream()
        self.window.sent(stream_id)
        self.client.wire.append(Frame("reply", stream_id))
        self.left[stream_id] = frames

    def send(self, stream_id: int) -> bool:
        """Send one frame of DATA, if there is one and it may go."""
        if not self.left[stream_id] or self.window.room(stream_id) < 1:
            return False
        self.left[stream_id] -= 1
        mark = stream_id | GONE if stream_id in self.gone else stream_id
        self.window.sent(stream_id, mark)
        self.client.wire.append(Frame("data", stream_id, 1))
        return True

    def ask(self) -> None:
        """Send what questions there are."""
        if not self.window.due:
            return
        for number in self.window.ping():
            self.client.wire.append(Frame("ping", number))
        for number in self.window.open():
            self.opened += 1
            self.client.wire.append(Frame("open", number))

    def hear(self) -> bool:
        """Hear one answer."""
        if not self.client.answers:
            return False
        frame = self.client.answers.popleft()
        hears = self.window.opened if frame.kind == "open" else self.window.pong
        hears(frame.number, self.now)
        return True

    def leave(self, stream_id: int, *, drops: bool) -> None:
        """End the program behind a stream: its client half-closes the stream."""
        self.gone.add(stream_id)
        self.window.left(stream_id, self.now, reset=False)
        self.client.leave(stream_id, drops=drops)

    def wait(self, seconds: float) -> None:
        """Let time pass, and be told."""
        self.now += seconds
        self.window.tick(self.now, congested=False)

    def run(self) -> None:
        """Do all that can be done, until nothing more can."""
        moved = True
        while moved:
            moved = any([self.send(stream_id) for stream_id in self.left])
            self.ask()
            self.client.rest()
            while self.hear():
                moved = True

    def taken(self, stream_id: int) -> int:
        """Return how many frames the program behind a stream has."""
        return self.client.streams[stream_id].taken


#: What may happen next, in any order.
STEPS = ("send", "send", "send", "send", "ask", "read", "work", "hear", "wait", "echo")


@composite
def schedules(draw: DrawFn) -> list[tuple[str, int]]:
    """Return a random order in which the two sides do things."""
    step = sampled_from(STEPS)
    return [(name, draw(integers(0, 9))) for name in draw(lists(step, max_size=400))]


def follow(server: Server, schedule: list[tuple[str, int]]) -> None:
    """Let both sides do things in that order."""
    streams = list(server.left)
    for name, number in schedule:
        match name:
            case "send":
                server.send(streams[number % len(streams)])
            case "ask":
                server.ask()
            case "read":
                for _ in range(number):
                    server.client.read()
            case "work":
                server.client.work(number % 5)
            case "hear":
                server.hear()
            case "wait":
                server.wait(number / 10)
            case "echo" if server.window.deals():
                server.window.dealt()
                server.client.wire.append(Frame("ping", 1001))
        assert not server.client.frozen
        assert not server.window.broken


class WindowProperties(SynchronousTestCase):
    """What holds whatever the two sides do first."""

    @UNHURRIED
    @given(schedules(), integers(0, 300))
    def test_nobody_waits_for_ever(
        self, schedule: list[tuple[str, int]], frames: int
    ) -> None:
        """What is sent to programs that read arrives, all of it."""
        server = Server()
        for stream_id in range(1, 20, 2):
            server.open(stream_id, frames)
        follow(server, schedule)
        server.run()
        self.assertEqual(
            [server.taken(stream_id) for stream_id in server.left], [frames] * 10
        )

    @UNHURRIED
    @given(schedules(), lists(sampled_from(range(1, 20, 2)), max_size=4))
    def test_only_its_own_fifth(
        self, schedule: list[tuple[str, int]], stalled: list[int]
    ) -> None:
        """Programs that do not read stop their own fifths, and then nothing."""
        server = Server()
        for stream_id in range(1, 20, 2):
            server.open(stream_id, 2000)
        for stream_id in stalled:
            server.client.streams[stream_id].reads = False
        follow(server, schedule)
        server.run()
        server.wait(LATE)
        server.run()
        self.assertFalse(server.client.frozen)
        stopped = {stream_id % 5 for stream_id in stalled}
        for stream_id, left in server.left.items():
            if stream_id % 5 not in stopped:
                self.assertEqual((left, server.taken(stream_id)), (0, 2000))
        for stream_id in stalled:
            server.client.streams[stream_id].reads = True
        server.run()
        for stream_id in server.left:
            self.assertEqual(server.taken(stream_id), 2000)
        self.assertEqual((server.window.broken, server.window.dead), ("", ""))


def stalled(*, beside: int = 0) -> Server:
    """
    Return a server whose stream 3 is not read, and known to stand still.

    :param beside: frames that stream 5, in another fifth, has still to send.
    """
    server = Server()
    server.open(3, 1000)
    server.open(5, 100 + beside)
    server.client.streams[3].reads = False
    server.left[5] = 100
    server.run()
    server.wait(LATE)
    server.left[5] = beside
    return server


class QuietTests(SynchronousTestCase):
    """What does not need to be asked is not."""

    def test_small_sessions_are_not_asked(self) -> None:
        """A client that was sent little gets no PING at all."""
        server = Server()
        server.open(3, OFTEN - 2)
        while server.send(3):
            self.assertFalse(server.window.due)

    def test_few_questions(self) -> None:
        """A bulk transfer costs five PINGs for every fourteen frames."""
        server = Server()
        server.open(3, 10_000)
        server.run()
        self.assertEqual((server.taken(3), server.opened), (10_000, 0))
        self.assertLessEqual(server.client.count - 10_001, 10_000 / OFTEN * 5 + 5)

    def test_no_streams_unless_needed(self) -> None:
        """Streams are opened only where a PING would cost the last places."""
        server = Server()
        server.open(3, 20 * WINDOW)
        server.client.streams[3].reads = False
        server.run()
        self.assertEqual(server.opened, 0)
        server.open(5, 20 * WINDOW)
        server.run()
        self.assertGreater(server.opened, 0)
        self.assertEqual(server.taken(5), 20 * WINDOW)


class StuckTests(SynchronousTestCase):
    """A worker that stands still is told from the others."""

    def test_noted(self) -> None:
        """A log is told which stream, and when it goes on."""
        server = stalled()
        (note,) = server.window.notes
        self.assertIn("stream 3:", note)
        server.client.streams[3].reads = True
        server.run()
        self.assertIn("takes again", server.window.notes[1])

    def test_nothing_goes_to_it(self) -> None:
        """Its streams are sent neither DATA nor answers, and others are."""
        window = stalled().window
        self.assertEqual(window.room(13), 0)
        self.assertFalse(window.takes(13))
        self.assertTrue(window.takes(15))

    def test_slow_is_not_stuck(self) -> None:
        """A worker that goes on, however slowly, is not called stuck."""
        server = stalled()
        server.client.streams[3].reads = True
        for _ in range(20):
            server.run()
            server.wait(LATE * 0.9)
        self.assertEqual(len(server.window.notes), 2)

    def test_noted_when_it_took_long(self) -> None:
        """The end is told however late it comes."""
        server = stalled()
        server.wait(10 * QUIET)
        server.client.streams[3].reads = True
        server.run()
        self.assertEqual(len(server.window.notes), 2)

    def test_few_notes(self) -> None:
        """A worker that stops and goes on all the time is noted once a minute."""
        server = stalled()
        for _ in range(10):
            server.client.streams[3].reads = True
            server.run()
            server.client.streams[3].reads = False
            server.left[3] = 100
            server.left[5] = 100
            server.run()
            server.wait(LATE)
        self.assertLessEqual(len(server.window.notes), 12)

    def test_more_than_one(self) -> None:
        """Four workers may stand still, and the fifth goes on."""
        server = Server()
        for stream_id in (1, 3, 5, 7, 9):
            server.open(stream_id, 10_000)
            server.client.streams[stream_id].reads = stream_id == 9
        server.run()
        self.assertEqual(server.taken(9), 10_000)
        self.assertFalse(server.client.frozen)

    def test_control_is_not_held_back_by_data(self) -> None:
        """With all the DATA there that may be, a stream can still be answered."""
        window = PingWindow(FROZEN)
        while window.room(3) > 0:
            window.sent(3, 3)
        self.assertTrue(window.takes(13))
        for _ in range(WINDOW, FULL):
            window.sent(13)
        self.assertFalse(window.takes(13))


class DeafTests(SynchronousTestCase):
    """While we do not read, nobody waits for answers."""

    def test_all_passes(self) -> None:
        """DATA goes out, and no PINGs do: their echoes would block the client."""
        server = Server()
        server.open(3, 1000)
        server.window.hears(False, 0.0)
        while server.send(3):
            self.assertEqual(server.window.ping(), [])
        self.assertEqual(server.left[3], 0)

    def test_asked_afterwards(self) -> None:
        """What has passed is asked after, and until then no more is sent."""
        server = Server()
        server.open(3, 1000)
        server.window.hears(False, 0.0)
        while server.send(3):
            pass
        self.assertTrue(server.window.hears(True, 0.0))
        self.assertFalse(server.window.hears(True, 0.0))
        server.left[3] = 10
        self.assertFalse(server.send(3))
        server.run()
        self.assertEqual(server.taken(3), 1010)

    def test_nobody_is_judged(self) -> None:
        """A client that cannot be heard is neither stuck nor broken."""
        server = Server()
        server.open(3, 1000)
        server.client.streams[3].reads = False
        server.open(5, 100)
        server.run()
        server.window.hears(False, server.now)
        server.wait(1000.0)
        self.assertEqual(server.window.notes, [])
        server.window.hears(True, server.now)
        server.wait(LATE)
        self.assertEqual(len(server.window.notes), 1)


class ProofTests(SynchronousTestCase):
    """A peer that is no Go peer is found out."""

    def asked(self, frames: int = WINDOW) -> PingWindow:
        """Return a window that has asked five questions: 2, 4, 6, 8, 10."""
        window = PingWindow(FROZEN)
        window.sent(3, 3, frames)
        self.assertEqual(list(window.ping()), [2, 4, 6, 8, 10])
        return window

    def test_silent(self) -> None:
        """One that never echoes is not waited for."""
        window = self.asked()
        self.assertLess(window.next(), 0.0)
        window.tick(100.0, congested=False)
        self.assertEqual(window.next(), 100.0 + SILENCE)
        window.tick(99.9 + SILENCE, congested=False)
        self.assertEqual(window.broken, "")
        window.tick(100.0 + SILENCE, congested=False)
        self.assertIn("answered no PING", window.broken)

    def test_silent_and_idle(self) -> None:
        """One that was sent little may be silent: it may be asleep."""
        window = self.asked(OFTEN)
        self.assertEqual(window.next(), float("inf"))
        window.tick(0.0, congested=False)
        window.tick(1000.0, congested=False)
        self.assertEqual(window.broken, "")

    def test_congested(self) -> None:
        """One that has not even been sent the PINGs is waited for."""
        window = self.asked()
        for now in (0.0, 10.0, 20.0):
            window.tick(now, congested=True)
        window.tick(20.0 + SILENCE - 0.1, congested=False)
        self.assertEqual(window.broken, "")

    def test_order(self) -> None:
        """One whose echoes overtake each other in one queue is another."""
        window = self.asked()
        window.due = True
        self.assertEqual(list(window.ping()), [12, 14, 16, 18, 20])
        for number in (4, 6, 8, 10, 14):
            self.assertIsNotNone(window.pong(number, 0.0))
        self.assertEqual(window.broken, "")
        self.assertIsNone(window.pong(12, 0.0))
        self.assertIn("order", window.broken)

    def test_late_for_no_reason(self) -> None:
        """One that is late where it was sent no bytes is another."""
        window = self.asked()
        for number in (4, 6, 8, 10):
            window.pong(number, 0.0)
        window.tick(LATE, congested=False)
        for number in window.ping()[1:]:
            window.pong(number, LATE)
        window.tick(1.5 * LATE, congested=False)
        self.assertIn("nothing can have held up", window.broken)

    def test_asleep(self) -> None:
        """One that falls asleep among its answers is asked once more, and waited for."""
        window = self.asked()
        for number in (2, 4, 6, 10):
            window.pong(number, 0.0)
        now = LATE
        window.tick(now, congested=False)
        self.assertTrue(window.due)
        self.assertEqual(window.ping(), [12, 14, 16, 18, 20])
        for _ in range(100):
            now = window.next()
            window.tick(now, congested=False)
        self.assertFalse(window.due)
        self.assertEqual((window.broken, window.notes), ("", []))

    def test_strange_numbers(self) -> None:
        """Echoes of what was never asked are ignored."""
        window = self.asked()
        self.assertIsNone(window.pong(1000, 0.0))
        window.pong(2, 0.0)
        self.assertIsNone(window.pong(2, 0.0))
        self.assertEqual(window.broken, "")

    def test_streams_are_not_answered(self) -> None:
        """One that does not answer streams is trusted while a queue is full."""
        server = Server()
        server.open(3, 1000)
        server.client.streams[3].reads = False
        server.open(5, 10_000)
        while any([server.send(3), server.send(5)]):
            for number in server.window.ping():
                server.client.wire.append(Frame("ping", number))
            server.client.rest()
            while server.hear():
                pass
        server.window.due = True
        self.assertNotEqual(server.window.open(), [])
        self.assertFalse(server.send(5))
        server.wait(0.0)
        server.wait(SILENCE)
        self.assertEqual((server.window.broken, server.window.room(3)), ("", 0))
        server.run()
        self.assertEqual(server.left[5], 0)


class DeathTests(SynchronousTestCase):
    """A worker that nobody is going to move ends the session, in time."""

    def test_old_client(self) -> None:
        """Its program has gone, and it does not recover: the session is over."""
        server = stalled()
        server.leave(3, drops=False)
        self.assertEqual(server.window.next(), server.now + FROZEN)
        server.wait(FROZEN - 0.1)
        self.assertEqual(server.window.dead, "")
        server.wait(0.1)
        self.assertIn("behind stream 3 finished", server.window.dead)

    def test_gone_before(self) -> None:
        """A program that had gone before its worker stopped is known."""
        server = Server()
        server.open(3, 1000)
        server.open(5, 100)
        server.leave(3, drops=False)
        server.run()
        server.wait(LATE)
        server.wait(FROZEN)
        self.assertIn("behind stream 3 finished", server.window.dead)

    def test_new_client(self) -> None:
        """One that drops the stream goes on, and is not closed."""
        server = stalled()
        server.leave(3, drops=True)
        server.run()
        server.wait(FROZEN)
        self.assertEqual(server.window.dead, "")
        self.assertGreater(server.window.room(3), 0)

    def test_still_there(self) -> None:
        """A program that is only slow may be so for hours."""
        server = stalled()
        server.wait(100 * FROZEN)
        self.assertEqual((server.window.dead, server.window.broken), ("", ""))
        self.assertEqual(server.window.next(), float("inf"))

    def test_a_client_that_resets(self) -> None:
        """One that was seen to drop streams recovers: it only half-closed."""
        server = stalled()
        server.window.left(101, server.now, reset=True)
        server.window.left(3, server.now, reset=False)
        server.wait(2 * FROZEN)
        self.assertEqual(server.window.dead, "")

    def test_somebody_elses_end(self) -> None:
        """A stream that was sent nothing before the worker stopped is not why."""
        server = stalled()
        server.client.streams[13] = LocalStream()
        server.window.left(13, server.now, reset=False)
        server.wait(2 * FROZEN)
        self.assertEqual(server.window.dead, "")


class ResetTests(SynchronousTestCase):
    """The reset of a stream that was never answered can block a worker."""

    def test_not_behind_what_may_block(self) -> None:
        """It waits until its worker is known to go on."""
        window = PingWindow(FROZEN)
        self.assertTrue(window.surely_takes(13))
        window.sent(3, 3)
        self.assertFalse(window.surely_takes(13))
        self.assertTrue(window.surely_takes(15))
        numbers = window.ping()
        self.assertEqual(
            [window.pong(number, 0.0) for number in numbers], [0, 1, 2, 3, 4]
        )
        self.assertTrue(window.surely_takes(13))

    def test_a_question_is_on_its_way(self) -> None:
        """Where one is outstanding no other is asked."""
        window = PingWindow(FROZEN)
        for _ in range(OFTEN):
            window.sent(3, 3)
        window.ping()
        self.assertFalse(window.surely_takes(13))
        self.assertFalse(window.due)
