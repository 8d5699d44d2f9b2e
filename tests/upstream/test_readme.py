"""Tests of ``README.rst``: that the table of upstream cases is true."""

from __future__ import annotations

import importlib
import re
import unittest
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

HERE = Path(__file__).parent


def find(name: str) -> object:
    """Return the class or the method that a dotted name means."""
    package, room, module, *attributes = name.split(".")
    found: object = importlib.import_module(f"{package}.{room}.{module}")
    for attribute in attributes:
        found = getattr(found, attribute)
    return found


class ReadmeTests(SynchronousTestCase):
    """The table, and the tests."""

    def setUp(self) -> None:
        """Read it."""
        text = (HERE / "README.rst").read_text()
        self.names = re.findall(r"``(tests\.[\w.]+)``", text)

    def test_everything_exists(self) -> None:
        """Every test that the table names is one, or a class that has some."""
        self.assertTrue(self.names)
        for name in self.names:
            try:
                found = find(name)
            except (ImportError, AttributeError) as error:
                self.fail(f"{name}: {error}")
            if isinstance(found, type):
                self.assertTrue(issubclass(found, unittest.TestCase), name)
                self.assertTrue([m for m in dir(found) if m.startswith("test_")], name)
            else:
                self.assertTrue(callable(found), name)
                self.assertTrue(name.rpartition(".")[2].startswith("test_"), name)

    def test_nothing_is_missing(self) -> None:
        """Every test beside the table is in it, by itself or by its class."""
        for path in HERE.glob("test_*.py"):
            if path == Path(__file__):
                continue
            module = f"tests.upstream.{path.stem}"
            for name, found in vars(importlib.import_module(module)).items():
                if getattr(found, "__module__", "") != module:
                    continue
                for method in vars(found) if isinstance(found, type) else ():
                    if method.startswith("test_"):
                        whole = f"{module}.{name}"
                        listed = {whole, f"{whole}.{method}"} & set(self.names)
                        self.assertTrue(listed, f"{whole}.{method}")

    def test_docstrings_name_the_case(self) -> None:
        """Every test says in which file upstream its case is."""
        pattern = re.compile(r"\.go\b|test/integration")
        for path in HERE.glob("test_*.py"):
            if path == Path(__file__):
                continue
            module = importlib.import_module(f"tests.upstream.{path.stem}")
            for found in vars(module).values():
                if getattr(found, "__module__", "") != module.__name__:
                    continue
                for name, method in list(getattr(found, "__dict__", {}).items()):
                    if name.startswith("test_"):
                        words = method.__doc__ or ""
                        self.assertTrue(pattern.search(words), f"{found} {name}")
