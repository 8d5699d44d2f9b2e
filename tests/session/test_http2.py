"""Tests for `spdygate.session.http2`: what we do with a session."""

from __future__ import annotations

import base64

from h2 import events as h2
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import Http2Code, LocalError, RemoteError
from spdygate.session.events import (
    DataReceived,
    Drained,
    Ready,
    StreamAccepted,
    StreamFinished,
    StreamOpened,
)
from spdygate.session.http2 import Http2Session

from .http2peer import (
    BAD_GATEWAY,
    CONNECT,
    OK,
    PLAIN_CONNECT,
    POST,
    PREFACE,
    Meeting,
    kinds,
    settings,
)


class BeginningTests(SynchronousTestCase):
    """What is said before any stream (RFC 9113, section 3.4)."""

    def test_client(self) -> None:
        """A client sends preface, SETTINGS, and widens the connection's window."""
        written = Http2Session(client=True).outgoing()
        self.assertTrue(written.startswith(PREFACE))
        hello, wider = kinds(written[len(PREFACE) :])
        self.assertEqual(hello[:3], (4, 0, 0))
        self.assertIn(bytes.fromhex("0002 00000000"), hello[3])  # ENABLE_PUSH = 0
        self.assertEqual(wider[:3], (8, 0, 0))
        self.assertEqual(int.from_bytes(wider[3], "big"), 16 * 2**20 - 65535)

    def test_server(self) -> None:
        """A server announces ENABLE_CONNECT_PROTOCOL and its limit on streams."""
        hello, _ = kinds(Http2Session(client=False).outgoing())
        self.assertIn(bytes.fromhex("0008 00000001"), hello[3])
        self.assertIn(bytes.fromhex("0003 00002710"), hello[3])
        self.assertIn(bytes.fromhex("0004 00020000"), hello[3])

    def test_ready(self) -> None:
        """A client is ready when SETTINGS came, and is told what they allow."""
        session = Http2Session(client=True)
        self.assertFalse(session.ready or session.can_open)
        self.assertRaises(LocalError, session.open_stream, CONNECT)
        self.assertEqual(session.feed(settings((8, 1)), 0.0), [Ready(True)])
        self.assertTrue(session.ready and session.can_open)

    def test_protocol_unannounced(self) -> None:
        """Without ENABLE_CONNECT_PROTOCOL only a plain CONNECT may be sent."""
        session = Http2Session(client=True)
        self.assertEqual(session.feed(settings(), 0.0), [Ready(False)])
        self.assertRaises(LocalError, session.open_stream, CONNECT)
        self.assertEqual(session.open_stream(PLAIN_CONNECT), 1)


class UpgradeTests(SynchronousTestCase):
    """A connection that began as HTTP/1.1 (RFC 7540, section 3.2)."""

    def test_stream_1(self) -> None:
        """Stream 1 is answered, and tunnels begin at 3."""
        meeting = Meeting.__new__(Meeting)
        peer = h2_client()
        header = peer.initiate_upgrade_connection()
        assert header is not None
        meeting.session = Http2Session.after_upgrade(header.rstrip(b"="))
        meeting.peer, meeting.events, meeting.heard, meeting.now = peer, [], [], 0.0
        meeting.session.refuse(1, OK, b"hello")
        meeting.exchange()
        self.assertEqual(meeting.got(1), b"hello")
        self.assertEqual(meeting.session.open_streams, 0)
        self.assertEqual(meeting.open(), 3)
        self.assertIn(StreamOpened(3, CONNECT), meeting.taken())

    def test_settings_count(self) -> None:
        """The settings in the header count for stream 1."""
        header = base64.urlsafe_b64encode(settings((4, 3))[9:]).rstrip(b"=")
        session = Http2Session.after_upgrade(header)
        session.refuse(1, OK, b"hello")
        frames = kinds(session.outgoing())
        self.assertIn((0, 0, 1, b"hel"), frames)
        self.assertNotIn((0, 0, 1, b"lo"), frames)

    def test_bad_header(self) -> None:
        """A header that is no SETTINGS payload is refused before anything is said."""
        for header in (b"*", b"AAAA", b"AAT_____", b"\xff", b"AAIAAAAC"):
            self.assertRaises(RemoteError, Http2Session.after_upgrade, header)


