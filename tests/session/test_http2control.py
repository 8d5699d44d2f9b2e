"""Tests for `spdygate.session.http2control`: what h2 is told, and what it keeps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis.strategies import integers, lists, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import Http2Code, RemoteError
from spdygate.session.http2connection import Http2Error
from spdygate.session.http2control import Control
from spdygate.session.http2limits import Http2Limits

from .http2peer import CONNECT, POST, Meeting, kinds, raw, settings

#: A busy machine is no failure.
UNHURRIED = hypothesis_settings(deadline=None)


def served() -> Control:
    """Return a server's h2 that has greeted and been greeted."""
    control = Control(Http2Limits(), (), client=False)
    control.start()
    control.read_announced(settings())
    control.written()
    return control


class AnnouncingTests(SynchronousTestCase):
    """Our SETTINGS."""

    def test_one_frame(self) -> None:
        """Everything is said in the first frame, and nothing is said twice."""
        control = Control(Http2Limits(frame=100_000, streams=7), (), client=False)
        control.start()
        ((kind, flags, _, body),) = kinds(control.written())
        entries = {body[at : at + 6].hex() for at in range(0, len(body), 6)}
        self.assertEqual((kind, flags), (4, 0))
        self.assertEqual(len(entries) * 6, len(body))
        self.assertLessEqual({"0005000186a0", "000300000007"}, entries)

    def test_frames_of_that_size_are_taken(self) -> None:
        """A peer that believes our SETTINGS before we see its ACK is not wrong."""
        meeting = Meeting(client=False)
        block = meeting.peer.encoder.encode((*POST, (b"long", b"x" * 30_000)))
        meeting.feed(raw(1, 5, 1, bytes(block)))
        self.assertIn(1, meeting.session)


class TamingTests(SynchronousTestCase):
    """The peer's SETTINGS."""

    def test_compression_table(self) -> None:
        """A peer cannot make us keep a larger table than 4096 bytes for it."""
        control = served()
        control.read_announced(settings((1, 2**32 - 1)))
        self.assertEqual(control._h2.encoder.header_table_size, 4096)
        control.read_announced(settings((1, 100)))
        self.assertEqual(control._h2.encoder.header_table_size, 100)

    def test_unknown_settings_are_not_kept(self) -> None:
        """Settings nobody knows leave nothing behind."""
        control = served()
        before = len(control._h2.remote_settings)
        for key in range(100, 10_000):
            control.read_announced(settings((key, 1)))
        self.assertEqual(len(control._h2.remote_settings), before)

    def test_too_many_settings(self) -> None:
        """A frame of thousands of settings is the peer's fault."""
        self.assertRaises(
            RemoteError, served().read_announced, settings(*[(1, 1)] * 65)
        )

    def test_settings_on_a_stream(self) -> None:
        """SETTINGS concern the connection (section 6.5)."""
        self.assertRaises(RemoteError, served().read_announced, raw(4, 0, 1, bytes(6)))

    def test_forbidden_values(self) -> None:
        """Values that RFC 9113 forbids end with the code it names (6.5.2)."""
        for entry, code in (
            ((2, 2), Http2Code.PROTOCOL_ERROR),
            ((4, 2**31), Http2Code.FLOW_CONTROL_ERROR),
            ((5, 16_383), Http2Code.PROTOCOL_ERROR),
            ((5, 2**24), Http2Code.PROTOCOL_ERROR),
        ):
            error = self.assertRaises(
                Http2Error, served().read_announced, settings(entry)
            )
            self.assertEqual(error.http2, code)

    @UNHURRIED
    @given(lists(tuples(integers(0, 12), integers(0, 2**32 - 1)), max_size=10))
    def test_any_settings(self, entries: list[tuple[int, int]]) -> None:
        """Any settings are followed or the peer's fault."""
        control = served()
        try:
            control.read_announced(settings(*entries))
        except RemoteError:
            return
        self.assertGreaterEqual(control.initial_window, 0)
        self.assertGreaterEqual(control.max_frame, 16_384)


class WindowTests(SynchronousTestCase):
    """h2's windows, which must never run dry: the true ones are elsewhere."""

    def test_bodies_leave_no_trace(self) -> None:
        """However much body h2 is shown, its windows stay, and it writes nothing."""
        meeting = Meeting(client=False)
        meeting.open(POST)
        control = meeting.session._control
        before = control._h2.remote_flow_control_window(1)
        for _ in range(50):
            list(control.read_body(1, bytes(100_000)))
        self.assertEqual(control._h2.remote_flow_control_window(1), before)
        self.assertEqual(control.written(), b"")


class FailureTests(SynchronousTestCase):
    """What h2 and what is below it raise."""

    def test_nothing_is_left_over(self) -> None:
        """When h2 gives up, its own farewell is not sent beside ours."""
        control = served()
        self.assertRaises(Http2Error, control.read, raw(1, 4, 1, b"\xff\xff\xff"))
        self.assertEqual(control.written(), b"")

    def test_long_header_list(self) -> None:
        """A small block that swells past the limit is refused (HPACK bomb)."""
        control = served()
        field = b"\x40\x01a\x7f\x80\x1e" + b"x" * (127 + 3840)
        bomb = b"\x82\x87\x84\x41\x01n" + field + b"\xbe" * 100
        error = self.assertRaises(Http2Error, control.read, raw(1, 5, 1, bomb))
        self.assertEqual(error.http2, Http2Code.ENHANCE_YOUR_CALM)

    def test_no_addresses(self) -> None:
        """What a peer is told of its bytes names no place in our memory."""
        error = self.assertRaises(Http2Error, served().read, raw(1, 4, 1, b"\xff"))
        self.assertNotIn("0x", str(error))

    def test_compression_stays_in_step(self) -> None:
        """A header block of a stream that is over still feeds the table."""
        meeting = Meeting(client=False)
        stream_id = meeting.connect()
        meeting.session.reset(stream_id, 8)
        meeting.peer.send_headers(
            stream_id, ((b"first-seen", b"here"),), end_stream=True
        )
        meeting.feed(meeting.peer.data_to_send())
        meeting.exchange()
        meeting.open((*CONNECT, (b"first-seen", b"here")))
        (opened,) = meeting.taken()
        self.assertIn("first-seen", repr(opened))
