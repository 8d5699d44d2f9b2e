"""Tests for :mod:`spdygate.net.attempts`: how a node's generation is found out."""

from __future__ import annotations

from spdygate.dialect.tunnel import Failure, Reason
from spdygate.gateway.ladder import TRUST, Generation
from spdygate.gateway.relay import Observer, Relay
from spdygate.net.attempts import Access, Attempt
from tests.dialect.ends import RecordingEnd, request
from tests.net.laddercases import LadderCase

HTTP2, SPDY, TUNNEL, CHANNELS = Generation

NOT_FOUND = (
    b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n"
    b"Content-Length: 116\r\n\r\n"
    b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",'
    b'"message":"pods \\"web-0\\" not found","code":404}'
)


class LadderTests(LadderCase):
    """Down the ladder, as far as is needed and no further."""

    def test_each(self) -> None:
        """A node is found out whichever generation it speaks, and the log says so."""
        for generation in (SPDY, TUNNEL, CHANNELS):
            self.setUp()
            self.http1.speaks = generation
            near, relay = self.dial()
            self.assertEqual(near.failures, [], generation)
            self.assertIsNotNone(relay.far)
            down = [SPDY, TUNNEL, CHANNELS]
            self.assertEqual(self.http1.tried, down[: down.index(generation) + 1])
            self.assertEqual(self.generations(), [generation.value])

    def test_http2(self) -> None:
        """A node service is asked for nothing else."""
        self.http2.extended = 1
        _, relay = self.dial(early=b"hello")
        (wire,) = self.http2.wires
        wire.node.send_headers(
            1, [(":status", "200"), ("x-stream-protocol-version", "portforward.k8s.io")]
        )
        self.exchange()
        self.assertTrue(relay.opened)
        self.assertEqual(self.http1.tried, [])
        self.assertEqual(self.generations(), ["http2"])

    def test_kept(self) -> None:
        """What was learnt is kept: the next tunnel is asked for at once."""
        self.http1.speaks = TUNNEL
        self.dial("s1")
        self.dial("s2")
        self.assertEqual(self.http1.tried, [SPDY, TUNNEL, TUNNEL])
        self.assertEqual(len(self.http2.wires), 1)

    def test_for_a_while(self) -> None:
        """After a while the newest is tried again, though nothing has failed."""
        self.http1.speaks = SPDY
        self.dial("s1")
        self.clock.advance(TRUST)
        self.http2.extended = 1
        self.dial("s2")
        self.assertEqual(self.http1.tried, [SPDY])
        self.assertEqual(len(self.http2.wires[-1].asked), 1)

    def test_changed(self) -> None:
        """A node that changes behind its name is noticed when it refuses."""
        self.http1.speaks = SPDY
        self.dial("s1")
        self.http1.speaks = CHANNELS
        near, relay = self.dial("s2")
        self.assertEqual(near.failures, [])
        self.assertIsNotNone(relay.far)
        self.assertEqual(self.generations(), ["spdy", "channels, was spdy"])

    def test_upgraded(self) -> None:
        """A connection that is lost makes us ask from the top: the node may be new."""
        self.http1.speaks = SPDY
        self.dial("s1")
        self.http1.wires[-1].lose()
        self.http2.extended = 1
        self.dial("s2")
        (stream,) = self.http2.wires[-1].asked
        self.accept_http2(stream)
        self.assertEqual(self.generations(), ["spdy", "http2, was spdy"])

    def accept_http2(self, stream: int) -> None:
        """Let the node connect a tunnel."""
        proof = ("x-stream-protocol-version", "portforward.k8s.io")
        self.http2.wires[-1].node.send_headers(stream, [(":status", "200"), proof])
        self.exchange()

    def test_impostors(self) -> None:
        """A proxy's 200, or its error page, sends the tunnel on with all its bytes."""
        for status in ("200", "403", "502"):
            self.setUp()
            self.http2.extended = 1
            self.http1.speaks = SPDY
            near, relay = self.dial(early=b"early bytes")
            self.http2.wires[0].node.send_headers(1, [(":status", status)], True)
            self.exchange()
            self.assertEqual(near.failures, [], status)
            self.assertIsNotNone(relay.far)
            self.assertIn(b"early bytes", self.http1.wires[0].value())

    def test_a_verdict_stays(self) -> None:
        """A node's own "no such pod" is the answer, and nobody is asked again."""
        self.http1.answers[SPDY] = NOT_FOUND
        near, _ = self.dial()
        failure = self.only(near)
        self.assertIs(failure.reason, Reason.NO_SUCH_POD)
        self.assertEqual(
            failure.message, 'node n1 (https://n1:10250): pods "web-0" not found'
        )
        self.assertEqual(self.http1.tried, [SPDY])

    def test_nothing_is_left(self) -> None:
        """A node that understands nothing is refused with all that it answered."""
        near, _ = self.dial()
        failure = self.only(near)
        self.assertIs(failure.reason, Reason.REFUSED)
        self.assertEqual(self.http1.tried, [SPDY, TUNNEL, CHANNELS])
        for word in ("n1", "http2: ", "spdy: it answered with HTTP status 400"):
            self.assertIn(word, failure.message)

    def test_unreachable(self) -> None:
        """A node that nobody answers for is not asked in other dialects."""
        self.http1.refuses = True
        near, _ = self.dial()
        failure = self.only(near)
        self.assertIs(failure.reason, Reason.REFUSED)
        self.assertIn("nothing listens there", failure.message)

    def test_who_left_meanwhile(self) -> None:
        """A client that goes while a node is on trial takes its stream along."""
        self.http2.extended = 1
        near, relay = self.dial()
        near.breaks(Reason.GAVE_UP)
        self.exchange()
        self.assertTrue(relay.over)
        (wire,) = self.http2.wires
        self.assertTrue(wire.node.streams[1].closed)
        self.assertEqual(self.http1.tried, [])


