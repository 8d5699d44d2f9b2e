"""Make something once and keep it, whole, for every test run to come.

What is kept is a directory under ``SPDYGATE_PEERS``, or
``~/.cache/spdygate-peers``, named after what it is made of, so a changed module,
flag or compiler makes a new one and an old check-out finds its own again.

Two processes never make the same thing at the same time.
"""

import contextlib
import fcntl
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

REASON_LIMIT: Final = 2000
"""How many characters of a failed command's last words a reason repeats."""


class PeerAbsent(Exception):
    """A peer cannot be had here. The text says why, and what would help."""


def kept(name: str, key: str, make: Callable[[Path], None]) -> Path:
    """Return the directory of *name* and *key*, which *make* fills at first use.

    It is filled under another name and renamed when complete: what exists under
    its own name is whole, whoever was killed in the middle.
    """
    root = _root()
    directory = root / f"{name}-{key}"
    if directory.is_dir():
        return directory
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root / f"{name}.lock"):
        # Another process may have made it while we waited for the lock.
        if not directory.is_dir():
            with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=root) as scratch:
                whole = Path(scratch, "whole")
                whole.mkdir()
                make(whole)
                whole.rename(directory)
    return directory


def key_of(directory: Path, suffixes: set[str], *words: str) -> str:
    """Return a key that changes with the files of *directory* and with *words*."""
    made_of = hashlib.sha256("\0".join(words).encode())
    for source in sorted(directory.rglob("*")):
        if source.suffix in suffixes:
            content = source.read_bytes()
            # The length keeps one file's end apart from the next one's name.
            made_of.update(f"{source.relative_to(directory)} {len(content)} ".encode())
            made_of.update(content)
    return made_of.hexdigest()[:16]


def run(command: Sequence[str], directory: Path | None = None) -> str:
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


def _root() -> Path:
    """Return the directory that everything is kept in."""
    named = os.environ.get("SPDYGATE_PEERS")
    return Path(named or Path.home() / ".cache" / "spdygate-peers").absolute()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock file *path*; the kernel lets go of it if we are killed."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
