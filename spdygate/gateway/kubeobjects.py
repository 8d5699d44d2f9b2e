"""
The objects of the embedded API: what a pod looks like to each generation.

`Pod` is what the operator declares; everything else is derived from it once
and never changes while the gateway runs:

- every pod has a node and a namespace, so those are listed as well;
- a pod that names its ports is also a service of the same name, with its
  endpoints, so that ``kubectl port-forward svc/demo`` has something to find.
  It is *headless*: there is no cluster address to reach it by, and kubectl
  takes a headless service's ports as they are.

Everything made here is plain JSON material: dictionaries, lists and texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

#: One API object, or a part of one.
Json = dict[str, Any]

#: Nothing is ever changed here, so one version serves every object.  Not
#: zero, which Kubernetes clients read as "any version will do".
RESOURCE_VERSION = "1"

#: The image that a pod's one container is said to run.
IMAGE = "spdygate"


@dataclass(frozen=True, slots=True)
class Pod:
    """
    A pod that the embedded API shows.

    :ivar node: the name of the node that it is said to run on.
    :ivar ports: (name, number) of each port that is known; the pod may have
        others, since nobody has to declare what a program listens on.
    :ivar labels: (name, value) pairs for label selectors; with none given,
        the pod is labelled ``app=`` and its name.
    :ivar address: its IP address.  The default is of the block that is kept
        for documentation (RFC 5737), because a pod of the embedded node has
        no address that anybody could dial: it is reached by port-forward.
    :ivar uid: its identity; if empty, one is made of its place.
    """

    namespace: str
    name: str
    node: str
    ports: tuple[tuple[str, int], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    address: str = "192.0.2.1"
    uid: str = ""
    phase: str = "Running"

    @property
    def label_map(self) -> dict[str, str]:
        """Return the labels as JSON has them."""
        return dict(self.labels) or {"app": self.name}


def timestamp(seconds: float) -> str:
    """Write *seconds* since 1970 as Kubernetes does (RFC 3339, UTC)."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def age(seconds: float) -> str:
    """Say how old something is, in one unit, much as kubectl does."""
    whole = max(0, int(seconds))
    for unit, size, most in (("s", 1, 120), ("m", 60, 180), ("h", 3600, 48)):
        if whole < size * most:
            return f"{whole // size}{unit}"
    return f"{whole // 86400}d"


def uid_of(plural: str, namespace: str, name: str) -> str:
    """Return an identity that is the same after every restart."""
    path = "/".join(filter(None, (plural, namespace, name)))
    return str(uuid5(NAMESPACE_URL, f"https://spdygate.invalid/{path}"))


def objects(pods: Sequence[Pod], created: str, version: str) -> dict[str, list[Json]]:
    """
    Make every object of ``/api/v1``, by the plural of its resource.

    :param created: when everything came to be, as a timestamp.
    :param version: what the nodes report as the version of their kubelet.
    """
    served = [pod for pod in pods if pod.ports]
    # Every cluster has "default", and clients without a context ask for it.
    namespaces = {"default", *(pod.namespace for pod in pods)}
    nodes = {pod.node: pod.address for pod in pods}
    return {
        "endpoints": [endpoints(pod, created) for pod in served],
        "namespaces": [namespace(name, created) for name in sorted(namespaces)],
        "nodes": [node(n, nodes[n], created, version) for n in sorted(nodes)],
        "pods": [pod_v1(pod, created) for pod in pods],
        "services": [service(pod, created) for pod in served],
    }


def metadata_of(
    plural: str, namespace: str, name: str, created: str, uid: str = ""
) -> Json:
    """
    Return what every object begins with, but for the labels.

    :param uid: its identity, if it has one of its own.
    """
    where = {"namespace": namespace} if namespace else {}
    return {
        "name": name,
        **where,
        "uid": uid or uid_of(plural, namespace, name),
        "resourceVersion": RESOURCE_VERSION,
        "creationTimestamp": created,
    }


def _conditions(created: str, *names: str) -> list[Json]:
    """Return conditions that all hold, and have held from the beginning."""
    return [
        {"type": name, "status": "True", "lastTransitionTime": created}
        for name in names
    ]


def container_of(pod: Pod) -> Json:
    """Return a pod's one container, in the form that no version has changed."""
    ports = [
        {"name": name, "containerPort": number, "protocol": "TCP"}
        for name, number in pod.ports
    ]
    return {"name": pod.name, "image": IMAGE, "ports": ports}


def pod_v1(pod: Pod, created: str) -> Json:
    """Make a pod for everybody since 2015."""
    container = {
        "name": pod.name,
        "image": IMAGE,
        "imageID": IMAGE,
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": created}},
    }
    ready = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": metadata_of("pods", pod.namespace, pod.name, created)
        | {"labels": pod.label_map},
        "spec": {
            "containers": [container_of(pod)],
            "nodeName": pod.node,
            "restartPolicy": "Always",
        },
        "status": {
            "phase": "Running",
            "conditions": _conditions(created, *ready),
            "podIP": pod.address,
            "podIPs": [{"ip": pod.address}],
            "startTime": created,
            "containerStatuses": [container],
        },
    }


def node(name: str, address: str, created: str, version: str) -> Json:
    """Make a node that is ready."""
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": metadata_of("nodes", "", name, created)
        | {"labels": {"kubernetes.io/hostname": name}},
        "spec": {},
        "status": {
            "conditions": _conditions(created, "Ready"),
            "addresses": [
                {"type": "InternalIP", "address": address},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {"kubeletVersion": version, "operatingSystem": "linux"},
        },
    }


def namespace(name: str, created: str) -> Json:
    """Make a namespace."""
    return {
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": metadata_of("namespaces", "", name, created)
        | {"labels": {"kubernetes.io/metadata.name": name}},
        "spec": {},
        "status": {"phase": "Active"},
    }


def service(pod: Pod, created: str) -> Json:
    """Make the headless service that has *pod* behind it."""
    ports = [
        {"name": name, "port": number, "protocol": "TCP", "targetPort": number}
        for name, number in pod.ports
    ]
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": metadata_of("services", pod.namespace, pod.name, created)
        | {"labels": pod.label_map},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "clusterIPs": ["None"],
            "selector": pod.label_map,
            "ports": ports,
        },
        "status": {"loadBalancer": {}},
    }


def endpoints(pod: Pod, created: str) -> Json:
    """Make the endpoints of the service that has *pod* behind it."""
    target = {"kind": "Pod", "namespace": pod.namespace, "name": pod.name}
    address = {"ip": pod.address, "nodeName": pod.node, "targetRef": target}
    ports = [
        {"name": name, "port": number, "protocol": "TCP"} for name, number in pod.ports
    ]
    return {
        "kind": "Endpoints",
        "apiVersion": "v1",
        "metadata": metadata_of("endpoints", pod.namespace, pod.name, created)
        | {"labels": pod.label_map},
        "subsets": [{"addresses": [address], "ports": ports}],
    }
