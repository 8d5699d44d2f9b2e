"""Tests for `spdygate.errors`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.errors import (
    CreditError,
    GoawayStatus,
    Http2Code,
    LimitError,
    LocalError,
    RemoteError,
    RemoteStreamError,
    RstStatus,
    SpdygateError,
)


class CodeTests(SynchronousTestCase):
    """The numbers are the drafts' and the RFC's, not ours to choose."""

    def test_rst_stream(self) -> None:
        """RST_STREAM has the codes of SPDY/3.1, section 2.6.3."""
        self.assertEqual(
            {status.name: int(status) for status in RstStatus},
            {
                "PROTOCOL_ERROR": 1,
                "INVALID_STREAM": 2,
                "REFUSED_STREAM": 3,
                "UNSUPPORTED_VERSION": 4,
                "CANCEL": 5,
                "INTERNAL_ERROR": 6,
                "FLOW_CONTROL_ERROR": 7,
                "STREAM_IN_USE": 8,
                "STREAM_ALREADY_CLOSED": 9,
                "FRAME_TOO_LARGE": 11,
            },
        )

    def test_goaway(self) -> None:
        """GOAWAY has the codes of SPDY/3.1, section 2.6.6."""
        self.assertEqual([int(status) for status in GoawayStatus], [0, 1, 2])

    def test_http2(self) -> None:
        """HTTP/2 codes are those of RFC 9113, section 7."""
        codes = {code.name: int(code) for code in Http2Code}
        self.assertEqual(codes.pop("POD_GONE"), int.from_bytes(b"pod!", "big"))
        self.assertEqual(
            codes,
            {
                "NO_ERROR": 0,
                "PROTOCOL_ERROR": 1,
                "INTERNAL_ERROR": 2,
                "FLOW_CONTROL_ERROR": 3,
                "STREAM_CLOSED": 5,
                "FRAME_SIZE_ERROR": 6,
                "REFUSED_STREAM": 7,
                "CANCEL": 8,
                "CONNECT_ERROR": 10,
                "ENHANCE_YOUR_CALM": 11,
            },
        )


class TreeTests(SynchronousTestCase):
    """Whose fault it is, and how far the damage goes, is in the class."""

    def test_one_root(self) -> None:
        """Whoever catches the root catches all that we mean to raise."""
        for kind in (LocalError, RemoteError, RemoteStreamError):
            self.assertTrue(issubclass(kind, SpdygateError))

    def test_blame_never_overlaps(self) -> None:
        """No error is ours and the peer's, or a stream's and the session's."""
        kinds = (LocalError, RemoteError, RemoteStreamError)
        for kind in kinds:
            for other in kinds:
                self.assertEqual(issubclass(kind, other), kind is other)

    def test_the_session_ends_with_the_right_code(self) -> None:
        """A limit, lost credit and a broken rule are told apart on HTTP/2."""
        told = {kind: kind("why").http2 for kind in (RemoteError, LimitError)}
        told[CreditError] = CreditError("why").http2
        self.assertEqual(
            told,
            {
                RemoteError: Http2Code.PROTOCOL_ERROR,
                LimitError: Http2Code.ENHANCE_YOUR_CALM,
                CreditError: Http2Code.FLOW_CONTROL_ERROR,
            },
        )
        for kind in told:
            self.assertTrue(issubclass(kind, RemoteError))
            self.assertEqual(kind.goaway, GoawayStatus.PROTOCOL_ERROR)

    def test_a_stream_error_names_its_stream(self) -> None:
        """What is to be reset travels with the error, and its words remain."""
        error = RemoteStreamError(7, "why it was")
        self.assertEqual(error.stream_id, 7)
        self.assertEqual(str(error), "why it was")
        self.assertEqual(error.rst, RstStatus.PROTOCOL_ERROR)
