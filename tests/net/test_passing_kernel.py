"""Tests for :mod:`spdygate.net.passing` on real sockets: what a kernel adds."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.trial.unittest import TestCase

from spdygate.dialect.apiexchange import READ_AHEAD
from spdygate.dialect.exchange import Asked
from spdygate.gateway.switchboard import Switchboard
from spdygate.net.apiserver import ApiServer
from spdygate.net.passing import Passing
from spdygate.net.turn import Turn
from spdygate.wire.upgrade import Request
from tests.gateway.exchangeends import ClientEnd
from tests.net.passingcases import FACTS, Scripted, ScriptedFactory
from tests.net.shellcases import Nowhere

MIB = 1024 * 1024

#: Bytes that the sockets' own buffers may take at the most, on any system.
BUFFERS = 20 * MIB


class KernelTests(TestCase):
    """One API server on loopback."""

    timeout = 30

    def setUp(self) -> None:
        """Listen."""
        self.factory = ScriptedFactory()
        self.port: IListeningPort = _reactor.listenTCP(
            0,
            self.factory,  # type: ignore[arg-type]
            interface="127.0.0.1",
        )
        number = self.port.getHost().port  # type: ignore[attr-defined]
        endpoint = TCP4ClientEndpoint(_reactor, "127.0.0.1", number)
        authority = f"127.0.0.1:{number}"
        api = ApiServer(
            f"http://{authority}", authority, "http", "", endpoint, endpoint
        )
        self.turn = Turn(_reactor)
        self.passing = Passing(api, Switchboard(Nowhere()), self.turn)
        self.addCleanup(self.clean)

    async def clean(self) -> None:
        """Close all."""
        self.passing.stop()
        for server in self.factory.built:
            if server.transport is not None:
                server.transport.abortConnection()  # type: ignore[attr-defined]
        closed = self.port.stopListening()
        if closed is not None:
            await closed
        await self.until(lambda: all(server.lost for server in self.factory.built))

    def until(self, done: Callable[[], bool]) -> Deferred[None]:
        """Wait until something is so."""
        waiting: Deferred[None] = Deferred()

        def look() -> None:
            if done():
                waiting.callback(None)
            else:
                _reactor.callLater(0.002, look)

        look()
        return waiting

    def ask(
        self, method: str, upgrade: str = "", *headers: tuple[str, str]
    ) -> ClientEnd:
        """Ask something."""
        end = ClientEnd()
        request = Request(method, b"/a", (("host", "gate"), *headers))
        with self.turn:
            self.passing.carry(Asked(end, request, upgrade, method != "PUT"), FACTS)
        return end

    async def server(self) -> Scripted:
        """Return the API server's side once it has been asked."""
        await self.until(
            lambda: bool(self.factory.built and self.factory.built[0].count)
        )
        return self.factory.built[0]

    async def test_upload_to_a_slow_server(self) -> None:
        """A server that does not read holds the client back, and loses nothing."""
        size = 24 * MIB
        end = self.ask("PUT", "", ("content-length", str(size)))
        piece, asked = bytes(range(256)) * 256, 0
        await self.until(lambda: bool(self.factory.built))
        server = self.factory.built[0]
        assert server.transport is not None
        server.transport.pauseProducing()  # type: ignore[attr-defined]
        while end.received - end.granted < MIB and asked < size:
            with self.turn:
                end.comes(piece)
            asked += len(piece)
            await self.settle()
        self.assertLess(asked, size)
        self.assertLess(end.granted, BUFFERS)
        server.transport.resumeProducing()  # type: ignore[attr-defined]
        while asked < size:
            await self.until(lambda: end.received - end.granted < MIB)
            with self.turn:
                end.comes(piece)
            asked += len(piece)
            await self.settle()
        with self.turn:
            end.ends()
        await self.until(lambda: end.granted == size)
        await self.until(lambda: server.count > size)
        body = server.read().partition(b"\r\n\r\n")[2]
        self.assertEqual(body, piece * (size // len(piece)))

    async def test_download_by_a_slow_client(self) -> None:
        """A client that does not read holds the API server back."""
        end = self.ask("GET")
        end.ends()
        server = await self.server()
        end.holds = True
        size = 24 * MIB
        server.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        server.say(bytes(size))
        await self.until(lambda: end.waiting > READ_AHEAD)
        await self.settle()
        self.assertLess(end.waiting, READ_AHEAD + MIB)
        while not end.finished:
            with self.turn:
                end.let_go()
            end.holds = not end.finished
            await self.settle()
        self.assertEqual(len(end.sent), size)

    async def settle(self) -> None:
        """Let the reactor have a few turns."""
        for _ in range(3):
            turn: Deferred[None] = Deferred()
            _reactor.callLater(0, turn.callback, None)
            await turn

    async def test_half_close(self) -> None:
        """Behind a 101, each direction ends with a FIN of its own."""
        end = self.ask("GET", "websocket")
        server = await self.server()
        server.say(
            b"HTTP/1.1 101 Switching Protocols\r\n"
            b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello"
        )
        await self.until(lambda: end.sent == b"hello")
        server.read()
        with self.turn:
            end.comes(b"last words")
            end.ends()
        await self.until(lambda: server.count == 10)
        self.assertEqual(server.read(), b"last words")
        await self.until(lambda: server.lost)
        await self.until(lambda: end.finished)
        self.assertEqual(end.failures, [])
