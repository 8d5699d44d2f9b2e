"""Tests for :mod:`spdygate.dialect.stalls`, by itself and in a SPDY session."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.budget import TUNNEL, Held, Shared
from spdygate.dialect.http2end import Http2End
from spdygate.dialect.patience import USUAL
from spdygate.dialect.servedhttp2 import CLIENT_LIMITS, ServedHttp2
from spdygate.dialect.spdyend import SpdyEnd
from spdygate.dialect.stalls import INTERVAL, Stalls
from spdygate.dialect.tunnel import Failed, Opening, Reason
from spdygate.session.http2 import Http2Session
from tests.dialect.channelpeers import ChannelClient
from tests.dialect.http2client import PROXY, Client
from tests.dialect.spdyclient import SpdyClient, data

NEVER = float("inf")


@dataclass(eq=False)
class Holder:
    """A tunnel that holds bytes."""

    held: int = 0
    granted: int = 0
    over: bool = False


class StallsTests(SynchronousTestCase):
    """Who is blamed, and when."""

    def setUp(self) -> None:
        """Watch a session whose first tunnel is full."""
        self.held = Held(Shared())
        self.stuck, self.other = Holder(), Holder()
        self.ends = [self.stuck, self.other]
        self.stalls: Stalls[Holder] = Stalls(self.held, 0.0)
        self.stuck.held = self.held.take(0, TUNNEL + 1)

    def looks(self, start: float, stop: float) -> Holder | None:
        """Look once in each interval; return whoever is blamed at the end."""
        found = None
        while start <= stop:
            found = self.stalls.look(self.ends, start)
            start += INTERVAL
        return found

    def test_a_session_that_is_read_from(self) -> None:
        """Nobody is watched while the session is read from."""
        self.stuck.held = self.held.give(self.stuck.held, 1)
        self.assertEqual(self.stalls.next(), NEVER)
        self.assertIsNone(self.looks(0.0, 100.0))

    def test_patience(self) -> None:
        """Who takes nothing for so long while others wait is stalled, and not before."""
        self.assertEqual(self.stalls.next(), INTERVAL)
        self.assertIsNone(self.looks(0.0, USUAL.stall - INTERVAL))
        self.assertIs(self.looks(USUAL.stall, USUAL.stall), self.stuck)

    def test_one_byte(self) -> None:
        """One byte in time is enough, for ever."""
        for now in range(0, 100, 4):
            self.stuck.granted += 1
            self.assertIsNone(self.looks(float(now), float(now)))

    def test_alone(self) -> None:
        """The only tunnel of a session has more patience: nobody waits that we know."""
        self.other.over = True
        self.assertIsNone(self.looks(0.0, USUAL.alone - INTERVAL))
        self.assertIs(self.looks(USUAL.alone, USUAL.alone), self.stuck)

    def test_the_fullest(self) -> None:
        """Of many that hold a little, the one that holds most is blamed."""
        ends = [Holder(held=self.held.take(0, TUNNEL - n)) for n in range(5)]
        self.stuck.held = self.held.give(self.stuck.held, self.stuck.held)
        self.ends = [self.other, *reversed(ends)]
        self.assertTrue(self.held.stuck)
        self.assertIs(self.looks(0.0, USUAL.stall), ends[0])

    def test_the_process(self) -> None:
        """That others fill the process is nobody's stall."""
        shared = Shared(limit=1)
        held = Held(shared)
        held.take(0, 1)
        Held(shared).take(0, 1)
        self.assertTrue(held.over)
        self.assertEqual(Stalls(held, 0.0).next(), NEVER)


