"""
A conversation of `Http2Session` with h2 in which anything may happen.

Both sides open, answer, send, finish, reset, grant and change their minds
about windows, at random, over a wire that delivers in random slices.  In the
end everything that held them up is taken away, and then it must be true that
what was sent has arrived, in order, and that both sides count the same.
"""

from __future__ import annotations

from h2 import events as h2
from h2.settings import SettingCodes
from hypothesis.strategies import SearchStrategy, integers, lists, sampled_from, tuples
from twisted.trial.unittest import SynchronousTestCase

from spdygate.session import events
from spdygate.session.http2 import Http2Limits

from .http2peer import BAD_GATEWAY, CONNECT, OK, POST, Meeting

#: A verb, which of the streams, a number.
Step = tuple[str, int, int]

VERBS = (
    *("open", "answer", "refuse", "we finish", "they finish", "grant", "they grant"),
    *("we reset", "they reset", "deliver", "release", "pause", "resume", "settings"),
    *("we send", "they send") * 4,
)


def steps() -> SearchStrategy[list[Step]]:
    """Return a random life of a connection."""
    one = tuples(sampled_from(VERBS), integers(0, 5), integers(1, 40_000))
    return lists(one, min_size=5, max_size=60)


class Tunnel:
    """What is known of one stream, written down as it is done."""

    def __init__(self) -> None:
        self.sent = {"we": b"", "they": b""}
        self.got = {"we": b"", "they": b""}
        self.done = {"we": False, "they": False}
        self.ended = {"we": False, "they": False}
        self.waiting = self.undrained = self.unacknowledged = 0
        self.answered = self.refused = self.cut = False


