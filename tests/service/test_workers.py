"""Tests for `spdygate.service.workers`."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from spdygate.net.ports import CannotStart
from spdygate.net.shares import ABSENT, Tally
from spdygate.service.gateway import makeService
from spdygate.service.gatewayoptions import Options
from spdygate.service.workers import Workers, command, environment

from .test_posts import Process


class Spawning(MemoryReactorClock):
    """
    A reactor whose processes do what a test says.

    :ivar processes: all there were, with how they were started.
    """

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[Process] = []
        self.started: list[tuple[Any, ...]] = []
        self.soon: list[Any] = []

    def spawnProcess(
        self, protocol: Any, executable: Any, args: Any = (), **more: Any
    ) -> Any:
        """Start one."""
        self.started.append((executable, args, more))
        self.processes.append(Process(protocol, 100 + len(self.processes)))
        return self.processes[-1]

    def callFromThread(self, act: Any, *args: Any, **more: Any) -> None:
        """Keep."""
        self.soon.append(act)

    def turn(self) -> None:
        """Do what was kept."""
        soon, self.soon = self.soon, []
        for act in soon:
            act()


class Held:
    """A listener that has a descriptor and nothing else."""

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        """Return it."""
        return self._number


class WorkersCase(SynchronousTestCase):
    """A parent of workers that are none."""

    words = ("--workers", "2", "-l", "unix:/nowhere/a", "-l", "unix:/nowhere/b")

    def setUp(self) -> None:
        """Build it; every signal is afterwards as it was."""
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.options = Options()
        self.options.parseOptions(self.words)
        self.reactor = Spawning()
        self.service = Workers(self.reactor, self.options)
        self.service._listeners = [Held(7), Held(8)]  # type: ignore[list-item]

    def start(self) -> None:
        """Start it, without its listeners."""
        for child in list(self.service):
            child.disownServiceParent()
        self.service.privilegedStartService()
        self.service.startService()
        for act, args, more in self.reactor.whenRunningHooks:
            act(*args, **more)


class WorkersTests(WorkersCase):
    """The parent of workers."""

    def test_asked_for(self) -> None:
        """More than one worker makes it; one is the gateway itself."""
        self.assertIsInstance(makeService(self.options), Workers)
        single = Options()
        single.parseOptions(["--workers", "1"])
        self.assertNotIsInstance(makeService(single), Workers)

    def test_started_when_the_reactor_runs(self) -> None:
        """One process for each, with the sockets, and the words that we were given."""
        self.start()
        self.assertEqual(len(self.reactor.processes), 2)
        for number, (executable, args, more) in enumerate(self.reactor.started, 1):
            self.assertEqual(executable, sys.executable)
            module = Spawning.__module__
            self.assertEqual(args, command(number, module, self.words))
            self.assertEqual(args[-len(self.words) - 2 :][:2], [f"{number}", module])
            self.assertEqual(more["path"], os.getcwd())
            fds = more["childFDs"]
            self.assertEqual(
                {**fds, 4: None}, {0: "w", 1: "r", 2: "r", 3: "r", 4: None, 5: 7, 6: 8}
            )

    def test_tally(self) -> None:
        """Nobody waits for a worker that has gone, or has not come."""
        self.start()
        tally = Tally(self.reactor.started[0][2]["childFDs"][4], 2)
        self.assertEqual(tally.least(), ABSENT)
        tally[0], tally[1] = 3, 2
        self.reactor.processes[1].end(1)
        self.assertEqual(tally.least(), 3)

    def test_stopped_together(self) -> None:
        """All are told, all are waited for, and signals are as they were."""
        self.start()
        for process in self.reactor.processes:
            process.tell(b"serving\n")
        before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
        stopped = self.service.stopService()
        for process in self.reactor.processes:
            self.assertNoResult(stopped)
            self.assertEqual(process.said, b"stop\n")
            process.end(0)
        self.successResultOf(stopped)
        after = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
        self.assertEqual(after, before)

    def test_second_signal(self) -> None:
        """Who says it again gets it at once."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self.setUp()
            self.start()
            stopped = self.service.stopService()
            os.kill(os.getpid(), number)
            with capturedLogs() as events:
                self.reactor.turn()
            self.assertIn("second signal", str(formatEvent(events[0])))
            for process in self.reactor.processes:
                self.assertTrue(process.killed)
                process.end(signal=9)
            self.successResultOf(stopped)

    def test_sighup(self) -> None:
        """It ends nothing."""
        self.start()
        os.kill(os.getpid(), signal.SIGHUP)
        with capturedLogs() as events:
            self.reactor.turn()
        (event,) = events
        self.assertIn("nothing is read again yet", str(formatEvent(event)))
        self.assertEqual([each.said for each in self.reactor.processes], [b"", b""])

    def test_stopped_before_it_began(self) -> None:
        """That is nothing."""
        for child in list(self.service):
            child.disownServiceParent()
        self.successResultOf(self.service.stopService())


class OtherUserTests(WorkersCase):
    """``twistd --uid``: workers are started by whoever we are then."""

    def become(self, user: int = 65534) -> None:
        """Seem to be somebody else from now on."""
        self.patch(os, "geteuid", lambda: user)

    def refused(self) -> str:
        """Return why nothing is started."""
        refused = self.assertRaises(CannotStart, self.start)
        self.assertEqual(self.reactor.processes, [])
        self.assertEqual(refused.code, 1)
        return str(refused)

    def test_may(self) -> None:
        """What this user can read as well is no trouble."""
        self.become()
        self.start()
        self.assertEqual(len(self.reactor.processes), 2)

    def test_may_not_read(self) -> None:
        """A file that only root can read is found out, in the words for such files."""
        self.become()
        folder = self.mktemp()
        self.options.words = (*self.words, "--kubeconfig", folder)
        self.assertIn("with the rights of twistd --uid", said := self.refused())
        self.assertIn(folder, said)

    def test_may_not_run(self) -> None:
        """Nor is Python everybody's."""
        self.become()
        self.patch(sys, "executable", "/nowhere/python")
        self.assertIn("may not run /nowhere/python", self.refused())

    def test_may_not_enter(self) -> None:
        """Nor is the folder."""
        self.become()
        self.service._folder = self.mktemp()
        self.assertIn(f"may not enter {self.service._folder}", self.refused())


class CommandTests(SynchronousTestCase):
    """How a worker is started."""

    def test_environment(self) -> None:
        """What systemd told us is for us; where we import from is for all."""
        ours = {"HOME": "/h", "LISTEN_FDS": "1", "LISTEN_PID": "7", "PYTHONPATH": "x"}
        env = environment(ours, ["/a", "", "/b"])
        self.assertEqual(env["PYTHONPATH"], f"/a:{os.getcwd()}:/b")
        self.assertEqual(env["HOME"], "/h")
        self.assertEqual(set(env), {"HOME", "PYTHONPATH"})

    def test_nothing_of_the_folder(self) -> None:
        """Python is told to import nothing from where it happens to start."""
        self.assertIn("-P", command(1, "m", ()))
