"""The foot of a page: the legend on the left, the colour bar on the right.

Lengths are in points (1/72 inch).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from roialign_cli.show.figures.phrases import text_width
from roialign_cli.show.figures.shades import Shades
from roialign_cli.show.figures.style import page_size
from roialign_cli.show.figures.wording import format_significant
from roialign_cli.show.palette import Theme

_SIZE, _LINE = 8.0, 12.5  # of the legend's texts
_HANDLE = 30.0  # the width of an entry without its text
_MARGIN = 10.0
_BAR_WIDTH, _BAR_HEIGHT, _BAR_ROOM, _BAR_FOOT = 84.0, 7.0, 122.0, 24.0
_TEXT_SIZE = 7.0  # of the texts of a colour bar


def foot_height(legend: Sequence[Artist], bars: int, page_width: float) -> float:
    """Return the height of the foot with a legend and this many colour bars."""
    return _laid_out(legend, bars, page_width).height


def draw_foot(
    figure: Figure, legend: Sequence[Artist], bars: Sequence[Shades], theme: Theme
) -> None:
    """Draw the legend and the colour bars of a page."""
    width, height = page_size(figure)
    layout = _laid_out(legend, len(bars), width)
    if legend:
        figure.legend(
            handles=list(legend),
            loc="lower left",
            bbox_to_anchor=(_MARGIN / width, 4.0 / height),
            ncols=layout.columns,
            fontsize=_SIZE,
            frameon=False,
            borderpad=0.1,
            borderaxespad=0.0,
            labelspacing=0.35,
            columnspacing=1.4,
            handletextpad=0.5,
            handlelength=1.6,
        )
    for number, shades in enumerate(reversed(bars)):
        start = width - 1.8 * _MARGIN - _BAR_WIDTH - number * _BAR_ROOM
        _draw_colour_bar(figure, shades, theme, (start, layout.bars_low))


@dataclass(frozen=True)
class _Foot:
    """The layout of a foot: the legend's columns and rows, and where the colour bars begin."""

    columns: int
    rows: int
    bars_low: float
    height: float


def _laid_out(legend: Sequence[Artist], bars: int, page_width: float) -> _Foot:
    """Return the lower of two layouts: the bars beside the legend, or over it."""
    room = page_width - 2 * _MARGIN
    columns, rows = _legend_grid(legend, room)
    over = _Foot(columns, rows, _LINE * rows + 5.0, _LINE * rows + _BAR_FOOT + 9.0)
    room -= bars * _BAR_ROOM
    columns, rows = _legend_grid(legend, room)
    beside = _Foot(columns, rows, 4.0, max(_LINE * rows, _BAR_FOOT) + 6.0)
    fits = room >= max(_BAR_ROOM, _entry_width(legend))
    return beside if fits and beside.height <= over.height else over


def _legend_grid(legend: Sequence[Artist], room: float) -> tuple[int, int]:
    """Return the number of columns and of rows of a legend."""
    if not legend:
        return 1, 0
    columns = max(int(room / _entry_width(legend)), 1)
    rows = math.ceil(len(legend) / columns)
    return math.ceil(len(legend) / rows), rows


def _entry_width(legend: Sequence[Artist]) -> float:
    """Return the width of the widest entry of a legend."""
    widths = (text_width(str(entry.get_label()), _SIZE) + _HANDLE for entry in legend)
    return max(widths, default=0.0)


def _draw_colour_bar(figure: Figure, shades: Shades, theme: Theme, at: tuple[float, float]) -> None:
    """Draw a colour bar with its name over it and its ends under it."""
    width, height = page_size(figure)
    place = at[0] / width, (at[1] + 8.5) / height, _BAR_WIDTH / width, _BAR_HEIGHT / height
    axes = figure.add_axes(place, gid="colour-bar")
    gradient = np.linspace(0, 1, 256)[None] if shades.high > shades.low else np.zeros((1, 1))
    axes.imshow(
        shades.colours(gradient), extent=(0, 1, 0, 1), aspect="auto", interpolation="nearest"
    )
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
    shares, labels = zip(*_bar_ticks(shades.low, shades.high), strict=True)
    axes.set_xticks(shares, labels)
    axes.set_yticks([])
    axes.tick_params(labelsize=_TEXT_SIZE, length=1.5, width=0.5, pad=1)
    name = axes.text(0.5, 1.25, shades.name, fontsize=_TEXT_SIZE, transform=axes.transAxes)
    name.set(ha="center", va="bottom", color=theme.ink)


def _bar_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return the place on the bar, from 0 to 1, and the text of each tick."""
    if not high > low:
        return [(0.5, format_significant(low))]
    if not np.isfinite(high - low):
        return [(0.0, format_significant(low)), (1.0, format_significant(high))]
    values = low, low + (high - low) / 2, high
    return [(n / 2, format_significant(value, 3)) for n, value in enumerate(values)]
