"""
Every URL generation of port-forward, read as one `Target`.

Between 2015 and now a pod's ports were asked for under five kinds of path
(docs/protocol.rst, sections 0 and 1.5).  They differ in who resolves the node
and in nothing else, so what a URL means is a `Target`, and how it was spelt is
kept only for logs.

Rules:

1. Names are percent-decoded once, then checked as Kubernetes checks them when
   it stores them.  What passes needs no quoting anywhere, so a `Target` can be
   written into another path, or into a log, as it is.
2. The fixed words must be written as they are.  A path that somebody on the
   way might read as port-forward, but that is not written so, is refused and
   never passed on: a check that one spelling walks around is no check.
3. A path that nobody would read as port-forward is not our business: `None`.
4. Case matters, as it does to Kubernetes: ``portForward`` in a kubelet's
   path, ``portforward`` in a pod's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from urllib.parse import unquote_to_bytes

from ..errors import SpdygateError
from .upgrade import origin_form

#: Characters of a name (k8s.io/apimachinery, pkg/util/validation/validation.go:
#: ``DNS1123SubdomainMaxLength`` and ``DNS1123LabelMaxLength``).
_LONGEST_SUBDOMAIN = 253
_LONGEST_LABEL = 63

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(?:\.{_LABEL.pattern})*")

#: Kubernetes makes UUIDs; static pods have the 32 digits of a hash.
_UID = re.compile(r"[0-9A-Za-z-]{1,64}")

#: Digits of a port, as many as 65535 has.
_PORT = re.compile(r"[0-9]{1,5}")

#: Characters of a bad name that are repeated to whoever sent it.
_SHOWN = 64

_NOT_PLAIN = (
    "this is a port-forward URL in disguise: write its words plainly, with single "
    'slashes and without ".", ".." or "%2f"'
)
_WRONG_COUNT = "a port-forward URL names a namespace, a pod and at most the pod's uid"
_NO_POD = (
    "CONNECT reaches ports of pods and nothing else: write "
    "<pod>.<namespace>.pod:<port>, as in web-0.shop.pod:8080"
)
_NAMESPACED_PROXY = (
    "port-forward is not served under /proxy/namespaces/: write "
    "/api/v1/namespaces/<namespace>/pods/<pod>/portforward"
)


@dataclass(frozen=True, slots=True)
class Target:
    """
    The pod that a URL names.

    :ivar node: where the URL says that the pod is, if it does.
    :ivar uid: which of the pods that had this name one after another is meant,
        if the URL says it.
    """

    node: str | None
    namespace: str
    pod: str
    uid: str | None


class Spelling(Enum):
    """The URL generations; the value is for logs."""

    #: ``[/api/<version>]/proxy/minions/<node>/portForward/<ns>/<pod>[/<uid>]``
    MINIONS = "minions"
    #: ``[/api/<version>]/proxy/nodes/<node>/portForward/<ns>/<pod>[/<uid>]``
    NODES = "nodes"
    #: ``/api/<version>/nodes/<node>/proxy/portForward/<ns>/<pod>[/<uid>]``
    NODE_PROXY = "node-proxy"
    #: ``/api/<version>/namespaces/<ns>/pods/<pod>/portforward``
    PODS = "pods"
    #: ``/portForward/<ns>/<pod>[/<uid>]``
    KUBELET = "kubelet"


@dataclass(frozen=True, slots=True)
class PortForwardUrl:
    """
    A URL that asks for port-forward.

    :ivar query: what stood behind the ``?``, as it stood there.
    """

    target: Target
    spelling: Spelling
    query: bytes


class BadUrl(SpdygateError):
    """
    A URL is meant for port-forward, and is not to be served.

    :ivar status: the HTTP status to answer with.
    :ivar reason: the reason of the Status object.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


def is_namespace(name: str) -> bool:
    """Say whether *name* can be a namespace: an RFC 1123 label."""
    return len(name) <= _LONGEST_LABEL and _LABEL.fullmatch(name) is not None


def is_pod_name(name: str) -> bool:
    """Say whether *name* can be a pod: an RFC 1123 subdomain."""
    return len(name) <= _LONGEST_SUBDOMAIN and _SUBDOMAIN.fullmatch(name) is not None


def is_node_name(name: str) -> bool:
    """Say whether *name* can be a node: an RFC 1123 subdomain, as for pods."""
    return is_pod_name(name)


def is_uid(uid: str) -> bool:
    """Say whether *uid* looks like what Kubernetes gives to its objects."""
    return _UID.fullmatch(uid) is not None


def node_path(target: Target) -> str:
    """Return the path that asks a node for the pod (docs/protocol.rst, 8.1)."""
    path = f"/portForward/{target.namespace}/{target.pod}"
    return f"{path}/{target.uid}" if target.uid else path


def parse(raw_target: bytes) -> PortForwardUrl | None:
    """
    Read a request's target.

    :param raw_target: path and query as they came, or a URL in absolute form.
    :returns: what it asks for, or ``None`` if that is not port-forward.
    :raises BadUrl: it is port-forward, but written or named in a way that is
        refused.
    """
    path, _, query = origin_form(raw_target).partition(b"?")
    found = _find(path.decode("latin-1").split("/")[1:]) if path[:1] == b"/" else None
    if found is None:
        if any(_find(view) for view in _views(path)):
            raise _bad(_NOT_PLAIN)
        return None
    return PortForwardUrl(found.target(), found.spelling, query)


