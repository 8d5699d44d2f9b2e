"""What a process asks of its C library's heap."""

from __future__ import annotations

#: Bytes of the block that is taken and given back: above all that one turn of
#: the reactor takes, and what a process may then keep beyond its use is twice it.
_BLOCK = 4 * 1024 * 1024


def keep_heap() -> None:
    """
    Have the memory of a read still be there for the next one.

    glibc gives large blocks back to the kernel at once, and what it gets anew is
    mapped page by page: for each read of some hundred KiB that took longer than
    to copy it.  It learns from the first large block that is freed how much is
    normal (mallopt(3), ``M_MMAP_THRESHOLD``); an interface of Python for this
    there is none.  Elsewhere it does nothing.
    """
    bytes(_BLOCK)
