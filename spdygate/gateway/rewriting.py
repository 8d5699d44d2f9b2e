"""
From what a client asked to what is written to the API server, and back.

A head is parsed on one side and put together anew on the other, from its
parts: nothing is copied because it happened to be there.  Rules:

1. What concerns one connection only stays on it: ``Connection`` and what it
   names, and the headers of RFC 9110, section 7.6.1.  But ``Connection`` names
   nothing away that decides who asks, or for what: two readers would judge two
   different requests.
2. Who asks is the client's own word: ``Authorization`` and ``Impersonate-*``
   are passed as they are and never added, so that who shows nothing is
   anonymous to the API server, too.  ``X-Remote-*`` is what a trusted proxy
   would say of a client, and no client says it of itself.
3. We are the edge: what is said of the way so far is ours to say.
4. A path is passed as it was written, but for ``.`` and ``..``, with which it
   could leave the API server's prefix; an upgrade's path has one spelling, and
   is never port-forward, which is judged here and nowhere else.
5. A redirect is relayed to whoever may follow it without harm: a client that
   reads.  It is never followed, and never an answer to an upgrade (CVE-2018-
   1002102, CVE-2022-3172).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from ..dialect.exchange import Answer
from ..errors import SpdygateError
from ..wire.upgrade import Fields, Request, origin_form
from ..wire.urls import BadUrl, parse

#: RFC 9110, section 7.6.1, and what HTTP/1.1 and h2c had for one hop.
_HOP_BY_HOP = frozenset(
    "connection keep-alive te trailer transfer-encoding upgrade http2-settings".split()
)

#: What is decided anew here; and what would say things of the way that a
#: client made up.  X-Real-Ip is what the API server's audit log believes, too
#: (k8s.io/apimachinery, pkg/util/net/http.go: ``SourceIPs``).
_OURS = frozenset("host content-length expect forwarded x-real-ip".split())
_OURS_PREFIXES = ("x-remote-", "x-forwarded-", "proxy-", ":")

#: What ``Connection`` may not name away, beside what is in `_OURS`.
_VITAL = frozenset("authorization cookie origin".split())
_VITAL_PREFIXES = ("impersonate-", "sec-websocket-", "x-stream-protocol-")

#: What has no meaning behind a body (RFC 9110, section 6.5.1).
_NO_TRAILER = frozenset("age date location retry-after set-cookie vary".split())
_NO_TRAILER_PREFIXES = ("content-", "cache-", "www-")

#: RFC 9110, sections 5.1 and 5.5, with names in lower case.
_NAME = re.compile(r"[-!#$%&'*+.^_`|~0-9a-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_METHOD = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]{1,32}")

_TARGET = re.compile(rb"/[\x21-\x22\x24-\x7e]*")
_LENGTH = re.compile(r"[0-9]{1,18}")

#: An escape, or a percent sign that begins none.
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})?")

#: What an upgrade's path never escapes: what needs no escape, and what would
#: be a slash, an escape or the end of a line to whoever decodes it.
_NEVER_ESCAPED = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/\\%\x7f"
) | frozenset(range(0x20))

_IN_DISGUISE = (
    "an upgrade's path is written plainly: single slashes, no dots between them, "
    "and no %-escape that is not needed"
)


class NotPassed(SpdygateError):
    """A request, or its answer, is not passed on; the text says why."""


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """
    What is known of a client's connection.

    :ivar address: its IP address, or empty if it has none.
    :ivar scheme: ``https`` or ``http``.
    """

    address: str
    scheme: str


@dataclass(frozen=True, slots=True)
class Base:
    """
    Where requests are passed to.

    :ivar authority: host and port, as ``Host`` has them.
    :ivar prefix: the path that all paths there begin with, or empty.
    """

    authority: str
    prefix: str = ""


def rewrite(
    request: Request, facts: ClientFacts, base: Base, *, bodiless: bool, upgrade: str
) -> Request:
    """
    Put together what is written to the API server.

    :param bodiless: whether the request has no body.
    :param upgrade: the token in lower case that it would go over to, or empty.
    :raises NotPassed: it is not passed on.
    """
    if not _METHOD.fullmatch(request.method) or request.method == "CONNECT":
        raise NotPassed(f"{request.method[:32]!a} is not passed on to the API server")
    if upgrade and (request.method not in ("GET", "POST") or not bodiless):
        raise NotPassed("an upgrade is asked for by GET or POST, without a body")
    target = _target(request.target, plain=bool(upgrade))
    fields = [("host", base.authority), *_kept(request), *_way(request, facts)]
    if "trailers" in request.tokens("te") and not upgrade:
        fields += [("connection", "TE"), ("te", "trailers")]
    fields += _framing(request, bodiless)
    return Request(request.method, base.prefix.encode() + target, tuple(fields))


def _target(raw: bytes, *, plain: bool) -> bytes:
    """
    Read a target, in origin form or in absolute form.

    :param plain: whether it must have the one spelling of an upgrade's.
    """
    target = origin_form(raw)
    if not _TARGET.fullmatch(target):
        raise NotPassed("the request's target is not a path")
    path = target.partition(b"?")[0]
    if any(name in (b".", b"..") for name in re.split(rb"[/\\]", _unescaped(path))):
        raise NotPassed('the path has "." or ".." in it')
    if plain and not _is_plain(path):
        raise NotPassed(_IN_DISGUISE)
    try:
        forwards = parse(target) is not None
    except BadUrl as error:
        raise NotPassed(error.message) from error
    if forwards:
        raise NotPassed("port-forward is served here, and never passed on")
    return target


def _unescaped(path: bytes) -> bytes:
    """Decode twice: whoever is behind the API server may do it once more."""
    return unquote_to_bytes(unquote_to_bytes(path))


def _is_plain(path: bytes) -> bool:
    """Say whether a path has no other spelling."""
    segments = path[1:].removesuffix(b"/").split(b"/")
    if b"\\" in path or (b"" in segments and path != b"/"):
        return False
    escapes = (found[1] for found in _ESCAPE.finditer(path))
    return all(code and int(code, 16) not in _NEVER_ESCAPED for code in escapes)


def _kept(request: Request) -> Fields:
    """Return the headers that are passed on as they are, cookies in one line."""
    named = set(request.tokens("connection"))
    for name in named:
        if name in _VITAL or name in _OURS or name.startswith(_VITAL_PREFIXES):
            raise NotPassed(
                f"'Connection' names {name[:64]!a}, which is for the server"
            )
    dropped = _HOP_BY_HOP | _OURS | named
    kept = []
    for name, value in request.headers:
        if not _NAME.fullmatch(name.removeprefix(":")) or not _VALUE.fullmatch(value):
            raise NotPassed(f"the header {name[:64]!a} is none")
        # To what runs behind CGI, "_" and "-" are one and the same.
        spelt = name.replace("_", "-")
        if spelt not in dropped and not spelt.startswith(_OURS_PREFIXES):
            kept.append((name, value.strip(" \t")))
    # HTTP/2 may cut a cookie in pieces (RFC 9113, section 8.2.3).
    cookies = [value for name, value in kept if name == "cookie"]
    if len(cookies) > 1:
        kept = [field for field in kept if field[0] != "cookie"]
        kept.append(("cookie", "; ".join(cookies)))
    return tuple(kept)


def _way(request: Request, facts: ClientFacts) -> Fields:
    """Say how the request came here."""
    said = (
        ("x-forwarded-for", facts.address),
        ("x-forwarded-proto", facts.scheme),
        ("x-forwarded-host", request.header("host") or ""),
    )
    return tuple((name, value) for name, value in said if value)


def _framing(request: Request, bodiless: bool) -> Fields:
    """Say where the request's body ends."""
    lengths = request.headers_named("content-length")
    if len(lengths) > 1 or (lengths and not _LENGTH.fullmatch(lengths[0])):
        raise NotPassed("Content-Length is not one plain number")
    if bodiless:
        if lengths and int(lengths[0]):
            raise NotPassed("Content-Length announces a body, and there is none")
        expected = lengths or request.method in ("POST", "PUT", "PATCH")
        return (("content-length", "0"),) if expected else ()
    if lengths:
        return (("content-length", str(int(lengths[0]))),)
    return (("transfer-encoding", "chunked"),)


