"""The part of the map around an ROI: which it is, its cells, the sections' edges."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from matplotlib.colors import Colormap
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from roialign_cli.boxes import Float
from roialign_cli.show import palette
from roialign_cli.show.drawing import (
    CHARACTER,
    GRID_CELL,
    GRID_LOOK,
    INK,
    POINTS_PER_INCH,
    SMALLEST_TEXT,
    Line,
    Sheet,
    draw_cells,
    draw_lines,
    draw_outside,
    lattice,
    written_alike,
)
from roialign_cli.show.texts import Label, Look, Texts
from roialign_cli.show.view import View
from roialign_cli.tracing import Section, Trace

LEAST_CELL = 12.0  # points; smaller cells have no value


def shown_cells(trace: Trace, view: View) -> tuple[slice, slice]:
    """Return the rows and columns that are seen at least in part."""
    rows, columns = trace.map_size
    top, bottom = view.low, view.high
    if view.y_up:
        top, bottom = rows - view.high, rows - view.low
    return _indices(top, bottom, rows), _indices(view.left, view.right, columns)


def _indices(low: float, high: float, cells: int) -> slice:
    return slice(max(int(np.floor(low)), 0), min(max(int(np.ceil(high)), 0), cells))


def values_fit(values: Float, view: View, width: float) -> bool:
    """Return whether a value can be written in each cell of a view so many inches wide."""
    cell = width * POINTS_PER_INCH * 0.85 / max(view.width, view.height)
    if not values.size or cell < LEAST_CELL:
        return values.size == 0
    longest = max(map(len, written_alike(values)))
    return longest * SMALLEST_TEXT * CHARACTER + 3 <= cell


def draw_map(
    sheet: Sheet,
    trace: Trace,
    values: Float | None = None,
    colours: Colormap | None = None,
    shades_of: Float | None = None,
) -> AxesImage | None:
    """Draw the cells in view on a hatched ground, and return their image if there is any.

    The cells are shaded by `values` (H, W), the map's own if None.
    """
    draw_outside(sheet)
    rows, columns = shown_cells(trace, sheet.view)
    cells = (trace.cells if values is None else values)[rows, columns]
    if not cells.size:
        return None
    top, bottom = (_edge(trace, row) for row in (rows.start, rows.stop))
    image = draw_cells(sheet, cells, (columns.start, columns.stop, bottom, top), colours, shades_of)
    if sheet.scale >= GRID_CELL:
        across = range(columns.start, columns.stop + 1)
        down = [_edge(trace, row) for row in range(rows.start, rows.stop + 1)]
        draw_lines(sheet, lattice(across, down), **GRID_LOOK)
    _draw_map_border(sheet, trace)
    return image


def _edge(trace: Trace, row: int) -> float:
    """Return the y of a row's upper edge."""
    return float(trace.map_size[0] - row if trace.frame.y_up else row)


def _draw_map_border(sheet: Sheet, trace: Trace) -> None:
    rows, columns = trace.map_size
    sheet.axes.add_patch(
        Rectangle((0, 0), columns, rows, fill=False, edgecolor=INK, linewidth=1.2, zorder=2.5)
    )


def roi_lattice(trace: Trace) -> list[Line]:
    """Return the edges of the sections."""
    columns, rows = len(trace.output[0]), len(trace.output)
    down = -1 if trace.frame.y_up else 1
    across = [trace.x + i * trace.section_width for i in range(columns + 1)]
    along = [trace.y + down * j * trace.section_height for j in range(rows + 1)]
    return lattice(across, along)


def section_room(sheet: Sheet, trace: Trace) -> tuple[float, float]:
    """Return the width and height of a section on the sheet, in points."""
    return abs(trace.section_width) * sheet.scale, abs(trace.section_height) * sheet.scale


def _in_view(view: View, trace: Trace) -> bool:
    """Return whether all of the ROI is in view; its outline may then stand on the view's edge."""
    right = trace.x + trace.width
    bottom = trace.bottom
    across = view.left <= min(trace.x, right) and max(trace.x, right) <= view.right
    return across and view.low <= min(trace.y, bottom) and max(trace.y, bottom) <= view.high


