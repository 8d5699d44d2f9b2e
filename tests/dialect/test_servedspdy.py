"""Tests for `spdygate.dialect.servedspdy`: a connection, its budgets, its time."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis.strategies import binary, integers, lists, sampled_from, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.budget import SESSION, TUNNEL, Shared
from spdygate.dialect.patience import USUAL
from spdygate.dialect.servedspdy import LAST_WORDS, Errors, ServedSpdy, Visit
from spdygate.dialect.spdyend import SpdyEnd
from spdygate.dialect.tunnel import Data, Failed, Failure, Noted, Opening, Reason
from tests.dialect.ends import TARGET
from tests.dialect.spdyclient import SpdyClient, data
from tests.session.spdybyhand import FIN, HandPeer, Seen

GONE = Failure(Reason.POD_GONE, "the pod was deleted")
KIB = 1024


class ShellTests(SynchronousTestCase):
    """What a shell asks of every dialect."""

    def test_nothing_before_the_client(self) -> None:
        """Go clients throw away what is glued to the 101: no ping, no greeting."""
        served = ServedSpdy(Visit(TARGET, "s1"), now=0.0)
        served.tick(USUAL.quiet)
        self.assertEqual(served.outgoing(), b"")
        peer = HandPeer()
        served.feed(peer.ping(1), 31.0)
        self.assertEqual(
            [seen.name for seen in peer.read(served.outgoing())][-1], "PING"
        )

    def test_a_new_session(self) -> None:
        """It reads, has nothing to say, and is not about to end."""
        served = ServedSpdy(Visit(TARGET, "s1"))
        self.assertTrue(served.reading)
        self.assertFalse(served.has_waiting or served.ending)
        self.assertEqual((served.tunnels, served.opened, served.why), (0, 0, ""))


class BudgetTests(SynchronousTestCase):
    """A Go client cannot be told to wait, only not be read from."""

    def setUp(self) -> None:
        """Connect."""
        self.client = SpdyClient()
        self.end, _ = self.client.connects()

    def fill(self, stream_id: int, count: int) -> None:
        """Send so many bytes."""
        for _ in range(count // (64 * KIB)):
            self.client.does(data(stream_id, bytes(64 * KIB)))

    def test_one_tunnel(self) -> None:
        """At 4 MiB it is read from, one byte above it is not, until it drains."""
        self.fill(3, TUNNEL)
        self.assertTrue(self.client.served.reading)
        self.client.does(data(3, b"x"))
        self.assertFalse(self.client.served.reading)
        woken = self.client.woken
        self.end.grant(1)
        self.assertTrue(self.client.served.reading)
        self.assertEqual(self.client.woken, woken + 1)

    def test_many_tunnels(self) -> None:
        """16 MiB on all of them stop it just as well."""
        ends = [self.end, *(self.client.connects()[0] for _ in range(4))]
        for end in ends[:4]:
            self.fill(end.stream_id, TUNNEL)
        self.assertEqual(SESSION, 4 * TUNNEL)
        self.assertTrue(self.client.served.reading)
        self.client.does(data(ends[4].stream_id, b"x"))
        self.assertFalse(self.client.served.reading)
        ends[0].grant(1)
        self.assertTrue(self.client.served.reading)

    def test_a_tunnel_that_ends_while_it_holds(self) -> None:
        """Its bytes count until the relay has settled, then the session goes on."""
        self.fill(3, TUNNEL + 64 * KIB)
        self.assertFalse(self.client.served.reading)
        self.client.does(self.client.peer.rst(3))
        self.assertFalse(self.client.served.reading)
        self.end.grant(TUNNEL + 64 * KIB)
        self.assertTrue(self.client.served.reading)

    def test_two_sessions(self) -> None:
        """The process's budget stops both; room made by one wakes the other."""
        shared = Shared(limit=100)
        woken = []
        visits, ends, peers = [], [], []
        for name in "ab":
            served = ServedSpdy(Visit(TARGET, name), shared=shared)
            served.on_wake(lambda name=name: woken.append(name))  # type: ignore[misc]
            peer = HandPeer()
            (opening,) = served.feed(peer.syn(1, [(b"port", b"80")]), 0.0)
            assert isinstance(opening, Opening)
            visits.append(served)
            ends.append(opening.end)
            peers.append(peer)
        visits[0].feed(data(1, bytes(60)), 0.0)
        visits[1].feed(data(1, bytes(60)), 0.0)
        self.assertFalse(visits[0].reading or visits[1].reading)
        ends[0].grant(60)
        self.assertEqual(sorted(woken), ["a", "b"])
        self.assertTrue(visits[0].reading and visits[1].reading)


