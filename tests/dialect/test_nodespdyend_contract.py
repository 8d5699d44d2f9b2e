"""Tests for `spdygate.dialect.nodespdyend`: the contract of every end."""

from __future__ import annotations

from spdygate.dialect.nodespdyend import VERDICT
from spdygate.dialect.tunnel import TunnelEvent
from tests.dialect import contract
from tests.dialect.spdynode import FIN, SpdyNode, data, rst
from tests.session.spdybyhand import Seen


class SpdyBench:
    """A `contract.Bench` around an open `NodeSpdyEnd`."""

    def __init__(self) -> None:
        self.by_hand = SpdyNode(hold_fin=0)
        self.end = self.by_hand.connect()
        self._seen: list[Seen] = []
        self._told: list[TunnelEvent] = []

    def _data(self) -> list[Seen]:
        """Return the frames that the node has got on the data stream so far."""
        self._seen += self.by_hand.written()
        return [seen for seen in self._seen if seen.stream_id == self.end.data_id]

    @property
    def arrived(self) -> bytes:
        """Return what the node has got."""
        return b"".join(seen.body for seen in self._data() if seen.name == "DATA")

    @property
    def fin(self) -> bool:
        """Return whether it has got the FIN."""
        return any(seen.flags & FIN for seen in self._data())

    @property
    def dead(self) -> bool:
        """Return whether the stream was reset."""
        return rst(self.end.data_id) in self._data()

    def told(self) -> list[TunnelEvent]:
        """Return, and forget, what has happened."""
        told, self._told = self._told, []
        return told

    def hold(self) -> None:
        """Let the transport be congested."""
        self.by_hand.node.pause()

    def let_go(self) -> None:
        """Let it drain."""
        self._told += self.by_hand.drains()

    def peer_sends(self, payload: bytes) -> None:
        """Let the pod send."""
        self._told += self.by_hand.says(data(self.end.data_id, payload))

    def peer_finishes(self) -> None:
        """Let it half-close, and the node say nothing about it."""
        self._told += self.by_hand.says(data(self.end.data_id, b"", FIN))
        self._told += self.by_hand.passes(VERDICT)

    def peer_breaks(self) -> None:
        """Let the node reset the stream."""
        self._told += self.by_hand.says(self.by_hand.peer.rst(self.end.data_id))


class ContractTests(contract.EndContract):
    """The contract of every end, with a FIN that is not held back."""

    def bench(self) -> contract.Bench:
        """Make one."""
        return SpdyBench()
