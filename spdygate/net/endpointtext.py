"""
The grammar of Twisted's endpoint strings: ``kind:value:name=value``.

Twisted's own parser raises whatever Python raises (``TypeError``, a bare
``RuntimeError`` for a lost backslash).  This one speaks to whoever wrote the
string, and says what to write instead.
"""

from __future__ import annotations

import re

from ..errors import SpdygateError

#: What to write, when nothing better can be said.
EXAMPLE = "tcp:8001:interface=127.0.0.1"

#: The fields of each kind, in the order in which they may stand without names.
FIELDS = {
    "tcp": ("port", "interface", "backlog"),
    "tcp6": ("port", "backlog", "interface"),
    "unix": ("address", "mode", "backlog", "lockfile"),
    "systemd": ("domain", "index", "name"),
}


class ListenError(SpdygateError):
    """A listener cannot be, or must not be; the message says why and what instead."""


def parse_endpoint(text: str, plain: str) -> tuple[str, dict[str, str]]:
    """
    Take an endpoint string apart.

    :param text: as it was written, for the messages.
    :param plain: the part to understand.
    :returns: the kind, and its values by name.
    :raises ListenError: it is not an endpoint string, or of no kind we know.
    """
    (name, kind), *parts = _split(text, plain)
    if name is not None or kind not in FIELDS:
        raise ListenError(f"{text}: {_no_such_kind(plain)}")
    return kind, _name_fields(text, kind, parts)


def _split(text: str, plain: str) -> list[tuple[str | None, str]]:
    """
    Split at the colons into values, each with its name if it has one.

    A backslash takes the meaning from what follows it, as in Twisted.
    """
    found: list[tuple[str | None, str]] = []
    name, value = None, ""
    for token in re.findall(r"\\.|.", plain, re.DOTALL):
        if token == ":":
            found.append((name, value))
            name, value = None, ""
        elif token == "=" and name is None:
            name, value = value, ""
        elif token == "\\":
            raise ListenError(f"{text}: there is nothing after the last backslash")
        else:
            value += token[-1]
    found.append((name, value))
    return found


def _name_fields(
    text: str, kind: str, parts: list[tuple[str | None, str]]
) -> dict[str, str]:
    """Give every value its name, and refuse what does not belong there."""
    if any(part == (None, "") for part in parts) and re.search("=[0-9a-f]*::", text):
        raise ListenError(
            f"{text}: a colon inside a value takes a backslash: "
            r"write interface=\:\:1 for ::1"
        )
    known = FIELDS[kind]
    if len(parts) > len(known):
        raise ListenError(f"{text}: too many values; {kind}: takes {', '.join(known)}")
    fields: dict[str, str] = {}
    for place, (name, value) in enumerate(parts):
        named = known[place] if name is None else name
        if named not in known:
            raise ListenError(
                f"{text}: {kind}: has no {named!r}; it takes {', '.join(known)}"
            )
        if named in fields:
            raise ListenError(f"{text}: {named} is given twice")
        fields[named] = value
    if not fields.get(known[0]):
        raise ListenError(f"{text}: the {known[0]} is missing, as in {EXAMPLE}")
    return fields


def number(text: str, name: str, value: str, most: int) -> int:
    """Read a number."""
    if not re.fullmatch("[0-9]{1,5}", value) or int(value) > most:
        raise ListenError(f"{text}: the {name} is a number up to {most}, not {value!r}")
    return int(value)


def octal(text: str, value: str) -> int:
    """Read the permissions of a UNIX socket."""
    if not re.fullmatch("[0-7]{3,4}", value):
        raise ListenError(f"{text}: the mode is octal, as in 660, not {value!r}")
    return int(value, 8)


def _no_such_kind(plain: str) -> str:
    """Guess what somebody meant who did not write an endpoint string."""
    if re.fullmatch("[0-9]{1,5}", plain):
        return f"write tcp:{plain}:interface=127.0.0.1"
    address = re.fullmatch(r"(?:https?://)?([0-9.]+|localhost):([0-9]{1,5})/?", plain)
    if address is not None:
        return f"write tcp:{address[2]}:interface={address[1]}"
    return (
        f"this is not a place to listen; it begins with tcp:, tcp6:, unix: or "
        f"systemd:, as in {EXAMPLE}"
    )
