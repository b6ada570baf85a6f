"""Boxes on their image: sections, sample points, and the cells that one point is made of.

Everything is drawn where the trace says it is; the only computation is that of places for placer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from roialign_cli.analysis.sections import Point
from roialign_cli.analysis.trace import Trace
from roialign_cli.errors import ArgumentError
from roialign_cli.show import palette
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.marks import (
    draw_points,
    mark_line,
    mark_size,
    marks,
    point_entries,
)
from roialign_cli.show.figures.point import selected_point
from roialign_cli.show.figures.sheet import (
    MIN_GRID_CELL,
    Bounds,
    Panel,
    PanelSpec,
    draw_cells,
    draw_grid,
    draw_lines,
    draw_outside,
    draw_picture,
    halo,
    lattice,
    new_panel,
    title_parts,
)
from roialign_cli.show.figures.style import CELLS, DEFAULT_STYLE, FigureStyle, Unit, figure_settings
from roialign_cli.show.palette import Theme
from roialign_cli.show.view import View


def overlay_figure(
    traces: Sequence[Trace],
    image: NDArray[np.uint8] | None,
    *,
    stride: int | None = None,
    labels: Sequence[str] = (),
    section: tuple[int, int] = (1, 1),
    point: tuple[int, int] = (1, 1),
    style: FigureStyle = DEFAULT_STYLE,
) -> Figure:
    """Draw boxes on the image with their sections and points, and what one point is made of.

    Parameters
    ----------
    traces
        One a box, all on the same map.
    image
        (H, W, 3) or (H, W), uint8, of which the map is made; None draws the map's cells instead.
    stride
        Pixels of the image per cell; by the boxes' scale if None.
    labels
        The boxes' names, one a trace; "box 1", … where there is none.
    section, point
        (i, j) and (n, m): the point of the first trace whose neighbour cells are drawn.
    style
        What the figure is drawn on.

    Raises
    ------
    ArgumentError
        If there is nothing to draw, no such section or point, or the image has another shape.
    """
    traces = [replace(trace, scale=_cells_per_pixel(trace, stride)) for trace in traces]
    boxes = _named_boxes(traces, labels)
    _check_image(image)
    marked = _marked_point(traces[0], section, point)
    extent = _picture_extent(traces[0], image)
    with figure_settings(style.theme):
        view = _picture_view(boxes, extent, y_up=traces[0].frame.y_up)
        panel = new_panel(
            PanelSpec(view, _unit(traces[0], image)),
            style,
            title=_overlay_title(boxes),
            legend=_overlay_legend(style.theme, boxes, section, marked),
        )
        _draw_image(panel, traces[0], image, extent)
        if marked is not None and marked.in_bounds:
            _draw_neighbours(panel, traces[0], marked)
        for box in boxes:
            _draw_box(panel, box)
        if marked is not None:
            _draw_marked(panel, traces[0], marked)
        _write_names(LabelPlacer(panel), boxes)
    return panel.figure


def _cells_per_pixel(trace: Trace, stride: int | None) -> tuple[float, float]:
    if stride is not None:
        return 1 / stride, 1 / stride
    # Normalised boxes are not in pixels: the picture's unit is then the cell.
    return (1.0, 1.0) if trace.convention.normalized else trace.scale


def _unit(trace: Trace, image: NDArray[np.uint8] | None) -> Unit:
    """Return the unit of the axes, which count pixels if there are any."""
    if image is None and (trace.convention.normalized or trace.scale == (1.0, 1.0)):
        return CELLS
    return Unit("image pixels")


@dataclass(frozen=True)
class _Box:
    """A trace on the picture, with its name and looks."""

    trace: Trace
    name: str
    colour: str
    dashes: str

    @property
    def corners(self) -> Bounds:
        """Left, right, top and bottom as seen, in image pixels."""
        trace = self.trace
        down = trace.frame.y_sign
        right, bottom = trace.x + trace.width, trace.y + down * trace.height
        (sx, sy) = trace.scale
        return trace.x / sx, right / sx, trace.y / sy, bottom / sy


_DASHES = "-", "--", ":", "-."


def _named_boxes(traces: Sequence[Trace], labels: Sequence[str]) -> list[_Box]:
    if not traces:
        raise ArgumentError("boxes", "there is none to draw")
    looks = list(product(_DASHES, palette.BOXES))
    return [
        _Box(
            trace,
            labels[index] if index < len(labels) else f"box {index + 1}",
            *reversed(looks[index % len(looks)]),
        )
        for index, trace in enumerate(traces)
    ]


def _check_image(image: NDArray[np.uint8] | None) -> None:
    if image is None:
        return
    if not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)) or 0 in image.shape:
        raise ArgumentError("image", f"must be (H, W, 3) or (H, W), got {image.shape}")


def _marked_point(trace: Trace, section: tuple[int, int], point: tuple[int, int]) -> Point | None:
    """Return the point asked for, None if its section has none."""
    return selected_point(trace, section, point) if trace.section(*section).points else None


def _picture_extent(trace: Trace, image: NDArray[np.uint8] | None) -> Bounds:
    """Return the picture's left, right, bottom and top as seen; its upper left is the map's."""
    rows, columns = trace.map_size
    across, down = columns / trace.scale[0], rows / trace.scale[1]
    top = trace.frame.row_edge(0) / trace.scale[1]
    if image is not None:
        down, across = float(image.shape[0]), float(image.shape[1])
    return 0.0, across, top - down if trace.frame.y_up else down, top


def _picture_view(boxes: Sequence[_Box], extent: Bounds, *, y_up: bool) -> View:
    """Return the picture and, up to half its size beyond it, the boxes."""
    left, right, *ends = extent
    low, high = min(ends), max(ends)
    across, up = (right - left) / 2, (high - low) / 2
    margin = 0.06 * (across + up)
    rounding = 0.002 * (across + up)
    for box in boxes:
        x1, x2, y1, y2 = box.corners
        x1, x2, y1, y2 = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
        left = min(left, max(x1 - margin, -across)) if x1 < -rounding else left
        right = max(right, min(x2 + margin, 3 * across)) if x2 > 2 * across + rounding else right
        low = min(low, max(y1 - margin, min(ends) - up)) if y1 < min(ends) - rounding else low
        high = max(high, min(y2 + margin, max(ends) + up)) if y2 > max(ends) + rounding else high
    return View(left, right, low, high, y_up).at_least(0.1)


def _overlay_title(boxes: Sequence[_Box]) -> list[str]:
    trace = boxes[0].trace
    sections = f"{len(trace.output[0])} × {len(trace.output)} sections"
    many = f"{len(boxes)} boxes, {sections} each" if len(boxes) > 1 else sections
    return title_parts(trace, trace.convention.pooling, many)


def _overlay_legend(
    theme: Theme, boxes: Sequence[_Box], section: tuple[int, int], marked: Point | None
) -> list[Artist]:
    line = Line2D([], [], color=theme.section, linewidth=1.4, label="section")
    everything = [s for box in boxes for s in box.trace.sections]
    entries: list[Artist] = [line, *point_entries(theme, everything, always=True)]
    if marked is not None:
        where = "point ({}, {}) of section ({}, {})".format(*marked.point, *section)
        emphasised = replace(marks(theme)[marked.border], meaning=where)
        entries.append(mark_line(emphasised, 7.5, [], []))
    if marked is not None and marked.in_bounds:
        entries.append(Patch(**_neighbour_look(theme), label="its neighbour cells"))
    return entries


def _neighbour_look(theme: Theme) -> dict[str, Any]:
    return {"facecolor": theme.neighbour + "66", "edgecolor": theme.neighbour, "linewidth": 1.4}


def _draw_image(
    panel: Panel, trace: Trace, image: NDArray[np.uint8] | None, extent: Bounds
) -> None:
    draw_outside(panel)
    if image is None:
        draw_cells(panel, trace.cells, extent)
        rows, columns = trace.map_size
        if (
            panel.scale * min(extent[1] / columns, abs(extent[2] - extent[3]) / rows)
            >= MIN_GRID_CELL
        ):
            across = np.linspace(extent[0], extent[1], columns + 1).tolist()
            along = np.linspace(extent[2], extent[3], rows + 1).tolist()
            draw_grid(panel, across, along)
        return
    draw_picture(panel, image, extent, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")


def _draw_neighbours(panel: Panel, trace: Trace, marked: Point) -> None:
    """Draw the cells that the point is made of, and their centres."""
    width, height = 1 / trace.scale[0], 1 / trace.scale[1]
    middles = sorted({(n.x * width, n.y * height) for n in marked.neighbours})
    for x, y in middles:
        corner = x - width / 2, y - height / 2
        cell = Rectangle(
            corner, width, height, zorder=2.4, gid="neighbour", **_neighbour_look(panel.theme)
        )
        edge = Rectangle(corner, width, height, fill=False, zorder=2.5, linewidth=1.4)
        edge.set(edgecolor=panel.theme.neighbour, path_effects=halo("#00000066", 1.4, 0.4))
        for patch in (cell, edge):
            panel.axes.add_patch(patch)


def _draw_box(panel: Panel, box: _Box) -> None:
    trace = box.trace
    left, right, top, bottom = box.corners
    across = np.linspace(left, right, len(trace.output[0]) + 1).tolist()
    along = np.linspace(top, bottom, len(trace.output) + 1).tolist()
    look: dict[str, Any] = {"colors": panel.theme.section, "linewidths": 0.9, "zorder": 3}
    look["path_effects"] = halo("#00000080", 0.9, 0.4)
    draw_lines(panel, lattice(across, along), **look)
    outline = Rectangle((left, top), right - left, bottom - top, fill=False, zorder=4)
    outline.set(edgecolor=box.colour, linewidth=2.0, linestyle=box.dashes, joinstyle="miter")
    outline.set_path_effects(halo("#000000", 2.0, 0.7))
    panel.axes.add_patch(outline)
    points = [point for section in trace.sections for point in section.points]
    draw_points(panel, points, _overlay_mark_size(panel, trace), trace.scale)


def _overlay_mark_size(panel: Panel, trace: Trace) -> float:
    in_pixels = replace(panel, scale=panel.scale / max(trace.scale))
    fullest = max(trace.sections, key=lambda s: len(s.points))
    return min(mark_size(in_pixels, trace, fullest), 4.0)


def _draw_marked(panel: Panel, trace: Trace, marked: Point) -> None:
    sx, sy = trace.scale
    line = mark_line(marks(panel.theme)[marked.border], 7.5, [marked.x / sx], [marked.y / sy])
    line.set(zorder=7, gid="marked", path_effects=halo("#000000", 0.8, 0.7))
    panel.axes.add_line(line)


def _write_names(placer: LabelPlacer, boxes: Sequence[_Box]) -> None:
    """Write each box's name on a tab at a corner of it where no other name stands."""
    for box in boxes:
        red, green, blue = bytes.fromhex(box.colour[1:])
        look = TextStyle(8.0, palette.ink((red, green, blue)), "bold", 2.2, box.colour)
        width, height = placer.size(box.name, look)
        left, right, top, bottom = box.corners
        if box.trace.width < 0:
            left, right = right, left
        places = (
            ((left, top), (width / 2, height / 2)),
            ((right, top), (-width / 2, height / 2)),
            ((left, bottom), (width / 2, -height / 2)),
            ((right, bottom), (-width / 2, -height / 2)),
            ((left, top), (width / 2, -height / 2)),
            ((right, bottom), (-width / 2, height / 2)),
        )
        placer.write_first_that_fits([[Label(box.name, at, offset, look)] for at, offset in places])
