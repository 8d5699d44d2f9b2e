"""Tests for `spdygate.dialect.nodespdystreams`: what real servers sent, and any bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import (
    Data,
    Failed,
    Finished,
    Opened,
    Reason,
    TunnelEvent,
)
from tests.dialect.spdynode import FIN, SpdyNode, data, text_of
from tests.wire.captures import RST_STREAM, SERVER

#: The greeting of the pod behind `captures.SERVER`.
HELLO = b"hello from the pod side\n"


def joined(told: list[TunnelEvent]) -> list[TunnelEvent]:
    """Return the events with the pieces of each tunnel's bytes put together."""
    found: list[TunnelEvent] = []
    for event in told:
        last = found[-1] if found else None
        if isinstance(event, Data) and isinstance(last, Data) and last.end is event.end:
            last.data = bytes(last.data) + bytes(event.data)
        elif isinstance(event, Data):
            found.append(Data(event.end, bytes(event.data)))
        else:
            found.append(event)
    return found


class CaptureTests(SynchronousTestCase):
    """What cri-streaming 0.36 really sent."""

    def _begin(self) -> tuple[SpdyNode, list[TunnelEvent]]:
        """Ask for the two tunnels of the capture; return what they tell."""
        by_hand = SpdyNode()
        one, two = by_hand.open(9001), by_hand.open(9001)
        return by_hand, [
            event
            for end in (one, two)
            for event in (Opened(end), Data(end, HELLO), Finished(end))
        ]

    def test_two_connections(self) -> None:
        """Each is opened, says its greeting, and is finished."""
        by_hand, expected = self._begin()
        told = [event for frame in SERVER for event in by_hand.says(frame)]
        self.assertEqual(told, expected)

    @given(st.lists(st.integers(1, 60)))
    def test_any_slices(self, lengths: list[int]) -> None:
        """However the bytes are cut, they say the same."""
        by_hand, expected = self._begin()
        stream, told = b"".join(SERVER), []
        for length in [*lengths, len(stream)]:
            told += by_hand.says(stream[:length])
            stream = stream[length:]
        self.assertEqual(joined(told), expected)

    def test_refused_port(self) -> None:
        """SYN_REPLYs, FIN, a text, RST 5 (kubectl 1.33's view of a closed port)."""
        by_hand = SpdyNode()
        end = by_hand.open(9)
        words = (
            b"error forwarding port 9 to pod ns_mypod, uid : failed to connect to "
            b"localhost:9 inside namespace: connection refused"
        )
        told = by_hand.says(
            SERVER[0], SERVER[1], data(3, b"", FIN), data(1, words), RST_STREAM
        )
        self.assertEqual(told[0], Opened(end))
        self.assertIs(text_of(told)[0], Reason.REFUSED)
        self.assertEqual(len(told), 2)

    @given(st.binary(max_size=400), st.integers(0, len(SERVER)))
    def test_any_bytes(self, nonsense: bytes, after: int) -> None:
        """Any bytes give events or an end, and leave no tunnel behind."""
        by_hand, _ = self._begin()
        ends = set(by_hand.node._line.ends.values())
        told = by_hand.says(*SERVER[:after], nonsense) + by_hand.node.lost()
        self.assertEqual(by_hand.node.tunnels, 0)
        for end in ends:
            mine = [event for event in told if getattr(event, "end", None) is end]
            failures = [event for event in mine if isinstance(event, Failed)]
            self.assertLessEqual(len(failures), 1)
            self.assertTrue(failures or Finished(end) in mine)
