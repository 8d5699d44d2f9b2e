"""
``--workers``: several processes behind the same listeners.

The parent, which is the process that ``twistd`` knows, opens the listeners and
accepts nothing.  Each worker is a process with a reactor of its own that inherits
them and builds the whole gateway from the same command line; see
`spdygate.service.worker`.  Sessions share nothing, so workers have nothing to
tell each other.

Why workers are new programs, and not forks: a fork would have to happen after
``twistd`` has gone to the background and given up root, by when there is a
reactor whose epoll the two processes would share; and a worker that dies would
be replaced by a fork of a parent in the middle of its life.  A new program starts
from nothing each time.  What it costs is half a second per worker, and two things
that follow from reading the command line again:

* Files are read with the rights of ``twistd --uid``, and from the folder in which
  the command was given.  Whether that works is tried before anything is served.
* ``twistd --chroot`` is refused: there is no Python in there.

They all end together.  A worker whose parent is gone sees the end of its orders.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger

from ..net.ports import CannotStart
from ..net.sharedport import HeldListener
from ..net.shares import ABSENT, Tally
from . import orders
from .gatewayoptions import Options
from .posts import Post

_log = Logger()

#: What systemd tells the process that it started, and only that
#: (sd_listen_fds(3), sd_notify(3)).
_OF_SYSTEMD = frozenset(
    (
        *("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"),
        *("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"),
    )
)

#: What runs a worker.
_PROGRAM = "spdygate.service.worker"


class Workers(MultiService):
    """
    The listeners, and the processes that accept from them.

    :ivar posts: one for each worker.
    """

    def __init__(self, reactor: Any, options: Options) -> None:
        """Prepare to listen; the command line has been understood."""
        super().__init__()
        settings = options.settings
        self._reactor = reactor
        self._options = options
        self._folder = os.getcwd()
        self._user = os.geteuid()
        self._kept: dict[int, Any] = {}
        self._listeners = [
            HeldListener(reactor, listener, settings.tls, allowed=settings.exposed)
            for listener in settings.listeners
        ]
        for listener in self._listeners:
            listener.setServiceParent(self)
        self._tally = Tally.make(settings.workers)
        self.posts = [
            Post(number, self._spawn, reactor, self._absent)
            for number in range(1, settings.workers + 1)
        ]

    def startService(self) -> None:
        """
        Start every worker, as soon as the reactor runs.

        :raises CannotStart: whoever we are by now cannot run them.
        """
        super().startService()
        self._check()
        self._reactor.callWhenRunning(self._begin)

    def stopService(self) -> Deferred[Any]:
        """
        Stop every worker in order, and at once when a signal says so again.

        :returns: a Deferred that fires when all of them have ended.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            self._at_signal(number, self._kill)
        ended = gatherResults([post.stop() for post in self.posts])
        return ended.addCallback(lambda _: self._close())

    def _close(self) -> Deferred[Any]:
        """Close the listeners, and leave signals as they were."""
        for number, kept in self._kept.items():
            signal.signal(number, signal.SIG_DFL if kept is None else kept)
        self._kept.clear()
        closed: Deferred[Any] = super().stopService()
        return closed

    def _begin(self) -> None:
        """Start every worker."""
        self._at_signal(signal.SIGHUP, _nothing_to_reload)
        for post in self.posts:
            post.fill()

    def _kill(self) -> None:
        """Stop every worker at once."""
        _log.warn("a second signal: every worker is killed")
        for post in self.posts:
            post.kill()

    def _at_signal(self, number: int, act: Callable[[], None]) -> None:
        """Have a signal do something in the reactor's time."""
        kept = signal.signal(number, lambda *_: self._reactor.callFromThread(act))
        self._kept.setdefault(number, kept)

    def _check(self) -> None:
        """Try whether a worker will understand the command line, too."""
        if os.geteuid() == self._user:
            return
        why = self._obstacle()
        if why:
            _log.critical("{why}", why=why)
            raise CannotStart(why)

    def _obstacle(self) -> str:
        """Return what stands in the way of workers, if anything does."""
        if not os.access(sys.executable, os.X_OK):
            return f"--workers: the user of twistd --uid may not run {sys.executable}"
        again = type(self._options)()
        try:
            with contextlib.chdir(self._folder):
                again.parseOptions(self._options.words)
        except OSError as error:
            return (
                f"--workers: the user of twistd --uid may not enter {self._folder}, "
                f"where the command was given ({error.strerror})"
            )
        except SystemExit as error:
            first, *_ = str(error.code).splitlines()
            return f"with the rights of twistd --uid, as workers have: {first}"
        return ""

    def _absent(self, number: int) -> None:
        """See that nobody waits for a worker that has gone."""
        self._tally[number - 1] = ABSENT

    def _spawn(self, worker: ProcessProtocol, number: int) -> IProcessTransport:
        """Start the process of a worker."""
        descriptors: dict[int, Any] = {orders.ORDERS: "w", 1: "r", 2: "r"}
        descriptors[orders.REPORTS] = "r"
        descriptors[orders.TALLY] = self._tally.number
        for place, listener in enumerate(self._listeners, orders.LISTENING):
            descriptors[place] = listener.fileno()
        process: IProcessTransport = self._reactor.spawnProcess(
            worker,
            sys.executable,
            command(number, type(self._reactor).__module__, self._options.words),
            env=environment(os.environ, sys.path),
            path=self._folder,
            childFDs=descriptors,
        )
        return process


def command(number: int, reactor: str, words: Sequence[str]) -> list[str]:
    """
    Return what starts a worker.

    :param reactor: the module of its reactor, the same as ours.
    :param words: the command line of the gateway.
    """
    # -P: nothing is imported from the folder that we happen to be in.
    program = (sys.executable, "-P", "-m", _PROGRAM)
    return [*program, f"{number}", reactor, *words]


def environment(ours: Mapping[str, str], path: Sequence[str]) -> dict[str, str]:
    """
    Return the environment of a worker.

    :param path: where we import from, as it must.
    """
    env = {name: text for name, text in ours.items() if name not in _OF_SYSTEMD}
    env["PYTHONPATH"] = os.pathsep.join(os.path.abspath(each) for each in path)
    return env


def _nothing_to_reload() -> None:
    """Take note of SIGHUP, which would end the process otherwise."""
    _log.info("SIGHUP: nothing is read again yet; workers go on as they are")
