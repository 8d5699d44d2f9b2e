"""Tests for :mod:`spdygate.node.tcpend`, on real sockets."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Generator
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from spdygate.dialect.tunnel import (
    Data,
    Failed,
    Finished,
    Reason,
    TunnelEvent,
)
from spdygate.net.sockets import Ready
from spdygate.net.turn import Turn
from spdygate.node.tcpend import READ_AHEAD, TcpEnd
from tests.dialect.contract import WHY, drained
from tests.node.tcpends import Record

_reactor: Any = global_reactor

#: What a test with a reactor does.
Steps = Generator["Deferred[Any]", Any, None]

#: Bytes that no kernel keeps all of in the buffers of one connection.
LARGE = 16 * 1024 * 1024


class KernelTests(TestCase):
    """The same on sockets of the kernel, whose other end is driven by hand."""

    timeout = 20

    def setUp(self) -> None:
        """Make a TCP connection on the loopback, and give one end to the reactor."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            ours = socket.create_connection(listening.getsockname())
            self.pod, _ = listening.accept()
        self.pod.setblocking(False)
        self.addCleanup(self.pod.close)
        self.end = TcpEnd(Turn(_reactor))
        self.record = self.end.receiver = Record()
        with ours:  # the reactor works on a duplicate
            _reactor.adoptStreamConnection(
                ours.fileno(), socket.AF_INET, Ready(self.end)
            )
        self.addCleanup(self._hang_up)
        self.got = bytearray()
        self.fin = False

    @inlineCallbacks
    def _hang_up(self) -> Steps:
        """Let nothing stay in the reactor."""
        self.end.over = True
        self.end.transport.abortConnection()  # type: ignore[union-attr]
        yield self.once(lambda: not self.end.transport.connected)  # type: ignore[union-attr]

    @inlineCallbacks
    def once(self, condition: Callable[[], object]) -> Steps:
        """Turn the reactor until something is so; the test's time is the bound."""
        while not condition():
            yield deferLater(_reactor, 0)

    def read(self) -> bool:
        """Let the pod read a little; return whether it has met a FIN."""
        try:
            data = self.pod.recv(1 << 20)
        except BlockingIOError:
            return False
        self.got += data
        self.fin = not data
        return self.fin

    def events(self, kind: type[TunnelEvent]) -> list[TunnelEvent]:
        """Return what was told of one kind."""
        return [event for event in self.record.events if isinstance(event, kind)]

    def heard(self) -> bytes:
        """Return the bytes that were told."""
        found = (event for event in self.record.events if isinstance(event, Data))
        return b"".join(bytes(event.data) for event in found)

    @inlineCallbacks
    def test_server_speaks_first(self) -> Steps:
        """A pod that greets is heard before anything was sent to it."""
        self.pod.send(b"220 ready")
        yield self.once(lambda: self.heard() == b"220 ready")
        self.assertEqual(self.got, b"")

    @inlineCallbacks
    def test_fin_behind_congested_data(self) -> Steps:
        """The FIN comes behind more than the kernel holds, and Drained is exact."""
        took = self.end.send(bytes(LARGE))
        self.end.finish()
        yield self.once(self.read)
        self.assertEqual(len(self.got), LARGE)
        self.assertEqual(took + drained(self.record.events), LARGE)
        self.assertEqual(self.events(Failed), [])
        self.pod.send(b"answer")
        yield self.once(lambda: self.heard() == b"answer")
        self.assertEqual(self.events(Finished), [])

    @inlineCallbacks
    def test_slow_and_moving(self) -> Steps:
        """A pod that reads a little is seen to take something, long before all."""
        took = self.end.send(bytes(LARGE))
        read = 0
        while drained(self.record.events) == 0:
            with contextlib.suppress(BlockingIOError):
                read += len(self.pod.recv(16384))
            yield deferLater(_reactor, 0)
        self.assertLess(took + drained(self.record.events) - read, LARGE // 2)
        self.assertLess(read, LARGE // 8)

    @inlineCallbacks
    def test_our_fin_first(self) -> Steps:
        """After our FIN the pod answers as late as it likes, then ends it all."""
        self.end.send(b"question")
        self.end.finish()
        yield self.once(self.read)
        self.assertEqual(self.got, b"question")
        self.pod.send(b"answer")
        self.pod.shutdown(socket.SHUT_WR)
        yield self.once(lambda: not self.end.transport.connected)  # type: ignore[union-attr]
        self.assertEqual(self.heard(), b"answer")
        self.assertEqual(self.record.events[-1], Finished(self.end))

    @inlineCallbacks
    def test_their_fin_first(self) -> Steps:
        """After the pod's FIN it still hears what is sent, and our FIN."""
        self.pod.shutdown(socket.SHUT_WR)
        yield self.once(lambda: self.events(Finished))
        self.assertTrue(self.end.transport.connected)  # type: ignore[union-attr]
        self.end.send(b"late")
        self.end.finish()
        yield self.once(self.read)
        self.assertEqual(self.got, b"late")
        yield self.once(lambda: not self.end.transport.connected)  # type: ignore[union-attr]
        self.assertEqual(self.record.events, [Finished(self.end)])

    @inlineCallbacks
    def test_reset(self) -> Steps:
        """A RST of the pod is told as one."""
        self.pod.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.pod.close()
        yield self.once(lambda: self.events(Failed))
        (event,) = self.record.events
        assert isinstance(event, Failed)
        self.assertIs(event.failure.reason, Reason.TARGET_RESET)
        self.assertIn("reset", event.failure.message)

    @inlineCallbacks
    def test_abort(self) -> Steps:
        """A failure without a FIN is a RST for the pod."""
        self.end.fail(WHY)
        yield self.once(lambda: not self.end.transport.connected)  # type: ignore[union-attr]
        self.assertRaises(ConnectionResetError, self.pod.recv, 1)
        self.assertEqual(self.record.events, [])

    @inlineCallbacks
    def test_fail_after_finish(self) -> Steps:
        """A failure behind a FIN costs none of the bytes before it."""
        took = self.end.send(bytes(LARGE))
        self.end.finish()
        self.end.fail(WHY)
        yield self.once(self.read)
        self.assertEqual(len(self.got), LARGE)
        yield self.once(lambda: not self.end.transport.connected)  # type: ignore[union-attr]
        self.assertEqual(took + drained(self.record.events), LARGE)
        self.assertEqual(self.events(Failed), [])

    @inlineCallbacks
    def test_read_ahead(self) -> Steps:
        """A pod whose bytes nobody takes is made to wait, and then goes on."""
        block, sent = bytes(1 << 20), 0
        for _ in range(200):
            try:
                sent += self.pod.send(block)
            except BlockingIOError:
                yield deferLater(_reactor, 0)
        held = self.record.count
        self.assertGreater(sent, held)
        # One read more than the bound may have been under way.
        read = self.end.transport.bufferSize  # type: ignore[union-attr]
        self.assertLessEqual(held, READ_AHEAD + read)
        granted = 0
        while granted < sent:
            count = self.record.count - granted
            if count:
                self.end.grant(count)
                granted += count
                continue
            yield deferLater(_reactor, 0)
        self.assertEqual(self.record.count, sent)
