"""Tests for `spdygate.dialect.patience`: whoever is asked for it keeps to it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.connection import Dialect
from spdygate.dialect.nodechannels import NodeChannels
from spdygate.dialect.nodehttp2 import PING_INTERVAL, NodeHttp2
from spdygate.dialect.nodespdy import IDLE_TIMEOUT, NodeSpdy
from spdygate.dialect.patience import USUAL, Patience
from spdygate.dialect.servedchannels import ServedChannels
from spdygate.dialect.servedhttp2 import ServedHttp2
from spdygate.dialect.servedspdy import ServedSpdy, Visit
from spdygate.session.http2 import Http2Session
from spdygate.session.websocket import WebSocketSession
from spdygate.wire.channels import Codec
from tests.dialect.ends import TARGET, request
from tests.session.spdybyhand import HandPeer

NEVER = float("inf")

#: An operator who is in a hurry, each time in its own way.
HASTY = Patience(stall=1.0, alone=2.0, idle=30.0, quiet=3.0, answer=4.0)

#: One who waits for ever.
PATIENT = Patience(idle=NEVER, quiet=NEVER, answer=NEVER)

Build = Callable[[Patience], Dialect]


def channels(patience: Patience) -> ServedChannels:
    """Serve a client that has been told its one port."""
    visit, websocket = Visit(TARGET, "s1"), WebSocketSession(client=False)
    served = ServedChannels(visit, [80], Codec.RAW, websocket, patience=patience)
    served.tick(0.0)
    return served


def node_channels(patience: Patience) -> NodeChannels:
    """Ask a node for one port."""
    websocket = WebSocketSession(client=True)
    node = NodeChannels("node n1", request(), websocket, 0.0, patience=patience)
    return node


def http2(patience: Patience) -> ServedHttp2:
    """Serve an HTTP/2 client."""
    session = Http2Session(client=False)
    served = ServedHttp2(session, trusted=False, patience=patience)
    served.tick(0.0)
    return served


def spdy(patience: Patience) -> ServedSpdy:
    """Serve a SPDY client that has said something, and has time."""
    served = ServedSpdy(Visit(TARGET, "s1"), patience=patience)
    served.feed(HandPeer().ping(1), 0.0)
    return served


def node_http2(patience: Patience) -> NodeHttp2:
    """Dial a node service."""
    session = Http2Session(client=True)
    return NodeHttp2("node n1", "n1", "https", session, 0.0, patience)


def node_spdy(patience: Patience) -> NodeSpdy:
    """Dial a kubelet."""
    return NodeSpdy("node n1", 0.0, patience=patience)


#: Those whose peers are pinged after a silence that an operator chooses freely.
PINGING: tuple[Build, ...] = (channels, http2, spdy, node_spdy, node_http2)

#: Those that end a session which carries nothing.
IDLING: tuple[Build, ...] = (channels, http2, spdy)


class PatienceTests(SynchronousTestCase):
    """What an operator may say, and who listens."""

    def test_usual(self) -> None:
        """Nobody who says nothing waits for longer than a kubelet would."""
        self.assertEqual((USUAL.stall, USUAL.alone, USUAL.idle), (5.0, 60.0, 14400.0))
        self.assertEqual(USUAL, Patience())

    def test_quiet(self) -> None:
        """A peer is pinged after the silence that was asked for."""
        for build in PINGING:
            dialect = build(HASTY)
            dialect.outgoing()
            dialect.tick(HASTY.quiet - 0.1)
            self.assertEqual(dialect.outgoing(), b"", build)
            dialect.tick(HASTY.quiet)
            self.assertNotEqual(dialect.outgoing(), b"", build)

    def test_answer(self) -> None:
        """One that answers PINGs has as long to do so as was said."""
        for build in (http2, node_spdy, node_http2):
            dialect = build(HASTY)
            dialect.tick(HASTY.quiet)
            dialect.tick(HASTY.quiet + HASTY.answer - 0.1)
            self.assertFalse(dialect.ending, build)
            dialect.tick(HASTY.quiet + HASTY.answer)
            self.assertTrue(dialect.ending, build)

    def test_idle(self) -> None:
        """A session ends that carries nothing for so long, and not before."""
        for build in IDLING:
            dialect = build(Patience(idle=30.0, answer=NEVER))
            dialect.tick(29.9)
            self.assertFalse(dialect.ending, build)
            dialect.tick(30.0)
            self.assertTrue(dialect.ending, build)

    def test_never(self) -> None:
        """Who waits for ever never hears the clock."""
        for build in IDLING:
            dialect = build(PATIENT)
            dialect.tick(1e9)
            self.assertFalse(dialect.ending, build)
            self.assertEqual(dialect.deadline(), NEVER, build)

    def test_nodes(self) -> None:
        """A node's connection is given up unused soon, whatever clients may do."""
        self.assertEqual(node_spdy(PATIENT).deadline(), IDLE_TIMEOUT)

    def test_shared_nodes(self) -> None:
        """What many clients share is pinged early, whatever an operator says."""
        node = node_http2(PATIENT)
        node.outgoing()
        node.tick(PING_INTERVAL)
        self.assertNotEqual(node.outgoing(), b"")

    def test_a_node_with_channels(self) -> None:
        """A node with channels is pinged, too, once it may be."""
        node = node_channels(HASTY)
        node.tick(HASTY.quiet)
        self.assertNotEqual(node.outgoing(), b"")
