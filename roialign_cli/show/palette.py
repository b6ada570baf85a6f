"""Colours, one meaning each, in the terminal and in the figures.

The hues are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which readers with any
common colour vision tell apart. Values are shown by a ramp without hue, so that no value looks like
a mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

ROI = "#D55E00"


@dataclass(frozen=True)
class Theme:
    """The colours of a figure, named by what they mean.

    Parameters
    ----------
    ground, ink, faint
        The page, what is written on it, and the axes.
    value, grid
        The values in the cells, and the cells' edges.
    low, high
        The shades of the smallest and of the largest value, close enough for marks to show on both.
    not_a_number, outside, outside_edge
        Cells without a finite value; what is beyond the map.
    roi, section, section_ink, point, neighbour, winner
        The marks; `section_ink` is for small text.
    other
        The second of two conventions.
    less, more
        A difference below and above zero.
    weight
        The most that a cell counts; from `low`.
    areas
        The weights of one point, each as the area opposite a neighbour.
    """

    ground: str
    ink: str
    faint: str
    value: str
    grid: str
    low: str
    high: str
    not_a_number: str
    outside: str
    outside_edge: str
    roi: str
    section: str
    section_ink: str
    point: str
    neighbour: str
    winner: str
    other: str
    less: str
    more: str
    weight: str
    areas: tuple[str, str, str, str]

    def colour(self, name: str) -> str:
        """Return the colour of a meaning; what is a colour already stays."""
        return name if name.startswith("#") else str(getattr(self, name))


LIGHT = Theme(
    ground="#FFFFFF",
    ink="#222222",
    faint="#6B7280",
    value="#4B5563",
    grid="#A6ACB5",
    low="#FFFFFF",
    high="#C0C5CC",
    not_a_number="#E8DCC0",
    outside="#F1F1F1",
    outside_edge="#BDBDBD",
    roi=ROI,
    section="#009E73",
    section_ink="#00745A",
    point="#0072B2",
    neighbour="#E69F00",
    winner="#CC79A7",
    other="#222222",
    less="#9C7BC7",
    more="#D9A441",
    weight="#F0BC5E",
    areas=("#F6D58A", "#E9A33A", "#FBE9C4", "#F0BC5E"),
)

DARK = Theme(
    ground="#16191F",
    ink="#ECEEF1",
    faint="#98A1AE",
    value="#B9C1CC",
    grid="#4A5260",
    low="#1B1F27",
    high="#4C5666",
    not_a_number="#574C33",
    outside="#22262D",
    outside_edge="#555C68",
    roi="#FF8433",
    section="#1FC997",
    section_ink="#5BE3BC",
    point="#63B7F2",
    neighbour="#F2B233",
    winner="#EE9CCB",
    other="#F4F5F7",
    less="#7A5AA8",
    more="#A87718",
    weight="#8A6316",
    areas=("#6E521B", "#A87718", "#4F3F1C", "#8A6316"),
)

THEMES = MappingProxyType({"light": LIGHT, "dark": DARK})

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
