"""
What a request to the embedded API asks: where to, which objects, what form.

A request is understood whole before anything is looked up, and what is not
understood is refused: a selector that nobody can read must not choose
everything.  The grammar of label selectors is that of apimachinery's
``pkg/labels/selector.go`` without ``<`` and ``>``:

    app=demo,tier!=db,stage in (a,b),zone notin (c),owner,!gone

That of field selectors knows only ``=``, ``==`` and ``!=``
(``pkg/fields/selector.go``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ..errors import SpdygateError
from .kubeobjects import Json

#: Bytes of path and query, and of Accept.  kubectl's longest are below 400;
#: 8 KiB is what nginx and Apache allow a whole line.
MAX_TEXT = 8 * 1024

#: Parameters in one query; kubectl sends five at most.
MAX_PARAMETERS = 32

JSON_TYPE = "application/json"

#: What an Accept header may say for our JSON to be welcome.
_WELCOME = ("", "*/*", "application/*", JSON_TYPE)

#: Says whether an object is meant.
Chooser = Callable[[Json], bool]


class Refused(SpdygateError):
    """
    A question that is answered with a Status.

    :ivar code: the HTTP status to answer with.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Question:
    """
    A GET, taken apart.

    :ivar path: its segments; none for ``/``.
    :ivar query: its parameters, the last of each name.
    :ivar accept: the alternatives of Accept: the parameters of each by their
        names, and the media type itself under the empty name.
    :ivar now: when it is asked, in seconds since 1970.
    """

    path: tuple[str, ...]
    query: dict[str, str]
    accept: tuple[dict[str, str], ...]
    now: float

    def form(self, kind: str, *versions: str) -> dict[str, str]:
        """
        Return the first alternative that wants JSON to be a *kind*.

        :param versions: those that we can make.
        :returns: its parameters; nothing if plain objects are wanted.
        """
        for form in self.accept:
            wanted = form[""], form.get("as")
            if wanted == (JSON_TYPE, kind) and form.get("v") in versions:
                return form
        return {}

    @property
    def picky(self) -> bool:
        """Return whether there was an Accept header."""
        return any(form[""] for form in self.accept)

    @property
    def watches(self) -> bool:
        """Return whether changes are asked for."""
        return self.query.get("watch", "") in ("1", "true")

    def chooser(self) -> Chooser:
        """
        Return which objects of a list are meant.

        :raises Refused: a selector that cannot be understood.
        """
        labels = _by_labels(self.query.get("labelSelector", ""))
        fields = _by_fields(self.query.get("fieldSelector", ""))
        return lambda item: labels(item) and fields(item)


def understand(target: bytes, accept: str, now: float) -> Question:
    """
    Take a request apart.

    The path is not decoded: no name of Kubernetes needs escaping, so an
    escaped one is not found, and there is one spelling of each question.

    :raises Refused: what cannot be read, or could not be answered in JSON.
    """
    if max(len(target), len(accept)) > MAX_TEXT:
        raise Refused(414, f"the URL or Accept is longer than {MAX_TEXT} bytes")
    try:
        path, _, query = target.decode("ascii").partition("?")
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise Refused(400, f"the URL cannot be read: {error}") from error
    if not path.startswith("/"):
        raise Refused(400, "the URL must begin with a slash")
    forms = tuple(_media_type(part) for part in accept.split(","))
    if all(form[""] not in _WELCOME for form in forms):
        raise Refused(406, f"spdygate answers in {JSON_TYPE}, which Accept rules out")
    inner = path[1:].removesuffix("/")
    return Question(tuple(inner.split("/")) if inner else (), dict(pairs), forms, now)


def _media_type(part: str) -> dict[str, str]:
    """Read one alternative of an Accept header (RFC 9110, section 12.5.1)."""
    kind, *parameters = (piece.strip() for piece in part.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    return {name: value for name, _, value in pairs} | {"": kind.lower()}


# Every repetition is possessive: whatever is sent is read once, in linear time.
_REQUIREMENT = re.compile(
    r"""
    \s*+
    (?: ! \s*+ (?P<absent> [\w./-]++ )
      | (?P<key> [\w./-]++ ) \s*+
        (?: (?P<word> in | notin ) \s*+ \( (?P<set> [^()]*+ ) \)
          | (?P<sign> ==?+ | != ) \s*+ (?P<value> [\w.-]*+ )
        )?
    )
    \s*+ (?: , | $ )
    """,
    re.ASCII | re.VERBOSE,
)

#: What may be selected by, and where in the object it stands.
_FIELDS = {
    "metadata.name": ("metadata", "name"),
    "metadata.namespace": ("metadata", "namespace"),
    "spec.nodeName": ("spec", "nodeName"),
    "status.phase": ("status", "phase"),
    "status.podIP": ("status", "podIP"),
}


def _by_labels(text: str) -> Chooser:
    """Understand a ``labelSelector``."""
    requirements: list[Chooser] = []
    position = 0
    while position < len(text):
        found = _REQUIREMENT.match(text, position)
        if not found:
            raise Refused(400, f"unable to parse labelSelector {text!r}")
        requirements.append(_label_requirement(found))
        position = found.end()

    def chosen(item: Json) -> bool:
        labels = item["metadata"].get("labels", {})
        return all(meets(labels) for meets in requirements)

    return chosen


def _label_requirement(found: re.Match[str]) -> Chooser:
    """Return what one comma-separated part asks of an object's labels."""
    absent, key = found["absent"], found["key"]
    if absent:
        return lambda labels: absent not in labels
    if found["word"]:
        values = {value.strip() for value in found["set"].split(",")}
    elif found["sign"]:
        values = {found["value"]}
    else:
        return lambda labels: key in labels
    # As Kubernetes has it, an object without the label is unequal to anything.
    if found["word"] == "notin" or found["sign"] == "!=":
        return lambda labels: labels.get(key) not in values
    return lambda labels: labels.get(key) in values


def _by_fields(text: str) -> Chooser:
    """Understand a ``fieldSelector``."""
    requirements = [_field_requirement(part) for part in text.split(",") if part]
    return lambda item: all(meets(item) for meets in requirements)


def _field_requirement(part: str) -> Chooser:
    """Return what one comma-separated part asks of an object's fields."""
    name, sign, value = part.partition("=")
    unequal = name.endswith("!")
    path = _FIELDS.get(name.removesuffix("!"))
    if not sign or path is None:
        raise Refused(400, f"field label not supported: {part!r}")
    outer, inner = path
    wanted = value.removeprefix("=")

    def meets(item: Json) -> bool:
        # A field that an object does not have is empty.
        return (item.get(outer, {}).get(inner, "") == wanted) is not unequal

    return meets
