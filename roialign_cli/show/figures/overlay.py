"""Boxes on their image: sections, sample points, and the cells that one point uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from roialign_cli.analysis.points import Point
from roialign_cli.analysis.trace import Trace
from roialign_cli.errors import ArgumentError
from roialign_cli.show import palette
from roialign_cli.show.figures.cells_used import used_cells
from roialign_cli.show.figures.drawing import draw_outline, draw_outside, draw_photo
from roialign_cli.show.figures.geometry import (
    Sides,
    Span,
    box_sides,
    differs_from_box,
    picture_sides,
    roi_sides,
    stretched,
)
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.map_area import draw_map, draw_sections
from roialign_cli.show.figures.marks import (
    draw_points,
    drawn_points,
    mark_line,
    mark_size,
    marks,
    point_entries,
)
from roialign_cli.show.figures.page import Panel, new_page
from roialign_cli.show.figures.panels import PanelSpec
from roialign_cli.show.figures.point import (
    outline_used_cell,
    point_name,
    selected_point,
    used_cell_entries,
)
from roialign_cli.show.figures.shades import value_shades
from roialign_cli.show.figures.style import (
    CELLS,
    DEFAULT_STYLE,
    PIXELS,
    FigureStyle,
    Unit,
    figure_settings,
)
from roialign_cli.show.figures.wording import map_part, map_parts, operator_parts, sections_count
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
    section: tuple[int, int] | None = None,
    point: tuple[int, int] | None = None,
    left_out: str = "",
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
        (i, j) and (n, m), from 1: the point of the first trace whose cells are drawn; if None, a
        section whose points lie between different cells, and its winner or first point. If the
        convention reads cells, none is drawn without (n, m).
    left_out
        Which boxes are not drawn, in words.
    style
        The style of the figure.

    Raises
    ------
    ArgumentError
        If there are no traces, no such section or point, or the image has another shape.
    """
    boxes = _named_boxes(traces, labels)
    _check_image(image)
    section = section or traces[0].example
    trace = traces[0].on_map_of(section)
    is_cell = trace.convention.reads_cells  # which has no sample points to mark
    marked = None if is_cell and point is None else selected_point(trace, section, point)
    is_weight = trace.convention.points == "integral"
    picture = _picture_sides(trace, image, _unit(trace, image, stride))
    with figure_settings(style.theme):
        spans = [roi_sides(box.trace).spans for box in boxes]
        view = picture_view(spans, picture, y_up=trace.frame.y_up)
        spec = PanelSpec(view, _unit(trace, image, stride), fills=False)
        panel = new_page(
            [[[spec]]],
            style,
            title=_title(boxes),
            subtitle=_subtitle(trace, section, style, image, left_out),
            shades=value_shades(style, trace),
            bars=None if image is None else [],
            legend=_legend(style.theme, boxes, section, marked),
        )[0]
        _draw_image(panel, trace, image, picture)
        if marked is not None:
            _draw_cells(panel, marked)
        for box in boxes:
            _draw_box(panel, box)
        if marked is not None and not is_weight:
            _draw_marked(panel, marked)
        placer = LabelPlacer(panel)
        _keep_points_clear(placer, boxes, marked)
        _write_names(placer, boxes)
    return panel.figure


def _unit(trace: Trace, image: NDArray[np.uint8] | None, stride: int | None) -> Unit:
    """Return the unit of the axes: pixels of the image if there are any, else cells."""
    if stride is not None:
        return Unit(PIXELS.name, 1 / stride, 1 / stride)
    # Normalised boxes are not in pixels: a pixel of the picture is then a cell.
    scale = (1.0, 1.0) if trace.convention.normalized else trace.scale
    return CELLS if image is None and scale == (1.0, 1.0) else Unit(PIXELS.name, *scale)


@dataclass(frozen=True)
class _NamedBox:
    """A trace on the picture, with the name, the colour and the line style of its box."""

    trace: Trace
    name: str
    colour: str
    linestyle: str


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


def _picture_sides(trace: Trace, image: NDArray[np.uint8] | None, unit: Unit) -> Sides:
    """Return the sides of the image, or of the map if there is none, in cells."""
    rows, columns = trace.map_size
    if image is None:
        return picture_sides(trace, columns, rows)
    return picture_sides(trace, image.shape[1] * unit.x, image.shape[0] * unit.y)


def picture_view(spans: Sequence[tuple[Span, Span]], picture: Sides, *, y_up: bool) -> View:
    """Return the view of the picture and, up to half its size beyond it, of the boxes.

    `spans` are the smallest and the largest x and y of each box, in cells.
    """
    half = (abs(picture.width) + abs(picture.height)) / 2
    ends = (
        stretched(picture_span, box_spans, 0.06 * half, 0.002 * half)
        for picture_span, *box_spans in zip(picture.spans, *spans, strict=True)
    )
    (left, right), (low, high) = ends
    return View(left, right, low, high, y_up).at_least(0.1)


