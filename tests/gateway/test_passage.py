"""Tests for :mod:`spdygate.gateway.passage`."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import booleans, lists, sampled_from
from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.exchange import Answer
from spdygate.dialect.tunnel import Failure, Reason
from spdygate.gateway.passage import LARGEST_GATHERED, Passage, Passed, Translate
from spdygate.gateway.rewriting import Base
from spdygate.wire.upgrade import Request
from tests.gateway.exchangeends import ClientEnd, ServerEnd

GET = Request("GET", b"/api", (("host", "api"),))
BASE = Base("api:6443")

REFUSED = Failure(Reason.REFUSED, "connection refused")


class PassageCase(SynchronousTestCase):
    """An exchange between two recording ends."""

    def setUp(self) -> None:
        """Ask something with a body."""
        self.begin()

    def begin(
        self, upgrade: str = "", translate: Translate | None = None, method: str = "GET"
    ) -> None:
        """Ask something."""
        self.near, self.far = ClientEnd(), ServerEnd()
        self.cancelled = self.asked_again = 0
        request = Request(method, b"/api", ())
        asked = self.near.asks(request, upgrade, bodiless=bool(upgrade))
        passed = Passed(GET, upgrade, BASE, "https", translate)
        self.passage = Passage(asked, passed)
        self.passage.cancel = self.note_cancel
        self.passage.again = self.note_again

    def note_cancel(self) -> None:
        """Count."""
        self.cancelled += 1

    def note_again(self) -> None:
        """Count."""
        self.asked_again += 1

    def assert_settled(self) -> None:
        """Assert that nobody is owed anything."""
        for end in (self.near, self.far):
            self.assertEqual(end.granted, end.received)


class ExchangeTests(PassageCase):
    """From the question to the answer."""

    def test_whole(self) -> None:
        """Bodies, trailers and ends pass in their order, early ones too."""
        self.near.comes(b"early ")
        self.passage.join(self.far)
        self.near.comes(b"bird")
        self.near.trails((("x-sum", "1"), ("host", "evil")))
        self.near.ends()
        self.assertEqual((self.far.sent, self.far.finished), (b"early bird", True))
        self.assertEqual(self.far.trailers, (("x-sum", "1"),))
        self.far.answers(200, ("a", "b"), ("connection", "close"))
        self.far.comes(b"answer")
        self.far.trails((("x-sum", "2"),))
        self.far.ends()
        self.assertEqual(self.near.answers, [Answer(200, (("a", "b"),))])
        self.assertEqual((self.near.sent, self.near.finished), (b"answer", True))
        self.assertEqual(self.near.trailers, (("x-sum", "2"),))
        self.assertTrue(self.passage.over)
        self.assertEqual(self.far.failures, [])
        self.assert_settled()

    def test_early_trailers(self) -> None:
        """A request may be complete before there is anywhere to send it."""
        self.near.trails((("x-sum", "1"),))
        self.near.ends()
        self.passage.join(self.far)
        self.assertEqual(self.far.trailers, (("x-sum", "1"),))
        self.assertTrue(self.far.finished)

    def test_back_pressure(self) -> None:
        """A side that keeps bytes holds the other one back, and only it."""
        self.passage.join(self.far)
        self.far.holds = True
        self.near.comes(bytes(100))
        self.far.answers()
        self.far.comes(bytes(7))
        self.assertEqual((self.near.granted, self.far.granted), (0, 7))
        self.far.let_go(40)
        self.assertEqual(self.near.granted, 40)
        self.far.let_go()
        self.assert_settled()

    def test_early_answer(self) -> None:
        """An answer that ends first ends it; the rest of the request is paid for."""
        self.passage.join(self.far)
        self.far.holds = True
        self.near.comes(bytes(100))
        self.far.answers(413)
        self.far.ends()
        self.assertTrue(self.near.finished)
        self.assertEqual(self.near.failures, [])
        self.assertEqual(self.far.failures[0].reason, Reason.GAVE_UP)
        self.near.comes(bytes(50))
        self.near.ends()
        self.assertEqual(self.near.granted, 150)
        self.assertEqual(len(self.far.sent), 100)

    def test_redirect(self) -> None:
        """A redirect that must not be relayed is a refusal (BlockRedirects)."""
        self.begin(method="POST")
        self.passage.join(self.far)
        self.far.answers(307, ("location", "/x"))
        self.far.comes(b"see there")
        self.far.ends()
        self.assertEqual(self.near.failure.reason.status, 502)
        self.assertIn("redirect", self.near.failure.message)
        self.assertEqual((self.near.answers, self.near.sent), ([], b""))


class FailureTests(PassageCase):
    """What one end's end means to the other."""

    def test_refused(self) -> None:
        """An API server that cannot be had is told to the client."""
        self.near.comes(b"early")
        self.passage.refuse(REFUSED)
        self.passage.refuse(REFUSED)
        self.assertEqual(self.near.failures, [REFUSED])
        self.assertEqual(self.cancelled, 1)
        self.assert_settled()
        self.passage.join(self.far)
        self.assertEqual(len(self.far.failures), 1)

    def test_the_client_goes(self) -> None:
        """Dialling is cancelled, or the question taken back."""
        self.near.breaks(Reason.GAVE_UP)
        self.assertEqual(self.cancelled, 1)
        self.begin()
        self.passage.join(self.far)
        self.far.answers()
        self.near.holds = True
        self.far.comes(bytes(100))
        self.near.breaks(Reason.GAVE_UP)
        self.assertEqual(self.far.failures[0].reason, Reason.GAVE_UP)
        self.assertEqual(self.cancelled, 0)
        self.assert_settled()

    def test_the_api_server_goes(self) -> None:
        """What comes of the answer until then is passed on, and that it failed."""
        self.passage.join(self.far)
        self.far.holds = True
        self.near.comes(bytes(10))
        self.far.answers()
        self.far.comes(b"half an ans")
        self.far.breaks(Reason.LINK_LOST)
        self.assertEqual(self.near.sent, b"half an ans")
        self.assertEqual(self.near.failure.reason, Reason.LINK_LOST)
        self.assert_settled()

    def test_asked_again(self) -> None:
        """What nobody has read is asked once more, and no more than that."""
        self.near.ends()
        self.passage.join(self.far)
        self.far.breaks(Reason.RETRY)
        self.assertEqual((self.asked_again, self.near.failures), (1, []))
        second = ServerEnd()
        self.passage.join(second)
        self.assertTrue(second.finished)
        second.breaks(Reason.RETRY)
        self.assertEqual(self.asked_again, 1)
        self.assertEqual(self.near.failure.reason, Reason.RETRY)

    def test_not_asked_again(self) -> None:
        """What has begun to be answered is not."""
        self.passage.join(self.far)
        self.far.answers()
        self.far.breaks(Reason.RETRY)
        self.assertEqual((self.asked_again, len(self.near.failures)), (0, 1))


