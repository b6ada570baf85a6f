"""What figures are drawn on: the page's size and looks, and what its ticks count."""

from __future__ import annotations

import difflib
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.colors import Colormap, LinearSegmentedColormap

from roialign_cli.analysis.trace import Trace
from roialign_cli.errors import ArgumentError
from roialign_cli.printable import printable
from roialign_cli.show.palette import LIGHT, Theme

_STYLE: dict[Any, Any] = {
    "font.size": 8.0,
    "axes.linewidth": 0.8,
    "hatch.linewidth": 0.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "roialign",
    "pdf.fonttype": 42,
}


# Setting → the theme's colour for it.
_COLOURS: dict[Any, str] = {
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

# DejaVu Sans comes with Matplotlib; the others are for box names in scripts that it lacks.
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
    """Give Matplotlib this package's looks, whatever the user's are, for as long as it lasts.

    Differences of the largest numbers overflow inside Matplotlib without harm.
    """
    here = set(font_manager.get_font_names())
    silent = np.errstate(over="ignore", invalid="ignore")
    with mpl.rc_context(), warnings.catch_warnings(), silent:
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        mpl.rcParams.update({setting: theme.colour(name) for setting, name in _COLOURS.items()})
        mpl.rcParams["font.family"] = [font for font in _FONTS if font in here]
        yield


@dataclass(frozen=True)
class Unit:
    """What ticks count: its name, and how many data units it is along x and y."""

    name: str
    x: float = 1.0
    y: float = 1.0


CELLS = Unit("cells (centres on .5)")


def boxes_unit(trace: Trace, cells: Unit | None = None) -> Unit:
    """Return the unit in which the boxes were given, on axes that count cells."""
    if 0 in trace.scale:  # along an axis of one cell, boxes that end at its centre have no unit
        return cells or CELLS
    if trace.convention.normalized:
        return Unit("normalised units", *trace.scale)
    return (cells or CELLS) if trace.scale == (1.0, 1.0) else Unit("image pixels", *trace.scale)


Values = Literal["auto", "always", "never"]
Units = Literal["cells", "boxes"]


@dataclass(frozen=True)
class FigureStyle:
    """What a figure is drawn on, and with.

    Parameters
    ----------
    width
        In inches.
    title
        In place of the figure's own.
    theme
        The colours.
    colormap
        The name of a Matplotlib colormap for the cells, in place of the theme's shades.
    values
        Whether the cells' values are written: where they fit, always or never.
    units
        What the ticks on the map count: cells, or the units in which the boxes are given.

    Raises
    ------
    ArgumentError
        If there is no such colormap.
    """

    width: float = 7.0
    title: str | None = None
    theme: Theme = LIGHT
    colormap: str | None = None
    values: Values = "auto"
    units: Units = "cells"

    def __post_init__(self) -> None:
        if self.colormap is not None and self.colormap not in mpl.colormaps:
            near = difflib.get_close_matches(self.colormap, list(mpl.colormaps)) or [
                "viridis",
                "cividis",
                "gray",
            ]
            raise ArgumentError(
                "colormap", f"Matplotlib has no {self.colormap!r}; there is {', '.join(near)}"
            )

    def shades(self, most: str = "high") -> Colormap:
        """Return the colormap asked for, or else shades from the theme's low to its `most`."""
        if self.colormap is not None:
            chosen = mpl.colormaps[self.colormap]
        else:
            ends = [self.theme.low, self.theme.colour(most)]
            chosen = LinearSegmentedColormap.from_list(most, ends)
        return chosen.with_extremes(bad=self.theme.not_a_number)

    def unit(self, trace: Trace, cells: Unit | None = None) -> Unit:
        """Return what the ticks on the map count; `cells` names cells in another way."""
        own = cells or (CELLS if trace.frame.whole else Unit("cells"))
        return boxes_unit(trace, own) if self.units == "boxes" else own

    def title_lines(self, own: Sequence[str], characters: float) -> list[str]:
        """Return the title in lines of at most so many characters."""
        if self.title is None:
            return _lines(own, characters)
        return textwrap.wrap(printable(self.title), max(int(characters), 1)) or [""]


DEFAULT_STYLE = FigureStyle()


def _lines(parts: Sequence[str], characters: float) -> list[str]:
    lines = [parts[0]]
    for part in parts[1:]:
        joined = f"{lines[-1]}  ·  {part}"
        if len(joined) <= characters:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines
