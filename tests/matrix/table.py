"""
The table of the documentation: which clients have reached which nodes.

``python -m tests.matrix.table CELLS > docs/matrix.rst``, where CELLS is the file
that ``SPDYGATE_MATRIX_OUT`` named while the tests ran.  A cell is written only
by a test that has passed, so a pair that is missing here has not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from tests.matrix.kinds import CLIENTS, NODES

_HEAD = """\
Which clients reach which nodes
===============================

Made from a run of the tests, by ``python -m tests.matrix.table``: nothing here
is written by hand. Every cell is one client program and one node program with
the gateway between them, held to all of ``tests/matrix/contract.py``: random
bytes up, down and both ways at once, compared by hash; an answer that comes
after the client's FIN, where the dialect has one; a refused port, a reset by the
pod and a client that leaves, each of which may cost its own connection only; and
a hundred tunnels at once.

"""

_REAL = """
Real software
-------------

Programs that people run, against one node or more (``tests/peers``):

"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a cells file."""

    client: str
    software: str
    node: str
    node_software: str
    megabytes: int


def read(lines: Iterable[str]) -> list[Row]:
    """Read a cells file."""
    rows = []
    for line in lines:
        cell = json.loads(line)
        rows.append(
            Row(
                cell["client"],
                cell["software"],
                cell["node"],
                cell["node_software"],
                int(cell.get("bytes", 0)) // (1024 * 1024),
            )
        )
    return rows


def table(rows: list[list[str]]) -> str:
    """Return a simple table of reST, of which the first row is the head."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    rule = "  ".join("=" * width for width in widths)
    written = [
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True))
        for row in rows
    ]
    lines = [rule, written[0], rule, *written[1:], rule]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def matrix(rows: list[Row]) -> str:
    """Return the table of all pairs."""
    passed = {(row.client, row.node): f"{row.megabytes} MiB" for row in rows}
    nodes = [node.name for node in NODES]
    lines = [["client", "which", *nodes]]
    for client in CLIENTS:
        cells = [passed.get((client.name, node), "not run") for node in nodes]
        lines.append([client.name, client.software, *cells])
    of_nodes = "\n".join(f"* ``{node.name}``: {node.software}" for node in NODES)
    return f"The nodes:\n\n{of_nodes}\n\n{table(lines)}"


def real(rows: list[Row]) -> str:
    """Return the table of programs that are not of the matrix."""
    own = {client.name for client in CLIENTS}
    nodes: dict[str, list[str]] = {}
    for row in rows:
        if row.client not in own:
            known = nodes.setdefault(row.software, [])
            if row.node_software not in known:
                known.append(row.node_software)
    lines = [["software", "nodes"]]
    for software in sorted(nodes):
        lines.append([software, ", ".join(sorted(nodes[software]))])
    return table(lines) if nodes else "None was run.\n"


def document(rows: list[Row]) -> str:
    """Return the whole page."""
    return _HEAD + matrix(rows) + _REAL + real(rows)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        sys.stdout.write(document(read(file)))
