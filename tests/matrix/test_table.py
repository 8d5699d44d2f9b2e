"""Tests for :mod:`tests.matrix.table`."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.matrix.kinds import CLIENTS, NODES
from tests.matrix.table import document, read


def cell(client: str, software: str, node: str, node_software: str) -> str:
    """Return a line as a test writes it."""
    return json.dumps(
        {
            "client": client,
            "software": software,
            "node": node,
            "node_software": node_software,
            "bytes": 4 * 1024 * 1024,
        }
    )


class TableTests(SynchronousTestCase):
    """The page says what was run, and what was not."""

    def test_cells(self) -> None:
        """A pair that has passed has its size, every other says so."""
        client, node = CLIENTS[2], NODES[1]
        page = document(read([cell(client.name, "x", node.name, "y")]))
        row = next(
            line for line in page.splitlines() if line.startswith(f"{client.name} ")
        )
        self.assertEqual(row.count("4 MiB"), 1)
        self.assertEqual(row.count("not run"), len(NODES) - 1)

    def test_real_software(self) -> None:
        """A program that is of no dialect of ours has a line, with all its nodes."""
        lines = [cell("kubectl", "kubectl v1.20.2", "n", node) for node in ("b", "a")]
        page = document(read(lines))
        self.assertIn("kubectl v1.20.2  a, b\n", page)

    def test_nothing(self) -> None:
        """Without a run nothing is claimed."""
        page = document([])
        self.assertNotIn("MiB", page.replace("64 MiB", ""))
        self.assertIn("None was run.", page)
