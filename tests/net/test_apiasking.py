"""Tests for `spdygate.net.apiasking`."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.client import ResponseNeverReceived
from twisted.web.http import Request as WebRequest
from twisted.web.server import Site

from spdygate.net import apiasking
from spdygate.net.apiasking import ApiClient, Refused, Strange, why
from spdygate.net.apiserver import ApiServer

from .apifake import FakeApi, MemoryServer, pod, status


class PageTests(SynchronousTestCase):
    """One answer, whole."""

    def setUp(self) -> None:
        """Make an API server of memory."""
        self.clock = Clock()
        self.api = FakeApi()
        self.server = MemoryServer(self.api, self.clock)
        api = ApiServer("http://api", "api", "http", "", self.server, self.server)
        self.client = ApiClient(api, self.clock)

    def page(self) -> Deferred[dict[str, Any]]:
        """Ask for a page, and let the API server answer."""
        asking = ensureDeferred(self.client.page("/api/v1/pods", {"limit": "500"}))
        self.server.flush()
        return asking

    def test_object(self) -> None:
        """A JSON object is returned; nothing is left open."""
        self.api.items["pods"] = [pod("web")]
        found = self.successResultOf(self.page())
        self.assertEqual(found["items"][0]["metadata"]["name"], "web")
        self.assertTrue(self.server.pumps[0].clientIO.disconnected)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_refused(self) -> None:
        """What is not a 200 is told with its status and its words."""
        self.api.answer = self.api.refuse(403, "pods is forbidden")
        failure = self.failureResultOf(self.page(), Refused)
        self.assertEqual(failure.value.status, 403)
        self.assertEqual(why(failure), "it answers 403: pods is forbidden")

    def test_redirects_are_not_followed(self) -> None:
        """Our credential goes nowhere that somebody else names."""

        def answer(request: WebRequest) -> bytes:
            request.redirect(b"http://elsewhere/")
            return b""

        self.api.answer = answer
        failure = self.failureResultOf(self.page(), Refused)
        self.assertEqual(why(failure), "it answers 302")
        self.assertEqual(len(self.server.pumps), 1)

    def test_too_large(self) -> None:
        """A page beyond the bound is given up, and its connection closed."""
        self.patch(apiasking, "LARGEST_PAGE", 1000)
        self.api.answer = lambda _: b'{"a":"' + b"x" * 1000 + b'"}'
        self.failureResultOf(self.page(), Strange)
        self.assertTrue(self.server.pumps[0].clientIO.disconnected)

    def test_cut_off(self) -> None:
        """Half of a page is no page."""

        def answer(request: WebRequest) -> bytes:
            request.setHeader(b"content-length", b"100")
            request.write(b'{"items":[]}')
            return 1  # type: ignore[return-value]  # NOT_DONE_YET

        self.api.answer = answer
        asking = self.page()
        self.assertNoResult(asking)
        self.server.pumps[0].serverIO.abortConnection()
        self.server.flush()
        self.failureResultOf(asking)

    def test_slow(self) -> None:
        """A page that does not arrive is given up, and its connection closed."""

        def answer(request: WebRequest) -> bytes:
            request.write(b"{")
            return 1  # type: ignore[return-value]  # NOT_DONE_YET

        self.api.answer = answer
        asking = self.page()
        self.clock.advance(120)
        failure = self.failureResultOf(asking)
        self.assertEqual(why(failure), "it does not answer in time")
        self.server.flush()
        self.assertTrue(self.server.pumps[0].clientIO.disconnected)


class WhyTests(SynchronousTestCase):
    """Words for a log."""

    def test_wrapped(self) -> None:
        """What Agent wraps is unwrapped; the rest is said as for every hop."""
        refused = Failure(ConnectionRefusedError())
        words = "nothing listens there; is it running?"
        self.assertEqual(why(refused), words)
        self.assertEqual(why(Failure(ResponseNeverReceived([refused]))), words)
        self.assertEqual(why(Failure(ConnectionDone())), "it hung up")


class LoopbackTests(TestCase):
    """The same over real connections."""

    def test_page_and_watch(self) -> Deferred[None]:
        """A page comes whole, a watch line by line until it is given up."""
        api = FakeApi()
        api.items["pods"] = [pod("web")]
        told: list[dict[str, Any]] = []

        async def check() -> None:
            site = Site(api)
            port: IListeningPort = await TCP4ServerEndpoint(
                reactor, 0, interface="127.0.0.1"
            ).listen(site)
            self.addCleanup(port.stopListening)
            number = port.getHost().port  # type: ignore[attr-defined]
            endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", number)
            authority = f"127.0.0.1:{number}"
            server = ApiServer("", authority, "http", "", endpoint, endpoint)
            client = ApiClient(server, reactor)
            page = await client.page("/api/v1/pods", {"limit": "500"})
            self.assertEqual(len(page["items"]), 1)
            arrived: Deferred[None] = Deferred()

            def tell(event: dict[str, Any]) -> None:
                told.append(event)
                arrived.callback(None)

            watching = await client.watch("/api/v1/pods", {"watch": "1"}, tell)
            gone = api.watches["pods"][0].notifyFinish()
            api.tell("pods", "ERROR", status(410, "too old"))
            await arrived
            self.assertEqual(told[0]["object"]["code"], 410)
            watching.addErrback(lambda _: None)
            watching.cancel()
            gone.addErrback(lambda _: None)
            await gone

        return ensureDeferred(check())
