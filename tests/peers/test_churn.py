"""
Nothing is left behind: the gateway runs in the test's own process, where its
tables can be looked into, and its clients are real.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from spdygate.net.ports import ListenerService
from spdygate.net.shell import Shell
from spdygate.node.tcpend import TcpEnd
from spdygate.service import gateway
from spdygate.session.http2 import Http2Session
from spdygate.session.spdy import SpdySession

from .running import Forward, PeerCase

#: Connections before anything is measured, and while it is.
WARM_UP = 1000
COUNT = 20_000

#: Bytes of growth that are noise: malloc's arenas, caches, the log.
NOISE = 8 * 1024 * 1024


def _resident() -> int:
    """Return the bytes of memory this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _descriptors() -> int:
    """Return how many files this process has open."""
    return len(os.listdir("/proc/self/fd"))


def _all(kind: type[Any]) -> list[Any]:
    """Return every living object of a kind."""
    gc.collect()
    return [found for found in gc.get_objects() if isinstance(found, kind)]


class ChurnTests(PeerCase):
    """A session that lives for days must not grow."""

    def _start(self, *words: str) -> str:
        """Run a gateway in this process; return its URL."""
        options = gateway.Options()
        options.parseOptions(["--listen", "tcp:0:interface=127.0.0.1", *words])
        service = gateway.makeService(options)
        assert isinstance(service, MultiService)
        IService(service).privilegedStartService()
        IService(service).startService()
        self.addCleanup(service.stopService)
        (listener,) = (found for found in service if isinstance(found, ListenerService))
        assert listener.port is not None
        return f"http://127.0.0.1:{listener.port.getHost().port}"  # type: ignore[attr-defined]

    async def _churn(self, forward: Forward, port: int, count: int) -> None:
        """Open and close many connections, one after the other."""
        await self.load(
            *("churn", "-addr", forward.address(port), "-n", str(count)),
            *("-parallel", "4", "-bytes", "100", "-timeout", "500s"),
        )

    async def _one_client(self, name: str) -> None:
        """Measure what many connections of one client leave behind."""
        echo = await self.pod("echo")
        url = self._start("--pod", "p/q=127.0.0.1")
        path = "/api/v1/namespaces/p/pods/q/portforward"
        forward = await self.forward(name, url + path, [echo])
        await self._churn(forward, echo, WARM_UP)
        await self._settle()
        before = _resident(), _descriptors()
        await self._churn(forward, echo, COUNT)
        await self._settle()
        after = _resident(), _descriptors()
        self.assertEqual(after[1], before[1], "descriptors")
        self.assertLess(after[0] - before[0], NOISE, "memory")
        for kind in (SpdySession, Http2Session):
            self.assertEqual({one.open_streams for one in _all(kind)}, {0}, kind)
        shells = _all(Shell)
        self.assertEqual({shell._dialect.tunnels for shell in shells}, {0})

    async def _settle(self) -> None:
        """Wait until no connection to a pod is open any more."""
        clock = IReactorTime(reactor)
        while _all(TcpEnd) or any(shell._dialect.tunnels for shell in _all(Shell)):
            turn: Deferred[None] = Deferred()
            clock.callLater(0.1, turn.callback, None)
            await turn

    async def test_client_of_today(self) -> None:
        """20,000 connections of client-go leave everything as it was."""
        await self._one_client("clientgo")

    async def test_client_of_2015(self) -> None:
        """So do those of a client that resets every stream it opens."""
        await self._one_client("client2015")
