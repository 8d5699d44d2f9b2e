"""Tests for `spdygate.dialect.http2heads`."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis.strategies import binary, lists, sampled_from, text, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.exchange import Answer
from spdygate.dialect.http2heads import (
    LARGEST_HEAD,
    read_request,
    read_trailers,
    wants_to_go_on,
    written_answer,
    written_fields,
)
from spdygate.dialect.http2words import BadRequestError
from spdygate.session.events import Headers
from spdygate.session.http2limits import Http2Limits
from tests.dialect.http2client import GET

#: What may stand in HTTP/1.1 (RFC 9110, sections 5.5 and 5.6.2).
NAME = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def changed(name: bytes, value: bytes) -> Headers:
    """Return a request with one of its pseudo headers changed."""
    return tuple((key, value if key == name else old) for key, old in GET)


class ReadTests(SynchronousTestCase):
    """What is read of a request."""

    def refused(self, headers: Headers) -> int:
        """Return the status with which a request is refused."""
        try:
            read_request(headers)
        except BadRequestError as error:
            return error.status
        return 200

    def test_fields(self) -> None:
        """All that is not for this hop is kept, in order, a character to a byte."""
        headers = (
            *GET,
            (b"accept", b"application/json"),
            (b"te", b"trailers"),
            (b"host", b"gate:8001"),
            (b"x-twice", b"1"),
            (b"x-twice", b"\xe9"),
            (b"proxy-authorization", b"Basic secret"),
            (b"content-length", b"5"),
            (b"cookie", b"a=1; b=2"),
        )
        request = read_request(headers)
        self.assertEqual(
            request.headers,
            (
                ("host", "gate:8001"),
                ("accept", "application/json"),
                ("te", "trailers"),
                ("x-twice", "1"),
                ("x-twice", "\xe9"),
                ("content-length", "5"),
                ("cookie", "a=1; b=2"),
            ),
        )

    def test_host(self) -> None:
        """Without an authority the host is what it says of itself."""
        headers = (*(f for f in GET if f[0] != b":authority"), (b"host", b"gate"))
        self.assertEqual(read_request(headers).header("host"), "gate")

    def test_targets(self) -> None:
        """A target is a path with a query, or the asterisk, in visible ASCII."""
        for target in (b"/", b"//", b"/a?b=%20&c=[x]", b"*"):
            request = read_request(changed(b":path", target))
            self.assertEqual(request.target, target)
        bad = (b"", b"a", b"/a b", b"/a#b", b"/\x7f", b"/\xe9", b"/a\r\nb", b"**")
        for target in (*bad, b"http://other/"):
            self.assertEqual(self.refused(changed(b":path", target)), 400, target)

    def test_what_is_read_in_two_ways(self) -> None:
        """Nothing is passed on that HTTP/1.1 might read as something else."""
        for field in (
            (b"content-length", b"+5"),
            (b"content-length", b"5, 5"),
            (b"content-length", b"5_0"),
            (b"content-length", b"\xb2"),
            (b"content-length", b""),
            (b"x\r\nevil", b"1"),
            (b"x evil", b"1"),
            (b"x", b"1\r\nevil: 1"),
            (b"x", b"\0"),
            (b"", b"x"),
        ):
            self.assertEqual(self.refused((*GET, field)), 400, field)
        twice = ((b"content-length", b"5"), (b"content-length", b"5"))
        self.assertEqual(self.refused((*GET, *twice)), 400)
        for name, value in (
            (b":method", b"GET /x"),
            (b":method", b""),
            (b":authority", b"a b"),
            (b":authority", b"a/b"),
        ):
            self.assertEqual(self.refused(changed(name, value)), 400, value)

    def test_a_large_head(self) -> None:
        """It is refused before the session would end for it (RFC 6585, 5)."""
        self.assertLess(LARGEST_HEAD, Http2Limits().headers)
        fields = ((b"authorization", b"x" * (LARGEST_HEAD - 500)),)
        self.assertEqual(read_request((*GET, *fields)).method, "GET")
        self.assertEqual(self.refused((*GET, *fields, (b"x", b"y" * 500))), 431)

    def test_go_on(self) -> None:
        """Only 100-continue is an expectation (RFC 9110, section 10.1.1)."""
        self.assertTrue(wants_to_go_on((*GET, (b"expect", b"100-Continue"))))
        self.assertFalse(wants_to_go_on((*GET, (b"expect", b"200-ok"))))
        self.assertFalse(wants_to_go_on(GET))

    def test_trailers(self) -> None:
        """Of trailers what is unfit is left out."""
        trailers = ((b"checksum", b"1"), (b"te", b"x"), (b"x", b"\r"), (b"a b", b""))
        self.assertEqual(read_trailers(trailers), (("checksum", "1"),))

    @given(
        lists(
            tuples(
                sampled_from([name for name, _ in GET] + [b"x", b"content-length"])
                | binary(max_size=8),
                binary(max_size=12),
            ),
            max_size=5,
        )
    )
    def test_anything(self, fields: list[tuple[bytes, bytes]]) -> None:
        """Whatever comes is a request fit for HTTP/1.1, or refused."""
        try:
            request = read_request((*GET, *fields))
        except BadRequestError as error:
            self.assertIn(error.status, (400, 431))
            return
        self.assertRegex(request.method, NAME)
        for name, value in request.headers:
            self.assertTrue(NAME.fullmatch(name) and VALUE.fullmatch(value))


class WriteTests(SynchronousTestCase):
    """What is written of an answer."""

    def test_answer(self) -> None:
        """The status is first; names are in lower case."""
        answer = Answer(404, (("Content-Type", "text/plain"), ("X", "")))
        self.assertEqual(
            written_answer(answer),
            ((b":status", b"404"), (b"content-type", b"text/plain"), (b"x", b"")),
        )

    @given(lists(tuples(text(max_size=8), text(max_size=8)), max_size=5))
    def test_anything(self, fields: list[tuple[str, str]]) -> None:
        """Whatever a server says, what is written is valid (RFC 9113, 8.2.1)."""
        for name, value in written_fields(tuple(fields)):
            self.assertRegex(name, rb"\A[a-z0-9!#$%&'*+.^_`|~-]+\Z")
            self.assertNotRegex(value, rb"[\0\r\n]|\A[ \t]|[ \t]\Z")