class UpgradeTests(PassageCase):
    """From HTTP to raw bytes, or not."""

    def setUp(self) -> None:
        """Ask for an upgrade, of which the client's side says that it is all."""
        self.begin("websocket")
        self.near.ends()
        self.near.told_finished = False
        self.passage.join(self.far)

    def test_granted(self) -> None:
        """Both ways are open, and each ends by itself."""
        self.assertFalse(self.far.finished)
        self.far.answers(101, ("sec-websocket-accept", "x"), ("upgrade", "websocket"))
        self.assertEqual(
            self.near.answers, [Answer(101, (("sec-websocket-accept", "x"),))]
        )
        self.near.comes(b"up")
        self.far.comes(b"down")
        self.far.ends()
        self.assertFalse(self.passage.over)
        self.near.comes(b" and up")
        self.near.ends()
        self.assertEqual((self.far.sent, self.near.sent), (b"up and up", b"down"))
        self.assertTrue(self.far.finished)
        self.assertTrue(self.passage.over)

    def test_fin_before_the_answer(self) -> None:
        """A client that has already finished is finished behind the 101, too."""
        self.near.ends()
        self.assertTrue(self.far.finished)

    def test_refused(self) -> None:
        """Another answer is passed on, and the connection is not used again."""
        self.near.comes(b"glued")
        self.far.answers(403)
        self.far.comes(b"no")
        self.far.ends()
        self.assertEqual((self.near.sent, self.near.finished), (b"no", True))
        self.assertEqual(len(self.far.failures), 1)
        self.assertTrue(self.passage.over)
        self.assert_settled()

    def test_redirect(self) -> None:
        """An upgrade is never sent elsewhere (BlockRedirects)."""
        self.far.answers(302)
        self.assertEqual(self.near.failure.reason.status, 502)


