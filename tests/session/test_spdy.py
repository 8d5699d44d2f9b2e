"""Tests for `spdygate.session.spdy`: what we do with a session."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import LocalError, RstStatus
from spdygate.session.events import Drained, StreamFinished, StreamReset
from spdygate.session.spdy import SpdyLimits, SpdySession
from tests.session.spdybyhand import FIN, HandPeer, Seen, data

EMPTY_BLOCK = bytes(4)


class Case(SynchronousTestCase):
    """A served session with stream 1 open."""

    def setUp(self) -> None:
        """Open and answer one stream."""
        self.session = SpdySession(client=False)
        self.peer = HandPeer()
        self.session.feed(self.peer.syn(1), 0.0)
        self.session.accept(1)
        self.written()

    def written(self) -> list[Seen]:
        """Return what the session has written since."""
        return self.peer.read(self.session.outgoing())


class SilenceTests(SynchronousTestCase):
    """Go clients throw away what is glued to the 101."""

    def test_nothing_before_the_client(self) -> None:
        """A served session keeps what it has to say until it hears something."""
        session, peer = SpdySession(client=False), HandPeer()
        session.ping(2)
        self.assertEqual(session.outgoing(), b"")
        session.feed(peer.ping(1)[:1], 0.0)
        self.assertEqual(peer.read(session.outgoing()), [Seen("PING", 0, 2)])

    def test_a_client_speaks_first(self) -> None:
        """The asking side waits for nobody."""
        session = SpdySession(client=True)
        session.ping(1)
        self.assertEqual(HandPeer().read(session.outgoing()), [Seen("PING", 0, 1)])


class OpenTests(SynchronousTestCase):
    """Streams that we ask for."""

    def setUp(self) -> None:
        """Begin on the asking side."""
        self.session = SpdySession(client=True)
        self.peer = HandPeer()

    def test_numbers(self) -> None:
        """A client's streams are odd, a server's even, and they grow."""
        self.assertEqual([self.session.open_stream(()) for _ in range(3)], [1, 3, 5])
        server = SpdySession(client=False)
        self.assertEqual([server.open_stream(()) for _ in range(2)], [2, 4])

    def test_what_is_written(self) -> None:
        """SYN_STREAM has the headers, and FIN if nothing follows."""
        self.session.open_stream(((b"port", b"80"),), finished=True)
        (seen,) = self.peer.read(self.session.outgoing())
        block = b"\0\0\0\1\0\0\0\4port\0\0\0\280"
        self.assertEqual(seen, Seen("SYN_STREAM", 1, 0, block, FIN))

    def test_data_goes_before_the_answer(self) -> None:
        """Who asked may send at once, and half-close."""
        number = self.session.open_stream(())
        self.assertEqual(self.session.send(number, b"early"), 5)
        self.session.finish(number)
        seen = self.peer.read(self.session.outgoing())[1:]
        expected = [Seen("DATA", 1, 5, b"early"), Seen("DATA", 1, 0, b"", FIN)]
        self.assertEqual(seen, expected)

    def test_bad_headers_leave_no_trace(self) -> None:
        """A caller's mistake opens no stream and spends no number."""
        with self.assertRaises(LocalError):
            self.session.open_stream(((b"Port", b"80"),))
        self.assertEqual(self.session.open_streams, 0)
        self.assertEqual(self.session.open_stream(()), 1)

    def test_the_peers_limit(self) -> None:
        """MAX_CONCURRENT_STREAMS of the peer's SETTINGS is kept."""
        self.session.feed(self.peer.settings((4, 2)), 0.0)
        self.session.open_stream(())
        self.assertTrue(self.session.can_open)
        self.session.open_stream(())
        self.assertFalse(self.session.can_open)
        with self.assertRaises(LocalError):
            self.session.open_stream(())
        self.session.reset(1, RstStatus.CANCEL)
        self.assertTrue(self.session.can_open)


