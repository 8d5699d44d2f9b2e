"""
The matrix: every kind of client through one gateway to every kind of node.

Each cell runs programs of its own.  With ``SPDYGATE_MATRIX_OUT`` naming a file,
every cell that has kept all its promises is a line in it, from which
``python -m tests.matrix.table`` makes the table of the documentation.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Coroutine
from typing import Any

from tests.matrix.contract import SIZE, Cell
from tests.matrix.kinds import CLIENTS, NODES, ClientKind, NodeKind

Test = Callable[[Cell], Coroutine[Any, Any, None]]


class MatrixTests(Cell):
    """All pairs; the methods are added below."""


def _test_of(client: ClientKind, node: NodeKind) -> Test:
    """Return the test of one pair."""

    async def test(self: Cell) -> None:
        await self.hold(client, node)
        _write_down(client, node)

    test.__doc__ = f"{client.name} through the gateway to {node.name}: all promises."
    return test


def _write_down(client: ClientKind, node: NodeKind) -> None:
    """Note that a pair has kept all promises."""
    path = os.environ.get("SPDYGATE_MATRIX_OUT")
    if path:
        cell = {
            "client": client.name,
            "software": client.software,
            "node": node.name,
            "node_software": node.software,
            "bytes": SIZE,
            "contract": True,
        }
        with open(path, "a") as file:
            file.write(json.dumps(cell) + "\n")


for _client in CLIENTS:
    for _node in NODES:
        _words = re.sub(r"[^a-z0-9]+", "_", f"{_client.name} {_node.name}".lower())
        setattr(MatrixTests, f"test_{_words}", _test_of(_client, _node))
