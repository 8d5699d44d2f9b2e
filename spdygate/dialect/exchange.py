"""
The vocabulary of exchanges: one HTTP request and its response, passed on.

An exchange is a tunnel with a head at each side.  Its body is moved, held back
and ended exactly as a tunnel's bytes are (`spdygate.dialect.tunnel`: `Data`,
`Finished`, `Failed`, `Drained`, and the contract of every `End`), so this adds
only what TCP does not have: the request's head (`Asked`), the response's
(`Answered`), and trailers (`Trailed`).

Rules, beyond the contract of every end:

1. The end that faces the client is told `respond` once, before any `send`.  If
   it is told `fail` before that, it answers with the failure's status and a
   JSON Status; after it, it cuts the response off so that the client notices.
2. An answer of 101 (only to an exchange whose ``upgrade`` is not empty), or of
   2xx to CONNECT, ends HTTP on the connection: from then on `Data` and `send`
   are raw bytes in both directions, and `Finished` and `finish` are TCP's FIN.
3. Heads are parsed and never copied: what is written to the other side is put
   together anew by whoever writes it.  Hop-by-hop headers do not get here.
4. A response that ends before the request does ends the exchange: what comes
   of the request's body after it is thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..wire.upgrade import Fields, Request
from .tunnel import End, Exchanged


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of a response."""

    status: int
    headers: Fields = ()


class ExchangeEnd(End, Protocol):
    """The end of an exchange that faces its client."""

    def respond(self, answer: Answer) -> None:
        """Write the head of the response."""

    def trail(self, trailers: Fields) -> None:
        """Keep trailers, to be written when the response is finished."""


@dataclass(frozen=True, slots=True)
class Asked(Exchanged):
    """
    A client asks for something that is no tunnel.

    :ivar upgrade: the one protocol it would go over to, in lower case, or
        empty.
    :ivar bodiless: whether the request has no body, so that `Finished` follows
        at once.
    """

    end: ExchangeEnd
    request: Request
    upgrade: str = ""
    bodiless: bool = True


@dataclass(frozen=True, slots=True)
class Answered(Exchanged):
    """The far side's response begins."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Trailed(Exchanged):
    """Trailers came; `Finished` follows."""

    trailers: Fields
