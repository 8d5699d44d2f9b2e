"""Tests for :mod:`spdygate.gateway.kubeearly`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.gateway.kubeearly import early_pod
from spdygate.gateway.kubeobjects import Pod

WHEN = "2015-05-04T00:00:00Z"

DEMO = Pod("default", "demo", "n1", (("http", 80), ("echo", 7)))


class EarlyTests(SynchronousTestCase):
    """Pods in the shapes of 2015."""

    def test_flat(self) -> None:
        """In v1beta1 and v1beta2 the state has status and host."""
        for version in ("v1beta1", "v1beta2"):
            pod = early_pod(DEMO, WHEN, version)
            self.assertEqual((pod["kind"], pod["apiVersion"]), ("Pod", version))
            self.assertEqual((pod["id"], pod["namespace"]), ("demo", "default"))
            self.assertEqual(pod["currentState"]["status"], "Running")
            self.assertEqual(pod["currentState"]["host"], "n1")
            self.assertEqual(pod["desiredState"]["host"], "n1")
            self.assertEqual(pod["resourceVersion"], 1)
            self.assertNotIn("metadata", pod)

    def test_v1beta3(self) -> None:
        """In v1beta3 the node is called host, and all else is as in v1."""
        pod = early_pod(DEMO, WHEN, "v1beta3")
        self.assertEqual(pod["apiVersion"], "v1beta3")
        self.assertEqual(pod["spec"]["host"], "n1")
        self.assertNotIn("nodeName", pod["spec"])
        self.assertEqual(pod["status"]["phase"], "Running")
        self.assertEqual(pod["metadata"]["name"], "demo")

    def test_phases(self) -> None:
        """Every phase has the name that each version knew it by."""
        for phase, flat in (
            ("Pending", "Waiting"),
            ("Running", "Running"),
            ("Succeeded", "Succeeded"),
            ("Failed", "Terminated"),
            ("Unknown", "Unknown"),
        ):
            pod = Pod("default", "demo", "n1", phase=phase)
            state = early_pod(pod, WHEN, "v1beta1")["currentState"]
            self.assertEqual(state["status"], flat)
            status = early_pod(pod, WHEN, "v1beta3")["status"]
            self.assertEqual(status["phase"], phase)

    def test_uid(self) -> None:
        """A pod that has an identity keeps it."""
        pod = Pod("default", "demo", "n1", uid="u-1")
        self.assertEqual(early_pod(pod, WHEN, "v1beta1")["uid"], "u-1")
        self.assertEqual(early_pod(pod, WHEN, "v1beta3")["metadata"]["uid"], "u-1")
