"""Requests by hand, and what is needed to look at the answers."""

from __future__ import annotations

from spdygate.session.http1 import RequestReceived

#: The smallest request there is.
GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"

#: A kubectl of 2015 (generation A), put together from its source.
GENERATION_A = (
    b"GET /api/v1beta1/proxy/minions/n1/portForward/ns/pod HTTP/1.1\r\n"
    b"Host: 10.245.1.2\r\n"
    b"User-Agent: kubectl/v0.16.0 (linux/amd64) kubernetes/b8dd7c2\r\n"
    b"Connection: Upgrade\r\n"
    b"Upgrade: SPDY/3.1\r\n"
    b"\r\n"
)

#: ``curl --http2 -d abc``, captured from curl 7.88.
CURL_H2C = (
    b"POST /portForward/ns/pod HTTP/1.1\r\n"
    b"Host: 127.0.0.1:59075\r\n"
    b"User-Agent: curl/7.88.1\r\n"
    b"Accept: */*\r\n"
    b"Connection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
    b"Content-Length: 3\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n"
    b"\r\n"
    b"abc"
)

CHUNKED = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def only(requests: list[RequestReceived]) -> RequestReceived:
    """Return the one request that there is."""
    (request,) = requests
    return request


def split(response: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Return first line, headers and body of one response."""
    head, _, body = response.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    return first, dict(line.lower().split(b": ", 1) for line in lines), body
