"""
What the C library does with memory that Python gives back.

glibc returns the end of the heap to the kernel as soon as a few hundred KiB of
it are free.  A process that passes bytes on in pieces of `BUFFER` has that much
free after every piece, so it may return, ask for and clear the same pages
thousands of times a second; whether it does hangs on what happens to lie behind
them.  With TLS that was 0.7 of 2.1 s of CPU time for each GiB.
"""

from __future__ import annotations

import ctypes

#: mallopt(3): how much may be free at the end of the heap, in bytes, and how
#: large a piece has to be to be asked of the kernel by itself.  To set one of
#: them alone stops glibc from adapting the other.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

_KEPT = 8 << 20
_LARGE = 2 << 20


def keep_heap() -> bool:
    """
    Have glibc keep a few MiB that are free; to be called as a process begins.

    :returns: whether it will; another C library knows no such thing.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(
        mallopt(_M_MMAP_THRESHOLD, _LARGE) and mallopt(_M_TRIM_THRESHOLD, _KEPT)
    )
