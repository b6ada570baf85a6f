"""The colours of the terminal, the figures and the page; each colour has one meaning.

The hues of the marks are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which readers
with any common colour vision can distinguish. The values of cells are shades of violet, a hue that
no mark has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

Rgb = tuple[int, int, int]

ROI = "#D55E00"
MIN_LINE_CONTRAST = 3.0  # of a line to its halo; WCAG 2.2, success criterion 1.4.11
_BLACK, _WHITE = "#000000", "#FFFFFF"


class Ramp(NamedTuple):
    """The colours of the smallest and of the largest value, as "#RRGGBB"."""

    low: str
    high: str

    def rgb(self, share: float) -> Rgb:
        """Return the red, green and blue (0 to 255) of a value.

        `share` is the place of the value between the smallest (0) and the largest (1).
        """
        share = min(max(share, 0.0), 1.0)
        red, green, blue = (
            round(low + (high - low) * share)
            for low, high in zip(_rgb(self.low), _rgb(self.high), strict=True)
        )
        return red, green, blue

    def colour(self, share: float) -> str:
        """Return the colour of a value as "#RRGGBB"; `share` is that of `rgb`."""
        return "#{:02X}{:02X}{:02X}".format(*self.rgb(share))


@dataclass(frozen=True)
class Theme:
    """The colours of a figure as "#RRGGBB", named by their meaning.

    Parameters
    ----------
    ground, ink, faint
        The page, the text on it, and the axes.
    grid
        The edges of the cells.
    low, high
        The smallest and the largest value of a cell.
    not_a_number
        Cells without a finite value.
    outside, outside_edge
        The area beyond the map, and the hatching on it.
    roi, section, point, neighbour, winner
        The marks.
    roi_ink, section_ink
        The colours of texts about an ROI and about sections.
    other
        The second of two conventions.
    less, more
        The largest difference below and above zero, with `ground` for no difference.
    weight
        The largest weight of a cell, with `ground` for no weight.
    """

    ground: str
    ink: str
    faint: str
    grid: str
    low: str
    high: str
    not_a_number: str
    outside: str
    outside_edge: str
    roi: str
    roi_ink: str
    section: str
    section_ink: str
    point: str
    neighbour: str
    winner: str
    other: str
    less: str
    more: str
    weight: str

    @property
    def values(self) -> Ramp:
        """The shades of the values of cells."""
        return Ramp(self.low, self.high)

    def colour(self, name: str) -> str:
        """Return the colour with this name; a name like "#222222" is itself the colour."""
        return name if name.startswith("#") else str(getattr(self, name))

    def halo(self, colour: str) -> str:
        """Return the colour of a halo around a line: the ground, or else black or white."""
        if contrast(colour, self.ground) >= MIN_LINE_CONTRAST:
            return self.ground
        return ink(colour)


LIGHT = Theme(
    ground="#FFFFFF",
    ink="#222222",
    faint="#626976",
    grid="#C9C6D6",
    low="#FFFFFF",
    high="#5E4FA2",
    not_a_number="#E8DCC0",
    outside="#F1F1F1",
    outside_edge="#BDBDBD",
    roi=ROI,
    roi_ink="#A84A00",
    section="#009E73",
    section_ink="#00745A",
    point="#0072B2",
    neighbour="#B07400",
    winner="#C2377F",
    other="#222222",
    less="#4F81B5",
    more="#C4604F",
    weight="#9A5B00",
)

DARK = Theme(
    ground="#16191F",
    ink="#ECEEF1",
    faint="#98A1AE",
    grid="#454159",
    low="#1E1B2C",
    high="#A99AEC",
    not_a_number="#574C33",
    outside="#22262D",
    outside_edge="#555C68",
    roi="#FF8433",
    roi_ink="#FF9F60",
    section="#1FC997",
    section_ink="#5BE3BC",
    point="#63B7F2",
    neighbour="#F2B233",
    winner="#EE8CC3",
    other="#F4F5F7",
    less="#4F81B5",
    more="#C4604F",
    weight="#E0A040",
)

THEMES = MappingProxyType({"light": LIGHT, "dark": DARK})

# The background of a terminal is unknown. The contrast of each mark to black and to white is at
# least 3, for which only the colour of neighbours is darker than in figures. The output has
# backgrounds of its own, the shades of the figures on paper.
TERMINAL = replace(LIGHT, neighbour="#B87F00")

# The weights of one point's four neighbour cells Q11, Q21, Q12 and Q22; black text is on them.
AREAS = ("#F7D354", "#F0A04B", "#C3CC5A", "#E29A9A")

# Several boxes in one picture; the first has the colour of an ROI.
BOXES = (ROI, "#56B4E9", "#F0E442", "#FFFFFF")

# The levels of a pyramid, from the largest map to the smallest.
LEVELS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#0072B2")

# One channel of a photograph; as in the photograph, large values are light.
PHOTO = Ramp("#141414", "#F5F5F5")


def _rgb(colour: str) -> Rgb:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _luminance(colour: str) -> float:
    """Return the relative luminance of a colour, from 0 to 1, as WCAG 2.2 defines it."""
    shares = (part / 255 for part in _rgb(colour))
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours, from 1 to 21, as WCAG 2.2 defines it.

    Examples
    --------
    >>> round(contrast("#FFFFFF", "#000000")), round(contrast("#767676", "#FFFFFF"), 2)
    (21, 4.54)
    """
    darker, lighter = sorted(map(_luminance, (first, second)))
    return (lighter + 0.05) / (darker + 0.05)


def ink(background: str) -> str:
    """Return black or white, whichever is easier to read; the contrast is at least 4.5."""
    return max(_BLACK, _WHITE, key=lambda colour: contrast(colour, background))
