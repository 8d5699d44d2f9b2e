"""Tests for :mod:`spdygate.dialect.http1end`."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.budget import LINGER
from spdygate.dialect.exchange import Answer
from spdygate.dialect.tunnel import Data, Drained, Failed, Failure, Finished, Reason
from spdygate.errors import LocalError
from spdygate.session.outbox import QUANTUM
from tests.dialect import contract
from tests.dialect.contract import WHY
from tests.dialect.http1clients import CONNECTED, UPGRADE, RawBench, Served, failed
from tests.session.requests import GET, split

OK = b"HTTP/1.1 200 OK\r\n"


class ContractTests(contract.EndContract):
    """The contract of every end, for a tunnel by CONNECT."""

    def bench(self) -> RawBench:
        """Make an open end."""
        return RawBench()


class UpgradedContractTests(contract.EndContract):
    """The same after an upgrade, whose request has ended before."""

    def bench(self) -> RawBench:
        """Make an open end."""
        return RawBench(upgraded=True)


class ConnectTests(SynchronousTestCase):
    """Tunnels as one asks a proxy for them."""

    def refused(
        self, reason: Reason, glued: bytes = b""
    ) -> tuple[int, dict[bytes, bytes]]:
        """Refuse a tunnel; return the status and the headers."""
        served = Served()
        end, _ = served.connects(glued)
        end.fail(Failure(reason, "for a reason"))
        first, headers, body = split(served.written())
        document = json.loads(body)
        self.assertEqual(document["message"], "for a reason")
        self.assertEqual(int(headers[b"content-length"]), len(body))
        self.assertEqual(int(first.split()[1]), document["code"])
        self.assertEqual(served.dialect.ending, bool(glued))
        return document["code"], headers

    def test_refusals(self) -> None:
        """A tunnel that cannot be had is refused with its failure's status."""
        for reason, status in (
            (Reason.REFUSED, 502),
            (Reason.TIMEOUT, 504),
            (Reason.NO_SUCH_POD, 404),
            (Reason.FORBIDDEN, 403),
        ):
            found, headers = self.refused(reason)
            self.assertEqual(found, status)
            self.assertNotIn(b"proxy-authenticate", headers)

    def test_proxy_authentication(self) -> None:
        """A proxy asks who it is with a 407 (RFC 9110, section 15.5.8)."""
        found, headers = self.refused(Reason.UNAUTHORIZED)
        self.assertEqual(found, 407)
        self.assertIn(b"bearer", headers[b"proxy-authenticate"])

    def test_refused_with_early_bytes(self) -> None:
        """What was meant for a tunnel that is refused is never read as a request."""
        _, headers = self.refused(Reason.REFUSED, GET)
        self.assertEqual(headers[b"connection"], b"close")

    def test_refused_and_asked_again(self) -> None:
        """A connection on which a tunnel was refused goes on."""
        served = Served()
        end, _ = served.connects()
        end.fail(WHY)
        again, _ = served.connects()
        again.accept()
        self.assertTrue(served.written().endswith(CONNECTED))

    def test_early_bytes(self) -> None:
        """Bytes right behind the request are the tunnel's, once there is one."""
        served = Served()
        end, _ = served.connects(b"GET / HTTP/1.1\r\n")
        end.accept()
        (event,) = served.told()
        self.assertEqual(event, Data(end, b"GET / HTTP/1.1\r\n"))
        self.assertEqual(served.says(b"more"), [Data(end, b"more")])

    def test_early_fin(self) -> None:
        """A client that has said all it has to waits for its tunnel all the same."""
        served = Served()
        end, _ = served.connects(b"question")
        self.assertEqual(served.dialect.eof(0.0), [])
        self.assertFalse(served.dialect.ending)
        end.accept()
        self.assertEqual(served.told(), [Data(end, b"question"), Finished(end)])
        end.send(b"answer")
        end.finish()
        self.assertEqual(served.written(), CONNECTED + b"answer")
        self.assertTrue(served.dialect.ending)

    def test_reset(self) -> None:
        """A tunnel that fails is not ended as if it had finished."""
        served = Served()
        end, _ = served.connects()
        end.accept()
        end.fail(WHY)
        self.assertTrue(served.dialect.aborted)
        self.assertFalse(served.dialect.finished or served.dialect.ending)

    def test_linger(self) -> None:
        """A client that takes no more has so long for its last bytes."""
        served = Served()
        end, _ = served.connects()
        end.accept()
        served.pauses()
        end.send(b"last words")
        end.finish()
        end.fail(WHY)
        served.waits(0)  # from the next look at the clock
        served.waits(LINGER - 1)
        self.assertFalse(served.dialect.aborted)
        served.waits(1)
        self.assertTrue(served.dialect.aborted)
        self.assertEqual(len(failed(served.told())), 1)

    def test_linger_while_it_moves(self) -> None:
        """A client that takes some of them has as long for the rest."""
        served = Served()
        end, _ = served.connects()
        end.accept()
        served.waits(1000)
        served.pauses()
        end.send(bytes(QUANTUM * 2))
        end.finish()
        end.fail(WHY)
        served.waits(0)
        served.waits(LINGER - 1)
        served.dialect.resume()
        self.assertEqual(len(served.dialect.release(1)), 1)
        served.pauses()
        served.waits(LINGER - 1)
        self.assertFalse(served.dialect.aborted)
        served.waits(LINGER)
        self.assertTrue(served.dialect.aborted)


