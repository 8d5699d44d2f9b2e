"""
The embedded API: as much of Kubernetes as port-forward needs, read-only.

Before it opens a port, kubectl discovers the API, asks for the pod and wants
its phase to be Running; for a service it also asks for the service and looks
for its pods by label (docs/protocol.rst, section 9).  With no cluster behind
the gateway, this room answers: discovery, the five resources that the way to
a port leads through, and pods in the shapes of 2015.

Rules kept here:

1. Nothing changes.  Every method but GET and HEAD is refused, and a watch
   tells what there is and ends.
2. A question is answered or refused, never half understood.
3. No answer is longer than the declared pods make it, and no question longer
   than a line is read.
4. Every refusal is a JSON Status (docs/protocol.rst, section 3.10).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..wire.portforward import status
from .kubeearly import EARLY_VERSIONS, early_pod
from .kubeobjects import RESOURCE_VERSION, Json, Pod, age, objects, timestamp
from .kubequestion import JSON_TYPE, Question, Refused, understand
from .kuberesources import (
    RESOURCES,
    Resource,
    TableForm,
    aggregated,
    resource_list,
    table,
)

#: The release of Kubernetes whose answers these resemble.  kubectl warns when
#: it is asked for versions and is further than one release away, no more.
RESEMBLES = "1.30"

_READ_ONLY = (
    "spdygate answers only a read-only part of the API: discovery, and pods, "
    "nodes, namespaces, services and endpoints to get and list"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What to answer, but for the framing.

    :ivar body: also for HEAD, where the caller sends its length alone.
    """

    status: int
    content_type: str
    body: bytes


