"""The arithmetic of the benchmark, and its table: no program runs, nothing is timed."""

import argparse

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.bench import __main__ as command
from tests.bench.report import COLUMNS, WIDTH, Figures, growth, ratios, table, title
from tests.bench.topologies import PATHS

#: Three rows of one run, small enough to divide in the head.
ROWS = {
    "relay": {"up1": 400.0, "cpu_up": 1.5, "kib": 1200.0},
    "splice": {"up1": 800.0, "cpu_up": 0.3, "kib": 0.0},
    "gateway": {"up1": 600.0, "cpu_up": 0.75, "kib": 75.0},
}


class FiguresTests(SynchronousTestCase):
    """What rounds have found, put together."""

    def test_medians(self) -> None:
        """One round that was disturbed does not move the figure."""
        figures = Figures()
        for value in (10.0, 1000.0, 12.0):
            figures.add("relay", [("up1", value)])
        self.assertEqual(figures.medians(), {"relay": {"up1": 12.0}})

    def test_an_even_number_of_rounds(self) -> None:
        """Of two rounds the median is the middle."""
        figures = Figures()
        figures.add("relay", [("up1", 10.0)])
        figures.add("relay", [("up1", 20.0)])
        self.assertEqual(figures.medians(), {"relay": {"up1": 15.0}})

    def test_columns_of_one_measurement(self) -> None:
        """A measurement may fill two columns, and columns come in any number."""
        figures = Figures()
        figures.add("relay", [("p50_1", 300.0), ("p99_1", 900.0)])
        figures.add("relay", [("p50_1", 302.0)])
        everything = {"relay": {"p50_1": [300.0, 302.0], "p99_1": [900.0]}}
        self.assertEqual(figures.everything(), everything)

    def test_rows_without_figures(self) -> None:
        """A path of which something cannot be measured has its row all the same."""
        figures = Figures()
        figures.add("direct", [])
        self.assertEqual(figures.medians(), {"direct": {}})

    @given(st.lists(st.floats(0, 1e9), min_size=1))
    def test_order_does_not_matter(self, values: list[float]) -> None:
        """Rounds in another order have the same medians."""
        forward, backward = Figures(), Figures()
        for value in values:
            forward.add("relay", [("up1", value)])
        for value in reversed(values):
            backward.add("relay", [("up1", value)])
        self.assertEqual(forward.medians(), backward.medians())


class RatiosTests(SynchronousTestCase):
    """Rows divided by a row."""

    def test_ratios(self) -> None:
        """Every other row is divided, column by column."""
        divided = ratios(ROWS, "relay")
        self.assertEqual(list(divided), ["splice", "gateway"])
        self.assertEqual(divided["gateway"], {"up1": 1.5, "cpu_up": 0.5, "kib": 0.0625})

    def test_division_by_nothing(self) -> None:
        """What the base has as 0 has no ratio, and is no error."""
        self.assertEqual(set(ratios(ROWS, "splice")["gateway"]), {"up1", "cpu_up"})

    def test_columns_that_the_base_lacks(self) -> None:
        """What was not measured of the base has no ratio."""
        rows = {"relay": {"up1": 400.0}, "gateway": {"up1": 200.0, "kib": 48.0}}
        self.assertEqual(ratios(rows, "relay"), {"gateway": {"up1": 0.5}})

    def test_without_the_base(self) -> None:
        """If the base was left out there are no ratios."""
        self.assertEqual(ratios({"gateway": ROWS["gateway"]}, "relay"), {})


