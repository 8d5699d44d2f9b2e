"""Tests for `spdygate.dialect.http2words`."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis.strategies import (
    binary,
    characters,
    integers,
    lists,
    sampled_from,
    text,
    tuples,
)
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.http2words import (
    BadRequestError,
    accepted,
    ask,
    is_ours,
    refusal,
    refused,
    reset_code,
    reset_meaning,
    understand,
)
from spdygate.dialect.tunnel import Failure, Reason, Request
from spdygate.session.events import Headers
from spdygate.wire.urls import Target
from tests.dialect.ends import TARGET

#: Docs/protocol.rst, section 8.1, with what it says of a proof.
PROOF = (b"x-stream-protocol-version", b"portforward.k8s.io")

ASKED: Headers = (
    (b":method", b"CONNECT"),
    (b":protocol", b"portforward.k8s.io"),
    (b":scheme", b"https"),
    (b":authority", b"n1:10260"),
    (b":path", b"/portForward/shop/web-0"),
    (b"port", b"8080"),
    (b"x-request-id", b"s1-3"),
)


def changed(name: bytes, value: bytes | None) -> Headers:
    """Return what is asked with one field changed, added or, if `None`, left out."""
    rest = [field for field in ASKED if field[0] != name]
    return tuple(rest if value is None else [*rest, (name, value)])


class AskTests(SynchronousTestCase):
    """What a gateway asks a node for."""

    def test_letter_by_letter(self) -> None:
        """The headers are those of section 8.1, in an order that HTTP/2 allows."""
        asked = ask(Request(TARGET, 8080, "s1-3"), "n1:10260", "https")
        self.assertEqual(asked, ASKED)

    def test_on_behalf_of(self) -> None:
        """Who asks, and through what, is added if it is known."""
        asking = Request(TARGET, 8080, "s1-3", "jane", "kubectl/v1.31; SPDY/3.1")
        self.assertEqual(
            ask(asking, "n1:10260", "https")[len(ASKED) :],
            (
                (b"spdygate-user", b"jane"),
                (b"spdygate-client", b"kubectl/v1.31; SPDY/3.1"),
            ),
        )

    def test_a_uid(self) -> None:
        """A pod that is meant by its uid is asked for by it."""
        uid = "7f3c0a52-8a51-4f4e-9a5d-1f0c6d1b8e11"
        asked = ask(Request(Target("n1", "shop", "web-0", uid), 1, "r"), "n1", "http")
        path = b"/portForward/shop/web-0/" + uid.encode()
        self.assertEqual(dict(asked)[b":path"], path)

    @given(text(), text(), text())
    def test_hostile_words(self, request_id: str, user: str, client: str) -> None:
        """Whatever a client calls itself, no field ends early and none is added."""
        asking = Request(TARGET, 8080, f"r{request_id}", f"u{user}", f"c{client}")
        asked = ask(asking, "n1:10260", "https")
        names = [name for name, _ in ASKED] + [b"spdygate-user", b"spdygate-client"]
        self.assertEqual([name for name, _ in asked], names)
        for _, value in asked:
            self.assertRegex(value, rb"\A[!-~]([ -~]*[!-~])?\Z")

    def test_an_injected_header(self) -> None:
        """A line break in a word becomes a question mark."""
        asked = ask(Request(TARGET, 1, "r", "jane\r\nport: 22\0\x1b\t"), "n1", "http")
        self.assertEqual(dict(asked)[b"spdygate-user"], b"jane??port: 22???")

    def test_a_long_word(self) -> None:
        """A word without end is cut: its header list could cost the connection."""
        asked = ask(Request(TARGET, 1, "r", "u" * 70_000, "c" * 70_000), "n1", "http")
        self.assertLess(max(len(value) for _, value in asked), 1024)


PLAIN = text(characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=120)


class UnderstandTests(SynchronousTestCase):
    """What a node reads of it."""

    def refuses(self, headers: Headers) -> int:
        """Return the status with which headers are refused."""
        error = self.assertRaises(BadRequestError, understand, headers, trusted=True)
        return error.status

    @given(integers(1, 65535), PLAIN, PLAIN, PLAIN)
    def test_round_trip(
        self, port: int, request_id: str, user: str, client: str
    ) -> None:
        """What is asked is what is understood; the node is not in the path."""
        asking = Request(TARGET, port, request_id, user, client)
        understood = understand(ask(asking, "n1:10260", "https"), trusted=True)
        target = Target(None, TARGET.namespace, TARGET.pod, TARGET.uid)
        self.assertEqual(understood.target, target)
        understood.target = asking.target
        self.assertEqual(understood, asking)

    def test_user_of_a_gateway(self) -> None:
        """Who proved to be a gateway may say on whose behalf it asks."""
        headers = changed(b"spdygate-user", b"jane")
        self.assertEqual(understand(headers, trusted=True).user, "jane")

    def test_user_of_anyone(self) -> None:
        """Anyone else may not."""
        headers = changed(b"spdygate-user", b"system:admin")
        self.assertEqual(understand(headers, trusted=False).user, "")

    def test_ports(self) -> None:
        """The first and the last port are ports."""
        for port in (1, 65535):
            headers = changed(b"port", str(port).encode())
            self.assertEqual(understand(headers, trusted=False).port, port)

    def test_bad_ports(self) -> None:
        """Anything else is refused with 400, none at all too."""
        none = (b"", b"0", b"65536", b"99999", b"-1", b"+80", b"8 0", b"0x50", b"80,22")
        for value in (*none, b"http", b"\xb2", b"1" * 5000, None):
            self.assertEqual(self.refuses(changed(b"port", value)), 400, value)

    def test_bad_paths(self) -> None:
        """A path that names no pod, or one that cannot be, is refused with 400."""
        none = (b"", b"/", b"*", b"/pods", b"/portForward/shop", b"portForward/shop/w")
        bad = (b"/portForward/shop/../web", b"/portForward/shop/WEB", b"/\xff\xfe")
        for path in (*none, *bad, b"/portForward/shop/web-0/%2e%2e", None):
            self.assertEqual(self.refuses(changed(b":path", path)), 400, path)

    def test_another_method(self) -> None:
        """An ordinary request finds nothing here."""
        self.assertEqual(self.refuses(changed(b":method", b"GET")), 404)
        self.assertEqual(self.refuses(changed(b":protocol", None)), 404)

    def test_another_protocol(self) -> None:
        """RFC 8441, section 3: a :protocol that is unknown is answered with 501."""
        self.assertEqual(self.refuses(changed(b":protocol", b"websocket")), 501)

    def test_words_for_a_log(self) -> None:
        """What a peer says of itself cannot disturb a terminal, nor fill a disk."""
        headers = (
            *changed(b"x-request-id", b"s1\x1b[2J\xe9"),
            (b"spdygate-client", b"\x07" + b"c" * 60_000),
            (b"spdygate-user", b"\x9b" + b"u" * 60_000),
        )
        understood = understand(headers, trusted=True)
        self.assertEqual(understood.request_id, "s1?[2J?")
        for word in (understood.client, understood.user):
            self.assertTrue(word.isprintable())
            self.assertLess(len(word), 1024)

    @given(
        lists(
            tuples(sampled_from([name for name, _ in ASKED]), binary(max_size=40)),
            max_size=4,
        )
    )
    def test_anything(self, fields: list[tuple[bytes, bytes]]) -> None:
        """Whatever comes is a request or a refusal, and never another error."""
        try:
            understood = understand((*ASKED, *fields), trusted=True)
        except BadRequestError as error:
            self.assertIn(error.status, (400, 404, 501))
        else:
            self.assertTrue(0 < understood.port < 65536)


#: How a refusal for each reason is read: its status is all that remains of it.
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
    Reason.PROTOCOL: Reason.REFUSED,
}

#: RST_STREAM codes (section 8.1 and RFC 9113, section 7) for each reason, and how
#: they are read.
RESETS = {
    Reason.TARGET_RESET: (0xA, Reason.TARGET_RESET),
    Reason.GAVE_UP: (0x8, Reason.GAVE_UP),
    Reason.LINK_LOST: (0x8, Reason.GAVE_UP),
    Reason.DRAINING: (0x8, Reason.GAVE_UP),
    Reason.RETRY: (0x7, Reason.RETRY),
    Reason.LIMIT: (0xB, Reason.LIMIT),
    Reason.POD_GONE: (0x706F6421, Reason.POD_GONE),
    Reason.PROTOCOL: (0x1, Reason.PROTOCOL),
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
        self.assertEqual((document["code"], document["message"]), (404, 'no pod "web-0"'))

    def test_each_reason(self) -> None:
        """Every reason arrives as what its status means, with its words."""
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
        self.assertIs(why.reason, Reason.PROTOCOL)
        self.assertIn("404", why.message)
        self.assertNotIn("no such pod", why.message)

    @given(sampled_from([b"", b"9" * 5000, b"\xb2", b"-1", b"2e2", b"0000404"]))
    def test_a_status_that_is_none(self, value: bytes) -> None:
        """A peer may write anything there, and is not understood."""
        for headers in (((b":status", value),), ((b":status", value), PROOF)):
            self.assertIs(refusal(headers, b"").reason, Reason.PROTOCOL)

    def test_another_status(self) -> None:
        """A status that we never send is a breach of protocol."""
        why = refusal(((b":status", b"418"), PROOF), b"")
        self.assertEqual(
            why, Failure(Reason.PROTOCOL, "refused with HTTP status 418")
        )


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
