"""The part of the map around an ROI: the cells with their values, the ROI and its sections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import compress, product
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures.drawing import (
    MIN_GRID_CELL,
    draw_cells,
    draw_grid,
    draw_lines,
    draw_outline,
    draw_outside,
)
from roialign_cli.show.figures.geometry import (
    Line,
    Sides,
    Span,
    box_sides,
    differs_from_box,
    roi_sides,
    section_sides,
    section_spans,
)
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.page import Panel
from roialign_cli.show.figures.panels import (
    HEADINGS_ABOVE,
    HEADINGS_BESIDE,
    MIN_TEXT_SIZE,
    PanelSpec,
)
from roialign_cli.show.figures.phrases import Phrases, text_width
from roialign_cli.show.figures.style import FigureStyle
from roialign_cli.show.figures.wording import format_alike
from roialign_cli.show.palette import ink
from roialign_cli.show.view import View, beyond_map, map_view, shown_cells, thinned

_MAX_VALUE_SIZE = 8.0  # points
_MIN_VALUE_SIZE = 3.0  # points; smaller values cannot be read at any magnification
_DOT_SIZE = 2.2  # points, of the centre of a cell
_VALUE_DISTANCE = 3.0  # points from the centre of a cell to its value
_MIN_WIDE_SECTION = 24.0  # points; the edges of smaller sections are thinner
_MAX_CELLS_PER_POINT = 4  # more cells than there are pixels of print would be drawn in vain


# The cells --------------------------------------------------------------------------------------


def draw_map(panel: Panel, trace: Trace, values: Float | None = None) -> None:
    """Draw the cells in view, and hatching where the map ends.

    Parameters
    ----------
    panel
        The panel to draw on.
    trace
        A trace on the map.
    values
        (H, W), float: the values that shade the cells; those of the map if None.
    """
    if beyond_map(trace, panel.view):
        draw_outside(panel)
    rows, columns = shown_cells(trace, panel.view)
    cells = (trace.cells if values is None else values)[rows, columns]
    if not cells.size:
        return
    top, bottom = (trace.frame.row_edge(row) for row in (rows.start, rows.stop))
    sides = Sides(columns.start, columns.stop, top, bottom)
    max_cells = int(_MAX_CELLS_PER_POINT * panel.scale * max(panel.view.width, panel.view.height))
    draw_cells(panel, thinned(cells, max_cells), sides)
    if panel.scale >= MIN_GRID_CELL:
        draw_grid(panel, sides, cells.shape[1], cells.shape[0])
    whole = Sides(0, trace.map_size[1], *trace.map_y)
    border = whole.patch(fill=False, edgecolor=panel.theme.ink, linewidth=1.2, zorder=2.5)
    border.set_gid("border")
    panel.axes.add_patch(border)


def map_panel(
    trace: Trace,
    view: View,
    style: FigureStyle,
    heading: str = "",
    story: tuple[Phrases, ...] = (),
) -> PanelSpec:
    """Return a panel for a part of the map, with room for the numbers of sections."""
    return PanelSpec(
        view,
        style.unit(trace),
        heading,
        story,
        above=HEADINGS_ABOVE,
        beside=HEADINGS_BESIDE,
        bounds=map_view(trace),
    )


# The ROI ----------------------------------------------------------------------------------------


def section_room(panel: Panel, trace: Trace) -> tuple[float, float]:
    """Return the width and height of a section on the page, in points."""
    return abs(trace.section_width) * panel.scale, abs(trace.section_height) * panel.scale


def draw_roi(panel: Panel, trace: Trace, chosen: Section | None = None) -> None:
    """Draw an ROI with its first corner and its sections; outline a chosen section."""
    colour = panel.theme.section
    draw_sections(panel, trace, colour)
    outline_roi(panel, trace)
    if chosen is not None:
        clipped = not _is_in_view(panel.view, roi_sides(trace))
        sides = section_sides(trace, chosen.section)
        draw_outline(panel, sides, colour, 2.6, zorder=4.2, clipped=clipped)


def draw_sections(
    panel: Panel,
    trace: Trace,
    colour: str,
    linestyle: Any = "-",  # noqa: ANN401
    zorder: float = 3.0,
) -> None:
    """Draw the edges of an ROI's sections; sections of ROI Pool overlap and are rectangles."""
    columns, rows = section_spans(trace)
    width = 0.8 if min(section_room(panel, trace)) < _MIN_WIDE_SECTION else 1.3
    if trace.convention.clip_sections:
        draw_lines(panel, _edges(columns, rows), colour, width, zorder=zorder, linestyle=linestyle)
        return
    if trace.convention.points != "cells":
        lines = roi_sides(trace).grid(len(columns), len(rows))
        draw_lines(panel, lines, colour, width, zorder=zorder, linestyle=linestyle)
        return
    lines = []
    for (i, x), (j, y) in product(enumerate(columns), enumerate(rows)):
        if x[0] != x[1] and y[0] != y[1]:
            # Neighbours are inset by different distances, which keeps all edges visible.
            sides = Sides(*x, *y).inset((1.5 + 2 * ((i + j) % 2)) / panel.scale)
            lines += sides.grid(1, 1)
    draw_lines(panel, lines, colour, width, zorder=zorder, linestyle=linestyle)


