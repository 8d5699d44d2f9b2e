"""Build the peers once, keep them, and say why when one cannot be had.

A peer is a directory beside this file with a ``go.mod``, and one more that is
not built: Debian's kubectl of 2020. Binaries are kept under ``SPDYGATE_PEERS``,
or ``~/.cache/spdygate-peers``, in a directory named after what they are made
of, so a changed module, flag or compiler makes a new one and an old check-out
finds its own again.

Rules:

 1. A test asks with :func:`require`, and is skipped when the peer is absent,
    unless ``SPDYGATE_PEERS_REQUIRED=1`` (as in CI): then it fails.
 2. Two processes never build the same peer at the same time.
 3. A failure is remembered as long as the process: a build that takes a minute
    to fail must not do so once for every test.

``python -m tests.peers.build [NAME...]`` builds them all, or those named; do so
before the tests, or the first test that asks pays for the build.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SkipTest

HERE: Final = Path(__file__).parent

GO_PEERS: Final = ("clientgo", "client2015", "kubectl", "kubelet", "load")
"""The Go modules beside this file."""

DEBIAN: Final = "kubectl-debian"
"""kubectl as in Debian's ``kubernetes-client``, 1.20 in bookworm."""

PEERS: Final = (*GO_PEERS, DEBIAN)
"""Every name that :func:`peer` knows."""

REASON_LIMIT: Final = 2000
"""How many characters of a failed command's last words a reason repeats."""


class PeerAbsent(Exception):
    """A peer cannot be had here. The text says why, and what would help."""


def peer(name: str) -> str | None:
    """Return the path of a peer's binary, or ``None`` if it cannot be had.

    :param name: one of :data:`PEERS`.
    """
    return _find(name)[0]


def why_absent(name: str) -> str | None:
    """Return why a peer cannot be had, or ``None`` if it can."""
    return _find(name)[1]


def require(name: str) -> str:
    """Return the path of a peer's binary, for a test that cannot do without.

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


@functools.cache
def _find(name: str) -> tuple[str | None, str | None]:
    """Return a peer's path, or the reason for its absence; exactly one is set."""
    if name not in PEERS:
        raise ValueError(f"no peer is called {name!r}; there are {', '.join(PEERS)}")
    try:
        return str(_debian() if name == DEBIAN else _built(name)), None
    except (PeerAbsent, OSError) as failure:
        return None, str(failure)


def _built(name: str) -> Path:
    """Return the binary of the Go peer *name*, built now if it never was."""
    go = shutil.which("go")
    if go is None:
        raise PeerAbsent("there is no go on PATH (Go 1.26 or later is needed)")
    module = HERE / name
    flags = _build_flags(name, (module / "go.mod").read_text())
    made_of = hashlib.sha256(_run([go, "version"]).encode())
    made_of.update("\0".join(flags).encode())
    for source in sorted(module.rglob("*")):
        if source.suffix in {".go", ".mod", ".sum"}:
            content = source.read_bytes()
            # The length keeps one file's end apart from the next one's name.
            made_of.update(f"{source.relative_to(module)} {len(content)} ".encode())
            made_of.update(content)

    def build(directory: Path) -> None:
        _run([go, "build", *flags, "-o", str(directory / name), "."], module)

    return _kept(name, made_of.hexdigest()[:16], build) / name


def _build_flags(name: str, go_mod: str) -> list[str]:
    """Return the flags of ``go build``, as far as they decide what comes out."""
    # Without -buildvcs=false a check-out that git does not trust cannot build.
    flags = ["-trimpath", "-buildvcs=false"]
    release = re.search(
        r"^\s*(?:require )?k8s\.io/kubectl v0(\S+)", go_mod, re.MULTILINE
    )
    if name != "kubectl" or release is None:
        return flags
    # What kubernetes' own build stamps: `kubectl version` and the user agent.
    stamps = " ".join(
        f"-X {package}.gitVersion=v1{release[1]}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    )
    return [*flags, f"-ldflags={stamps}"]


def _debian() -> Path:
    """Return Debian's kubectl: the installed one, else out of the package."""
    installed = Path("/usr/bin/kubectl")
    with contextlib.suppress(PeerAbsent):
        owner = _run(["dpkg-query", "--search", str(installed)])
        # Another vendor's kubectl may have the place, of whatever version.
        if owner.startswith("kubernetes-client:"):
            return installed
    pattern = r"Candidate: ([^(\s]+)"
    candidate = re.search(pattern, _run(["apt-cache", "policy", "kubernetes-client"]))
    if candidate is None:
        raise PeerAbsent(
            "Debian's kubernetes-client is neither installed nor known to apt"
            " (try `apt-get update`)"
        )
    version = candidate[1]

    def unpack(directory: Path) -> None:
        # Not installed: another vendor's /usr/bin/kubectl would be in the way.
        _run(["apt-get", "download", f"kubernetes-client={version}"], directory)
        (package,) = directory.glob("*.deb")
        _run(["dpkg-deb", "--extract", str(package), str(directory)])
        package.unlink()

    key = hashlib.sha256(version.encode()).hexdigest()[:16]
    return _kept(DEBIAN, key, unpack) / "usr" / "bin" / "kubectl"


def _kept(name: str, key: str, make: Callable[[Path], None]) -> Path:
    """Return the directory of *name* and *key*, which *make* fills at first use.

    It is filled under another name and renamed when complete: what exists under
    its own name is whole, whoever was killed in the middle.
    """
    root = _root()
    kept = root / f"{name}-{key}"
    if kept.is_dir():
        return kept
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root / f"{name}.lock"):
        # Another process may have made it while we waited for the lock.
        if not kept.is_dir():
            with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=root) as scratch:
                whole = Path(scratch, "whole")
                whole.mkdir()
                make(whole)
                whole.rename(kept)
    return kept


def _root() -> Path:
    """Return the directory that all peers are kept in."""
    named = os.environ.get("SPDYGATE_PEERS")
    return Path(named or Path.home() / ".cache" / "spdygate-peers").absolute()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock file *path*; the kernel lets go of it if we are killed."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str], directory: Path | None = None) -> str:
    """Return what *command* prints.

    :raises PeerAbsent: with its last words, if it fails or does not exist.
    """
    # GOWORK: a go.work further up must not join what are modules of their own.
    environment = {**os.environ, "GOWORK": "off", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except OSError as failure:
        raise PeerAbsent(f"{command[0]}: {failure.strerror}") from failure
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip())[-REASON_LIMIT:]
        what = " ".join(command[:2])
        raise PeerAbsent(f"`{what}` failed ({done.returncode}): {words}")
    return done.stdout


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
