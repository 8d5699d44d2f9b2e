"""
What a node's words on an error stream mean, and its resets.

Kubelets and runtimes say with one sentence, meant for people, whatever went
wrong (docs/protocol.rst, 2.5).  What must be told apart is whether the pod
itself is gone, for then a client's whole session has no more use, or whether
one connection failed, which is nobody else's business.

Rules:

1. The pod is gone only if a text says so in words that are known; whatever is
   not understood costs one connection.
2. A dial that failed is told from a connection that was reset: both may speak
   of the same system error.
"""

from __future__ import annotations

import re

from ..errors import RstStatus
from ..wire.portforward import one_line
from .tunnel import Failure, Reason

#: How cri-streaming and the kubelet of 2015 begin (``error_forwarding`` in
#: `spdygate.wire.portforward`); whoever tells a client begins so anew.
_PREFIX = re.compile(r"error forwarding port \d+ to pod \S+, uid [^:]*: ", re.I)

#: Texts and what they mean; the first that is found counts.
_MEANINGS = tuple(
    (re.compile(pattern, re.I), reason)
    for pattern, reason in (
        # containerd, internal/cri/server/sandbox_portforward.go and _linux.go.
        (r"failed to find sandbox", Reason.POD_GONE),
        (r"network namespace for sandbox .* is closed", Reason.POD_GONE),
        # CRI-O, server/container_portforward.go.
        (r"sandbox \S+ is not running", Reason.POD_GONE),
        (r"could not find sandbox", Reason.POD_GONE),
        (r"podsandbox with id starting with \S+ not found", Reason.POD_GONE),
        (r"network namespace path of sandbox \S+ is empty", Reason.POD_GONE),
        # The kubelet itself, and Docker behind it.
        (r"pod (?:does not exist|not found)", Reason.POD_GONE),
        (r"container not running|no such container", Reason.POD_GONE),
        (r"(?:failed to connect to|dial tcp).*time(?:d )?out", Reason.TIMEOUT),
        (r"failed to connect to|dial tcp", Reason.REFUSED),
        (r"connection reset by peer|broken pipe", Reason.TARGET_RESET),
        (r"refused|unreachable|no route to host", Reason.REFUSED),
        (r"time(?:d )?out|deadline exceeded", Reason.TIMEOUT),
        (r"stream already assigned", Reason.PROTOCOL),
    )
)

_RESET = Failure(Reason.TARGET_RESET, "it reset the connection")
_REFUSED = Failure(Reason.REFUSED, "it refused the stream, and did not say why")
_RETRY = Failure(Reason.RETRY, "it refused the stream unprocessed")


def understand_reset(code: int, *, answered: bool) -> Failure:
    """
    Say what RST_STREAM means on a stream whose node gave no reason in words.

    :param answered: whether the node had taken the stream.
    """
    if answered:
        return _RESET
    return _RETRY if code == RstStatus.REFUSED_STREAM else _REFUSED


def understand_error(text: str, hop: str) -> Failure:
    """
    Say what a text from an error stream means.

    :param text: what the node wrote, of any length.
    :param hop: how the message begins: who wrote it, with a colon and a space.
    :returns: `Reason.REFUSED` for what is not understood: whatever it was, the
        connection does not work.
    """
    words = one_line(text)
    words = _PREFIX.sub("", words, count=1) or "it failed without a reason"
    for pattern, reason in _MEANINGS:
        if pattern.search(words):
            return Failure(reason, hop + words)
    return Failure(Reason.REFUSED, hop + words)
