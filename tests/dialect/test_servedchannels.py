"""Tests for `spdygate.dialect.servedchannels`: ports, their ends, a client's time."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.patience import USUAL
from spdygate.dialect.servedchannels import ServedChannelEnd, ServedChannels
from spdygate.dialect.servedspdy import LAST_WORDS
from spdygate.dialect.spdystreams import Visit
from spdygate.dialect.tunnel import (
    Data,
    Drained,
    Failed,
    Failure,
    Finished,
    Opening,
    Reason,
    Request,
)
from spdygate.session.websocket import WebSocketSession
from spdygate.wire.channels import BadPorts, Codec, read_ports
from spdygate.wire.urls import parse
from tests.dialect.channelpeers import ChannelClient, Opcode
from tests.dialect.ends import TARGET

REFUSED = Failure(Reason.REFUSED, "connection refused")
GONE = Failure(Reason.POD_GONE, "the pod was deleted")

TEXT = "error forwarding port {} to pod shop/web-0, uid : {}"

#: The cases of ``TestServeWSPortForward`` (Kubernetes,
#: pkg/kubelet/server/server_websocket_test.go): name, port, uid, what the client
#: says, what the container says, whether the request is refused.
CASES = (
    ("no port", "", False, b"", b"", True),
    ("none number port", "abc", False, b"", b"", True),
    ("negative port", "-1", False, b"", b"", True),
    ("too large port", "65536", False, b"", b"", True),
    ("0 port", "0", False, b"", b"", True),
    ("min port", "1", False, b"", b"", False),
    ("normal port", "8000", False, b"", b"", False),
    ("normal port with data forward", "8000", False, b"client", b"container", False),
    ("max port", "65535", False, b"", b"", False),
    ("normal port with uid", "8000", True, b"", b"", False),
)


class KubeletCases(SynchronousTestCase):
    """What a kubelet's own tests ask of it, with its names."""

    def ask(self, port: str, *, uid: bool) -> tuple[Visit, list[int]]:
        """Read the URL of a request as those tests write it."""
        path = "/portForward/other/foo" + ("/9b01b80f-8fb4" if uid else "")
        url = parse(f"{path}?port={port}".encode())
        assert url is not None
        return Visit(url.target, "s1"), read_ports(url.query)

    def test_serve_ws_port_forward(self) -> None:
        """TestServeWSPortForward: every case of it."""
        for name, port, uid, from_client, from_container, refused in CASES:
            with self.subTest(name):
                if refused:
                    self.assertRaises(BadPorts, self.ask, port, uid=uid)
                else:
                    self.forward(port, uid, from_client, from_container)

    def forward(self, port: str, uid: bool, says: bytes, answers: bytes) -> None:
        """Have one connection made, with a word in each direction."""
        visit, ports = self.ask(port, uid=uid)
        client = ChannelClient()
        client.ours = client.served = ServedChannels(
            visit, ports, Codec.RAW, WebSocketSession(client=False)
        )
        named = int(port).to_bytes(2, "little")
        self.assertEqual(client.written(), [b"\x00" + named, b"\x01" + named])
        (opening,) = client.passes(0)
        assert isinstance(opening, Opening)
        self.assertEqual(opening.request.port, int(port))
        self.assertEqual(opening.request.target.uid, "9b01b80f-8fb4" if uid else None)
        opening.end.accept()
        if says:
            (data,) = client.says(0, says)
            self.assertEqual(data, Data(opening.end, says))
        if answers:
            opening.end.send(answers)
            self.assertEqual(client.written(), [b"\x00" + answers])
        opening.end.finish()
        self.assertEqual(client.passes(0), [Finished(opening.end)])
        client.look()
        self.assertEqual(client.closed, 1000)

    def test_serve_ws_multiple_port_forward(self) -> None:
        """TestServeWSMultiplePortForward: three ports, six channels, no mixing."""
        url = parse(b"/portForward/other/foo?port=7000,8000&port=9000")
        assert url is not None
        client = ChannelClient(read_ports(url.query))
        preambles = [(7000).to_bytes(2, "little")] * 2
        preambles += [(8000).to_bytes(2, "little")] * 2
        preambles += [(9000).to_bytes(2, "little")] * 2
        expected = [bytes((channel,)) + port for channel, port in enumerate(preambles)]
        self.assertEqual(client.written(), expected)
        ends = client.connects()
        for index, end in enumerate(ends):
            says = b"client data on port %d" % end.port
            self.assertEqual(client.says(2 * index, says), [Data(end, says)])
        for index, end in enumerate(ends):
            end.send(b"container data on port %d" % end.port)
            (message,) = client.written()
            answer = bytes((2 * index,)) + b"container data on port %d" % end.port
            self.assertEqual(message, answer)