class KubeApi:
    """The embedded API over a fixed set of pods."""

    def __init__(self, pods: Sequence[Pod], version: str, created: float) -> None:
        """
        Make every object there will be.

        :param version: of spdygate; it is shown beside that of Kubernetes.
        :param created: when the gateway started, in seconds since 1970.
        """
        self._pods = sorted(pods, key=lambda pod: (pod.namespace, pod.name))
        self._created = created
        # What follows a "+" in a version takes no other characters (semver).
        ours = re.sub(r"[^0-9A-Za-z.-]", "-", version)
        self._version = f"v{RESEMBLES}.0+spdygate-{ours}"
        self._objects = objects(self._pods, timestamp(created), self._version)

    def answer(self, method: str, target: bytes, accept: str, now: float) -> Answer:
        """
        Answer one request; never raise.

        :param target: path and query, as they stood in the request line.
        :param accept: the Accept header, or nothing.
        :param now: the time in seconds since 1970, for how old things are.
        """
        try:
            if method not in ("GET", "HEAD"):
                raise Refused(405, f"{_READ_ONLY}; it refuses {method[:16]}")
            return self._answer(understand(target, accept, now))
        except Refused as refused:
            body = status(refused.code, str(refused))
            return Answer(refused.code, JSON_TYPE, body)

    def _answer(self, question: Question) -> Answer:
        """Find the part of the API that a question is for."""
        match question.path:
            case ():
                return _as_json({"paths": ["/api", "/api/v1", "/apis", "/version"]})
            case ("version",):
                return _as_json(self._build_info())
            case ("api" | "apis",):
                return _discovery(question)
            case "api", "v1":
                return _as_json(resource_list())
            case "api", "v1", *where:
                return self._v1(question, where)
            case "api", early, *where if early in EARLY_VERSIONS:
                return self._early(question, early, where)
        raise _unknown(question)

    def _build_info(self) -> Json:
        """Return the answer to ``/version``, with every field of 2014."""
        major, _, minor = RESEMBLES.partition(".")
        return {
            "major": major,
            "minor": minor,
            "gitVersion": self._version,
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": timestamp(self._created),
            "goVersion": "",
            "compiler": "",
            "platform": "",
        }

    def _v1(self, question: Question, where: list[str]) -> Answer:
        """Get one object of v1 by its name, or list those that are meant."""
        namespace: str | None = None
        match where:
            case ["namespaces", namespace, plural, *name]:
                pass
            case [plural, *name]:
                pass
        # What is in a namespace is got by way of it, and listed from anywhere;
        # what is in none is never asked for by way of one.
        inside = namespace is not None
        row = RESOURCES.get(plural)
        if row is None or len(name) > 1:
            raise _unknown(question)
        if inside != row.namespaced and (inside or name):
            raise _unknown(question)
        items = [
            item
            for item in self._objects[plural]
            if namespace in (None, item["metadata"].get("namespace"))
        ]
        if name:
            return self._get(question, row, items, name[0])
        return self._list(question, row, list(filter(question.chooser(), items)))

    def _get(
        self, question: Question, row: Resource, items: list[Json], name: str
    ) -> Answer:
        """Show the one of *items* that has this name."""
        for item in items:
            if item["metadata"]["name"] == name:
                form = self._table_form(question)
                return _as_json(table(row, [item], form) if form else item)
        raise Refused(404, f'{row.plural} "{name}" not found')

    def _list(self, question: Question, row: Resource, items: list[Json]) -> Answer:
        """Show all of *items*, or tell what has changed about them."""
        form = self._table_form(question)
        if question.watches:
            if "sendInitialEvents" in question.query:
                # The newest kubectl (1.37) then lists, as with an old server.
                # A stream that ended it would ask for again, at once, for ever.
                raise Refused(422, "sendInitialEvents is forbidden: list, then watch")
            # Who has seen this version has seen everything.
            seen = question.query.get("resourceVersion") == RESOURCE_VERSION
            news = () if seen else items
            shown = [table(row, [item], form) if form else item for item in news]
            events = [_line({"type": "ADDED", "object": item}) for item in shown]
            return Answer(200, JSON_TYPE, b"".join(events))
        if form:
            return _as_json(table(row, items, form))
        whole = {"kind": f"{row.kind}List", "apiVersion": "v1", "items": items}
        return _as_json(whole | {"metadata": {"resourceVersion": RESOURCE_VERSION}})

    def _table_form(self, question: Question) -> TableForm | None:
        """Return how a Table is wanted, if one is."""
        form = question.form("Table", "v1", "v1beta1")
        if not form:
            return None
        include = question.query.get("includeObject", "Metadata")
        return TableForm(form["v"], include, age(question.now - self._created))

    def _early(self, question: Question, version: str, where: list[str]) -> Answer:
        """Show pods to the clients of 2015."""
        created = timestamp(self._created)
        match version, where:
            case "v1beta3", ["namespaces", namespace, "pods", *name]:
                pass
            case "v1beta1" | "v1beta2", ["pods", *name]:
                # The namespace was a parameter, and none meant the default.
                namespace = question.query.get("namespace") or "default"
            case _:
                raise _unknown(question)
        shown = [
            early_pod(pod, created, version)
            for pod in self._pods
            if pod.namespace == namespace and name in ([], [pod.name])
        ]
        if not name:
            return _as_json({"kind": "PodList", "apiVersion": version, "items": shown})
        if not shown:
            raise Refused(404, f'pods "{"/".join(name)}" not found')
        return _as_json(shown[0])


def _discovery(question: Question) -> Answer:
    """Tell what there is to ask for: the core group, and no other."""
    core = question.path == ("api",)
    form = question.form("APIGroupDiscoveryList", "v2", "v2beta1")
    if form:
        kind = f"{JSON_TYPE};g=apidiscovery.k8s.io;v={form['v']};as={form['as']}"
        return _as_json(aggregated(form["v"], core=core), kind)
    if not core:
        return _as_json({"kind": "APIGroupList", "apiVersion": "v1", "groups": []})
    # Clients of 2015 look for their version here, and send no Accept at all;
    # kubectl 1.20 would go looking for what is in each of these.
    early = () if question.picky else EARLY_VERSIONS
    return _as_json({"kind": "APIVersions", "versions": ["v1", *early]})


def _unknown(question: Question) -> Refused:
    path = "/".join(question.path)
    return Refused(404, f"{_READ_ONLY}; /{path[:200]} is none of these")


def _as_json(found: Json, content_type: str = JSON_TYPE) -> Answer:
    return Answer(200, content_type, _line(found))


def _line(found: Json) -> bytes:
    return json.dumps(found, separators=(",", ":")).encode() + b"\n"
