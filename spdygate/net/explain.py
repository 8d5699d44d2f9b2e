"""
Why a connection failed, in one sentence for the person who can mend it.

A sentence names the hop, what happened there, and what to do.  The failure
comes from the Deferred of ``connect`` (also for TLS: see
`spdygate.net.handshakes`), or from ``connectionLost`` where a TLS 1.3 server
refuses our certificate after the handshake.
"""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet import error
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from ..dialect.tunnel import Failure as Refusal
from ..dialect.tunnel import Reason
from .handshakes import HandshakeTimeout
from .pem import openssl_reason
from .trust import CertificateRefused

_SILENT = "it does not answer; check the address, the network and its firewall"

#: What happened, by type; the first that fits.
_EVENTS: tuple[tuple[type[BaseException], str], ...] = (
    (error.ConnectionRefusedError, "nothing listens there; is it running?"),
    (error.DNSLookupError, "no such host name; check its spelling, or give an address"),
    (error.NoRouteError, "there is no route to it; check the address and the network"),
    (error.TimeoutError, _SILENT),
    (error.TCPTimedOutError, _SILENT),
    (CancelledError, "it was given up before it was connected"),
    (
        HandshakeTimeout,
        "it is connected but does not finish the TLS handshake; is it a TLS server?",
    ),
    (error.ConnectionDone, "it hung up"),
    (error.ConnectionLost, "the connection broke"),
    (error.ConnectionAborted, "the connection was given up"),
)

#: What to do about a certificate that we refuse, by OpenSSL's X509_V_ERR.
_UNTRUSTED = frozenset({2, 18, 19, 20, 21})
_DATES = frozenset({9, 10})

#: What OpenSSL says, and what it means here; the first that is contained.
#: Alerts are what the other side says of us (RFC 8446, section 6.2); the words
#: changed over the releases, so only their common part is looked for.
_REASONS: tuple[tuple[str, str], ...] = (
    (
        "alert certificate required",
        "it asks for a client certificate: give {prefix}-cert and {prefix}-key",
    ),
    (
        "alert unknown ca",
        "it does not trust the CA of our certificate: let its CA sign {prefix}-cert",
    ),
    ("alert certificate expired", "it says that our certificate has expired: renew it"),
    ("alert certificate revoked", "it says that our certificate is revoked"),
    ("alert certificate unknown", "it does not accept our certificate, {prefix}-cert"),
    ("alert bad certificate", "it does not accept our certificate, {prefix}-cert"),
    ("alert unsupported certificate", "it cannot use our certificate, {prefix}-cert"),
    (
        "alert handshake failure",
        "it asks for a client certificate ({prefix}-cert), or knows none of our ciphers",
    ),
    ("protocol version", "it speaks neither TLS 1.2 nor 1.3, or not the one we speak"),
    ("unsupported protocol", "it speaks neither TLS 1.2 nor 1.3"),
    (
        "wrong version number",
        "it does not speak TLS: write http:// instead of https://",
    ),
    ("http request", "it does not speak TLS: write http:// instead of https://"),
    ("packet length too long", "it does not speak TLS: write http://, not https://"),
    ("no application protocol", "it refuses HTTP/2 and HTTP/1.1"),
    ("unrecognized name", "it does not know the name that we called it by"),
)


def unreachable(failure: Failure, hop: str, prefix: str) -> Refusal:
    """
    Say that nobody could connect to a hop, and why.

    :param hop: see `explain`, as for *prefix*.
    """
    late = failure.check(error.TimeoutError, error.TCPTimedOutError)
    reason = Reason.TIMEOUT if late else Reason.REFUSED
    return Refusal(reason, explain(failure, hop, prefix))


def explain(failure: Failure, hop: str, prefix: str = "--node") -> str:
    """
    Say in one sentence why a hop failed, and what to do.

    :param hop: who was dialled, as a person knows it.
    :param prefix: what the options of this hop's TLS begin with.
    """
    reason = failure.value
    assert reason is not None
    if isinstance(reason, CertificateRefused):
        return f"{hop}: {_refused(reason, prefix)}"
    if isinstance(reason, SSL.Error):
        return f"{hop}: {_alarmed(openssl_reason(reason), prefix)}"
    for kind, words in _EVENTS:
        if isinstance(reason, kind):
            return f"{hop}: {words}"
    return f"{hop}: {_anything(reason)}"


def _refused(reason: CertificateRefused, prefix: str) -> str:
    """Say why we do not believe the other side's certificate."""
    said = f"its certificate is refused: {reason}"
    if reason.code in _UNTRUSTED:
        return f"{said}; if you trust it, put the CA that signed it into {prefix}-ca"
    if reason.code in _DATES:
        return f"{said}; renew it, and check the clocks of both machines"
    if reason.code == 0:
        return f"{said}; write a name that it is for, or have it signed for this one"
    return said


def _alarmed(said: str, prefix: str) -> str:
    """Say what OpenSSL's words mean here, and quote them."""
    if not said:
        return "the TLS connection broke"
    for part, words in _REASONS:
        if part in said.lower():
            return f"{words.format(prefix=prefix)} ({said})"
    return f"TLS failed ({said})"


def _anything(reason: BaseException) -> str:
    """Say what there is to say of a failure that nobody thought of."""
    words = " ".join(str(reason).split())
    if isinstance(reason, error.ConnectError) and reason.osError:
        words = str(reason.osError)
    return words or type(reason).__name__
