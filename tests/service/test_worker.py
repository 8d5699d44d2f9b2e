"""Tests for `spdygate.service.worker`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from spdygate.service.worker import LAST, Orders, Stop


class OrdersTests(TestCase):
    """What a parent says, through a real pipe."""

    def setUp(self) -> None:
        """Listen to a parent."""
        read, self.parent = os.pipe()
        self.addCleanup(os.close, read)
        self.heard: list[str] = []
        self.orders = Orders(read, self.told)
        self.next: Deferred[str] = Deferred()
        fdset = IReactorFDSet(reactor)
        fdset.addReader(self.orders)
        self.addCleanup(fdset.removeReader, self.orders)

    def told(self, word: str) -> None:
        """Take an order."""
        self.heard.append(word)
        self.next.callback(word)

    def test_interface(self) -> None:
        """It is what a reactor reads from."""
        verifyObject(IReadDescriptor, self.orders)
        os.close(self.parent)

    def test_order(self) -> Deferred[None]:
        """An order is a line."""
        os.write(self.parent, b"dance")
        os.write(self.parent, b" now\n")

        def check(_: str) -> None:
            self.assertEqual(self.heard, ["dance"])
            os.close(self.parent)

        return self.next.addCallback(check)

    def test_parent_gone(self) -> Deferred[None]:
        """The end of the orders is the order to stop."""
        os.close(self.parent)
        return self.next.addCallback(self.assertEqual, "stop")


class Running(Clock):
    """
    A reactor that can be stopped.

    :ivar stops: how often it was.
    """

    def __init__(self) -> None:
        super().__init__()
        self.running = True
        self.stops = 0
        self.soon: list[Callable[[], Any]] = []

    def stop(self) -> None:
        """Count."""
        self.stops += 1

    def callFromThread(self, act: Callable[[], Any]) -> None:
        """Keep."""
        self.soon.append(act)


class StopTests(SynchronousTestCase):
    """A worker ends in order, and once."""

    def test_told(self) -> None:
        """Of several reasons to stop, the first one does it."""
        running = Running()
        stop = Stop(running)
        stop.told("dance")
        self.assertEqual(running.stops, 0)
        stop.told("stop")
        stop.told("stop")
        self.assertEqual(running.stops, 1)

    def test_signal(self) -> None:
        """A signal stops in the reactor's time, as it may come at any."""
        running = Running()
        stop = Stop(running)
        stop.signalled(15, None)
        self.assertEqual(running.stops, 0)
        for act in running.soon:
            act()
        self.assertEqual(running.stops, 1)

    def test_whatever_it_takes(self) -> None:
        """The process ends, though something may not want to be stopped."""
        running = Running()
        ended: list[int] = []
        self.patch(os, "_exit", ended.append)
        Stop(running).begin()
        running.advance(LAST - 1)
        self.assertEqual(ended, [])
        running.advance(1)
        self.assertEqual(ended, [1])

    def test_stopped_already(self) -> None:
        """A reactor that has stopped by itself is not stopped again."""
        running = Running()
        running.running = False
        Stop(running).begin()
        self.assertEqual(running.stops, 0)
