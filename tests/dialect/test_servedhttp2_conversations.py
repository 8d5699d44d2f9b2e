"""Tests for `spdygate.dialect.servedhttp2`: whole tunnels."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import Finished, Opened, Opening
from tests.dialect.ends import request
from tests.dialect.http2joined import Joined, arrived, finished


class ConversationTests(SynchronousTestCase):
    """A tunnel from its beginning to its end."""

    def test_a_whole_life(self) -> None:
        """Asked, early bytes, accepted, bytes both ways, each FIN by itself."""
        joined = Joined()
        near = joined.node.open(request(8080))
        self.assertEqual(near.send(b"early"), 5)
        joined.exchange()
        told = joined.node_side.told()
        opening = told[0]
        assert isinstance(opening, Opening)
        far = opening.end
        self.assertEqual(opening.request.port, 8080)
        self.assertEqual(arrived(told, far), b"early")
        far.accept()
        far.send(b"hello")
        joined.exchange()
        told = joined.gateway_side.told()
        self.assertEqual(told[0], Opened(near))
        self.assertEqual(arrived(told, near), b"hello")
        near.finish()
        joined.exchange()
        self.assertEqual(joined.node_side.told(), [Finished(far)])
        far.send(b"late answer")
        far.finish()
        joined.exchange()
        told = joined.gateway_side.told()
        self.assertEqual(arrived(told, near), b"late answer")
        self.assertTrue(finished(told, near))
        self.assertEqual((joined.node.tunnels, joined.served.tunnels), (0, 0))
        self.assertEqual(joined.node._session.open_streams, 0)

    def test_many_at_once(self) -> None:
        """Bytes of one tunnel never come out of another."""
        joined = Joined()
        pairs = [joined.connect() for _ in range(50)]
        for number, (near, far) in enumerate(pairs):
            near.send(b"up %d" % number)
            far.send(b"down %d" % number)
        joined.exchange()
        up, down = joined.node_side.told(), joined.gateway_side.told()
        for number, (near, far) in enumerate(pairs):
            self.assertEqual(arrived(up, far), b"up %d" % number)
            self.assertEqual(arrived(down, near), b"down %d" % number)
