"""
The picture of the README: bars, as SVG, drawn from the figures.

Each bar begins at what the relay in Go does. To the right is better: more of what is
good, or less of what it costs. The scale is logarithmic, so that twice as good is as
long as half as good; what goes beyond its end is cut, and its number says so. All
colours are halfway between light and dark, and can be read on either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Final

from .claims import CLAIMS, Claim, Rows

COLOURS: Final = {"splice": "#8b949e", "gateway": "#2f81f7", "node": "#2da44e"}
"""The rows that are drawn."""

NAMES: Final = {
    "splice": "HAProxy, bytes copied unread",
    "gateway": "spdygate, SPDY to the kubelet",
    "node": "spdygate, HTTP/2 to its node service",
}

MEMORY: Final = "kib"
"""The column that is drawn although its promise is no multiple of the relay's."""

INK: Final = "#768390"
LEFT: Final = 190
"""Pixels for the words before the bars."""
HALF: Final = 220
"""Pixels from the relay's line to either end of the scale."""
SPAN: Final = 4.0
"""How many times better, or worse, either end of the scale is."""
BAR: Final = 9
"""Pixels of a bar's height."""
GROUP: Final = BAR * len(COLOURS) + 11
TOP: Final = 62
WIDTH: Final = LEFT + 2 * HALF + 60


def drawn(sets: Mapping[str, Rows]) -> str:
    """
    Draw the picture.

    :param sets: medians without TLS (``plain``) and with it (``tls``).
    """
    middle = LEFT + HALF
    groups = [
        (claim, found)
        for claim in CLAIMS
        if (claim.must.base == "relay" or claim.column == MEMORY)
        and (found := _times(claim, sets.get("tls" if claim.tls else "plain", {})))
    ]
    height = TOP + GROUP * len(groups) + 8
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        f' width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12"'
        f' fill="{INK}">',
        "<title>How many times better than a relay in Go</title>",
        *_legend(),
        *(_scale(times, height) for times in (1 / SPAN, 0.5, 1.0, 2.0, SPAN)),
    ]
    for number, (claim, found) in enumerate(groups):
        top = TOP + GROUP * number
        words = escape(claim.figure.rpartition(",")[0] or claim.figure)
        lines.append(_text(LEFT - 8, top + GROUP / 2 - 2, words, "end"))
        for place, (row, times) in enumerate(found.items()):
            lines += _bar(middle, top + BAR * place, COLOURS[row], times)
    return "\n".join([*lines, "</svg>", ""])


def _times(claim: Claim, rows: Rows) -> dict[str, float]:
    """Return how many times better than the relay each row is."""
    base = rows.get("relay", {}).get(claim.column)
    found = {row: rows.get(row, {}).get(claim.column) for row in COLOURS}
    return {
        row: value / base if claim.more else base / value
        for row, value in found.items()
        if value and base
    }


def _at(times: float) -> float:
    """Return how many pixels right of the relay's line something is."""
    within = min(max(times, 1 / SPAN), SPAN)
    return HALF * math.log(within) / math.log(SPAN)


def _bar(middle: float, top: float, colour: str, times: float) -> list[str]:
    """Draw a bar, and its number at its end."""
    at = _at(times)
    left, right = sorted((middle, middle + at))
    words = f"{times:.2f}" if times < 10 else f"{times:.0f}"
    beside = (right + 4, "start") if at >= 0 else (left - 4, "end")
    return [
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}"'
        f' height="{BAR - 1}" fill="{colour}"/>',
        _text(beside[0], top + BAR - 1.5, words, beside[1], 9),
    ]


def _scale(times: float, height: float) -> str:
    """Draw a line of the scale; the relay's is the one that counts."""
    x = LEFT + HALF + _at(times)
    relay = times == 1
    words = "the relay in Go = 1" if relay else f"{times:g} x"
    width, dashes = ("1.5", "") if relay else ("0.5", ' stroke-dasharray="2 3"')
    return (
        f'<line x1="{x:.1f}" y1="{TOP - 10}" x2="{x:.1f}" y2="{height - 6}"'
        f' stroke="{INK}" stroke-width="{width}"{dashes}/>'
        + _text(x, TOP - 15, words, "middle", 11)
    )


def _legend() -> list[str]:
    """Say which colour is whose."""
    lines = [_text(WIDTH - 8, TOP - 30, "better \u2192", "end", 11)]
    x = 30.0
    for row, colour in COLOURS.items():
        lines.append(f'<rect x="{x}" y="5" width="10" height="10" fill="{colour}"/>')
        lines.append(_text(x + 14, 14, NAMES[row], "start", 11))
        x += 34 + 5.7 * len(NAMES[row])
    return lines


def _text(x: float, y: float, words: str, anchor: str, size: int = 12) -> str:
    """Write words."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
        f' font-size="{size}">{words}</text>'
    )
