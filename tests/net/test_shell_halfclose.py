"""Tests for :mod:`spdygate.net.shell`: connections on which each way has its end."""

from __future__ import annotations

from twisted.internet.interfaces import ISSLTransport, ITCPTransport
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from spdygate.dialect.tunnel import TunnelEvent
from spdygate.gateway.relay import Relay
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.shell import Shell
from spdygate.net.turn import Turn
from tests.net.shellcases import Script, Transport


class Raw(Script):
    """A dialect whose bytes are TCP's own."""

    def __init__(self) -> None:
        super().__init__()
        self.finished = False

    def eof(self, now: float) -> list[TunnelEvent]:
        """Note it."""
        self.diary.append("eof")
        return []


class HalfTransport(Transport):
    """A transport that notes its FIN, and whether it had a producer then."""

    def __init__(self) -> None:
        super().__init__()
        self.fins = 0

    def loseWriteConnection(self) -> None:
        """Note it."""
        assert self.producer is None, "it would ask the producer for more"
        self.fins += 1


class TlsTransport(HalfTransport):
    """The same, with TLS as far as anyone asks."""

    def __init__(self) -> None:
        super().__init__()
        directlyProvides(self, ISSLTransport)


class Nobody:
    """A dialer that is never asked."""

    def dial(self, relay: Relay) -> None:
        """Fail the test."""
        raise AssertionError("nobody opens a tunnel here")


class HalfCloseTests(SynchronousTestCase):
    """FIN, in each direction by itself."""

    def connect(self, dialect: Script, wire: HalfTransport) -> Shell:
        """Carry a dialect."""
        self.clock = Clock()
        shell = Shell(dialect, Switchboard(Nobody()), Turn(self.clock))
        shell.makeConnection(wire)
        self.clock.advance(0)
        return shell

    def test_theirs(self) -> None:
        """The peer's FIN is told, and the connection goes on."""
        dialect, wire = Raw(), HalfTransport()
        shell = self.connect(dialect, wire)
        shell.readConnectionLost()
        self.assertIn("eof", dialect.diary)
        self.assertFalse(wire.disconnecting)

    def test_ours(self) -> None:
        """Ours is sent once, behind what was written, and the peer is still heard."""
        dialect, wire = Raw(), HalfTransport()
        shell = self.connect(dialect, wire)
        dialect.ready, dialect.finished = b"last", True
        dialect.wake()
        self.clock.advance(0)
        self.assertEqual((wire.value(), wire.fins), (b"last", 1))
        shell.dataReceived(b"more")
        self.assertEqual(wire.fins, 1)
        self.assertIn("feed more at 0", dialect.diary)

    def test_not_before_what_waits(self) -> None:
        """It waits for a transport that is congested."""
        dialect, wire = Raw(), HalfTransport()
        shell = self.connect(dialect, wire)
        shell.pauseProducing()
        dialect.finished = True
        dialect.wake()
        self.clock.advance(0)
        self.assertEqual(wire.fins, 0)
        shell.resumeProducing()
        self.assertEqual(wire.fins, 1)

    def test_both(self) -> None:
        """When both have ended and the dialect says so, the connection is closed."""
        dialect, wire = Raw(), HalfTransport()
        shell = self.connect(dialect, wire)
        dialect.finished = True
        dialect.wake()
        self.clock.advance(0)
        dialect.ending = True
        shell.readConnectionLost()
        self.assertTrue(wire.disconnecting)

    def test_tls(self) -> None:
        """Over Twisted's TLS there is no FIN: our end is the end of the connection."""
        dialect, wire = Raw(), TlsTransport()
        self.connect(dialect, wire)
        dialect.finished = True
        dialect.wake()
        self.clock.advance(0)
        self.assertEqual((wire.fins, wire.disconnecting), (0, True))

    def test_one_that_still_sends(self) -> None:
        """We close behind our last bytes, and read on: unread bytes would be a reset."""
        dialect, wire = Script(), HalfTransport()
        directlyProvides(wire, ITCPTransport)
        shell = self.connect(dialect, wire)
        shell.lingers = True
        dialect.ready, dialect.ending = b"last words", True
        dialect.wake()
        self.clock.advance(0)
        self.assertEqual((wire.value(), wire.fins), (b"last words", 1))
        fed = list(dialect.diary)
        shell.dataReceived(b"still sending")
        self.assertEqual((wire.disconnecting, dialect.diary), (False, fed))
        shell.readConnectionLost()
        self.assertTrue(wire.disconnecting)

    def test_framed(self) -> None:
        """A dialect with frames takes the peer's FIN for the end, and is closed."""
        dialect, wire = Script(), HalfTransport()
        shell = self.connect(dialect, wire)
        shell.readConnectionLost()
        self.assertTrue(wire.disconnecting)
        self.assertFalse(wire.had_producer_when_lost)
