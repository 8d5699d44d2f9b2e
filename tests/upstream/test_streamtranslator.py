"""
An API server's cases about commands over WebSocket.

They are in ``pkg/util/proxy/streamtranslator_test.go`` (k8s.io/apiserver).  The
gateway passes commands on, and the real translator answers behind it.
"""

from __future__ import annotations

from functools import partial

from twisted.internet.protocol import Factory

from tests.peers.running import Running
from tests.upstream.cases import PODS, UpstreamCase
from tests.upstream.stubs import Noting, StubCase, stub

MIB = 1 << 20


class StreamTranslatorTests(UpstreamCase):
    """``TestStreamTranslator_*``: commands, through the gateway."""

    async def _cluster(self) -> tuple[Running, str]:
        """Run an API server and a gateway before it; return the former."""
        _, node = await self.kubelet()
        server, api = await self.apiserver("-kubelet", node, "-pod", "default/web")
        _, url = await self.gateway("--api-server", api)
        return server, url

    async def _says(self, which: str, url: str, *words: str) -> Running:
        """Run a command in the pod to its end."""
        running = self.kubectl(which, url, "exec", "web", *words)
        await running.ends()
        return running

    async def test_loopback_stdin_to_stdout(self) -> None:
        """
        streamtranslator_test.go, TestStreamTranslator_LoopbackStdinToStdout: what
        is typed comes back, and its end ends the command.
        """
        server, url = await self._cluster()
        for which in ("kubectl", "kubectl-debian"):
            running = self.kubectl(which, url, "exec", "-i", "web", "--", "cat")
            assert running.transport is not None
            running.transport.write(b"this is typed\n")
            await running.says("this is typed\n")
            running.transport.closeStdin()
            self.assertEqual(await running.ends(), 0, running.output)
        await server.says("asked GET .*/exec.* channels")
        await server.says("asked POST .*/exec.* spdy")

    async def test_loopback_stdin_to_stderr(self) -> None:
        """
        streamtranslator_test.go, TestStreamTranslator_LoopbackStdinToStderr: so
        does what is for the other channel.
        """
        _, url = await self._cluster()
        running = await self._says("kubectl", url, "--", "complain", "loudly")
        self.assertEqual((running.status, running.output), (0, "loudly\n"))

    async def test_error_stream(self) -> None:
        """
        streamtranslator_test.go, TestStreamTranslator_ErrorStream: the status of
        the command is kubectl's.
        """
        _, url = await self._cluster()
        for which in ("kubectl", "kubectl-debian"):
            running = await self._says(which, url, "--", "exit", "3")
            self.assertEqual(running.status, 3, running.output)

    async def test_multiple_read_channels(self) -> None:
        """
        streamtranslator_test.go, TestStreamTranslator_MultipleReadChannels: 4 MiB
        arrive, and the status behind them on a channel of its own.
        """
        _, url = await self._cluster()
        count = 4 * MIB
        running = await self._says("kubectl", url, "--", "yes", str(count))
        self.assertEqual((running.status, len(running.output)), (0, count))

    async def test_throttle_read_channels(self) -> None:
        """
        streamtranslator_test.go, TestStreamTranslator_ThrottleReadChannels: who
        does not read for a while misses nothing, and holds nobody else up.
        """
        _, url = await self._cluster()
        count = 4 * MIB
        words = ("exec", "web", "--", "yes", str(count))
        slow = self.kubectl("kubectl", url, *words)
        assert slow.transport is not None
        await slow.says("y\n")
        slow.transport.pauseProducing()  # type: ignore[attr-defined]
        other = await self._says("kubectl", url, "--", "echo", "hello")
        self.assertEqual((other.status, other.output), (0, "hello\n"))
        self.assertIsNone(slow.status)
        slow.transport.resumeProducing()  # type: ignore[attr-defined]
        self.assertEqual(await slow.ends(), 0)
        self.assertEqual(len(slow.output), count)

    async def test_web_socket_server_errors(self) -> None:
        """
        streamtranslator_test.go, TestStreamTranslator_WebSocketServerErrors: a
        request that is no good is answered by the API server, in its words.
        """
        _, url = await self._cluster()
        running = self.kubectl("kubectl", url, "exec", "nobody", "--", "echo")
        self.assertEqual(await running.ends(), 1)
        self.assertIn('pods "nobody" not found', running.output)


class StreamTranslatorRedirectTests(StubCase):
    """``TestStreamTranslator_BlockRedirects``."""

    async def test_block_redirects(self) -> None:
        """
        streamtranslator_test.go, TestStreamTranslator_BlockRedirects: a node that
        sends us elsewhere is not followed, and nobody is told where.
        """
        gone: list[str] = []
        elsewhere = await self.listen(Factory.forProtocol(partial(Noting, gone)))
        for status in (301, 302, 303, 307, 308):
            head = f"HTTP/1.1 {status} Moved\r\nContent-Length: 0\r\n"
            answer = f"{head}Location: http://127.0.0.1:{elsewhere}/\r\n\r\n".encode()
            node = await self.listen(stub(answer))
            gateway, url = await self.before(node)
            forward = await self.forward("clientgo", url + PODS, [80])
            self.assertEqual(await self.read(forward.address(80)), b"")
            await gateway.says(rf"tunnel \S+ failed: .*\b{status}\b")
            self.assertNotIn(str(elsewhere), forward.running.output)
        self.assertEqual(gone, [])