class PairTimeTests(SynchronousTestCase):
    """Thirty seconds for the second stream (docs/protocol.rst, 8.5)."""

    def expire_error(self, errors: Errors, *, old: bool) -> list[Seen]:
        """Open an error stream alone, and wait."""
        client = SpdyClient(errors, old=old)
        client.does(client.opens("error", 80, None if old else "7"))
        client.written()
        self.assertEqual(client.passes(29.9), [])
        self.assertEqual(client.served.deadline(), 30.0)
        (noted,) = client.passes(0.1)
        self.assertIsInstance(noted, Noted)
        seen = [frame for frame in client.written() if frame.name != "PING"]
        client.does(data(1, b"", FIN))
        self.assertEqual(client.leftovers(), {})
        return seen

    def test_no_data_stream(self) -> None:
        """The error stream ends, with the text where it does no harm."""
        fin = Seen("DATA", 1, 0, b"", FIN)
        now, then = (
            b"(request=7) timed out waiting for streams",
            (b"Timed out waiting for data stream"),
        )
        for errors, old, words in (
            (Errors.ISOLATE, False, b""),
            (Errors.KUBELET, False, now),
            (Errors.ISOLATE, True, then),
            (Errors.KUBELET, True, then),
        ):
            with self.subTest(f"{errors} {old}"):
                texts = [Seen("DATA", 1, len(words), words)] if words else []
                self.assertEqual(self.expire_error(errors, old=old), [*texts, fin])

    def test_no_error_stream(self) -> None:
        """The data stream of a newer client is reset, in either mode."""
        for errors in Errors:
            client = SpdyClient(errors)
            (opening,) = client.does(client.opens("data", 80, "7"))
            assert isinstance(opening, Opening)
            opening.end.accept()
            client.written()
            told = client.passes(30.0)
            (failed,) = told
            assert isinstance(failed, Failed)
            self.assertIs(failed.end, opening.end)
            self.assertIs(failed.failure.reason, Reason.PROTOCOL)
            self.assertIn(Seen("RST_STREAM", 1, 5), client.written())
            self.assertEqual(client.leftovers(), {})

    def test_no_error_stream_of_an_old_client(self) -> None:
        """Its error stream may have ended with somebody else's connection."""
        client = SpdyClient(old=True)
        client.does(*(client.opens("error", 80, None) for _ in range(2)))
        client.does(client.opens("data", 80, None))
        # The second connection ends, and takes along what it believes is its own:
        # the error stream that was meant for the third.
        client.does(client.peer.rst(5), client.peer.rst(3))
        (opening,) = client.does(client.opens("data", 80, None))
        assert isinstance(opening, Opening)
        self.assertEqual(client.passes(31.0), [])
        self.assertEqual(client.does(data(7, b"x")), [Data(opening.end, b"x")])

    def test_an_error_stream_that_was_reset(self) -> None:
        """It is not waited for any more."""
        client = SpdyClient()
        client.does(client.opens("error", 80, "7"), client.peer.rst(1))
        self.assertEqual(client.leftovers(), {})
        self.assertEqual(client.passes(30.0), [])

    def test_a_pair_that_has_both(self) -> None:
        """A connection that is dialled slowly does not expire."""
        client = SpdyClient()
        client.connects()
        self.assertEqual(client.passes(3600.0), [])
        self.assertEqual(client.served.tunnels, 1)


