"""
The resources of the embedded API: their words, and how kubectl shows them.

`RESOURCES` is the whole of ``/api/v1`` as a table.  Three things are made
from it: the answer to discovery, in the form of 2014 and in the aggregated
form that kubectl 1.27 and later ask for; and the *Table* that ``kubectl get``
prints.  Kubernetes moved the choice of columns into the server (1.11): given
a plain list, kubectl shows NAME and AGE and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .kubeobjects import RESOURCE_VERSION, Json


def _pod_cells(pod: Json, age: str) -> tuple[object, ...]:
    status = pod["status"]
    where = status["podIP"], pod["spec"]["nodeName"]
    return "1/1", status["phase"], 0, age, *where


def _node_cells(node: Json, age: str) -> tuple[object, ...]:
    return "Ready", "<none>", age, node["status"]["nodeInfo"]["kubeletVersion"]


def _namespace_cells(namespace: Json, age: str) -> tuple[object, ...]:
    return namespace["status"]["phase"], age


def _service_cells(service: Json, age: str) -> tuple[object, ...]:
    spec = service["spec"]
    ports = ",".join(f"{p['port']}/{p['protocol']}" for p in spec["ports"])
    selector = ",".join(f"{name}={value}" for name, value in spec["selector"].items())
    return spec["type"], spec["clusterIP"], "<none>", ports, age, selector


def _endpoint_cells(endpoints: Json, age: str) -> tuple[object, ...]:
    shown = (
        f"{address['ip']}:{port['port']}"
        for subset in endpoints["subsets"]
        for address in subset["addresses"]
        for port in subset["ports"]
    )
    return ",".join(shown), age


@dataclass(frozen=True, slots=True)
class Resource:
    """
    One resource of ``/api/v1``.

    :ivar columns: what ``kubectl get`` shows after the name; those after
        ``wide`` of them only with ``-o wide``.
    :ivar cells: an object and its age -> one value for each column.
    """

    plural: str
    kind: str
    namespaced: bool
    short: str
    columns: tuple[str, ...]
    wide: int
    cells: Callable[[Json, str], tuple[object, ...]]


#: In the order in which discovery names them.
RESOURCES = {
    row.plural: row
    for row in (
        Resource(
            "endpoints",
            "Endpoints",
            True,
            "ep",
            ("Endpoints", "Age"),
            2,
            _endpoint_cells,
        ),
        Resource(
            "namespaces",
            "Namespace",
            False,
            "ns",
            ("Status", "Age"),
            2,
            _namespace_cells,
        ),
        Resource(
            "nodes",
            "Node",
            False,
            "no",
            ("Status", "Roles", "Age", "Version"),
            4,
            _node_cells,
        ),
        Resource(
            "pods",
            "Pod",
            True,
            "po",
            ("Ready", "Status", "Restarts", "Age", "IP", "Node"),
            4,
            _pod_cells,
        ),
        Resource(
            "services",
            "Service",
            True,
            "svc",
            ("Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector"),
            5,
            _service_cells,
        ),
    )
}

_VERBS = ("get", "list", "watch")

#: Announced here and answered by the gateway itself.
_PORTFORWARD = "portforward", "PodPortForwardOptions", ("create", "get")


def resource_list() -> Json:
    """Return the answer to ``/api/v1``: discovery as it has always been."""
    rows: list[Json] = [
        {
            "name": row.plural,
            "singularName": row.kind.lower(),
            "namespaced": row.namespaced,
            "kind": row.kind,
            "verbs": _VERBS,
            "shortNames": [row.short],
        }
        for row in RESOURCES.values()
    ]
    name, kind, verbs = _PORTFORWARD
    rows.append(
        {
            "name": f"pods/{name}",
            "singularName": "",
            "namespaced": True,
            "kind": kind,
            "verbs": verbs,
        }
    )
    return {"kind": "APIResourceList", "groupVersion": "v1", "resources": rows}


def aggregated(version: str, *, core: bool) -> Json:
    """
    Return discovery for who wants all of it in one piece.

    :param version: that of the form itself, ``v2`` or ``v2beta1``: the two
        differ in nothing that is said here.
    :param core: whether the core group is asked for, or all others: none.
    """
    rows = [_discovered(row) for row in RESOURCES.values()]
    versions = [{"version": "v1", "resources": rows, "freshness": "Current"}]
    group = {"metadata": {"creationTimestamp": None}, "versions": versions}
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": [group] if core else [],
    }


def _response_kind(kind: str) -> Json:
    return {"group": "", "version": "v1", "kind": kind}


def _discovered(row: Resource) -> Json:
    """Return one resource with its subresources, in the aggregated form."""
    found: Json = {
        "resource": row.plural,
        "responseKind": _response_kind(row.kind),
        "scope": "Namespaced" if row.namespaced else "Cluster",
        "singularResource": row.kind.lower(),
        "verbs": _VERBS,
        "shortNames": [row.short],
    }
    if row.plural == "pods":
        name, kind, verbs = _PORTFORWARD
        forward = {"subresource": name, "responseKind": _response_kind(kind)}
        found["subresources"] = [forward | {"verbs": verbs}]
    return found


@dataclass(frozen=True, slots=True)
class TableForm:
    """
    How a Table is wanted.

    :ivar version: of ``meta.k8s.io``: ``v1``, or ``v1beta1`` before 1.15.
    :ivar include: how much of each object its row carries: ``Metadata``,
        which kubectl takes a row's name and namespace from, ``Object`` or
        ``None``.
    :ivar age: how old the objects are, as kubectl shows it.
    """

    version: str
    include: str
    age: str


def table(row: Resource, found: Sequence[Json], form: TableForm) -> Json:
    """Return the objects in *found* as the Table that kubectl prints."""
    names = ("Name", *row.columns)
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{form.version}",
        "metadata": {"resourceVersion": RESOURCE_VERSION},
        "columnDefinitions": [
            _column(name, wide=index > row.wide) for index, name in enumerate(names)
        ],
        "rows": [
            {
                "cells": [item["metadata"]["name"], *row.cells(item, form.age)],
                "object": _carried(item, form),
            }
            for item in found
        ],
    }


def _column(name: str, *, wide: bool) -> Json:
    """Return a column's definition; kubectl finds the names by their format."""
    return {
        "name": name,
        "type": "integer" if name == "Restarts" else "string",
        "format": "name" if name == "Name" else "",
        "description": name,
        "priority": int(wide),
    }


def _carried(item: Json, form: TableForm) -> Any:
    """Return what a row carries of its object."""
    match form.include:
        case "Object":
            return item
        case "None":
            return None
        case _:
            return {
                "kind": "PartialObjectMetadata",
                "apiVersion": f"meta.k8s.io/{form.version}",
                "metadata": item["metadata"],
            }
