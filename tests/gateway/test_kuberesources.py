"""Tests for :mod:`spdygate.gateway.kuberesources`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from spdygate.gateway.kubeobjects import Pod, objects
from spdygate.gateway.kuberesources import (
    RESOURCES,
    TableForm,
    aggregated,
    resource_list,
    table,
)

OBJECTS = objects(
    [Pod("default", "demo", "n1", (("http", 80), ("echo", 7)))],
    "2015-05-04T00:00:00Z",
    "v1.30.0",
)
FORM = TableForm("v1", "Metadata", "5m")


def shown(plural: str, *, wide: bool) -> list[list[object]]:
    """Return what ``kubectl get`` prints of a resource, heading first."""
    made = table(RESOURCES[plural], OBJECTS[plural], FORM)
    columns = made["columnDefinitions"]
    kept = [i for i, column in enumerate(columns) if wide or not column["priority"]]
    lines = [[column["name"] for column in columns]]
    lines += [row["cells"] for row in made["rows"]]
    return [[line[i] for i in kept] for line in lines]


class TableTests(SynchronousTestCase):
    """What kubectl prints."""

    def test_pods(self) -> None:
        """Pods have the columns that everybody knows."""
        self.assertEqual(
            shown("pods", wide=False),
            [
                ["Name", "Ready", "Status", "Restarts", "Age"],
                ["demo", "1/1", "Running", 0, "5m"],
            ],
        )

    def test_wide(self) -> None:
        """Wide pods have address and node too."""
        self.assertEqual(shown("pods", wide=True)[0][-2:], ["IP", "Node"])
        self.assertEqual(shown("pods", wide=True)[1][-2:], ["192.0.2.1", "n1"])

    def test_services_and_endpoints(self) -> None:
        """Services show their ports, endpoints where those are."""
        self.assertEqual(
            shown("services", wide=False)[1],
            ["demo", "ClusterIP", "None", "<none>", "80/TCP,7/TCP", "5m"],
        )
        self.assertEqual(shown("services", wide=True)[1][-1], "app=demo")
        self.assertEqual(
            shown("endpoints", wide=False)[1],
            ["demo", "192.0.2.1:80,192.0.2.1:7", "5m"],
        )

    def test_nodes_and_namespaces(self) -> None:
        """Nodes are ready, namespaces active."""
        self.assertEqual(
            shown("nodes", wide=False)[1], ["n1", "Ready", "<none>", "5m", "v1.30.0"]
        )
        self.assertEqual(
            shown("namespaces", wide=False)[1], ["default", "Active", "5m"]
        )

    def test_every_row_fits_its_columns(self) -> None:
        """No resource has more or fewer cells than columns."""
        for plural in RESOURCES:
            heading, *rows = shown(plural, wide=True)
            self.assertTrue(rows)
            for row in rows:
                self.assertEqual(len(row), len(heading), plural)

    def test_what_a_row_carries(self) -> None:
        """A row carries the metadata, the object or nothing, as asked."""
        pods = RESOURCES["pods"], OBJECTS["pods"]
        for include, kind in (("Metadata", "PartialObjectMetadata"), ("Object", "Pod")):
            [row] = table(*pods, TableForm("v1beta1", include, "1s"))["rows"]
            self.assertEqual(row["object"]["kind"], kind)
            self.assertEqual(row["object"]["metadata"]["namespace"], "default")
        [row] = table(*pods, TableForm("v1", "None", "1s"))["rows"]
        self.assertIsNone(row["object"])


class DiscoveryTests(SynchronousTestCase):
    """What there is to ask for."""

    def test_plain(self) -> None:
        """The list names every resource, and port-forward with its verbs."""
        verbs = {row["name"]: set(row["verbs"]) for row in resource_list()["resources"]}
        self.assertEqual(
            set(verbs),
            {
                "endpoints",
                "namespaces",
                "nodes",
                "pods",
                "pods/portforward",
                "services",
            },
        )
        self.assertEqual(verbs.pop("pods/portforward"), {"create", "get"})
        for allowed in verbs.values():
            self.assertEqual(allowed, {"get", "list", "watch"})

    def test_both_forms_agree(self) -> None:
        """Aggregated discovery says the same as the plain one."""
        plain = {
            (row["name"], row["kind"], row["namespaced"], row["singularName"])
            for row in resource_list()["resources"]
            if "/" not in row["name"]
        }
        [group] = aggregated("v2", core=True)["items"]
        [version] = group["versions"]
        self.assertEqual(version["version"], "v1")
        whole = {
            (
                row["resource"],
                row["responseKind"]["kind"],
                row["scope"] == "Namespaced",
                row["singularResource"],
            )
            for row in version["resources"]
        }
        self.assertEqual(plain, whole)
        [pods] = [r for r in version["resources"] if r["resource"] == "pods"]
        [forward] = pods["subresources"]
        self.assertEqual(forward["subresource"], "portforward")

    def test_no_other_group(self) -> None:
        """Beside the core group there is none, in the version asked for."""
        found = aggregated("v2beta1", core=False)
        self.assertEqual(found["items"], [])
        self.assertEqual(found["apiVersion"], "apidiscovery.k8s.io/v2beta1")
