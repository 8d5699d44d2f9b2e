"""`spdygate.session.http2` serves curl and nghttp, which know nothing of us."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from shutil import which

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase

from spdygate.session.events import (
    DataReceived,
    Drained,
    Event,
    StreamFinished,
    StreamOpened,
)
from spdygate.session.http2 import Http2Session

OK = ((b":status", b"200"), (b"server", b"echo"))

#: Bytes of a body that does not fit into any window at once.
LARGE = 3_000_000


class Echo(Protocol):
    """Answers every request with its own body, as fast as it is granted."""

    session: Http2Session | None = None
    early = b""

    def dataReceived(self, data: bytes) -> None:
        """Feed, act, write."""
        if self.session is None:
            data = self.begin(data)
        if self.session is not None:
            for event in self.session.feed(data, 0.0):
                self.act(self.session, event)
            while self.session.has_waiting:
                for event in self.session.release(1 << 20):
                    self.act(self.session, event)
            assert self.transport is not None
            self.transport.write(self.session.outgoing())

    def begin(self, data: bytes) -> bytes:
        """Find out whether the peer knows HTTP/2 already, or asks for it."""
        self.early += data
        if self.early.startswith(b"PRI"):
            self.session = Http2Session(client=False)
            return self.early
        head, done, rest = self.early.partition(b"\r\n\r\n")
        if not done:
            return b""
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"http2-settings":
                self.session = Http2Session.after_upgrade(value.strip())
                self.session.refuse(1, OK, b"upgraded")
        switching = b"HTTP/1.1 101 Hi\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        assert self.transport is not None
        self.transport.write(switching)
        return rest

    @staticmethod
    def act(session: Http2Session, event: Event) -> None:
        """Echo."""
        match event:
            case StreamOpened(stream_id, _, finished):
                session.accept(stream_id, OK)
                if finished:
                    session.send(stream_id, b"nothing")
                    session.finish(stream_id)
            case DataReceived(stream_id, data):
                session.grant(stream_id, session.send(stream_id, data))
            case Drained(stream_id, count):
                session.grant(stream_id, count)
            case StreamFinished(stream_id):
                session.finish(stream_id)


class Echoes(Factory):
    """Makes an `Echo` for every connection."""

    noisy = False

    def buildProtocol(self, addr: IAddress | None) -> Echo:
        """Echo to whoever comes."""
        return Echo()


class ForeignTests(TestCase):
    """Ordinary requests over cleartext HTTP/2."""

    timeout = 30

    async def serve(self) -> str:
        """Listen on any port, until the test is over; return the URL."""
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port: IListeningPort = await endpoint.listen(Echoes())
        self.addCleanup(port.stopListening)
        host = port.getHost()
        assert isinstance(host, IPv4Address)
        return f"http://127.0.0.1:{host.port}/"

    async def run_program(self, name: str, *arguments: str) -> bytes:
        """Run a program and return what it printed; it must say all is well."""
        path = which(name)
        assert path is not None
        running: Awaitable[tuple[bytes, bytes, int]] = getProcessOutputAndValue(
            path, arguments
        )
        printed, complaints, code = await running
        self.assertEqual(code, 0, complaints)
        return printed

    def body(self) -> str:
        """Write a large body into a file, and return its path."""
        path = Path(self.mktemp())
        path.write_bytes(bytes(range(250)) * (LARGE // 250))
        return str(path)

    def test_curl(self) -> Deferred[None]:
        """curl, with prior knowledge, gets back what it posts, and what it does not."""
        return Deferred.fromCoroutine(self.curl())

    async def curl(self) -> None:
        """Post much, and get little."""
        url = await self.serve()
        options = ("--http2-prior-knowledge", "--silent", "--fail")
        large = f"@{self.body()}"
        printed = await self.run_program("curl", *options, "--data-binary", large, url)
        self.assertEqual(printed, bytes(range(250)) * (LARGE // 250))
        self.assertEqual(await self.run_program("curl", *options, url), b"nothing")

    def test_curl_upgrade(self) -> Deferred[None]:
        """curl, by ``Upgrade: h2c``, reads the answer on stream 1."""
        return Deferred.fromCoroutine(self.curl_upgrade())

    async def curl_upgrade(self) -> None:
        """Ask for HTTP/2 in HTTP/1.1."""
        url = await self.serve()
        printed = await self.run_program("curl", "--http2", "--silent", "--fail", url)
        self.assertEqual(printed, b"upgraded")

    def test_nghttp(self) -> Deferred[None]:
        """nghttp opens many streams at once, with priorities and padding."""
        return Deferred.fromCoroutine(self.nghttp())

    async def nghttp(self) -> None:
        """Post the same body ten times over one connection."""
        url = await self.serve()
        options = ("--multiply=10", "--padding=100", f"--data={self.body()}")
        printed = await self.run_program("nghttp", *options, url)
        self.assertEqual(len(printed), 10 * LARGE)

    if which("curl") is None:
        test_curl.skip = test_curl_upgrade.skip = "no curl"  # type: ignore[attr-defined]
    if which("nghttp") is None:
        test_nghttp.skip = "no nghttp"  # type: ignore[attr-defined]
