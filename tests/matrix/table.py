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

Programs that people run, with the nodes that each has reached: bytes both ways,
and a refused port that costs its own connection only (``tests/peers``).

"""


@dataclass(frozen=True, slots=True)
class Row:
    """
    One line of a cells file.

    :ivar contract: whether the pair was held to all of the matrix's contract.
    """

    client: str
    software: str
    node: str
    node_software: str
    megabytes: int
    contract: bool


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
                bool(cell.get("contract", False)),
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
    passed = {
        (row.client, row.node): f"{row.megabytes} MiB" for row in rows if row.contract
    }
    nodes = [node.name for node in NODES]
    lines = [["client", "which", *nodes]]
    for client in CLIENTS:
        cells = [passed.get((client.name, node), "not run") for node in nodes]
        lines.append([client.name, client.software, *cells])
    of_nodes = "\n".join(f"* ``{node.name}``: {node.software}" for node in NODES)
    return f"The nodes:\n\n{of_nodes}\n\n{table(lines)}"


def real(rows: list[Row]) -> str:
    """Return the table of programs that people run."""
    usual = {node.name: node.software for node in NODES}
    reached: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        if not row.contract:
            known = usual.get(row.node) == row.node_software
            words = row.node if known else f"{row.node} of {row.node_software}"
            reached.setdefault((row.software, row.client), {})[words] = None
    lines = [["software", "dialect", "nodes"]]
    for (software, dialect), nodes in sorted(reached.items()):
        plain = [node for node in usual if node in nodes]
        others = sorted(node for node in nodes if node not in usual)
        lines.append([software, dialect, "; ".join([", ".join(plain), *others])])
    return table(lines) if reached else "None was run.\n"


def document(rows: list[Row]) -> str:
    """Return the whole page."""
    return _HEAD + matrix(rows) + _REAL + real(rows)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        sys.stdout.write(document(read(file)))
