"""Tests for `spdygate.session.http2`: DATA, its end, PING and GOAWAY."""

from __future__ import annotations

from h2 import events as h2
from h2.errors import ErrorCodes
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import Http2Code, LocalError
from spdygate.session.events import (
    DataReceived,
    Drained,
    Pong,
    StreamFinished,
    StreamReset,
)

from .http2peer import CONNECT, OK, Meeting, data, kinds


class SendingTests(SynchronousTestCase):
    """DATA, its end, and its order."""

    def test_half_close(self) -> None:
        """END_STREAM ends one direction; the other goes on."""
        for client in (True, False):
            meeting = Meeting(client=client)
            stream_id = meeting.connect()
            meeting.session.send(stream_id, b"question")
            meeting.session.finish(stream_id)
            meeting.exchange()
            self.assertIsInstance(meeting.heard[-1], h2.StreamEnded)
            meeting.peer.send_data(stream_id, b"answer", end_stream=True)
            meeting.exchange()
            self.assertEqual(
                meeting.taken(),
                [DataReceived(stream_id, b"answer"), StreamFinished(stream_id)],
            )
            self.assertNotIn(stream_id, meeting.session)

    def test_finish_waits(self) -> None:
        """END_STREAM comes after the bytes that waited for credit."""
        meeting = Meeting(client=True)
        stream_id = meeting.connect()
        meeting.session.send(stream_id, b"x" * 65_535 + b"last")
        meeting.session.finish(stream_id)
        meeting.exchange()
        self.assertFalse(any(isinstance(e, h2.StreamEnded) for e in meeting.heard))
        meeting.peer.acknowledge_received_data(65_535, stream_id)
        meeting.exchange()
        self.assertEqual(meeting.session.release(100), [Drained(stream_id, 4)])
        meeting.exchange()
        self.assertTrue(meeting.got(stream_id).endswith(b"last"))
        self.assertIsInstance(meeting.heard[-1], h2.StreamEnded)

    def test_reset_after_finish_delivers_first(self) -> None:
        """What was sent before `finish` goes out before the RST_STREAM."""
        meeting = Meeting(client=True)
        stream_id = meeting.connect()
        meeting.session.send(stream_id, b"x" * 65_535 + b"last")
        meeting.session.finish(stream_id)
        meeting.session.reset(stream_id, Http2Code.CONNECT_ERROR)
        meeting.exchange()
        meeting.peer.acknowledge_received_data(65_535, stream_id)
        meeting.exchange()
        meeting.session.release(100)
        meeting.exchange()
        self.assertTrue(meeting.got(stream_id).endswith(b"last"))
        reset = meeting.heard[-1]
        assert isinstance(reset, h2.StreamReset)
        self.assertEqual(reset.error_code, ErrorCodes.CONNECT_ERROR)

    def test_reset_at_once(self) -> None:
        """Without `finish` what waits is thrown away."""
        meeting = Meeting(client=True)
        stream_id = meeting.connect()
        meeting.session.send(stream_id, b"x" * 70_000)
        meeting.session.reset(stream_id, Http2Code.POD_GONE)
        self.assertFalse(meeting.session.has_waiting)
        meeting.exchange()
        reset = meeting.heard[-1]
        assert isinstance(reset, h2.StreamReset)
        self.assertEqual(reset.error_code, 0x706F6421)

    def test_no_credit_after_the_end(self) -> None:
        """A peer that has finished is granted nothing more on that stream."""
        meeting = Meeting(client=False)
        stream_id = meeting.connect()
        meeting.feed(data(stream_id, bytes(100_000), end=True))
        meeting.session.grant(stream_id, 100_000)
        self.assertEqual(meeting.session.outgoing(), b"")

    def test_over_is_over(self) -> None:
        """Every verb leaves a stream that is over alone."""
        session = Meeting(client=True).session
        self.assertEqual(session.send(77, b"123"), 3)
        session.finish(77)
        session.reset(77, 0)
        session.grant(77, 5)
        self.assertEqual(session.outgoing(), b"")

    def test_misuse(self) -> None:
        """What only a mistake of ours can ask for is a `LocalError`."""
        meeting = Meeting(client=True)
        stream_id = meeting.connect()
        self.assertRaises(LocalError, meeting.session.grant, stream_id, 1)
        self.assertRaises(LocalError, meeting.session.accept, stream_id, OK)
        meeting.session.finish(stream_id)
        meeting.session.finish(stream_id)
        self.assertRaises(LocalError, meeting.session.send, stream_id, b"late")

    def test_paused(self) -> None:
        """While the transport is congested DATA waits and answers do not."""
        meeting = Meeting(client=False)
        stream_id = meeting.connect()
        meeting.session.pause()
        self.assertEqual(meeting.session.send(stream_id, b"later"), 0)
        meeting.peer.ping(b"12345678")
        meeting.exchange()
        self.assertIsInstance(meeting.heard[-1], h2.PingAckReceived)
        self.assertFalse(meeting.session.has_waiting)
        meeting.session.resume()
        self.assertTrue(meeting.session.has_waiting)
        self.assertEqual(meeting.session.release(100), [Drained(stream_id, 5)])
        meeting.exchange()
        self.assertEqual(meeting.got(stream_id), b"later")


class ConnectionTests(SynchronousTestCase):
    """PING and GOAWAY."""

    def test_ping(self) -> None:
        """A PING that comes back is reported once, by its id."""
        meeting = Meeting(client=True)
        meeting.session.ping(2**64 - 1)
        meeting.exchange()
        self.assertEqual(meeting.taken(), [Pong(2**64 - 1)])

    def test_we_leave(self) -> None:
        """After GOAWAY open streams go on, and new ones are refused to be retried."""
        meeting = Meeting(client=False)
        first = meeting.connect()
        meeting.session.goaway()
        self.assertTrue(meeting.session.exhausted)
        meeting.peer.send_headers(3, CONNECT)
        meeting.peer.send_data(first, b"still here")
        meeting.feed(meeting.peer.data_to_send())
        self.assertEqual(meeting.taken(), [DataReceived(first, b"still here")])
        self.assertEqual(
            kinds(meeting.session.outgoing()),
            [
                (7, 0, 0, bytes.fromhex("00000001 00000000")),
                (3, 0, 3, bytes.fromhex("00000007")),
            ],
        )

    def test_peer_resets(self) -> None:
        """A RST_STREAM is reported with its code, also one we do not know."""
        meeting = Meeting(client=True)
        for code in (Http2Code.CONNECT_ERROR, 0x706F6421, 0xDEAD):
            stream_id = meeting.connect()
            meeting.peer.reset_stream(stream_id, code)
            meeting.exchange()
            self.assertEqual(meeting.taken(), [StreamReset(stream_id, code)])
            self.assertEqual(meeting.session.send(stream_id, b"too late"), 8)
