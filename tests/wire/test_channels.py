"""Tests for `spdygate.wire.channels`."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis.strategies import binary, integers, lists, text
from twisted.trial.unittest import SynchronousTestCase

from spdygate.wire.channels import (
    BASE64_PROTOCOL,
    PROTOCOLS,
    RAW_PROTOCOL,
    BadPorts,
    Codec,
    Reader,
    codec_of,
    preamble,
    read_ports,
)


class CodecTests(SynchronousTestCase):
    """A channel and its payload, as a message."""

    def test_protocols(self) -> None:
        """The two subprotocols, and none, which means the first."""
        self.assertEqual(PROTOCOLS, ("v4.channel.k8s.io", "v4.base64.channel.k8s.io"))
        self.assertIs(codec_of(RAW_PROTOCOL), Codec.RAW)
        self.assertIs(codec_of(None), Codec.RAW)
        self.assertIs(codec_of(BASE64_PROTOCOL), Codec.BASE64)

    def test_preamble(self) -> None:
        """A port is told in two bytes, the lower one first."""
        self.assertEqual(preamble(7000), b"\x58\x1b")
        self.assertEqual(preamble(1), b"\x01\x00")

    def test_raw(self) -> None:
        """One byte, then the payload as it is."""
        self.assertEqual(Codec.RAW.message(5, b"abc"), b"\x05abc")
        self.assertEqual(Codec.RAW.message(255, memoryview(b"abc")), b"\xffabc")
        self.assertFalse(Codec.RAW.text)

    def test_base64(self) -> None:
        """One digit, then base64 with its padding, in one line."""
        self.assertEqual(Codec.BASE64.message(1, b"hello"), b"1aGVsbG8=")
        long = Codec.BASE64.message(9, memoryview(bytes(300)))
        self.assertEqual(long, b"9" + b"A" * 400)
        self.assertTrue(Codec.BASE64.text)

    def test_the_largest(self) -> None:
        """No message of ours is longer than 32 KiB and a byte."""
        for codec in Codec:
            self.assertEqual(len(codec.message(0, bytes(codec.payload))), 32 * 1024 + 1)


class ReadPortsTests(SynchronousTestCase):
    """The query, in the words of cri-streaming's ``TestV4Options`` and our own."""

    def refused(self, query: bytes, codec: Codec = Codec.RAW) -> str:
        """Return why a query is refused."""
        return str(self.assertRaises(BadPorts, read_ports, query, codec))

    # The first case there, "non-ws request", is one that nobody asks us.

    def test_missing_port(self) -> None:
        """TestV4Options, "missing port"."""
        for query in (b"", b"a=1&b=2", b"Port=80"):
            message = self.refused(query)
            self.assertEqual(message, 'query parameter "port" is required')

    def test_unable_to_parse_port(self) -> None:
        """TestV4Options, "unable to parse port"."""
        self.assertEqual(
            self.refused(b"port=abc"),
            'unable to parse "abc" as a port: '
            'strconv.ParseUint: parsing "abc": invalid syntax',
        )

    def test_negative_port(self) -> None:
        """TestV4Options, "negative port"."""
        self.assertEqual(
            self.refused(b"port=-1"),
            'unable to parse "-1" as a port: '
            'strconv.ParseUint: parsing "-1": invalid syntax',
        )

    def test_one_port(self) -> None:
        """TestV4Options, "one port"."""
        self.assertEqual(read_ports(b"port=80"), [80])

    def test_multiple_ports(self) -> None:
        """TestV4Options, "multiple ports": a list with commas."""
        self.assertEqual(read_ports(b"port=80,90,100"), [80, 90, 100])

    def test_multiple_port(self) -> None:
        """TestV4Options, "multiple port": the parameter twice."""
        self.assertEqual(read_ports(b"port=80&port=90"), [80, 90])

    def test_ports_of_an_api_server(self) -> None:
        """The other name, repeated, with lists, and both together in their order."""
        self.assertEqual(read_ports(b"ports=80&ports=443"), [80, 443])
        self.assertEqual(
            read_ports(b"x=1&ports=80,81&port=443&ports=1"), [80, 81, 443, 1]
        )

    def test_empty(self) -> None:
        """A parameter without a value, and a list with a hole in it."""
        for query in (b"port=", b"port", b"port=80&port="):
            message = self.refused(query)
            self.assertEqual(message, 'query parameter "port" cannot be empty')
        self.assertEqual(
            self.refused(b"ports=80,"),
            'unable to parse "80," as a port: '
            'strconv.ParseUint: parsing "": invalid syntax',
        )

    def test_zero_and_too_large(self) -> None:
        """0 and 65536 are no ports, 1 and 65535 are."""
        self.assertEqual(self.refused(b"port=0"), 'port "0" must be > 0')
        self.assertIn("value out of range", self.refused(b"port=65536"))
        self.assertEqual(read_ports(b"port=1,65535"), [1, 65535])

    def test_percent(self) -> None:
        """Names and values may be percent-encoded; a plus is a blank, and no digit."""
        self.assertEqual(read_ports(b"%70ort=80%2C8%31"), [80, 81])
        self.assertIn('parse "+80"', self.refused(b"port=%2B80"))
        self.assertIn('parse " 80"', self.refused(b"port=+80"))

    def test_the_same_port_twice(self) -> None:
        """Each has channels of its own, as a kubelet gives it."""
        self.assertEqual(read_ports(b"port=80,80"), [80, 80])

    def test_too_many(self) -> None:
        """There are 256 channels, or ten digits; a long list is not even read."""
        many = b"ports=" + b",".join([b"80"] * 128)
        self.assertEqual(len(read_ports(many)), 128)
        self.assertEqual(
            self.refused(many + b",81"), "too many ports: 128 are the most here"
        )
        self.assertEqual(self.refused(many + b"&port=81,abc")[:8], "too many")
        self.assertEqual(len(read_ports(b"port=1,2,3,4,5", Codec.BASE64)), 5)
        self.assertEqual(
            self.refused(b"port=1,2,3,4,5,6", Codec.BASE64),
            "too many ports: 5 are the most here",
        )

    @given(binary(max_size=40) | text("port=s&,%+0123456789;", max_size=40))
    def test_anything(self, query: bytes | str) -> None:
        """Any query is refused or names ports that exist."""
        raw = query.encode() if isinstance(query, str) else query
        try:
            ports = read_ports(raw)
        except BadPorts:
            return
        self.assertTrue(ports and all(0 < port < 65536 for port in ports))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Return *data* in pieces, the last of which may be empty."""
    ends = sorted(place % (len(data) + 1) for place in places)
    return [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]


def read(reader: Reader, pieces: list[bytes]) -> tuple[int | None, bytes, bool]:
    """Return the channel of a message, its payload, and whether it is bad."""
    parts = [
        bytes(reader.take(piece, finished=index == len(pieces) - 1))
        for index, piece in enumerate(pieces)
    ]
    return reader.channel, b"".join(parts), reader.bad


class ReaderTests(SynchronousTestCase):
    """Messages, read as they come."""

    def test_raw(self) -> None:
        """The first byte is the channel, what follows is passed on at once."""
        reader = Reader(Codec.RAW)
        self.assertEqual(bytes(reader.take(b"\x02ab", finished=False)), b"ab")
        self.assertEqual(bytes(reader.take(b"", finished=False)), b"")
        self.assertEqual(bytes(reader.take(b"cd", finished=True)), b"cd")
        self.assertEqual((reader.channel, reader.bad), (2, False))

    def test_the_next_message(self) -> None:
        """Nothing of a message is left for the next one."""
        reader = Reader(Codec.BASE64)
        self.assertEqual(read(reader, [b"0QU", b"I=x"]), (0, b"AB", True))
        self.assertEqual(read(reader, [b"1Q"]), (1, b"", True))
        self.assertEqual(read(reader, [b"2QUI="]), (2, b"AB", False))
        self.assertEqual(read(reader, [b""]), (None, b"", False))
        self.assertEqual(read(reader, [b"3QUJD"]), (3, b"ABC", False))

    def test_without_a_channel(self) -> None:
        """An empty message names none, however many pieces it has."""
        for codec in Codec:
            reader = Reader(codec)
            self.assertEqual(read(reader, [b"", b"", b""]), (None, b"", False))

    def test_a_byte_without_payload(self) -> None:
        """A channel alone is no mistake, and says nothing."""
        self.assertEqual(read(Reader(Codec.RAW), [b"\x03"]), (3, b"", False))
        self.assertEqual(read(Reader(Codec.BASE64), [b"3"]), (3, b"", False))

    def test_no_digit(self) -> None:
        """Nothing else says which channel is meant, in base64."""
        for first in (b"\x00", b"/", b":", b"A", b"\xff"):
            channel, payload, bad = read(Reader(Codec.BASE64), [first + b"QUJD"])
            self.assertEqual((payload, bad), (b"", True))
            self.assertNotIn(channel, range(10))

    def test_base64_in_single_characters(self) -> None:
        """What makes no byte yet is kept, and that is three characters at most."""
        reader = Reader(Codec.BASE64)
        pieces = [reader.take(b"%c" % char, finished=False) for char in b"0QUJDREU="]
        self.assertEqual(
            [bytes(piece) for piece in pieces],
            [b"", b"", b"", b"", b"ABC", b"", b"", b"", b"DE"],
        )

    def test_bad_base64(self) -> None:
        """What is good in front is passed on, the rest of the message is not."""
        for message, payload in (
            (b"QUJD*UJD", b"ABC"),
            (b"QUJDQUI", b"ABC"),
            (b"QUJDQ===QUJD", b"ABC"),
            (b"QUJDQQ==QUJD", b"ABCA"),
            (b"QUI=QUJD", b"AB"),
            (b"=QUJD", b""),
            (b"QUJD====", b"ABC"),
            (b"QUJDQU-_", b"ABC"),
            (b"QUJD\xc3\xa4QQ", b"ABC"),
        ):
            for pieces in ([b"0" + message], cut(b"0" + message, [1, 3, 5, 6, 9])):
                with self.subTest(pieces):
                    expected = (0, payload, True)
                    self.assertEqual(read(Reader(Codec.BASE64), pieces), expected)

    def test_lines(self) -> None:
        """Some encoders break lines; Go's decoder skips that."""
        expected = (0, b"ABCDEF", False)
        message = b"0QUJD\r\nRE\nVG\r\n"
        self.assertEqual(read(Reader(Codec.BASE64), [message]), expected)
        self.assertEqual(read(Reader(Codec.BASE64), cut(message, [7, 9])), expected)

    @given(integers(0, 255), binary(max_size=50), lists(integers(0, 99), max_size=5))
    def test_raw_round_trip(self, channel: int, data: bytes, places: list[int]) -> None:
        """However a message is cut, it says what was put into it."""
        pieces = cut(Codec.RAW.message(channel, data), places)
        self.assertEqual(read(Reader(Codec.RAW), pieces), (channel, data, False))

    @given(integers(0, 9), binary(max_size=50), lists(integers(0, 99), max_size=5))
    def test_base64_round_trip(
        self, channel: int, data: bytes, places: list[int]
    ) -> None:
        """The same in base64, against the library's own encoder."""
        message = str(channel).encode() + base64.b64encode(data)
        self.assertEqual(Codec.BASE64.message(channel, data), message)
        pieces = cut(message, places)
        self.assertEqual(read(Reader(Codec.BASE64), pieces), (channel, data, False))

    @given(
        binary(max_size=30) | text("01QUJD=*\r\n", max_size=30),
        lists(integers(0, 99), max_size=5),
    )
    def test_any_message(self, message: bytes | str, places: list[int]) -> None:
        """Any message can be read, and any cut of it says the same."""
        raw = message.encode() if isinstance(message, str) else message
        for codec in Codec:
            whole = read(Reader(codec), [raw])
            self.assertEqual(read(Reader(codec), cut(raw, places)), whole)