class BeginningTests(SynchronousTestCase):
    """Every port is asked for, at once and once."""

    def test_requests(self) -> None:
        """Each has an id of its own, and the session's."""
        client = ChannelClient((80, 443))
        self.assertEqual((client.served.tunnels, client.served.opened), (2, 0))
        self.assertEqual(client.served.deadline(), 0.0)
        first, second = client.passes(0)
        assert isinstance(first, Opening) and isinstance(second, Opening)
        expected = Request(TARGET, 80, "s1-0", "jane", "python", "s1")
        self.assertEqual(first.request, expected)
        expected = Request(TARGET, 443, "s1-2", "jane", "python", "s1")
        self.assertEqual(second.request, expected)
        self.assertEqual(client.served.opened, 2)
        self.assertEqual(client.passes(1), [])

    def test_a_client_that_does_not_wait(self) -> None:
        """What comes with the request is told behind what it belongs to."""
        client = ChannelClient()
        opening, data = client.says(0, b"GET /")
        assert isinstance(opening, Opening)
        self.assertEqual(data, Data(opening.end, b"GET /"))
        self.assertEqual(client.passes(0), [])

    def test_gone_before_it_began(self) -> None:
        """Nobody is told of the end of what nobody was asked for."""
        client = ChannelClient((80, 81))
        self.assertEqual(client.served.lost(), [])
        self.assertEqual(client.served.tunnels, 0)
        self.assertEqual(client.leftovers(), {})

    def test_binary(self) -> None:
        """Python and JavaScript clients read no text, and count preambles' bytes."""
        client = ChannelClient((80,))
        client.look()
        self.assertEqual(
            client.messages,
            [(Opcode.BINARY, b"\x00\x50\x00"), (Opcode.BINARY, b"\x01\x50\x00")],
        )


class Base64Tests(SynchronousTestCase):
    """The same in text."""

    def test_conversation(self) -> None:
        """Preambles, bytes and errors are text: a digit, then base64."""
        client = ChannelClient((80, 81), Codec.BASE64)
        client.look()
        self.assertEqual(client.messages[0], (Opcode.TEXT, b"0UAA="))
        self.assertEqual(client.messages[3], (Opcode.TEXT, b"3UQA="))
        first, second = client.connects()
        text = b"2" + base64.b64encode(b"hello")
        self.assertEqual(client.does(client.raw(0x81, text)), [Data(second, b"hello")])
        first.send(b"\xff\x00")
        second.fail(REFUSED)
        words = base64.b64encode(TEXT.format(81, "connection refused").encode())
        self.assertEqual(client.written(), [b"0/wA=", b"3" + words])

    def test_long_messages(self) -> None:
        """Messages are no longer than raw ones are."""
        client = ChannelClient((80,), Codec.BASE64)
        (end,) = client.connects()
        data = bytes(range(256)) * 300
        end.send(data)
        written = client.written()
        self.assertEqual(max(map(len, written)), 32 * 1024 + 1)
        decoded = b"".join(base64.b64decode(message[1:]) for message in written)
        self.assertEqual(decoded, data)

    def test_bad_base64(self) -> None:
        """It is ignored, and the next message is as good as ever."""
        client = ChannelClient((80,), Codec.BASE64)
        (end,) = client.connects()
        self.assertEqual(client.does(client.raw(0x81, b"0*bad*")), [])
        (data,) = client.does(client.raw(0x81, b"0QUJD"))
        self.assertEqual(data, Data(end, b"ABC"))


