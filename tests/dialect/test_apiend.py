"""Tests for :mod:`spdygate.dialect.apiend`: the contract of every end, twice."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import Drained, Failure, Reason
from tests.dialect.apibench import GET, GRANTED, Bench, BodyBench, RawBench
from tests.dialect.contract import WHY, EndContract


class BodyContractTests(EndContract):
    """The contract, for bodies."""

    def bench(self) -> BodyBench:
        """Make an open end."""
        return BodyBench()


class RawContractTests(EndContract):
    """The contract, for the bytes behind a 101."""

    def bench(self) -> RawBench:
        """Make an open end."""
        return RawBench()


del EndContract


class EndTests(SynchronousTestCase):
    """What is these ends' own."""

    def test_never_accepted(self) -> None:
        """An API server asks for nothing, so there is nothing to accept."""
        self.assertRaises(NotImplementedError, BodyBench().end.accept)

    def test_trailers(self) -> None:
        """Trailers are written behind the body."""
        bench = BodyBench()
        bench.end.trail((("x-sum", "5"),))
        bench.end.finish()
        self.assertEqual(bench.dialect.outgoing(), b"0\r\nx-sum: 5\r\n\r\n")

    def test_before_the_upgrade(self) -> None:
        """What is sent before the 101 waits for it, and then goes, with its FIN."""
        bench = Bench()
        end = bench.dialect.ask(GET, upgrade="SPDY/3.1")
        bench.dialect.outgoing()
        self.assertEqual(end.send(b"early"), 0)
        end.finish()
        bench.let_go()
        self.assertEqual(
            (bench.dialect.outgoing(), bench.dialect.finished), (b"", False)
        )
        bench.feed(GRANTED)
        bench.let_go()
        self.assertEqual(bench.told(), [Drained(end, 5)])
        self.assertEqual(bench.dialect.outgoing(), b"early")
        self.assertTrue(bench.dialect.finished)

    def test_upgrade_refused(self) -> None:
        """What waited for an upgrade that is refused reaches nobody."""
        bench = Bench()
        end = bench.dialect.ask(GET, upgrade="SPDY/3.1")
        bench.dialect.outgoing()
        end.send(b"GET /evil HTTP/1.1\r\n\r\n")
        bench.feed(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        bench.let_go()
        self.assertEqual(bench.dialect.outgoing(), b"")
        end.fail(Failure(Reason.GAVE_UP, "over"))
        self.assertTrue(bench.dialect.ending)
        self.assertEqual(bench.dialect.outgoing(), b"")

    def test_stale_end(self) -> None:
        """An end whose exchange is over does not disturb the next one's."""
        bench = Bench()
        old = bench.dialect.ask(GET)
        old.finish()
        bench.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        new = bench.dialect.ask(GET)
        bench.dialect.outgoing()
        old.fail(WHY)
        self.assertEqual(old.send(b"x"), 1)
        old.finish()
        old.grant(2)
        self.assertEqual((bench.dialect.outgoing(), bench.dialect.ending), (b"", False))
        self.assertIs(bench.dialect.end, new)