class PodGoneTests(SynchronousTestCase):
    """Without its pod the session ends, once the client has read why."""

    def test_last_words(self) -> None:
        """The text, then a second to read it, then the end of everything."""
        client = SpdyClient()
        end, _ = client.connects()
        other, _ = client.connects()
        client.passes(1.0)
        end.fail(GONE)
        self.assertLessEqual(client.served.deadline(), client.now)
        self.assertEqual(client.passes(0.0), [])
        self.assertFalse(client.served.ending)
        self.assertEqual(client.served.deadline(), client.now + LAST_WORDS)
        (failed,) = client.passes(LAST_WORDS)
        assert isinstance(failed, Failed)
        self.assertIs(failed.end, other)
        self.assertTrue(client.served.ending)
        self.assertEqual(client.served.why, "its pod is gone")


class AliveTests(SynchronousTestCase):
    """Quiet connections are kept alive, useless ones are not."""

    def test_pings(self) -> None:
        """After 30 s of silence an even PING, the next after another 30 s."""
        client = SpdyClient()
        client.does(client.peer.ping(1))
        client.written()
        for number in (2, 4):
            self.assertEqual(client.served.deadline(), client.now + 30.0)
            client.passes(30.0)
            self.assertEqual(client.written(), [Seen("PING", 0, number)])
            self.assertEqual(client.passes(29.9), [])
            self.assertEqual(client.written(), [])
            client.does(client.peer.ping(number))
            self.assertEqual(client.written(), [])

    def test_a_ping_wakes(self) -> None:
        """A PING that nobody writes keeps nothing alive."""
        client = SpdyClient()
        client.passes(30.0)
        self.assertEqual(client.woken, 1)

    def idle(self, client: SpdyClient) -> None:
        """Let four hours pass, and answer what is asked."""
        for _ in range(int(USUAL.idle / 100)):
            client.passes(100.0)
            for seen in client.written():
                if seen.name == "PING" and seen.value % 2 == 0:
                    client.does(client.peer.ping(seen.value))

    def test_idle(self) -> None:
        """A client that only answers our PINGs is sent away after four hours."""
        client = SpdyClient()
        end, _ = client.connects()
        client.written()
        self.idle(client)
        self.assertTrue(client.served.ending)
        self.assertEqual(client.served.why, "idle for 4 hours")
        self.assertTrue(end.over)

    def test_downloads_are_use(self) -> None:
        """A pod that sends keeps the session, if the client is silent."""
        client = SpdyClient()
        end, _ = client.connects()
        end.accept()
        for _ in range(5):
            client.passes(3600.0)
            end.send(b"news")
        client.passes(3600.0)
        self.assertFalse(client.served.ending)

    def test_its_own_pings_are_use(self) -> None:
        """As for a kubelet: kubectl since 1.21 pings, and is never idle."""
        client = SpdyClient()
        for number in range(1, 20, 2):
            client.passes(3600.0)
            client.does(client.peer.ping(number))
        self.assertFalse(client.served.ending)

    def test_64_kib_and_silence(self) -> None:
        """The session's own deadline is kept: a stuck client is granted credit."""
        client = SpdyClient()
        client.connects()
        client.does(data(3, bytes(64 * KIB)))
        client.written()
        self.assertEqual(client.served.deadline(), 1.0)
        client.passes(1.0)
        self.assertEqual(
            [seen.name for seen in client.written()], ["WINDOW_UPDATE"] * 2
        )


