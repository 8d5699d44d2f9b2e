"""Tests for :mod:`spdygate.net.upgrades`: which upgrade is granted."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.patience import Patience
from spdygate.dialect.servedspdy import Visit
from spdygate.gateway.kubeapi import KubeApi
from spdygate.gateway.routing import Routing
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.house import House
from spdygate.net.turn import Turn
from spdygate.net.upgrades import NotGranted, Upgrade, upgrade_of
from spdygate.wire.upgrade import Request
from spdygate.wire.urls import Target, parse

from .test_house import NoDialer

TARGET = b"/api/v1/namespaces/ns/pods/pod/portforward?ports=80"
WEBSOCKET = (
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-version", "13"),
)
H2C = (("http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA"),)


def choose(
    wanted: str, *headers: tuple[str, str], method: str = "GET", secure: bool = False
) -> Upgrade:
    """Return what a client gets that wants *wanted*."""
    connection = ("connection", "upgrade, http2-settings")
    fields = (("host", "x"), connection, ("upgrade", wanted), *headers)
    url = parse(TARGET)
    assert url is not None
    return upgrade_of(Request(method, TARGET, fields), url, secure=secure)


class ChoiceTests(SynchronousTestCase):
    """The client's favourite of what it can have."""

    def test_order(self) -> None:
        """The first that is served is taken, and others are passed over."""
        for wanted, token in (
            ("SPDY/3.1, websocket", "SPDY/3.1"),
            ("websocket, SPDY/3.1", "websocket"),
            ("h2c, SPDY/3.1", "h2c"),
            ("TLS/1.0, h3, spdy/3.1", "SPDY/3.1"),
        ):
            self.assertEqual(choose(wanted, *WEBSOCKET, *H2C).token, token)

    def test_h2c_is_for_cleartext(self) -> None:
        """Over TLS, or without its settings, it is as if h2c was not asked for."""
        self.assertEqual(choose("h2c, SPDY/3.1", *H2C, secure=True).token, "SPDY/3.1")
        self.assertEqual(choose("h2c, SPDY/3.1").token, "SPDY/3.1")
        self.assertRaises(NotGranted, choose, "h2c", *H2C, secure=True)
        self.assertFalse(choose("h2c", *H2C).routed)

    def test_nothing(self) -> None:
        """Who wants nothing that is served is told what is."""
        error = self.assertRaises(NotGranted, choose, "SPDY/3")
        self.assertEqual(error.status, 400)
        for words in ("SPDY/3.1'", "v4.channel.k8s.io", "CONNECT"):
            self.assertIn(words, str(error))

    def test_a_page_of_another_site(self) -> None:
        """A browser does not get to a pod for a page that is not from here."""
        self.assertEqual(
            choose("websocket", *WEBSOCKET, ("origin", "http://x")).token, "websocket"
        )
        error = self.assertRaises(
            NotGranted, choose, "websocket", *WEBSOCKET, ("origin", "http://evil")
        )
        self.assertEqual(error.status, 403)
        self.assertIn("Origin", str(error))

    def test_bad_settings(self) -> None:
        """Settings that break the protocol are refused while it is HTTP."""
        # ENABLE_PUSH = 2 (RFC 9113, section 6.5.2).
        error = self.assertRaises(
            NotGranted, choose, "h2c", ("http2-settings", "AAIAAAAC")
        )
        self.assertEqual(error.status, 400)

    def test_names(self) -> None:
        """A log calls each generation by its name."""
        offer = "sec-websocket-protocol"
        for protocol, name in (
            ("SPDY/3.1+portforward.k8s.io", "SPDY/3.1 in WebSocket"),
            ("v4.channel.k8s.io", "WebSocket channels v4"),
            ("v4.base64.channel.k8s.io", "WebSocket channels v4 base64"),
        ):
            found = choose("websocket", *WEBSOCKET, (offer, protocol))
            self.assertEqual(found.client, f"unknown client; {name}; GET pods")
        found = choose("SPDY/3.1")
        self.assertIn("SPDY/3.1 generation B", found.client)
        self.assertFalse(found.negotiated)

    def test_favourite_subprotocol(self) -> None:
        """Of several subprotocols the client's first is taken."""
        both = "v4.channel.k8s.io, SPDY/3.1+portforward.k8s.io"
        found = choose("websocket", *WEBSOCKET, ("sec-websocket-protocol", both))
        self.assertIn(("Sec-WebSocket-Protocol", "v4.channel.k8s.io"), found.headers)


class PatienceTests(SynchronousTestCase):
    """How long each thing may take, an operator has a say in."""

    def test_every_generation(self) -> None:
        """Whatever a client speaks, it is pinged after the time that was set."""
        turn = Turn(Clock())
        api = KubeApi([], "0", 0.0)
        house = House(Switchboard(NoDialer()), Routing(), api, turn, turn.seconds)
        house.patience = Patience(quiet=7.0)
        visit = Visit(Target(None, "ns", "pod", None), "s-1", "somebody")
        offer = "sec-websocket-protocol"
        for wanted, headers in (
            ("SPDY/3.1", ()),
            ("websocket", (*WEBSOCKET, (offer, "SPDY/3.1+portforward.k8s.io"))),
            ("websocket", (*WEBSOCKET, (offer, "v4.channel.k8s.io"))),
            ("h2c", H2C),
        ):
            upgrade = choose(wanted, *headers)
            served = upgrade.make(house, visit, 0.0)
            served.tick(0.0)
            self.assertEqual(served.deadline(), 7.0, upgrade.client)