class ChannelsTests(SynchronousTestCase):
    """A client of two ports on WebSocket channels, which have no flow control."""

    def setUp(self) -> None:
        """Fill one of the ports."""
        self.client = ChannelClient((80, 443))
        self.stuck, self.other = self.client.connects()
        for _ in range(TUNNEL // 65536 + 1):
            self.client.says(self.stuck.channel, bytes(65536))
        self.assertFalse(self.client.served.reading)

    def waits(self, seconds: float) -> list[Failed]:
        """Let time pass, second by second; return who failed."""
        told = [self.client.passes(1.0) for _ in range(int(seconds))]
        return [e for events in told for e in events if isinstance(e, Failed)]

    def test_reset_alone(self) -> None:
        """The port is given up in words, and the other goes on."""
        (failed,) = self.waits(USUAL.stall + 2)
        self.assertIs(failed.end, self.stuck)
        self.assertIs(failed.failure.reason, Reason.STALLED)
        self.assertIn(b"the pod has taken none", self.client.got(1))
        self.stuck.grant(self.stuck.held)  # as the relay settles
        self.assertTrue(self.client.served.reading)
        self.client.says(self.other.channel, b"goes on")
        self.assertEqual(self.other.held, 7)

    def test_slow_but_moving(self) -> None:
        """A byte in time is enough."""
        for _ in range(10):
            self.assertEqual(self.waits(USUAL.stall - 1), [])
            self.stuck.grant(1)
        self.assertFalse(self.client.served.reading)


class SessionTests(SynchronousTestCase):
    """A SPDY session with a pod that does not read."""

    def setUp(self) -> None:
        """Fill a tunnel, beside another."""
        self.client = SpdyClient()
        self.stuck, _ = self.client.connects()
        self.other, _ = self.client.connects()
        for _ in range(TUNNEL // 65536 + 1):
            self.client.does(data(self.stuck.stream_id, bytes(65536)))
        self.client.written()

    def waits(self, seconds: float, mover: SpdyEnd | None = None) -> list[Failed]:
        """Let time pass, second by second; return who failed."""
        failed: list[Failed] = []
        for _ in range(int(seconds)):
            told = self.client.passes(1.0)
            failed += [event for event in told if isinstance(event, Failed)]
            if mover is not None:
                mover.grant(1)
        return failed

    def test_reset_alone(self) -> None:
        """It is reset, and the session is read from as soon as its bytes are settled."""
        self.assertFalse(self.client.served.reading)
        (failed,) = self.waits(USUAL.stall + 2)
        self.assertIs(failed.end, self.stuck)
        self.assertIs(failed.failure.reason, Reason.STALLED)
        self.assertIn("while 1 other tunnels waited", failed.failure.message)
        seen = str(self.client.written())
        self.assertIn(f"stream_id={self.stuck.stream_id}", seen.replace("'", ""))
        self.stuck.grant(self.stuck.held)  # as the relay settles
        self.assertTrue(self.client.served.reading)
        self.client.does(data(self.other.stream_id, b"goes on"))
        self.assertEqual(self.other.held, 7)

    def test_slow_but_moving(self) -> None:
        """A pod that takes a byte a second only throttles."""
        self.assertEqual(self.waits(100, self.stuck), [])
        self.assertFalse(self.client.served.reading)


class Http2SessionTests(SynchronousTestCase):
    """An HTTP/2 client with so many pods that do not read that all must wait."""

    def setUp(self) -> None:
        """Fill as many streams as the connection may hold, beside one that moves."""
        self.client = Client()
        self.mover = self.opens()
        self.stuck: list[Http2End] = []
        while not self.session.stuck:
            end = self.opens()
            self.stuck.append(end)
            self.sends(end, CLIENT_LIMITS.stream_window)

    @property
    def session(self) -> Http2Session:
        """Return our side's session."""
        return self.client.served._session

    def opens(self) -> Http2End:
        """Open a tunnel."""
        self.client.request(PROXY)
        (opening,) = [e for e in self.client.told() if isinstance(e, Opening)]
        assert isinstance(opening.end, Http2End)
        opening.end.accept()
        self.client.exchange()
        return opening.end

    def sends(self, end: Http2End, count: int) -> int:
        """Let the client send as much of so many bytes as it may; return that."""
        peer, sent = self.client.peer, 0
        while sent < count:
            room = peer.local_flow_control_window(end.stream_id)
            piece = min(room, count - sent, peer.max_outbound_frame_size)
            if piece <= 0:
                break
            peer.send_data(end.stream_id, bytes(piece))
            self.client.exchange()
            sent += piece
        return sent

    def waits(self, seconds: float) -> list[Failed]:
        """Let time pass, second by second, one tunnel moving; return who failed."""
        failed: list[Failed] = []
        for _ in range(int(seconds)):
            self.client.now += 1.0
            if self.client.served.deadline() <= self.client.now:
                told = self.client.served.tick(self.client.now)
                failed += [event for event in told if isinstance(event, Failed)]
            self.client.told()
        return failed

    def test_reset_one(self) -> None:
        """One is reset after the deadline, which makes room for all the others."""
        while sent := self.sends(self.mover, 1 << 20):
            self.mover.grant(sent)
        self.assertEqual(self.waits(USUAL.stall - 1), [])
        (failed,) = self.waits(2)
        self.assertIn(failed.end, self.stuck)
        self.assertIs(failed.failure.reason, Reason.STALLED)
        self.assertFalse(self.session.stuck)
        self.assertGreater(self.sends(self.mover, 1 << 20), 0)

    def test_moving(self) -> None:
        """While each of them takes a byte in time, nobody is."""
        for _ in range(10):
            self.assertEqual(self.waits(USUAL.stall - 1), [])
            for end in self.stuck:
                end.grant(1)

    def test_gateways(self) -> None:
        """A gateway's connection to a node service is for many clients: never here."""
        session = Http2Session(client=False)
        served = ServedHttp2(session, trusted=True)
        served.tick(0.0)
        self.assertFalse(session.stuck)
        self.assertEqual(served.deadline(), USUAL.quiet)
