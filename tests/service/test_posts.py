"""Tests for `spdygate.service.posts`."""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet.error import (
    ProcessDone,
    ProcessExitedAlready,
    ProcessTerminated,
)
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from twisted.logger import Logger, capturedLogs, eventAsJSON, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from spdygate.service import posts
from spdygate.service.posts import Post


class Process:
    """
    A process that does what a test says.

    :ivar said: what it was told.
    :ivar killed: whether it was.
    """

    def __init__(self, protocol: ProcessProtocol, pid: int) -> None:
        self.pid = pid
        self.said = b""
        self.killed = False
        self.deaf = False
        self.dead = False
        self._protocol = protocol
        protocol.makeConnection(self)

    def writeToChild(self, number: int, data: bytes) -> None:
        """Hear."""
        if self.deaf:
            raise KeyError(number)
        self.said += data

    def signalProcess(self, name: str) -> None:
        """Be killed."""
        if self.dead:
            raise ProcessExitedAlready()
        self.killed = name == "KILL"

    def tell(self, data: bytes, number: int = 3) -> None:
        """Say something."""
        self._protocol.childDataReceived(number, data)

    def end(self, status: int | None = None, signal: int | None = None) -> None:
        """End."""
        self.dead = True
        good = status == 0
        ended = ProcessDone(0) if good else ProcessTerminated(status, signal, 0)
        self._protocol.processEnded(Failure(ended))


class PostTests(SynchronousTestCase):
    """A post is always filled."""

    def setUp(self) -> None:
        """Fill one."""
        self.clock = Clock()
        self.processes: list[Process] = []
        self.error: OSError | None = None
        self.absent: list[int] = []
        self.post = Post(2, self.spawn, self.clock, self.absent.append)
        self.post.fill()

    def spawn(self, protocol: ProcessProtocol, number: int) -> IProcessTransport:
        """Start a process, unless there can be none."""
        self.assertEqual(number, 2)
        if self.error is not None:
            raise self.error
        process: Any = Process(protocol, 100 + len(self.processes))
        self.processes.append(process)
        return process  # type: ignore[no-any-return]

    @property
    def worker(self) -> Process:
        """Return the latest."""
        return self.processes[-1]

    def logged(self, act: Any) -> list[str]:
        """Return what is logged when something happens."""
        with capturedLogs() as events:
            act()
        return [str(formatEvent(event)) for event in events]

    def test_serves(self) -> None:
        """Who it is, is said when it accepts connections."""
        lines = self.logged(lambda: self.worker.tell(b"serving\n"))
        self.assertEqual(lines, ["worker 2 (pid 100) serves"])

    def test_replaced_at_once(self) -> None:
        """Who has served for a while is followed by another without delay."""
        self.clock.advance(posts.SETTLED)
        lines = self.logged(lambda: self.worker.end(signal=9))
        self.assertEqual(
            lines,
            [
                "worker 2 (pid 100) was ended by SIGKILL after 10.0 s; "
                "the next one starts at once"
            ],
        )
        self.assertEqual(self.absent, [2])
        self.clock.advance(0)
        self.assertEqual(len(self.processes), 2)

    def test_backs_off(self) -> None:
        """Who dies at once is followed later and later, and no later than that."""
        waits = []
        for _ in range(8):
            self.worker.end(1)
            (call,) = self.clock.getDelayedCalls()
            waits.append(call.getTime() - self.clock.seconds())
            self.clock.advance(waits[-1])
        self.assertEqual(waits, [1, 2, 4, 8, 16, 30, 30, 30])
        self.clock.advance(posts.SETTLED)
        self.worker.end(0)
        self.clock.advance(0)
        self.worker.end(1)
        (call,) = self.clock.getDelayedCalls()
        self.assertEqual(call.getTime() - self.clock.seconds(), 1)

    def test_how(self) -> None:
        """The log says how it ended, whichever way that was."""
        for how, words in (
            ({"status": 0}, "ended with status 0 after"),
            ({"status": 3}, "ended with status 3 after"),
            ({"signal": 11}, "was ended by SIGSEGV after"),
            ({"signal": 40}, "was ended by signal 40 after"),
        ):
            (line,) = self.logged(lambda how=how: self.worker.end(**how))
            self.assertIn(words, line)
            self.clock.advance(posts.LONGEST_WAIT)

    def test_cannot_be_started(self) -> None:
        """No memory for a process is a death like any other."""
        self.error = OSError(errno.EAGAIN, "no more processes")
        self.worker.end(1)
        (line,) = self.logged(lambda: self.clock.advance(posts.FIRST_WAIT))
        self.assertIn("worker 2 cannot be started (no more processes)", line)
        self.error = None
        self.clock.advance(2 * posts.FIRST_WAIT)
        self.assertEqual(len(self.processes), 2)

    def test_log(self) -> None:
        """Its log is ours, with its number."""
        with capturedLogs() as theirs:
            Logger("a.b").info("hello {who}", who="you")
        line = f"log {eventAsJSON(theirs[0])}\n".encode()
        with capturedLogs() as events:
            self.worker.tell(line)
        self.assertEqual(events[0]["log_system"], "worker 2, a.b#info")
        self.assertEqual(formatEvent(events[0]), "hello you")

    def test_printed(self) -> None:
        """What it prints is shown as it is, also the last of it, and a broken log."""
        self.assertEqual(
            self.logged(lambda: self.worker.tell(b"serving\nOops", 2)),
            ["worker 2: serving"],
        )
        self.worker.tell(b"log {")
        lines = self.logged(lambda: self.worker.end(1))
        self.assertEqual(lines[:2], ["worker 2: Oops", "worker 2: log {"])

    def test_stop(self) -> None:
        """It is told to stop, and followed by nobody."""
        self.worker.tell(b"serving\n")
        stopped = self.post.stop()
        self.assertEqual(self.worker.said, b"stop\n")
        self.assertNoResult(stopped)
        self.worker.end(0)
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(len(self.processes), 1)

    def test_stop_in_vain(self) -> None:
        """Who does not end is killed, and that is said."""
        self.worker.tell(b"serving\n")
        self.worker.deaf = True
        stopped = self.post.stop()
        self.clock.advance(posts.STOPPING - 0.1)
        self.assertFalse(self.worker.killed)
        (line,) = self.logged(lambda: self.clock.advance(0.1))
        self.assertIn("worker 2 does not end within 10 s; it is killed", line)
        self.assertTrue(self.worker.killed)
        self.worker.end(signal=9)
        self.successResultOf(stopped)

    def test_stop_while_nobody_is_there(self) -> None:
        """A worker that was to come does not."""
        self.worker.end(1)
        self.successResultOf(self.post.stop())
        self.clock.advance(posts.LONGEST_WAIT)
        self.assertEqual(len(self.processes), 1)

    def test_stop_at_the_start(self) -> None:
        """Who does not serve yet has nothing to end in order."""
        stopped = self.post.stop()
        self.assertTrue(self.worker.killed)
        self.worker.end(signal=9)
        self.successResultOf(stopped)

    def test_kill(self) -> None:
        """It can be ended at once, also when it has ended by itself just now."""
        self.worker.tell(b"serving\n")
        stopped = self.post.stop()
        self.assertFalse(self.worker.killed)
        self.post.kill()
        self.assertTrue(self.worker.killed)
        self.worker.dead = True
        self.post.kill()
        self.worker.end(signal=9)
        self.post.kill()
        self.successResultOf(stopped)
