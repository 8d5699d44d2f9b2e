"""
The cases of ``pkg/cmd/portforward/portforward_test.go`` (k8s.io/kubectl), as data.

A case is a pod, perhaps a service, what kubectl is told, and what that means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


def port(number: int, name: str = "", protocol: str = "TCP") -> Json:
    """Return a port of a container."""
    named = {"name": name} if name else {}
    return {"containerPort": number, "protocol": protocol, **named}


def service_port(
    number: int, target: int | str = 0, name: str = "", protocol: str = "TCP"
) -> Json:
    """Return a port of a service."""
    known = {"targetPort": target, "name": name}
    some = {key: value for key, value in known.items() if value}
    return {"port": number, "protocol": protocol, **some}


@dataclass(frozen=True)
class Case:
    """
    One case.

    :ivar name: what upstream calls it.
    :ivar ports: what kubectl is told.
    :ivar means: what it makes of that, as it says it; else part of its error.
    :ivar service: the ports of the service; without any the pod is asked for.
    """

    name: str
    pod: Sequence[Json]
    ports: Sequence[str]
    means: str
    service: Sequence[Json] = field(default=())
    headless: bool = False

    def objects(self, namespace: str) -> dict[str, Json]:
        """Return the pod and the service, by their paths."""
        named = {
            "name": "web",
            "namespace": namespace,
            "uid": "u",
            "labels": {"a": "b"},
        }
        where = f"/api/v1/namespaces/{namespace}"
        pod: Json = {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": named,
            "spec": {
                "nodeName": "n1",
                "containers": [{"name": "c", "ports": self.pod}],
            },
            "status": {"phase": "Running"},
        }
        service: Json = {
            "kind": "Service",
            "apiVersion": "v1",
            "metadata": named,
            "spec": {
                "clusterIP": "None" if self.headless else "192.0.2.2",
                "selector": {"a": "b"},
                "ports": self.service,
            },
        }
        pods = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [pod]}
        return {
            f"{where}/pods": pods,
            f"{where}/pods/web": pod,
            f"{where}/services/web": service,
        }


HTTP, HTTPS = port(8080, "http"), port(8443, "https")
TO_HTTP, TO_HTTPS = service_port(80, "http"), service_port(443, "https")
NAMED = (service_port(80, 8080, "http"), service_port(443, 8443, "https"))
BARE = (port(8080), port(8443))
INT = (service_port(80, 8080),)

SERVICES = (
    Case("test success 1 (int port)", [HTTP], ["80"], "{80 8080}", INT),
    Case(
        "test success 1 (int port with random local port)",
        *([HTTP], [":80"], "{0 8080}", INT),
    ),
    Case(
        "test success 1 (int port with explicit local port)",
        *([HTTP], ["8000:8080"], "{8000 8080}", [service_port(8080, 8080)]),
    ),
    Case(
        "test success 2 (clusterIP: None)",
        [HTTP],
        ["80"],
        "{80 80}",
        INT,
        headless=True,
    ),
    Case(
        "test success 2 (clusterIP: None with random local port)",
        *([HTTP], [":80"], "{0 80}", INT),
        headless=True,
    ),
    Case(
        "test success 3 (named target port)",
        *([HTTP, HTTPS], ["80", "443"], "{80 8080} {443 8443}", [TO_HTTP, TO_HTTPS]),
    ),
    Case(
        "test success 3 (named target port with random local port)",
        *([HTTP, HTTPS], [":80", ":443"], "{0 8080} {0 8443}", [TO_HTTP, TO_HTTPS]),
    ),
    Case(
        "test success 4 (named service port)",
        *(BARE, ["http", "https"], "{80 8080} {443 8443}", NAMED),
    ),
    Case(
        "test success 4 (named service port with random local port)",
        *(BARE, [":http", ":https"], "{0 8080} {0 8443}", NAMED),
    ),
    Case(
        "test success 4 (named service port and named pod container port)",
        *([port(80, "http")], ["http"], "{80 80}", [service_port(80, "http", "http")]),
    ),
    Case(
        "test success (targetPort omitted)",
        *([port(80, "http")], ["80"], "{80 80}", [service_port(80)]),
    ),
    Case(
        "test success (targetPort omitted with random local port)",
        *([port(80, "http")], [":80"], "{0 80}", [service_port(80)]),
    ),
    Case(
        "test failure 1 (named target port lookup failure)",
        *([port(443, "https")], ["80"], "does not have a named port 'http'", [TO_HTTP]),
    ),
    Case(
        "test failure 1 (named service port lookup failure)",
        *([HTTP], ["https"], "does not have a named port 'https'", [TO_HTTP]),
    ),
    Case(
        "test failure 2 (service port not declared)",
        *([port(443, "https")], ["443"], "does not have a service port 443", [TO_HTTP]),
    ),
)

WEB = [port(80, "http")]
PODS = (
    Case("port number without local port", WEB, ["80"], "{80 80}"),
    Case("port number with local port", WEB, ["8000:80"], "{8000 80}"),
    Case("port number with random local port", WEB, [":80"], "{0 80}"),
    Case("named port without local port", WEB, ["http"], "{80 80}"),
    Case("named port with local port", WEB, ["8000:http"], "{8000 80}"),
    Case("named port with random local port", WEB, [":http"], "{0 80}"),
    Case("named port can not be found", [HTTPS], ["http"], "named port 'http'"),
    Case(
        "one of the requested named ports can not be found",
        *([HTTPS], ["https", "http"], "named port 'http'"),
    ),
    Case("empty port name", [port(27017)], ["28015:"], "error"),
)

UDP, TCP = port(53, protocol="UDP"), port(53)
SERVICE_UDP, SERVICE_TCP = service_port(53, protocol="UDP"), service_port(53)
REFUSED = "UDP protocol is not supported for "
DATAGRAMS = (
    Case("forward to a UDP port in a Pod", [UDP], ["53"], REFUSED + "53"),
    Case(
        "forward to a named UDP port in a Pod",
        *([port(53, "dns", "UDP")], ["dns"], REFUSED + "dns"),
    ),
    Case(
        "Pod has ports with both TCP and UDP protocol (UDP first)",
        *([UDP, TCP], [":53"], "{0 53}"),
    ),
    Case(
        "Pod has ports with both TCP and UDP protocol (TCP first)",
        *([TCP, UDP], [":53"], "{0 53}"),
    ),
    Case(
        "forward to a UDP port in a Service",
        *([UDP], ["53"], REFUSED + "53", [SERVICE_UDP]),
    ),
    Case(
        "forward to a named UDP port in a Service",
        *([UDP], ["10053:dns"], REFUSED + "dns"),
        [service_port(53, name="dns", protocol="UDP")],
    ),
    Case(
        "Service has ports with both TCP and UDP protocol (UDP first)",
        *([UDP, TCP], ["53"], "{53 53}", [SERVICE_UDP, SERVICE_TCP]),
    ),
    Case(
        "Service has ports with both TCP and UDP protocol (TCP first)",
        *([TCP, UDP], ["53"], "{53 53}", [SERVICE_TCP, SERVICE_UDP]),
    ),
)
