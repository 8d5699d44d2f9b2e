"""Tests for `spdygate.dialect.servedhttp2`: how tunnels begin and end."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.budget import LINGER
from spdygate.dialect.tunnel import (
    Data,
    Failed,
    Failure,
    Finished,
    Noted,
    Opening,
    Reason,
)
from spdygate.session.events import Headers
from spdygate.wire.urls import Target
from tests.dialect.ends import request
from tests.dialect.gatewaybyhand import Gateway
from tests.dialect.http2joined import HOP, Joined, failures
from tests.session.http2peer import CONNECT, POST, data, raw, rst

REFUSED = Failure(Reason.REFUSED, "127.0.0.1:8080: connection refused")


class OpeningTests(SynchronousTestCase):
    """How a tunnel begins."""

    def setUp(self) -> None:
        """Connect."""
        self.gateway = Gateway()

    def test_what_is_asked_for(self) -> None:
        """The pod, the port and who asks are told; nothing is answered yet."""
        fields = (*CONNECT, (b"spdygate-user", b"jane"), (b"x-request-id", b"s1-3"))
        (opening,) = self.gateway.says(self.gateway.headers(1, fields))
        assert isinstance(opening, Opening)
        asked = opening.request
        self.assertEqual(asked.target, Target(None, "default", "web", None))
        self.assertEqual((asked.port, asked.user), (5000, "jane"))
        self.assertEqual(asked.request_id, "s1-3")
        self.assertEqual(self.gateway.written(), [])
        self.assertEqual(self.gateway.served.tunnels, 1)

    def test_a_user_from_anyone(self) -> None:
        """Who did not prove to be a gateway speaks for nobody."""
        gateway = Gateway(trusted=False)
        fields = (*CONNECT, (b"spdygate-user", b"system:admin"))
        (opening,) = gateway.says(gateway.headers(1, fields))
        assert isinstance(opening, Opening)
        self.assertEqual(opening.request.user, "")

    def test_accept(self) -> None:
        """The 200 has the proof and does not end the stream; it is said once."""
        (opening,) = self.gateway.says(self.gateway.headers(1))
        assert isinstance(opening, Opening)
        opening.end.accept()
        opening.end.accept()
        (answer,) = self.gateway.written()
        self.assertEqual(answer[:3], (1, 4, 1))
        self.assertEqual(
            self.gateway.answer(answer[3]),
            {":status": "200", "x-stream-protocol-version": "portforward.k8s.io"},
        )

    def test_early_data(self) -> None:
        """Bytes and FIN that come before the answer are told at once, in order."""
        told = self.gateway.says(
            self.gateway.headers(1), data(1, b"GET / "), data(1, b"", end=True)
        )
        self.assertEqual([type(event) for event in told], [Opening, Data, Finished])

    def test_finished_in_the_same_breath(self) -> None:
        """A CONNECT that ends its stream is a tunnel that only listens."""
        told = self.gateway.says(self.gateway.headers(1, end=True))
        self.assertEqual([type(event) for event in told], [Opening, Finished])

    def test_given_up_at_once(self) -> None:
        """A reset in the same read ends the tunnel, which leaves nothing."""
        told = self.gateway.says(self.gateway.headers(1), rst(1, 8))
        self.assertEqual([type(event) for event in told], [Opening, Failed])
        assert isinstance(told[0], Opening)
        told[0].end.accept()
        told[0].end.fail(REFUSED)
        self.assertEqual(self.gateway.written(), [])
        self.assertEqual(self.gateway.served.tunnels, 0)

    def test_finished_and_given_up_in_one_read(self) -> None:
        """A reset right behind the FIN is not lost."""
        (opening,) = self.gateway.says(self.gateway.headers(1))
        assert isinstance(opening, Opening)
        opening.end.accept()
        told = self.gateway.says(data(1, b"bye", end=True), rst(1, 0xA))
        self.assertEqual([type(event) for event in told], [Data, Finished, Failed])
        self.assertEqual(self.gateway.served.tunnels, 0)


class RefusalTests(SynchronousTestCase):
    """How a tunnel is refused."""

    def refusal(self, fields: Headers, *, end: bool = False) -> int:
        """Return the status with which a request is refused, without a tunnel."""
        gateway = Gateway()
        (note,) = gateway.says(gateway.headers(1, fields, end=end))
        self.assertIsInstance(note, Noted)
        self.assertEqual(gateway.served.tunnels, 0)
        frames = gateway.written()
        fields_back = gateway.answer(frames[0][3])
        document = json.loads(b"".join(body for kind, _, _, body in frames if not kind))
        self.assertEqual(str(document["code"]), fields_back[":status"])
        self.assertEqual(fields_back["x-stream-protocol-version"], "portforward.k8s.io")
        # END_STREAM, and RST_STREAM(NO_ERROR) if the request is still open.
        last = [(0, 1, 1, b"")] if end else [(0, 1, 1, b""), (3, 0, 1, bytes(4))]
        self.assertEqual(frames[-len(last) :], last)
        return int(fields_back[":status"])

    def test_what_is_no_tunnel(self) -> None:
        """An ordinary request is refused with a Status, and costs only itself."""
        self.assertEqual(self.refusal(POST), 404)
        self.assertEqual(self.refusal(POST, end=True), 404)

    def test_a_bad_port_or_path(self) -> None:
        """So is a tunnel to nowhere."""
        port = tuple((k, b"0" if k == b"port" else v) for k, v in CONNECT)
        path = tuple((k, b"/healthz" if k == b":path" else v) for k, v in CONNECT)
        self.assertEqual(self.refusal(port), 400)
        self.assertEqual(self.refusal(path), 400)

    def test_another_protocol(self) -> None:
        """And one that speaks of something else."""
        fields = tuple(
            (k, b"websocket" if k == b":protocol" else v) for k, v in CONNECT
        )
        self.assertEqual(self.refusal(fields), 501)

    def test_each_reason(self) -> None:
        """A refusal arrives with its reason, its words, and the node's name."""
        for reason in set(Reason) - {Reason.STRANGER}:
            joined = Joined()
            near, far = joined.open()
            far.fail(Failure(reason, "because"))
            joined.exchange()
            self.assertEqual(
                joined.gateway_side.told(),
                [Failed(near, Failure(reason, f"{HOP}because"))],
            )
            self.assertEqual((joined.node.tunnels, joined.served.tunnels), (0, 0))

    def test_early_data_is_dropped(self) -> None:
        """What was sent to a target that refused is forgotten on both sides."""
        joined = Joined()
        near = joined.node.open(request())
        near.send(b"GET / ")
        joined.exchange()
        opening, early = joined.node_side.told()
        assert isinstance(opening, Opening) and isinstance(early, Data)
        opening.end.fail(REFUSED)
        opening.end.grant(6)
        self.assertEqual(near.send(b"more"), 4)
        joined.exchange()
        self.assertEqual(len(failures(joined.gateway_side.told(), near)), 1)
        self.assertEqual(joined.node_side.told(), [])
        self.assertEqual(joined.served._session.open_streams, 0)

    def test_a_body_that_must_wait(self) -> None:
        """A congested transport delays the reason; no byte of it is the tunnel's."""
        joined = Joined()
        near, far = joined.open()
        joined.served.pause()
        far.fail(REFUSED)
        joined.exchange()
        self.assertEqual(joined.gateway_side.told(), [])
        self.assertEqual(joined.served.tunnels, 0)
        joined.served.resume()
        joined.release()
        self.assertEqual(len(failures(joined.gateway_side.told(), near)), 1)
        self.assertEqual(joined.node_side.told(), [])
        self.assertEqual(joined.served._session.open_streams, 0)

    def test_a_second_failure(self) -> None:
        """Asked twice, a refusal that waits is cut off."""
        joined = Joined()
        near, far = joined.open()
        joined.served.pause()
        far.fail(REFUSED)
        far.fail(REFUSED)
        joined.exchange()
        self.assertEqual(len(failures(joined.gateway_side.told(), near)), 1)
        self.assertEqual(joined.served._session.open_streams, 0)