class TranslationTests(PassageCase):
    """An answer in words that the client does not know."""

    def setUp(self) -> None:
        """Ask in the words of 2015."""
        self.begin(translate=lambda status, body: b"%d:" % status + body.upper())
        self.near.ends()
        self.passage.join(self.far)

    def test_translated(self) -> None:
        """It is gathered, and its translation sent in its place."""
        self.far.answers(200, ("content-length", "3"), ("etag", "x"))
        self.far.comes(b"po")
        self.assertEqual(self.near.answers, [])
        self.far.comes(b"d")
        self.far.ends()
        expected = Answer(
            200, (("content-type", "application/json"), ("content-length", "7"))
        )
        self.assertEqual(self.near.answers, [expected])
        self.assertEqual((self.near.sent, self.near.finished), (b"200:POD", True))
        self.assertTrue(self.passage.over)
        self.assert_settled()

    def test_too_large(self) -> None:
        """What is gathered is bounded."""
        self.far.answers()
        self.far.comes(bytes(LARGEST_GATHERED))
        self.assertEqual(self.near.failures, [])
        self.far.comes(b"x")
        self.assertEqual(self.near.failure.reason.status, 502)
        self.assert_settled()

    def test_lost(self) -> None:
        """Half an answer is none."""
        self.far.answers()
        self.far.comes(b"po")
        self.far.breaks(Reason.LINK_LOST)
        self.assertEqual(self.near.failure.reason, Reason.LINK_LOST)
        self.assertEqual(self.near.answers, [])


_VERBS = (
    *("near comes", "far comes") * 3,
    *("near holds", "far holds") * 2,
    *("near ends", "far ends"),
    *("near let_go", "far let_go") * 2,
    *("near breaks", "far breaks", "join", "answers"),
)


class AnyTests(PassageCase):
    """Whatever happens, in whatever order."""

    @given(lists(sampled_from(_VERBS), max_size=25), booleans())
    def test_nobody_is_owed(self, verbs: list[str], upgrade: bool) -> None:
        """When all that waits has left, everything received has been granted."""
        self.begin("websocket" if upgrade else "")
        joined = answered = False
        for verb in verbs:
            if verb == "join":
                if not joined:
                    self.passage.join(self.far)
                joined = True
            elif verb == "answers":
                if joined and not answered:
                    self.far.answers(101 if upgrade else 200)
                answered = answered or joined
            else:
                self.do(*verb.split(), ready=answered)
        if not joined:
            self.passage.join(self.far)
        self.near.let_go()
        self.far.let_go()
        self.assert_settled()

    def do(self, name: str, verb: str, *, ready: bool) -> None:
        """Let one thing happen at one end, as far as it can."""
        end = self.near if name == "near" else self.far
        if end is self.far and verb in ("comes", "ends") and not ready:
            return
        if verb == "holds":
            end.holds = True
        elif verb == "comes":
            end.comes(b"some bytes")
        else:
            getattr(end, verb)()
