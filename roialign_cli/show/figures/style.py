"""The style of figures: their width, colours and fonts, and the units of their ticks."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure

from roialign_cli.analysis.trace import Trace
from roialign_cli.errors import ArgumentError, alternatives
from roialign_cli.show.figures.choices import Units, Values
from roialign_cli.show.palette import LIGHT, Theme

POINTS_PER_INCH = 72

_SETTINGS: dict[Any, Any] = {
    "font.size": 8.0,
    "axes.linewidth": 0.8,
    "hatch.linewidth": 0.5,
    "text.hinting": "none",  # so that widths do not depend on the resolution
    "svg.fonttype": "none",  # text that can be edited and searched
    "svg.hashsalt": "roialign",
    "pdf.fonttype": 42,
}

# Matplotlib's setting → the name of the theme's colour for it.
_COLOUR_SETTINGS: dict[Any, str] = {
    "axes.edgecolor": "faint",
    "axes.facecolor": "ground",
    "axes.labelcolor": "ink",
    "figure.facecolor": "ground",
    "legend.labelcolor": "ink",
    "text.color": "ink",
    "xtick.color": "faint",
    "xtick.labelcolor": "ink",
    "ytick.color": "faint",
    "ytick.labelcolor": "ink",
}

# Matplotlib brings DejaVu Sans; the other fonts are for box names in scripts that it lacks.
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK KR",
    "Noto Sans CJK JP",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "NanumGothic",
)


@contextmanager
def figure_settings(theme: Theme = LIGHT) -> Iterator[None]:
    """Draw with the settings of this package inside the `with` block, whatever the user's are.

    Warnings about missing glyphs and about overflow are suppressed: differences of the largest
    numbers overflow inside Matplotlib without harm.
    """
    installed = set(font_manager.get_font_names())
    ignore_overflow = np.errstate(over="ignore", invalid="ignore")
    with mpl.rc_context(), warnings.catch_warnings(), ignore_overflow:
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        colours = {setting: theme.colour(name) for setting, name in _COLOUR_SETTINGS.items()}
        mpl.rcParams.update(colours)
        mpl.rcParams["font.family"] = [font for font in _FONTS if font in installed]
        yield


def page_size(figure: Figure) -> tuple[float, float]:
    """Return the width and height of a page, in points."""
    width, height = (float(inches) * POINTS_PER_INCH for inches in figure.get_size_inches())
    return width, height


@dataclass(frozen=True)
class Unit:
    """The unit of an axis's ticks: its name, and its size in data units along x and along y."""

    name: str
    x: float = 1.0
    y: float = 1.0


CELLS = Unit("cells (centres on .5)")
PLAIN_CELLS = Unit("cells")
PIXELS = Unit("image pixels")


def boxes_unit(trace: Trace, cells: Unit) -> Unit:
    """Return the unit of the boxes, for axes in cells; `cells` if the boxes are in cells."""
    if 0 in trace.scale:  # boxes that end at the centre of the only cell of an axis have no unit
        return cells
    if trace.convention.normalized:
        return Unit("normalised units", *trace.scale)
    return cells if trace.scale == (1.0, 1.0) else Unit(PIXELS.name, *trace.scale)


@dataclass(frozen=True)
class FigureStyle:
    """The style of one figure.

    Parameters
    ----------
    width
        The width of the page, in inches.
    title
        A title in place of the figure's own.
    theme
        The colours.
    colormap
        The name of a Matplotlib colormap for the cells, in place of the theme's shades.
    values
        Whether to write the cells' values: "auto" writes them where they fit.
    units
        The unit of the ticks on the map: "cells", or the unit of the boxes.
    aspect
        The width of the page / its height; None makes it as high as its panels need.
    photo_channel
        What the cells are of a photograph, such as "red channel"; None for other maps.
    level
        The level of a pyramid that the map is, such as "level 3"; "" for a single map.

    Raises
    ------
    ArgumentError
        If Matplotlib has no such colormap.
    """

    width: float = 7.0
    title: str | None = None
    theme: Theme = LIGHT
    colormap: str | None = None
    values: Values = "auto"
    units: Units = "cells"
    aspect: float | None = None
    photo_channel: str | None = None
    level: str = ""

    def __post_init__(self) -> None:
        if self.colormap is not None and self.colormap not in mpl.colormaps:
            near = difflib.get_close_matches(self.colormap, list(mpl.colormaps))
            known = alternatives(near or ["viridis", "cividis", "gray"])
            problem = f"{self.colormap!r} is not a colormap of Matplotlib; choose {known}"
            raise ArgumentError("colormap", problem)

    def unit(self, trace: Trace, cells: Unit | None = None) -> Unit:
        """Return the unit of the ticks on the map; `cells` is another name for cells."""
        cells = cells or (CELLS if trace.frame.whole else PLAIN_CELLS)
        return boxes_unit(trace, cells) if self.units == "boxes" else cells


DEFAULT_STYLE = FigureStyle()