def _edges(columns: Sequence[Span], rows: Sequence[Span]) -> list[Line]:
    """Return the edges of sections that meet but are not all of the same size."""
    xs, ys = ([spans[0][0], *(end for _, end in spans)] for spans in (columns, rows))
    vertical: list[Line] = [((x, ys[0]), (x, ys[-1])) for x in xs]
    horizontal: list[Line] = [((xs[0], y), (xs[-1], y)) for y in ys]
    return vertical + horizontal


def outline_roi(panel: Panel, trace: Trace) -> None:
    """Draw the outline of an ROI and its first corner, and with dashes the box if it differs."""
    clipped = not _is_in_view(panel.view, roi_sides(trace))
    if differs_from_box(trace):
        box = box_sides(trace)
        dashes: dict[str, Any] = {"linestyle": (0, (4, 2)), "zorder": 4.1, "gid": "box"}
        dashes["clipped"] = clipped or not _is_in_view(panel.view, box)
        draw_outline(panel, box, panel.theme.roi, 1.4, **dashes)
    draw_outline(panel, roi_sides(trace), panel.theme.roi, 2.2, clipped=clipped)
    corner = Line2D([trace.x], [trace.y], marker="o", color=panel.theme.roi, ms=6)
    corner.set(mec=panel.theme.ground, clip_on=clipped, zorder=5)
    panel.axes.add_line(corner)


def _is_in_view(view: View, sides: Sides) -> bool:
    """Return whether a whole rectangle is in view, so that its outline need not be clipped."""
    (left, right), (low, high) = sides.spans
    return view.left <= left and right <= view.right and view.low <= low and high <= view.high


# The values -------------------------------------------------------------------------------------


def cell_texts(
    panel: Panel,
    values: Float,
    max_size: float = _MAX_VALUE_SIZE,
    digits: tuple[int, int] = (3, 2),
) -> tuple[list[str], float] | None:
    """Return the values of cells as texts and their font size, None if there is no room.

    `digits` is how many significant digits a text has, and the fewest where there is no room.

    Raises
    ------
    ArgumentError
        If the style demands values for which there is no room.
    """
    demand = panel.style.values
    if demand == "never" or not values.size:
        return None
    for most in range(digits[0], digits[1] - 1, -1):
        strings = format_alike(values, most)
        longest = max(text_width(string, 1.0) for string in strings)
        size = min((panel.scale - 5) / longest, (panel.scale - 2) / 2.4, max_size)
        if size >= MIN_TEXT_SIZE:
            return strings, size
    if demand == "auto":
        return None
    if size < _MIN_VALUE_SIZE:
        needed = (_MIN_VALUE_SIZE * max(longest, 2.4) + 3) / panel.scale
        width = math.ceil(panel.style.width * needed)
        problem = f"a cell is {panel.scale:.1f} points wide, too small for the text"
        raise ArgumentError("values", f"{problem}; use a width of {width} inches")
    return strings, size


