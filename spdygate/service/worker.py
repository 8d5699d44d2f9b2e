"""
The program of one worker; `spdygate.service.workers` starts it.

It has its number, the reactor to use and the gateway's command line as arguments,
what `spdygate.service.orders` names as descriptors, and logs to its parent.  It ends in order
when it is told to, when it gets SIGTERM, or when its parent is gone.  SIGINT and
SIGHUP of a terminal reach every process there: what they mean is for the parent
to say.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import globalLogBeginner
from twisted.python.failure import Failure
from twisted.python.reflect import namedModule
from zope.interface import implementer

from . import orders

#: Seconds to end in order, if nobody is there any more to lose patience.
LAST = 15.0


@implementer(IReadDescriptor)
class Orders:
    """Reads what the parent says."""

    def __init__(self, number: int, told: Callable[[str], None]) -> None:
        """
        Prepare to read.

        :param number: the descriptor, which must not be waited for.
        :param told: gets each order; the end of them is the order to stop.
        """
        os.set_blocking(number, False)
        self._number = number
        self._told = told
        self._lines = orders.Lines()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._number

    def logPrefix(self) -> str:
        """Say in whose name a fault is logged."""
        return "Orders"

    def doRead(self) -> Failure | None:
        """Read; nothing more is read once there is nobody to say anything."""
        data = os.read(self._number, 4096)
        for word, _ in self._lines.feed(data):
            self._told(word)
        return None if data else Failure(EOFError("the parent is gone"))

    def connectionLost(self, reason: Failure) -> None:
        """Stop: whoever gave orders is gone, or we have stopped already."""
        self._told(orders.STOP)


class Stop:
    """Ends the process in order, once."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._begun = False

    def told(self, word: str) -> None:
        """Obey an order."""
        if word == orders.STOP:
            self.begin()

    def signalled(self, *_: Any) -> None:
        """Obey a signal."""
        self._reactor.callFromThread(self.begin)

    def begin(self) -> None:
        """Stop, whatever it takes."""
        if self._begun or not self._reactor.running:
            return
        self._begun = True
        self._reactor.callLater(LAST, os._exit, 1)
        self._reactor.stop()


def main(arguments: Sequence[str]) -> None:
    """Serve until told otherwise."""
    for each in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(each, signal.SIG_IGN)
    # What is printed becomes a line of the log as well.
    globalLogBeginner.beginLoggingTo([orders.report_event])
    number, reactor_module, *words = arguments
    namedModule(reactor_module).install()
    from twisted.internet import reactor as installed

    reactor: Any = installed
    stop = Stop(reactor)
    signal.signal(signal.SIGTERM, stop.signalled)
    serve(reactor, int(number) - 1, words)
    reactor.callWhenRunning(reactor.addReader, Orders(orders.ORDERS, stop.told))
    reactor.callWhenRunning(orders.report, orders.SERVING)
    reactor.run(installSignalHandlers=False)


def serve(reactor: Any, place: int, words: Sequence[str]) -> None:
    """
    Build the gateway of a command line behind the sockets that are there.

    :param place: which of the workers this is, from 0.
    """
    from ..net.frontdoor import FrontDoors
    from ..net.sharedport import SharedListener
    from ..net.shares import Share, Tally
    from .gateway import Options, build

    options = Options()
    options.parseOptions(words)
    settings = options.settings
    service, house = build(reactor, options)
    tally = Tally(orders.TALLY, settings.workers)
    share = Share(tally, place, reactor)
    for number, listener in enumerate(settings.listeners, orders.LISTENING):
        SharedListener(
            reactor,
            socket.socket(fileno=number),
            share,
            FrontDoors(house),
            settings.tls,
            proxied=listener.proxied,
        ).setServiceParent(service)
    service.privilegedStartService()
    service.startService()
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)


if __name__ == "__main__":
    main(sys.argv[1:])