class LongLifeTests(SynchronousTestCase):
    """A session may carry any number of tunnels, one after another."""

    def one(self, client: SpdyClient, way: int) -> None:
        """Open a tunnel and end it in one of the ways there are."""
        end, _ = client.connects()
        error_id, data_id = end.stream_id - 2, end.stream_id
        if way:
            end.accept()
            client.does(data(data_id, b"ping"))
            end.grant(4)
        match way:
            case 0:
                end.fail(Failure(Reason.REFUSED, "connection refused"))
                client.does(client.peer.rst(data_id))
            case 1:
                client.does(data(data_id, b"", FIN))
                end.finish()
            case 2:
                end.finish()
                client.does(data(data_id, b"", FIN))
            case 3:
                client.does(client.peer.rst(data_id))
            case _:
                end.fail(Failure(Reason.TARGET_RESET, "reset"))
        client.does(data(error_id, b"", FIN))
        client.answers()

    def test_every_way_to_end(self) -> None:
        """However a tunnel ends, in either mode, in either age, nothing is left."""
        for errors in Errors:
            for old in (False, True):
                client = SpdyClient(errors, old=old)
                for way in range(5):
                    self.one(client, way)
                    if errors is Errors.KUBELET and way == 4:
                        client.does(data(client.served.opened * 4 - 1, b"", FIN))
                    # Old clients have a moment to read why: then it is over.
                    client.passes(0)
                    client.passes(LAST_WORDS)
                    client.served.outgoing()
                    with self.subTest(f"{errors} {old} {way}"):
                        self.assertEqual(client.leftovers(), {})

    def test_twenty_thousand(self) -> None:
        """More tunnels than streams may be open, and every table is empty."""
        client = SpdyClient()
        for number in range(20_000):
            self.one(client, 1 + number % 2)
        self.assertEqual(client.leftovers(), {})
        self.assertEqual(client.served.opened, 20_000)
        self.assertFalse(client.served.ending)


#: What is done; some of it more often.
VERBS = (
    *("connect", "accept", "send") * 2,
    *("data", "fin", "rst", "pause", "resume", "wait", "finish", "fail"),
)


class AnythingTests(SynchronousTestCase):
    """Whatever a client and its pods do, in whatever order."""

    def step(self, client: SpdyClient, ends: list[SpdyEnd], verb: str, n: int) -> None:
        """Do one thing."""
        end = ends[n % len(ends)] if ends else None
        stream_id = end.stream_id if end else 1
        match verb:
            case "connect":
                ends.append(client.connects()[0])
            case "data":
                for event in client.does(data(stream_id, bytes(1 + n))):
                    if isinstance(event, Data):
                        event.end.grant(len(event.data))
            case "fin":
                client.does(data(stream_id, b"", FIN))
            case "rst":
                client.does(client.peer.rst(stream_id))
            case "pause" | "resume":
                getattr(client.served, verb)()
                client.served.release(1000)
            case "wait":
                client.passes(float(n))
            case _ if end is not None:
                self.tell(end, verb, n)
            case _:
                pass

    def tell(self, end: SpdyEnd, verb: str, n: int) -> None:
        """Tell one of the ends something, as a relay would."""
        match verb:
            case "accept":
                if end not in self.accepted:
                    self.accepted.append(end)
                    end.accept()
            case "send":
                if end in self.accepted and not end.finished:
                    end.send(bytes(1 + n))
            case "finish":
                if end in self.accepted:
                    end.finish()
            case "fail":
                end.fail(Failure(Reason.REFUSED, "why"))

    @given(
        sampled_from(Errors),
        integers(0, 1),
        lists(
            tuples(
                sampled_from(VERBS),
                integers(0, 40),
            ),
            min_size=15,
            max_size=50,
        ),
    )
    def test_nothing_is_left(
        self, errors: Errors, old: int, steps: list[tuple[str, int]]
    ) -> None:
        """When the client has given all its streams up, every table is empty."""
        client = SpdyClient(errors, old=bool(old))
        ends: list[SpdyEnd] = []
        self.accepted: list[SpdyEnd] = []
        for verb, number in steps:
            self.step(client, ends, verb, number)
        client.served.resume()
        client.served.release(1 << 30)
        for end in ends:
            client.does(client.peer.rst(end.stream_id))
            client.does(client.peer.rst(end.stream_id - 2))
        self.assertEqual(client.leftovers(), {})

    @given(lists(binary(max_size=60), max_size=5), integers(0, 2**32))
    def test_any_bytes(self, reads: list[bytes], seed: int) -> None:
        """No bytes raise anything, also behind a good beginning."""
        client = SpdyClient()
        client.connects()
        dice = random.Random(seed)
        for read in reads:
            client.does(read)
            client.does(client.peer.syn(dice.randrange(1, 20)))
        client.served.lost()
        self.assertEqual(client.served.tunnels, 0)
