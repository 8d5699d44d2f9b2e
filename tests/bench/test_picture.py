"""The picture of the README: it is well-formed, and its bars say what figures say."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.bench.picture import COLOURS, HALF, LEFT, drawn
from tests.bench.report import Row

SVG = "{http://www.w3.org/2000/svg}"

#: Pixels of the rectangles in the legend.
SQUARE = "10"


def bars(rows: dict[str, Row]) -> list[tuple[str, float, float]]:
    """Draw rows; return the colour, the left and the right end of every bar."""
    root = ElementTree.fromstring(drawn({"plain": rows}))
    found = []
    for rectangle in root.iter(SVG + "rect"):
        if rectangle.attrib["height"] != SQUARE:
            left, wide = (float(rectangle.attrib[name]) for name in ("x", "width"))
            found.append((rectangle.attrib["fill"], left, left + wide))
    return found


def words(rows: dict[str, Row]) -> list[str | None]:
    """Draw rows; return all that is written."""
    root = ElementTree.fromstring(drawn({"plain": rows}))
    return [text.text for text in root.iter(SVG + "text")]


class PictureTests(SynchronousTestCase):
    """Bars beside the relay's line."""

    def test_twice_and_half(self) -> None:
        """Twice as good is as far to the right as half as good is to the left."""
        rows = {"relay": {"up1": 4.0}, "gateway": {"up1": 8.0}, "node": {"up1": 2.0}}
        middle = float(LEFT + HALF)
        self.assertEqual(
            bars(rows),
            [
                (COLOURS["gateway"], middle, middle + HALF / 2),
                (COLOURS["node"], middle - HALF / 2, middle),
            ],
        )

    def test_less_is_better(self) -> None:
        """Half of what something costs is drawn as twice as good."""
        rows = {"relay": {"cpu_up": 4.0}, "gateway": {"cpu_up": 2.0}}
        self.assertIn("2.00", words(rows))

    def test_beyond_the_scale(self) -> None:
        """A bar that is too long is cut; its number is not."""
        rows = {"relay": {"kib": 1280.0}, "gateway": {"kib": 32.0}}
        ((_, _, right),) = bars(rows)
        self.assertEqual(right, float(LEFT + 2 * HALF))
        self.assertIn("40", words(rows))

    def test_what_was_not_measured(self) -> None:
        """Without figures there are no bars; without some, none of those."""
        self.assertEqual(bars({}), [])
        self.assertEqual(bars({"gateway": {"up1": 3.0}}), [])
        rows = {"relay": {"up1": 4.0, "cpu_up": 0.0}, "gateway": {"up1": 4.0}}
        self.assertEqual(len(bars(rows)), 1)

    @given(st.floats(1e-3, 1e9), st.floats(1e-3, 1e9))
    def test_bars_stay_within(self, ours: float, theirs: float) -> None:
        """Whatever the figures are, the picture keeps its size."""
        for _, left, right in bars({"relay": {"up1": theirs}, "node": {"up1": ours}}):
            self.assertGreaterEqual(left, LEFT)
            self.assertLessEqual(right, LEFT + 2 * HALF + 0.1)
