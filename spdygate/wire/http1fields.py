"""
Which fields of an HTTP/1.1 request end here, on the connection they came on.

How a body was framed ends here, since it is framed anew; so does ``Expect``,
which we answer, and what is said to a proxy, which we are.  ``Connection``, and
what it names, is left in its place: whoever passes the request on judges by it
what else concerns two neighbours only (RFC 9110, section 7.6.1).
"""

from __future__ import annotations

from .upgrade import SPDY, Request, origin_form, wants_upgrade

#: Upgrades that are passed on, if nothing else is known of their URL: by the token
#: in lower case, as it is written.
PASSED = {SPDY.lower(): SPDY, "websocket": "websocket"}

#: What is said to a neighbour, and by whoever understands it to nobody else.
ONE_HOP = frozenset(
    "http2-settings keep-alive proxy-authenticate proxy-authorization "
    "proxy-connection transfer-encoding upgrade".split()
)

_ENDS_HERE = ONE_HOP | {"expect"}


def passed_on(request: Request) -> Request:
    """
    Return a request without what was meant for us.

    A target in absolute form is written as its path: whoever it is passed on
    to is told by us where it is.
    """
    fields = tuple(field for field in request.headers if field[0] not in _ENDS_HERE)
    target = origin_form(request.target)
    return Request(request.method, target, fields, request.http_version)


def passed_upgrade(request: Request) -> str:
    """Return the upgrade that may be passed on, or nothing if there is none."""
    wanted = wants_upgrade(request)
    return next((name for name in wanted if name in PASSED), "")


def written_upgrade(name: str) -> str:
    """Return the token of an upgrade as its clients write it."""
    return PASSED.get(name, name)
