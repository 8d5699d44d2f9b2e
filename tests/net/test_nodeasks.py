"""Tests for :mod:`spdygate.net.nodeasks`."""

from __future__ import annotations

import base64
import hashlib

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.asking import Place
from spdygate.dialect.patience import Patience
from spdygate.dialect.tunnel import Request
from spdygate.net.attempts import Node
from spdygate.net.nodeasks import (
    Accepted,
    BadAnswerError,
    ChannelsAsk,
    SpdyAsk,
    Terms,
    TunnelAsk,
)
from spdygate.wire.upgrade import Fields
from spdygate.wire.urls import Target
from tests.net.nodecases import NodeEndpoint

WEB = Request(Target("n1", "shop", "web-0", None), 8080, "s1-3")
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TUNNEL = "SPDY/3.1+portforward.k8s.io"


def node() -> Node:
    """Return a node; nobody connects to it."""
    way = NodeEndpoint()
    return Node("n1", "http://n1", Place("n1:10250"), "http", way, way)


def answer(ask: TunnelAsk | ChannelsAsk, protocol: str | None) -> Fields:
    """Return what a node answers to the key (RFC 6455, section 4.2.2)."""
    key = (ask.head.header("sec-websocket-key") or "").encode()
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
    fields: Fields = (
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-accept", accept),
    )
    if protocol is not None:
        fields += (("sec-websocket-protocol", protocol),)
    return fields


class SpdyTests(SynchronousTestCase):
    """The 101 of SPDY."""

    def accept(self, *fields: tuple[str, str]) -> Accepted:
        """Accept a 101 with these headers."""
        return SpdyAsk(node(), WEB, Terms()).accept(fields, 0.0)

    def test_accepted(self) -> None:
        """With the protocol, or without it as in 2015, tunnels can be opened."""
        for fields in ((("x-stream-protocol-version", "portforward.k8s.io"),), ()):
            self.assertTrue(self.accept(*fields).opener.usable)

    def test_another_protocol(self) -> None:
        """Another protocol is none of ours."""
        with self.assertRaises(BadAnswerError) as caught:
            self.accept(("x-stream-protocol-version", "v4.channel.k8s.io"))
        self.assertIn("v4.channel.k8s.io", str(caught.exception))


class WebSocketTests(SynchronousTestCase):
    """The 101 of a WebSocket."""

    def test_accepted(self) -> None:
        """With the right proof and the subprotocol, tunnels can be opened."""
        tunnel = TunnelAsk(node(), WEB, Terms())
        self.assertTrue(tunnel.accept(answer(tunnel, TUNNEL), 0.0).opener.usable)
        lone = ChannelsAsk(node(), WEB, Terms())
        accepted = lone.accept(answer(lone, "v4.channel.k8s.io"), 0.0)
        self.assertTrue(accepted.opener.usable)

    def test_once(self) -> None:
        """A WebSocket with channels has one tunnel, and is used up with it."""
        ask = ChannelsAsk(node(), WEB, Terms())
        opener = ask.accept(answer(ask, "v4.channel.k8s.io"), 0.0).opener
        self.assertFalse(opener.exhausted)
        opener.open(WEB)
        self.assertEqual((opener.usable, opener.exhausted), (False, True))

    def test_without_a_subprotocol(self) -> None:
        """A server that chose none has not understood, and none is guessed."""
        ask = TunnelAsk(node(), WEB, Terms())
        self.assertRaises(BadAnswerError, ask.accept, answer(ask, None), 0.0)

    def test_a_wrong_proof(self) -> None:
        """An answer to another key is no WebSocket's."""
        ask, other = (TunnelAsk(node(), WEB, Terms()) for _ in range(2))
        self.assertRaises(BadAnswerError, ask.accept, answer(other, TUNNEL), 0.0)


class PatienceTests(SynchronousTestCase):
    """How long each thing may take, an operator has a say in."""

    def test_every_generation(self) -> None:
        """Whatever a node speaks, it is pinged after the time that was set."""
        terms = Terms(patience=Patience(quiet=7.0))
        spdy = SpdyAsk(node(), WEB, terms)
        tunnel = TunnelAsk(node(), WEB, terms)
        lone = ChannelsAsk(node(), WEB, terms)
        for accepted in (
            spdy.accept((), 0.0),
            tunnel.accept(answer(tunnel, TUNNEL), 0.0),
            lone.accept(answer(lone, "v4.channel.k8s.io"), 0.0),
        ):
            self.assertEqual(accepted.dialect.deadline(), 7.0)
