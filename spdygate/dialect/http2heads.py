"""
Heads of ordinary requests and answers, as HTTP/2 has them and as we do.

h2 has already refused what RFC 9113, sections 8.2 and 8.3, forbid: names in
upper case, fields of the connection, pseudo headers that are missing, doubled
or misplaced, a ``host`` that is not the ``:authority``; and it has joined the
crumbs of cookies.  Rules:

1. What is passed on may be written in HTTP/1.1 by whoever passes it on.  So
   all that could be read there in two ways is refused here: names and methods
   that are no tokens, values with controls in them, a target with blanks, a
   length that is no number or is said twice.
2. An answer comes from a peer too.  A field of it that HTTP/2 forbids is left
   out: it concerned the connection to that peer, or nobody.
3. ``Expect: 100-continue`` ends here, since we answer it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..session.events import Headers
from ..wire.http1fields import ONE_HOP
from ..wire.upgrade import Fields, Request
from .exchange import Answer
from .http2words import BadRequestError

#: Bytes of a request's fields, counted as RFC 9113, section 6.5.2, does.  A
#: token with all the groups of a user takes a third of it; the session ends at
#: `Http2Limits.headers`.
LARGEST_HEAD = 48 * 1024

#: RFC 9113, section 8.2.2, and what else never passes a hop.
_HOP_BY_HOP = ONE_HOP | {"connection"}

#: ``TE: trailers`` is the one word of a connection that HTTP/2 has kept, for
#: requests: whoever passes one on must know whether trailers are welcome.
_NOT_IN_ANSWERS = _HOP_BY_HOP | {"te"}

#: RFC 9110, sections 5.6.2 and 5.5, and RFC 3986, section 3.2, loosely.
_TOKEN = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_AUTHORITY = re.compile(rb"[-!$%&'()*+,.:;=@\[\]_~0-9A-Za-z]*")

#: Origin form, or the asterisk (RFC 9112, section 3.2); a fragment is neither.
_TARGET = re.compile(rb'/[!"$-~]*|\*')

_LENGTH = re.compile(rb"[0-9]{1,18}")


def read_request(headers: Headers) -> Request:
    """
    Read the head of an ordinary request (RFC 9113, section 8.3.1).

    :returns: it, with ``:authority`` as its ``host`` and no field of one hop but
        ``te``, which can only say that trailers are welcome.
    :raises BadRequestError: it is not fit to be passed on.
    """
    if sum(len(name) + len(value) + 32 for name, value in headers) > LARGEST_HEAD:
        raise BadRequestError(431, f"a head of more than {LARGEST_HEAD} bytes")
    pseudo = {name: value for name, value in headers if name[:1] == b":"}
    ordinary = [field for field in headers if field[0] not in pseudo]
    method = pseudo.get(b":method", b"")
    if not _TOKEN.fullmatch(method):
        raise BadRequestError(400, "the method is not a token")
    target = pseudo.get(b":path", b"")
    if not _TARGET.fullmatch(target):
        raise BadRequestError(400, ":path is not a path")
    host = pseudo.get(b":authority") or dict(ordinary).get(b"host", b"")
    if not _AUTHORITY.fullmatch(host):
        raise BadRequestError(400, ":authority is not a host and port")
    fields = (("host", host.decode("ascii")), *_read_fields(ordinary))
    return Request(method.decode("ascii"), target, fields, http_version="2")


def _read_fields(ordinary: Headers | list[tuple[bytes, bytes]]) -> Fields:
    """Return the fields that are passed on, each of which must be one."""
    lengths = [value for name, value in ordinary if name == b"content-length"]
    if lengths and not (len(lengths) == 1 and _LENGTH.fullmatch(lengths[0])):
        raise BadRequestError(400, "content-length is not one number")
    for name, value in ordinary:
        if not (_TOKEN.fullmatch(name) and _VALUE.fullmatch(value)):
            raise BadRequestError(400, "a header that is none")
    fields = _decoded(ordinary)
    return tuple(field for field in fields if field[0] not in ("host", "expect"))


def _decoded(ordinary: Iterable[tuple[bytes, bytes]]) -> Fields:
    """Return fields one character to a byte, without those of one hop."""
    fields = ((n.decode("latin-1"), v.decode("latin-1")) for n, v in ordinary)
    return tuple(field for field in fields if field[0] not in _HOP_BY_HOP)


def read_trailers(trailers: Headers) -> Fields:
    """Return the trailers of a request, as far as they are fit to be passed on."""
    fit = [f for f in trailers if _TOKEN.fullmatch(f[0]) and _VALUE.fullmatch(f[1])]
    return tuple(field for field in _decoded(fit) if field[0] != "te")


def wants_to_go_on(headers: Headers) -> bool:
    """Say whether the client keeps its body back (RFC 9110, section 10.1.1)."""
    return dict(headers).get(b"expect", b"").lower() == b"100-continue"


def written_answer(answer: Answer) -> Headers:
    """Return the head of an answer, ``:status`` first."""
    return ((b":status", b"%03d" % answer.status), *written_fields(answer.headers))


def written_fields(fields: Fields) -> Headers:
    """Return the fields of an answer, or its trailers, as HTTP/2 has them."""
    written = []
    for field in fields:
        name = field[0].lower().encode("latin-1", "replace")
        value = field[1].encode("latin-1", "replace").strip(b" \t")
        fit = _TOKEN.fullmatch(name) and _VALUE.fullmatch(value)
        if fit and name.decode("latin-1") not in _NOT_IN_ANSWERS:
            written.append((name, value))
    return tuple(written)
