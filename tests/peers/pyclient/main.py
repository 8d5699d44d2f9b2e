"""Forward ports with the Python client of PyPI, ``kubernetes``.

Its :func:`kubernetes.stream.portforward` makes one WebSocket of the channels
dialect, subprotocols ``v5.channel.k8s.io,v4.channel.k8s.io``, and a thread for
each local connection. Listens and prints as client-go does ("Forwarding from
127.0.0.1:8080 -> 80", "Handling connection for 8080"); a connection that failed
is a line on stderr, and ends with a reset: "refused PORT TEXT" if there was no
WebSocket, "lost PORT TEXT" if the error channel had words.

The dialect knows no half-close. When the local program has ended its direction,
the WebSocket is kept until the pod has finished, or been silent for ``-linger``
seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import select
import socket
import struct
import sys
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

# Both are in a venv of their own only; see tests/peers/build.py.
from kubernetes import client  # type: ignore
from kubernetes.stream import portforward  # type: ignore

#: Bytes read at once.
PIECE = 65536

#: Seconds between two looks at whether the local program has finished.
TICK = 0.1


@dataclass(frozen=True)
class Pod:
    """
    What is connected to.

    :ivar linger: seconds of silence that end a connection whose local side has.
    """

    api: Any
    namespace: str
    name: str
    linger: float


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(prog="pyclient")
    parser.add_argument("-url", required=True, help="the whole URL of the pod")
    parser.add_argument("-ca", help="PEM file of the server's authorities")
    parser.add_argument("-cert", help="PEM file of the client's certificate")
    parser.add_argument("-key", help="PEM file of its private key")
    parser.add_argument("-token", help="bearer token")
    parser.add_argument("-insecure", action="store_true", help="verify nothing")
    parser.add_argument("-linger", type=float, default=2.0, help="seconds")
    parser.add_argument("ports", nargs="+", metavar="[LOCAL:]REMOTE")
    return parser.parse_args()


def connect(options: argparse.Namespace) -> Pod:
    """Return the pod of the URL."""
    url = urlsplit(options.url)
    found = re.search(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)", url.path)
    if found is None:
        sys.exit("error: -url is not that of a pod")
    settings = client.Configuration()
    settings.host = f"{url.scheme}://{url.netloc}{url.path[: found.start()]}"
    settings.verify_ssl = not options.insecure
    settings.ssl_ca_cert = options.ca
    settings.cert_file, settings.key_file = options.cert, options.key
    if options.token:
        settings.api_key = {"authorization": f"Bearer {options.token}"}
    api = client.CoreV1Api(client.ApiClient(settings))
    return Pod(api, found[1], found[2], options.linger)


def complain(word: str, port: int, text: object) -> None:
    """Print one line about a connection."""
    line = " ".join(str(text).split())
    print(word, port, line, file=sys.stderr, flush=True)


def reset(local: socket.socket) -> None:
    """End a connection so that its program notices."""
    local.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    local.close()


def wake(sock: socket.socket, how: int) -> None:
    """End another thread's call on a socket, which close() would not."""
    with contextlib.suppress(OSError):
        sock.shutdown(how)


def upload(
    local: socket.socket, remote: socket.socket, finished: threading.Event
) -> None:
    """Carry the local program's bytes, and tell when there are no more."""
    with contextlib.suppress(OSError):
        while piece := local.recv(PIECE):
            remote.sendall(piece)
    finished.set()


def receive(remote: socket.socket, finished: threading.Event, linger: float) -> bytes:
    """Return the pod's next bytes; none when it is done, or silent for too long."""
    patience = linger
    while patience > 0:
        ready, _, _ = select.select([remote], [], [], TICK)
        if ready:
            return remote.recv(PIECE)
        if finished.is_set():
            patience -= TICK
    return b""


def carry(pod: Pod, port: int, local: socket.socket) -> None:
    """Carry one connection from its beginning to its end."""
    try:
        forward = portforward(
            pod.api.connect_get_namespaced_pod_portforward,
            *(pod.name, pod.namespace),
            ports=str(port),
        )
    except Exception as failure:
        complain("refused", port, failure)
        reset(local)
        return
    remote: socket.socket = forward.socket(port)
    remote.setblocking(True)
    finished = threading.Event()
    words = (local, remote, finished)
    sender = threading.Thread(target=upload, args=words, daemon=True)
    sender.start()
    with contextlib.suppress(OSError):
        while piece := receive(remote, finished, pod.linger):
            local.sendall(piece)
    wake(remote, socket.SHUT_RDWR)
    wake(local, socket.SHUT_RD)
    sender.join()
    remote.close()
    if forward.error(port):
        complain("lost", port, forward.error(port))
        reset(local)
    else:
        local.close()


def serve(listener: socket.socket, pod: Pod, port: int) -> None:
    """Accept connections for one remote port, for ever."""
    number = listener.getsockname()[1]
    while True:
        local, _ = listener.accept()
        print(f"Handling connection for {number}", flush=True)
        words = (pod, port, local)
        threading.Thread(target=carry, args=words, daemon=True).start()


def main() -> None:
    """Listen for every port, and run until killed."""
    options = parse()
    pod = connect(options)
    threads = []
    for pair in options.ports:
        local, _, remote = pair.rpartition(":")
        port = int(remote)
        listener = socket.create_server(("127.0.0.1", int(local or port)), backlog=256)
        number = listener.getsockname()[1]
        print(f"Forwarding from 127.0.0.1:{number} -> {port}", flush=True)
        words = (listener, pod, port)
        threads.append(threading.Thread(target=serve, args=words, daemon=True))
        threads[-1].start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
