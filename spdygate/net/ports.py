"""
Listening, and what to say when it does not work.

A service that cannot listen must end its process with status 1 and one line.
``twistd`` makes that hard once the reactor runs (it exits with 0), so listening
begins in ``privilegedStartService``: before the reactor, and before root's
rights are given up, which ports below 1024 need.  Every kind of `Listener`
either listens at once or fails at once.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.address import IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocolFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from .listeners import Listener, ListenError, check_host
from .sockets import tune_socket
from .tls import ServerTls

_log = Logger()

#: The port that ``kubectl proxy`` takes when it is not told another.
_KUBECTL_PROXY = 8001


class CannotStart(ListenError, SystemExit):
    """
    The process must end now: status 1, and no traceback.

    ``twistd`` removes its pid file, and tells the parent of a daemon what went
    wrong, only for an ``Exception``; Python ends without a traceback only for
    ``SystemExit``.  So this is both.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = 1


class ListenerService(Service):
    """
    Listen from start to stop.

    :ivar port: what listens, once it does.
    """

    def __init__(
        self,
        reactor: Any,
        listener: Listener,
        factory: IProtocolFactory,
        tls: ServerTls | None = None,
        *,
        allowed: bool = False,
        option: str = "--insecure-anonymous",
    ) -> None:
        """
        Remember where to listen, and for whom.

        :param factory: makes a protocol for each connection; with TLS, for
            each that has finished its handshake.
        :param allowed: whether other machines may connect.
        :param option: the option that allows it.
        """
        self.port: IListeningPort | None = None
        self._reactor = reactor
        self._listener = listener
        self._factory = factory
        self._tls = tls
        self._allowed = allowed
        self._option = option

    def privilegedStartService(self) -> None:
        """
        Listen.

        :raises CannotStart: it is not possible, or not allowed; that is logged.
        """
        super().privilegedStartService()
        failures: list[Failure] = []
        listening = listen(self._reactor, self._listener, self._factory, self._tls)
        listening.addCallback(self._listening).addErrback(failures.append)
        assert failures or self.port is not None, "it neither listens nor fails"
        for failure in failures:
            _log.critical("{why}", why=failure.getErrorMessage())
            raise CannotStart(failure.getErrorMessage())

    def startService(self) -> None:
        """Listen, if the parent was not started by ``twistd``."""
        if self.port is None:
            self.privilegedStartService()
        super().startService()

    def stopService(self) -> Deferred[None] | None:
        """
        Listen no more.

        :returns: a Deferred that fires when the port is closed.
        """
        super().stopService()
        port, self.port = self.port, None
        return None if port is None else port.stopListening()

    def _listening(self, port: IListeningPort) -> None:
        """Look at what was opened: systemd may have opened anything."""
        host = port.getHost()
        try:
            check_host(self._listener, host, self._allowed, self._option)
        except ListenError:
            port.stopListening()
            raise
        self.port = port
        _log.info("listening on {url}", url=spell(host, self._tls is not None))


def listen(
    reactor: Any,
    listener: Listener,
    factory: IProtocolFactory,
    tls: ServerTls | None = None,
) -> Deferred[IListeningPort]:
    """
    Listen, with TLS if there is any.

    :returns: a Deferred of the port, or of a `ListenError`.
    """
    if tls is not None:
        factory = tls.wrap_server(factory, reactor)
    try:
        endpoint = listener.endpoint(reactor)
    except ListenError:
        return fail()
    listening: Deferred[IListeningPort] = endpoint.listen(factory)
    return listening.addCallbacks(_tuned, _explained, errbackArgs=(listener,))


def spell(host: IAddress, secure: bool) -> str:
    """Write where a port listens, as a client would."""
    scheme = "https" if secure else "http"
    if isinstance(host, UNIXAddress):
        path = b"" if host.name is None else host.name
        return f"{scheme}+unix:{path.decode('utf-8', 'replace')}"
    name = getattr(host, "host", "")
    if isinstance(host, IPv6Address):
        name = f"[{name}]"
    return f"{scheme}://{name}:{getattr(host, 'port', '')}"


def _tuned(port: IListeningPort) -> IListeningPort:
    """Set the socket that accepted ones take after."""
    handle = getattr(port, "socket", None)
    if isinstance(handle, socket.socket):
        tune_socket(handle)
    return port


def _explained(failure: Failure, listener: Listener) -> Failure:
    """Turn what the reactor says into what the person can do."""
    failure.trap(CannotListenError, OSError)
    reason = failure.value
    cause = getattr(reason, "socketError", reason)
    number = cause.errno if isinstance(cause, OSError) else None
    return Failure(ListenError(f"{listener.text}: {_advice(number, cause, listener)}"))


def _advice(number: int | None, cause: object, listener: Listener) -> str:
    """Say what to do about an error number."""
    if listener.kind == "unix":
        return _unix_advice(number, cause, listener)
    if number == errno.EADDRINUSE:
        proxy = ""
        if listener.port == _KUBECTL_PROXY:
            proxy = " (`kubectl proxy` takes port 8001 too)"
        return (
            f"another program listens on port {listener.port}{proxy}; "
            "end it, or choose another port"
        )
    if number in (errno.EACCES, errno.EPERM):
        return (
            f"this user may not listen on port {listener.port}; choose one above 1023, "
            "or give the process CAP_NET_BIND_SERVICE"
        )
    if number == errno.EADDRNOTAVAIL:
        return f"this machine has no address {listener.interface}"
    return f"it is not possible to listen there ({cause})"


def _unix_advice(number: int | None, cause: object, listener: Listener) -> str:
    """Say the same for a UNIX socket."""
    if number == errno.ENOENT:
        return f"there is no directory for {listener.path}"
    if number in (errno.EACCES, errno.EPERM):
        return f"this user may not make {listener.path}"
    if number == errno.EADDRINUSE:
        return f"{listener.path} exists already; remove it, if nobody listens there"
    if number is None:
        return f"another program listens there (it holds {listener.path}.lock)"
    return f"it is not possible to listen there ({cause})"
