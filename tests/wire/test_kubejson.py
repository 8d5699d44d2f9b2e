"""Tests for :mod:`spdygate.wire.kubejson`."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import binary
from twisted.trial.unittest import SynchronousTestCase

from spdygate.wire.kubejson import Json, part, read_object, text


class JsonTests(SynchronousTestCase):
    """What a peer may say instead of an object."""

    def test_objects(self) -> None:
        """An object is one; everything else is none."""
        self.assertEqual(read_object(b'{"kind": "Pod"}'), {"kind": "Pod"})
        for data in (b"", b"[]", b'"Pod"', b"null", b"{", b"\xff", b"[" * 100_000):
            self.assertIsNone(read_object(data), data[:8])

    def test_parts(self) -> None:
        """A part that is missing, or no object, is empty."""
        self.assertEqual(part({"spec": {"a": 1}}, "spec"), {"a": 1})
        items: tuple[object, ...] = ({}, {"spec": []}, {"spec": None}, None, "spec", 5)
        for item in items:
            self.assertEqual(part(item, "spec"), {})

    def test_texts(self) -> None:
        """A text that is missing, or no text, is empty."""
        self.assertEqual(text({"name": "web"}, "name"), "web")
        items: tuple[Json, ...] = ({}, {"name": 5}, {"name": None}, {"name": ["web"]})
        for item in items:
            self.assertEqual(text(item, "name"), "")

    @given(binary(max_size=64))
    def test_anything(self, data: bytes) -> None:
        """Any bytes are an object or none."""
        found = read_object(data)
        self.assertTrue(found is None or isinstance(found, dict))
