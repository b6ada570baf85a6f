"""What all views draw on their panels: arrays, lines, the area beyond the map, a colour bar.

Lengths on a page are in points (1/72 inch).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap
from matplotlib.image import AxesImage
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.geometry import Line, Sides
from roialign_cli.show.figures.page import (
    MIN_TEXT_SIZE,
    POINTS_PER_INCH,
    TICK_SIZE,
    Panel,
    tick_positions,
)
from roialign_cli.show.palette import Theme
from roialign_cli.show.view import View, beyond_map

PathEffects = list[patheffects.AbstractPathEffect]

COLOUR_BAR_ROOM = 50.0  # points beside the axes for a colour bar and its ticks
MIN_GRID_CELL = 4.0  # points; the edges of smaller cells are not drawn


def halo(colour: str, line: float = 0.0, width: float = 1.2) -> PathEffects:
    """Return effects that set a text, or a line this many points wide, off from its background.

    `width` is that of the halo on each side, in points.
    """
    stroke = patheffects.Stroke(linewidth=line + 2 * width, foreground=colour)
    return [stroke, patheffects.Normal()]


# The area beyond the map ------------------------------------------------------------------------


def _outside_style(theme: Theme) -> dict[str, Any]:
    return {"facecolor": theme.outside, "edgecolor": theme.outside_edge, "hatch": "////"}


def outside_entries(theme: Theme, trace: Trace, view: View) -> list[Artist]:
    """Return the legend entry for the area beyond the map; none if it is not in view."""
    entry = Patch(**_outside_style(theme), linewidth=0.5, label="outside the map")
    return [entry] if beyond_map(trace, view) else []


def draw_outside(panel: Panel) -> None:
    """Hatch the whole panel; the map is drawn over the hatching."""
    view = panel.view
    corner = view.left, view.low
    everything = Rectangle(corner, view.width, view.height, **_outside_style(panel.theme))
    everything.set(linewidth=0, zorder=0)
    panel.axes.add_patch(everything)


# Arrays -----------------------------------------------------------------------------------------


def draw_cells(
    panel: Panel,
    cells: Float,
    sides: Sides,
    colours: Colormap | None = None,
    limits: tuple[float, float] | None = None,
) -> AxesImage:
    """Draw cells shaded by their values.

    Parameters
    ----------
    panel
        The panel to draw on.
    cells
        (H, W), float; cells that are not finite get a colour of their own.
    sides
        Where the cells lie, in data units.
    colours
        The colormap; the style's if None.
    limits
        The values of the first and the last colour; the smallest and the largest cell if None.
    """
    finite = np.where(np.isfinite(cells), cells, np.nan)
    colours = colours or panel.style.shades()
    return _draw_array(panel, finite, sides, colours, limits or value_range(cells), "nearest")


def draw_photo(panel: Panel, image: NDArray[np.uint8], sides: Sides) -> None:
    """Draw a photo, (H, W, 3) or (H, W), uint8, between these sides in data units."""
    _draw_array(panel, image, sides, "gray", (0, 255), "antialiased")


def _draw_array(
    panel: Panel,
    array: NDArray[Any],
    sides: Sides,
    colours: Colormap | str,
    limits: tuple[float, float],
    interpolation: str,
) -> AxesImage:
    """Draw an array as an image and leave the limits of the axes as they are."""
    axes = panel.axes
    x_limits, y_limits = axes.get_xlim(), axes.get_ylim()
    image = axes.imshow(
        array,
        cmap=colours,
        vmin=limits[0],
        vmax=limits[1],
        interpolation=interpolation,
        extent=(sides.left, sides.right, sides.bottom, sides.top),
        origin="upper",
        aspect="auto",
        zorder=1,
    )
    axes.set_xlim(x_limits)
    axes.set_ylim(y_limits)
    return image


def value_range(values: Float) -> tuple[float, float]:
    """Return the smallest and the largest finite value of an array; (0, 1) if there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def draw_colour_bar(panel: Panel, image: AxesImage, distance: float) -> None:
    """Draw a colour bar for an image, this many points right of the axes."""
    axes, width = panel.axes.get_position(), panel.figure.get_figwidth() * POINTS_PER_INCH
    place = (axes.x1 + distance / width, axes.y0, 7.0 / width, axes.height)
    low, high = image.get_clim()
    if not np.isfinite(high - low):  # Matplotlib has no ticks for so wide a range
        return
    bar = panel.figure.colorbar(image, cax=panel.figure.add_axes(place))
    height = axes.height * panel.figure.get_figheight() * POINTS_PER_INCH
    max_ticks = max(min(int(height / (2 * TICK_SIZE)), 5), 1)
    bar.set_ticks(tick_positions(low, high, max_ticks))
    bar.ax.tick_params(labelsize=MIN_TEXT_SIZE, length=2)
    bar.outline.set_linewidth(0.5)


# Lines ------------------------------------------------------------------------------------------


def draw_lines(
    panel: Panel,
    lines: Sequence[Line],
    colour: str,
    width: float,
    *,
    zorder: float,
    linestyle: str = "-",
    path_effects: PathEffects | None = None,
) -> None:
    """Draw straight lines, each given by its two ends (x, y) in data units.

    The other parameters are those of Matplotlib's lines; `width` is in points.
    """
    collection = LineCollection(list(lines), colors=colour, linewidths=width, linestyles=linestyle)
    collection.set(zorder=zorder, path_effects=path_effects)
    panel.axes.add_collection(collection, autolim=False)


def draw_grid(panel: Panel, sides: Sides, columns: int, rows: int) -> None:
    """Draw the edges of the cells that lie between these sides."""
    draw_lines(panel, sides.grid(columns, rows), panel.theme.grid, 0.6, zorder=2)
