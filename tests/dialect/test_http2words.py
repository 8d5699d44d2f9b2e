"""Tests for `spdygate.dialect.http2words`: what is asked for."""

from __future__ import annotations

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

from spdygate.dialect.http2words import BadRequestError, ask, understand
from spdygate.dialect.tunnel import Request
from spdygate.session.events import Headers
from spdygate.wire.urls import Target
from tests.dialect.ends import TARGET

#: Docs/protocol.rst, section 8.1.
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

    def test_cut_by_a_proxy(self) -> None:
        """HAProxy 2.6 cuts ``:protocol`` to 15 bytes; nothing else is guessed."""
        for word in (b"portforward.k8s", b"portforward.k8s.io"):
            understand(changed(b":protocol", word), trusted=False)
        for word in (b"portforward", b"portforward.k8s.", b"websocket", b""):
            with self.assertRaises(BadRequestError):
                understand(changed(b":protocol", word), trusted=False)

    def refuses(self, headers: Headers) -> int:
        """Return the status with which headers are refused."""
        try:
            understand(headers, trusted=True)
        except BadRequestError as error:
            return error.status
        return 200

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