def _title(boxes: Sequence[_NamedBox]) -> str:
    sections = sections_count(boxes[0].trace)
    return f"{len(boxes)} boxes, {sections} each" if len(boxes) > 1 else f"One box, {sections}"


def _subtitle(
    trace: Trace,
    section: tuple[int, int],
    style: FigureStyle,
    image: NDArray[np.uint8] | None,
    left_out: str,
) -> list[str]:
    # An image shows all channels.
    shown = map_parts(trace, style, section) if image is None else [map_part(trace, style)]
    parts = [*operator_parts(trace), *shown]
    return [*parts, left_out] if left_out else parts


def _legend(
    theme: Theme, boxes: Sequence[_NamedBox], section: tuple[int, int], marked: Point | None
) -> list[Artist]:
    entries: list[Artist] = [Line2D([], [], color=theme.section, linewidth=1.4, label="section")]
    borders = {border for box in boxes for border in drawn_points(box.trace, box.trace.sections)}
    entries += point_entries(marks(theme), borders)
    if marked is not None and boxes[0].trace.convention.points == "integral":
        cell, i_j = marked.point, section
        label = f"cell ({cell[0]}, {cell[1]}) of section ({i_j[0]}, {i_j[1]})"
        entries.append(Patch(edgecolor=theme.neighbour, facecolor="none", label=label))
    elif marked is not None:
        mark = replace(marks(theme)[marked.border], label=point_name(section, marked))
        entries.append(mark_line(mark, _MARKED_SIZE))
        entries += used_cell_entries(theme, used_cells(marked))
    return entries


def _draw_image(
    panel: Panel, trace: Trace, image: NDArray[np.uint8] | None, picture: Sides
) -> None:
    """Draw the image, or the cells of the map if there is none."""
    if image is None:
        draw_map(panel, trace)
    else:
        draw_outside(panel)
        draw_photo(panel, image, picture)


def _draw_cells(panel: Panel, marked: Point) -> None:
    """Draw the cells that a point uses."""
    for cell in used_cells(marked):
        outline_used_cell(panel, cell, 1.4, zorder=2.5)


def _point_size(panel: Panel, trace: Trace) -> float:
    """Return the size of the marks of a box's points, in points (1/72 inch)."""
    return min(mark_size(panel, trace, trace.sections), _MAX_MARK_SIZE)


def _draw_box(panel: Panel, box: _NamedBox) -> None:
    """Draw the outline of a box, its sections and their points."""
    trace = box.trace
    draw_sections(panel, trace, panel.theme.section)
    if differs_from_box(trace):
        draw_outline(panel, box_sides(trace), box.colour, 1.2, linestyle=(0, (4, 2)))
    draw_outline(panel, roi_sides(trace), box.colour, 2.0, linestyle=box.linestyle)
    draw_points(panel, drawn_points(trace, trace.sections), _point_size(panel, trace))


def _draw_marked(panel: Panel, marked: Point) -> None:
    """Draw a larger mark on the point whose cells are drawn."""
    size = min(_MARKED_SIZE, max(0.6 * panel.scale, 3.0))
    line = mark_line(marks(panel.theme)[marked.border], size, [marked.x], [marked.y])
    line.set(zorder=7, gid="marked")
    panel.axes.add_line(line)


def _keep_points_clear(
    placer: LabelPlacer, boxes: Sequence[_NamedBox], marked: Point | None
) -> None:
    """Keep names clear of the marks of sample points."""
    for box in boxes:
        radius = _point_size(placer.panel, box.trace) / 2
        for places in drawn_points(box.trace, box.trace.sections).values():
            placer.keep_clear(places, radius)
    if marked is not None:
        placer.keep_clear([(marked.x, marked.y)], _MARKED_SIZE / 2)


def _write_names(placer: LabelPlacer, boxes: Sequence[_NamedBox]) -> None:
    """Write the name of each box."""
    for box in boxes:
        write_name(placer, box.name, roi_sides(box.trace), box.colour)


def write_name(placer: LabelPlacer, name: str, sides: Sides, colour: str) -> None:
    """Write the name of a box on a tab at one of its corners, clear of the other names.

    A name that is wider than its box stands beside it, with a line to the box.
    """
    style = TextStyle(_NAME_SIZE, palette.ink(colour), "bold", _NAME_PAD, colour)
    width, height = placer.size(name, style)
    right, up = width / 2, height / 2
    (left, right_end), (low, high) = sides.spans
    top, bottom = (high, low) if placer.panel.view.y_up else (low, high)
    places = (
        ((left, top), (right, up)),
        ((right_end, top), (-right, up)),
        ((left, bottom), (right, -up)),
        ((right_end, bottom), (-right, -up)),
        ((left, top), (right, -up)),
        ((right_end, bottom), (-right, up)),
    )
    labels = [[Label(name, at, style, offset)] for at, offset in places]
    is_wider = width > (right_end - left) * placer.panel.scale
    if is_wider or not placer.write_first_that_fits(labels):
        placer.write_near(Label(name, (left, top), style), 10.0)
