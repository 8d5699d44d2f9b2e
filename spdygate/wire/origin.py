"""
Whether a browser asks on behalf of somebody else's page.

A browser lets any page open a WebSocket to any address, that of the gateway on
the user's own machine too, and says only whose page it is (RFC 6455, section
10.2).  Whoever serves it has to look.  Programs that are no browsers send no
``Origin``, or their own URL's.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from .upgrade import Request

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def is_foreign(request: Request, *, secure: bool) -> bool:
    """
    Say whether a request comes from a page that this server did not serve.

    :param secure: whether the request came over TLS, for the port that ``Host``
        leaves out.
    """
    origins = request.headers_named("origin")
    if not origins:
        return False
    host = request.header("host") or ""
    ours = _place(f"//{host}", 443 if secure else 80)
    return len(origins) > 1 or ours is None or _place(origins[0]) != ours


def _place(url: str, default: int | None = None) -> tuple[str, int] | None:
    """Return host and port of a URL, or ``None`` if it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    port = port or default or _PORTS.get(parts.scheme)
    return (parts.hostname, port) if parts.hostname and port else None