class TableTests(SynchronousTestCase):
    """What is printed."""

    def test_blocks(self) -> None:
        """Medians come first, then ratios to the relay, then those to the splice."""
        blocks = table("one run", ROWS).split("\n\n")
        heads = [block.splitlines()[0] for block in blocks]
        below = "the same, divided by the row"
        self.assertEqual(heads, ["one run", f"{below} relay", f"{below} splice"])

    def test_titles(self) -> None:
        """The first line says what was run."""
        self.assertEqual(title(False, 64, 3), "no TLS; 64 MiB, medians of 3 rounds")
        self.assertIn("TLS on both sides", title(True, 64, 3))

    def test_cells(self) -> None:
        """A figure stands under its heading; a dash says that there is none."""
        lines = table("one run", ROWS).splitlines()
        gateway = next(line for line in lines if line.startswith("gateway"))
        cells = gateway.split()
        self.assertEqual(cells[1:3], ["600", "-"])
        at = [column.name for column in COLUMNS].index("cpu_up") + 1
        self.assertEqual(cells[at], "0.75")

    def test_ratios_have_two_digits(self) -> None:
        """A ratio is shown to the hundredth, whatever its column."""
        _, by_relay, _ = table("one run", ROWS).split("\n\n")
        self.assertEqual(by_relay.splitlines()[-1].split()[:2], ["gateway", "1.50"])

    def test_no_empty_blocks(self) -> None:
        """Without the relay and the splice there is one block."""
        text = table("one run", {"gateway": ROWS["gateway"]})
        self.assertNotIn("divided", text)

    def test_neighbours(self) -> None:
        """Rows whose other connections were watched come in a table of their own."""
        rows = {**ROWS, "node": {"stuck_up_going": 0.0, "late": 1.0}}
        block = table("one run", rows).split("\n\n")[-1]
        last = block.splitlines()[-1].split()
        self.assertEqual([last[0], last[1], last[-1]], ["node", "0", "1"])
        self.assertNotIn("gateway", block)

    def test_lines_are_as_long_as_the_table(self) -> None:
        """Columns line up: no line is longer than its headings."""
        lines = table("one run", ROWS).splitlines()
        longest = max(len(line) for line in lines)
        self.assertEqual(longest, len(lines[1]))
        self.assertTrue(lines[1].endswith(COLUMNS[-1].title[0].rjust(WIDTH)))


class GrowthTests(SynchronousTestCase):
    """What is printed of growth."""

    def test_costs(self) -> None:
        """One line for each row, one figure for each count, under its heading."""
        counts = [
            {"count": 10.0, "ms": 1.25, "kib": 30.4},
            {"count": 100.0, "ms": 1.5, "kib": 31.0},
        ]
        first, heads, line = growth({"sessions": {"node": counts}}).splitlines()
        self.assertTrue(first.startswith("sessions held"))
        self.assertEqual(heads.split(), ["10", "100"])
        self.assertEqual(line.split(), "node 1.25 ms 30 KiB 1.50 ms 31 KiB".split())
        self.assertEqual(len(heads), len(line))

    def test_weights(self) -> None:
        """Of many weighings there are the first two and the last."""
        counts = [
            {"count": 100.0 * part, "kib": 5000.0 + part, "descriptors": 9.0}
            for part in range(11)
        ]
        text = growth({"connections": {"relay": counts}})
        self.assertEqual(text.splitlines()[1].split(), ["0", "100", "1000"])
        self.assertTrue(text.endswith("5010 KiB 9 fds\n"))

    def test_what_was_not_measured(self) -> None:
        """What nothing was measured of has no table."""
        counts = [{"count": 1.0, "ms": 1.0, "kib": 1.0}]
        text = growth({"sessions": {}, "tunnels": {"node": counts}})
        self.assertEqual(len(text.splitlines()), 3)


class ArgumentsTests(SynchronousTestCase):
    """The command line."""

    def test_rows_keep_their_order(self) -> None:
        """However they are asked for, rows come as in the table."""
        only = command.arguments(["--only", "gateway,relay"]).only
        self.assertEqual(only, ["relay", "gateway"])

    def test_unknown_rows(self) -> None:
        """A misspelt row is refused, with the names that there are."""
        mistake = self.assertRaises(
            argparse.ArgumentTypeError, command._names, "relay,gatway"
        )
        self.assertIn("no row is called gatway: direct, kubelet", str(mistake))

    def test_all_rows(self) -> None:
        """One word asks for every row."""
        self.assertEqual(command.arguments(["--only", "all"]).only, list(PATHS))

    def test_sizes_that_eight_cannot_share(self) -> None:
        """MiB that eight connections cannot share are refused."""
        for text in ("0", "12", "-8"):
            self.assertRaises(argparse.ArgumentTypeError, command._eights, text)
        self.assertEqual(command._eights("64"), 64)

    def test_every_row_is_explained(self) -> None:
        """The help has a line for every row."""
        for name in PATHS:
            self.assertRegex(command.TEACHING, rf"(?m)^  {name} ")


class JsonTests(SynchronousTestCase):
    """What other programs are told."""

    def test_everything_is_there(self) -> None:
        """Medians, ratios to both bases, and every single value."""
        figures = Figures()
        figures.add("relay", [("up1", 400.0)])
        figures.add("gateway", [("up1", 500.0)])
        found = command.as_json(figures)
        self.assertEqual(
            found["medians"], {"relay": {"up1": 400.0}, "gateway": {"up1": 500.0}}
        )
        self.assertEqual(
            found["ratios"], {"relay": {"gateway": {"up1": 1.25}}, "splice": {}}
        )
        self.assertEqual(
            found["all"], {"relay": {"up1": [400.0]}, "gateway": {"up1": [500.0]}}
        )
