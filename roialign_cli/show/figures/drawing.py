"""What all views draw on their panels: arrays, lines, the area beyond the map.

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
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text
from numpy.typing import NDArray

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.geometry import Line, Sides
from roialign_cli.show.figures.page import Panel
from roialign_cli.show.figures.shades import Shades
from roialign_cli.show.palette import Theme
from roialign_cli.show.view import View, beyond_map

PathEffects = list[patheffects.AbstractPathEffect]

MIN_GRID_CELL = 8.0  # points; the edges of smaller cells are not drawn


def halo(colour: str, line: float = 0.0, width: float = 1.2) -> PathEffects:
    """Return effects that set a text, or a line this many points wide, off from its background.

    `width` is that of the halo on each side, in points.
    """
    stroke = patheffects.Stroke(linewidth=line + 2 * width, foreground=colour)
    return [stroke, patheffects.Normal()]


def set_tab(text: Text, colour: str) -> None:
    """Put a text on a tab that covers lines under it; unlike a halo, this keeps text as text."""
    text.set_bbox({"facecolor": colour, "edgecolor": "none", "boxstyle": "square,pad=0"})


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


def draw_cells(panel: Panel, cells: Float, sides: Sides, shades: Shades | None = None) -> None:
    """Draw cells shaded by their values.

    Parameters
    ----------
    panel
        The panel to draw on.
    cells
        (H, W), float; cells that are not finite get a colour of their own.
    sides
        Where the cells lie, in data units.
    shades
        The shades; those of the panel if None.
    """
    shades = shades or panel.shades
    finite = np.where(np.isfinite(cells), cells, np.nan)
    _draw_array(panel, finite, sides, shades.colours, (shades.low, shades.high), "nearest")


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
) -> None:
    """Draw an array as an image and leave the limits of the axes as they are."""
    axes = panel.axes
    x_limits, y_limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(
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


# Lines ------------------------------------------------------------------------------------------


def draw_lines(
    panel: Panel,
    lines: Sequence[Line],
    colour: str,
    width: float,
    *,
    zorder: float,
    linestyle: Any = "-",  # noqa: ANN401
    halo_width: float = 0.6,
    gid: str | None = None,
) -> None:
    """Draw straight lines with a halo, each given by its two ends (x, y) in data units.

    The other parameters are those of Matplotlib's lines; widths are in points.
    """
    collection = LineCollection(list(lines), colors=colour, linewidths=width, linestyles=linestyle)
    collection.set(zorder=zorder, gid=gid)
    if halo_width:
        collection.set_path_effects(halo(panel.theme.halo(colour), width, halo_width))
    panel.axes.add_collection(collection, autolim=False)


def draw_outline(
    panel: Panel,
    sides: Sides,
    colour: str,
    width: float,
    *,
    zorder: float = 4.0,
    clipped: bool = True,
    **properties: Any,  # noqa: ANN401
) -> None:
    """Draw the outline of a rectangle with a halo; other properties are those of patches."""
    outline = sides.patch(fill=False, edgecolor=colour, linewidth=width, zorder=zorder)
    outline.set(clip_on=clipped, joinstyle="miter", **properties)
    outline.set_path_effects(halo(panel.theme.halo(colour), width, 0.8))
    panel.axes.add_patch(outline)


def draw_grid(panel: Panel, sides: Sides, columns: int, rows: int) -> None:
    """Draw the edges of the cells that lie between these sides."""
    lines, colour = sides.grid(columns, rows), panel.theme.grid
    draw_lines(panel, lines, colour, 0.6, zorder=2, halo_width=0, gid="grid")
