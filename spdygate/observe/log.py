"""
What becomes of tunnels and sessions, as lines of a log.

One line for each session when it ends and one for each tunnel that failed;
what went well is told only to who asked for it, since a busy gateway has
thousands of good tunnels a second.  A client that gives up its own connection
is no failure.

What a peer says of itself is shown without control characters, which would
reach the terminal of whoever reads the log.
"""

from __future__ import annotations

from twisted.logger import Logger
from twisted.python.failure import Failure

from ..dialect.tunnel import Reason, Request
from ..gateway.relay import Observer, Relay

_log = Logger()


class LogObserver(Observer):
    """Writes down how tunnels fare."""

    def __init__(self, *, verbose: bool = False) -> None:
        """
        Prepare to.

        :param verbose: whether tunnels that fare well are of interest.
        """
        self._verbose = verbose

    def tunnel_opened(self, relay: Relay) -> None:
        """Note a tunnel that connected."""
        if self._verbose:
            fields = _fields(relay.request)
            _log.info("tunnel {id}: open, {client} -> {target}", **fields)

    def tunnel_ended(self, relay: Relay) -> None:
        """Note a tunnel that ended, and why if it failed."""
        failure = relay.failure
        if failure is None or failure.reason is Reason.GAVE_UP:
            if self._verbose:
                _log.info(
                    "tunnel {id}: over, {up} bytes up, {down} bytes down",
                    up=relay.up.count,
                    down=relay.down.count,
                    **_fields(relay.request),
                )
            return
        _log.warn(
            "tunnel {id} failed: {client} -> {target}: {reason}: {words}",
            reason=failure.reason.label,
            # Not "message": older observers (syslog among them) overwrite that.
            words=_printable(failure.message),
            **_fields(relay.request),
        )

    def fault(self, error: Exception) -> None:
        """Show where it happened: somebody has to mend it."""
        _log.failure("a fault in spdygate; please report it", Failure(error))


def _fields(request: Request) -> dict[str, str]:
    """Return what every line about a tunnel tells."""
    target = request.target
    where = f"{target.namespace}/{target.pod}:{request.port}"
    node = f" on {target.node}" if target.node else ""
    return {
        "id": request.request_id or "-",
        "client": _printable(request.client) or "unknown client",
        "target": where + node,
    }


def _printable(text: str) -> str:
    """Return *text* with a question mark for each character that is not seen."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "?" for each in text)