class VerbTests(Case):
    """What is done to a stream, and what is written for it."""

    def test_accept(self) -> None:
        """SYN_REPLY has an empty block, as every Go server's."""
        self.session.feed(self.peer.syn(3), 0.0)
        self.session.accept(3)
        self.assertEqual(self.written(), [Seen("SYN_REPLY", 3, 0, EMPTY_BLOCK)])

    def test_accept_once(self) -> None:
        """A second answer is a bug of ours."""
        with self.assertRaises(LocalError):
            self.session.accept(1)

    def test_no_data_before_the_answer(self) -> None:
        """DATA before SYN_REPLY is silently dropped by Go, so it is a bug."""
        self.session.feed(self.peer.syn(3), 0.0)
        with self.assertRaises(LocalError):
            self.session.send(3, b"x")

    def test_send_and_finish(self) -> None:
        """Bytes, then FIN; a second FIN says nothing."""
        self.assertEqual(self.session.send(1, memoryview(b"abc")), 3)
        self.session.finish(1)
        self.session.finish(1)
        expected = [Seen("DATA", 1, 3, b"abc"), Seen("DATA", 1, 0, b"", FIN)]
        self.assertEqual(self.written(), expected)

    def test_no_data_after_fin(self) -> None:
        """Sending after the FIN is a bug of ours."""
        self.session.finish(1)
        with self.assertRaises(LocalError):
            self.session.send(1, b"x")

    def test_over_when_both_have_finished(self) -> None:
        """A stream is forgotten with the second FIN, whoever's it is."""
        self.session.finish(1)
        self.assertIn(1, self.session)
        events = self.session.feed(data(1, b"", FIN), 0.0)
        self.assertEqual(events, [StreamFinished(1)])
        self.assertNotIn(1, self.session)
        self.assertEqual(self.session.open_streams, 0)

    def test_what_is_too_long_for_a_frame(self) -> None:
        """More than 64 KiB become several frames, and no byte is lost or moved."""
        body = bytes(range(256)) * 512 + b"!"
        self.session.send(1, body)
        self.session.finish(1)
        frames = self.written()
        seen = [(frame.value, frame.flags) for frame in frames]
        self.assertEqual(seen, [(65536, 0), (65536, 0), (1, 0), (0, 1)])
        self.assertEqual(b"".join(frame.body for frame in frames), body)

    def test_verbs_on_a_dead_stream_do_nothing(self) -> None:
        """The peer may have reset it a moment ago: nothing is written or raised."""
        self.session.feed(self.peer.rst(1), 0.0)
        self.session.accept(1)
        self.assertEqual(self.session.send(1, b"xyz"), 3)
        self.session.finish(1)
        self.session.reset(1, RstStatus.CANCEL)
        self.assertFalse(self.session.grant(1, 10))
        self.assertEqual(self.session.waiting(1), 0)
        self.assertEqual(self.written(), [])

    def test_ping_and_goaway(self) -> None:
        """Both go as they are; GOAWAY names the last stream we took."""
        self.session.ping(2)
        self.session.goaway()
        self.assertEqual(self.written(), [Seen("PING", 0, 2), Seen("GOAWAY", 1, 0)])

    def test_outgoing_forgets(self) -> None:
        """What has been asked for is not written twice."""
        self.session.ping(2)
        self.assertNotEqual(self.session.outgoing(), b"")
        self.assertEqual(self.session.outgoing(), b"")


