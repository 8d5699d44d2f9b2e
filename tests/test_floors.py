"""
The rules of the house that a machine can see: floors, purity, size, mirrors.

Each rule is a function from files to what breaks it, and is first tried on
files that break it, so that a rule which finds nothing has not gone blind.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from twisted.trial.unittest import SynchronousTestCase

import spdygate

ROOT = Path(spdygate.__file__).parent
TESTS = Path(__file__).parent

#: From the ground up; imports point down.
FLOORS = (
    "errors",
    "wire",
    "session",
    "dialect",
    "gateway",
    "net",
    "observe",
    "node",
    "forward",
    "service",
)

#: Below ``net``: no Twisted, no socket, no clock.
PURE = frozenset(FLOORS[: FLOORS.index("net")])
BANNED = frozenset(
    (
        *("asyncio", "concurrent", "multiprocessing", "os", "select"),
        *("selectors", "signal", "socket", "ssl", "subprocess", "threading"),
        *("time", "twisted", "zope", "OpenSSL"),
    )
)

#: Lines of a file, and of a function with its decorators and docstring.
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 40

#: Source files by their path below the package, such as "wire/urls.py".
Sources = dict[PurePosixPath, str]
Documented = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
Rule = Callable[[Sources], Iterator[str]]


def house() -> Sources:
    """Return the real files."""
    return {
        PurePosixPath(path.relative_to(ROOT)): path.read_text("utf-8")
        for path in sorted(ROOT.rglob("*.py"))
    }


def imported(path: PurePosixPath, tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Return what a file imports, by absolute name, and in which line."""
    package = ("spdygate", *path.parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *filter(None, [node.module])))
            for alias in node.names:
                # ``from .. import wire`` enters a room as well.
                yield f"{module}.{alias.name}", node.lineno


def floor(path: PurePosixPath) -> str:
    """Return the floor a file is on, or nothing for the top one."""
    return (
        path.with_suffix("").parts[0]
        if path.stem != "__init__" or path.parent.name
        else ""
    )


def upward(files: Sources) -> Iterator[str]:
    """Yield imports that point up, or to the top of the house."""
    for path, text in files.items():
        here = floor(path)
        if not here:
            continue
        if here not in FLOORS:
            yield f"{path} is on no floor"
            continue
        for name, line in imported(path, ast.parse(text)):
            parts = name.split(".")
            if parts[0] != "spdygate":
                continue
            if parts[1] == "__version__":
                continue
            if parts[1] not in FLOORS:
                yield f"{path}:{line} imports {name}, which is on no floor"
            elif FLOORS.index(parts[1]) > FLOORS.index(here):
                yield f"{path}:{line} imports {name}, which is above it"


def impure(files: Sources) -> Iterator[str]:
    """Yield imports of what touches the world, below ``net``."""
    for path, text in files.items():
        if floor(path) in PURE:
            for name, line in imported(path, ast.parse(text)):
                if name.split(".")[0] in BANNED:
                    yield f"{path}:{line} imports {name}"


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def too_long(files: Sources) -> Iterator[str]:
    """Yield files that want to be two, and functions likewise."""
    for path, text in files.items():
        lines = len(text.splitlines())
        if lines > MOST_LINES:
            yield f"{path} has {lines} lines"
        for node in functions(ast.parse(text)):
            first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
            lines = (node.end_lineno or first) - first + 1
            if lines > MOST_LINES_OF_A_FUNCTION:
                yield f"{path}:{first} {node.name} has {lines} lines"


def undocumented(files: Sources) -> Iterator[str]:
    """Yield modules and public names without a docstring."""
    for path, text in files.items():
        tree = ast.parse(text)
        if not ast.get_docstring(tree):
            yield f"{path} has no docstring"
        scopes: list[ast.Module | ast.ClassDef] = [tree]
        scopes += (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
        for node in (node for scope in scopes for node in scope.body):
            if not isinstance(node, Documented) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node):
                yield f"{path}:{node.lineno} {node.name} has no docstring"


def crowded(files: Sources) -> Iterator[str]:
    """Yield ``__init__`` files that hold more than a docstring."""
    for path, text in files.items():
        if path.name != "__init__.py":
            continue
        first, *rest = ast.parse(text).body
        if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)):
            yield f"{path} does not begin with a docstring"
        names = [ast.unparse(node).split(" = ")[0] for node in rest]
        allowed = [] if path.parent.name else ["__version__"]
        if names != allowed:
            yield f"{path} holds {names}"


def untested(files: Sources) -> Iterator[str]:
    """Yield files that no test file mirrors."""
    for path in files:
        if path.name == "__init__.py":
            continue
        mirror = TESTS / path.parent / f"test_{path.name}"
        if not mirror.is_file():
            yield f"{path} has no {mirror.relative_to(TESTS.parent)}"


