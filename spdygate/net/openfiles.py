"""How many sockets the process may have open."""

from __future__ import annotations

import contextlib
import resource


def raise_open_files() -> int:
    """
    Allow as many open files as the system lets us, as every Go program does.

    A tunnel on WebSocket channels, and a request that is passed on, has a
    socket of its own on each side; the usual limit of 1,024 is a few hundred of
    them.

    :returns: how many that is.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems have a lower bound of their own than they say.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return hard
    return soft
