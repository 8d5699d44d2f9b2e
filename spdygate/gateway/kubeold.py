"""
A look-up of 2015, asked of an API server of today.

Before a client of generation A forwards a port it gets the pod, in a version
of the API that no API server has served since 2015 (docs/protocol.rst, section
1.2).  Such a question is passed on as its equal in v1, with everything that
says who asks, and what comes back is put into the form that was asked for:

    GET /api/v1beta1/pods/NAME?namespace=NS         (v1beta2 likewise)
    GET /api/v1beta3/namespaces/NS/pods/NAME

Only that is translated: port-forward needs no more, and whatever is not
understood here is the API server's to refuse.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from ..wire.kubejson import part, read_object, text
from ..wire.upgrade import Request
from ..wire.urls import is_namespace, is_pod_name, is_uid
from .kubeearly import early_pod
from .kubeobjects import Json, Pod
from .kubequestion import MAX_PARAMETERS, MAX_TEXT

#: Bytes of an answer that is translated.  etcd takes objects of 1.5 MiB.
LARGEST = 4 * 1024 * 1024

#: Ports of one pod that are shown.
_MOST_PORTS = 256

#: Headers that would get us an answer which is not one plain JSON object: those
#: that begin so, and these.
_ACCEPT = "accept"
_OURS = frozenset(("range", "if-none-match", "if-modified-since"))

_PHASES = frozenset(("Pending", "Running", "Succeeded", "Failed", "Unknown"))


def modern_request(request: Request) -> Request | None:
    """
    Return what to ask the API server instead.

    :returns: None if the request is no look-up of a pod in an early version.
    """
    asked = _understand(request)
    if asked is None:
        return None
    _, namespace, name = asked
    target = f"/api/v1/namespaces/{namespace}/pods/{name}".encode()
    headers = tuple(
        (name, value)
        for name, value in request.headers
        if name not in _OURS and not name.startswith(_ACCEPT)
    )
    accept = (_ACCEPT, "application/json")
    return replace(request, target=target, headers=(*headers, accept))


def translate(request: Request, status: int, body: bytes) -> bytes:
    """
    Return the API server's answer in the form that was asked for.

    :param request: as the client sent it.
    :param status: of the answer, which stays what it is.
    :param body: of the answer, whole.
    :returns: *body* itself where it is neither a pod nor a Status.
    """
    asked = _understand(request)
    found = _load(body)
    if asked is None or found is None:
        return body
    version, namespace, name = asked
    if found.get("kind") == "Status":
        translated = _early_status(found, version)
    elif found.get("kind") == "Pod" and status == 200:
        pod = _pod(found, namespace, name)
        created = text(part(found, "metadata"), "creationTimestamp")
        translated = early_pod(pod, created or "1970-01-01T00:00:00Z", version)
    else:
        return body
    return json.dumps(translated, separators=(",", ":")).encode() + b"\n"


def _understand(request: Request) -> tuple[str, str, str] | None:
    """Return version, namespace and name of the pod that is looked up."""
    if request.method != "GET" or len(request.target) > MAX_TEXT:
        return None
    try:
        path, _, query = request.target.decode("ascii").partition("?")
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return None
    match path.split("/"):
        case ["", "api", "v1beta1" | "v1beta2", "pods", name]:
            # The namespace was a parameter, and none meant the default.
            namespace = dict(pairs).get("namespace") or "default"
        case ["", "api", "v1beta3", "namespaces", namespace, "pods", name]:
            pass
        case _:
            return None
    version = path.split("/")[2]
    if not is_namespace(namespace) or not is_pod_name(name):
        return None
    return version, namespace, name


def _pod(found: Json, namespace: str, name: str) -> Pod:
    """Return what is shown of a pod of today."""
    metadata, spec = part(found, "metadata"), part(found, "spec")
    status = part(found, "status")
    uid, phase = text(metadata, "uid"), text(status, "phase")
    labels = part(metadata, "labels").items()
    return Pod(
        namespace,
        name,
        text(spec, "nodeName"),
        tuple(_ports(spec))[:_MOST_PORTS],
        tuple((key, value) for key, value in labels if isinstance(value, str)),
        text(status, "podIP"),
        uid if is_uid(uid) else "",
        phase if phase in _PHASES else "Unknown",
    )


def _ports(spec: Json) -> list[tuple[str, int]]:
    """Return name and number of each port that a pod's containers name."""
    return [
        (text(port, "name"), number)
        for container in _list(spec, "containers")
        for port in _list(container, "ports")
        if isinstance(number := port.get("containerPort"), int)
    ]


def _early_status(found: Json, version: str) -> Json:
    """
    Return a Status in an early version.

    Before v1beta3 it has no metadata, and its details call a name ``id``
    (Kubernetes 0.21, pkg/api/v1beta1/types.go: ``StatusDetails``).
    """
    early = dict(found) | {"apiVersion": version}
    details = part(found, "details")
    if version == "v1beta3":
        return early
    early.pop("metadata", None)
    if details:
        name = {"id": details["name"]} if "name" in details else {}
        rest = {key: details[key] for key in ("kind", "causes") if key in details}
        early["details"] = name | rest
    return early


def _load(body: bytes) -> Json | None:
    """Read a JSON object of a size that is worth reading."""
    return None if len(body) > LARGEST else read_object(body)


def _list(item: Json, name: str) -> list[dict[str, Any]]:
    """Return the objects in a part of an object."""
    part = item.get(name)
    return (
        [each for each in part if isinstance(each, dict)]
        if isinstance(part, list)
        else []
    )