def parse_authority(authority: bytes) -> tuple[Target, int]:
    """
    Read what a plain CONNECT asks for: ``<pod>.<namespace>.pod:<port>``.

    A pod's name may have dots in it, so the name is read from its end.  Host
    names are compared without regard to case (RFC 9110, section 4.2.3).

    :param authority: a request's target in authority form, or ``:authority``.
    :returns: the pod, of which no node and no uid is said, and the port.
    :raises BadUrl: it is the port of something else, or of no valid name.
    """
    host, colon, port = authority.decode("latin-1").lower().rpartition(":")
    name, _, last = host.rpartition(".")
    pod, _, namespace = name.rpartition(".")
    if last != "pod":
        raise BadUrl(403, "Forbidden", _NO_POD)
    if not colon or not _PORT.fullmatch(port) or not 0 < int(port) <= 0xFFFF:
        raise _bad(f"{ascii(port[:_SHOWN])} is not a port; {_NO_POD}")
    if not is_namespace(namespace) or not is_pod_name(pod):
        raise _bad(f"{ascii(name[:_SHOWN])} is not <pod>.<namespace>; {_NO_POD}")
    return Target(None, namespace, pod, None), int(port)


@dataclass(frozen=True, slots=True)
class _Found:
    """
    A path with the words of port-forward in their places.

    Nothing in it is decoded or checked yet.

    :ivar names: namespace, pod, and whatever else the path goes on with.
    """

    spelling: Spelling
    names: Sequence[str]
    node: str | None = None
    version: str | None = None

    def target(self) -> Target:
        """Decode and check the names."""
        most = 2 if self.spelling is Spelling.PODS else 3
        if not 2 <= len(self.names) <= most:
            raise _bad(_WRONG_COUNT)
        if self.version is not None:
            _name("API version", self.version, is_namespace)
        node = uid = None
        if self.node is not None:
            node = _name("node", self.node, is_node_name)
        namespace = _name("namespace", self.names[0], is_namespace)
        pod = _name("pod", self.names[1], is_pod_name)
        if len(self.names) == 3:
            uid = _name("uid", self.names[2], is_uid)
        return Target(node, namespace, pod, uid)


def _find(segments: Sequence[str]) -> _Found | None:
    """
    Look for the words of port-forward in their places.

    :param segments: what stands between the slashes of a path.
    :raises BadUrl: it is the namespaced proxy, which port-forward never used.
    """
    match segments:
        case ["portForward", *names]:
            return _Found(Spelling.KUBELET, names)
        case ["proxy", "minions", node, "portForward", *names]:
            return _Found(Spelling.MINIONS, names, node)
        case ["proxy", "nodes", node, "portForward", *names]:
            return _Found(Spelling.NODES, names, node)
        case ["api", _, "proxy", "namespaces", *rest] | ["proxy", "namespaces", *rest]:
            if "portForward" in rest or "portforward" in rest:
                raise BadUrl(404, "NotFound", _NAMESPACED_PROXY)
        case ["api", version, "proxy", *_]:
            found = _find(segments[2:])
            return found and replace(found, version=version)
        case ["api", version, "nodes", node, "proxy", "portForward", *names]:
            return _Found(Spelling.NODE_PROXY, names, node, version)
        case ["api", version, "namespaces", name, "pods", pod, "portforward", *rest]:
            return _Found(Spelling.PODS, [name, pod, *rest], version=version)
    return None


def _views(path: bytes) -> Iterator[list[str]]:
    """
    Return what those on the way might take *path* for.

    Some decode it before they split it and some after; some drop empty
    segments and dots, and some resolve ``..`` as a file system does.
    """
    split_late = unquote_to_bytes(path).decode("latin-1")
    if "ortforward" not in split_late.lower():
        return
    split_first = [_decoded(word) for word in path.decode("latin-1").split("/")]
    for segments in (split_first, split_late.split("/")):
        yield segments[1:]
        dense = [word for word in segments if word not in ("", ".")]
        yield dense
        resolved: list[str] = []
        for word in dense:
            if word == "..":
                del resolved[-1:]
            else:
                resolved.append(word)
        yield resolved


def _decoded(word: str) -> str:
    """Return *word* percent-decoded, once; each character stands for a byte."""
    return unquote_to_bytes(word.encode("latin-1")).decode("latin-1")


def _name(what: str, written: str, is_valid: Callable[[str], bool]) -> str:
    """Return a name decoded, if it is one that Kubernetes would give."""
    name = _decoded(written)
    if is_valid(name):
        return name
    if not name:
        raise _bad(f"the {what} in the URL is empty")
    shown = ascii(name[:_SHOWN])
    raise _bad(f"{shown} in the URL is not the name of a {what}")


def _bad(message: str) -> BadUrl:
    """Return the refusal of a URL that is written wrongly."""
    return BadUrl(400, "BadRequest", message)
