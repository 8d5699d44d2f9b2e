"""
One of our services, as ``twistd -n`` runs it, that tells what it holds.

``python -m tests.peers.insight spdygate --listen ...`` prints ``insight
127.0.0.1:PORT``, and then what the service prints.  Whoever connects to that port
is told in JSON: how many bytes of memory the process has, how many files it has
open, and how many Python objects, sessions, streams and tunnels are alive in it.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.scripts.twistd import run

from spdygate.net.shell import Shell
from spdygate.session.http2 import Http2Session
from spdygate.session.spdy import SpdySession


def held() -> dict[str, int]:
    """Return what this process holds."""
    # Before anything is collected: what waits for that is memory, too.
    found = {"bytes": _resident(), "files": len(os.listdir("/proc/self/fd"))}
    gc.collect()
    living = gc.get_objects()
    shells = [one for one in living if isinstance(one, Shell)]
    sessions = [one for one in living if isinstance(one, (SpdySession, Http2Session))]
    return {
        **found,
        "objects": len(living),
        "sessions": len(sessions),
        "streams": sum(session.open_streams for session in sessions),
        "tunnels": sum(getattr(shell._dialect, "tunnels", 0) for shell in shells),
    }


def _resident() -> int:
    """Return the bytes of memory this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Telling(Protocol):
    """Tells, and hangs up."""

    def connectionMade(self) -> None:
        """Tell."""
        assert self.transport is not None
        self.transport.write(json.dumps(held()).encode())
        self.transport.loseConnection()


def main() -> None:
    """Open the port, and be twistd."""
    telling = ServerFactory()
    telling.protocol = Telling
    port = IReactorTCP(reactor).listenTCP(0, telling, interface="127.0.0.1")
    address = port.getHost()
    assert isinstance(address, IPv4Address)
    print(f"insight {address.host}:{address.port}", flush=True)
    sys.argv = ["twistd", "-n", "--pidfile=", *sys.argv[1:]]
    run()


if __name__ == "__main__":
    main()