def draw_roi(sheet: Sheet, trace: Trace, chosen: Section | None, *, tinted: bool = True) -> None:
    """Draw the ROI's outline and corner, the sections' edges, and the chosen section."""
    down = -1 if trace.frame.y_up else 1
    crowded = min(section_room(sheet, trace)) < 2 * LEAST_CELL
    look: dict[str, Any] = {"colors": palette.SECTION, "linewidths": 0.8 if crowded else 1.3}
    draw_lines(sheet, roi_lattice(trace), zorder=3, **look)
    if chosen is not None:
        size = trace.section_width, down * trace.section_height
        if tinted:
            tint = Rectangle((chosen.x, chosen.y), *size, facecolor=palette.SECTION, alpha=0.13)
            tint.set(linewidth=0, zorder=2.8)
            sheet.axes.add_patch(tint)
        _outline(sheet, trace, (chosen.x, chosen.y), size, palette.SECTION)
    outline_roi(sheet, trace)
    dot = Line2D([trace.x], [trace.y], marker="o", color=palette.ROI, ms=7, mec="#FFFFFF")
    dot.set(clip_on=not _in_view(sheet.view, trace), zorder=5)
    sheet.axes.add_line(dot)


def outline_roi(sheet: Sheet, trace: Trace) -> None:
    """Draw the ROI's outline."""
    extent = trace.width, trace.bottom - trace.y
    _outline(sheet, trace, (trace.x, trace.y), extent, palette.ROI)


def _outline(
    sheet: Sheet,
    trace: Trace,
    corner: tuple[float, float],
    extent: tuple[float, float],
    colour: str,
) -> None:
    outline = Rectangle(corner, *extent, fill=False, edgecolor=colour, linewidth=2.4, zorder=4)
    outline.set(clip_on=not _in_view(sheet.view, trace), joinstyle="miter")
    sheet.axes.add_patch(outline)


# Texts ------------------------------------------------------------------------------------------

_VALUE = Look(SMALLEST_TEXT, "#4B5563")
# Where in a cell a value may stand: its middle first, then corners, then sides.
_SIDES = (0.0, -1.0, 1.0, -0.5, 0.5)
_VALUE_ANCHORS = sorted(
    ((across, up) for across in _SIDES for up in _SIDES),
    key=lambda at: (abs(at[0]) != abs(at[1]), abs(at[0]) % 1),
)


def anchored(
    anchor: tuple[float, float], room: tuple[float, float], text: tuple[float, float], pad: float
) -> tuple[float, float]:
    """Return the offset of a text from the middle of its room, on the sides of the anchor."""
    across, up = (
        side * max((space - length) / 2 - pad, 0.0)
        for side, space, length in zip(anchor, room, text, strict=True)
    )
    return across, up


def write_values(
    texts: Texts, trace: Trace, values: Float, wanted: set[tuple[float, float]]
) -> None:
    """Write the cells' values (H, W) where most can be read in a cell, and the rest where they can.

    Those of the cells whose middles are `wanted` matter most.
    """
    sheet = texts.sheet
    rows, columns = shown_cells(trace, sheet.view)
    strings = written_alike(values[rows, columns])
    places = product(range(rows.start, rows.stop), range(columns.start, columns.stop))
    middles = [(trace.frame.x(c), trace.frame.y(r)) for r, c in places]
    sizes = [texts.size(string, _VALUE) for string in strings]
    room = sheet.scale, sheet.scale
    weight = np.array([8.0 if middle in wanted else 1.0 for middle in middles])
    choices = [
        [
            Label(string, middle, anchored(anchor, room, size, 2.5), _VALUE)
            for string, middle, size in zip(strings, middles, sizes, strict=True)
        ]
        for anchor in _VALUE_ANCHORS
    ]
    lines = roi_lattice(trace)
    lost = [
        float(weight @ np.maximum(texts.hidden(labels), 0.6 * texts.struck(labels, lines)))
        for labels in choices
    ]
    best = choices[int(np.argmin(lost))]
    for place, label in enumerate(best):
        texts.write_first_free([[label], *([labels[place]] for labels in choices)])