def answer(
    found: Answer, method: str, base: Base, scheme: str, *, upgrade: str
) -> Answer:
    """
    Put together the head of the response that the client gets.

    :param method: of the request.
    :param scheme: with which the API server is reached.
    :raises NotPassed: it is not passed on.
    """
    headers = Request("", b"", found.headers)
    dropped = _HOP_BY_HOP | {"alt-svc", *headers.tokens("connection")} - {
        "content-length"
    }
    if found.status == 101:
        dropped = dropped | {"content-length"}
    kept = [
        (name, value)
        for name, value in found.headers
        if name not in dropped and not name.startswith("proxy-")
    ]
    if 300 <= found.status < 400 and (upgrade or headers.header("location")):
        if upgrade or method not in ("GET", "HEAD"):
            raise NotPassed(
                f"the API server answered {method} with a redirect (status "
                f"{found.status}), which is not passed on"
            )
        kept = [_relocated(field, base, scheme) for field in kept]
    if upgrade and found.status != 101:
        # Whoever is before us may take what comes next for the upgrade's bytes.
        kept.append(("connection", "close"))
    return Answer(found.status, tuple(kept))


def _relocated(field: tuple[str, str], base: Base, scheme: str) -> tuple[str, str]:
    """Let a redirect to the API server itself lead here."""
    name, value = field
    if name != "location":
        return field
    origin = f"{scheme}://{base.authority}"
    rest = value.removeprefix(origin)
    ours = rest != value and rest[:1] in ("", "/", "?")
    path = rest if ours else value
    if base.prefix and path.startswith(base.prefix + "/"):
        path = path.removeprefix(base.prefix)
    return name, path or "/"


def trailers(fields: Iterable[tuple[str, str]]) -> Fields:
    """Return what may be passed on behind a body, either way."""
    dropped = _HOP_BY_HOP | _OURS | _VITAL | _NO_TRAILER
    prefixes = _OURS_PREFIXES + _VITAL_PREFIXES + _NO_TRAILER_PREFIXES
    return tuple(
        (name, value)
        for name, value in fields
        if _NAME.fullmatch(name)
        and _VALUE.fullmatch(value)
        and name not in dropped
        and not name.startswith(prefixes)
    )
