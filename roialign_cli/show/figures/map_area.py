"""The part of the map around an ROI: which it is, its cells, the sections' edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from matplotlib.colors import Colormap
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.sheet import (
    CHARACTER_WIDTH,
    MIN_GRID_CELL,
    MIN_TEXT_SIZE,
    POINTS_PER_INCH,
    Line,
    Panel,
    PanelSpec,
    draw_cells,
    draw_grid,
    draw_lines,
    draw_outside,
    format_alike,
    lattice,
    value_range,
)
from roialign_cli.show.figures.style import FigureStyle
from roialign_cli.show.view import View, shown_cells, thinned, zoom_note

MIN_VALUE_CELL = 12.0  # points; smaller cells have no value


def map_spec(
    trace: Trace,
    view: View,
    style: FigureStyle,
    **more: Any,  # noqa: ANN401
) -> PanelSpec:
    """Return a spec of the map, which says what part of the map it shows."""
    return PanelSpec(view, style.unit(trace), zoom_note(trace, view), **more)


_MIN_VALUE_SIZE = 3.0  # points; smaller values cannot be read at any size


def value_text_style(values: Float, view: View, style: FigureStyle) -> TextStyle | None:
    """Return how values are written in the cells of a view as wide as the style, None if not.

    Raises
    ------
    ArgumentError
        If they must be and there is no room.
    """
    room = style.width * POINTS_PER_INCH * 0.85 / max(view.width, view.height)
    if room < MIN_VALUE_CELL and style.values != "always":
        return None
    return cell_text_style(format_alike(values), room, style)


def cell_text_style(
    strings: Sequence[str], room: float, style: FigureStyle, largest: float = MIN_TEXT_SIZE
) -> TextStyle | None:
    """Return how texts are written in cells of so many points, None if they are not.

    They are as large as fits, up to `largest`.

    Raises
    ------
    ArgumentError
        If they must be and there is no room.
    """
    longest = max(map(len, strings), default=1) * CHARACTER_WIDTH
    size = min((room - 3) / longest, largest)
    look = TextStyle(size, "value")
    if style.values == "never":
        return None
    if style.values == "auto":
        return look if size >= MIN_TEXT_SIZE and room >= MIN_VALUE_CELL else None
    if size < _MIN_VALUE_SIZE:
        needed = math.ceil(style.width * (_MIN_VALUE_SIZE * longest + 3) / room)
        raise ArgumentError(
            "values",
            f"a cell is {room:.1f} points wide, too small to write in; {needed} inches have room",
        )
    return look


def draw_map(
    panel: Panel,
    trace: Trace,
    values: Float | None = None,
    colours: Colormap | None = None,
    *,
    shade_by_whole_map: bool = False,
) -> AxesImage | None:
    """Draw the cells in view on a hatched ground, and return their image if there is any.

    The cells are shaded by `values` (H, W), the map's own if None; their shades limits the values in
    view, or all of the map's.
    """
    draw_outside(panel)
    rows, columns = shown_cells(trace, panel.view)
    everywhere = trace.cells if values is None else values
    cells = everywhere[rows, columns]
    if not cells.size:
        return None
    top, bottom = (trace.frame.row_edge(row) for row in (rows.start, rows.stop))
    extent = columns.start, columns.stop, bottom, top
    limits = value_range(thinned(everywhere, _MAX_RANGE_CELLS)) if shade_by_whole_map else None
    # More cells than there are pixels of print would only be read to be left out.
    most = int(_MAX_CELLS_PER_POINT * panel.scale * max(panel.view.width, panel.view.height))
    image = draw_cells(panel, thinned(cells, most), extent, colours, limits)
    if panel.scale >= MIN_GRID_CELL:
        across = range(columns.start, columns.stop + 1)
        down = [trace.frame.row_edge(row) for row in range(rows.start, rows.stop + 1)]
        draw_grid(panel, across, down)
    _draw_map_border(panel, trace)
    return image


_MAX_CELLS_PER_POINT = 4  # cells that are drawn in a point of the sheet
_MAX_RANGE_CELLS = 2000  # rows and columns that the shades' ends are taken from


def _draw_map_border(panel: Panel, trace: Trace) -> None:
    rows, columns = trace.map_size
    panel.axes.add_patch(
        Rectangle(
            (0, trace.map_y[0]),
            columns,
            rows,
            fill=False,
            edgecolor=panel.theme.ink,
            linewidth=1.2,
            zorder=2.5,
        )
    )


def roi_lattice(trace: Trace) -> list[Line]:
    """Return the edges of the sections."""
    columns, rows = len(trace.output[0]), len(trace.output)
    down = trace.frame.y_sign
    across = [trace.x + i * trace.section_width for i in range(columns + 1)]
    along = [trace.y + down * j * trace.section_height for j in range(rows + 1)]
    return lattice(across, along)


def section_room(panel: Panel, trace: Trace) -> tuple[float, float]:
    """Return the width and height of a section on the panel, in points."""
    return abs(trace.section_width) * panel.scale, abs(trace.section_height) * panel.scale


def _in_view(view: View, trace: Trace) -> bool:
    """Return whether all of the ROI is in view; its outline may then stand on the view's edge."""
    right = trace.x + trace.width
    bottom = trace.bottom
    across = view.left <= min(trace.x, right) and max(trace.x, right) <= view.right
    return across and view.low <= min(trace.y, bottom) and max(trace.y, bottom) <= view.high


