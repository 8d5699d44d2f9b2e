"""Build the peers once, keep them, and say why when one cannot be had.

A peer is a directory beside this file: a Go module, a Python script with the
packages that it needs, or one of npm. Others come from Debian, as they are: its
kubectl of 2020, HAProxy, and containerd.

Rules:

 1. A test asks with :func:`require`, and is skipped when the peer is absent,
    unless ``SPDYGATE_PEERS_REQUIRED=1`` (as in CI): then it fails.
 2. A failure is remembered as long as the process: a build that takes a minute
    to fail must not do so once for every test.

``python -m tests.peers.build [NAME...]`` builds them all, or those named; do so
before the tests, or the first test that asks pays for the build.
"""

import contextlib
import functools
import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SkipTest

from .kept import PeerAbsent, kept, key_of, run

HERE: Final = Path(__file__).parent

GO_PEERS: Final = (
    *("apiserver", "clientgo", "client2015", "cri", "httpclient"),
    *("kubectl", "kubectl130", "kubectl131", "kubelet", "load", "relay"),
)
"""The Go modules beside this file."""

PYTHON: Final = "pyclient"
"""The port-forward of PyPI's ``kubernetes``."""

NODE: Final = "nodeclient"
"""The port-forward of npm's ``@kubernetes/client-node``."""

DEBIAN: Final = "kubectl-debian"
"""kubectl as in Debian's ``kubernetes-client``, 1.20 in bookworm."""

INSTALLED: Final = {"haproxy": "haproxy", "containerd": "containerd"}
"""Programs of Debian that must be installed, by their packages."""

PEERS: Final = (*GO_PEERS, PYTHON, NODE, DEBIAN, *INSTALLED)
"""Every name that :func:`peer` knows."""


def peer(name: str) -> str | None:
    """Return the path of a peer's program, or ``None`` if it cannot be had.

    :param name: one of :data:`PEERS`.
    """
    return _find(name)[0]


def why_absent(name: str) -> str | None:
    """Return why a peer cannot be had, or ``None`` if it can."""
    return _find(name)[1]


def require(name: str) -> str:
    """Return the path of a peer's program, for a test that cannot do without.

    :raises SkipTest: if it cannot be had, and may be absent.
    :raises PeerAbsent: if it cannot be had although
        ``SPDYGATE_PEERS_REQUIRED=1`` says that it must.
    """
    path, reason = _find(name)
    if path is not None:
        return path
    text = f"peer {name}: {reason}"
    if os.environ.get("SPDYGATE_PEERS_REQUIRED") == "1":
        raise PeerAbsent(text)
    raise SkipTest(text)


def require_python() -> str:
    """Return the Python that has the packages of ``requirements.txt``."""
    return str(Path(require(PYTHON)).parent / "venv" / "bin" / "python")


@functools.cache
def _find(name: str) -> tuple[str | None, str | None]:
    """Return a peer's path, or the reason for its absence; exactly one is set."""
    if name not in PEERS:
        raise ValueError(f"no peer is called {name!r}; there are {', '.join(PEERS)}")
    try:
        return str(_make(name)), None
    except (PeerAbsent, OSError) as failure:
        return None, str(failure)


def _make(name: str) -> Path:
    """Return a peer's program, made now if it never was."""
    if name in INSTALLED:
        return _installed(name)
    recipes = {PYTHON: _python, NODE: _node, DEBIAN: _debian}
    return recipes[name]() if name in recipes else _built(name)


def _built(name: str) -> Path:
    """Return the binary of the Go peer *name*."""
    go = shutil.which("go")
    if go is None:
        raise PeerAbsent("there is no go on PATH (Go 1.26 or later is needed)")
    module = HERE / name
    flags = _build_flags(name, (module / "go.mod").read_text())
    key = key_of(module, {".go", ".mod", ".sum"}, run([go, "version"]), *flags)

    def build(directory: Path) -> None:
        run([go, "build", *flags, "-o", str(directory / name), "."], module)

    return kept(name, key, build) / name


