"""Tests for :mod:`spdygate.node.pods`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.dialect.tunnel import Failure, Reason
from spdygate.node.pods import DEMO, IN_PROCESS, Place, Pods
from spdygate.wire.urls import Target

_WEB = ("shop", "web-0")


def target(namespace: str, pod: str, uid: str | None = None) -> Target:
    """Return what a URL may name."""
    return Target("n1", namespace, pod, uid)


class PodsTests(SynchronousTestCase):
    """Finding pods."""

    def setUp(self) -> None:
        """Declare two pods, the uid of one of them known."""
        self.place = Place("10.0.0.7")
        places = {_WEB: self.place, DEMO: IN_PROCESS}
        self.pods = Pods(places, {_WEB: "u-1"})

    def test_found(self) -> None:
        """A declared pod is where it was said to be, the demo pod in the process."""
        self.assertIs(self.pods.find(target(*_WEB)), self.place)
        self.assertIs(self.pods.find(target(*DEMO)), IN_PROCESS)

    def test_a_place_is_not_the_process_by_accident(self) -> None:
        """A pod on some host is never taken for the one in the process."""
        self.assertIsNot(self.pods.find(target(*_WEB)), IN_PROCESS)

    def test_unknown(self) -> None:
        """A pod nobody declared is refused by its name, in its namespace."""
        for namespace, pod in (("default", "web-0"), ("shop", "web-1")):
            words = f"pod {namespace}/{pod} is not on this node"
            expected = Failure(Reason.NO_SUCH_POD, words)
            self.assertEqual(self.pods.find(target(namespace, pod)), expected)

    def test_uid(self) -> None:
        """A uid in the URL must be the pod's, where that is known."""
        self.assertIs(self.pods.find(target(*_WEB, "u-1")), self.place)
        expected = Failure(
            Reason.NO_SUCH_POD, "pod shop/web-0 has another uid than u-2"
        )
        self.assertEqual(self.pods.find(target(*_WEB, "u-2")), expected)

    def test_uid_that_is_not_known(self) -> None:
        """A uid that cannot be compared with anything is no reason to refuse."""
        self.assertIs(self.pods.find(target(*DEMO, "whatever")), IN_PROCESS)
