"""Tests for `spdygate.gateway.switchboard`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.exchange import Answer, Answered, Trailed
from spdygate.dialect.tunnel import (
    Data,
    Failure,
    Finished,
    Noted,
    Opened,
    Opening,
    Reason,
    TunnelEvent,
)
from spdygate.gateway.relay import Observer, Relay
from spdygate.gateway.switchboard import Switchboard
from spdygate.wire.upgrade import Request
from tests.dialect.ends import RecordingEnd, request
from tests.gateway.exchangeends import ClientEnd


class Dialer:
    """Keeps what it is to dial, or refuses it at once."""

    def __init__(self, failure: Failure | None = None) -> None:
        self.dialled: list[Relay] = []
        self.failure = failure

    def dial(self, relay: Relay) -> None:
        """Note the relay."""
        self.dialled.append(relay)
        if self.failure is not None:
            relay.refuse(self.failure)


class Counter(Observer):
    """Counts the tunnels that end, and keeps the faults."""

    ended = 0

    def __init__(self) -> None:
        self.faults: list[Exception] = []

    def fault(self, error: Exception) -> None:
        """Keep it."""
        self.faults.append(error)

    def tunnel_ended(self, relay: Relay) -> None:
        """Count one."""
        self.ended += 1


class SwitchboardTests(SynchronousTestCase):
    """New tunnels go to the dialer, all else to their relay."""

    def setUp(self) -> None:
        """Begin with one end."""
        self.dialer = Dialer()
        self.switchboard = Switchboard(self.dialer)
        self.near = RecordingEnd()

    def test_opening(self) -> None:
        """A wish becomes a relay with the client's end and its request."""
        asked = request(443)
        notes = self.switchboard.act([Opening(self.near, asked)])
        (relay,) = self.dialer.dialled
        self.assertEqual(notes, [])
        self.assertIs(relay.near, self.near)
        self.assertIs(relay.request, asked)
        self.assertIs(self.near.receiver, relay)

    def test_one_read_may_hold_a_whole_conversation(self) -> None:
        """What follows the opening in the same list finds its relay."""
        self.near.received = 3
        events: list[TunnelEvent] = [
            Opening(self.near, request()),
            Data(self.near, b"abc"),
            Finished(self.near),
        ]
        self.switchboard.act(events)
        far = RecordingEnd()
        self.dialer.dialled[0].join(far)
        self.assertEqual((far.sent, far.finished), (b"abc", True))

    def test_each_to_its_own(self) -> None:
        """Two tunnels of one connection do not mix."""
        ends = [RecordingEnd(), RecordingEnd()]
        self.switchboard.act([Opening(end, request()) for end in ends])
        fars = [RecordingEnd(), RecordingEnd()]
        for relay, far in zip(self.dialer.dialled, fars, strict=True):
            relay.join(far)
        for end in ends:
            end.received = 1
        self.switchboard.act([Data(ends[1], b"1"), Data(ends[0], b"0")])
        self.assertEqual([far.sent for far in fars], [b"0", b"1"])
        self.switchboard.act([Opened(fars[1])])
        self.assertEqual([end.accepted for end in ends], [0, 1])

    def test_notes(self) -> None:
        """What concerns no tunnel is handed back, in order, for the log."""
        notes = self.switchboard.act([Noted("first"), Noted("second")])
        self.assertEqual(notes, ["first", "second"])

    def test_an_end_that_nobody_holds(self) -> None:
        """What happens at such an end happens to nobody."""
        self.assertEqual(self.switchboard.act([Finished(self.near)]), [])

    def test_a_dialer_that_refuses_at_once(self) -> None:
        """It may refuse before it returns; what follows is of no consequence."""
        why = Failure(Reason.NO_SUCH_POD, "no such pod")
        counter = Counter()
        switchboard = Switchboard(Dialer(why), counter)
        self.near.received = 3
        switchboard.act([Opening(self.near, request()), Data(self.near, b"abc")])
        self.assertEqual(self.near.failures, [why])
        self.assertEqual(counter.ended, 1)

    def test_without_an_observer(self) -> None:
        """Nobody needs to watch."""
        self.switchboard.act([Opening(self.near, request())])
        far = RecordingEnd()
        self.dialer.dialled[0].join(far)
        far.opens()
        far.breaks()
        self.assertEqual(len(self.near.failures), 1)


class FaultyDialer:
    """Breaks where it should not."""

    def dial(self, relay: Relay) -> None:
        """Raise what nobody expects."""
        raise OSError("no descriptors left")


class FaultTests(SynchronousTestCase):
    """A fault of ours costs the tunnel in which it happens, and no other."""

    def test_a_fault(self) -> None:
        """The tunnel fails, the fault is told, and what comes behind it is acted on."""
        observer = Counter()
        switchboard = Switchboard(FaultyDialer(), observer)
        one, other = RecordingEnd(), RecordingEnd()
        notes = switchboard.act(
            [Opening(one, request()), Opening(other, request()), Noted("behind")]
        )
        self.assertEqual(notes, ["behind"])
        self.assertEqual(
            [str(fault) for fault in observer.faults], ["no descriptors left"] * 2
        )
        for end in (one, other):
            (failure,) = end.failures
            self.assertIs(failure.reason, Reason.INTERNAL)

    def test_both_ends(self) -> None:
        """A fault between two ends leaves neither of them waiting for the other."""
        observer, dialer = Counter(), Dialer()
        switchboard = Switchboard(dialer, observer)
        near, far = RecordingEnd(), RecordingEnd()
        switchboard.act([Opening(near, request())])
        dialer.dialled[0].join(far)

        def breaks(data: object) -> int:
            raise OSError("no descriptors left")

        self.patch(far, "send", breaks)
        switchboard.act([Data(near, b"hello")])
        self.assertEqual(len(observer.faults), 1)
        self.assertEqual(observer.ended, 1)
        for end in (near, far):
            (failure,) = end.failures
            self.assertIs(failure.reason, Reason.INTERNAL)


class Listener:
    """
    A receiver that keeps what it hears.

    :ivar heard: all of it.
    """

    def __init__(self) -> None:
        self.heard: list[TunnelEvent] = []

    def act(self, event: TunnelEvent) -> None:
        """Keep it."""
        self.heard.append(event)

    def refuse(self, failure: Failure) -> None:
        """Fail the test: nothing here is at fault."""
        raise AssertionError(failure)


class ExchangeTests(SynchronousTestCase):
    """What happens to exchanges goes to whoever joined their ends."""

    def setUp(self) -> None:
        """Begin with one end."""
        self.dialer = Dialer()
        self.switchboard = Switchboard(self.dialer)
        self.end = ClientEnd()

    def test_passed_on(self) -> None:
        """A head and trailers find their receiver as bytes do."""
        listener = Listener()
        self.end.receiver = listener
        told: list[TunnelEvent] = [
            Answered(self.end, Answer(200)),
            Data(self.end, b"abc"),
            Trailed(self.end, ()),
            Finished(self.end),
        ]
        self.switchboard.act(told)
        self.assertEqual(listener.heard, told)

    def test_nobody_listens(self) -> None:
        """What happens at an end that nobody holds is lost in silence."""
        self.assertEqual(self.switchboard.act([Answered(self.end, Answer(200))]), [])
        self.assertEqual(self.end.failures, [])

    def test_a_request_that_nobody_took(self) -> None:
        """A request that gets here is answered all the same, and never dialled."""
        self.switchboard.act([self.end.asks(Request("GET", b"/"))])
        self.assertEqual(self.end.failure.reason, Reason.INTERNAL)
        self.assertEqual(self.dialer.dialled, [])
