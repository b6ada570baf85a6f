"""Colours, one meaning each, in the terminal and in the figures.

The hues are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which readers with any
common colour vision tell apart. Values are shown by a ramp without hue, so that no value looks like
a mark.
"""

from __future__ import annotations

ROI = "#D55E00"
SECTION = "#009E73"
SECTION_INK = "#00745A"  # for small text
POINT = "#0072B2"
NEIGHBOUR = "#E69F00"
WINNER = "#CC79A7"
OUTSIDE = "#8A8A8A"

# Boxes side by side in one picture; the first is an ROI as everywhere.
BOXES = (ROI, "#56B4E9", "#F0E442", "#FFFFFF")

_LOW, _HIGH = (0xFF, 0xFF, 0xFF), (0x5A, 0x64, 0x78)


def ramp(share: float) -> tuple[int, int, int]:
    """Return the red, green and blue (0 to 255) of a value at `share` (0 to 1) of its range."""
    share = min(max(share, 0.0), 1.0)
    red, green, blue = (
        round(low + (high - low) * share) for low, high in zip(_LOW, _HIGH, strict=True)
    )
    return red, green, blue


def ink(background: tuple[int, int, int]) -> str:
    """Return black or white, whichever is easier to read on the background."""
    red, green, blue = background
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    return "#000000" if luminance > 140 else "#FFFFFF"
