"""The whole story of one ROI on a panel, its steps numbered as the explanation numbers them."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import NDArray

from roialign_cli.analysis.sections import Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.labels import LabelPlacer
from roialign_cli.show.figures.map_area import draw_map, draw_roi, outline_roi
from roialign_cli.show.figures.marks import draw_sections_points, section_entries
from roialign_cli.show.figures.output import draw_output, output_spec
from roialign_cli.show.figures.point import (
    close_up_entries,
    draw_point,
    formula,
    point_view,
    selected_point,
)
from roialign_cli.show.figures.sections import (
    DIMENSION_ROOM,
    write_coordinates,
    write_corner,
    write_dimensions,
    write_numbers,
)
from roialign_cli.show.figures.sheet import (
    POINTS_PER_INCH,
    Panel,
    PanelSpec,
    draw_outside,
    draw_picture,
    format_significant,
    new_page,
    outside_entries,
    title_parts,
)
from roialign_cli.show.figures.style import (
    DEFAULT_STYLE,
    FigureStyle,
    Unit,
    boxes_unit,
    figure_settings,
)
from roialign_cli.show.view import View, beyond_map, roi_view, section_view, zoom_note

_CELLS = Unit("cells")
_MAX_HEIGHT = 0.46  # a spec's height, in sheet widths
_MIN_TWO_COLUMN_WIDTH = 6.0  # inches; a narrower sheet has one


def steps_figure(
    trace: Trace,
    image: NDArray[np.uint8] | None = None,
    *,
    stride: int = 1,
    section: tuple[int, int] = (1, 1),
    point: tuple[int, int] | None = None,
    style: FigureStyle = DEFAULT_STYLE,
) -> Figure:
    """Draw the box, its sections, the points of one of them, one point's value, and the output.

    Parameters
    ----------
    trace
        One ROI and channel.
    image
        (H, W, 3) or (H, W), uint8, of which the map is made; None draws the map's cells instead.
    stride
        Pixels of the image per cell.
    section
        (i, j), the section whose points are drawn.
    point
        (n, m), the point whose value is told; the winner if None, or else the first.
    style
        What the figure is drawn on.

    Raises
    ------
    ArgumentError
        If there is no such section or point.
    """
    chosen = trace.section(*section)
    one = selected_point(trace, section, point)
    with figure_settings(style.theme):
        rows = _specs(style, trace, chosen, one)
        if style.width < _MIN_TWO_COLUMN_WIDTH:
            rows = [[spec] for row in rows for spec in row]
        panels = new_page(
            rows,
            style,
            title=_title(trace, chosen),
            legend=_legend(style, trace, chosen, one),
        )
        whole, box, sections, points, *value, output = panels
        _draw_whole(whole, trace, image, stride)
        draw_map(box, trace, shade_by_whole_map=True)
        outline_roi(box, trace)
        write_dimensions(LabelPlacer(box), trace)
        write_corner(LabelPlacer(box), trace)
        draw_map(sections, trace, shade_by_whole_map=True)
        draw_roi(sections, trace, chosen)
        write_numbers(LabelPlacer(sections), trace)
        draw_map(points, trace, shade_by_whole_map=True)
        draw_roi(points, trace, chosen)
        draw_sections_points(points, trace, [chosen])
        write_coordinates(LabelPlacer(points), trace, chosen)
        if one is not None:
            draw_point(value[0], trace, one)
        draw_output(output, np.array(trace.output))
    return output.figure


def _specs(
    style: FigureStyle, trace: Trace, chosen: Section, one: Point | None
) -> list[list[PanelSpec]]:
    max_height = style.width * POINTS_PER_INCH * _MAX_HEIGHT
    unit = style.unit(trace, _CELLS)
    around = roi_view(trace)
    i_j = "({}, {})".format(*chosen.section)
    dimensions = {"above": DIMENSION_ROOM, "beside": DIMENSION_ROOM}
    box = PanelSpec(
        around,
        unit,
        zoom_note(trace, around),
        "1. The ROI on the cells",
        max_height=max_height,
        **dimensions,
    )
    whole_unit = boxes_unit(trace, _CELLS)
    whole = PanelSpec(_whole_view(trace), whole_unit, heading="1. The box", max_height=max_height)
    sections = PanelSpec(around, unit, heading="2. Its sections", max_height=max_height)
    points = PanelSpec(
        section_view(trace, chosen),
        unit,
        heading=f"3. The sample points of section {i_j}",
        max_height=max_height,
    )
    output = output_spec(trace, f"5. The output: the {_REDUCED[trace.convention.pooling]}")
    if one is None:
        return [[whole, box], [sections, points], [output]]
    n_m = "({}, {})".format(*one.point)
    heading = f"4. The value of its point {n_m}\n{formula(one)}"
    value = PanelSpec(point_view(trace, one), unit, heading=heading, max_height=max_height)
    return [[whole, box], [sections, points], [value, output]]


_REDUCED = {"avg": "average of each section", "max": "largest of each section"}


def _title(trace: Trace, chosen: Section) -> list[str]:
    i_j = "({}, {})".format(*chosen.section)
    return title_parts(
        trace, trace.convention.pooling, f"section {i_j} = {format_significant(chosen.output)}"
    )


def _legend(style: FigureStyle, trace: Trace, chosen: Section, one: Point | None) -> list[Artist]:
    theme = style.theme
    entries = section_entries(theme, [chosen], always=True)
    if one is not None:
        entries += close_up_entries(theme, one)[1:]
    entries += outside_entries(theme, beyond=beyond_map(trace, roi_view(trace)))
    return entries


def _whole_view(trace: Trace) -> View:
    """Return the map and, up to half its size beyond it, the ROI."""
    left, right = _stretched(trace.x, trace.x + trace.width, (0, trace.map_size[1]))
    low, high = _stretched(trace.y, trace.bottom, trace.map_y)
    return View(left, right, low, high, trace.frame.y_up).at_least(0.3)


def _stretched(first: float, last: float, ends: tuple[float, float]) -> tuple[float, float]:
    """Return a map's two ends, moved out by up to half its size to show an ROI beyond them."""
    low, high = min(first, last), max(first, last)
    cells = ends[1] - ends[0]
    margin = 0.04 * (cells + high - low)
    start = ends[0] if low >= ends[0] else max(low - margin, ends[0] - cells / 2)
    end = ends[1] if high <= ends[1] else min(high + margin, ends[1] + cells / 2)
    return float(start), float(end)


def _draw_whole(panel: Panel, trace: Trace, image: NDArray[np.uint8] | None, stride: int) -> None:
    if image is None:
        draw_map(panel, trace)
    else:
        draw_outside(panel)
        down, across = image.shape[0] / stride, image.shape[1] / stride
        top = trace.frame.row_edge(0)
        extent = 0.0, across, top - down if trace.frame.y_up else down, top
        look = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": "antialiased"}
        draw_picture(panel, image, extent, **look)
    outline_roi(panel, trace)
