"""
What a GiB costs in the gateway, beside a relay that understands nothing.

``python -m tests.bench [MIB] [ROUNDS]`` moves as many MiB up and down through
each path in turn, several rounds, and prints medians: MiB/s, and CPU seconds
per GiB of the process in the middle alone.  Client, pod and load are Go
programs (see ``tests/peers``) and share the machine with what is measured, so
only ratios within one run mean anything.

The paths:

``direct``     load -> pod
``relay``      load -> Twisted's own port forwarder (bytes, unread) -> pod
``gateway``    load -> client-go -> spdygate (SPDY in, HTTP/2 out) -> node -> pod
``embedded``   load -> client-go -> spdygate with its node service -> pod
``spdy``       load -> client-go -> spdygate (SPDY in, SPDY out) -> cri-streaming -> pod
``tunnel``     the same, with SPDY in a WebSocket toward the node
``channels``   the same, with WebSocket channels toward the node
``websocket``  load -> client-go (SPDY in a WebSocket) -> spdygate embedded -> pod

The pod that is sent to answers when it has had all the bytes: a FIN would be held
back from cri-streaming.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.peers.build import require

RELAY = """
import sys
from twisted.internet import reactor
from twisted.protocols.portforward import ProxyFactory
port = reactor.listenTCP(
    0, ProxyFactory("127.0.0.1", int(sys.argv[1])), interface="127.0.0.1"
)
print(f"listening 127.0.0.1:{port.getHost().port}", flush=True)
reactor.run()
"""

TWISTD = "from twisted.scripts.twistd import run; run()"

PATH = "/api/v1/namespaces/p/pods/q/portforward"


class Program:
    """A program that runs until the benchmark is over."""

    def __init__(self, stack: ExitStack, *argv: str) -> None:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        self._process = stack.enter_context(
            subprocess.Popen(
                argv,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, "HOME": home},
                text=True,
            )
        )
        stack.callback(self._process.kill)

    def says(self, pattern: str) -> str:
        """Return the first group of the first line that matches."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            match = re.search(pattern, line)
            if match:
                return match[1]
        raise SystemExit(f"a program ended without printing {pattern}")

    def cpu(self) -> float:
        """Return the CPU seconds it has used so far, in user and system mode."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Bench:
    """Every path, ready to be measured."""

    def __init__(self, stack: ExitStack, mib: int) -> None:
        self._stack = stack
        self._mib = mib
        self._load = require("load")
        count = str(mib << 20)
        # It answers when it has had all, which needs no FIN.
        self._sink = self._pod("-mode", "hash", "-bytes", count, "-hash=false")
        self._source = self._pod("-mode", "source", "-bytes", count, "-hash=false")

    def _pod(self, *words: str) -> str:
        """Run a pod's program; return its port."""
        listen = ("-listen", "127.0.0.1:0")
        pod = Program(self._stack, self._load, "pod", *listen, *words)
        return pod.says(r"listening 127\.0\.0\.1:(\d+)")

    def direct(self) -> tuple[None, str, str]:
        """Go straight to the pod."""
        return None, self._sink, self._source

    def relay(self) -> tuple[list[Program], str, str]:
        """Go through a relay of bytes."""
        ports = []
        programs = []
        for port in (self._sink, self._source):
            program = Program(self._stack, sys.executable, "-c", RELAY, port)
            ports.append(program.says(r"listening 127\.0\.0\.1:(\d+)"))
            programs.append(program)
        return programs, ports[0], ports[1]

    def _twistd(self, *words: str) -> tuple[Program, str]:
        """Run one of our services; return it and its URL."""
        argv = (sys.executable, "-c", TWISTD, "-n", "--pidfile=", *words)
        program = Program(self._stack, *argv, "--listen", "tcp:0:interface=127.0.0.1")
        return program, program.says(r"listening on (http\S+)")

    def _through(
        self, gateway: Program, url: str, dialer: str = "spdy"
    ) -> tuple[list[Program], str, str]:
        """Put a client-go before a gateway."""
        words = (f"0:{self._sink}", f"0:{self._source}")
        asks = ("-url", url + PATH, "-dialer", dialer)
        client = Program(self._stack, require("clientgo"), *asks, *words)
        local = [
            client.says(rf"127\.0\.0\.1:(\d+) -> {port}")
            for port in (self._sink, self._source)
        ]
        return [gateway], local[0], local[1]

    def gateway(self) -> tuple[list[Program], str, str]:
        """Go through a gateway and a node service."""
        _, node = self._twistd("spdygate-node", "--pod", "p/q=127.0.0.1")
        words = ("--node", f"*={node}")
        return self._through(*self._twistd("spdygate", *words))

    def embedded(self) -> tuple[list[Program], str, str]:
        """Go through a gateway that has its node service inside."""
        return self._through(*self._twistd("spdygate", "--pod", "p/q=127.0.0.1"))

    def _kubelet(self, generation: str) -> tuple[list[Program], str, str]:
        """Go through a gateway to Kubernetes' own server, in one generation."""
        words = ("-listen", "127.0.0.1:0", "-generations", generation)
        kubelet = Program(self._stack, require("kubelet"), *words)
        node = kubelet.says(r"listening (\S+)")
        pinned = f"*=http://{node},generation={generation}"
        hold = ("--hold-fin", "1")
        return self._through(*self._twistd("spdygate", "--node", pinned, *hold))

    def spdy(self) -> tuple[list[Program], str, str]:
        """Go out in SPDY."""
        return self._kubelet("spdy")

    def tunnel(self) -> tuple[list[Program], str, str]:
        """Go out in SPDY inside a WebSocket."""
        return self._kubelet("tunnel")

    def channels(self) -> tuple[list[Program], str, str]:
        """Go out in WebSocket channels."""
        return self._kubelet("channels")

    def websocket(self) -> tuple[list[Program], str, str]:
        """Come in through a WebSocket."""
        gateway, url = self._twistd("spdygate", "--pod", "p/q=127.0.0.1")
        return self._through(gateway, url, "websocket")

    def move(self, port: str, *words: str) -> float:
        """Move the bytes once; return MiB/s."""
        argv = (self._load, "send-hash", "-addr", f"127.0.0.1:{port}", "-hash=false")
        said = subprocess.run(
            [*argv, *words], check=True, capture_output=True, text=True
        ).stdout
        match = re.search(r"^ms (\d+)", said, re.MULTILINE)
        assert match is not None, said
        return self._mib * 1000 / max(1, int(match[1]))


def main() -> None:
    """Measure every path in turn, and print the medians."""
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with ExitStack() as stack:
        bench = Bench(stack, mib)
        names = (
            *("direct", "relay", "gateway", "embedded"),
            *("spdy", "tunnel", "channels", "websocket"),
        )
        paths = {name: getattr(bench, name)() for name in names}
        figures: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for _ in range(rounds):
            for name, (programs, sink, source) in paths.items():
                up = (sink, "-bytes", str(mib << 20))
                for way, words in (("up", up), ("down", (source,))):
                    before = sum(one.cpu() for one in programs or ())
                    speed = bench.move(*words)
                    cpu = sum(one.cpu() for one in programs or ()) - before
                    cost = cpu * 1024 / mib
                    figures.setdefault((name, way), []).append((speed, cost))
        print(f"{mib} MiB, medians of {rounds} rounds; CPU s/GiB of the middle alone")
        for (name, way), found in figures.items():
            speed = statistics.median(one[0] for one in found)
            cost = statistics.median(one[1] for one in found)
            print(f"{name:9} {way:5} {speed:7.0f} MiB/s {cost:6.2f} CPU s/GiB")


if __name__ == "__main__":
    main()
