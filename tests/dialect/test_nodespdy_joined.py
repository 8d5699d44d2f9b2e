"""Tests for `spdygate.dialect.nodespdy`: joined in memory to our own served side."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.nodespdy import NodeSpdy
from spdygate.dialect.nodespdyend import VERDICT, NodeSpdyEnd
from spdygate.dialect.servedspdy import Errors, ServedSpdy, Visit
from spdygate.dialect.spdyend import SpdyEnd
from spdygate.dialect.tunnel import (
    Data,
    Drained,
    Failed,
    Failure,
    Finished,
    Opened,
    Opening,
    Reason,
    TunnelEvent,
)
from tests.dialect.ends import TARGET, request

#: What a relay would be told of a pod.
REFUSED = Failure(Reason.REFUSED, "dial tcp 127.0.0.1:80: connect: connection refused")
RESET = Failure(Reason.TARGET_RESET, "read: connection reset by peer")
GONE = Failure(Reason.POD_GONE, "could not find sandbox 5e1f")


class Joined:
    """
    A `NodeSpdy`, and a `ServedSpdy` in the place of a kubelet.

    :ivar near: what happened on our side, `far` on the other.
    """

    def __init__(self, errors: Errors = Errors.KUBELET, hold_fin: float = 0) -> None:
        self.node = NodeSpdy("node n1", 0.0, hold_fin)
        self.served = ServedSpdy(Visit(TARGET, "s1"), errors)
        self.near: list[TunnelEvent] = []
        self.far: list[TunnelEvent] = []
        self.now = 0.0

    def exchange(self, slices: int = 1 << 30) -> None:
        """Let all that was written arrive, in slices of so many bytes."""
        moved = True
        while moved:
            up, down = self.node.outgoing(), self.served.outgoing()
            moved = bool(up or down)
            for at in range(0, len(up), slices):
                self.far += self.served.feed(up[at : at + slices], self.now)
            for at in range(0, len(down), slices):
                self.near += self.node.feed(down[at : at + slices], self.now)

    def passes(self, seconds: float) -> None:
        """Let time pass, a look at each clock for every tenth of a second."""
        for _ in range(round(seconds * 10) + 1):
            self.near += self.node.tick(self.now)
            self.far += self.served.tick(self.now)
            self.exchange()
            self.now += 0.1

    def open(self) -> tuple[NodeSpdyEnd, SpdyEnd]:
        """Ask for a tunnel; return both its ends."""
        near = self.node.open(request())
        self.exchange()
        far = [event.end for event in self.far if isinstance(event, Opening)][-1]
        assert isinstance(far, SpdyEnd)
        return near, far

    def connect(self) -> tuple[NodeSpdyEnd, SpdyEnd]:
        """Ask for a tunnel, and have its target connected."""
        near, far = self.open()
        far.accept()
        self.exchange()
        self.near.clear()
        self.far.clear()
        return near, far


def arrived(told: list[TunnelEvent]) -> bytes:
    """Return the bytes that came."""
    return b"".join(bytes(event.data) for event in told if isinstance(event, Data))


class FailureTests(SynchronousTestCase):
    """A failure there is a failure here."""

    def failed(self, joined: Joined) -> Reason:
        """Return why the tunnel failed; check that it did so once."""
        (failed,) = [event for event in joined.near if isinstance(event, Failed)]
        return failed.failure.reason

    def test_refused(self) -> None:
        """A dial that failed refuses, with a text or without."""
        for errors in Errors:
            joined = Joined(errors)
            _, far = joined.open()
            far.fail(REFUSED)
            joined.exchange()
            self.assertIs(self.failed(joined), Reason.REFUSED)
            self.assertEqual(joined.node.tunnels, 0)

    def test_reset(self) -> None:
        """A target that resets does so here, with a text or without."""
        for errors in Errors:
            joined = Joined(errors)
            _, far = joined.connect()
            far.send(b"half an ans")
            far.fail(RESET)
            joined.exchange()
            self.assertIs(self.failed(joined), Reason.TARGET_RESET)
            self.assertEqual(arrived(joined.near), b"half an ans")

    def test_pod_gone(self) -> None:
        """A pod that is gone is gone for everybody, before and after the reply."""
        for errors in Errors:
            for accepted in (False, True):
                joined = Joined(errors)
                _, far = joined.connect() if accepted else joined.open()
                far.fail(GONE)
                joined.exchange()
                self.assertIs(self.failed(joined), Reason.POD_GONE)

    def test_our_client_gave_up(self) -> None:
        """A reset of ours gives the other side up, and nothing is left there."""
        joined = Joined()
        near, _ = joined.connect()
        near.fail(Failure(Reason.GAVE_UP, "the client is gone"))
        joined.exchange()
        (failed,) = joined.far
        assert isinstance(failed, Failed)
        self.assertIs(failed.failure.reason, Reason.GAVE_UP)
        self.assertEqual(joined.served.tunnels, 0)
        self.assertEqual(joined.served._session.open_streams, 0)

    def test_neighbours(self) -> None:
        """What one tunnel suffers is no other's business."""
        joined = Joined()
        pairs = [joined.connect() for _ in range(3)]
        pairs[1][1].fail(RESET)
        joined.exchange()
        for near, far in (pairs[0], pairs[2]):
            near.send(b"?")
            far.send(b"!")
        joined.exchange()
        self.assertEqual((arrived(joined.far), arrived(joined.near)), (b"??", b"!!"))


