"""Tests for :mod:`spdygate.node.server`, with h2 as the gateway."""

from __future__ import annotations

from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import Reason
from spdygate.node.server import GREETING_TIMEOUT
from tests.node.doors import PROOF, Door


class PrefaceTests(SynchronousTestCase):
    """HTTP/2 with prior knowledge, or by ALPN: the preface tells."""

    def check(self, door: Door) -> None:
        """See a tunnel through a connection that is HTTP/2."""
        door.open(1)
        self.assertEqual(door.status(1)[b":status"], b"200")
        self.assertIn(PROOF, door.status(1).items())
        door.peer.send_data(1, b"hello")
        door.hears(door.says(door.peer.data_to_send()))
        self.assertEqual(door.dialer.ends[0].sent, b"hello")

    def test_settings(self) -> None:
        """It announces extended CONNECT, and 10,000 streams."""
        door = Door()
        door.hears(door.says(door.greet()))
        theirs = door.peer.remote_settings
        self.assertEqual(theirs[SettingCodes.ENABLE_CONNECT_PROTOCOL], 1)
        self.assertEqual(theirs[SettingCodes.MAX_CONCURRENT_STREAMS], 10_000)
        self.check(door)

    def test_tls(self) -> None:
        """Over TLS it is the same."""
        door = Door(tls=True)
        door.hears(door.says(door.greet()))
        self.check(door)

    @given(st.lists(st.integers(0, 60), max_size=8))
    def test_any_split(self, cuts: list[int]) -> None:
        """However the first bytes are cut, they are HTTP/2's."""
        door, edges = Door(), sorted({0, *cuts})
        greeting, answer = door.greet(), b""
        for start, end in zip(edges, [*edges[1:], len(greeting)], strict=True):
            if greeting[start:end]:
                answer += door.says(greeting[start:end])
        door.hears(answer)
        self.check(door)

    def test_byte_by_byte(self) -> None:
        """Nothing is said before the preface is whole."""
        door, answers = Door(), []
        greeting = door.greet()
        for byte in greeting[:23]:
            answers.append(door.says(bytes([byte])))
        self.assertEqual(b"".join(answers), b"")
        door.hears(door.says(greeting[23:]))
        self.check(door)

    def test_refused(self) -> None:
        """A target that cannot be had is an answer with its Status (8.1)."""
        door = Door()
        door.hears(door.says(door.greet()))
        door.open(1, port="81")
        self.assertEqual(door.status(1)[b":status"], b"502")
        self.assertIn(PROOF, door.status(1).items())
        self.assertEqual(door.body(1)["message"], "nobody listens")

    def test_bad_request(self) -> None:
        """A stream that asks wrongly is refused, logged, and costs no other."""
        door = Door()
        door.hears(door.says(door.greet()))
        door.open(1, port="0")
        door.open(3)
        self.assertEqual(door.status(1)[b":status"], b"400")
        self.assertEqual(door.status(3)[b":status"], b"200")

    def test_trust(self) -> None:
        """On whose behalf a gateway asks is believed of those that may say it."""
        users = []
        for trusted in (False, True):
            door = Door(trusted=trusted)
            door.hears(door.says(door.greet()))
            door.open(1, **{"spdygate-user": "jane"})
            users.append(door.dialer.relays[0].request.user)
        self.assertEqual(users, ["", "jane"])

    def test_lost(self) -> None:
        """A gateway that is lost gives up its tunnels."""
        door = Door()
        door.hears(door.says(door.greet()))
        door.open(1)
        door.transport.loseConnection()
        (failure,) = door.dialer.ends[0].failures
        self.assertIs(failure.reason, Reason.GAVE_UP)
        self.assertEqual(door.clock.getDelayedCalls(), [])


class GreetingTests(SynchronousTestCase):
    """Peers that say nothing."""

    def test_silence(self) -> None:
        """A peer that does not show what it is has so many seconds."""
        for first in (b"", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\n"):
            door = Door()
            if first:
                door.says(first)
            door.clock.advance(GREETING_TIMEOUT - 0.1)
            self.assertTrue(door.transport.connected)
            door.clock.advance(0.1)
            self.assertFalse(door.transport.connected)
            self.assertEqual(door.clock.getDelayedCalls(), [])

    def test_greeted(self) -> None:
        """A peer that greeted in time may be silent afterwards."""
        door = Door()
        door.hears(door.says(door.greet()))
        door.clock.advance(GREETING_TIMEOUT)
        self.assertTrue(door.transport.connected)

    def test_gone_before(self) -> None:
        """A peer that went leaves no timer."""
        door = Door()
        door.transport.loseConnection()
        self.assertEqual(door.clock.getDelayedCalls(), [])
