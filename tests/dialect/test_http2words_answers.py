"""Tests for `spdygate.dialect.http2words`: what is answered, and how it is read."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis.strategies import integers, sampled_from
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.http2words import (
    accepted,
    is_ours,
    refusal,
    refused,
    reset_code,
    reset_meaning,
    upgraded,
)
from spdygate.dialect.tunnel import Failure, Reason

#: Docs/protocol.rst, section 8.1, with what it says of a proof.
PROOF = (b"x-stream-protocol-version", b"portforward.k8s.io")


#: Where a refusal says its reason, of which several share a status.
LABEL = b"spdygate-reason"

#: How a refusal is read whose status is all there is.
REFUSALS = {
    Reason.BAD_REQUEST: Reason.BAD_REQUEST,
    Reason.UNAUTHORIZED: Reason.UNAUTHORIZED,
    Reason.FORBIDDEN: Reason.FORBIDDEN,
    Reason.NO_SUCH_POD: Reason.NO_SUCH_POD,
    Reason.REFUSED: Reason.REFUSED,
    Reason.TIMEOUT: Reason.TIMEOUT,
    Reason.DRAINING: Reason.DRAINING,
    Reason.RETRY: Reason.DRAINING,
    Reason.LIMIT: Reason.LIMIT,
    Reason.TARGET_RESET: Reason.REFUSED,
    Reason.POD_GONE: Reason.REFUSED,
    Reason.GAVE_UP: Reason.PROTOCOL,
    Reason.LINK_LOST: Reason.REFUSED,
    Reason.INTERNAL: Reason.PROTOCOL,
    Reason.PROTOCOL: Reason.REFUSED,
    Reason.STRANGER: Reason.REFUSED,
    Reason.STALLED: Reason.TIMEOUT,
}

#: RST_STREAM codes (section 8.1 and RFC 9113, section 7) for each reason, and how
#: they are read.
RESETS = {
    Reason.TARGET_RESET: (0xA, Reason.TARGET_RESET),
    Reason.GAVE_UP: (0x8, Reason.GAVE_UP),
    Reason.LINK_LOST: (0x8, Reason.GAVE_UP),
    Reason.DRAINING: (0x8, Reason.GAVE_UP),
    Reason.INTERNAL: (0x2, Reason.PROTOCOL),
    Reason.RETRY: (0x7, Reason.RETRY),
    Reason.LIMIT: (0xB, Reason.LIMIT),
    Reason.POD_GONE: (0x706F6421, Reason.POD_GONE),
    Reason.PROTOCOL: (0x1, Reason.PROTOCOL),
    Reason.STRANGER: (0x1, Reason.PROTOCOL),
    Reason.STALLED: (0x8, Reason.GAVE_UP),
    Reason.BAD_REQUEST: (0xA, Reason.TARGET_RESET),
    Reason.UNAUTHORIZED: (0xA, Reason.TARGET_RESET),
    Reason.FORBIDDEN: (0xA, Reason.TARGET_RESET),
    Reason.NO_SUCH_POD: (0xA, Reason.TARGET_RESET),
    Reason.REFUSED: (0xA, Reason.TARGET_RESET),
    Reason.TIMEOUT: (0xA, Reason.TARGET_RESET),
}


class AnswerTests(SynchronousTestCase):
    """What a node answers, and how a gateway reads it."""

    def test_accepted(self) -> None:
        """The 200 carries the proof that a node service gave it."""
        self.assertEqual(accepted(), ((b":status", b"200"), PROOF))
        self.assertTrue(is_ours(accepted()))
        self.assertFalse(is_ours(((b":status", b"200"),)))
        self.assertFalse(is_ours(((b":status", b"200"), (PROOF[0], b"v4.channel"))))

    def test_refused(self) -> None:
        """A refusal is a Status of the length that it says, with the proof."""
        headers, body = refused(404, 'no pod "web-0"')
        fields = dict(headers)
        self.assertEqual(headers[0], (b":status", b"404"))
        self.assertEqual(fields[b"content-type"], b"application/json")
        self.assertEqual(fields[b"content-length"], str(len(body)).encode())
        self.assertIn(PROOF, headers)
        document = json.loads(body)
        self.assertEqual(document["kind"], "Status")
        self.assertEqual(
            (document["code"], document["message"]), (404, 'no pod "web-0"')
        )

    def test_each_reason(self) -> None:
        """Every reason arrives as what it is; whom the node found is not ours."""
        for reason in Reason:
            headers, body = refused(reason.status, "why: not", reason)
            self.assertEqual(dict(headers)[LABEL], reason.label.encode())
            self.assertIn(PROOF, headers)
            read = Reason.PROTOCOL if reason is Reason.STRANGER else reason
            self.assertEqual(refusal(headers, body), Failure(read, "why: not"))

    def test_a_label_that_is_none(self) -> None:
        """Where the reason is not one that is known, the status has to do."""
        for label in (b"", b"no-such-reason", b"RETRY", b"\xff"):
            headers = ((b":status", b"503"), PROOF, (LABEL, label))
            self.assertIs(refusal(headers, b"").reason, Reason.DRAINING)

    def test_a_label_of_a_proxy(self) -> None:
        """Without the proof the reason is not believed either."""
        headers = ((b":status", b"503"), (LABEL, b"retry"))
        self.assertIs(refusal(headers, b"").reason, Reason.STRANGER)

    def test_each_status(self) -> None:
        """Without a label every reason arrives as what its status means."""
        self.assertEqual(set(REFUSALS), set(Reason))
        for reason, read in REFUSALS.items():
            answer = refused(reason.status, "why: not")
            self.assertEqual(refusal(*answer), Failure(read, "why: not"), reason)

    def test_a_refusal_without_words(self) -> None:
        """A body that is no Status is not repeated; the status has to do."""
        headers = ((b":status", b"403"), PROOF)
        for body in (b"", b"<html>no</html>", b'"Status"', b"[" * 5000, b"\xff"):
            why = Failure(Reason.FORBIDDEN, "refused with HTTP status 403")
            self.assertEqual(refusal(headers, body), why)

    def test_a_refusal_of_a_proxy(self) -> None:
        """Without the proof nothing is believed but the number."""
        body = refused(404, "no such pod")[1]
        why = refusal(((b":status", b"404"), (b"server", b"nginx")), body)
        self.assertIs(why.reason, Reason.STRANGER)
        self.assertIn("404", why.message)
        self.assertNotIn("no such pod", why.message)

    @given(sampled_from([b"", b"9" * 5000, b"\xb2", b"-1", b"2e2", b"0000404"]))
    def test_a_status_that_is_none(self, value: bytes) -> None:
        """A peer may write anything there, and is not understood."""
        status = (b":status", value)
        self.assertIs(refusal((status,), b"").reason, Reason.STRANGER)
        self.assertIs(refusal((status, PROOF), b"").reason, Reason.PROTOCOL)

    def test_another_status(self) -> None:
        """A status that we never send is a breach of protocol."""
        why = refusal(((b":status", b"418"), PROOF), b"")
        self.assertEqual(why, Failure(Reason.PROTOCOL, "refused with HTTP status 418"))


class UpgradeTests(SynchronousTestCase):
    """What the request is told that asked for ``h2c``."""

    def test_upgraded(self) -> None:
        """It succeeded, as a Status says it, and a node service said so."""
        headers, body = upgraded()
        self.assertEqual(headers[0], (b":status", b"200"))
        self.assertTrue(is_ours(headers))
        document = json.loads(body)
        self.assertEqual((document["kind"], document["status"]), ("Status", "Success"))


class ResetTests(SynchronousTestCase):
    """Why an open tunnel ended, as a number."""

    def test_each_reason(self) -> None:
        """Every reason has a code, and what it means is what can be told of it."""
        self.assertEqual(set(RESETS), set(Reason))
        for reason, (code, read) in RESETS.items():
            self.assertEqual(reset_code(Failure(reason, "why")), code, reason)
            self.assertIs(reset_meaning(code).reason, read)

    @given(integers(0, 2**32 - 1))
    def test_any_code(self, code: int) -> None:
        """A code that has no meaning here is a breach, and is named."""
        meant = {number for number, _ in RESETS.values()} - {0x1}
        if code not in meant:
            why = reset_meaning(code)
            self.assertIs(why.reason, Reason.PROTOCOL)
            self.assertIn(hex(code), why.message)

    def test_every_known_code(self) -> None:
        """The codes of RFC 9113 that stand for nothing of a tunnel's are breaches."""
        for code in (0x0, 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x9, 0xC, 0xD):
            self.assertIs(reset_meaning(code).reason, Reason.PROTOCOL, code)
