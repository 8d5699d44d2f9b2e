"""Tests for :mod:`spdygate.wire.portforward`: the Status object."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis.strategies import binary, integers, text
from twisted.trial.unittest import SynchronousTestCase

from spdygate.wire.portforward import status, status_message

#: The reasons of k8s.io/apimachinery that a gateway has use for.
REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    413: "RequestEntityTooLarge",
    429: "TooManyRequests",
    500: "InternalError",
    502: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class StatusTests(SynchronousTestCase):
    """The Status object."""

    def test_shape(self) -> None:
        """It is the object that clients decode, on one line."""
        self.assertEqual(
            status(403, "no"),
            b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",'
            b'"message":"no","reason":"Forbidden","code":403}',
        )

    def test_reasons(self) -> None:
        """The reason follows from the code, unless another is given."""
        for code, reason in REASONS.items():
            self.assertEqual(json.loads(status(code, "x"))["reason"], reason)
        self.assertEqual(json.loads(status(403, "x", "Expired"))["reason"], "Expired")

    def test_no_reason(self) -> None:
        """A code that apimachinery has no word for goes without a reason."""
        self.assertNotIn("reason", json.loads(status(431, "x")))

    def test_success(self) -> None:
        """A code below 400 tells of a success."""
        self.assertEqual(
            status(200, "done"),
            b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success",'
            b'"message":"done","code":200}',
        )

    @given(integers(400, 599), text())
    def test_any_message(self, code: int, message: str) -> None:
        """Any message survives, in ASCII."""
        document = json.loads(status(code, message).decode("ascii"))
        self.assertEqual((document["code"], document["message"]), (code, message))


class StatusMessageTests(SynchronousTestCase):
    """Somebody else's Status."""

    def test_round_trip(self) -> None:
        """The message is found."""
        self.assertEqual(status_message(status(404, "no such pod")), "no such pod")

    def test_tolerant(self) -> None:
        """Blanks, order and unknown fields do not matter."""
        body = b' {"message": "m", "details": {"x": [1]},\n "kind": "Status"}\n'
        self.assertEqual(status_message(body), "m")

    def test_not_a_status(self) -> None:
        """What is no Status has no message."""
        for body in (
            b"",
            b"Pod does not exist",
            b"null",
            b"[]",
            b'"Status"',
            b'{"kind":"Pod","message":"m"}',
            b'{"kind":"Status"}',
            b'{"kind":"Status","message":7}',
            b'{"kind":"Status","message":""}',
            b"\xff\xfe",
            b"[" * 60_000,
            b'{"kind":' * 5000,
            b"1" * 60_000,
        ):
            with self.subTest(body[:20]):
                self.assertIsNone(status_message(body))

    def test_bounded(self) -> None:
        """A huge body is not read, and a long message is cut."""
        self.assertEqual(status_message(status(500, "x" * 5000)), "x" * 1024)
        self.assertIsNone(status_message(status(500, "x" * 70_000)))

    def test_one_line(self) -> None:
        """The message cannot forge lines of a log, nor drive a terminal."""
        body = status(500, "a\r\nb\x1b[2J\ud800\u202ec")
        self.assertEqual(status_message(body), "a  b [2J  c")

    @given(binary())
    def test_any_bytes(self, body: bytes) -> None:
        """Any bytes are a message or none."""
        message = status_message(body)
        self.assertTrue(message is None or message.isprintable())
