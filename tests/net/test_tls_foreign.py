"""Tests for :mod:`spdygate.net.tls` with programs that are not ours, over sockets."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.protocol import (
    Factory,
    ProcessProtocol,
    Protocol,
    connectionDone,
)
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, TestCase

from spdygate.net.tls import ClientTls, ServerTls, alpn, peer_name
from tests.certificates import Authority, rsa_key

#: With its interfaces, of which mypy knows only some.
_reactor: Any = reactor


class Goodbye(Protocol):
    """Say goodbye to whoever it is."""

    def connectionMade(self) -> None:
        """Say it, and leave."""
        assert self.transport is not None
        self.transport.write(f"goodbye {peer_name(self.transport)}\n".encode())
        self.transport.loseConnection()


class TellAlpn(Protocol):
    """Answer an HTTP request with what ALPN agreed on."""

    def dataReceived(self, data: bytes) -> None:
        """Answer; a request of curl comes in one piece."""
        assert self.transport is not None
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
            + (alpn(self.transport) or b"none")
        )
        self.transport.loseConnection()


class Reader(Protocol):
    """Read to the end."""

    def __init__(self, ended: Deferred[bytes]) -> None:
        self._data = b""
        self._ended = ended

    def dataReceived(self, data: bytes) -> None:
        """Gather."""
        self._data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report."""
        self._ended.callback(self._data)


class Echo(Protocol):
    """Say again what is said."""

    def dataReceived(self, data: bytes) -> None:
        """Say it again."""
        assert self.transport is not None
        self.transport.write(b"echo of " + data)


class Talk(ProcessProtocol):
    """
    Type into a program: a word, a command, and on.

    A word is typed when what was typed before has been answered.

    :ivar said: what the program has said.
    :ivar status: how it ended, once it has.
    :ivar ended: fires then.
    """

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self.said = b""
        self.status: int | None = None
        self.ended: Deferred[None] = Deferred()

    @property
    def echoes(self) -> int:
        """Return how many words were answered."""
        return self.said.count(b"echo of ")

    def outReceived(self, data: bytes) -> None:
        """Note it, and go on if that was waited for."""
        self.said += data
        self._go_on()

    def errReceived(self, data: bytes) -> None:
        """Note that, too."""
        self.outReceived(data)

    def _go_on(self) -> None:
        """Type what can be typed."""
        answered = (
            b"Verification: OK" in self.said,
            self.echoes == 1,
            b"KEYUPDATE" in self.said or b"RENEGOTIATING" in self.said,
            self.echoes == 2,
        )
        typed = 4 - len(self._lines)
        if self._lines and answered[typed]:
            assert self.transport is not None
            self.transport.write(self._lines.pop(0))

    def processEnded(self, reason: Failure) -> None:
        """Note how."""
        self.status = getattr(reason.value, "exitCode", None)
        self.ended.callback(None)