class PausedTests(Case):
    """A transport that is congested holds DATA back, and nothing else."""

    def setUp(self) -> None:
        """Pause with ten bytes waiting."""
        super().setUp()
        self.session.pause()
        self.assertEqual(self.session.send(1, b"0123456789"), 0)
        self.assertEqual(self.session.waiting(1), 10)
        self.assertEqual(self.written(), [])

    def resume(self) -> None:
        """Let it go."""
        self.session.resume()
        self.assertTrue(self.session.has_waiting)

    def test_release(self) -> None:
        """After `resume`, `release` writes what waited and reports it."""
        self.assertFalse(self.session.has_waiting)
        self.assertEqual(self.session.release(1000), [])
        self.resume()
        self.assertEqual(self.session.release(1000), [Drained(1, 10)])
        self.assertEqual(self.written(), [Seen("DATA", 1, 10, b"0123456789")])
        self.assertFalse(self.session.has_waiting)

    def test_fin_follows_what_waits(self) -> None:
        """A FIN never overtakes the bytes before it."""
        self.session.finish(1)
        self.assertEqual(self.written(), [])
        self.resume()
        self.session.release(1000)
        self.assertEqual(self.written(), [Seen("DATA", 1, 10, b"0123456789", FIN)])

    def test_a_finished_stream_waits_for_its_bytes(self) -> None:
        """When the peer finishes first, the stream is over with its last byte."""
        self.session.finish(1)
        self.session.feed(data(1, b"", FIN), 0.0)
        self.assertIn(1, self.session)
        self.resume()
        self.session.release(1000)
        self.assertNotIn(1, self.session)

    def test_reset_throws_away(self) -> None:
        """A reset without FIN is at once, and what waits is gone."""
        self.session.reset(1, RstStatus.CANCEL)
        self.assertEqual(self.written(), [Seen("RST_STREAM", 1, 5)])
        self.session.resume()
        self.assertFalse(self.session.has_waiting)

    def test_reset_after_finish_delivers_first(self) -> None:
        """After FIN a reset waits for what was sent before it."""
        self.session.finish(1)
        self.session.reset(1, RstStatus.CANCEL)
        self.assertEqual(self.written(), [])
        self.resume()
        self.assertEqual(self.session.release(1000), [Drained(1, 10)])
        expected = [
            Seen("DATA", 1, 10, b"0123456789", FIN),
            Seen("RST_STREAM", 1, 5),
        ]
        self.assertEqual(self.written(), expected)
        self.assertNotIn(1, self.session)

    def test_a_second_reset_is_at_once(self) -> None:
        """Asked twice, it waits for nothing."""
        self.session.finish(1)
        self.session.reset(1, RstStatus.CANCEL)
        self.session.reset(1, RstStatus.INTERNAL_ERROR)
        self.assertEqual(self.written(), [Seen("RST_STREAM", 1, 6)])
        self.assertNotIn(1, self.session)

    def test_no_reset_after_both_have_finished(self) -> None:
        """If the peer finishes while it waits, the stream ends by itself."""
        self.session.finish(1)
        self.session.reset(1, RstStatus.CANCEL)
        self.session.feed(data(1, b"", FIN), 0.0)
        self.resume()
        self.session.release(1000)
        self.assertEqual([frame.name for frame in self.written()], ["DATA"])
        self.assertNotIn(1, self.session)

    def test_a_peer_that_gives_up_meanwhile(self) -> None:
        """The peer's reset ends the waiting, and is told."""
        self.session.finish(1)
        self.session.reset(1, RstStatus.CANCEL)
        events = self.session.feed(self.peer.rst(1), 0.0)
        self.assertEqual(events, [StreamReset(1, 5)])
        self.session.resume()
        self.assertFalse(self.session.has_waiting)

    def test_control_frames_do_not_wait(self) -> None:
        """Answers go while DATA is held back."""
        self.session.feed(self.peer.ping(1) + self.peer.syn(3), 0.0)
        self.session.accept(3)
        names = [frame.name for frame in self.written()]
        self.assertEqual(names, ["PING", "SYN_REPLY"])

    def test_helpings(self) -> None:
        """`release` stops after about as much as it is asked for, in turns."""
        self.session.feed(self.peer.syn(3), 0.0)
        self.session.accept(3)
        self.written()
        for number in (1, 3):
            self.session.send(number, bytes(100_000))
        self.resume()
        released = [self.session.release(1) for _ in range(2)]
        self.assertEqual([len(events) for events in released], [1, 1])
        self.assertEqual({frame.stream_id for frame in self.written()}, {1, 3})


class LimitTests(SynchronousTestCase):
    """Small things that callers rely on."""

    def test_limits_are_ours_to_choose(self) -> None:
        """The limits may be given, or are the usual ones."""
        self.assertEqual(SpdyLimits().streams, 4_000)
        session = SpdySession(client=True, limits=SpdyLimits(streams=1))
        session.open_stream(())
        self.assertFalse(session.can_open)
