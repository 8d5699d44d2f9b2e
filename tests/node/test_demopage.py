"""Tests for :mod:`spdygate.node.demopage`."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from spdygate.node.demopage import MAX_FIELD, Visitor, as_html, as_text, plain

KUBECTL = Visitor(
    "kubectl/v1.20.2 (linux/amd64) kubernetes/faecb19; SPDY/3.1 generation C; "
    "POST pods",
    "k7m2-0004",
    "node123.openshift.com",
    "default/demo",
)


def visitors() -> st.SearchStrategy[Visitor]:
    """Make visitors who write whatever they like."""
    return st.builds(Visitor, st.text(), st.text(), st.text(), st.text())


class Elements(HTMLParser):
    """Collects what a browser would find in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Note a tag."""
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


def read(page: bytes) -> Elements:
    """Read a page as a browser does."""
    elements = Elements()
    elements.feed(page.decode())
    elements.close()
    return elements


class WordsTests(SynchronousTestCase):
    """Both forms say how the visitor got here."""

    def test_both_forms_name_everything(self) -> None:
        """Agent, protocol, generation, spelling, request, node and pod."""
        words = (
            "kubectl/v1.20.2 (linux/amd64) kubernetes/faecb19",
            "SPDY/3.1",
            "kubectl since 1.1",
            "POST pods",
            "k7m2-0004",
            "node123.openshift.com",
            "default/demo",
        )
        for page in as_text(KUBECTL).decode(), read(as_html(KUBECTL)).text:
            for word in words:
                self.assertIn(word, page)

    def test_a_browser_as_client(self) -> None:
        """A user agent that contains the mark between the fields stays whole."""
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0)"
        client = f"{agent}; SPDY/3.1, generation B; GET nodes"
        page = as_text(Visitor(client, "r", "n", "default/demo")).decode()
        self.assertIn(f"your client     {agent}\n", page)
        self.assertIn("SPDY/3.1, generation B\n", page)
        self.assertIn("asked with      GET nodes\n", page)

    def test_generations_without_a_letter(self) -> None:
        """What a WebSocket carries says which generation it is."""
        for protocol, letter, means in (
            ("SPDY/3.1 in WebSocket", "D", "kubectl since 1.30"),
            ("WebSocket channels v4 base64", "W", "client libraries"),
        ):
            client = f"kubectl/v1.37.2; {protocol}; GET pods"
            page = as_text(Visitor(client, "r", "n", "default/demo")).decode()
            self.assertIn(f"{protocol}, generation {letter}\n", page)
            self.assertIn(means, page)

    def test_without_a_url(self) -> None:
        """CONNECT has no URL to be spelt, and an agent may have any marks."""
        for client, agent, letter in (
            ("curl/7.88.1; CONNECT", "curl/7.88.1", "P"),
            ("Go-http-client/2.0; HTTP/2", "Go-http-client/2.0", "H"),
            ("odd; agent; HTTP/2", "odd; agent", "H"),
        ):
            page = as_text(Visitor(client, "s1-1", "", "default/demo")).decode()
            self.assertIn(f"your client     {agent}\n", page)
            self.assertIn(f"generation      {letter}  any ", page)
            self.assertIn("asked with      CONNECT\n", page)

    def test_nothing_known(self) -> None:
        """With nothing known of the visitor the page says so."""
        page = as_text(Visitor("", "", "", "default/demo")).decode()
        self.assertIn("your client     unknown\n", page)
        self.assertIn("generation      unknown", page)
        self.assertIn("the node        the one that has it\n", page)

    def test_words_of_another_shape(self) -> None:
        """A client that is not described in three parts is shown as it is."""
        page = as_text(Visitor("curl/8; something", "r", "n", "p")).decode()
        self.assertIn("your client     curl/8; something\n", page)


class StrangerTests(SynchronousTestCase):
    """What a stranger wrote stays text."""

    def test_no_markup_of_theirs(self) -> None:
        """Markup in a user agent is shown, not obeyed."""
        evil = "<script>alert(1)</script>\"'&"
        page = read(as_html(Visitor(evil, evil, evil, evil)))
        self.assertNotIn("script", page.tags)
        self.assertIn(evil, page.text)

    def test_no_escape_sequences(self) -> None:
        """Control characters do not reach a terminal."""
        page = as_text(Visitor("a\x1b[2Jb\r\nc", "", "", ""))
        self.assertIn(b"a?[2Jb??c\n", page)
        self.assertNotIn(b"\x1b", page)

    def test_fields_are_cut(self) -> None:
        """A field has at most `MAX_FIELD` characters, and shows that it was cut."""
        self.assertEqual(plain("x" * MAX_FIELD), "x" * MAX_FIELD)
        self.assertEqual(plain("x" * (MAX_FIELD + 1)), "x" * MAX_FIELD + "...")

    @settings(max_examples=40)
    @given(visitors())
    def test_always_the_same_elements(self, who: Visitor) -> None:
        """Whatever is written, the page has the same elements in it."""
        self.assertEqual(read(as_html(who)).tags, read(as_html(KUBECTL)).tags)

    @settings(max_examples=40)
    @given(visitors())
    def test_always_as_many_lines(self, who: Visitor) -> None:
        """Whatever is written, the text has the same number of lines."""
        lines = as_text(who).decode().split("\n")
        self.assertEqual(len(lines), len(as_text(KUBECTL).decode().split("\n")))
