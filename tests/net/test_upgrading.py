"""Tests for :mod:`spdygate.net.upgrading`."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure as TwistedFailure
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.nodespdy import NodeSpdy
from spdygate.gateway.ladder import LARGEST_ANSWER
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.attempts import STOPPING
from spdygate.net.shell import Shell
from spdygate.net.turn import Turn
from spdygate.net.upgrading import ANSWERING, Greeting, Refused, Upgrading
from spdygate.session.http1events import Switched
from spdygate.wire.upgrade import SPDY, Request
from tests.net.laddercases import SPDY_101

ASK = Request("POST", b"/portForward/shop/web-0", (("host", "n1:10250"),))


class Nobody:
    """A dialer that is never asked."""

    def dial(self, relay: object) -> None:
        """Fail the test."""
        raise AssertionError("nobody opens a tunnel here")


class AlpnTransport(StringTransport):
    """A transport with TLS, as far as ALPN goes."""

    negotiatedProtocol: bytes | None = None


class UpgradingCase(SynchronousTestCase):
    """One connection that is asked to go over."""

    def setUp(self) -> None:
        """Connect."""
        self.clock = Clock()
        self.turn = Turn(self.clock)
        self.refused: list[Refused] = []
        self.switched: list[Switched] = []
        self.shell = self.make_shell()
        self.wrong = ""
        self.wire = StringTransport()
        self.protocol = Upgrading(
            ASK, SPDY, self.turn, self.on_switched, self.refused.append
        )
        self.protocol.makeConnection(self.wire)

    def make_shell(self) -> Shell:
        """Make what has the connection in the end."""
        dialect = NodeSpdy("node n1", self.clock.seconds())
        return Shell(dialect, Switchboard(Nobody()), self.turn)

    def on_switched(self, event: Switched) -> Shell | str:
        """Hand over, or find fault."""
        self.switched.append(event)
        return self.wrong or self.shell

    def lose(self) -> None:
        """Let the node close the connection."""
        self.protocol.connectionLost(TwistedFailure(ConnectionDone()))


class GrantedTests(UpgradingCase):
    """The node's explicit yes."""

    def test_asked(self) -> None:
        """The request asks for the upgrade, and nothing is sent behind it."""
        head = self.wire.value().lower()
        self.assertTrue(head.startswith(b"post /portforward/shop/web-0 http/1.1\r\n"))
        self.assertIn(b"\r\nupgrade: spdy/3.1\r\n", head)
        self.assertIn(b"\r\nconnection: upgrade\r\n", head)
        self.assertTrue(head.endswith(b"\r\n\r\n"))

    def test_handed_over(self) -> None:
        """After the 101 the connection is the shell's, glued bytes and all."""
        ping = b"\x80\x03\x00\x06\x00\x00\x00\x04\x00\x00\x00\x02"
        self.wire.clear()
        self.protocol.dataReceived(SPDY_101 + ping)
        self.assertEqual(self.wire.value(), ping)
        self.protocol.dataReceived(ping)
        self.assertEqual(self.wire.value(), ping + ping)
        self.assertEqual(self.refused, [])

    def test_cut_anywhere(self) -> None:
        """However the 101 is cut, nothing is lost and nothing comes early."""
        ping = b"\x80\x03\x00\x06\x00\x00\x00\x04\x00\x00\x00\x02"
        for place in range(1, len(SPDY_101 + ping)):
            self.setUp()
            self.wire.clear()
            whole = SPDY_101 + ping
            for piece in (whole[:place], whole[place:]):
                self.protocol.dataReceived(piece)
            self.assertEqual((self.wire.value(), len(self.switched)), (ping, 1), place)

    def test_its_end(self) -> None:
        """The shell hears of the end, and no timer is left."""
        lost: list[object] = []
        self.shell.on_lost = lost.append
        self.protocol.dataReceived(SPDY_101)
        self.lose()
        self.assertEqual(len(lost), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.refused, [])


