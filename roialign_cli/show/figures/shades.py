"""The shades of the cells on a page, and the values that they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, to_hex

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.style import FigureStyle
from roialign_cli.show.palette import PHOTO
from roialign_cli.show.view import thinned

_MAX_START = 0.25  # of the largest value; shades of values that start below it start at 0
_MAX_RANGE_CELLS = 2000  # rows and columns to find the smallest and the largest value in


@dataclass(frozen=True)
class Shades:
    """A colormap, the values of its first and its last colour, and what the values are."""

    colours: Colormap
    low: float
    high: float
    name: str = "value"

    def colour(self, value: float) -> str:
        """Return the colour of a value, as "#RRGGBB"."""
        if not np.isfinite(value):
            return to_hex(self.colours(np.nan))
        share = float(Normalize(self.low, self.high)(value))
        return to_hex(self.colours(share))


def value_shades(style: FigureStyle, trace: Trace, *outputs: Float) -> Shades:
    """Return the shades of the values of a whole map and of outputs.

    A cell has the same shade in every view of its map.
    """
    if style.colormap is not None:
        colours = mpl.colormaps[style.colormap]
    else:
        ramp = style.theme.values if style.photo_channel is None else PHOTO
        colours = _ramp(ramp)
    low, high = value_range([trace.cells, *outputs])
    low = 0.0 if 0 < low < _MAX_START * high else low
    return _shades(style, colours, low, high, style.photo_channel or "value")


def weight_shades(style: FigureStyle, weights: Float) -> Shades:
    """Return the shades of weights, from 0 to the largest."""
    ends = [style.theme.ground, style.theme.weight]
    colours = mpl.colormaps[style.colormap] if style.colormap else _ramp(ends)
    return _shades(style, colours, 0.0, float(weights.max(initial=0.0)) or 1.0, "weight")


def difference_shades(style: FigureStyle, differences: Float) -> Shades:
    """Return the shades of differences; no difference has the colour in the middle."""
    theme = style.theme
    colours = _ramp([theme.less, theme.ground, theme.more])
    largest = max(map(abs, value_range([differences]))) or 1.0
    return _shades(style, colours, -largest, largest, "difference")


def _ramp(colours: Sequence[str]) -> Colormap:
    return LinearSegmentedColormap.from_list("ramp", list(colours))


def _shades(style: FigureStyle, colours: Colormap, low: float, high: float, name: str) -> Shades:
    return Shades(colours.with_extremes(bad=style.theme.not_a_number), low, high, name)


def value_range(arrays: Iterable[Float]) -> tuple[float, float]:
    """Return the smallest and the largest finite value of arrays; (0, 1) if there is none.

    Of very large arrays, evenly spaced values are looked at.
    """
    shown = (thinned(array, _MAX_RANGE_CELLS) for array in arrays)
    finite = [array[np.isfinite(array)] for array in shown]
    values = np.concatenate([part.ravel() for part in finite]) if finite else np.empty(0)
    return (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