class HouseTests(SynchronousTestCase):
    """Each failure names the line that breaks the rule."""

    maxDiff = None

    def assert_kept(self, rule: Rule) -> None:
        """Assert that no real file breaks *rule*."""
        self.assertEqual(list(rule(house())), [])

    def test_imports_point_down(self) -> None:
        """No room imports a room on a higher floor, or the top of the house."""
        self.assert_kept(upward)

    def test_pure_rooms_do_not_touch_the_world(self) -> None:
        """Below ``net`` nobody imports Twisted, sockets or a clock."""
        self.assert_kept(impure)

    def test_sizes(self) -> None:
        """A file over 300 lines wants to be two rooms."""
        self.assert_kept(too_long)

    def test_docstrings(self) -> None:
        """Every public name says what it is for."""
        self.assert_kept(undocumented)

    def test_init_is_a_description(self) -> None:
        """``__init__`` holds a docstring; the top one also the version."""
        self.assert_kept(crowded)

    def test_mirror(self) -> None:
        """There is a test file for each source file."""
        self.assert_kept(untested)

    def test_every_room_is_on_a_floor(self) -> None:
        """Nothing stands beside the house, and the floors are in its map."""
        text = spdygate.__doc__ or ""
        rooms = {floor(path) for path in house()} - {""}
        self.assertEqual(rooms - set(FLOORS), set())
        for room in rooms:
            self.assertIn(f"``{room}``", text)


class RuleTests(SynchronousTestCase):
    """No rule is blind: each finds what breaks it, and only that."""

    def found(self, rule: Rule, path: str, text: str) -> int:
        """Return how often *text*, as that file, breaks *rule*."""
        return len(list(rule({PurePosixPath(path): text})))

    def test_upward(self) -> None:
        """Relative and absolute imports are followed to their floor."""
        for path, text, count in (
            ("wire/x.py", "from ..session.spdy import SpdySession", 1),
            ("wire/x.py", "from .. import session", 1),
            ("wire/x.py", "import spdygate.net.shell", 1),
            ("wire/x.py", "def f():\n    from ..gateway import relay", 1),
            ("errors.py", "from .wire import urls", 1),
            ("wire/x.py", "from spdygate import errors", 0),
            ("wire/x.py", "from ..errors import LocalError", 0),
            ("wire/x.py", "from . import urls\nimport json", 0),
            ("service/x.py", "from .. import __version__", 0),
            ("cellar/x.py", "", 1),
        ):
            with self.subTest(text):
                self.assertEqual(self.found(upward, path, text), count)

    def test_impure(self) -> None:
        """Whatever the form of the import; above ``net`` all is allowed."""
        for path, text, count in (
            ("wire/x.py", "import time", 1),
            ("gateway/x.py", "from twisted.internet import reactor", 1),
            ("errors.py", "import socket as s", 1),
            ("net/x.py", "import time", 0),
            ("wire/x.py", "import struct", 0),
        ):
            with self.subTest(text):
                self.assertEqual(self.found(impure, path, text), count)

    def test_too_long(self) -> None:
        """At the limit is allowed, one line above it is not."""
        long = "def f():\n" + "    pass\n" * 39
        self.assertEqual(self.found(too_long, "wire/x.py", long), 0)
        self.assertEqual(self.found(too_long, "wire/x.py", "@g\n" + long), 1)
        self.assertEqual(self.found(too_long, "wire/x.py", "#\n" * 300), 0)
        self.assertEqual(self.found(too_long, "wire/x.py", "#\n" * 301), 1)

    def test_undocumented(self) -> None:
        """Modules, classes, functions and methods; private ones are free."""
        text = "class A:\n    def f(self): ...\n    def _g(self): ...\ndef h(): ..."
        self.assertEqual(self.found(undocumented, "wire/x.py", text), 4)

    def test_crowded(self) -> None:
        """Only the top one may hold the version, and must."""
        version = '"""Doc."""\n__version__ = "1"'
        self.assertEqual(self.found(crowded, "__init__.py", version), 0)
        self.assertEqual(self.found(crowded, "wire/__init__.py", version), 1)
        self.assertEqual(self.found(crowded, "__init__.py", '"""Doc."""'), 1)
        self.assertEqual(self.found(crowded, "wire/__init__.py", '"""Doc."""'), 0)

    def test_untested(self) -> None:
        """This file's own source is mirrored; a made-up one is not."""
        self.assertEqual(self.found(untested, "errors.py", ""), 0)
        self.assertEqual(self.found(untested, "wire/no_such_room.py", ""), 1)