class RefusedTests(UpgradingCase):
    """Everything else."""

    def only(self) -> Refused:
        """Return the one refusal; the connection is closed, and no timer is left."""
        (refused,) = self.refused
        self.assertTrue(self.wire.disconnecting or self.wire.disconnected)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return refused

    def test_an_answer(self) -> None:
        """An answer is told with its status and its body, once it is whole."""
        self.protocol.dataReceived(
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nno"
        )
        self.assertEqual(self.refused, [])
        self.protocol.dataReceived(b"pe!")
        refused = self.only()
        self.assertEqual((refused.status, refused.body), (403, b"nope!"))

    def test_a_body_until_the_end(self) -> None:
        """A body may end with the connection."""
        self.protocol.dataReceived(b"HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\nbad")
        self.lose()
        (refused,) = self.refused
        self.assertEqual((refused.status, refused.body), (500, b"bad"))

    def test_an_endless_body(self) -> None:
        """Of a body without end no more is read than is worth it."""
        self.protocol.dataReceived(b"HTTP/1.1 400 No\r\nConnection: close\r\n\r\n")
        for _ in range(LARGEST_ANSWER // 1000 + 2):
            self.protocol.dataReceived(b"x" * 1000)
        self.assertEqual(len(self.only().body), LARGEST_ANSWER)

    def test_a_redirect(self) -> None:
        """A redirect is an answer like another: nobody follows it."""
        self.protocol.dataReceived(
            b"HTTP/1.1 302 Found\r\nLocation: http://evil/\r\nContent-Length: 0\r\n\r\n"
        )
        self.assertEqual(self.only().status, 302)

    def test_a_wrong_101(self) -> None:
        """A 101 in which the dialect finds fault closes the connection."""
        self.wrong = "it chose no subprotocol"
        self.protocol.dataReceived(SPDY_101)
        self.assertEqual(self.only().words, "it chose no subprotocol")

    def test_another_upgrade(self) -> None:
        """A 101 to something that was not asked for is a breach."""
        self.protocol.dataReceived(SPDY_101.replace(b"SPDY/3.1", b"h2c"))
        self.assertIn("it broke the protocol", self.only().words)
        self.assertEqual(self.switched, [])

    def test_hung_up(self) -> None:
        """A node that closes without an answer says that it does not understand."""
        self.lose()
        self.assertEqual((self.refused[0].status, self.switched), (0, []))

    def test_late(self) -> None:
        """A node that does not answer is given up."""
        self.clock.advance(ANSWERING)
        self.assertIn("did not answer within 10 s", self.only().words)

    def test_aborted(self) -> None:
        """Given up from our side, nobody is told."""
        self.protocol.abort()
        self.lose()
        self.assertEqual(self.refused, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopping(self) -> None:
        """What a gateway that stops says of itself has the status for it."""
        self.assertEqual(STOPPING.reason.status, 503)


class GreetingTests(UpgradingCase):
    """HTTP/2, by ALPN or because TLS says nothing of it."""

    def greet(self, agreed: bytes | None) -> AlpnTransport:
        """Connect with TLS having agreed on something."""
        wire = AlpnTransport()
        wire.negotiatedProtocol = agreed
        Greeting(self.shell, self.refused.append).makeConnection(wire)
        return wire

    def test_h2(self) -> None:
        """With h2, or without ALPN, the shell has the connection."""
        for agreed in (b"h2", None):
            self.shell = self.make_shell()
            self.greet(agreed)
            self.assertIsNotNone(self.shell.transport)
        self.assertEqual(self.refused, [])

    def test_http1(self) -> None:
        """With anything else not a byte is said."""
        wire = self.greet(b"http/1.1")
        self.assertEqual((wire.value(), wire.disconnecting), (b"", True))
        self.assertIn("http/1.1, not on h2", self.refused[0].words)