class WholeTests(SynchronousTestCase):
    """Tunnels from their beginning to their end."""

    def assert_nothing_left(self, joined: Joined) -> None:
        """Check that neither side keeps a stream."""
        joined.passes(VERDICT)
        for dialect in (joined.node, joined.served):
            self.assertEqual(dialect.tunnels, 0)
            self.assertEqual(dialect._session.open_streams, 0)

    def test_client_first(self) -> None:
        """Both halves end by themselves."""
        joined = Joined()
        near, far = joined.connect()
        near.send(b"request")
        near.finish()
        joined.exchange()
        self.assertIsInstance(joined.far[-1], Finished)
        far.send(b"answer")
        far.finish()
        joined.exchange()
        self.assertEqual(arrived(joined.far + joined.near), b"requestanswer")
        self.assertEqual(joined.near[-1], Finished(near))
        self.assert_nothing_left(joined)

    def test_held_fin(self) -> None:
        """A FIN that is held back reaches the other side with the pod's end."""
        joined = Joined(hold_fin=30.0)
        near, far = joined.connect()
        near.send(b"request")
        near.finish()
        joined.passes(5)
        self.assertEqual([type(event) for event in joined.far], [Data])
        far.finish()
        joined.exchange()
        self.assertIn(Finished(far), joined.far)
        self.assert_nothing_left(joined)

    @settings(max_examples=50)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(("up", "down", "pause", "resume", "exchange")),
                st.integers(0, 2),
                st.integers(1, 70_000),
            ),
            max_size=40,
        ),
        st.integers(1, 100_000),
    )
    def test_any_conversation(
        self, steps: list[tuple[str, int, int]], slices: int
    ) -> None:
        """Whatever is said arrives, whoever is congested, in slices of any length."""
        joined = Joined()
        pairs = [joined.connect() for _ in range(3)]
        said = {end: b"" for pair in pairs for end in pair}
        gone = dict.fromkeys(said, 0)
        for verb, which, count in steps:
            near, far = pairs[which]
            if verb in ("up", "down"):
                end = near if verb == "up" else far
                words = (count.to_bytes(4) * (count // 4 + 1))[:count]
                said[end] += words
                gone[end] += end.send(words)
            elif verb == "exchange":
                joined.exchange(max(slices, 500))
            else:
                getattr(joined.node if count % 2 else joined.served, verb)()
        for dialect, told in (
            (joined.node, joined.near),
            (joined.served, joined.far),
        ):
            dialect.resume()
            while dialect.has_waiting:
                told += dialect.release(100_000)
        joined.exchange()
        for near, far in pairs:
            for end, other, told in (
                (near, far, joined.far),
                (far, near, joined.near),
            ):
                mine = [e for e in told if isinstance(e, Data) and e.end is other]
                self.assertEqual(arrived(list(mine)), said[end])
                other.grant(len(said[end])) if said[end] else None
        for event in joined.near + joined.far:
            if isinstance(event, Drained):
                gone[event.end] += event.count  # type: ignore[index]
        self.assertEqual(gone, {end: len(words) for end, words in said.items()})
        self.assertEqual(joined.node._line.held.total, 0)


class OpeningTests(SynchronousTestCase):
    """How the two begin."""

    def test_when_it_is_opened(self) -> None:
        """Before the dial at a kubelet, after it at one that isolates errors."""
        for errors, early in ((Errors.KUBELET, True), (Errors.ISOLATE, False)):
            joined = Joined(errors)
            near, far = joined.open()
            self.assertEqual(joined.near == [Opened(near)], early)
            far.accept()
            joined.exchange()
            self.assertEqual(joined.near, [Opened(near)])

    def test_many(self) -> None:
        """A hundred tunnels at once, each with a pair of its own."""
        joined = Joined()
        pairs = [joined.connect() for _ in range(100)]
        for count, (near, _) in enumerate(pairs):
            near.send(b"%d" % count)
        joined.exchange()
        told = {event.end: event.data for event in joined.far if type(event) is Data}
        for count, (_, far) in enumerate(pairs):
            self.assertEqual(told[far], b"%d" % count)
