"""Boxes on their image: sections, sample points, and the neighbour cells of one point.

Positions are those of the traces; only the places of labels are computed here.
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
from matplotlib.patches import Patch
from numpy.typing import NDArray

from roialign_cli.analysis.sections import Point
from roialign_cli.analysis.trace import Trace
from roialign_cli.errors import ArgumentError
from roialign_cli.show import palette
from roialign_cli.show.figures.drawing import (
    MIN_GRID_CELL,
    draw_cells,
    draw_grid,
    draw_lines,
    draw_outside,
    draw_photo,
    halo,
)
from roialign_cli.show.figures.geometry import Sides, picture_sides, roi_sides, stretched
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.marks import (
    all_points,
    draw_points,
    mark_line,
    mark_size,
    marks,
    point_entries,
)
from roialign_cli.show.figures.page import Panel, PanelSpec, new_panel
from roialign_cli.show.figures.point import point_name, selected_point
from roialign_cli.show.figures.style import (
    CELLS,
    DEFAULT_STYLE,
    PIXELS,
    FigureStyle,
    Unit,
    figure_settings,
)
from roialign_cli.show.figures.wording import sections_count, title_parts
from roialign_cli.show.palette import Theme
from roialign_cli.show.view import View

_MAX_MARK_SIZE, _MARKED_SIZE = 4.0, 7.5  # points (1/72 inch)
_NAME_SIZE, _NAME_PAD = 8.0, 2.2


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
    """Draw boxes on their image, with their sections and points and one point's neighbour cells.

    Parameters
    ----------
    traces
        One trace per box, all on the same map.
    image
        (H, W, 3) or (H, W), uint8: the image that the map was made from; None draws the cells.
    stride
        Pixels of the image per cell; None derives them from the scale of the boxes.
    labels
        The names of the boxes, in the order of the traces; missing ones become "box 1", ….
    section, point
        (i, j) and (n, m), from 1: the point of the first trace whose neighbour cells are drawn.
    style
        The style of the figure.

    Raises
    ------
    ArgumentError
        If there are no traces, no such section or point, or the image has another shape.
    """
    traces = [replace(trace, scale=_cells_per_pixel(trace, stride)) for trace in traces]
    boxes = _named_boxes(traces, labels)
    _check_image(image)
    trace = traces[0]
    # A section without points has no point to mark.
    marked = selected_point(trace, section, point) if trace.section(*section).points else None
    picture = _picture_sides(trace, image)
    with figure_settings(style.theme):
        panel = new_panel(
            PanelSpec(_view(boxes, picture, y_up=trace.frame.y_up), _unit(trace, image)),
            style,
            title=_title(boxes),
            legend=_legend(style.theme, boxes, section, marked),
        )
        _draw_image(panel, trace, image, picture)
        if marked is not None and marked.in_bounds:
            _draw_neighbours(panel, trace, marked)
        for box in boxes:
            _draw_box(panel, box)
        if marked is not None:
            _draw_marked(panel, trace, marked)
        _write_names(LabelPlacer(panel), boxes)
    return panel.figure


def _cells_per_pixel(trace: Trace, stride: int | None) -> tuple[float, float]:
    if stride is not None:
        return 1 / stride, 1 / stride
    # Normalised boxes are not in pixels: the picture's unit is then the cell.
    return (1.0, 1.0) if trace.convention.normalized else trace.scale


def _unit(trace: Trace, image: NDArray[np.uint8] | None) -> Unit:
    """Return the unit of the axes: pixels if there are any."""
    if image is None and (trace.convention.normalized or trace.scale == (1.0, 1.0)):
        return CELLS
    return PIXELS


@dataclass(frozen=True)
class _NamedBox:
    """A trace on the picture, with the name, the colour and the line style of its box."""

    trace: Trace
    name: str
    colour: str
    linestyle: str

    @property
    def sides(self) -> Sides:
        """The sides of the box, in image pixels."""
        sides, (sx, sy) = roi_sides(self.trace), self.trace.scale
        return Sides(sides.left / sx, sides.right / sx, sides.top / sy, sides.bottom / sy)


_BOX_STYLES = tuple(product(("-", "--", ":", "-."), palette.BOXES))  # line style and colour


def _named_boxes(traces: Sequence[Trace], labels: Sequence[str]) -> list[_NamedBox]:
    if not traces:
        raise ArgumentError("boxes", "there are no boxes to draw; give at least one box")
    names = [*labels, *(f"box {n}" for n in range(len(labels) + 1, len(traces) + 1))]
    boxes = []
    for index, trace in enumerate(traces):
        linestyle, colour = _BOX_STYLES[index % len(_BOX_STYLES)]
        boxes.append(_NamedBox(trace, names[index], colour, linestyle))
    return boxes


def _check_image(image: NDArray[np.uint8] | None) -> None:
    if image is None:
        return
    if not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)) or 0 in image.shape:
        raise ArgumentError("image", f"must be (H, W, 3) or (H, W), got {image.shape}")


def _picture_sides(trace: Trace, image: NDArray[np.uint8] | None) -> Sides:
    """Return the sides of the image, or of the map if there is none, in pixels."""
    rows, columns = trace.map_size
    scale_x, scale_y = trace.scale
    if image is None:
        return picture_sides(trace, columns / scale_x, rows / scale_y, scale_y)
    return picture_sides(trace, float(image.shape[1]), float(image.shape[0]), scale_y)


def _view(boxes: Sequence[_NamedBox], picture: Sides, *, y_up: bool) -> View:
    """Return the view of the picture and, up to half its size beyond it, of the boxes."""
    spans = [box.sides.spans for box in boxes]
    half = (abs(picture.width) + abs(picture.height)) / 2
    ends = (
        stretched(picture_span, box_spans, 0.06 * half, 0.002 * half)
        for picture_span, *box_spans in zip(picture.spans, *spans, strict=True)
    )
    (left, right), (low, high) = ends
    return View(left, right, low, high, y_up).at_least(0.1)


def _title(boxes: Sequence[_NamedBox]) -> list[str]:
    trace = boxes[0].trace
    sections = sections_count(trace)
    shown = f"{len(boxes)} boxes, {sections} each" if len(boxes) > 1 else sections
    return title_parts(trace, trace.convention.pooling, shown)


def _legend(
    theme: Theme, boxes: Sequence[_NamedBox], section: tuple[int, int], marked: Point | None
) -> list[Artist]:
    sections = [s for box in boxes for s in box.trace.sections]
    entries: list[Artist] = [Line2D([], [], color=theme.section, linewidth=1.4, label="section")]
    entries += point_entries(marks(theme), sections)
    if marked is not None:
        mark = replace(marks(theme)[marked.border], label=point_name(section, marked))
        entries.append(mark_line(mark, _MARKED_SIZE))
        if marked.in_bounds:
            entries.append(Patch(**_neighbour_style(theme), label="its neighbour cells"))
    return entries


def _neighbour_style(theme: Theme) -> dict[str, Any]:
    return {"facecolor": theme.neighbour + "66", "edgecolor": theme.neighbour, "linewidth": 1.4}


def _draw_image(
    panel: Panel, trace: Trace, image: NDArray[np.uint8] | None, picture: Sides
) -> None:
    """Draw the image, or the cells of the map if there is none."""
    draw_outside(panel)
    if image is not None:
        draw_photo(panel, image, picture)
        return
    draw_cells(panel, trace.cells, picture)
    rows, columns = trace.map_size
    cell = min(picture.width / columns, abs(picture.height) / rows)
    if panel.scale * cell >= MIN_GRID_CELL:
        draw_grid(panel, picture, columns, rows)


def _draw_neighbours(panel: Panel, trace: Trace, marked: Point) -> None:
    """Draw the neighbour cells of a point."""
    colour = panel.theme.neighbour
    width, height = 1 / trace.scale[0], 1 / trace.scale[1]
    for x, y in sorted({(n.x * width, n.y * height) for n in marked.neighbours}):
        left, top = x - width / 2, y - height / 2
        sides = Sides(left, left + width, top, top + height)
        cell = sides.patch(zorder=2.4, gid="neighbour", **_neighbour_style(panel.theme))
        edge = sides.patch(fill=False, zorder=2.5, linewidth=1.4, edgecolor=colour)
        edge.set_path_effects(halo("#00000066", 1.4, 0.4))
        panel.axes.add_patch(cell)
        panel.axes.add_patch(edge)


def _draw_box(panel: Panel, box: _NamedBox) -> None:
    """Draw the outline of a box, its sections and their points."""
    trace, sides = box.trace, box.sides
    lines = sides.grid(len(trace.output[0]), len(trace.output))
    effects = halo("#00000080", 0.9, 0.4)
    draw_lines(panel, lines, panel.theme.section, 0.9, zorder=3, path_effects=effects)
    outline = sides.patch(fill=False, edgecolor=box.colour, linewidth=2.0, zorder=4)
    outline.set(linestyle=box.linestyle, joinstyle="miter")
    outline.set_path_effects(halo("#000000", 2.0, 0.7))
    panel.axes.add_patch(outline)
    in_pixels = replace(panel, scale=panel.scale / max(trace.scale))
    fullest = max(trace.sections, key=lambda s: len(s.points))
    size = min(mark_size(in_pixels, trace, fullest), _MAX_MARK_SIZE)
    draw_points(panel, all_points(trace.sections), size, trace.scale)


def _draw_marked(panel: Panel, trace: Trace, marked: Point) -> None:
    """Draw a larger mark on the point whose neighbour cells are drawn."""
    x, y = marked.x / trace.scale[0], marked.y / trace.scale[1]
    line = mark_line(marks(panel.theme)[marked.border], _MARKED_SIZE, [x], [y])
    line.set(zorder=7, gid="marked", path_effects=halo("#000000", 0.8, 0.7))
    panel.axes.add_line(line)


def _write_names(placer: LabelPlacer, boxes: Sequence[_NamedBox]) -> None:
    """Write the name of each box on a tab at one of its corners, clear of the other names."""
    for box in boxes:
        red, green, blue = bytes.fromhex(box.colour[1:])
        ink = palette.ink((red, green, blue))
        style = TextStyle(_NAME_SIZE, ink, "bold", _NAME_PAD, box.colour)
        width, height = placer.size(box.name, style)
        right, up = width / 2, height / 2
        sides = box.sides
        xs = (sides.left, sides.right) if box.trace.width >= 0 else (sides.right, sides.left)
        places = (
            ((xs[0], sides.top), (right, up)),
            ((xs[1], sides.top), (-right, up)),
            ((xs[0], sides.bottom), (right, -up)),
            ((xs[1], sides.bottom), (-right, -up)),
            ((xs[0], sides.top), (right, -up)),
            ((xs[1], sides.bottom), (-right, up)),
        )
        placer.write_first_that_fits(
            [[Label(box.name, at, style, offset)] for at, offset in places]
        )
