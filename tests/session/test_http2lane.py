"""Tests for `spdygate.session.http2lane`: windows, against h2 and by hand."""

from __future__ import annotations

from h2 import events as h2
from h2.settings import SettingCodes
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import Http2Code
from spdygate.session.events import (
    Broken,
    DataReceived,
    Drained,
    StreamFinished,
    StreamReset,
)
from spdygate.session.http2 import Http2Limits, Http2Session

from .http2peer import (
    PLAIN_CONNECT,
    Meeting,
    data,
    kinds,
    raw,
    rst,
    settings,
    window_update,
)

#: The smallest windows there may be.
SMALL = Http2Limits(stream_window=65_535, session_window=65_535)


class SendingWindowTests(SynchronousTestCase):
    """Windows that the peer gives us."""

    def test_initial_window_grows(self) -> None:
        """A larger INITIAL_WINDOW_SIZE opens the windows of open streams too."""
        meeting = Meeting(client=True, theirs={SettingCodes.INITIAL_WINDOW_SIZE: 10})
        stream_id = meeting.connect()
        self.assertEqual(meeting.session.send(stream_id, b"x" * 25), 10)
        self.assertFalse(meeting.session.has_waiting)
        meeting.peer.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 20})
        meeting.exchange()
        self.assertEqual(meeting.session.release(100), [Drained(stream_id, 10)])
        meeting.exchange()
        self.assertEqual(len(meeting.got(stream_id)), 20)

    def test_initial_window_shrinks_below_zero(self) -> None:
        """A window that became negative must be paid off before bytes go."""
        meeting = Meeting(client=True)
        stream_id = meeting.connect()
        meeting.session.send(stream_id, b"x" * 1000)
        meeting.feed(settings((4, 0)))
        self.assertEqual(meeting.session.send(stream_id, b"later"), 0)
        meeting.feed(window_update(stream_id, 1000))
        self.assertFalse(meeting.session.has_waiting)
        meeting.feed(window_update(stream_id, 3))
        self.assertEqual(meeting.session.release(100), [Drained(stream_id, 3)])
        other = meeting.session.open_stream(PLAIN_CONNECT)
        self.assertEqual(meeting.session.send(other, b"none"), 0)

    def test_connection_window(self) -> None:
        """All streams together spend no more than the connection's window."""
        meeting = Meeting(client=True)
        first, second = meeting.connect(), meeting.connect()
        self.assertEqual(meeting.session.send(first, b"x" * 60_000), 60_000)
        self.assertEqual(meeting.session.send(second, b"x" * 60_000), 5_535)
        meeting.exchange()
        meeting.peer.increment_flow_control_window(100_000)
        meeting.exchange()
        self.assertEqual(meeting.session.release(1 << 20), [Drained(second, 54_465)])

    def test_window_overflow(self) -> None:
        """A window past 2**31 - 1 is the peer's fault: a stream's, or all of it."""
        meeting = Meeting(client=True)
        stream_id = meeting.connect()
        meeting.feed(window_update(stream_id, 2**31 - 1))
        code = Http2Code.FLOW_CONTROL_ERROR
        self.assertEqual(meeting.taken(), [StreamReset(stream_id, code)])
        self.assertEqual(
            kinds(meeting.session.outgoing()), [(3, 0, stream_id, bytes([0, 0, 0, 3]))]
        )
        meeting.feed(window_update(0, 2**31 - 1))
        self.assertEqual(meeting.broken().http2, code)

    def test_settings_overflow(self) -> None:
        """INITIAL_WINDOW_SIZE may not carry an open window past 2**31 - 1 (6.9.2)."""
        meeting = Meeting(client=True)
        stream_id = meeting.connect()
        meeting.feed(window_update(stream_id, 100) + settings((4, 2**31 - 1)))
        self.assertEqual(meeting.broken().http2, Http2Code.FLOW_CONTROL_ERROR)

    def test_nothing_granted(self) -> None:
        """A WINDOW_UPDATE of 0 bytes costs the stream, or the connection (6.9)."""
        meeting = Meeting(client=True)
        stream_id = meeting.connect()
        meeting.feed(window_update(stream_id, 0))
        code = Http2Code.PROTOCOL_ERROR
        self.assertEqual(meeting.taken(), [StreamReset(stream_id, code)])
        meeting.feed(window_update(0, 0))
        self.assertEqual(meeting.broken().http2, code)

    def test_window_update_of_wrong_length(self) -> None:
        """A WINDOW_UPDATE is four bytes long."""
        meeting = Meeting(client=True)
        meeting.feed(raw(8, 0, 0, b"12345"))
        self.assertEqual(meeting.broken().http2, Http2Code.FRAME_SIZE_ERROR)

    def test_frames_as_large_as_allowed(self) -> None:
        """DATA is framed as MAX_FRAME_SIZE allows, and follows its changes."""
        meeting = Meeting(client=True)
        stream_id = meeting.connect()
        meeting.session.send(stream_id, b"x" * 40_000)
        sizes = [len(body) for _, _, _, body in kinds(meeting.session.outgoing())]
        self.assertEqual(sizes, [16_384, 16_384, 7_232])
        meeting.feed(settings((5, 20_000)))
        meeting.session.outgoing()
        meeting.session.send(stream_id, b"x" * 20_001)
        sizes = [len(body) for _, _, _, body in kinds(meeting.session.outgoing())]
        self.assertEqual(sizes, [20_000, 1])