def h2_client() -> H2Connection:
    """Return h2 as a client, which has said nothing yet."""
    return H2Connection(H2Configuration(client_side=True))


class OpeningTests(SynchronousTestCase):
    """Streams that we open."""

    def test_accepted(self) -> None:
        """The peer reads the request; its 200 is reported."""
        meeting = Meeting(client=True)
        stream_id = meeting.open()
        (request,) = [e for e in meeting.heard if isinstance(e, h2.RequestReceived)]
        self.assertEqual(tuple(request.headers or ()), CONNECT)
        meeting.peer.send_headers(stream_id, OK)
        meeting.exchange()
        self.assertEqual(meeting.taken(), [StreamAccepted(stream_id, OK)])

    def test_early_data(self) -> None:
        """Bytes may be sent before the answer, up to the window."""
        meeting = Meeting(client=True)
        stream_id = meeting.session.open_stream(CONNECT)
        self.assertEqual(meeting.session.send(stream_id, b"x" * 70_000), 65_535)
        meeting.exchange()
        self.assertEqual(len(meeting.got(stream_id)), 65_535)

    def test_peers_limit(self) -> None:
        """No more streams are opened than the peer allows at once."""
        few = {SettingCodes.MAX_CONCURRENT_STREAMS: 2}
        meeting = Meeting(client=True, theirs=few)
        first, _ = meeting.open(), meeting.open()
        self.assertFalse(meeting.session.can_open)
        self.assertRaises(LocalError, meeting.session.open_stream, CONNECT)
        meeting.session.reset(first, Http2Code.CANCEL)
        self.assertTrue(meeting.session.can_open)
        self.assertEqual(meeting.open(), 5)

    def test_ids_run_out(self) -> None:
        """A connection is retired before its ids are used up, and then is shut."""
        session = Meeting(client=True).session
        self.assertFalse(session.exhausted)
        session._highest = 2**31 - 15_001
        self.assertTrue(session.exhausted and session.can_open)
        session._highest = 2**31 - 1
        self.assertFalse(session.can_open)

    def test_headers_that_lie(self) -> None:
        """Headers that could pass for others never leave, nor do odd requests."""
        session = Meeting(client=True).session
        for bad in (
            (b"x-request-id", b"1\r\nspdygate-user: root"),
            (b"Port", b"80"),
            (b"", b"80"),
            (b"content-length", b"5"),
        ):
            self.assertRaises(LocalError, session.open_stream, (*CONNECT, bad))
        self.assertRaises(LocalError, session.open_stream, POST)
        self.assertEqual(session.outgoing(), b"")
        self.assertEqual(session.open_stream(CONNECT), 1)

    def test_headers_half_compressed(self) -> None:
        """When h2 itself refuses our headers no others follow on that connection."""
        meeting = Meeting(client=True)
        stream_id = meeting.connect()
        bad = ((b":method", b"CONNECT"), (b"x", b"no authority"))
        self.assertRaises(LocalError, meeting.session.open_stream, bad)
        self.assertTrue(meeting.session.exhausted)
        self.assertFalse(meeting.session.can_open)
        meeting.session.send(stream_id, b"goes on")
        meeting.exchange()
        self.assertEqual(meeting.got(stream_id), b"goes on")

    def test_server_opens_nothing(self) -> None:
        """A server has no streams to open."""
        session = Meeting(client=False).session
        self.assertFalse(session.can_open)
        self.assertRaises(LocalError, session.open_stream, CONNECT)