class ExchangeTests(SynchronousTestCase):
    """Responses."""

    def test_chunks(self) -> None:
        """A body of unknown length is sent in chunks, with trailers behind it."""
        served = Served()
        end, _ = served.asks(GET)
        end.respond(Answer(200, (("x-a", "b"),)))
        self.assertEqual(
            served.written(), OK + b"x-a: b\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        self.assertEqual(end.send(b"hello"), 5)
        end.trail((("x-sum", "1"),))
        end.finish()
        self.assertEqual(served.written(), b"5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n")
        self.assertFalse(served.dialect.ending)

    def test_length(self) -> None:
        """A body whose length is known is sent as it is."""
        served = Served()
        end, _ = served.asks(GET)
        end.respond(Answer(200, (("content-length", "5"),)))
        end.send(b"hello")
        end.finish()
        self.assertEqual(served.written(), OK + b"content-length: 5\r\n\r\nhello")

    def test_until_close(self) -> None:
        """HTTP/1.0 knows no chunks: the end of the connection is the body's."""
        served = Served()
        end, _ = served.asks(b"GET / HTTP/1.0\r\n\r\n")
        end.respond(Answer(200))
        end.send(b"hello")
        self.assertFalse(served.dialect.ending)
        end.finish()
        self.assertEqual(served.written(), OK + b"Connection: close\r\n\r\nhello")
        self.assertTrue(served.dialect.ending)

    def test_head(self) -> None:
        """To HEAD no body is sent, whoever has one."""
        served = Served()
        end, _ = served.asks(b"HEAD" + GET[3:])
        end.respond(Answer(200, (("content-length", "5"),)))
        self.assertEqual(end.send(b"hello"), 5)
        end.finish()
        self.assertEqual(served.written(), OK + b"content-length: 5\r\n\r\n")

    def test_held_back(self) -> None:
        """What a congested transport cannot take waits, and is reported."""
        served = Served()
        end, _ = served.asks(GET)
        end.respond(Answer(200, (("content-length", "8"),)))
        served.pauses()
        self.assertEqual(end.send(b"one") + end.send(b"two!!"), 0)
        end.finish()
        served.written()
        self.assertEqual(served.told(), [])
        served.resumes()
        self.assertEqual(served.written(), b"onetwo!!")
        drained = [event for event in served.told() if isinstance(event, Drained)]
        self.assertEqual(sum(event.count for event in drained), 8)

    def test_failures(self) -> None:
        """Before its head, a failure is a Status; after it, the end is missing."""
        served = Served()
        end, _ = served.asks(GET)
        end.fail(Failure(Reason.UNAUTHORIZED, "who are you?"))
        first, _, body = split(served.written())
        self.assertEqual(first.split()[1], b"401")
        self.assertEqual(json.loads(body)["message"], "who are you?")
        self.assertFalse(served.dialect.ending)
        end, _ = served.asks(GET)
        end.respond(Answer(200))
        end.send(b"hel")
        end.fail(WHY)
        self.assertFalse(served.written().endswith(b"0\r\n\r\n"))
        self.assertTrue(served.dialect.ending)

    def test_failure_until_close(self) -> None:
        """Where a FIN would be the body's end, the connection is reset."""
        served = Served()
        end, _ = served.asks(b"GET / HTTP/1.0\r\n\r\n")
        end.respond(Answer(200))
        end.fail(WHY)
        self.assertTrue(served.dialect.aborted)
        self.assertFalse(served.dialect.ending)

    def test_only_once(self) -> None:
        """There is one head, and nothing before it."""
        served = Served()
        end, _ = served.asks(GET)
        self.assertRaises(LocalError, end.send, b"x")
        self.assertRaises(LocalError, end.finish)
        end.respond(Answer(103))
        self.assertEqual(served.written(), b"")
        end.respond(Answer(204))
        end.respond(Answer(500))
        self.assertEqual(served.written(), b"HTTP/1.1 204 No Content\r\n\r\n")

    def test_too_much(self) -> None:
        """More than was announced is never sent: it would be another response."""
        served = Served()
        end, _ = served.asks(GET)
        end.respond(Answer(200, (("content-length", "1"),)))
        self.assertRaises(LocalError, end.send, b"HTTP/1.1 200 OK\r\n\r\n")
        end.fail(WHY)
        self.assertNotIn(b"OK", served.written()[len(OK) :])
        self.assertTrue(served.dialect.ending)

    def test_lost(self) -> None:
        """A client that goes has given up, once."""
        served = Served()
        end, _ = served.asks(GET)
        (event,) = served.dialect.lost()
        assert isinstance(event, Failed)
        self.assertIs(event.failure.reason, Reason.GAVE_UP)
        self.assertEqual(served.dialect.lost(), [])


class UpgradeTests(SynchronousTestCase):
    """Upgrades that somebody else grants."""

    def test_granted(self) -> None:
        """After a 101 the connection is bytes, both ways and to the end."""
        served = Served()
        end, asked = served.asks(UPGRADE + b"\x80\x03")
        self.assertEqual(asked.upgrade, "spdy/3.1")
        end.respond(Answer(101, (("x-stream-protocol-version", "v4.channel.k8s.io"),)))
        self.assertEqual(
            served.written(),
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
            b"Upgrade: SPDY/3.1\r\nx-stream-protocol-version: v4.channel.k8s.io\r\n\r\n",
        )
        self.assertEqual(served.told(), [Data(end, b"\x80\x03")])
        end.send(b"\x80\x03\x00\x02")
        self.assertEqual(served.written(), b"\x80\x03\x00\x02")
        self.assertEqual(served.dialect.eof(0.0), [Finished(end)])
        end.finish()
        self.assertTrue(served.dialect.ending)

    def test_not_asked_for(self) -> None:
        """Nobody is switched who did not ask for it."""
        served = Served()
        end, _ = served.asks(GET)
        self.assertRaises(LocalError, end.respond, Answer(101))

    def test_refused(self) -> None:
        """An upgrade that is refused leaves HTTP as it was."""
        served = Served()
        end, _ = served.asks(UPGRADE)
        end.respond(Answer(403, (("content-length", "0"),)))
        end.finish()
        served.asks(GET)
