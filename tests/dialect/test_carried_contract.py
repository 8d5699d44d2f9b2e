"""Tests for `spdygate.dialect.carried`: the contract of every end, held inside."""

from __future__ import annotations

from spdygate.dialect.servedspdy import Errors
from tests.dialect import contract, test_nodespdyend_contract, test_spdyend
from tests.dialect.carriedbyhand import TunnelClient, TunnelNode


class ServedBench(test_spdyend.SpdyBench):
    """The bench of a SPDY client's end, with a WebSocket between."""

    client: TunnelClient

    def __init__(self, errors: Errors) -> None:
        super().__init__(errors, old=False)
        self.client = TunnelClient(errors)
        self.end, _ = self.client.connects()
        self.end.accept()

    def hold(self) -> None:
        """Let the transport be congested."""
        self.client.carried.pause()

    def let_go(self) -> None:
        """Let it drain."""
        self.client.carried.resume()
        while self.client.carried.has_waiting:
            self._told += self.client.carried.release(1 << 20)


class NodeBench(test_nodespdyend_contract.SpdyBench):
    """The bench of a SPDY node's end, with a WebSocket between."""

    by_hand: TunnelNode

    def __init__(self) -> None:
        super().__init__()
        self.by_hand = TunnelNode(hold_fin=0)
        self.end = self.by_hand.connect()

    def hold(self) -> None:
        """Let the transport be congested."""
        self.by_hand.carried.pause()


class ServedContractTests(contract.EndContract):
    """The contract of every end, for a client in a WebSocket."""

    def bench(self) -> contract.Bench:
        """Make one."""
        return ServedBench(Errors.ISOLATE)


class KubeletContractTests(contract.EndContract):
    """The same with a kubelet's ways."""

    def bench(self) -> contract.Bench:
        """Make one."""
        return ServedBench(Errors.KUBELET)


class NodeContractTests(contract.EndContract):
    """The contract of every end, for a node in a WebSocket."""

    def bench(self) -> contract.Bench:
        """Make one."""
        return NodeBench()
