"""Random conversations of `Http2Session` with h2, in both roles."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from .http2conversation import Conversation, Step, steps


class ConversationTests(SynchronousTestCase):
    """Whatever is said, and in whatever order."""

    def converse(self, client: bool, life: list[Step]) -> None:
        """Live it, settle, and check."""
        conversation = Conversation(client=client)
        for verb, which, number in life:
            conversation.do(verb, which, number)
        conversation.settle()
        conversation.check(self)
        conversation.check_windows(self)

    @settings(deadline=None)
    @given(steps())
    def test_served(self, life: list[Step]) -> None:
        """A server delivers what was sent, in order, and never miscounts."""
        self.converse(False, life)

    @settings(deadline=None)
    @given(steps())
    def test_asked(self, life: list[Step]) -> None:
        """A client does too."""
        self.converse(True, life)

    def test_verbs_are_all_done(self) -> None:
        """The steps do what they say: bytes move both ways."""
        moved: dict[str, int] = defaultdict(int)
        for client in (True, False):
            conversation = Conversation(client=client)
            for verb in ("open", "answer", "deliver", "we send", "they send"):
                conversation.do(verb, 0, 500)
            conversation.settle()
            for tunnel in conversation.tunnels.values():
                for who, data in tunnel.got.items():
                    moved[who] += len(data)
        self.assertTrue(moved["we"] and moved["they"], moved)