def _build_flags(name: str, go_mod: str) -> list[str]:
    """Return the flags of ``go build``, as far as they decide what comes out."""
    # Without -buildvcs=false a check-out that git does not trust cannot build.
    flags = ["-trimpath", "-buildvcs=false"]
    if name == "cri":
        # It is the one file of an image, and finds no libraries there.
        flags.append("-tags=netgo,osusergo")
    release = re.search(
        r"^\s*(?:require )?k8s\.io/kubectl v0(\S+)", go_mod, re.MULTILINE
    )
    if not name.startswith("kubectl") or release is None:
        return flags
    # What kubernetes' own build stamps: `kubectl version` and the user agent.
    stamps = " ".join(
        f"-X {package}.gitVersion=v1{release[1]}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    )
    # Neither symbols nor DWARF: nobody debugs a released kubectl here.
    return [*flags, f"-ldflags=-s -w {stamps}"]


def _launcher(directory: Path, name: str, command: str) -> None:
    """Write the program *name*, which runs *command* beside itself."""
    program = directory / name
    # The directory is renamed when it is complete: nothing in it may say where.
    program.write_text(f'#!/bin/sh\nhere=$(dirname "$0")\nexec {command} "$@"\n')
    program.chmod(0o755)


def _python() -> Path:
    """Return the Python client, with its packages in a place of its own."""
    requirements = HERE / "requirements.txt"
    key = key_of(
        HERE / PYTHON, {".py"}, sys.version, requirements.read_text(), sys.executable
    )

    def install(directory: Path) -> None:
        venv = directory / "venv"
        run([sys.executable, "-m", "venv", str(venv)])
        pip = (str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet")
        run([*pip, "--requirement", str(requirements)])
        shutil.copy(HERE / PYTHON / "main.py", directory)
        _launcher(directory, PYTHON, '"$here/venv/bin/python" "$here/main.py"')

    return kept(PYTHON, key, install) / PYTHON


def _node() -> Path:
    """Return the JavaScript client, with its packages in a place of its own."""
    npm = shutil.which("npm")
    if npm is None:
        raise PeerAbsent("there is no npm on PATH (Debian's package is `npm`)")
    key = key_of(HERE / NODE, {".js", ".json"}, run(["node", "--version"]))

    def install(directory: Path) -> None:
        for source in (HERE / NODE).glob("*.js*"):
            shutil.copy(source, directory)
        run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], directory)
        _launcher(directory, NODE, 'node "$here/main.js"')

    return kept(NODE, key, install) / NODE


def _installed(name: str) -> Path:
    """Return a program that Debian has installed.

    :raises PeerAbsent: if it is not, or if it needs root and we are not.
    """
    if name == "containerd" and os.geteuid() != 0:
        raise PeerAbsent("only root may run it")
    # Not every PATH has sbin.
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))
    found = shutil.which(name, path=places)
    if found is None:
        raise PeerAbsent(f"it is not installed (`apt-get install {INSTALLED[name]}`)")
    return Path(found)


def _debian() -> Path:
    """Return Debian's kubectl: the installed one, else out of the package."""
    installed = Path("/usr/bin/kubectl")
    with contextlib.suppress(PeerAbsent):
        owner = run(["dpkg-query", "--search", str(installed)])
        # Another vendor's kubectl may have the place, of whatever version.
        if owner.startswith("kubernetes-client:"):
            return installed
    pattern = r"Candidate: ([^(\s]+)"
    candidate = re.search(pattern, run(["apt-cache", "policy", "kubernetes-client"]))
    if candidate is None:
        raise PeerAbsent(
            "Debian's kubernetes-client is neither installed nor known to apt"
            " (try `apt-get update`)"
        )
    version = candidate[1]

    def unpack(directory: Path) -> None:
        # Not installed: another vendor's /usr/bin/kubectl would be in the way.
        run(["apt-get", "download", f"kubernetes-client={version}"], directory)
        (package,) = directory.glob("*.deb")
        run(["dpkg-deb", "--extract", str(package), str(directory)])
        package.unlink()

    key = hashlib.sha256(version.encode()).hexdigest()[:16]
    return kept(DEBIAN, key, unpack) / "usr" / "bin" / "kubectl"


def main(names: Sequence[str]) -> int:
    """Build the named peers, or all; print a line for each, and count absences."""
    absent = 0
    for name in names or PEERS:
        started = time.monotonic()
        path, reason = _find(name)
        seconds = time.monotonic() - started
        absent += path is None
        print(f"{name:15}{seconds:7.1f} s  {path or f'absent: {reason}'}", flush=True)
    return 1 if absent else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
