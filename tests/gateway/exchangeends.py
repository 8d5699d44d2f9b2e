"""The two ends of an exchange, which do nothing but keep to the contract."""

from __future__ import annotations

from spdygate.dialect.exchange import Answer, Answered, Asked, Trailed
from spdygate.dialect.tunnel import Failure, Receiver
from spdygate.wire.upgrade import Fields, Request
from tests.dialect.ends import RecordingEnd


class ClientEnd(RecordingEnd):
    """
    The end that faces the client.

    :ivar answers: heads it was told.
    :ivar trailers: what it was told to write behind the body.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Answer] = []
        self.trailers: Fields = ()

    def respond(self, answer: Answer) -> None:
        """Note the head, which comes before all else and once."""
        if not self.over:
            assert not self.answers, "answered twice"
            assert not self.sent, "answered late"
            self.answers.append(answer)

    def trail(self, trailers: Fields) -> None:
        """Note trailers."""
        assert not self.finished, "trailers behind the end"
        self.trailers = trailers

    def asks(
        self, request: Request, upgrade: str = "", *, bodiless: bool = True
    ) -> Asked:
        """Return the event that begins an exchange."""
        return Asked(self, request, upgrade, bodiless)

    def trails(self, trailers: Fields) -> None:
        """Let trailers come."""
        receiver: Receiver | None = self.receiver
        assert receiver is not None
        receiver.act(Trailed(self, trailers))

    @property
    def failure(self) -> Failure:
        """Return the one failure it was told."""
        (failure,) = self.failures
        return failure


class ServerEnd(RecordingEnd):
    """
    The end that faces the API server.

    :ivar trailers: what it was told to write behind the body.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trailers: Fields = ()

    def trail(self, trailers: Fields) -> None:
        """Note trailers."""
        assert not self.finished, "trailers behind the end"
        self.trailers = trailers

    def _tell_more(self, event: Answered | Trailed) -> None:
        """Tell what only exchanges have."""
        if self.receiver is not None and not self.over:
            self.receiver.act(event)

    def answers(self, status: int = 200, *headers: tuple[str, str]) -> None:
        """Let the response begin."""
        self._tell_more(Answered(self, Answer(status, headers)))

    def trails(self, trailers: Fields) -> None:
        """Let trailers come."""
        self._tell_more(Trailed(self, trailers))