class ReceivingWindowTests(SynchronousTestCase):
    """Windows that we give."""

    def test_stream_credit_on_grant_only(self) -> None:
        """A stream is granted more when its bytes were passed on, and then twice."""
        meeting = Meeting(client=False)
        stream_id = meeting.connect()
        for _ in range(8):
            meeting.peer.send_data(stream_id, bytes(16_384))
            meeting.exchange()
        self.assertEqual(meeting.peer.local_flow_control_window(stream_id), 0)
        meeting.session.grant(stream_id, 65_535)
        meeting.exchange()
        self.assertEqual(meeting.peer.local_flow_control_window(stream_id), 0)
        meeting.session.grant(stream_id, 1)
        meeting.exchange()
        self.assertEqual(
            meeting.peer.local_flow_control_window(stream_id), 65_536 + 131_072
        )

    def test_stuck_stream_starves_nobody(self) -> None:
        """The connection's credit comes back though nothing is granted."""
        meeting = Meeting(client=False, limits=SMALL)
        stuck = [meeting.connect() for _ in range(3)]
        for stream_id in stuck:
            for _ in range(5):
                meeting.peer.send_data(stream_id, bytes(13_107))
                meeting.exchange()
        other = meeting.connect()
        meeting.peer.send_data(other, b"alive")
        meeting.exchange()
        self.assertEqual(meeting.taken(), [DataReceived(other, b"alive")])

    def test_stream_overrun(self) -> None:
        """A peer that overruns a stream loses it, before a byte is passed on."""
        meeting = Meeting(client=False, limits=SMALL)
        stream_id = meeting.connect()
        meeting.feed(data(stream_id, bytes(40_000)))
        self.assertEqual(meeting.taken(), [DataReceived(stream_id, bytes(40_000))])
        meeting.feed(data(stream_id, bytes(40_000))[:100])
        code = Http2Code.FLOW_CONTROL_ERROR
        self.assertEqual(meeting.taken(), [StreamReset(stream_id, code)])
        self.assertIn(
            (3, 0, stream_id, bytes([0, 0, 0, 3])), kinds(meeting.session.outgoing())
        )

    def test_connection_overrun(self) -> None:
        """A frame longer than the connection's window ends it."""
        limits = Http2Limits(stream_window=1 << 20, session_window=65_535)
        meeting = Meeting(client=False, limits=limits)
        stream_id = meeting.connect()
        meeting.feed(data(stream_id, bytes(65_536)))
        self.assertEqual(meeting.broken().http2, Http2Code.FLOW_CONTROL_ERROR)

    def test_padding_is_given_back(self) -> None:
        """Padding counts, and is granted though the caller never sees it."""
        meeting = Meeting(client=False, limits=SMALL)
        stream_id = meeting.connect()
        for _ in range(1000):
            meeting.peer.send_data(stream_id, b"x", pad_length=255)
            meeting.exchange()
        meeting.peer.send_data(stream_id, b"data", pad_length=10, end_stream=True)
        meeting.exchange()
        self.assertEqual(
            meeting.taken(),
            [DataReceived(stream_id, b"x" * 1000 + b"data"), StreamFinished(stream_id)],
        )

    def test_late_data(self) -> None:
        """DATA after our reset is dropped unanswered; its credit comes back."""
        meeting = Meeting(client=False, limits=SMALL)
        stream_id = meeting.connect()
        meeting.session.reset(stream_id, Http2Code.CANCEL)
        meeting.session.outgoing()
        for _ in range(10):
            meeting.feed(data(stream_id, bytes(30_000)))
        self.assertEqual(meeting.taken(), [])
        frames = kinds(meeting.session.outgoing())
        self.assertEqual({frame[:3] for frame in frames}, {(8, 0, 0)})
        granted = sum(int.from_bytes(frame[3], "big") for frame in frames)
        self.assertEqual(granted, 300_000)

    def test_late_frames(self) -> None:
        """WINDOW_UPDATE, RST_STREAM and END_STREAM of an ended stream are dropped."""
        meeting = Meeting(client=False)
        stream_id = meeting.connect()
        meeting.session.reset(stream_id, Http2Code.CANCEL)
        meeting.session.outgoing()
        meeting.feed(window_update(stream_id, 5) + rst(stream_id, 8))
        meeting.feed(data(stream_id, b"", end=True))
        self.assertEqual((meeting.taken(), meeting.session.outgoing()), ([], b""))

    def test_idle_streams(self) -> None:
        """Frames of streams that never were end the connection (section 5.1)."""
        for frame in (data(9, b"x"), window_update(9, 1), rst(9, 0), data(2, b"x")):
            meeting = Meeting(client=False)
            meeting.open()
            meeting.feed(frame)
            self.assertEqual(meeting.broken().http2, Http2Code.PROTOCOL_ERROR)

    def test_data_after_the_end(self) -> None:
        """DATA after END_STREAM costs the stream (section 5.1)."""
        meeting = Meeting(client=False)
        stream_id = meeting.connect()
        meeting.feed(data(stream_id, b"last", end=True) + data(stream_id, b"more"))
        self.assertEqual(
            meeting.taken(),
            [
                DataReceived(stream_id, b"last"),
                StreamFinished(stream_id),
                StreamReset(stream_id, Http2Code.STREAM_CLOSED),
            ],
        )

    def test_early_data_of_a_refused_stream(self) -> None:
        """What comes while a refusal waits for credit is dropped, and costs none."""
        meeting = Meeting(client=False, limits=SMALL)
        meeting.feed(settings((4, 0)))
        stream_id = meeting.open()
        meeting.session.refuse(stream_id, ((b":status", b"502"),), b"reason")
        for _ in range(2):
            meeting.feed(data(stream_id, bytes(32_767)))
        meeting.exchange()
        self.assertEqual(len(meeting.taken()), 1)
        # h2 did not send those bytes, but is granted as many.
        window = meeting.peer.outbound_flow_control_window
        self.assertEqual(window, 65_535 + 2 * 32_767)
        meeting.feed(window_update(stream_id, 6))
        meeting.session.release(100)
        meeting.exchange()
        self.assertEqual(meeting.got(stream_id), b"reason")
        self.assertIsInstance(meeting.heard[-1], h2.StreamReset)


