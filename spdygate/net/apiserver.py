"""The API server: where it is, and what we show it when we ask for ourselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.interfaces import IStreamClientEndpoint

from ..wire.upgrade import Fields


def no_credential() -> Fields:
    """Return no headers: nothing is shown but, over TLS, a certificate."""
    return ()


@dataclass(frozen=True, slots=True)
class ApiServer:
    """
    How the API server is reached.

    :ivar url: in words for a log.
    :ivar authority: host and port, as ``Host`` has them.
    :ivar scheme: ``https`` or ``http``.
    :ivar prefix: the path that its own paths begin with: empty, or with a
        slash before and none behind.
    :ivar endpoint: connects with our own client certificate, if there is one,
        and offers HTTP/1.1 alone: for what we ask ourselves.
    :ivar plain_endpoint: connects without any certificate of ours: for what is
        passed on for a client, who is to be taken for nobody but himself.
    :ivar credential: returns the headers that prove who we are, read anew.
    """

    url: str
    authority: str
    scheme: str
    prefix: str
    endpoint: IStreamClientEndpoint
    plain_endpoint: IStreamClientEndpoint
    credential: Callable[[], Fields] = no_credential

    def __str__(self) -> str:
        return f"API server {self.url}"