class ForeignPeerTests(TestCase):
    """Programs that are not ours, over sockets."""

    timeout = 20

    def setUp(self) -> None:
        """Make the certificates."""
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.ca = Authority()
        self.ca_file = self.ca.write(self.folder)

    async def serve(
        self,
        factory: Factory[Any],
        protocols: tuple[bytes, ...],
        client_ca: bool = False,
    ) -> int:
        """Serve with an RSA certificate until the test ends; return the port."""
        signed = self.ca.server("localhost", "127.0.0.1", key=rsa_key())
        cert, key = signed.write(self.folder, "server")
        tls = ServerTls(
            cert, key, self.ca_file if client_ca else None, protocols=protocols
        )
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(
            tls.wrap_server(factory, reactor)
        )
        self.addCleanup(port.stopListening)
        host = port.getHost()
        assert isinstance(host, IPv4Address)
        return host.port

    async def run_program(self, *words: str) -> tuple[str, int]:
        """Run a program; return what it said and its status; skip if absent."""
        path = shutil.which(words[0])
        if path is None:
            raise SkipTest(f"{words[0]} is not installed")
        running = getProcessOutputAndValue(path, words[1:], env={})
        out, err, status = await running
        return (out + err).decode(), status

    async def _curl(self, ours: tuple[bytes, ...], version: str) -> str:
        port = await self.serve(Factory.forProtocol(TellAlpn), ours)
        said, status = await self.run_program(
            "curl", "--silent", "--show-error", "--cacert", self.ca_file,
            version, f"https://localhost:{port}/",
        )  # fmt: skip
        self.assertEqual(status, 0, said)
        return said

    def test_curl(self) -> Deferred[None]:
        """Curl, which offers http/1.1, is served by who has both."""

        async def check() -> None:
            said = await self._curl((b"h2", b"http/1.1"), "--http1.1")
            self.assertEqual(said, "http/1.1")

        return ensureDeferred(check())

    def test_curl_without_overlap(self) -> Deferred[None]:
        """It is also served by who offers only h2: without ALPN."""

        async def check() -> None:
            self.assertEqual(await self._curl((b"h2",), "--http1.1"), "none")

        return ensureDeferred(check())

    async def _s_client(self, client_ca: bool, *options: str) -> tuple[str, int]:
        port = await self.serve(Factory.forProtocol(Goodbye), (b"h2",), client_ca)
        return await self.run_program(
            "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile",
            self.ca_file, "-verify_return_error", "-brief", "-ign_eof", *options,
        )  # fmt: skip

    def test_openssl_like_2015(self) -> Deferred[None]:
        """OpenSSL with the means of 2015 gets through."""

        async def check() -> None:
            said, status = await self._s_client(
                False, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256",
                "-groups", "P-256",
            )  # fmt: skip
            self.assertEqual(status, 0, said)
            self.assertIn("goodbye", said)
            self.assertIn("prime256v1", said)

        return ensureDeferred(check())

    def test_openssl_with_certificate(self) -> Deferred[None]:
        """OpenSSL with a client certificate is known by name."""

        async def check() -> None:
            cert, key = self.ca.client("gateway").write(self.folder, "client")
            said, status = await self._s_client(True, "-cert", cert, "-key", key)
            self.assertEqual(status, 0, said)
            self.assertIn("goodbye gateway", said)

        return ensureDeferred(check())

    def test_openssl_without_certificate(self) -> Deferred[None]:
        """OpenSSL without one hears that it is required."""

        async def check() -> None:
            said, _ = await self._s_client(True)
            self.assertIn("certificate required", said)
            self.assertNotIn("goodbye", said)

        return ensureDeferred(check())

    async def _talk(self, *options: str) -> tuple[Talk, str]:
        """Let OpenSSL say a word, one of its commands, another word, and leave."""
        port = await self.serve(Factory.forProtocol(Echo), (b"h2",))
        path = shutil.which("openssl")
        if path is None:
            raise SkipTest("openssl is not installed")
        *options_of_openssl, command = options
        talk = Talk([b"first\n", command.encode(), b"second\n", b"Q\n"])
        words = [
            "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile",
            self.ca_file, "-verify_return_error", "-brief", *options_of_openssl,
        ]  # fmt: skip
        _reactor.spawnProcess(talk, path, words, env={})
        await talk.ended
        return talk, talk.said.decode()

    async def test_new_keys(self) -> None:
        """OpenSSL may change its keys, and have us change ours (TLS 1.3)."""
        talk, said = await self._talk("-tls1_3", "K\n")
        self.assertIn("KEYUPDATE", said)
        self.assertEqual((talk.echoes, talk.status), (2, 0), said)

    async def test_renegotiation(self) -> None:
        """OpenSSL may not shake hands again (TLS 1.2)."""
        talk, said = await self._talk("-tls1_2", "R\n")
        self.assertIn("no renegotiation", said)
        self.assertEqual(talk.echoes, 1, said)

    def test_our_client_over_tcp(self) -> Deferred[None]:
        """Our client connects to our server over sockets, and reads from it."""

        async def check() -> None:
            port = await self.serve(Factory.forProtocol(Goodbye), (b"h2",))
            endpoint = ClientTls(self.ca_file).wrap_client(
                TCP4ClientEndpoint(reactor, "127.0.0.1", port), "127.0.0.1", reactor
            )
            ended: Deferred[bytes] = Deferred()
            reader = await endpoint.connect(Factory.forProtocol(lambda: Reader(ended)))
            assert isinstance(reader, Reader)
            self.assertEqual(alpn(reader.transport), b"h2")
            self.assertEqual(await ended, b"goodbye None\n")

        return ensureDeferred(check())
