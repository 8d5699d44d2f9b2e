"""The table of the README: written where it belongs, and nowhere else."""

from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.bench.claims import CLAIMS
from tests.bench.stated import (
    BEGINS,
    ENDS,
    HEADS,
    MEASUREMENTS,
    README,
    block,
    replaced,
    table,
    tables,
)

SETS = {
    "plain": {
        "relay": {"up1": 400.0, "late": 0.0},
        "gateway": {"up1": 500.0, "stuck_down_going": 0.0},
        "node": {"up1": 300.0, "stuck_down_going": 8.0, "late": 1.0},
    },
    "tls": {"relay": {"cpu_up": 2.0}, "gateway": {"cpu_up": 1.0}},
}


class TableTests(SynchronousTestCase):
    """A simple table of reStructuredText."""

    def setUp(self) -> None:
        """Write it; cut it into its cells."""
        rule, *self.lines = table(SETS).splitlines()
        self.widths = [len(part) for part in rule.split()]

    def _cells(self, figure: str) -> list[str]:
        """Return the cells of one line."""
        (line,) = (line for line in self.lines if line.startswith(figure))
        cells, start = [], 0
        for width in self.widths:
            cells.append(line[start : start + width].strip())
            start += width + 2
        return cells

    def test_every_promise_has_a_line(self) -> None:
        """Head and promises stand between three rules."""
        self.assertEqual(len(self.lines), len(CLAIMS) + 3)
        self.assertEqual(self._cells("figure"), list(HEADS))

    def test_columns_do_not_touch(self) -> None:
        """No cell is wider than its rule, so none runs into the next."""
        for line in self.lines:
            start = 0
            for width in self.widths[:-1]:
                start += width + 2
                self.assertEqual(line[start - 2 : start].strip(), "", line)

    def test_figures(self) -> None:
        """A line has the figures of four rows, bounds, and verdicts."""
        self.assertEqual(
            self._cells("throughput up"),
            ["throughput up, MiB/s", "400", "-", "500 (1.25)", "met", "300 (0.75)"]
            + ["met", ">= 1.0 x", ">= 1.0 x splice"],
        )

    def test_tls(self) -> None:
        """What is promised of TLS is looked up where TLS was spoken."""
        self.assertEqual(self._cells("TLS: CPU up")[3:5], ["1.00 (0.50)", "aim met"])

    def test_words_for_numbers(self) -> None:
        """What goes on or arrives is told in words."""
        stuck = self._cells("client stuck")
        self.assertEqual(stuck[3:7], ["frozen", "missed", "8 of 10", "met"])
        reply = self._cells("reply")
        self.assertEqual([reply[1], *reply[5:8]], ["lost", "arrives", "met", "arrives"])


class BlockTests(SynchronousTestCase):
    """What is written into documents."""

    about: ClassVar = {
        "when": "2026-11-21T02:00:00Z",
        **{"cores": 2, "python": "3.11.7", "rounds": 5, "mib": 1024},
    }

    def test_the_rest_is_left_alone(self) -> None:
        """Only what stands between the comments is replaced, and both stay."""
        text = replaced(f"before\n{BEGINS}old\n{ENDS}after\n", "new\n")
        self.assertEqual(text, f"before\n{BEGINS}new\n{ENDS}after\n")
        self.assertEqual(replaced(text, "new\n"), text)

    def test_without_comments(self) -> None:
        """A document that lost them is not touched."""
        for text in ("", BEGINS, ENDS + BEGINS):
            self.assertRaises(ValueError, replaced, text, "new\n")

    def test_what_was_run(self) -> None:
        """The day, the machine and the size of the run are told."""
        text = block(self.about, SETS)
        self.assertIn("Measured on 2026-11-21 on 2 cores", text)
        self.assertIn("medians of 5 rounds of 1024 MiB", " ".join(text.split()))

    def test_all_tables(self) -> None:
        """A literal block has the tables of every set, and what grew."""
        counts = [{"count": 10.0, "ms": 1.0, "kib": 30.0}]
        grown = {"sessions": {"node": counts}}
        text = tables({**self.about, "growth": grown}, SETS)
        head, _, literal = text.partition(".. code-block:: text\n\n")
        self.assertIn("2026-11-21T02:00:00Z", head)
        for words in ("no TLS; 1024", "TLS on both sides", "sessions held"):
            self.assertIn(f"\n    {words}", "\n" + literal)
        for line in literal.splitlines():
            self.assertTrue(not line or line.startswith("    "), line)

    def test_our_own_documents(self) -> None:
        """Both have both comments."""
        for path in (README, MEASUREMENTS):
            text = (Path(__file__).parents[2] / path).read_text()
            self.assertIn(BEGINS + ENDS, replaced(text, ""))
