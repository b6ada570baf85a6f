"""The part of the map around an ROI: the cells with their values, the ROI and its sections."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import product

import numpy as np
from matplotlib.colors import Colormap
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D

from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures.drawing import (
    MIN_GRID_CELL,
    draw_cells,
    draw_grid,
    draw_lines,
    draw_outside,
    value_range,
)
from roialign_cli.show.figures.geometry import Sides, roi_sides, section_lines, section_sides
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.page import MIN_TEXT_SIZE, POINTS_PER_INCH, Panel, estimated_width
from roialign_cli.show.figures.style import FigureStyle
from roialign_cli.show.figures.wording import format_alike
from roialign_cli.show.view import View, shown_cells, thinned

_MIN_VALUE_CELL = 12.0  # points; "auto" writes no values in smaller cells
_MIN_VALUE_SIZE = 3.0  # points; smaller values cannot be read at any magnification
_MIN_WIDE_SECTION = 24.0  # points; the edges of smaller sections are thinner
_MAX_CELLS_PER_POINT = 4  # more cells than there are pixels of print would be drawn in vain
_MAX_RANGE_CELLS = 2000  # rows and columns to find the smallest and the largest value in


# The cells --------------------------------------------------------------------------------------


def draw_map(
    panel: Panel,
    trace: Trace,
    values: Float | None = None,
    colours: Colormap | None = None,
    *,
    shade_by_whole_map: bool = False,
) -> AxesImage | None:
    """Draw the cells in view, and hatching where the map ends.

    Parameters
    ----------
    panel
        The panel to draw on.
    trace
        A trace on the map.
    values
        (H, W), float: the values that shade the cells; those of the map if None.
    colours
        The colormap; the style's if None.
    shade_by_whole_map
        Whether the colours range over the values of the whole map or of the cells in view.

    Returns
    -------
    The image of the cells; None if no cell is in view.
    """
    draw_outside(panel)
    rows, columns = shown_cells(trace, panel.view)
    values = trace.cells if values is None else values
    cells = values[rows, columns]
    if not cells.size:
        return None
    top, bottom = (trace.frame.row_edge(row) for row in (rows.start, rows.stop))
    sides = Sides(columns.start, columns.stop, top, bottom)
    limits = value_range(thinned(values, _MAX_RANGE_CELLS)) if shade_by_whole_map else None
    max_cells = int(_MAX_CELLS_PER_POINT * panel.scale * max(panel.view.width, panel.view.height))
    image = draw_cells(panel, thinned(cells, max_cells), sides, colours, limits)
    if panel.scale >= MIN_GRID_CELL:
        draw_grid(panel, sides, cells.shape[1], cells.shape[0])
    whole = Sides(0, trace.map_size[1], *trace.map_y)
    border = whole.patch(fill=False, edgecolor=panel.theme.ink, linewidth=1.2, zorder=2.5)
    panel.axes.add_patch(border)
    return image


# The ROI ----------------------------------------------------------------------------------------


def section_room(panel: Panel, trace: Trace) -> tuple[float, float]:
    """Return the width and height of a section on the page, in points."""
    return abs(trace.section_width) * panel.scale, abs(trace.section_height) * panel.scale


def draw_roi(panel: Panel, trace: Trace, chosen: Section | None, *, tinted: bool = True) -> None:
    """Draw an ROI with its first corner and the edges of its sections; outline a chosen section.

    `tinted` says whether to tint the chosen section as well.
    """
    colour = panel.theme.section
    width = 0.8 if min(section_room(panel, trace)) < _MIN_WIDE_SECTION else 1.3
    draw_lines(panel, section_lines(trace), colour, width, zorder=3)
    if chosen is not None:
        sides = section_sides(trace, chosen)
        if tinted:
            tint = sides.patch(facecolor=colour, alpha=0.13, linewidth=0, zorder=2.8)
            panel.axes.add_patch(tint)
        _outline(panel, trace, sides, colour)
    outline_roi(panel, trace)
    corner = Line2D([trace.x], [trace.y], marker="o", color=panel.theme.roi, ms=7)
    corner.set(mec=panel.theme.ground, clip_on=not _is_in_view(panel.view, trace), zorder=5)
    panel.axes.add_line(corner)


def outline_roi(panel: Panel, trace: Trace) -> None:
    """Draw the outline of an ROI."""
    _outline(panel, trace, roi_sides(trace), panel.theme.roi)


def _outline(panel: Panel, trace: Trace, sides: Sides, colour: str) -> None:
    outline = sides.patch(fill=False, edgecolor=colour, linewidth=2.4, zorder=4)
    outline.set(clip_on=not _is_in_view(panel.view, trace), joinstyle="miter")
    panel.axes.add_patch(outline)


def _is_in_view(view: View, trace: Trace) -> bool:
    """Return whether the whole ROI is in view, so that its outline need not be clipped."""
    (left, right), (low, high) = roi_sides(trace).spans
    return view.left <= left and right <= view.right and view.low <= low and high <= view.high


# The values -------------------------------------------------------------------------------------

# Where in a cell a value may stand, from −1 to 1 along x and upward: in the middle first, then
# towards the corners, then towards the sides.
_STEPS = (0.0, -1.0, 1.0, -0.5, 0.5)
_VALUE_ANCHORS = sorted(
    product(_STEPS, _STEPS), key=lambda at: (abs(at[0]) != abs(at[1]), abs(at[0]) % 1)
)
# What it costs to leave out the value of a cell, by whether a sample point reads the cell.
_COST_USED, _COST_UNUSED = 8.0, 1.0
_COST_CROSSED = 0.6  # the share of this for a value that crosses the edge of a section


def value_text_style(values: Float, view: View, style: FigureStyle) -> TextStyle | None:
    """Return how to write the values of the cells in view, (rows, columns); None not to.

    The view is as wide as the page.

    Raises
    ------
    ArgumentError
        If the style demands values for which there is no room.
    """
    room = style.width * POINTS_PER_INCH * 0.85 / max(view.width, view.height)
    if room < _MIN_VALUE_CELL and style.values != "always":
        return None
    return cell_text_style(format_alike(values), room, style)


def cell_text_style(
    strings: Sequence[str], room: float, style: FigureStyle, max_size: float = MIN_TEXT_SIZE
) -> TextStyle | None:
    """Return how to write texts in cells, as large as fits; None not to write them.

    The width of a cell, `room`, and the largest font size are in points (1/72 inch).

    Raises
    ------
    ArgumentError
        If the style demands values for which there is no room.
    """
    longest = estimated_width(strings or ["0"], 1.0)
    size = min((room - 3) / longest, max_size)
    if style.values == "never":
        return None
    if style.values == "auto" and (size < MIN_TEXT_SIZE or room < _MIN_VALUE_CELL):
        return None
    if style.values == "always" and size < _MIN_VALUE_SIZE:
        needed = math.ceil(style.width * (_MIN_VALUE_SIZE * longest + 3) / room)
        problem = f"a cell is {room:.1f} points wide, too small for the text"
        raise ArgumentError("values", f"{problem}; use a width of {needed} inches")
    return TextStyle(size, "value")


def anchored(
    anchor: tuple[float, float], room: tuple[float, float], text: tuple[float, float], pad: float
) -> tuple[float, float]:
    """Return the offset of a text from the middle of its cell or section, in points.

    The anchor is the place in the cell, from −1 to 1 along x and upward. `room` and `text` are the
    width and height of the cell and of the text, `pad` the least space between them, in points.
    """
    right, up = (
        side * max((space - length) / 2 - pad, 0.0)
        for side, space, length in zip(anchor, room, text, strict=True)
    )
    return right, up


def write_values(
    placer: LabelPlacer, trace: Trace, style: TextStyle, used: Collection[tuple[float, float]]
) -> None:
    """Write the values of the cells in view, all at the same place in their cells if possible.

    A value that does not fit there is written elsewhere in its cell. One that fits nowhere is left
    out, unless the figure's style demands all values.

    Parameters
    ----------
    placer
        The labels of the panel.
    trace
        A trace on the map.
    style
        The style of the values.
    used
        The centres (x, y) of the cells that sample points read, whose values matter most.
    """
    panel = placer.panel
    rows, columns = shown_cells(trace, panel.view)
    strings = format_alike(trace.cells[rows, columns])
    cells = product(range(rows.start, rows.stop), range(columns.start, columns.stop))
    centres = [(trace.frame.x(column), trace.frame.y(row)) for row, column in cells]
    sizes = [placer.size(string, style) for string in strings]
    room = panel.scale, panel.scale
    costs = np.array([_COST_USED if centre in used else _COST_UNUSED for centre in centres])
    choices = [
        [
            Label(string, centre, style, anchored(anchor, room, size, 2.5))
            for string, centre, size in zip(strings, centres, sizes, strict=True)
        ]
        for anchor in _VALUE_ANCHORS
    ]
    edges = section_lines(trace)
    totals = []
    for labels in choices:
        crossed = _COST_CROSSED * placer.crosses_line(labels, edges)
        totals.append(float(costs @ np.maximum(placer.is_blocked(labels), crossed)))
    best = choices[int(np.argmin(totals))]
    for index, label in enumerate(best):
        written = placer.write_first_that_fits([[label], *([c[index]] for c in choices)])
        if not written and panel.style.values == "always":
            placer.write([label])