class EndingTests(SynchronousTestCase):
    """Each port for itself (docs/protocol.rst, section 8.4)."""

    def setUp(self) -> None:
        """Connect two ports."""
        self.client = ChannelClient((80, 81))
        self.first, self.second = self.client.connects()

    def test_refused(self) -> None:
        """The text on the second channel; the other port lives on."""
        self.first.fail(REFUSED)
        text = TEXT.format(80, "connection refused").encode()
        self.assertEqual(self.client.written(), [b"\x01" + text])
        self.assertEqual(self.client.passes(LAST_WORDS), [])
        self.assertEqual(self.client.says(2, b"x"), [Data(self.second, b"x")])
        self.assertEqual(self.client.closed, None)
        self.assertEqual(self.client.served.tunnels, 1)

    def test_the_uid_is_told(self) -> None:
        """As a kubelet does, if the URL had one."""
        client = ChannelClient()
        line = client.served._line
        line.target = parse(b"/portForward/shop/web-0/u-1").target  # type: ignore[union-attr]
        (end,) = client.connects()
        end.fail(REFUSED)
        words = b"\x01error forwarding port 80 to pod shop/web-0, uid u-1: "
        self.assertEqual(client.written(), [words + b"connection refused"])

    def test_finished(self) -> None:
        """A port falls silent, without a word; what the client still says is lost."""
        self.first.send(b"bye")
        self.first.finish()
        self.assertEqual(self.client.passes(0), [Finished(self.first)])
        self.assertEqual(self.client.says(0, b"late"), [])
        self.assertEqual(self.client.written(), [b"\x00bye"])
        self.assertFalse(self.client.served.ending)

    def test_all_finished(self) -> None:
        """Close 1000 when the last of them is over, however it ended."""
        self.first.fail(REFUSED)
        self.second.finish()
        self.assertFalse(self.client.served.ending)
        self.assertEqual(self.client.passes(0), [Finished(self.second)])
        self.assertTrue(self.client.served.ending)
        self.client.look()
        self.assertEqual(self.client.closed, 1000)
        self.assertEqual(self.client.served.why, "")
        self.assertEqual(self.client.leftovers(), {})

    def test_all_failed(self) -> None:
        """The texts come first, then the Close."""
        self.first.fail(REFUSED)
        self.second.fail(REFUSED)
        self.assertTrue(self.client.served.ending)
        self.assertEqual([body[0] for body in self.client.written()], [1, 3])
        self.assertEqual(self.client.closed, 1000)

    def test_finished_but_waiting(self) -> None:
        """A port is over when its last byte has left, and not before."""
        self.client.served.pause()
        self.first.send(b"bye")
        self.first.finish()
        self.assertEqual(self.client.passes(0), [])
        self.client.served.resume()
        told = self.client.served.release(100)
        self.assertEqual(told, [Drained(self.first, 3)])
        self.assertEqual(self.client.passes(0), [Finished(self.first)])

    def test_failed_between_finish_and_its_report(self) -> None:
        """Rule 4: a failure in that moment is the last of it."""
        self.first.finish()
        self.first.fail(REFUSED)
        self.assertEqual(self.client.passes(0), [])
        self.assertEqual(self.client.written(), [])

    def test_finished_as_the_connection_is_lost(self) -> None:
        """What was finished is told as such, the rest as given up."""
        self.first.finish()
        finished, failed = self.client.served.lost()
        self.assertEqual(finished, Finished(self.first))
        assert isinstance(failed, Failed)
        self.assertIs(failed.end, self.second)

    def test_pod_gone(self) -> None:
        """The text, a moment for the other ports to say so too, and Close."""
        self.first.fail(GONE)
        text = TEXT.format(80, "the pod was deleted").encode()
        self.assertEqual(self.client.written(), [b"\x01" + text])
        self.assertEqual(self.client.passes(0), [])
        self.assertFalse(self.client.served.ending)
        self.assertEqual(self.client.served.deadline(), LAST_WORDS)
        (failed,) = self.client.passes(LAST_WORDS)
        assert isinstance(failed, Failed)
        self.assertIs(failed.end, self.second)
        self.client.look()
        self.assertEqual((self.client.closed, self.client.served.ending), (1000, True))
        self.assertEqual(self.client.served.why, "its pod is gone")

    def test_pod_gone_with_one_port(self) -> None:
        """There is nobody to wait for."""
        client = ChannelClient()
        (end,) = client.connects()
        end.fail(GONE)
        self.assertTrue(client.served.ending)


