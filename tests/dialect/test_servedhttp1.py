"""Tests for :mod:`spdygate.dialect.servedhttp1`: a connection, and its time."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.budget import TUNNEL
from spdygate.dialect.connection import half_closes
from spdygate.dialect.exchange import Answer, Asked, Trailed
from spdygate.dialect.http1end import DISCARDED, PARTING
from spdygate.dialect.servedhttp1 import REQUEST_TIMEOUT, ServedHttp1
from spdygate.dialect.tunnel import Data, Failed, Finished, Noted, Opening
from tests.dialect.contract import WHY
from tests.dialect.http1clients import CONNECT, CONNECTED, Served, body, failed
from tests.session.requests import CHUNKED, CURL_H2C, GENERATION_A, GET

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n"


def upload(length: int, *lines: bytes) -> bytes:
    """Return the head of a request with a body."""
    fields = b"".join(line + b"\r\n" for line in lines)
    size = b"Content-Length: %d\r\n" % length
    return b"PUT /a HTTP/1.1\r\nHost: x\r\n" + size + fields + b"\r\n"


class ConnectionTests(SynchronousTestCase):
    """One request after another."""

    def test_half_closes(self) -> None:
        """A shell is told that FINs matter."""
        self.assertTrue(half_closes(ServedHttp1()))

    def test_keep_alive(self) -> None:
        """Requests are answered one after another, also if they came together."""
        served = Served()
        told = served.says(GET + GET.replace(b"/a", b"/b"))
        for target in (b"/a", b"/b"):
            asked = next(event for event in told if isinstance(event, Asked))
            self.assertEqual(asked.request.target, target)
            asked.end.respond(Answer(204))
            asked.end.finish()
            self.assertEqual(served.written(), NO_CONTENT + b"\r\n")
            told = served.told()
        self.assertEqual(told, [])
        self.assertFalse(served.dialect.ending)

    def test_a_bad_request_behind_a_good_one(self) -> None:
        """What waited is refused in its turn, and that gets out."""
        served = Served()
        end, _ = served.asks(GET + b"\x16")
        end.respond(Answer(204))
        end.finish()
        written = served.written()
        self.assertIn(b"HTTP/1.1 400 ", written)
        self.assertTrue(served.dialect.ending)

    def test_stops_reading(self) -> None:
        """A client that takes no answer is not asked for another request."""
        served = Served()
        end, _ = served.asks(GET)
        end.respond(Answer(204))
        served.pauses()
        end.finish()
        self.assertFalse(served.dialect.reading)
        served.resumes()
        self.assertTrue(served.dialect.reading)

    def test_too_much_behind_a_request(self) -> None:
        """A client that does not wait for its answer is read from no more."""
        served = Served()
        end, _ = served.asks(GET + b"x" * 70_000)
        self.assertFalse(served.dialect.reading)
        end.respond(Answer(204))
        end.finish()
        served.told()
        self.assertTrue(served.dialect.reading)

    def test_budget(self) -> None:
        """A body that nobody takes stops the reading, until it is granted."""
        served = Served()
        end, _ = served.asks(upload(TUNNEL * 2))
        served.says(bytes(TUNNEL + 1))
        self.assertFalse(served.dialect.reading)
        end.grant(1)
        self.assertTrue(served.dialect.reading)

    def test_budget_after_the_end(self) -> None:
        """Bytes that wait elsewhere count until they are granted, also late."""
        served = Served()
        end, _ = served.asks(upload(TUNNEL + 1) + bytes(TUNNEL + 1))
        end.respond(Answer(204))
        end.finish()
        self.assertFalse(served.dialect.reading)
        end.grant(TUNNEL + 1)
        self.assertTrue(served.dialect.reading)

    def test_eof(self) -> None:
        """A client that half-closes while it waits has given up (rule 3)."""
        served = Served()
        end, _ = served.asks(GET)
        (event,) = served.dialect.eof(0.0)
        assert isinstance(event, Failed)
        self.assertIs(event.end, end)
        self.assertTrue(served.dialect.ending)

    def test_eof_between(self) -> None:
        """One that has its answers is gone without a word."""
        served = Served()
        end, _ = served.asks(GET)
        end.respond(Answer(204))
        end.finish()
        served.turn()
        self.assertEqual(served.dialect.eof(0.0), [])
        self.assertTrue(served.dialect.ending)

    def test_eof_behind_an_answer(self) -> None:
        """An answer that is complete, and waits, is still delivered."""
        served = Served()
        end, _ = served.asks(GET)
        end.respond(Answer(200, (("content-length", "2"),)))
        served.pauses()
        end.send(b"ok")
        end.finish()
        self.assertEqual(served.dialect.eof(0.0), [])
        served.resumes()
        self.assertTrue(served.written().endswith(b"ok"))
        self.assertTrue(served.dialect.ending)


class BodyTests(SynchronousTestCase):
    """Bodies that somebody, or nobody, waits for."""

    def test_continue(self) -> None:
        """A client that asks is told to go on, once, if it was not refused."""
        served = Served()
        end, asked = served.asks(upload(2, b"Expect: 100-continue"))
        self.assertFalse(asked.bodiless)
        self.assertIsNone(asked.request.header("expect"))
        self.assertEqual(served.written(), b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertEqual(body(served.says(b"hi")), b"hi")
        self.assertEqual(served.written(), b"")
        end.respond(Answer(204))
        end.finish()
        self.assertEqual(served.written(), NO_CONTENT + b"\r\n")

    def test_refused_instead(self) -> None:
        """One that is refused at once is not, and the connection is closed."""
        served = Served()
        told = served.dialect.feed(upload(2, b"Expect: 100-continue"), 0.0)
        (asked,) = told
        assert isinstance(asked, Asked)
        asked.end.respond(Answer(204))
        asked.end.finish()
        self.assertEqual(served.written(), NO_CONTENT + b"Connection: close\r\n\r\n")
        self.assertTrue(served.dialect.finished)
        served.waits(PARTING)
        self.assertTrue(served.dialect.ending)

    def test_streams(self) -> None:
        """A body is told as it comes, with its trailers and its end."""
        served = Served()
        end, asked = served.asks(CHUNKED)
        self.assertIsNone(asked.request.header("transfer-encoding"))
        self.assertEqual(served.says(b"2\r\nhi"), [Data(end, b"hi")])
        told = served.says(b"\r\n0\r\nX-Sum: 1\r\n\r\n")
        self.assertEqual(told, [Trailed(end, (("x-sum", "1"),)), Finished(end)])

    def test_broken(self) -> None:
        """A body that is not HTTP is refused, and given up."""
        served = Served()
        served.asks(CHUNKED)
        (words,) = failed(served.says(b"x\r\n"))
        self.assertIn("broke the protocol", words)
        self.assertTrue(served.written().startswith(b"HTTP/1.1 400 "))
        self.assertTrue(served.dialect.ending)

    def test_answered_early(self) -> None:
        """The rest of a body is thrown away, and the connection goes on behind it."""
        served = Served()
        end, _ = served.asks(upload(10) + b"12345")
        end.respond(Answer(204))
        end.finish()
        self.assertEqual(served.says(b"67890"), [])
        _, again = served.asks(GET)
        self.assertEqual(again.request.target, b"/a")

    def test_answered_early_and_slowly(self) -> None:
        """An answer that waits is delivered, whatever else comes meanwhile."""
        for failing, leaving in itertools.product((False, True), repeat=2):
            served = Served()
            served.waits(REQUEST_TIMEOUT / 2)
            end, _ = served.asks(upload(10) + b"12345")
            served.waits(REQUEST_TIMEOUT)
            end.respond(Answer(200, (("content-length", "6"),)))
            served.pauses()
            end.send(b"answer")
            end.finish()
            if failing:
                end.fail(WHY)
            served.says(b"67890")
            if leaving:
                self.assertEqual(served.dialect.eof(served.now), [])
            self.assertFalse(served.dialect.ending)
            served.waits(1)
            served.resumes()
            self.assertTrue(served.written().endswith(b"answer"))
            self.assertIs(served.dialect.ending, leaving)
            if not leaving:
                served.asks(GET)

    def test_hurry(self) -> None:
        """A time for a body ends with it, also if it was refused before."""
        for refused in (False, True):
            served = Served()
            end, _ = served.asks(upload(10) + b"12345")
            end.hurry(5.0)
            if refused:
                end.refuse(413, "no")
            served.says(b"67890")
            if not refused:
                end.refuse(413, "no")
            end, _ = served.asks(GET)
            served.waits(5.0)
            self.assertEqual(served.told(), [])
            self.assertFalse(served.dialect.ending)

    def test_too_slow(self) -> None:
        """A client that does not keep to it is given up."""
        served = Served()
        end, _ = served.asks(upload(10) + b"12345")
        end.hurry(5.0)
        served.waits(0)
        served.waits(5.0)
        self.assertEqual(failed(served.told()), ["the client was too slow"])
        self.assertTrue(served.dialect.ending)

    def test_answered_early_for_good(self) -> None:
        """There are bounds to that: then the client is told, and left behind."""
        served = Served()
        end, _ = served.asks(upload(DISCARDED * 2))
        end.respond(Answer(204))
        end.finish()
        self.assertEqual(served.says(bytes(DISCARDED)), [])
        self.assertFalse(served.dialect.finished)
        self.assertEqual(served.says(b"x"), [])
        self.assertTrue(served.dialect.finished)
        self.assertEqual(served.says(GET), [])
        self.assertEqual(served.dialect.eof(0.0), [])
        self.assertTrue(served.dialect.ending)


class TimeTests(SynchronousTestCase):
    """The time limit is for heads (rule 4)."""

    def test_head(self) -> None:
        """A head has so long to come, as a whole."""
        served = Served()
        served.says(b"GET /")
        served.waits(REQUEST_TIMEOUT - 1)
        served.says(b"a")
        self.assertFalse(served.dialect.ending)
        served.waits(1)
        self.assertTrue(served.dialect.ending)

    def test_long_answers(self) -> None:
        """A watch lasts for hours, and the connection still has its time then."""
        served = Served()
        end, _ = served.asks(GET)
        end.respond(Answer(200))
        served.turn()
        served.waits(5 * 3600)
        self.assertFalse(served.dialect.ending)
        end.finish()
        served.turn()
        served.waits(REQUEST_TIMEOUT - 1)
        self.assertFalse(served.dialect.ending)
        served.waits(REQUEST_TIMEOUT)
        self.assertTrue(served.dialect.ending)

    def test_tunnel(self) -> None:
        """A tunnel may be silent for ever."""
        served = Served()
        end, _ = served.connects()
        end.accept()
        served.turn()
        self.assertEqual(served.dialect.deadline(), float("inf"))


FRAGMENTS = st.sampled_from(
    [
        *(GET, GENERATION_A, CURL_H2C, CHUNKED, CONNECT, b"1\r\na\r\n", b"0\r\n\r\n"),
        *(upload(3), b"abc", b"\r\n", b"GET / HTTP/1.1\r\n", b"Host: x\r\n"),
    ]
)


def conversation(pieces: list[bytes]) -> tuple[list[object], bytes, bytes]:
    """Return what comes of *pieces*: what was asked, bodies, and what was written."""
    served = Served()
    asked: list[object] = []
    bodies = b""
    for piece in pieces:
        todo = served.says(piece)
        while todo:
            for event in todo:
                bodies += body([event])
                if isinstance(event, Asked):
                    asked.append(event.request)
                elif isinstance(event, Opening):
                    asked.append(event.request)
                    event.end.accept()
                elif isinstance(event, Finished):
                    event.end.respond(Answer(204))  # type: ignore[attr-defined]
                    event.end.finish()
                elif not isinstance(event, Failed | Noted):
                    continue
            todo = served.told()
    return asked, bodies, served.written()


class PropertyTests(SynchronousTestCase):
    """What holds for all that a client may send."""

    @given(st.lists(FRAGMENTS).map(b"".join), st.lists(st.integers(0, 600)))
    def test_any_split(self, wire: bytes, cuts: list[int]) -> None:
        """In whatever pieces bytes come, the same is asked and answered."""
        places = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
        pieces = [wire[start:end] for start, end in itertools.pairwise(places)]
        self.assertEqual(conversation(pieces), conversation([wire]))

    @given(st.lists(st.binary() | FRAGMENTS))
    def test_any_bytes(self, pieces: list[bytes]) -> None:
        """Whatever comes, nothing is raised, and CONNECT is answered if asked."""
        asked, _, written = conversation(pieces)
        self.assertEqual(
            written.count(CONNECTED), sum(hasattr(item, "port") for item in asked)
        )
