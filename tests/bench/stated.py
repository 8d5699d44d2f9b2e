"""
What documents say of a run: ``python -m tests.bench.stated docs/bench.json``.

It measures nothing. It reads what ``python -m tests.bench --json`` has written, and
writes ``docs/bench.svg`` and what stands between two comments: the table of promises
in ``README.rst``, and all tables in ``docs/measurements.rst``.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from . import report
from .claims import CLAIMS, Claim, Rows, asked, cell, verdict
from .picture import drawn

README: Final = Path("README.rst")
MEASUREMENTS: Final = Path("docs/measurements.rst")
PICTURE: Final = Path("docs/bench.svg")

BEGINS: Final = ".. bench-begins (python -m tests.bench.stated docs/bench.json)\n"
ENDS: Final = ".. bench-ends\n"

HEADS: Final = (
    *("figure", "relay", "splice"),
    *("gateway", "verdict", "node", "verdict", "must", "aims at"),
)


def cells(claim: Claim, sets: Mapping[str, Rows]) -> tuple[str, ...]:
    """Return the cells of one promise."""
    rows = sets.get("tls" if claim.tls else "plain", {})
    whole, lesser = claim.rows
    return (
        claim.figure,
        cell(claim, rows, "relay"),
        cell(claim, rows, "splice"),
        cell(claim, rows, whole),
        verdict(claim, rows, whole),
        cell(claim, rows, lesser),
        verdict(claim, rows, lesser),
        asked(claim, claim.must),
        asked(claim, claim.aim),
    )


def table(sets: Mapping[str, Rows]) -> str:
    """Write all promises as a table of reStructuredText."""
    lines = [HEADS, *(cells(claim, sets) for claim in CLAIMS)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = "  ".join("=" * width for width in widths)

    def written(line: Sequence[str]) -> str:
        """Write one line."""
        padded = (f"{text:{width}}" for text, width in zip(line, widths, strict=True))
        return "  ".join(padded).rstrip()

    heads, *body = map(written, lines)
    return "\n".join([rule, heads, rule, *body, rule]) + "\n"


def block(found: Mapping[str, Any], sets: Mapping[str, Rows]) -> str:
    """Write what the README has between the two comments."""
    words = (
        f"Measured on {found['when'][:10]} on {found['cores']} cores that client, load,"
        f" kubelet and pod share; medians of {found['rounds']} rounds of {found['mib']}"
        " MiB."
    )
    return (
        f"\n.. image:: {PICTURE}\n   :alt: how many times better than a relay in Go\n\n"
        f"{table(sets)}\n{textwrap.fill(words, 88)}\n\n"
    )


def tables(found: Mapping[str, Any], sets: Mapping[str, Rows]) -> str:
    """Write all tables of a run, word by word."""
    texts = [
        report.table(report.title(name == "tls", found["mib"], found["rounds"]), rows)
        for name, rows in sets.items()
    ]
    if "growth" in found:
        texts.append(report.growth(found["growth"]))
    about = f"On {found['when']}, Python {found['python']}, {found['cores']} cores:"
    literal = textwrap.indent("\n".join(texts), "    ")
    return f"\n{about}\n\n.. code-block:: text\n\n{literal}\n"


def replaced(document: str, text: str) -> str:
    """
    Return a document with the text between its two comments replaced.

    :raises ValueError: if it does not have them.
    """
    before, begins, rest = document.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise ValueError(f"there is no {BEGINS.strip()!r} before {ENDS.strip()!r}")
    return before + begins + text + ends + after


def main(argv: Sequence[str]) -> None:
    """Write tables and picture."""
    if len(argv) != 1:
        sys.exit(f"usage: {BEGINS.partition('(')[2].rpartition(')')[0]}")
    found = json.loads(Path(argv[0]).read_text())
    sets = {name: of["medians"] for name, of in found["sets"].items()}
    texts = {README: block(found, sets), MEASUREMENTS: tables(found, sets)}
    for path, text in texts.items():
        path.write_text(replaced(path.read_text(), text))
    PICTURE.write_text(drawn(sets))


if __name__ == "__main__":
    main(sys.argv[1:])
