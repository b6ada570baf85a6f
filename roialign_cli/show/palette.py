"""The colours of the terminal, the figures and the page; each colour has one meaning.

The hues are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which readers with any
common colour vision can distinguish. The shades of values have almost no hue, so that a value does
not look like a mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

ROI = "#D55E00"


@dataclass(frozen=True)
class Theme:
    """The colours of a figure as "#RRGGBB", named by their meaning.

    Parameters
    ----------
    ground, ink, faint
        The page, the text on it, and the axes.
    value, grid
        The values in the cells, and the edges of the cells.
    low, high
        The smallest and the largest value, both light or both dark so that marks show on them.
    not_a_number
        Cells without a finite value.
    outside, outside_edge
        The area beyond the map, and the hatching on it.
    roi, section, section_ink, point, neighbour, winner
        The marks; `section_ink` is for small text.
    other
        The second of two conventions.
    less, more
        The largest difference below and above zero, with `low` for no difference.
    weight
        The largest weight of a cell, with `low` for no weight.
    areas
        The weights of one point's four neighbour cells.
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
        """Return the colour with this name; a name like "#222222" is itself the colour."""
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

# Several boxes in one picture; the first has the colour of an ROI.
BOXES = (ROI, "#56B4E9", "#F0E442", "#FFFFFF")

_LOW, _HIGH = (0xFF, 0xFF, 0xFF), (0x5A, 0x64, 0x78)


def ramp(share: float) -> tuple[int, int, int]:
    """Return the red, green and blue (0 to 255) of a value.

    `share` is the place of the value between the smallest (0) and the largest (1).
    """
    share = min(max(share, 0.0), 1.0)
    red, green, blue = (
        round(low + (high - low) * share) for low, high in zip(_LOW, _HIGH, strict=True)
    )
    return red, green, blue


def ink(background: tuple[int, int, int]) -> str:
    """Return black or white, whichever is easier to read on a background (red, green, blue)."""
    red, green, blue = background
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    return "#000000" if luminance > 140 else "#FFFFFF"