class ClientEndsTests(SynchronousTestCase):
    """The client has two ways to end, and both end everything."""

    def test_close(self) -> None:
        """What it sent is all there is, then it gives up; its Close is answered."""
        for code in (1000, 1001, None):
            client = ChannelClient((80, 81))
            first, second = client.connects()
            told = client.closes(code)
            finished, failed = told[:2], told[2:]
            self.assertEqual(finished, [Finished(first), Finished(second)])
            why = Failure(Reason.GAVE_UP, "the client closed the WebSocket")
            self.assertEqual(failed, [Failed(first, why), Failed(second, why)])
            self.assertTrue(client.served.ending)
            self.assertEqual(client.served.why, "the client closed the WebSocket")
            client.look()
            self.assertEqual(client.closed, 1005 if code is None else code)
            self.assertEqual(client.leftovers(), {})

    def test_lost(self) -> None:
        """A connection that vanishes is given up, and nothing is finished."""
        client = ChannelClient((80, 81))
        ends = client.connects()
        why = Failure(Reason.GAVE_UP, "the client closed the connection")
        self.assertEqual(client.served.lost(), [Failed(end, why) for end in ends])
        self.assertEqual(client.leftovers(), {})

    def test_what_waited_for_it(self) -> None:
        """A port that had finished, with bytes that never leave, has failed."""
        client = ChannelClient()
        (end,) = client.connects()
        client.served.pause()
        end.send(b"answer")
        end.finish()
        end.fail(REFUSED)
        (failed,) = client.closes()
        self.assertIsInstance(failed, Failed)

    def test_the_error_channel(self) -> None:
        """A client has nothing to say there, and is not heard."""
        client = ChannelClient()
        client.connects()
        self.assertEqual(client.says(1, b"error"), [])


class TimeTests(SynchronousTestCase):
    """Quiet connections are kept alive, useless ones are not."""

    def test_pings(self) -> None:
        """After each 30 s of silence, whatever the client answers or not."""
        client = ChannelClient()
        client.connects()
        for count in (1, 2, 3):
            self.assertEqual(client.passes(USUAL.quiet), [])
            client.look()
            self.assertEqual(client.pings, count)
        self.assertFalse(client.served.ending)

    def test_no_ping_for_one_that_speaks(self) -> None:
        """Whoever is heard need not be asked."""
        client = ChannelClient()
        client.connects()
        client.passes(USUAL.quiet - 1)
        client.does(client.raw(0x89, b"ping"))
        client.passes(USUAL.quiet - 1)
        client.look()
        self.assertEqual(client.pings, 0)

    def test_idle(self) -> None:
        """After four hours without a byte it ends, as at a kubelet."""
        client = ChannelClient()
        (end,) = client.connects()
        client.passes(USUAL.idle - 1)
        self.assertFalse(client.served.ending)
        (failed,) = client.passes(1)
        assert isinstance(failed, Failed)
        self.assertIs(failed.end, end)
        client.look()
        self.assertEqual((client.closed, client.served.why), (1000, "idle for 4 hours"))

    def test_pongs_are_no_use(self) -> None:
        """Answers to our own Pings do not keep it open."""
        client = ChannelClient()
        client.connects()
        for _ in range(int(USUAL.idle / USUAL.quiet)):
            client.passes(USUAL.quiet)
            client.look()
            client.does(client.raw(0x8A, client.pings.to_bytes(8)))
        self.assertTrue(client.served.ending)

    def test_not_idle(self) -> None:
        """A byte in either direction is use."""
        for sends in (False, True):
            client = ChannelClient()
            (end,) = client.connects()
            for _ in range(5):
                client.passes(USUAL.idle / 2)
                if sends:
                    end.send(b"x")
                    client.passes(0)
                else:
                    client.says(0, b"x")
            self.assertFalse(client.served.ending)


VERBS = ("send", "finish", "fail", "data", "pause", "resume", "wait")


class AnythingTests(SynchronousTestCase):
    """Whatever a client and its pods do, in whatever order."""

    def step(self, client: ChannelClient, end: ServedChannelEnd, verb: str) -> None:
        """Do one thing."""
        match verb:
            case "send" if not end.finished:
                end.send(b"data")
            case "finish":
                end.finish()
            case "fail":
                end.fail(REFUSED)
            case "data":
                for event in client.says(end.channel, b"data"):
                    if isinstance(event, Data):
                        event.end.grant(len(event.data))
            case "pause" | "resume":
                getattr(client.served, verb)()
                client.served.release(6)
            case "wait":
                client.passes(1)

    @given(lists(tuples(sampled_from(VERBS), integers(0, 2)), max_size=40))
    def test_nothing_is_left(self, steps: list[tuple[str, int]]) -> None:
        """When the pods have all finished, the client knows and nothing is kept."""
        client = ChannelClient((80, 81, 82))
        ends = client.connects()
        for verb, number in steps:
            self.step(client, ends[number], verb)
        client.served.resume()
        for end in ends:
            end.finish()
        client.served.release(1 << 20)
        client.passes(0)
        client.look()
        self.assertEqual((client.closed, client.leftovers()), (1000, {}))
