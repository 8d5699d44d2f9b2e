"""
Pods in the shapes of the first half of 2015, for clients of generation A.

Three versions of the API came before v1, and kubectl of then speaks one of
them and no other.  What it reads of a pod before it forwards a port is the
phase and the node (docs/protocol.rst, section 1.2); the rest is here so that
``get pods`` of then shows something as well.
"""

from __future__ import annotations

from .kubeobjects import RESOURCE_VERSION, Json, Pod, container_of, metadata_of, uid_of

#: The versions of the API of 2015 in which pods are shown, newest first.
EARLY_VERSIONS = ("v1beta3", "v1beta2", "v1beta1")

#: What phases were called before v1beta3 (Kubernetes 0.21,
#: pkg/api/v1beta1/conversion.go); the others have kept their names.
_EARLY_PHASES = {"Pending": "Waiting", "Failed": "Terminated"}


def early_pod(pod: Pod, created: str, version: str) -> Json:
    """Make a pod for clients of the first half of 2015."""
    if version == "v1beta3":
        return _pod_v1beta3(pod, created)
    return _pod_flat(pod, created, version)


def _pod_v1beta3(pod: Pod, created: str) -> Json:
    """
    Make a pod that has v1's form but for the field that names its node.

    kubectl of then reads ``spec.host`` (docs/protocol.rst, section 1.2); it
    became ``nodeName`` in v1.
    """
    return {
        "kind": "Pod",
        "apiVersion": "v1beta3",
        "metadata": metadata_of("pods", pod.namespace, pod.name, created, pod.uid)
        | {"labels": pod.label_map},
        "spec": {
            "containers": [container_of(pod)],
            "host": pod.node,
            "restartPolicy": "Always",
        },
        "status": {"phase": pod.phase, "podIP": pod.address},
    }


def _pod_flat(pod: Pod, created: str, version: str) -> Json:
    """
    Make a pod of v1beta1 or v1beta2.

    Such an object has no metadata: its name is called ``id``, and its resource
    version is a number.  kubectl of then reads ``currentState``
    (docs/protocol.rst, section 1.2).
    """
    manifest = {
        "version": version,
        "id": pod.name,
        "containers": [container_of(pod)],
        "restartPolicy": {"always": {}},
    }
    return {
        "kind": "Pod",
        "apiVersion": version,
        "id": pod.name,
        "namespace": pod.namespace,
        "uid": pod.uid or uid_of("pods", pod.namespace, pod.name),
        "resourceVersion": int(RESOURCE_VERSION),
        "creationTimestamp": created,
        "labels": pod.label_map,
        "desiredState": {"manifest": manifest, "host": pod.node},
        "currentState": {
            "manifest": manifest,
            "status": _EARLY_PHASES.get(pod.phase, pod.phase),
            "host": pod.node,
            "podIP": pod.address,
        },
    }
