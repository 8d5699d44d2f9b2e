"""
Upgrade requests of real clients, as they were captured on loopback.

The clients are Debian's and Kubernetes' own builds of kubectl, oc, and crictl
speaking to containerd.  Each was kept byte for byte, keys and session numbers
included.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Captured:
    """
    One request.

    :ivar token: what it asks to go over to, in lower case.
    """

    client: str
    token: str
    lines: tuple[str, ...]

    @property
    def wire(self) -> bytes:
        """Return the bytes that were sent."""
        return "\r\n".join([*self.lines, "", ""]).encode()

    @property
    def first_line(self) -> list[str]:
        """Return method, target and version."""
        return self.lines[0].split(" ")

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers, with names in lower case."""
        pairs = (line.split(": ", 1) for line in self.lines[1:])
        return tuple((name.lower(), value) for name, value in pairs)


CAPTURED = (
    Captured(
        "kubectl 1.20.2",
        "spdy/3.1",
        (
            "POST /api/v1/namespaces/ns/pods/mypod/portforward HTTP/1.1",
            "Host: 127.0.0.1:10501",
            "User-Agent: kubectl/v1.20.2 (linux/amd64) kubernetes/faecb19",
            "Content-Length: 0",
            "Connection: Upgrade",
            "Upgrade: SPDY/3.1",
            "X-Stream-Protocol-Version: portforward.k8s.io",
        ),
    ),
    Captured(
        "kubectl 1.27.16",
        "spdy/3.1",
        (
            "POST /api/v1/namespaces/ns/pods/mypod/portforward HTTP/1.1",
            "Host: 127.0.0.1:10502",
            "User-Agent: kubectl.1.27/v1.27.16 (linux/amd64) kubernetes/cbb86e0",
            "Content-Length: 0",
            "Connection: Upgrade",
            "Kubectl-Command: kubectl port-forward",
            "Kubectl-Session: fa2b0b21-ad79-4d95-a507-fac68b00f660",
            "Upgrade: SPDY/3.1",
            "X-Stream-Protocol-Version: portforward.k8s.io",
        ),
    ),
    Captured(
        "kubectl 1.30.13",
        "spdy/3.1",
        (
            "POST /api/v1/namespaces/ns/pods/mypod/portforward HTTP/1.1",
            "Host: 127.0.0.1:10505",
            "User-Agent: kubectl.1.30/v1.30.13 (linux/amd64) kubernetes/50af91c",
            "Content-Length: 0",
            "Connection: Upgrade",
            "Kubectl-Command: kubectl port-forward",
            "Kubectl-Session: 8f09d7ee-49db-46f4-9b45-d601ecca58e2",
            "Upgrade: SPDY/3.1",
            "X-Stream-Protocol-Version: portforward.k8s.io",
        ),
    ),
    Captured(
        "kubectl 1.31.9",
        "websocket",
        (
            "GET /api/v1/namespaces/ns/pods/mypod/portforward HTTP/1.1",
            "Host: 127.0.0.1:10506",
            "User-Agent: kubectl.1.31/v1.31.9 (linux/amd64) kubernetes/8f38003",
            "Connection: Upgrade",
            "Kubectl-Command: kubectl port-forward",
            "Kubectl-Session: 8eec6cc0-0fed-467e-9c2e-c763fbc110c9",
            "Sec-WebSocket-Key: jYhy7Le2G0t+AOlHe+0JiA==",
            "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io",
            "Sec-WebSocket-Version: 13",
            "Upgrade: websocket",
        ),
    ),
    Captured(
        "kubectl 1.31.9",
        "spdy/3.1",
        (
            "POST /api/v1/namespaces/ns/pods/mypod/portforward HTTP/1.1",
            "Host: 127.0.0.1:10506",
            "User-Agent: kubectl.1.31/v1.31.9 (linux/amd64) kubernetes/8f38003",
            "Content-Length: 0",
            "Connection: Upgrade",
            "Kubectl-Command: kubectl port-forward",
            "Kubectl-Session: 8eec6cc0-0fed-467e-9c2e-c763fbc110c9",
            "Upgrade: SPDY/3.1",
            "X-Stream-Protocol-Version: portforward.k8s.io",
        ),
    ),
    Captured(
        "kubectl 1.33.1",
        "websocket",
        (
            "GET /api/v1/namespaces/ns/pods/mypod/portforward HTTP/1.1",
            "Host: 127.0.0.1:10508",
            "User-Agent: kubectl.1.33/v1.33.1 (linux/amd64) kubernetes/8adc0f0",
            "Connection: Upgrade",
            "Kubectl-Command: kubectl port-forward",
            "Kubectl-Session: 42d2d135-05a9-49f9-9937-a39badffc999",
            "Sec-WebSocket-Key: h3NTBwrENW/BG8qzrAIZHg==",
            "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io",
            "Sec-WebSocket-Version: 13",
            "Upgrade: websocket",
        ),
    ),
    Captured(
        "kubectl 1.33.1",
        "spdy/3.1",
        (
            "POST /api/v1/namespaces/ns/pods/mypod/portforward HTTP/1.1",
            "Host: 127.0.0.1:10508",
            "User-Agent: kubectl.1.33/v1.33.1 (linux/amd64) kubernetes/8adc0f0",
            "Content-Length: 0",
            "Connection: Upgrade",
            "Kubectl-Command: kubectl port-forward",
            "Kubectl-Session: 42d2d135-05a9-49f9-9937-a39badffc999",
            "Upgrade: SPDY/3.1",
            "X-Stream-Protocol-Version: portforward.k8s.io",
        ),
    ),
    Captured(
        "oc",
        "websocket",
        (
            "GET /api/v1/namespaces/ns/pods/mypod/portforward HTTP/1.1",
            "Host: 127.0.0.1:10509",
            "User-Agent: oc/v1.35.2 (linux/amd64) kubernetes/$Format",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: uIjX0vwx15lJ2LBuPPSBcg==",
            "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io",
            "Sec-WebSocket-Version: 13",
            "Upgrade: websocket",
        ),
    ),
    Captured(
        "oc",
        "spdy/3.1",
        (
            "POST /api/v1/namespaces/ns/pods/mypod/portforward HTTP/1.1",
            "Host: 127.0.0.1:10509",
            "User-Agent: oc/v1.35.2 (linux/amd64) kubernetes/$Format",
            "Content-Length: 0",
            "Connection: Upgrade",
            "Upgrade: SPDY/3.1",
            "X-Stream-Protocol-Version: portforward.k8s.io",
        ),
    ),
    Captured(
        "crictl",
        "spdy/3.1",
        (
            "POST /portforward/WIG_LC_M HTTP/1.1",
            "Host: 127.0.0.1:10010",
            "User-Agent: Go-http-client/1.1",
            "Content-Length: 0",
            "Connection: Upgrade",
            "Upgrade: SPDY/3.1",
            "X-Stream-Protocol-Version: portforward.k8s.io",
        ),
    ),
    Captured(
        "crictl -r websocket",
        "websocket",
        (
            "GET /portforward/YOorTnQ3 HTTP/1.1",
            "Host: 127.0.0.1:10020",
            "User-Agent: Go-http-client/1.1",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: bXGUuX3q4G+80/Q8dscvug==",
            "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io",
            "Sec-WebSocket-Version: 13",
            "Upgrade: websocket",
        ),
    ),
)
