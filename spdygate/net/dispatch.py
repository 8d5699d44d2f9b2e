"""
Where a client's requests go: to the API server, to the API in here, or back.

A request on a port-forward URL is for `spdygate.net.upgrades`; every other is
passed on, or answered from what is known here if there is no API server.  What
is answered here is read first, whole, so that the connection can go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from twisted.logger import Logger

from ..dialect.exchange import Answer, Asked
from ..dialect.servedhttp1 import REQUEST_TIMEOUT, Http1End
from ..dialect.tunnel import (
    Data,
    Failed,
    Failure,
    Finished,
    Opening,
    Reason,
    TunnelEvent,
)
from ..gateway.rewriting import ClientFacts
from ..session.http1 import LARGEST_BODY
from ..wire.http1head import too_large
from ..wire.portforward import STATUS_TYPE, status
from ..wire.upgrade import Fields
from ..wire.urls import BadUrl, PortForwardUrl, parse
from .house import House
from .upgrades import SERVED

_log = Logger()

#: A target as it is written to a proxy, for a page of a pod.
_OF_A_POD = re.compile(rb"[a-z]+://[^/?]*\.pod(:[0-9]*)?([/?]|$)", re.IGNORECASE)

_NOT_A_PROXY = (
    "no page of a pod is fetched here, but a tunnel to its port is opened: ask with "
    "CONNECT, as in curl --proxytunnel --proxy GATEWAY http://<pod>.<namespace>.pod:80/"
)

#: What is done with a body that has been read whole.
Then = Callable[[], None]


class Unwanted:
    """Grants, and throws away, a body that nobody waits for."""

    def act(self, event: TunnelEvent) -> None:
        """Grant what comes."""
        if type(event) is Data:
            event.end.grant(len(event.data))

    def refuse(self, failure: Failure) -> None:
        """Do nothing: it is answered."""


class Unread(Unwanted):
    """A request that is answered here, once all of it has come."""

    def __init__(self, asked: Asked, then: Then) -> None:
        self._asked = asked
        self._then = then
        self._count = 0
        self._over = False
        end = asked.end
        end.receiver = self
        if isinstance(end, Http1End) and not asked.bodiless:
            end.hurry(REQUEST_TIMEOUT)

    def act(self, event: TunnelEvent) -> None:
        """Throw the body away, whose end is all that matters."""
        super().act(event)
        if self._over:
            return
        if type(event) is Data:
            self._count += len(event.data)
            if self._count > LARGEST_BODY:
                self._over = True
                refuse(self._asked, 413, too_large(LARGEST_BODY))
        elif isinstance(event, Finished):
            self._over = True
            self._then()
        elif isinstance(event, Failed):
            self._over = True

    def refuse(self, failure: Failure) -> None:
        """Say that something here is broken."""
        self._over = True
        self._asked.end.fail(failure)


def reply(asked: Asked, code: int, headers: Fields, body: bytes) -> None:
    """Answer with *body*, of which HEAD is told the length only."""
    end = asked.end
    fields = (*headers, ("content-length", str(len(body))))
    if asked.upgrade:
        # What comes behind it may be meant for the upgrade, and is no request.
        fields += (("connection", "close"),)
    end.respond(Answer(code, fields))
    if body and asked.request.method != "HEAD":
        end.send(body)
    end.finish()


def refuse(asked: Asked, code: int, message: str, headers: Fields = ()) -> None:
    """Answer with a Status: clients lose most other texts (3.10)."""
    fields = (("content-type", STATUS_TYPE), *headers)
    reply(asked, code, fields, status(code, message))


class Dispatch:
    """The requests of one connection, and where its other events go."""

    def __init__(
        self,
        house: House,
        facts: ClientFacts,
        port_forward: Callable[[Asked, Http1End, PortForwardUrl], None],
        opening: Callable[[Opening], None],
    ) -> None:
        """
        Prepare to serve.

        :param port_forward: given a request for an upgrade, once it is whole.
        :param opening: told of each tunnel that is asked for.
        """
        self._house = house
        self._facts = facts
        self._port_forward = port_forward
        self._opening = opening

    def act(self, told: Iterable[TunnelEvent]) -> list[str]:
        """Act on what happened; see `Switchboard.act`."""
        notes: list[str] = []
        for event in told:
            if isinstance(event, Asked):
                self._ask(event)
                continue
            if isinstance(event, Opening):
                self._opening(event)
            notes += self._house.switchboard.act((event,))
        return notes

    def _ask(self, asked: Asked) -> None:
        """See that a request is answered, whatever happens."""
        try:
            self._answer(asked)
        except Exception as error:
            _log.failure("a request could not be answered")
            asked.end.fail(Failure(Reason.INTERNAL, f"a fault here: {error}"))

    def _answer(self, asked: Asked) -> None:
        """Answer a request, or find out who will."""
        # Whoever refuses it need not care for what comes of its body.
        asked.end.receiver = Unwanted()
        try:
            url = parse(asked.request.target)
        except BadUrl as error:
            # What comes behind an upgrade in disguise may be meant for it.
            close = (("connection", "close"),) if asked.upgrade else ()
            refuse(asked, error.status, error.message, close)
            return
        end = asked.end
        if isinstance(end, Http1End) and _OF_A_POD.match(end.head.target):
            refuse(asked, 421, _NOT_A_PROXY)
        elif url is None:
            self._pass_on(asked)
        elif isinstance(end, Http1End):
            Unread(asked, lambda: self._port_forward(asked, end, url))
        else:
            refuse(asked, 400, SERVED)

    def _pass_on(self, asked: Asked) -> None:
        """Hand a request to whoever knows the API server, or to the API in here."""
        house = self._house
        if house.passing is not None:
            house.passing.carry(asked, self._facts)
        else:
            Unread(asked, lambda: self._answer_from_api(asked))

    def _answer_from_api(self, asked: Asked) -> None:
        """Answer what is no port-forward."""
        house, request = self._house, asked.request
        answer = house.api.answer(
            request.method,
            request.target,
            request.header("accept") or "",
            house.wall_clock(),
        )
        headers = (("content-type", answer.content_type),)
        reply(asked, answer.status, headers, answer.body)