class AnsweringTests(SynchronousTestCase):
    """Streams that the peer opens."""

    def test_accept(self) -> None:
        """The 200 goes out, and then bytes, not before."""
        meeting = Meeting(client=False)
        stream_id = meeting.open()
        self.assertEqual(meeting.taken(), [StreamOpened(stream_id, CONNECT)])
        self.assertRaises(LocalError, meeting.session.send, stream_id, b"early")
        self.assertRaises(LocalError, meeting.session.finish, stream_id)
        meeting.session.accept(stream_id, OK)
        self.assertEqual(meeting.session.send(stream_id, b"hello"), 5)
        meeting.exchange()
        self.assertIsInstance(meeting.heard[-2], h2.ResponseReceived)
        self.assertEqual(meeting.got(stream_id), b"hello")

    def test_refuse(self) -> None:
        """Status, reason, END_STREAM, then RST_STREAM(NO_ERROR) as it is still open."""
        meeting = Meeting(client=False)
        stream_id = meeting.open()
        meeting.session.refuse(stream_id, BAD_GATEWAY, b"refused")
        self.assertEqual(
            [frame[:3] for frame in kinds(meeting.session.outgoing())],
            [(1, 4, 1), (0, 0, 1), (0, 1, 1), (3, 0, 1)],
        )
        self.assertEqual(meeting.session.open_streams, 0)

    def test_refuse_a_finished_request(self) -> None:
        """A request that is complete needs no RST_STREAM."""
        meeting = Meeting(client=False)
        meeting.peer.send_headers(1, POST, end_stream=True)
        meeting.exchange()
        self.assertEqual(meeting.taken(), [StreamOpened(1, POST, finished=True)])
        meeting.session.refuse(1, OK, b"")
        meeting.exchange()
        self.assertIsInstance(meeting.heard[-1], h2.StreamEnded)
        self.assertEqual(meeting.session.open_streams, 0)

    def test_refuse_with_much_to_say(self) -> None:
        """A body longer than the window waits, and the RST with it."""
        meeting = Meeting(client=False)
        stream_id = meeting.open()
        meeting.session.refuse(stream_id, BAD_GATEWAY, b"x" * 70_000)
        meeting.exchange()
        self.assertEqual(len(meeting.got(stream_id)), 65_535)
        meeting.peer.acknowledge_received_data(65_535, stream_id)
        meeting.exchange()
        self.assertTrue(meeting.session.has_waiting)
        drained = meeting.session.release(1 << 20)
        self.assertEqual(drained, [Drained(stream_id, 4_465)])
        meeting.exchange()
        self.assertEqual(len(meeting.got(stream_id)), 70_000)
        self.assertIsInstance(meeting.heard[-1], h2.StreamReset)

    def test_only_once(self) -> None:
        """A stream is answered once; one that is over need not be."""
        meeting = Meeting(client=False)
        stream_id = meeting.connect()
        self.assertRaises(LocalError, meeting.session.accept, stream_id, OK)
        self.assertRaises(
            LocalError, meeting.session.refuse, stream_id, BAD_GATEWAY, b""
        )
        meeting.session.reset(stream_id, Http2Code.CANCEL)
        meeting.session.accept(stream_id, OK)
        meeting.session.refuse(stream_id, BAD_GATEWAY, b"")

    def test_request_body(self) -> None:
        """An ordinary request's body is passed on, and its stream can be granted."""
        meeting = Meeting(client=False)
        meeting.peer.send_headers(1, (*POST, (b"content-length", b"6")))
        meeting.peer.send_data(1, b"abc")
        meeting.peer.send_data(1, b"def", end_stream=True)
        meeting.exchange()
        self.assertEqual(
            meeting.taken()[1:], [DataReceived(1, b"abcdef"), StreamFinished(1)]
        )
        meeting.session.grant(1, 6)
        meeting.session.accept(1, OK)
        meeting.session.send(1, b"streamed")
        meeting.session.finish(1)
        meeting.exchange()
        self.assertEqual(meeting.got(1), b"streamed")
        self.assertEqual(meeting.session.open_streams, 0)
