"""
Which generation of port-forward a node speaks: found out, kept, forgotten.

A node is asked in the newest dialect first and in the next older one when
whoever answers does not understand (docs/protocol.rst, section 8.3).  Rules:

1. An answer that is one stays one: "no such pod" is no reason to ask again in
   another dialect.  `verdict` tells the two apart.
2. What was learnt is believed for `TRUST` seconds and no longer than the node
   keeps to it, so that one which was upgraded, rolled back or replaced behind
   its name is noticed.
3. What an operator has pinned is not doubted.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from ..dialect.tunnel import Failure, Reason
from ..wire.portforward import one_line, status_message

#: Seconds for which it is believed that a node speaks what it spoke.
TRUST = 300.0

#: Bytes of an answer that are read to judge it.
LARGEST_ANSWER = 64 * 1024


class Generation(Enum):
    """The dialects toward nodes, the newest first; the value is for options."""

    HTTP2 = "http2"
    SPDY = "spdy"
    TUNNEL = "tunnel"
    CHANNELS = "channels"


#: What may be tried on a node, and on an API server, which speaks no HTTP/2
#: dialect of ours.
OF_NODES = tuple(Generation)
OF_API_SERVERS = tuple(Generation)[1:]


class Knowledge:
    """
    What is known of one node.

    :ivar known: what it spoke when it was last asked, possibly long ago.
    """

    def __init__(
        self,
        ladder: Iterable[Generation] = OF_NODES,
        pinned: Generation | None = None,
    ) -> None:
        self._ladder = (pinned,) if pinned else tuple(ladder)
        self._pinned = pinned
        self.known: Generation | None = pinned
        self._until = 0.0

    def current(self, now: float) -> Generation | None:
        """Return what the node speaks, as far as that can be relied on."""
        return self.known if self._pinned or now < self._until else None

    def learn(self, generation: Generation, now: float) -> bool:
        """
        Note that the node has spoken *generation*.

        :returns: whether that is news.
        """
        news = generation is not self.known
        self.known = generation
        self._until = now + TRUST
        return news

    def doubt(self) -> None:
        """Note that the node did not do what was expected of it."""
        self._until = 0.0

    def next(self, tried: Iterable[Generation], now: float) -> Generation | None:
        """Return what to try after *tried*, or ``None`` if that was all."""
        tried = set(tried)
        current = self.current(now)
        if current is not None and current not in tried:
            return current
        return next((each for each in self._ladder if each not in tried), None)


_REASONS = {
    401: Reason.UNAUTHORIZED,
    403: Reason.FORBIDDEN,
    404: Reason.NO_SUCH_POD,
    429: Reason.LIMIT,
    503: Reason.DRAINING,
    504: Reason.TIMEOUT,
}

#: Statuses that say nothing of the pod: the upgrade was not understood.
_NOT_UNDERSTOOD = (400, 405, 426, 501)


def verdict(status: int, body: bytes) -> Failure | None:
    """
    Read why a node did not go over to what it was asked for.

    Kubelets have a word of their own, in plain text, where API servers write a
    Status (k8s.io/kubernetes, pkg/kubelet/server/server.go); a runtime that
    does not know the protocol answers 403 without any.

    :returns: ``None`` if it has not judged what was asked, but only not
        understood how.
    """
    if status < 400 or status in _NOT_UNDERSTOOD:
        return None
    message = status_message(body)
    if message is None:
        message = _kubelet_words(status, body)
        if message is None:
            return None
    reason = _REASONS.get(status, Reason.REFUSED)
    return Failure(reason, message)


#: How a kubelet's own words begin, or what they contain, by status.
_KUBELETS = {
    403: ("Forbidden (user=",),
    404: ("pod does not exist", "pod not found"),
}


def _kubelet_words(status: int, body: bytes) -> str | None:
    """Return what a kubelet says in plain text; a proxy's error page is no such."""
    if status == 401:
        return "it wants credentials that we do not have (HTTP status 401)"
    words = one_line(body[:LARGEST_ANSWER].decode("utf-8", "replace"))
    said = any(known in words for known in _KUBELETS.get(status, ()))
    return words if said else None
