"""Tests for :mod:`spdygate.dialect.apiexchange`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.apiexchange import IDLE, READ_AHEAD, ApiExchange
from spdygate.dialect.budget import LINGER
from spdygate.dialect.connection import half_closes
from spdygate.dialect.exchange import Answer, Answered, Trailed
from spdygate.dialect.tunnel import Data, Drained, Failed, Finished, Reason, TunnelEvent
from spdygate.errors import LocalError
from spdygate.wire.upgrade import Request
from tests.dialect.apibench import GET, GRANTED, HOST, POST
from tests.dialect.contract import WHY

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"Content-Length: 0\r\n\r\n"

NAME = "API server https://api"


class ExchangeCase(SynchronousTestCase):
    """One connection."""

    def setUp(self) -> None:
        """Connect."""
        self.dialect = ApiExchange(NAME, 0.0)

    def serve(self, answer: bytes = EMPTY) -> None:
        """Have one exchange that is complete."""
        end = self.dialect.ask(GET)
        end.finish()
        self.dialect.outgoing()
        self.dialect.feed(answer, 1.0)

    def reason(self, told: list[TunnelEvent]) -> Reason:
        """Return why the one thing that happened is a failure."""
        (event,) = told
        assert isinstance(event, Failed)
        self.assertIn(NAME, event.failure.message)
        return event.failure.reason


class AnswerTests(ExchangeCase):
    """What is told of a response."""

    def test_whole(self) -> None:
        """Head, body, trailers and end are told in their order."""
        end = self.dialect.ask(POST)
        wire = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n"
        told = self.dialect.feed(b"HTTP/1.1 100 Continue\r\n\r\n" + wire, 1.0)
        answer = Answer(200, (("transfer-encoding", "chunked"),))
        expected = [
            Answered(end, answer),
            Data(end, b"hi"),
            Trailed(end, (("x", "y"),)),
            Finished(end),
        ]
        self.assertEqual(told, expected)

    def test_switched(self) -> None:
        """Behind a 101 the bytes are told as they come, the glued ones first."""
        end = self.dialect.ask(GET, upgrade="SPDY/3.1")
        told = self.dialect.feed(GRANTED + b"glued", 1.0)
        told += self.dialect.feed(b"HTTP/1.1 200 OK\r\n\r\n", 2.0)
        self.assertEqual(
            told[1:], [Data(end, b"glued"), Data(end, b"HTTP/1.1 200 OK\r\n\r\n")]
        )
        self.assertEqual(self.dialect.eof(3.0), [Finished(end)])

    def test_switched_and_lost(self) -> None:
        """A connection that was switched ends in good order when it is lost."""
        end = self.dialect.ask(GET, upgrade="SPDY/3.1")
        self.dialect.feed(GRANTED, 1.0)
        first, last = self.dialect.lost()
        self.assertEqual(first, Finished(end))
        self.assertEqual(self.reason([last]), Reason.LINK_LOST)

    def test_until_the_end(self) -> None:
        """A body may end with the connection."""
        end = self.dialect.ask(GET)
        end.finish()
        self.dialect.feed(OK + b"\r\nabc", 1.0)
        self.assertEqual(self.dialect.eof(2.0), [Finished(end)])
        self.assertTrue(self.dialect.ending)
        self.assertEqual(self.dialect.lost(), [])

    def test_watch(self) -> None:
        """An answer may be silent for hours: there is nothing to wait for."""
        end = self.dialect.ask(GET)
        end.finish()
        self.dialect.feed(OK + b"Transfer-Encoding: chunked\r\n\r\n", 1.0)
        self.assertEqual(self.dialect.deadline(), float("inf"))
        self.assertEqual(self.dialect.tick(36000.0), [])
        told = self.dialect.feed(b"3\r\n{}\n\r\n", 36001.0)
        self.assertEqual(told, [Data(end, b"{}\n")])

    def test_half_closeable(self) -> None:
        """The shell passes FINs on, and none while it is HTTP."""
        self.assertTrue(half_closes(self.dialect))
        self.dialect.ask(GET).finish()
        self.assertFalse(self.dialect.finished)


class ReuseTests(ExchangeCase):
    """One exchange after another."""

    def test_again(self) -> None:
        """A connection at a clean end is usable, and only then."""
        self.assertTrue(self.dialect.usable)
        end = self.dialect.ask(GET)
        self.assertFalse(self.dialect.usable)
        self.assertRaises(LocalError, self.dialect.ask, GET)
        self.dialect.feed(EMPTY, 1.0)
        self.assertFalse(self.dialect.usable)
        end.finish()
        self.dialect.outgoing()
        self.assertTrue(self.dialect.usable)
        self.assertFalse(self.dialect.ending)

    def test_never_again(self) -> None:
        """One that is not at a clean end is closed."""
        for answer in (
            OK + b"Connection: close\r\nContent-Length: 0\r\n\r\n",
            EMPTY + b"HTTP/1.1 200 OK\r\n",
        ):
            with self.subTest(answer):
                self.setUp()
                self.serve(answer)
                self.assertFalse(self.dialect.usable)
                self.assertTrue(self.dialect.ending)

    def test_upgrade_refused(self) -> None:
        """One whose upgrade was refused is closed (CVE-2018-1002105)."""
        end = self.dialect.ask(GET, upgrade="SPDY/3.1")
        end.finish()
        self.dialect.feed(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 1.0)
        self.assertTrue(self.dialect.ending)
        self.assertFalse(self.dialect.usable)

    def test_idle(self) -> None:
        """One that nobody uses is closed after a while."""
        self.serve()
        self.assertEqual(self.dialect.deadline(), 1.0 + IDLE)
        self.dialect.tick(IDLE)
        self.assertTrue(self.dialect.usable)
        self.assertEqual(self.dialect.tick(1.0 + IDLE), [])
        self.assertTrue(self.dialect.ending)

    def test_closed_while_idle(self) -> None:
        """An API server that closes an idle connection harms nobody."""
        self.serve()
        self.assertEqual(self.dialect.eof(2.0), [])
        self.assertTrue(self.dialect.ending)
        self.assertEqual(self.dialect.lost(), [])

    def test_unasked(self) -> None:
        """What comes on an idle connection is nobody's, and ends it."""
        self.serve()
        self.assertEqual(self.dialect.feed(EMPTY, 2.0), [])
        self.assertTrue(self.dialect.ending)


