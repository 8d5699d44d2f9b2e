"""Tests for :mod:`spdygate.wire.portforward`."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis.strategies import (
    binary,
    lists,
    permutations,
    sampled_from,
    tuples,
)
from twisted.trial.unittest import SynchronousTestCase

from spdygate.wire.headerblock import Headers
from spdygate.wire.portforward import (
    BadStream,
    Kind,
    Negotiation,
    StreamAsk,
    already_assigned,
    check_stream,
    error_forwarding,
    error_forwarding_2015,
    negotiate,
    timed_out,
    timed_out_2015,
)


class NegotiateTests(SynchronousTestCase):
    """X-Stream-Protocol-Version."""

    def test_absent(self) -> None:
        """Clients before Kubernetes 1.1 offer nothing, and are told nothing."""
        chosen = negotiate([])
        self.assertEqual(chosen, Negotiation(None, None))
        self.assertFalse(chosen.nothing_matches)

    def test_chosen(self) -> None:
        """The one protocol is chosen wherever it stands, in lines or lists."""
        for offered in (
            ["portforward.k8s.io"],
            ["v9.example", "portforward.k8s.io"],
            ["v9.example , portforward.k8s.io,,"],
            ["", " portforward.k8s.io "],
        ):
            with self.subTest(offered):
                chosen = negotiate(offered)
                self.assertEqual(chosen.protocol, "portforward.k8s.io")
                self.assertFalse(chosen.nothing_matches)

    def test_nothing_matches(self) -> None:
        """An offer that has it not is refused in apimachinery's words."""
        chosen = negotiate(["x, y", "PORTFORWARD.K8S.IO"])
        self.assertTrue(chosen.nothing_matches)
        self.assertEqual(
            chosen.message,
            "unable to upgrade: unable to negotiate protocol: client supports "
            "[x y PORTFORWARD.K8S.IO], server accepts [portforward.k8s.io]",
        )

    def test_empty(self) -> None:
        """A header without a protocol in it offers nothing that matches."""
        for offered in ([""], [" , ,"]):
            self.assertTrue(negotiate(offered).nothing_matches)

    def test_bounded(self) -> None:
        """A long offer is not repeated whole."""
        self.assertLess(len(negotiate(["x" * 60_000]).message), 1200)


def headers(**fields: bytes) -> Headers:
    """Return stream headers."""
    return tuple((name.encode(), value) for name, value in fields.items())


