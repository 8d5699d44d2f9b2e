"""Tests for `spdygate.net.apistanding`."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from spdygate.gateway.cluster import Cluster, NodeFacts, Phase, PodFacts, Resource
from spdygate.net.apiserver import ApiServer
from spdygate.net.apistanding import Standing

from .apifake import FakeApi, MemoryServer

PODS, NODES = Resource.PODS, Resource.NODES


class StandingTests(SynchronousTestCase):
    """What the log gets, and how long is waited."""

    def setUp(self) -> None:
        """Know nothing."""
        endpoint = MemoryServer(FakeApi(), Clock())
        api = ApiServer("http://api", "api", "http", "", endpoint, endpoint)
        self.cluster = Cluster()
        self.chance = 1.0
        self.standing = Standing(api, self.cluster, lambda: self.chance)

    def lines(self, *steps: Callable[[], object]) -> list[str]:
        """Return what the log gets while something happens."""
        with capturedLogs() as events:
            for step in steps:
                step()
        return [formatEvent(each) for each in events]

    def test_known(self) -> None:
        """One line when all is known, and none when it is known once more."""
        self.assertEqual(self.lines(lambda: self.standing.known(PODS)), [])
        self.assertEqual(
            self.lines(
                lambda: self.standing.known(NODES), lambda: self.standing.known(NODES)
            ),
            ["API server http://api: pods and nodes known: 0 pods, 0 nodes"],
        )

    def test_lost(self) -> None:
        """One line for a loss, whatever else is lost; one when all is back."""
        self.standing.known(PODS)
        self.standing.known(NODES)
        lost = self.lines(
            lambda: self.standing.failed(PODS, "it hung up"),
            lambda: self.standing.failed(NODES, "it hung up"),
            lambda: self.standing.failed(PODS, "nothing listens there"),
        )
        self.assertEqual(
            lost, ["API server http://api: pods: it hung up; it is tried again"]
        )
        self.assertEqual(self.lines(lambda: self.standing.known(PODS)), [])
        [back] = self.lines(lambda: self.standing.known(NODES))
        self.assertIn("pods and nodes known again", back)

    def test_in_touch(self) -> None:
        """Routing is told of the loss of pods, and of no other."""
        self.standing.known(PODS)
        self.assertTrue(self.cluster.in_touch)
        self.standing.failed(NODES, "no")
        self.assertTrue(self.cluster.in_touch)
        self.standing.failed(PODS, "no")
        self.assertFalse(self.cluster.in_touch)
        self.standing.known(PODS)
        self.assertTrue(self.cluster.in_touch)

    def test_forbidden(self) -> None:
        """What we may not know is forgotten, and said once with the remedy."""
        self.cluster.replace(PODS, [("a", "b", PodFacts("n", "u", Phase.RUNNING))])
        self.cluster.replace(NODES, [("", "n", NodeFacts(""))])
        self.standing.known(NODES)
        lines = self.lines(
            lambda: self.standing.forbidden(PODS, "it answers 403"),
            lambda: self.standing.forbidden(PODS, "it answers 403"),
        )
        self.assertIn('apiGroups [""], resources [pods, nodes]', lines[0])
        self.assertEqual(
            lines[1:], ["API server http://api: pods and nodes known: 1 node"]
        )
        self.assertFalse(self.cluster.synced)

    def test_nothing_may_be_known(self) -> None:
        """If all is forbidden there is nothing known to tell of."""
        lines = self.lines(
            lambda: self.standing.forbidden(PODS, "no"),
            lambda: self.standing.forbidden(NODES, "no"),
        )
        self.assertEqual(len(lines), 2)

    def test_waits(self) -> None:
        """Each wait is twice the last, up to 30 s, and shaken down to half."""
        waits = [self.standing.failed(PODS, "no") for _ in range(7)]
        self.assertEqual(waits, [1, 2, 4, 8, 16, 30, 30])
        self.chance = 0.0
        self.assertEqual(self.standing.failed(PODS, "no"), 15)
        self.assertEqual(self.standing.failed(NODES, "no"), 0.5)
