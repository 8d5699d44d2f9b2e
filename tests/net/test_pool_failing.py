"""Tests for :mod:`spdygate.net.pool`: nodes that fail, and the end of the gateway."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import (
    ConnectingCancelledError,
    ConnectionRefusedError,
)
from twisted.internet.interfaces import (
    IProtocol,
)

from spdygate.dialect.nodehttp2 import INTRODUCTION
from spdygate.dialect.tunnel import Reason
from spdygate.net.pool import CONNECTING, RETRY
from tests.net.nodecases import NodesCase

#: How the refusal of a node begins that does not speak what is pinned.
STRANGE = "node n1 (http://n1:8002) speaks no port-forward that is known here (http2: "


class FailureTests(NodesCase):
    """Nodes that cannot be reached, or not any more."""

    def test_unknown(self) -> None:
        """A node that nobody knows is refused by its name, and costs no timer."""
        near, _ = self.dial("n9")
        reason, words = self.only(near)
        self.assertIs(reason, Reason.NO_SUCH_POD)
        self.assertIn("--node n9=URL", words)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_unreachable(self) -> None:
        """Who waits for a node that cannot be reached is told its name, and why."""
        self.endpoint.answers = lambda: fail(ConnectionRefusedError())
        near, _ = self.dial()
        expected = "node n1 (http://n1:8002): nothing listens there; is it running?"
        self.assertEqual(self.only(near), (Reason.REFUSED, expected))

    def test_no_further_connection(self) -> None:
        """Who waits for room goes on waiting when only a further connection fails."""
        self.endpoint.most = 1
        near, _ = self.dial()
        self.accept(self.endpoint.wires[0], 1)
        self.endpoint.answers = lambda: fail(ConnectionRefusedError())
        waits, relay = self.dial()
        self.assertEqual((waits.failures, relay.far), ([], None))
        # It is not tried again at once, however much the connection has to say.
        attempts = self.endpoint.attempts
        self.dial()
        self.assertEqual(self.endpoint.attempts, attempts)
        self.clock.advance(RETRY)
        self.endpoint.answers = None
        self.dial()
        self.assertGreater(self.endpoint.attempts, attempts)
        self.accept(self.endpoint.wires[1], 1)
        self.assertTrue(relay.opened)

    def test_tried_again(self) -> None:
        """The next tunnel tries again."""
        self.endpoint.answers = lambda: fail(ConnectionRefusedError())
        self.dial()
        self.endpoint.answers = None
        near, relay = self.dial()
        self.accept(self.endpoint.wires[0], 1)
        self.assertTrue(relay.opened)
        self.assertEqual(near.failures, [])

    def test_does_not_answer(self) -> None:
        """A connect that takes too long is given up, in words that say so."""

        def cancel(connecting: Deferred[IProtocol]) -> None:
            # As the endpoints of Twisted do.
            connecting.errback(ConnectingCancelledError(IPv4Address("TCP", "n1", 80)))

        for canceller in (None, cancel):
            self.setUp()
            connecting: Deferred[IProtocol] = Deferred(canceller)
            self.patch(self.endpoint, "connect", lambda _, it=connecting: it)
            near, _ = self.dial()
            self.clock.advance(CONNECTING)
            reason, words = self.only(near)
            self.assertIs(reason, Reason.TIMEOUT)
            self.assertIn("node n1 (http://n1:8002): it does not answer", words)

    def test_dies_before_it_is_introduced(self) -> None:
        """A node that hangs up at once costs what waits for it, with its name."""
        self.endpoint.greets = False
        near, _ = self.dial()
        self.endpoint.wires[0].lose()
        reason, words = self.only(near)
        self.assertIs(reason, Reason.REFUSED)
        self.assertIn(f"{STRANGE}it hung up without a word of HTTP/2)", words)
        self.assertEqual(self.endpoint.attempts, 1)

    def test_never_introduces_itself(self) -> None:
        """A node that says nothing is given up in time."""
        self.endpoint.greets = False
        near, _ = self.dial()
        self.clock.advance(INTRODUCTION)
        reason, words = self.only(near)
        self.assertIs(reason, Reason.REFUSED)
        self.assertIn(f"{STRANGE}it sent no SETTINGS", words)
        self.assertTrue(self.endpoint.wires[0].over)

    def test_speaks_http1(self) -> None:
        """What answers in HTTP/1.1 is no node service, and is told so."""
        self.endpoint.greets = False
        near, _ = self.dial()
        self.endpoint.wires[0].protocol.dataReceived(b"HTTP/1.1 400 Bad Request\r\n")
        _, words = self.only(near)
        self.assertIn(f"{STRANGE}it answers in HTTP/1.1", words)

    def test_no_extended_connect(self) -> None:
        """An HTTP/2 server without extended CONNECT is none either."""
        self.endpoint.extended = 0
        near, _ = self.dial()
        _, words = self.only(near)
        self.assertIn("no extended CONNECT", words)

    def test_redial(self) -> None:
        """A connection that is lost costs its tunnels; the next gets a new one."""
        near, _ = self.dial()
        self.accept(self.endpoint.wires[0], 1)
        self.endpoint.wires[0].lose()
        self.assertIs(self.only(near)[0], Reason.LINK_LOST)
        _, relay = self.dial()
        self.accept(self.endpoint.wires[1], 1)
        self.assertTrue(relay.opened)
