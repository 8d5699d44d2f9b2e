"""Bytes to values and back: frames, header blocks, URLs, upgrades; no state but a parser's."""