class Conversation(Meeting):
    """A meeting in which anything may happen."""

    def __init__(self, *, client: bool) -> None:
        limits = Http2Limits(stream_window=65_535, session_window=100_000, held=80_000)
        super().__init__(client=client, limits=limits)
        self.client = client
        self.tunnels: dict[int, Tunnel] = {}
        self.counter = 0

    def do(self, verb: str, which: int, number: int) -> None:
        """Do one step, if it is allowed."""
        if verb == "open":
            return self.do_open()
        if verb in ("deliver", "release", "pause", "resume", "settings"):
            return self.do_connection(verb, number)
        live = [key for key, tunnel in self.tunnels.items() if not tunnel.cut]
        if not live:
            return None
        stream_id = live[which % len(live)]
        tunnel = self.tunnels[stream_id]
        who, _, what = verb.rpartition(" ")
        getattr(self, f"do_{what}")(who or "we", stream_id, tunnel, number)
        return None

    def do_open(self) -> None:
        """Open a tunnel, or with us as the server an ordinary request, in turn."""
        if self.client:
            stream_id = self.session.open_stream(CONNECT)
        else:
            stream_id = self.peer.get_next_available_stream_id()
            self.peer.send_headers(stream_id, POST if stream_id % 4 == 3 else CONNECT)
        self.tunnels[stream_id] = Tunnel()
        self.deliver(1 << 20)

    def do_connection(self, verb: str, number: int) -> None:
        """Do what concerns no single stream."""
        match verb:
            case "deliver":
                self.deliver(number)
            case "release":
                self.note(self.session.release(number))
            case "pause":
                self.session.pause()
            case "resume":
                self.session.resume()
            case "settings":
                self.change_window(number - 1)
                self.deliver(1 << 20)

    def change_window(self, size: int) -> None:
        """Have h2 change what it takes on each stream."""
        self.peer.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: size})

    def payload(self, length: int) -> bytes:
        """Return bytes that no other place in the conversation has."""
        self.counter += 1
        return (self.counter.to_bytes(4, "big") * (length // 4 + 1))[:length]

    def may_send(self, who: str, tunnel: Tunnel) -> bool:
        """Say whether that side may send: it asked, or has answered."""
        asked = (who == "we") == self.client
        return not (tunnel.done[who] or tunnel.refused) and (asked or tunnel.answered)

    def do_send(self, who: str, stream_id: int, tunnel: Tunnel, number: int) -> None:
        """Send DATA."""
        if not self.may_send(who, tunnel):
            return
        if who == "they":
            room = self.peer.local_flow_control_window(stream_id)
            number = min(number, room, self.peer.max_outbound_frame_size)
        data = self.payload(number)
        if number <= 0:
            return
        tunnel.sent[who] += data
        if who == "we":
            tunnel.waiting += number - self.session.send(stream_id, memoryview(data))
        else:
            self.peer.send_data(stream_id, data, pad_length=None)

    def do_finish(self, who: str, stream_id: int, tunnel: Tunnel, _: int) -> None:
        """Half-close."""
        if not self.may_send(who, tunnel) or (who == "we" and self.owes(stream_id)):
            return
        tunnel.done[who] = True
        if who == "we":
            self.session.finish(stream_id)
        else:
            self.peer.end_stream(stream_id)

    def owes(self, stream_id: int) -> bool:
        """Say whether a window is below zero; h2 then takes 0 bytes for too many."""
        lane = self.session._outbox._lanes.get(stream_id)
        return lane is not None and lane.window < 0

    def do_reset(self, who: str, stream_id: int, tunnel: Tunnel, _: int) -> None:
        """Give up; from then on nothing is promised but order."""
        if all(tunnel.done.values()) or tunnel.refused:
            return
        tunnel.cut = True
        if who == "we":
            self.session.reset(stream_id, 8)
        else:
            self.peer.reset_stream(stream_id, 8)

    def do_answer(self, _: str, stream_id: int, tunnel: Tunnel, __: int) -> None:
        """Accept a tunnel, from whichever side is the server."""
        if not (tunnel.answered or tunnel.refused):
            tunnel.answered = True
            if self.client:
                self.deliver(1 << 20)
                self.peer.send_headers(stream_id, OK)
            else:
                self.session.accept(stream_id, OK)

    def do_refuse(self, _: str, stream_id: int, tunnel: Tunnel, number: int) -> None:
        """Refuse one of the peer's tunnels, with much to say."""
        if self.client or tunnel.answered or tunnel.refused:
            return
        tunnel.refused = tunnel.done["we"] = True
        tunnel.sent["we"] = self.payload(number)
        self.session.refuse(stream_id, BAD_GATEWAY, tunnel.sent["we"])

    def do_grant(self, who: str, stream_id: int, tunnel: Tunnel, number: int) -> None:
        """Pass on some of what has come."""
        if who == "we":
            count = min(number, tunnel.undrained)
            tunnel.undrained -= count
            self.session.grant(stream_id, count)
        else:
            count = min(number, tunnel.unacknowledged)
            tunnel.unacknowledged -= count
            self.peer.acknowledge_received_data(count, stream_id)

    def deliver(self, size: int) -> None:
        """Carry what both have written, in slices of that size."""
        ours, theirs = self.session.outgoing(), self.peer.data_to_send()
        for at in range(0, len(ours), size):
            self.hear(self.peer.receive_data(ours[at : at + size]))
        for at in range(0, len(theirs), size):
            self.note(self.session.feed(theirs[at : at + size], 0.0))

    def note(self, noted: list[events.Event]) -> None:
        """Write down what our session reports."""
        for event in noted:
            assert not isinstance(event, events.Broken), event
            match event:
                case events.DataReceived(stream_id, data):
                    self.tunnels[stream_id].got["they"] += data
                    self.tunnels[stream_id].undrained += len(data)
                case events.Drained(stream_id, count):
                    self.tunnels[stream_id].waiting -= count
                case events.StreamFinished(stream_id):
                    assert not self.tunnels[stream_id].ended["they"]
                    self.tunnels[stream_id].ended["they"] = True
                case events.StreamReset(stream_id):
                    self.tunnels[stream_id].cut = True

    def hear(self, heard: list[h2.Event]) -> None:
        """Write down what h2 reports."""
        for event in heard:
            if isinstance(event, h2.DataReceived):
                tunnel = self.tunnels[event.stream_id]
                tunnel.got["we"] += event.data or b""
                tunnel.unacknowledged += event.flow_controlled_length or 0
            elif isinstance(event, h2.StreamEnded):
                self.tunnels[event.stream_id].ended["we"] = True
            elif isinstance(event, h2.StreamReset):
                self.tunnels[event.stream_id].cut = True

    def settle(self) -> None:
        """Take away what holds anything up, until nothing more happens."""
        self.session.resume()
        self.change_window(65_535)
        self.exchange()
        before = None
        while before != (before := self.progress()):
            for stream_id, tunnel in self.tunnels.items():
                for who in ("we", "they"):
                    self.do_grant(who, stream_id, tunnel, 1 << 30)
            self.exchange()
            self.note(self.session.release(1 << 30))
            self.exchange()

    def exchange(self) -> None:
        """Deliver until neither has anything more to say."""
        for _ in range(10):
            self.deliver(1 << 20)

    def progress(self) -> list[tuple[int, ...]]:
        """Return a value that stays the same only when nothing happens."""
        return [
            (len(t.got["we"]), len(t.got["they"]), t.cut, *t.ended.values())
            for t in self.tunnels.values()
        ]

    def check(self, test: SynchronousTestCase) -> None:
        """Hold both sides to what was sent."""
        for tunnel in self.tunnels.values():
            for who in ("we", "they"):
                test.assertTrue(tunnel.sent[who].startswith(tunnel.got[who]))
                if not (tunnel.cut or (tunnel.refused and who == "they")):
                    test.assertEqual(len(tunnel.got[who]), len(tunnel.sent[who]))
                    test.assertEqual(tunnel.ended[who], tunnel.done[who])
            if not (tunnel.cut or tunnel.refused):
                test.assertEqual(tunnel.waiting, 0)

    def check_windows(self, test: SynchronousTestCase) -> None:
        """Hold both sides to the same count of every window."""
        ours, theirs = self.session, self.peer
        test.assertEqual(theirs.outbound_flow_control_window, ours._inbound.room)
        test.assertEqual(theirs.inbound_flow_control_window, ours._outbox.window)
        test.assertEqual(ours._withheld, 0)
        held = sum(stream.inbound.held for stream in ours._streams.values())
        test.assertEqual(ours._held, held)
        open_streams = theirs.open_inbound_streams + theirs.open_outbound_streams
        test.assertEqual(ours.open_streams, open_streams)
        for stream_id, stream in ours._streams.items():
            window = theirs.streams[stream_id].outbound_flow_control_window
            if not stream.they_finished:
                test.assertEqual(window, stream.inbound.room)
            if not stream.finishing:
                window = theirs.streams[stream_id].inbound_flow_control_window
                test.assertEqual(window, ours._outbox._lanes[stream_id].window)