def draw_roi(panel: Panel, trace: Trace, chosen: Section | None, *, tinted: bool = True) -> None:
    """Draw the ROI's outline and corner, the sections' edges, and the chosen section."""
    down = trace.frame.y_sign
    crowded = min(section_room(panel, trace)) < 2 * MIN_VALUE_CELL
    look: dict[str, Any] = {"colors": panel.theme.section, "linewidths": 0.8 if crowded else 1.3}
    draw_lines(panel, roi_lattice(trace), zorder=3, **look)
    if chosen is not None:
        size = trace.section_width, down * trace.section_height
        if tinted:
            tint = Rectangle((chosen.x, chosen.y), *size, alpha=0.13)
            tint.set(facecolor=panel.theme.section, linewidth=0, zorder=2.8)
            panel.axes.add_patch(tint)
        _outline(panel, trace, (chosen.x, chosen.y), size, panel.theme.section)
    outline_roi(panel, trace)
    dot = Line2D([trace.x], [trace.y], marker="o", color=panel.theme.roi, ms=7)
    dot.set(mec=panel.theme.ground, clip_on=not _in_view(panel.view, trace), zorder=5)
    panel.axes.add_line(dot)


def outline_roi(panel: Panel, trace: Trace) -> None:
    """Draw the ROI's outline."""
    extent = trace.width, trace.bottom - trace.y
    _outline(panel, trace, (trace.x, trace.y), extent, panel.theme.roi)


def _outline(
    panel: Panel,
    trace: Trace,
    corner: tuple[float, float],
    extent: tuple[float, float],
    colour: str,
) -> None:
    outline = Rectangle(corner, *extent, fill=False, edgecolor=colour, linewidth=2.4, zorder=4)
    outline.set(clip_on=not _in_view(panel.view, trace), joinstyle="miter")
    panel.axes.add_patch(outline)


# Texts ------------------------------------------------------------------------------------------

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
    placer: LabelPlacer, trace: Trace, look: TextStyle, wanted: set[tuple[float, float]]
) -> None:
    """Write the cells' values where most can be read in a cell, and the rest where they can.

    Those of the cells whose middles are `wanted` matter most. One without a free place is left out,
    unless all are asked for.
    """
    panel = placer.panel
    rows, columns = shown_cells(trace, panel.view)
    strings = format_alike(trace.cells[rows, columns])
    places = product(range(rows.start, rows.stop), range(columns.start, columns.stop))
    middles = [(trace.frame.x(c), trace.frame.y(r)) for r, c in places]
    sizes = [placer.size(string, look) for string in strings]
    room = panel.scale, panel.scale
    weight = np.array([8.0 if middle in wanted else 1.0 for middle in middles])
    choices = [
        [
            Label(string, middle, anchored(anchor, room, size, 2.5), look)
            for string, middle, size in zip(strings, middles, sizes, strict=True)
        ]
        for anchor in _VALUE_ANCHORS
    ]
    lines = roi_lattice(trace)
    lost = [
        float(
            weight @ np.maximum(placer.is_blocked(labels), 0.6 * placer.crosses_line(labels, lines))
        )
        for labels in choices
    ]
    best = choices[int(np.argmin(lost))]
    always = panel.style.values == "always"
    for place, label in enumerate(best):
        free = placer.write_first_that_fits([[label], *([labels[place]] for labels in choices)])
        if always and not free:
            placer.write([label])
