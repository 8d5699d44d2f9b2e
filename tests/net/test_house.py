"""Tests for :mod:`spdygate.net.house`."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.servedspdy import ServedSpdy, Visit
from spdygate.gateway.kubeapi import KubeApi
from spdygate.gateway.routing import Routing
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.house import Guest, House, Session, describe, describe_as
from spdygate.net.shell import Shell
from spdygate.net.turn import Turn
from spdygate.wire.upgrade import Request
from spdygate.wire.urls import Target, parse


class NoDialer:
    """Who is never asked for anything."""

    def dial(self, relay: object) -> None:
        """Fail the test."""
        raise AssertionError(relay)


class HouseTests(SynchronousTestCase):
    """Sessions are numbered, counted and written down."""

    def setUp(self) -> None:
        """Make a house with one session in it."""
        self.clock = Clock()
        turn = Turn(self.clock)
        board = Switchboard(NoDialer())
        api = KubeApi([], "0", 0.0)
        self.house = House(board, Routing(), api, turn, self.clock.seconds)
        visit = Visit(Target(None, "shop", "web", None), "s-1", "kubectl/v1; C")
        self.dialect = dialect = ServedSpdy(visit)
        self.session = Session(visit, dialect, Shell(dialect, board, turn), 0.0)
        self.house.sessions.add(self.session)

    def leave(self) -> str:
        """See the session off; return the line about it."""
        self.dialect.lost()
        self.clock.advance(2.5)
        with capturedLogs() as events:
            self.house.leave(self.session)
        (event,) = events
        return str(formatEvent(event))

    def test_numbers(self) -> None:
        """No two sessions have the same number, nor have two runs."""
        mine = {self.house.next_session_id() for _ in range(3)}
        other = House(*(getattr(self.house, name) for name in _NEEDED))
        theirs = {other.next_session_id() for _ in range(3)}
        self.assertEqual(len(mine | theirs), 6)

    def test_leave(self) -> None:
        """One line tells who it was, what for, how long, and why it ended."""
        self.assertEqual(
            self.leave(),
            "session s-1: kubectl/v1; C -> shop/web: over after 2.5 s and "
            "0 tunnels, the client closed the connection",
        )
        self.assertEqual(self.house.sessions, set())

    def test_many_pods(self) -> None:
        """A session that is about no single pod says so."""
        self.session.visit = Guest("s-2", "HTTP/2; curl")
        self.assertIn("session s-2: HTTP/2; curl -> its pods: over", self.leave())

    def test_stopping(self) -> None:
        """When we stop, no client is blamed for it."""
        self.house.stopping = True
        self.assertTrue(self.leave().endswith(", the gateway stopped"))

    def test_note(self) -> None:
        """What concerns no tunnel is told with the client's name."""
        with capturedLogs() as events:
            self.house.note(self.session.visit, "stream 3 refused")
        line = "session s-1: kubectl/v1; C: stream 3 refused"
        self.assertEqual([formatEvent(event) for event in events], [line])


class DescribeTests(SynchronousTestCase):
    """Who a client is, in words."""

    def describe(self, target: bytes, chosen: str | None, agent: str) -> str:
        """Describe a client that asks for *target*."""
        url = parse(target)
        assert url is not None
        headers = (("user-agent", agent),) if agent else ()
        return describe(Request("GET", target, headers), url, chosen)

    def test_generations(self) -> None:
        """The URL and the protocol header tell A, B and C apart."""
        pods = b"/api/v1/namespaces/a/pods/b/portforward"
        minions = b"/proxy/minions/n/portForward/a/b"
        words = "kubectl; SPDY/3.1 generation"
        self.assertEqual(
            [
                self.describe(minions, None, "kubectl"),
                self.describe(pods, None, "kubectl"),
                self.describe(minions, "portforward.k8s.io", "kubectl"),
            ],
            [
                f"{words} A; GET minions",
                f"{words} B; GET pods",
                f"{words} C; GET minions",
            ],
        )

    def test_other_generations(self) -> None:
        """What is not SPDY alone is called what it is."""
        url = parse(b"/portForward/a/b")
        assert url is not None
        said = describe_as(Request("GET", b"/portForward/a/b"), url, "HTTP/9")
        self.assertEqual(said, "unknown client; HTTP/9; GET kubelet")

    def test_hostile_agent(self) -> None:
        """What a client calls itself is cut, and cannot disturb a terminal."""
        agent = "\x1b[2J" + "x" * 500
        said = self.describe(b"/portForward/a/b", None, agent)
        self.assertTrue(said.isprintable())
        self.assertLess(len(said), 300)

    def test_nameless(self) -> None:
        """A client that does not say is an unknown one."""
        said = self.describe(b"/portForward/a/b", None, "")
        self.assertTrue(said.startswith("unknown client; "))


_NEEDED = ("switchboard", "routing", "api", "turn", "wall_clock")
