"""Tests for :mod:`spdygate.dialect.spdystreams`: events that come together."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import Drained, Failed, Finished
from tests.dialect.spdyclient import SpdyClient, data
from tests.session.spdybyhand import FIN


class AheadTests(SynchronousTestCase):
    """The session is ahead of its events: an end is dropped only behind them."""

    def test_drained_in_pieces(self) -> None:
        """Every piece of what waited is reported, also behind both FINs."""
        client = SpdyClient()
        end, _ = client.connects()
        end.accept()
        client.served.outgoing()
        client.served.pause()
        end.send(bytes(600_000))
        end.finish()
        client.does(data(end.stream_id, b"", FIN))
        client.served.resume()
        told = client.served.release(1 << 20)
        counts = [event.count for event in told if isinstance(event, Drained)]
        self.assertGreater(len(counts), 1)
        self.assertEqual(sum(counts), 600_000)

    def test_finished_and_reset_in_one_read(self) -> None:
        """A reset is reported although the FIN came in the same read."""
        client = SpdyClient()
        end, _ = client.connects()
        fin = data(end.stream_id, b"", FIN)
        told = client.does(fin + client.peer.rst(end.stream_id))
        self.assertEqual([type(event) for event in told], [Finished, Failed])