class LaneTests(SynchronousTestCase):
    """DATA that passes h2."""

    def test_cut_through(self) -> None:
        """A frame is passed on as it comes, as views of what came."""
        meeting = Meeting(client=False)
        stream_id = meeting.connect()
        whole = data(stream_id, bytes(range(250)) * 500)
        fed = whole[:100_000]
        (piece,) = meeting.session.feed(fed, 0.0)
        assert isinstance(piece, DataReceived) and isinstance(piece.data, memoryview)
        self.assertIs(piece.data.obj, fed)
        (rest,) = meeting.session.feed(whole[100_000:], 0.0)
        assert isinstance(rest, DataReceived)
        self.assertEqual(bytes(piece.data) + bytes(rest.data), whole[9:])

    def test_bytes_beyond_2_gib_wrap_nothing(self) -> None:
        """More bytes than a window can count pass, granted as they go."""
        meeting = Meeting(client=False)
        stream_id = meeting.connect()
        frame = data(stream_id, bytes(131_072))
        for _ in range(3 * 2**31 // 131_072 // 2):
            self.assertEqual(len(meeting.session.feed(frame, 0.0)), 1)
            meeting.session.grant(stream_id, 131_072)
        meeting.session.outgoing()
        self.assertFalse(meeting.session.broken)

    def test_end_of_the_session(self) -> None:
        """A session that has ended itself takes nothing in and does nothing."""
        session = Http2Session(client=False)
        session.outgoing()
        (last,) = session.feed(b"GET / HTTP/1.1\r\n\r\n", 0.0)
        self.assertIsInstance(last, Broken)
        ((kind, _, _, body),) = kinds(session.outgoing())
        self.assertEqual((kind, body[:8]), (7, bytes([0, 0, 0, 0, 0, 0, 0, 1])))
        self.assertEqual(session.feed(b"more", 0.0), [])
        self.assertTrue(session.exhausted and not session.has_waiting)
