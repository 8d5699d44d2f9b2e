"""What is promised, and whether it is kept: figures in, words out."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.bench.claims import CLAIMS, Bound, Claim, asked, cell, verdict
from tests.bench.report import BESIDE, COLUMNS
from tests.bench.topologies import PATHS, STATED, USUAL

#: One that wants more, and one that wants less, both by the relay's figure.
MORE = Claim(
    *("rate", "up1", True, Bound(1.0, "relay"), Bound(1.0, "splice")),
    "{:.0f}".format,
)
LESS = Claim(
    *("cost", "cpu_up", False, Bound(0.8, "relay"), Bound(0.5, "relay")),
    "{:.1f}".format,
)

#: One that is its own measure, of connections that may all be frozen.
PLAIN = Claim(
    *("wait", "stuck_up_ratio", False, Bound(2.0), Bound(1.2), "{:.1f}".format),
    going="stuck_up_going",
)

BASES = {
    "relay": {"up1": 400.0, "cpu_up": 1.0, "stuck_up_going": 0.0},
    "splice": {"up1": 600.0},
}


class VerdictTests(SynchronousTestCase):
    """Whether a promise is kept."""

    def _verdict(self, claim: Claim, value: float, row: str = "gateway") -> str:
        """Judge one figure."""
        return verdict(claim, {**BASES, row: {claim.column: value}}, row)

    def test_more(self) -> None:
        """What should be more is missed below its bound, and met on it."""
        found = [self._verdict(MORE, value) for value in (399, 400, 599, 600)]
        self.assertEqual(found, ["missed", "met", "met", "aim met"])

    def test_less(self) -> None:
        """What should be less is missed above its bound, and met on it."""
        found = [self._verdict(LESS, value) for value in (0.81, 0.8, 0.51, 0.5)]
        self.assertEqual(found, ["missed", "met", "met", "aim met"])

    def test_lesser_part(self) -> None:
        """The row of which less is asked has to reach 0.7 of it, and has no aim."""
        found = [self._verdict(MORE, value, "node") for value in (279, 281, 900)]
        self.assertEqual(found, ["missed", "met", "met"])
        found = [self._verdict(LESS, value, "node") for value in (1.15, 1.14, 0.1)]
        self.assertEqual(found, ["missed", "met", "met"])

    def test_limits_in_themselves(self) -> None:
        """A limit that is no multiple holds for both rows alike."""
        for row in ("gateway", "node"):
            self.assertEqual(self._verdict(PLAIN, 2.1, row), "missed")
            self.assertEqual(self._verdict(PLAIN, 2.0, row), "met")

    def test_frozen(self) -> None:
        """Where no connection goes on there is no figure, and the promise is missed."""
        rows = {"gateway": {"stuck_up_going": 0.0}}
        self.assertEqual(verdict(PLAIN, rows, "gateway"), "missed")
        self.assertEqual(cell(PLAIN, rows, "gateway"), "frozen")

    def test_not_measured(self) -> None:
        """Without the figure, or its base, nothing is said."""
        self.assertEqual(verdict(MORE, BASES, "gateway"), "-")
        self.assertEqual(verdict(MORE, {"gateway": {"up1": 400.0}}, "gateway"), "-")
        self.assertEqual(cell(MORE, BASES, "gateway"), "-")

    def test_without_the_base_of_the_aim(self) -> None:
        """Where only the aim cannot be judged, the promise can."""
        rows = {"relay": BASES["relay"], "gateway": {"up1": 900.0}}
        self.assertEqual(verdict(MORE, rows, "gateway"), "met")

    @given(st.floats(1, 1e6), st.floats(1, 1e6))
    def test_better_is_never_worse(self, one: float, other: float) -> None:
        """Of two figures the better one has no worse verdict."""
        order = ["missed", "met", "aim met"]
        for claim in (MORE, LESS, PLAIN):
            least, most = sorted((one, other), reverse=not claim.more)
            worse, better = (self._verdict(claim, value) for value in (least, most))
            self.assertLessEqual(order.index(worse), order.index(better))


class WordsTests(SynchronousTestCase):
    """How figures and bounds are written."""

    def test_cells(self) -> None:
        """A figure of ours has its ratio beside it; the others' stand alone."""
        rows = {**BASES, "gateway": {"up1": 500.0}}
        self.assertEqual(cell(MORE, rows, "gateway"), "500 (1.25)")
        self.assertEqual(cell(MORE, rows, "splice"), "600")

    def test_bounds(self) -> None:
        """A multiple says so, and of what, if not of the relay's figure."""
        self.assertEqual(asked(MORE, MORE.must), ">= 1.0 x")
        self.assertEqual(asked(MORE, MORE.aim), ">= 1.0 x splice")
        self.assertEqual(asked(PLAIN, PLAIN.aim), "<= 1.2")
        self.assertEqual(asked(PLAIN, None), "")


class ClaimsTests(SynchronousTestCase):
    """The promises themselves."""

    def test_columns_and_rows_exist(self) -> None:
        """Each promise names columns and rows that there are."""
        columns = {column.name: column for column in (*COLUMNS, *BESIDE)}
        for claim in CLAIMS:
            self.assertEqual(claim.more, columns[claim.column].more, claim.figure)
            if claim.going:
                self.assertIn(claim.going, columns)
            for row in (*claim.rows, claim.must.base):
                self.assertIn(row, ("", *USUAL), claim.figure)

    def test_aims_are_beyond(self) -> None:
        """An aim by the same base asks for more than the promise does."""
        for claim in CLAIMS:
            if claim.aim is not None and claim.aim.base == claim.must.base:
                further = claim.aim.limit > claim.must.limit
                self.assertEqual(further, claim.more, claim.figure)

    def test_stated_rows_are_usual(self) -> None:
        """What the table needs is measured when nobody asks for rows."""
        self.assertLessEqual(set(STATED), set(USUAL))
        self.assertLessEqual(set(USUAL), set(PATHS))
