"""Tests for :mod:`spdygate.gateway.ladder`."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import binary, integers
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import Reason
from spdygate.gateway.ladder import (
    OF_API_SERVERS,
    TRUST,
    Generation,
    Knowledge,
    verdict,
)

HTTP2, SPDY, TUNNEL, CHANNELS = Generation

#: As an API server, or a kubelet that was asked as one, says no.
FORBIDDEN = (
    b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",'
    b'"message":"pods \\"web\\" is forbidden","reason":"Forbidden","code":403}'
)


class KnowledgeTests(SynchronousTestCase):
    """What is tried on a node, and in which order."""

    def test_names(self) -> None:
        """Operators write the four names of the documentation."""
        names = [generation.value for generation in Generation]
        self.assertEqual(names, ["http2", "spdy", "tunnel", "channels"])

    def test_down_the_ladder(self) -> None:
        """A node of which nothing is known is asked in every dialect, newest first."""
        knowledge = Knowledge()
        self.assertIsNone(knowledge.current(0.0))
        tried: list[Generation] = []
        while (following := knowledge.next(tried, 0.0)) is not None:
            tried.append(following)
        self.assertEqual(tried, [HTTP2, SPDY, TUNNEL, CHANNELS])

    def test_api_servers(self) -> None:
        """An API server is not asked for what only our node service speaks."""
        self.assertIs(Knowledge(OF_API_SERVERS).next((), 0.0), SPDY)

    def test_learnt(self) -> None:
        """What was learnt is tried first, and believed for a bounded time."""
        knowledge = Knowledge()
        self.assertTrue(knowledge.learn(TUNNEL, 100.0))
        self.assertIs(knowledge.current(99.0 + TRUST), TUNNEL)
        self.assertIs(knowledge.next((), 100.0), TUNNEL)
        self.assertIs(knowledge.next((TUNNEL,), 100.0), HTTP2)
        self.assertIsNone(knowledge.current(100.0 + TRUST))
        self.assertIs(knowledge.next((), 100.0 + TRUST), HTTP2)

    def test_doubt(self) -> None:
        """After a failure the ladder is gone down anew."""
        knowledge = Knowledge()
        knowledge.learn(SPDY, 0.0)
        knowledge.doubt()
        self.assertIsNone(knowledge.current(1.0))
        self.assertIs(knowledge.next((), 1.0), HTTP2)

    def test_news(self) -> None:
        """To learn the same again is no news, also after doubt; a change is."""
        knowledge = Knowledge()
        knowledge.learn(SPDY, 0.0)
        knowledge.doubt()
        self.assertFalse(knowledge.learn(SPDY, 1.0))
        self.assertTrue(knowledge.learn(HTTP2, 2.0))

    def test_pinned(self) -> None:
        """What an operator pinned is tried alone, and never doubted."""
        knowledge = Knowledge(pinned=CHANNELS)
        knowledge.doubt()
        self.assertIs(knowledge.current(1e9), CHANNELS)
        self.assertIs(knowledge.next((), 0.0), CHANNELS)
        self.assertIsNone(knowledge.next((CHANNELS,), 0.0))


class VerdictTests(SynchronousTestCase):
    """Which answers are the node's own, and which say "not in this dialect"."""

    def test_statuses(self) -> None:
        """A Status is a verdict, with its message."""
        for status, reason in (
            (401, Reason.UNAUTHORIZED),
            (403, Reason.FORBIDDEN),
            (404, Reason.NO_SUCH_POD),
            (409, Reason.REFUSED),
            (500, Reason.REFUSED),
            (503, Reason.DRAINING),
        ):
            failure = verdict(status, FORBIDDEN)
            assert failure is not None
            self.assertIs(failure.reason, reason)
            self.assertEqual(failure.message, 'pods "web" is forbidden')

    def test_not_understood(self) -> None:
        """What speaks of the upgrade is none, whatever words are with it."""
        for status in (200, 302, 400, 405, 426, 501):
            self.assertIsNone(verdict(status, FORBIDDEN), status)

    def test_without_words(self) -> None:
        """A runtime's empty 403, and an error page of something on the way, neither."""
        for status, body in (
            (403, b""),
            (502, b"<html>"),
            (404, b"404 page not found"),
            (403, b"<html><title>403 Forbidden</title> Blocked by your firewall"),
            (404, b"<h1>Tripod</h1> does not host this page"),
        ):
            self.assertIsNone(verdict(status, body), status)

    def test_kubelets(self) -> None:
        """A kubelet's plain words are its verdict (pkg/kubelet/server/server.go)."""
        gone = verdict(404, b"pod does not exist\n")
        assert gone is not None
        self.assertEqual((gone.reason, gone.message)[1], "pod does not exist")
        who = b"Forbidden (user=system:anonymous, verb=create, resource=nodes)"
        no = verdict(403, who)
        assert no is not None
        self.assertIs(no.reason, Reason.FORBIDDEN)
        anonymous = verdict(401, b"Unauthorized")
        assert anonymous is not None
        self.assertIs(anonymous.reason, Reason.UNAUTHORIZED)

    @given(integers(0, 999), binary(max_size=64))
    def test_anything(self, status: int, body: bytes) -> None:
        """Whatever is answered, a verdict has words fit for a line."""
        failure = verdict(status, body)
        if failure is not None:
            self.assertTrue(failure.message.isprintable())
