"""Tests for :mod:`spdygate.gateway.kubequestion`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from spdygate.gateway.kubequestion import MAX_TEXT, Question, Refused, understand

#: What kubectl 1.33 sends with ``get``.
TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,"
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


def ask(target: str, accept: str = "") -> Question:
    """Understand a target."""
    return understand(target.encode(), accept, 0.0)


def chosen(parameter: str, selector: str, item: dict[str, Any]) -> bool:
    """Say whether a selector means *item*."""
    return ask(f"/api/v1/pods?{parameter}={quote(selector)}").chooser()(item)


POD = {
    "metadata": {"name": "demo", "namespace": "default"},
    "spec": {"nodeName": "n1"},
    "status": {"phase": "Running"},
}


class PathTests(SynchronousTestCase):
    """Where to."""

    def test_segments(self) -> None:
        """A path is taken apart, and one slash at its end does not matter."""
        self.assertEqual(ask("/").path, ())
        self.assertEqual(ask("/api").path, ("api",))
        self.assertEqual(ask("/api/").path, ("api",))
        self.assertEqual(ask("/api/v1/pods?x=1").path, ("api", "v1", "pods"))

    def test_one_spelling(self) -> None:
        """Escapes and doubled slashes stay what they are: other names."""
        self.assertEqual(ask("/api/v1/%70ods").path, ("api", "v1", "%70ods"))
        self.assertEqual(ask("/api//v1").path, ("api", "", "v1"))
        self.assertEqual(ask("//api").path, ("", "api"))

    def test_refused(self) -> None:
        """What cannot be read is refused with the status that says why."""
        many = "&".join(f"a{n}=1" for n in range(40))
        for target, code in (
            (b"", 400),
            (b"api", 400),
            (b"/caf\xc3\xa9", 400),
            (b"/?" + many.encode(), 400),
            (b"/" + b"a" * MAX_TEXT, 414),
        ):
            refused = self.assertRaises(Refused, understand, target, "", 0.0)
            self.assertEqual(refused.code, code)
        refused = self.assertRaises(Refused, ask, "/", "a," * MAX_TEXT)
        self.assertEqual(refused.code, 414)

    @given(st.binary(max_size=200), st.text(max_size=100))
    def test_any_bytes(self, target: bytes, accept: str) -> None:
        """Any request is understood or refused."""
        try:
            understand(b"/" + target, accept, 0.0).chooser()
        except Refused as refused:
            self.assertIn(refused.code, (400, 406))


class FormTests(SynchronousTestCase):
    """In which form."""

    def test_first_that_can_be_made(self) -> None:
        """The first alternative of a version that we make is taken."""
        question = ask("/", TABLE)
        self.assertEqual(question.form("Table", "v1", "v1beta1")["v"], "v1")
        self.assertEqual(question.form("Table", "v1beta1")["v"], "v1beta1")
        self.assertEqual(question.form("Table", "v9"), {})
        self.assertEqual(question.form("Chair", "v1"), {})

    def test_only_json(self) -> None:
        """A form that is wanted in another encoding is not taken."""
        protobuf = "application/vnd.kubernetes.protobuf;as=Table;v=v1,*/*"
        self.assertEqual(ask("/", protobuf).form("Table", "v1"), {})

    def test_welcome(self) -> None:
        """JSON must be among what is accepted; 406 otherwise."""
        for accept in ("", "*/*", "application/*;q=0.1", TABLE, "text/html, */*"):
            ask("/", accept)
        for accept in ("application/yaml", "application/vnd.kubernetes.protobuf"):
            refused = self.assertRaises(Refused, ask, "/", accept)
            self.assertEqual(refused.code, 406)

    def test_picky(self) -> None:
        """Having no Accept at all is told from having one."""
        self.assertFalse(ask("/").picky)
        self.assertTrue(ask("/", "*/*").picky)

    def test_watches(self) -> None:
        """A watch is asked for with ``1`` or ``true``."""
        for value, watches in (("1", True), ("true", True), ("0", False), ("", False)):
            self.assertIs(ask(f"/api/v1/pods?watch={value}").watches, watches)
        self.assertFalse(ask("/api/v1/pods").watches)


class LabelTests(SynchronousTestCase):
    """Which objects, by their labels."""

    def meant(self, selector: str, **labels: str) -> bool:
        """Say whether a selector means an object with these labels."""
        return chosen("labelSelector", selector, {"metadata": {"labels": labels}})

    def test_grammar(self) -> None:
        """Each form of a requirement, met and not met."""
        for selector, met, unmet in (
            ("app=demo", {"app": "demo"}, {"app": "x"}),
            ("app==demo", {"app": "demo"}, {}),
            ("app!=demo", {"app": "x"}, {"app": "demo"}),
            ("app!=demo", {}, {"app": "demo"}),
            ("app", {"app": ""}, {"b": "1"}),
            ("!app", {"b": "1"}, {"app": ""}),
            ("app in (a, b)", {"app": "b"}, {"app": "c"}),
            ("app notin (a,b)", {"app": "c"}, {"app": "a"}),
            ("app notin (a)", {}, {"app": "a"}),
            ("app=", {"app": ""}, {"app": "x"}),
            ("a=1,b=2", {"a": "1", "b": "2"}, {"a": "1"}),
            ("a in (x,y),!b", {"a": "x"}, {"a": "x", "b": ""}),
            ("k8s.io/name=demo", {"k8s.io/name": "demo"}, {"name": "demo"}),
            (" app = demo ", {"app": "demo"}, {}),
        ):
            self.assertTrue(self.meant(selector, **met), selector)
            self.assertFalse(self.meant(selector, **unmet), selector)

    def test_nothing_selected_by(self) -> None:
        """No selector means every object, also one without labels."""
        self.assertTrue(chosen("labelSelector", "", {"metadata": {}}))
        self.assertTrue(self.meant(""))

    def test_not_understood(self) -> None:
        """A selector outside the grammar is refused, never taken for less."""
        for selector in ("app>1", "=x", "app in a", "app=a b", "app=(", ",", "app,,b"):
            refused = self.assertRaises(Refused, self.meant, selector, app="1")
            self.assertEqual(refused.code, 400)

    def test_long_selectors(self) -> None:
        """A selector that goes wrong at its far end is refused as well."""
        for start in ("app", "app=", "app in", "!", "a,", "app in ("):
            for filling in (" ", "a", ".", ","):
                selector = start + filling * 2500 + "("
                self.assertRaises(Refused, self.meant, selector, app="1")


class FieldTests(SynchronousTestCase):
    """Which objects, by their fields."""

    def test_grammar(self) -> None:
        """Equal and unequal, one and several."""
        for selector, meant in (
            ("metadata.name=demo", True),
            ("metadata.name==demo", True),
            ("metadata.name=x", False),
            ("metadata.name!=x", True),
            ("spec.nodeName=n1,status.phase!=Succeeded", True),
            ("spec.nodeName=n1,status.phase!=Running", False),
            ("status.podIP=", True),
            ("", True),
        ):
            self.assertIs(chosen("fieldSelector", selector, POD), meant, selector)

    def test_an_object_without_such_a_part(self) -> None:
        """A field of a part that an object does not have is empty."""
        endpoints = {"metadata": {"name": "demo"}}
        self.assertFalse(chosen("fieldSelector", "status.phase=Running", endpoints))
        self.assertTrue(chosen("fieldSelector", "spec.nodeName!=n1", endpoints))

    def test_not_understood(self) -> None:
        """Fields that nobody selects by are refused, as Kubernetes does."""
        for selector in ("spec.secret=x", "metadata.name", "involvedObject.name=x"):
            refused = self.assertRaises(Refused, chosen, "fieldSelector", selector, POD)
            self.assertEqual(refused.code, 400)
