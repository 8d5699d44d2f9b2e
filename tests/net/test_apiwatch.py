"""Tests for `spdygate.net.apiwatch`."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import Request as WebRequest

from spdygate.gateway.cluster import Cluster, NodeFacts, Phase, PodFacts, Resource
from spdygate.net.apiserver import ApiServer
from spdygate.net.apiwatch import ApiWatch

from .apifake import FakeApi, Json, MemoryServer, node, pod, status


class WatchCase(SynchronousTestCase):
    """An API server made of memory, and a watch of it."""

    def setUp(self) -> None:
        """Make both, with two pods and a node; nothing is asked yet."""
        self.clock = Clock()
        self.api = FakeApi()
        self.api.items["pods"] = [pod("web"), pod("db", "n2", "Pending")]
        self.api.items["nodes"] = [node("n1", "10.0.0.1")]
        self.server = MemoryServer(self.api, self.clock)
        self.cluster = Cluster()
        api = ApiServer(
            "http://api:8080",
            "api:8080",
            "http",
            "/prefix",
            self.server,
            self.server,
            lambda: (("authorization", "Bearer ours"),),
        )
        self.watch = ApiWatch(api, self.cluster, self.clock, lambda: 1.0)
        logs = capturedLogs()
        self.events = logs.__enter__()
        self.seen = 0
        self.addCleanup(logs.__exit__, None, None, None)
        self.addCleanup(self.stop)

    def start(self) -> None:
        """Start, and let the API server answer."""
        self.watch.startService()
        self.server.flush()

    def stop(self) -> None:
        """Stop, and leave nothing behind."""
        if self.watch.running:
            self.watch.stopService()
        self.server.flush()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)
        self.server.flush()

    def logged(self) -> list[str]:
        """Return what was logged of the API server since the last time."""
        new, self.seen = self.events[self.seen :], len(self.events)
        return [formatEvent(each) for each in new if "api" in each]

    def facts(self, name: str) -> PodFacts | None:
        """Return what is known of a pod."""
        return self.cluster.pod("shop", name)

    def break_watches(self) -> None:
        """Break every connection that there is."""
        for pump in self.server.pumps:
            pump.serverIO.abortConnection()
        self.server.flush()


class ListTests(WatchCase):
    """What there is to begin with."""

    def test_lists(self) -> None:
        """All pods and nodes are known, and one line of the log says how many."""
        self.assertFalse(self.cluster.synced)
        self.start()
        self.assertTrue(self.cluster.synced)
        self.assertEqual(self.facts("web"), PodFacts("n1", "uid-web", Phase.RUNNING))
        self.assertEqual(self.facts("db"), PodFacts("n2", "uid-db", Phase.PENDING))
        self.assertEqual(self.cluster.node("n1"), NodeFacts("10.0.0.1"))
        self.assertEqual(
            self.logged(),
            ["API server http://api:8080: pods and nodes known: 2 pods, 1 node"],
        )

    def test_question(self) -> None:
        """We ask below the prefix, for JSON, as ourselves."""
        self.start()
        self.assertEqual(self.api.asked[0][0], "/prefix/api/v1/pods")
        self.assertEqual(self.api.headers["authorization"], "Bearer ours")
        self.assertEqual(self.api.headers["accept"], "application/json")
        self.assertEqual(self.api.headers["host"], "api:8080")

    def test_pages(self) -> None:
        """A long list comes in pages, and counts once it is whole."""
        self.api.items["pods"] = [pod(f"p{number}") for number in range(1201)]
        self.start()
        asked = self.api.asked_for("pods", watch=False)
        self.assertEqual([each["limit"] for each in asked], ["500"] * 3)
        self.assertEqual(
            [each.get("continue") for each in asked], [None, "500", "1000"]
        )
        self.assertEqual(self.cluster.count(Resource.PODS), 1201)

    def test_no_items(self) -> None:
        """An empty list may be null, as Go writes it."""
        self.api.answer = lambda request: (
            None
            if b"watch" in request.args
            else b'{"items":null,"metadata":{"resourceVersion":"1"}}'
        )
        self.start()
        self.assertTrue(self.cluster.synced)
        self.assertEqual(self.cluster.count(Resource.PODS), 0)

    def test_strange_answers(self) -> None:
        """What is no list is tried again, and believed in nothing."""
        for body in (b"hello", b"[]", b"{}", b'{"items":{}}', b'{"items":[]}'):
            with self.subTest(body):
                self.setUp()
                self.api.answer = lambda request, body=body: body  # type: ignore[misc]
                self.start()
                self.assertFalse(self.cluster.synced)
                self.assertIn("it is tried again", self.logged()[0])
                self.stop()


class ChangeTests(WatchCase):
    """What a watch tells."""

    def setUp(self) -> None:
        """Start."""
        super().setUp()
        self.start()
        self.logged()

    def test_changes(self) -> None:
        """Pods and nodes come, change and go."""
        self.api.tell("pods", "ADDED", pod("new", "n3"))
        self.api.tell("pods", "MODIFIED", pod("db", "n2", "Running"))
        self.api.tell("pods", "DELETED", pod("web"))
        self.api.tell("nodes", "ADDED", node("n2", "10.0.0.2"))
        self.server.flush()
        self.assertEqual(self.facts("new"), PodFacts("n3", "uid-new", Phase.RUNNING))
        self.assertEqual(self.facts("db"), PodFacts("n2", "uid-db", Phase.RUNNING))
        self.assertIsNone(self.facts("web"))
        self.assertEqual(self.cluster.node("n2"), NodeFacts("10.0.0.2"))
        self.assertEqual(self.logged(), [])

    def test_where_it_begins(self) -> None:
        """A watch begins where the list ended, and wants bookmarks."""
        [asked] = self.api.asked_for("pods", watch=True)
        self.assertEqual(asked["resourceVersion"], "100")
        self.assertEqual(asked["allowWatchBookmarks"], "true")
        self.assertEqual(asked["timeoutSeconds"], "300")

    def test_any_slices(self) -> None:
        """It does not matter how the lines are cut."""
        event = b'{"type":"DELETED","object":%s}\n'
        named = b'{"metadata":{"namespace":"shop","name":"web"}}'
        for byte in event % named:
            self.api.watches["pods"][-1].write(bytes([byte]))
            self.server.flush()
        self.assertIsNone(self.facts("web"))

    def test_goes_on(self) -> None:
        """When a watch ends, the next begins at the last event or bookmark."""
        self.api.tell("pods", "BOOKMARK", {"metadata": {"resourceVersion": "170"}})
        self.server.flush()
        self.wait(300)
        self.api.watches["pods"][0].finish()
        self.server.flush()
        versions = [
            each["resourceVersion"] for each in self.api.asked_for("pods", watch=True)
        ]
        self.assertEqual(versions, ["100", "170"])
        self.assertEqual(len(self.api.asked_for("pods", watch=False)), 1)
        self.assertEqual(self.logged(), [])

    def test_too_old(self) -> None:
        """A 410, as an event or as an answer, means to list again; nobody is told."""
        self.api.items["pods"] = [pod("late")]
        self.api.tell("pods", "ERROR", status(410, "too old resource version"))
        self.server.flush()
        self.wait(1)
        self.assertEqual(len(self.api.asked_for("pods", watch=False)), 2)
        self.assertIsNone(self.facts("web"))
        self.assertIsNotNone(self.facts("late"))
        self.api.answer = self.gone
        self.api.watches["pods"][-1].finish()
        self.server.flush()
        self.wait(1)
        self.assertEqual(len(self.api.asked_for("pods", watch=False)), 2)
        self.assertIn("as soon as it begins", self.logged()[0])
        self.api.answer = lambda _: None
        self.wait(1)
        self.assertEqual(len(self.api.asked_for("pods", watch=False)), 3)

    def gone(self, request: WebRequest) -> bytes | None:
        """Answer every watch with a 410."""
        if b"watch" not in request.args:
            return None
        return self.api.refuse(410, "Expired")(request)

    def test_strange_events(self) -> None:
        """What is no event ends the watch, and the next goes on where it was."""
        for line in (
            b"hello\n",
            b"[]\n",
            b'{"type":"ERROR"}\n',
            b"x" * (4 << 20) + b"x",
        ):
            with self.subTest(line[:8]):
                count = len(self.api.asked_for("pods", watch=True))
                self.api.watches["pods"][-1].write(line)
                self.server.flush()
                self.wait(1)
                self.assertEqual(len(self.api.asked_for("pods", watch=True)), count + 1)
                self.api.tell("pods", "ADDED", pod("web"))
                self.server.flush()
        self.assertIsNotNone(self.facts("web"))
        self.assertEqual(len(self.api.asked_for("pods", watch=False)), 1)

    def test_objects_without_a_name(self) -> None:
        """An event of something strange is passed over."""
        strange: list[Json] = [{}, {"metadata": {"name": "A B"}}, {"metadata": []}]
        for item in strange:
            self.api.tell("pods", "ADDED", item)
        self.server.flush()
        self.assertEqual(self.cluster.count(Resource.PODS), 2)
        self.assertEqual(self.logged(), [])


class LossTests(WatchCase):
    """What happens when the API server is not there."""

    def test_not_there_at_first(self) -> None:
        """It is tried again, ever more slowly, up to every 30 seconds."""
        self.server.listening = False
        self.start()
        [line] = self.logged()
        self.assertIn("pods: nothing listens there", line)
        waits = [max(c.getTime() for c in self.clock.getDelayedCalls())]
        for _ in range(7):
            now = self.clock.seconds()
            self.wait(waits[-1] - now)
            waits.append(max(c.getTime() for c in self.clock.getDelayedCalls()))
        times = [
            late - early for early, late in zip([0.0, *waits], waits, strict=False)
        ]
        self.assertEqual(times, [1, 2, 4, 8, 16, 30, 30, 30])
        self.assertEqual(self.logged(), [])
        self.server.listening = True
        self.wait(30)
        self.assertTrue(self.cluster.synced)
        self.assertIn("pods and nodes known: 2 pods", self.logged()[0])

    def test_lost_and_back(self) -> None:
        """Loss is logged once and recovery once; what was known is kept."""
        self.start()
        self.logged()
        self.server.listening = False
        self.break_watches()
        self.wait(1)
        [line] = self.logged()
        self.assertIn("it is tried again", line)
        self.assertTrue(self.cluster.synced)
        self.assertFalse(self.cluster.in_touch)
        self.assertIsNotNone(self.facts("web"))
        self.server.listening = True
        self.wait(30)
        self.assertTrue(self.cluster.in_touch)
        [line] = self.logged()
        self.assertIn("pods and nodes known again: 2 pods, 1 node", line)
        self.assertEqual(len(self.api.asked_for("pods", watch=False)), 1)

    def test_silence(self) -> None:
        """A watch that does not end by itself is ended, and begun anew."""
        self.start()
        self.logged()
        self.wait(329)
        self.assertEqual(len(self.api.asked_for("pods", watch=True)), 1)
        self.wait(2)
        self.wait(2)
        self.assertEqual(len(self.api.asked_for("pods", watch=True)), 2)
        self.assertIn("it does not answer in time", self.logged()[0])

    def test_no_answer(self) -> None:
        """A list that is not answered is given up after 30 seconds."""
        self.api.answer = lambda request: self.hold(request)
        self.start()
        self.wait(29)
        self.assertEqual(self.logged(), [])
        self.wait(1)
        self.assertIn("it does not answer in time", self.logged()[0])

    def hold(self, request: WebRequest) -> bytes | None:
        """Let a watch begin, whatever was asked for, and say nothing."""
        return 1  # type: ignore[return-value]  # NOT_DONE_YET

    def test_unauthorized(self) -> None:
        """A token that is not believed is a failure with the server's words."""
        self.api.answer = self.api.refuse(401, "Unauthorized")
        self.start()
        self.assertIn("pods: it answers 401: Unauthorized", self.logged()[0])
        self.assertFalse(self.cluster.synced)

    def test_stops(self) -> None:
        """Stopped in any state it leaves no timer and no connection behind."""
        self.start()
        self.watch.stopService()
        self.server.flush()
        for pump in self.server.pumps:
            self.assertTrue(pump.clientIO.disconnected)
        count = len(self.api.asked)
        self.wait(600)
        self.assertEqual(len(self.api.asked), count)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ForbiddenTests(WatchCase):
    """What happens if we may not know."""

    def forbid(self, plural: str) -> None:
        """Forbid to list a resource."""
        refuse = self.api.refuse(403, f'{plural} is forbidden: User "gw" cannot list')

        def answer(request: WebRequest) -> bytes | None:
            return refuse(request) if request.path.endswith(plural.encode()) else None

        self.api.answer = answer

    def test_pods(self) -> None:
        """Without pods nothing is synced; the log says what rule is missing."""
        self.forbid("pods")
        self.start()
        self.assertFalse(self.cluster.synced)
        refusal, known = self.logged()
        self.assertIn('pods is forbidden: User "gw" cannot list', refusal)
        self.assertIn("resources [pods, nodes], verbs [list, watch]", refusal)
        self.assertIn("known: 1 node", known)

    def test_nodes(self) -> None:
        """Without nodes pods are known all the same."""
        self.forbid("nodes")
        self.start()
        self.assertTrue(self.cluster.synced)
        self.assertEqual(len(self.logged()), 2)

    def test_granted_later(self) -> None:
        """A rule that is added is noticed within minutes."""
        self.forbid("pods")
        self.start()
        self.wait(299)
        self.assertEqual(len(self.api.asked_for("pods", watch=False)), 1)
        self.api.answer = lambda _: None
        self.wait(1)
        self.assertTrue(self.cluster.synced)

    def test_taken_away(self) -> None:
        """What we may not know any more is forgotten."""
        self.start()
        self.forbid("pods")
        self.api.tell("pods", "ERROR", status(410, "too old"))
        self.server.flush()
        self.wait(1)
        self.assertFalse(self.cluster.synced)
        self.assertIsNone(self.facts("web"))