def write_values(
    placer: LabelPlacer,
    trace: Trace,
    lines: Sequence[Sides] = (),
    values: Float | None = None,
    hidden: NDArray[np.bool_] | None = None,
) -> None:
    """Mark the centres of the cells in view and write the cells' values, if there is room.

    A value is written under the centre of its cell or, where a mark or a line is in the way, over
    it or beside it. One that fits nowhere is left out, unless the figure's style demands all.

    Parameters
    ----------
    placer
        The labels of the panel.
    trace
        A trace on the map.
    lines
        The rectangles whose outlines the values avoid where they can.
    values
        (H, W), the values; those of the map if None. Zeros among weights are not written.
    hidden
        (H, W), which cells to leave out; None for no cell.
    """
    panel = placer.panel
    rows, columns = shown_cells(trace, panel.view)
    shown = (trace.cells if values is None else values)[rows, columns]
    texts = cell_texts(panel, shown, digits=(3, 2) if values is None else (3, 3))
    if texts is None:
        return
    cells = list(product(range(rows.start, rows.stop), range(columns.start, columns.stop)))
    centres = [(trace.frame.x(column), trace.frame.y(row)) for row, column in cells]
    grounds = [panel.shades.colour(value) for value in shown.ravel().tolist()]
    # A cell of weight 0 has neither a dot nor a text.
    has_text = np.ones(shown.size, np.bool_) if values is None else shown.ravel() != 0
    if hidden is not None:
        has_text &= ~hidden[rows, columns].ravel()
    written = [*compress(zip(texts[0], centres, grounds, strict=True), has_text)]
    labels = [
        Label(string, centre, TextStyle(texts[1], ink(ground), halo=ground))
        for string, centre, ground in written
    ]
    edges = [line for sides in lines for line in sides.grid(1, 1)]
    if _write_in_cells(placer, labels, edges):
        _draw_centres(panel, [(centre, ground) for _, centre, ground in written])


# Where a value stands in its cell, along x and up from the centre, 1 is beside the centre's dot;
# and what it costs. A line on either side of a number would read as a minus sign.
_VALUE_PLACES = (
    ((0.0, -1.0), 0.0),
    ((0.0, 1.0), 0.0),
    ((1.0, 0.0), 1.5),
    ((-1.0, 0.0), 1.5),
    ((0.0, -2.0), 1.7),
    ((0.0, 2.0), 1.7),
)
_COST_BLOCKED, _COST_CROSSED = 4.0, 1.0


def _write_in_cells(placer: LabelPlacer, labels: Sequence[Label], lines: Sequence[Line]) -> bool:
    """Write values beside the dots of their cells where they are free and on no horizontal line.

    A value without a free place is left out, unless the figure's style demands all. Returns whether
    the cells have room for dots; if not, the values are at the centres.
    """
    if not labels:
        return False
    sizes = np.array([placer.size(label.string, label.style) for label in labels])
    # Under or over the dot, the text's own padding keeps it off.
    wanted = sizes / 2 + np.array([_VALUE_DISTANCE, _VALUE_DISTANCE - 1])
    room = placer.panel.scale / 2 - 1 - sizes / 2
    horizontal = [line for line in lines if line[0][1] == line[1][1]]
    has_dots = bool((wanted[:, 1] <= room[:, 1] + 1).all())
    choices, costs = [], []
    for place, cost in _VALUE_PLACES if has_dots else (((0.0, 0.0), 0.0),):
        offsets = np.array(place) * wanted
        choice = [
            label.moved(*offset.tolist()) for label, offset in zip(labels, offsets, strict=True)
        ]
        is_too_far = (np.abs(offsets) > room + 1).any(axis=1)
        blocked = placer.is_blocked(choice) | is_too_far
        on_line = placer.crosses_line(choice, horizontal)
        choices.append(choice)
        costs.append(_COST_BLOCKED * blocked + _COST_CROSSED * on_line + cost)
    best, least = np.argmin(costs, axis=0).tolist(), np.min(costs, axis=0)
    placer.write(
        [
            choices[k][n]
            for n, k in enumerate(best)
            if least[n] < _COST_BLOCKED or placer.panel.style.values == "always"
        ]
    )
    return has_dots


def _draw_centres(panel: Panel, cells: Sequence[tuple[tuple[float, float], str]]) -> None:
    """Draw dots at the centres of cells, which are given with their colours."""
    if not cells:
        return
    x, y = zip(*(centre for centre, _ in cells), strict=True)
    colours = [ink(ground) for _, ground in cells]
    dots = panel.axes.scatter(x, y, s=_DOT_SIZE**2, c=colours, linewidths=0, zorder=2.6)
    dots.set_gid("centres")