class FailureTests(ExchangeCase):
    """What can go wrong."""

    def test_stale(self) -> None:
        """A question that a stale connection swallowed may be asked again."""
        for half in (True, False):
            with self.subTest(half=half):
                self.setUp()
                self.serve()
                self.dialect.ask(GET).finish()
                told = self.dialect.eof(2.0) if half else self.dialect.lost()
                self.assertEqual(self.reason(told), Reason.RETRY)
                self.assertTrue(self.dialect.ending)

    def test_not_to_be_asked_again(self) -> None:
        """Not so what may change something, was begun, or is on a new connection."""
        put = Request("PUT", b"/", (HOST, ("content-length", "0")))
        get = Request("GET", b"/", (HOST, ("content-length", "3")))
        for request, fresh, begun in (
            (put, False, b""),
            (get, False, b""),
            (GET, True, b""),
            (GET, False, b"HTTP/1.1 2"),
        ):
            with self.subTest(request, fresh=fresh, begun=begun):
                self.setUp()
                if not fresh:
                    self.serve()
                self.dialect.ask(request)
                if begun:
                    self.dialect.feed(begun, 2.0)
                self.assertEqual(self.reason(self.dialect.lost()), Reason.LINK_LOST)

    def test_breach(self) -> None:
        """An answer that cannot be understood fails, and the connection ends."""
        self.dialect.ask(GET)
        told = self.dialect.feed(b"SSH-2.0-OpenSSH\r\n", 1.0)
        self.assertEqual(self.reason(told), Reason.PROTOCOL)
        self.assertTrue(self.dialect.ending)
        self.assertEqual(self.dialect.lost(), [])

    def test_blame(self) -> None:
        """Whoever knows why a connection was lost is quoted."""
        self.dialect.ask(GET)
        self.dialect.blame = f"{NAME}: its certificate is refused"
        (event,) = self.dialect.lost()
        assert isinstance(event, Failed)
        self.assertIn("certificate", event.failure.message)

    def test_lingers(self) -> None:
        """What waits after a failure has `LINGER` seconds, anew as it moves."""
        end = self.dialect.ask(POST)
        self.dialect.pause()
        end.send(bytes(100_000))
        end.finish()
        end.fail(WHY)
        self.assertFalse(self.dialect.ending)
        self.assertEqual(self.dialect.tick(self.dialect.deadline() + 500), [])
        self.assertEqual(self.dialect.deadline(), 500 + LINGER)
        self.dialect.resume()
        self.assertEqual(self.dialect.release(1), [Drained(end, 65536)])
        self.dialect.pause()
        self.assertEqual(self.dialect.tick(530.0), [])
        self.assertEqual(self.dialect.deadline(), 530 + LINGER)
        (event,) = self.dialect.tick(530 + LINGER)
        assert isinstance(event, Failed)
        self.assertTrue(self.dialect.ending)


class BackPressureTests(ExchangeCase):
    """Nobody is made to hold more than he wants."""

    def test_reading(self) -> None:
        """The API server is read from until too much is under way, and again then."""
        woken: list[bool] = []
        end = self.dialect.ask(GET)
        self.dialect.on_wake(lambda: woken.append(True))
        self.dialect.feed(OK + b"\r\n" + bytes(READ_AHEAD), 1.0)
        self.assertTrue(self.dialect.reading)
        self.dialect.feed(b"x", 1.0)
        self.assertFalse(self.dialect.reading)
        woken.clear()
        end.grant(1)
        self.assertTrue(woken)
        self.assertTrue(self.dialect.reading)

    def test_congested(self) -> None:
        """While the transport is congested a body waits, and all of it is reported."""
        end = self.dialect.ask(POST)
        self.dialect.outgoing()
        self.dialect.pause()
        self.assertEqual(end.send(bytes(200_000)), 0)
        self.assertEqual(self.dialect.outgoing(), b"")
        self.dialect.resume()
        told: list[TunnelEvent] = []
        while self.dialect.has_waiting:
            told += self.dialect.release(1)
        counts = [event.count for event in told if isinstance(event, Drained)]
        self.assertEqual(sum(counts), 200_000)
        self.assertEqual(counts[0], 65536)
