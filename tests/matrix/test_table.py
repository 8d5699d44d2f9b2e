"""Tests for :mod:`tests.matrix.table`."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.matrix.kinds import CLIENTS, NODES
from tests.matrix.table import document, read


def cell(
    client: str, software: str, node: str, node_software: str, *, contract: bool = False
) -> str:
    """Return a line as a test writes it."""
    fields = {
        "client": client,
        "software": software,
        "node": node,
        "node_software": node_software,
        "bytes": 4 * 1024 * 1024,
    }
    return json.dumps({**fields, "contract": True} if contract else fields)


class TableTests(SynchronousTestCase):
    """The page says what was run, and what was not."""

    def test_cells(self) -> None:
        """A pair that has passed has its size, every other says so."""
        client, node = CLIENTS[2], NODES[1]
        page = document(read([cell(client.name, "x", node.name, "y", contract=True)]))
        row = next(
            line for line in page.splitlines() if line.startswith(f"{client.name} ")
        )
        self.assertEqual(row.count("4 MiB"), 1)
        self.assertEqual(row.count("not run"), len(NODES) - 1)

    def test_real_software(self) -> None:
        """A program has one line for a dialect, with all nodes that it reached."""
        usual = NODES[1]
        lines = [
            cell("SPDY C", "kubectl 1.20.2", usual.name, software)
            for software in ("containerd 1.6", usual.software, usual.software)
        ]
        page = document(read(lines))
        row = "kubectl 1.20.2  SPDY C   spdy; spdy of containerd 1.6\n"
        self.assertIn(row, page)
        self.assertIn("not run", page)

    def test_nothing(self) -> None:
        """Without a run nothing is claimed."""
        page = document([])
        self.assertNotIn("MiB", page.replace("64 MiB", ""))
        self.assertIn("None was run.", page)