class EndTests(SynchronousTestCase):
    """How a connection ends."""

    def test_lost(self) -> None:
        """Every tunnel fails once, whatever its state, and nothing is kept."""
        joined = Joined()
        _, asked = joined.open()
        _, half = joined.connect()
        _, lingering = joined.connect()
        half.finish()
        joined.served.pause()
        lingering.send(b"last words")
        lingering.finish()
        lingering.fail(REFUSED)
        told = joined.served.lost()
        for end in (asked, half, lingering):
            (failed,) = failures(told, end)
            self.assertIs(failed.failure.reason, Reason.GAVE_UP)
        self.assertEqual(len(told), 3)
        self.assertEqual(joined.served.lost(), [])
        self.assertEqual(joined.served.tunnels, 0)
        self.assertEqual(joined.served.deadline(), float("inf"))
        self.assertTrue(joined.served.ending)
        woken = joined.node_side.woken
        half.fail(REFUSED)
        self.assertEqual(joined.node_side.woken, woken)

    def test_a_breach(self) -> None:
        """A peer that breaks the protocol ends its tunnels, after what came before."""
        gateway = Gateway()
        told = gateway.says(
            gateway.headers(1), data(1, b"x"), raw(8, 0, 0, bytes(4)), data(1, b"y")
        )
        self.assertEqual([type(event) for event in told], [Opening, Data, Failed])
        self.assertTrue(gateway.served.ending)
        self.assertIn("broke the protocol", gateway.served.why)
        self.assertEqual(gateway.written()[-1][0], 7)
        self.assertEqual(gateway.says(gateway.headers(3)), [])
        self.assertEqual(gateway.served.lost(), [])
        self.assertIn("broke the protocol", gateway.served.why)

    def test_time(self) -> None:
        """What lingers is thrown away when `deadline` says, and not before."""
        joined = Joined()
        joined.now = 100.0
        _, far = joined.connect()
        joined.served.pause()
        far.send(b"last words")
        far.finish()
        far.fail(REFUSED)
        joined.now = 100.0 + LINGER - 1.0
        joined.served.feed(b"", joined.now)
        self.assertEqual(joined.served.deadline(), 100.0 + LINGER)
        self.assertEqual(joined.served.tick(100.0 + LINGER - 0.1), [])
        self.assertEqual(len(joined.served.tick(100.0 + LINGER)), 1)
        self.assertEqual(joined.served.tunnels, 0)
