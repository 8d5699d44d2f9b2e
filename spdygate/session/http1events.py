"""
What a client's HTTP/1.1 connection may report (see `spdygate.session.http1client`).

They are of their own kind, since there are no streams: one exchange at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import LocalError
from ..wire.upgrade import Fields
from .events import Broken, Buffer


@dataclass(frozen=True, slots=True)
class Informed:
    """An interim response came (1xx, but not 101); the final one follows."""

    status: int
    headers: Fields


@dataclass(frozen=True, slots=True)
class Responded:
    """The head of the final response came."""

    status: int
    headers: Fields


@dataclass(slots=True)
class Body:
    """
    Bytes of the response's body came.

    :ivar data: never empty.
    """

    data: Buffer


@dataclass(frozen=True, slots=True)
class BodyFinished:
    """The response is complete."""

    trailers: Fields = ()


@dataclass(frozen=True, slots=True)
class Switched:
    """
    The upgrade was granted: the connection is the other protocol's.

    :ivar glued: what has already come in it.
    """

    headers: Fields
    glued: bytes


ClientEvent = Informed | Responded | Body | BodyFinished | Switched | Broken


def read_fields(headers: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Return h11's headers as ours."""
    return tuple(
        (name.decode("ascii"), value.decode("latin-1")) for name, value in headers
    )


def write_fields(fields: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """
    Return headers of ours as h11 takes them.

    :raises LocalError: there is a character in them that no byte stands for.
    """
    try:
        return [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in fields
        ]
    except UnicodeEncodeError as error:
        raise LocalError(f"not an HTTP header: {error}") from error
