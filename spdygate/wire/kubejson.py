"""JSON objects of a peer's, of which nothing is known but that they came."""

from __future__ import annotations

import json
from typing import Any

#: One API object, or a part of one.
Json = dict[str, Any]


def read_object(data: bytes) -> Json | None:
    """
    Read a JSON object.

    :param data: of a size that is worth reading.
    :returns: ``None`` if it is none.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def part(item: object, name: str) -> Json:
    """Return a part of an object; an empty one if it is missing or strange."""
    found = item.get(name) if isinstance(item, dict) else None
    return found if isinstance(found, dict) else {}


def text(item: Json, name: str) -> str:
    """Return a text of an object; an empty one if it is missing or strange."""
    found = item.get(name)
    return found if isinstance(found, str) else ""
