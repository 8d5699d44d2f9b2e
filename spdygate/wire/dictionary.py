"""
The text that both ends of SPDY/3 hold before the first header is sent.

A zlib stream may begin with a *preset dictionary*: bytes that are never sent
and that the first repetition may already point into.  SPDY/3 prescribes one
(draft, section 2.6.10.1): the words of HTTP in 2012, every one behind its
length as four bytes.  It lies beside this file as it is, 1423 bytes: as a
literal it could be neither read nor checked.
"""

from __future__ import annotations

from importlib.resources import files

#: The dictionary's Adler-32, by which a zlib stream names it: `e3 c6 a7 c2`.
DICTIONARY_ID = 0xE3C6_A7C2

#: The dictionary itself; ``__package__`` is this room, however it is installed.
DICTIONARY = files(__package__).joinpath("spdy3-dictionary.bin").read_bytes()
