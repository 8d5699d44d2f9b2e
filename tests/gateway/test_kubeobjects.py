"""Tests for :mod:`spdygate.gateway.kubeobjects`."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from spdygate.gateway.kubeobjects import (
    Pod,
    age,
    objects,
    timestamp,
    uid_of,
)

WHEN = "2015-05-04T00:00:00Z"

DEMO = Pod("default", "demo", "n1", (("http", 80), ("echo", 7)))
OTHER = Pod("myns", "mypod", "n2", labels=(("app", "x"), ("tier", "db")))


class IdentityTests(SynchronousTestCase):
    """What does not change between restarts."""

    def test_uid_is_stable(self) -> None:
        """The same place has the same uid, and each place its own."""
        # uuid5 of the URL namespace, worked out apart from this package.
        self.assertEqual(
            uid_of("pods", "default", "demo"), "5b1fce7e-6481-5258-9ffd-e64889152507"
        )
        places = [
            ("pods", "default", "demo"),
            ("pods", "myns", "demo"),
            ("services", "default", "demo"),
            ("nodes", "", "demo"),
        ]
        self.assertEqual(len({uid_of(*place) for place in places}), len(places))

    def test_timestamp(self) -> None:
        """Times are written as RFC 3339 in UTC, without fractions."""
        self.assertEqual(timestamp(1430697600.9), WHEN)


class DerivedTests(SynchronousTestCase):
    """What follows from the declared pods."""

    def setUp(self) -> None:
        """Make everything for two pods."""
        self.all = objects([DEMO, OTHER], WHEN, "v1.30.0")

    def names(self, plural: str) -> list[str]:
        """Return the names of the objects of one resource."""
        return [item["metadata"]["name"] for item in self.all[plural]]

    def test_namespaces_and_nodes(self) -> None:
        """Every pod's namespace and node are there, and default always."""
        self.assertEqual(self.names("namespaces"), ["default", "myns"])
        self.assertEqual(self.names("nodes"), ["n1", "n2"])
        nothing = objects([], WHEN, "v1")
        self.assertEqual(len(nothing["namespaces"]), 1)
        self.assertEqual(nothing["pods"] + nothing["nodes"] + nothing["services"], [])

    def test_only_named_ports_make_a_service(self) -> None:
        """A pod whose ports are known is a service; another is not."""
        self.assertEqual(self.names("services"), ["demo"])
        self.assertEqual(self.names("endpoints"), ["demo"])

    def test_service_leads_to_its_pod(self) -> None:
        """The selector of a service is among the labels of its pod."""
        [service] = self.all["services"]
        pod = self.all["pods"][0]
        selector = service["spec"]["selector"].items()
        self.assertTrue(selector)
        self.assertLessEqual(selector, pod["metadata"]["labels"].items())
        self.assertEqual(service["spec"]["clusterIP"], "None")
        ports = [(port["name"], port["port"]) for port in service["spec"]["ports"]]
        self.assertEqual(ports, [("http", 80), ("echo", 7)])

    def test_endpoints_are_the_pod(self) -> None:
        """Endpoints name the address and the ports of the pod."""
        [endpoints] = self.all["endpoints"]
        [subset] = endpoints["subsets"]
        [address] = subset["addresses"]
        self.assertEqual(address["ip"], self.all["pods"][0]["status"]["podIP"])
        self.assertEqual(address["targetRef"]["name"], "demo")
        self.assertEqual([port["port"] for port in subset["ports"]], [80, 7])

    def test_every_object_is_complete(self) -> None:
        """Each has kind, version, name, uid, resource version and birthday."""
        for items in self.all.values():
            for item in items:
                self.assertEqual(item["apiVersion"], "v1")
                self.assertTrue(item["kind"])
                metadata = item["metadata"]
                self.assertTrue(metadata["name"] and metadata["uid"])
                self.assertEqual(metadata["resourceVersion"], "1")
                self.assertEqual(metadata["creationTimestamp"], WHEN)
        json.dumps(self.all)

    def test_pod_is_what_kubectl_waits_for(self) -> None:
        """A pod is running, ready, on its node, and shows its ports."""
        pod = self.all["pods"][0]
        self.assertEqual(pod["status"]["phase"], "Running")
        ready = {c["type"]: c["status"] for c in pod["status"]["conditions"]}
        self.assertEqual(ready["Ready"], "True")
        self.assertEqual(pod["spec"]["nodeName"], "n1")
        [container] = pod["spec"]["containers"]
        ports = [port["containerPort"] for port in container["ports"]]
        self.assertEqual(ports, [80, 7])

    def test_labels(self) -> None:
        """Given labels are kept; without any, the name makes one."""
        first, second = (pod["metadata"]["labels"] for pod in self.all["pods"])
        self.assertEqual(first, {"app": "demo"})
        self.assertEqual(second, {"app": "x", "tier": "db"})


class AgeTests(SynchronousTestCase):
    """How old things are."""

    def test_units(self) -> None:
        """Ages are in one unit, and never below nothing."""
        for seconds, shown in (
            (-5, "0s"),
            (0, "0s"),
            (119.9, "119s"),
            (120, "2m"),
            (179 * 60, "179m"),
            (180 * 60, "3h"),
            (47 * 3600, "47h"),
            (48 * 3600, "2d"),
            (4000 * 86400, "4000d"),
        ):
            self.assertEqual(age(seconds), shown)