class CheckStreamTests(SynchronousTestCase):
    """The headers of a stream (httpstream.go, ``httpStreamReceived``)."""

    def refusal(self, **fields: bytes) -> str:
        """Return the words in which headers are refused."""
        return str(self.assertRaises(BadStream, check_stream, headers(**fields)))

    @given(permutations(headers(streamtype=b"error", port=b"9001", requestid=b"0")))
    def test_generation_c(self, fields: list[tuple[bytes, bytes]]) -> None:
        """Clients since 1.1 send three headers, in the order of a Go map."""
        ask = check_stream(tuple(fields))
        self.assertEqual(ask, StreamAsk(Kind.ERROR, 9001, "0"))

    def test_generations_a_and_b(self) -> None:
        """Older clients send no ``requestID``; an empty one is none."""
        ask = check_stream(headers(streamtype=b"data", port=b"80"))
        self.assertEqual(ask, StreamAsk(Kind.DATA, 80, None))
        ask = check_stream(headers(streamtype=b"data", port=b"80", requestid=b""))
        self.assertEqual(ask, StreamAsk(Kind.DATA, 80, None))

    def test_lone(self) -> None:
        """The OpenShift documentation has one stream, with a port."""
        ask = check_stream(headers(port=b"5000"))
        self.assertEqual(ask, StreamAsk(Kind.LONE, 5000, None))

    def test_undertow(self) -> None:
        """Pseudo headers, as Undertow sends them, are passed over."""
        fields = ((b":method", b"POST"), (b":path", b"/"), (b":host", b"h"))
        ask = check_stream((*fields, *headers(streamtype=b"data", port=b"1")))
        self.assertEqual(ask, StreamAsk(Kind.DATA, 1, None))

    def test_first_value_wins(self) -> None:
        """Of several values, NUL between them or not, Go takes the first."""
        fields = headers(streamtype=b"data\0error", port=b"80\x0081")
        ask = check_stream((*fields, (b"port", b"82"), (b"requestid", b"7\0")))
        self.assertEqual(ask, StreamAsk(Kind.DATA, 80, "7"))
        self.assertEqual(self.refusal(port=b"\x0080"), '"port" header is required')

    def test_port_required(self) -> None:
        """Check 1: there is a port."""
        self.assertEqual(self.refusal(), '"port" header is required')
        self.assertEqual(
            self.refusal(streamtype=b"x", port=b""), '"port" header is required'
        )

    def test_port_syntax(self) -> None:
        """Check 2: it is a number of 16 bits."""
        self.assertEqual(
            self.refusal(port=b"abc"),
            'unable to parse "abc" as a port: '
            'strconv.ParseUint: parsing "abc": invalid syntax',
        )
        self.assertEqual(
            self.refusal(port=b"65536"),
            'unable to parse "65536" as a port: '
            'strconv.ParseUint: parsing "65536": value out of range',
        )

    def test_port_zero(self) -> None:
        """Check 3: it is not 0."""
        self.assertEqual(self.refusal(port=b"00"), 'port "00" must be > 0')

    def test_stream_type_required(self) -> None:
        """Check 4: one of a pair says which it is."""
        self.assertEqual(
            self.refusal(port=b"80", requestid=b"0"),
            '"streamType" header is required',
        )

    def test_stream_type(self) -> None:
        """Check 5: it is one of two, and case matters."""
        self.assertEqual(
            self.refusal(port=b"80", streamtype=b"Data"), 'invalid stream type "Data"'
        )

    def test_request_id_is_bounded(self) -> None:
        """A ``requestID`` is kept, so it may not be long."""
        self.assertIn("257 bytes", self.refusal(port=b"80", requestid=b"x" * 257))
        ask = check_stream(
            headers(port=b"80", streamtype=b"data", requestid=b"\xff" * 256)
        )
        self.assertEqual(ask.request_id, "\xff" * 256)

    @given(
        lists(
            tuples(
                sampled_from([b"port", b"streamtype", b"requestid", b"x"]),
                sampled_from([b"", b"1", b"0", b"data", b"error", b"\0"]) | binary(),
            )
        )
    )
    def test_any_headers(self, fields: list[tuple[bytes, bytes]]) -> None:
        """Any headers are an ask with a valid port, or a bad stream."""
        with contextlib.suppress(BadStream):
            ask = check_stream(tuple(fields))
            self.assertTrue(0 < ask.port < 65536)


class TextTests(SynchronousTestCase):
    """Texts for the error stream."""

    def test_error_forwarding(self) -> None:
        """The texts of cri-streaming and of the kubelet of 2015."""
        self.assertEqual(
            error_forwarding(80, "ns/pod", "u", "why"),
            "error forwarding port 80 to pod ns/pod, uid u: why",
        )
        self.assertEqual(
            error_forwarding_2015(80, "ns/pod", "", "why"),
            "Error forwarding port 80 to pod ns/pod, uid : why",
        )

    def test_timed_out(self) -> None:
        """The two texts for a pair that did not become one."""
        self.assertEqual(timed_out("7"), "(request=7) timed out waiting for streams")
        self.assertEqual(timed_out_2015(), "Timed out waiting for data stream")

    def test_already_assigned(self) -> None:
        """The two texts for a third stream of a pair."""
        text = "error processing stream for request 7: {} stream already assigned"
        self.assertEqual(already_assigned("7", Kind.DATA), text.format("data"))
        self.assertEqual(already_assigned("7", Kind.ERROR), text.format("error"))