class Carrying:
    """A carrier that carries nothing, and notes what it is given."""

    def __init__(self) -> None:
        self.given: list[Attempt] = []

    def dial(self, attempt: Attempt) -> None:
        """Note it."""
        self.given.append(attempt)

    def stop(self) -> None:
        """Do nothing."""


class AgainTests(LadderCase):
    """What is safe to ask again is asked again, once."""

    def test_once(self) -> None:
        """The second refusal of the same kind is the answer."""
        carrier = Carrying()
        access = Access(self.node, self.turn)
        access.carry_by({SPDY: carrier, HTTP2: carrier})
        near = RecordingEnd()
        access.dial(Relay(near, request(), Observer()))
        why = Failure(Reason.RETRY, "it hung up")
        for count in (1, 2):
            self.assertEqual((len(carrier.given), near.failures), (count, []))
            access.handed_back(carrier.given[-1], HTTP2, why)
        self.assertEqual((len(carrier.given), near.failures), (2, [why]))


class PinnedTests(LadderCase):
    """A node of which an operator has said what it speaks."""

    pinned = TUNNEL

    def test_alone(self) -> None:
        """It is asked for that alone, and refused when it does not understand."""
        near, _ = self.dial()
        self.assertEqual(self.http1.tried, [TUNNEL])
        self.assertEqual(self.http2.wires, [])
        self.assertIn("tunnel: it answered", self.only(near).message)


class ApiServerTests(LadderCase):
    """An API server in the place of a node."""

    api = True

    def test_its_urls(self) -> None:
        """Its URLs name the pod their own way, and it is asked for no HTTP/2."""
        self.http1.speaks = CHANNELS
        _, relay = self.dial()
        self.assertIsNotNone(relay.far)
        self.assertEqual(self.http2.wires, [])
        path = b"/k8s/api/v1/namespaces/shop/pods/web-0/portforward"
        lines = [wire.asked.split(b"\r\n")[0] for wire in self.http1.wires]
        self.assertEqual(
            lines,
            [
                b"POST " + path + b" HTTP/1.1",
                b"GET " + path + b" HTTP/1.1",
                b"GET " + path + b"?ports=80 HTTP/1.1",
            ],
        )
        for wire in self.http1.wires:
            self.assertIn(b"Bearer s3cret", wire.asked)
