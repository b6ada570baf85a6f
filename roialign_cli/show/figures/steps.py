"""All steps of one ROI on a page, numbered like the steps of the explanation."""

from __future__ import annotations

from functools import partial

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import NDArray

from roialign_cli.analysis.sections import Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.drawing import draw_outside, draw_photo, outside_entries
from roialign_cli.show.figures.geometry import picture_sides, roi_sides, stretched
from roialign_cli.show.figures.labels import LabelPlacer
from roialign_cli.show.figures.map_area import draw_map, draw_roi, outline_roi
from roialign_cli.show.figures.marks import draw_sections_points, section_entries
from roialign_cli.show.figures.output import draw_output, output_spec
from roialign_cli.show.figures.page import Panel, PanelSpec, in_columns, max_half_height, new_page
from roialign_cli.show.figures.point import (
    close_up_entries,
    draw_point,
    formula,
    point_view,
    selected_point,
)
from roialign_cli.show.figures.roi_labels import (
    DIMENSION_ROOM,
    write_coordinates,
    write_corner,
    write_dimensions,
    write_numbers,
)
from roialign_cli.show.figures.style import (
    DEFAULT_STYLE,
    PLAIN_CELLS,
    FigureStyle,
    boxes_unit,
    figure_settings,
)
from roialign_cli.show.figures.wording import format_significant, title_parts
from roialign_cli.show.view import View, roi_view, section_view, zoom_note


def steps_figure(
    trace: Trace,
    image: NDArray[np.uint8] | None = None,
    *,
    stride: int = 1,
    section: tuple[int, int] = (1, 1),
    point: tuple[int, int] | None = None,
    style: FigureStyle = DEFAULT_STYLE,
) -> Figure:
    """Draw the box, its sections, the points of one section, one point's value, and the output.

    Parameters
    ----------
    trace
        The trace of one ROI and channel.
    image
        (H, W, 3) or (H, W), uint8: the image that the map was made from; None draws the cells.
    stride
        Pixels of the image per cell.
    section
        (i, j), from 1: the section whose points are drawn.
    point
        (n, m), from 1: the point whose value is explained; if None, the winner of the section, or
        its first point.
    style
        The style of the figure.

    Raises
    ------
    ArgumentError
        If there is no such section or point.
    """
    chosen = trace.section(*section)
    selected = selected_point(trace, section, point)
    result = f"section {chosen.section} = {format_significant(chosen.output)}"
    with figure_settings(style.theme):
        panels = new_page(
            in_columns(_specs(style, trace, chosen, selected), style),
            style,
            title=title_parts(trace, trace.convention.pooling, result),
            legend=_legend(style, trace, chosen, selected),
        )
        whole, box, sections, points, *close_up, output = panels
        _draw_whole(whole, trace, image, stride)
        draw_map(box, trace, shade_by_whole_map=True)
        outline_roi(box, trace)
        write_dimensions(LabelPlacer(box), trace)
        write_corner(LabelPlacer(box), trace)
        for panel in (sections, points):
            draw_map(panel, trace, shade_by_whole_map=True)
            draw_roi(panel, trace, chosen)
        write_numbers(LabelPlacer(sections), trace)
        draw_sections_points(points, trace, [chosen])
        write_coordinates(LabelPlacer(points), trace, chosen)
        if selected is not None:
            draw_point(close_up[0], trace, selected)
        draw_output(output, np.array(trace.output))
    return output.figure


_REDUCED = {"avg": "average of each section", "max": "largest of each section"}


def _specs(
    style: FigureStyle, trace: Trace, chosen: Section, selected: Point | None
) -> list[list[PanelSpec]]:
    unit = style.unit(trace, PLAIN_CELLS)
    spec = partial(PanelSpec, max_height=max_half_height(style))
    around, close = roi_view(trace), section_view(trace, chosen)
    whole = spec(_whole_view(trace), boxes_unit(trace, PLAIN_CELLS), heading="1. The box")
    box = spec(
        around,
        unit,
        zoom_note(trace, around),
        "1. The ROI on the cells",
        above=DIMENSION_ROOM,
        beside=DIMENSION_ROOM,
    )
    sections = spec(around, unit, heading="2. Its sections")
    points = spec(close, unit, heading=f"3. The sample points of section {chosen.section}")
    output = output_spec(trace, f"5. The output: the {_REDUCED[trace.convention.pooling]}")
    if selected is None:
        return [[whole, box], [sections, points], [output]]
    heading = f"4. The value of its point {selected.point}\n{formula(selected)}"
    close_up = spec(point_view(trace, selected), unit, heading=heading)
    return [[whole, box], [sections, points], [close_up, output]]


def _legend(
    style: FigureStyle, trace: Trace, chosen: Section, selected: Point | None
) -> list[Artist]:
    entries = section_entries(style.theme, [chosen])
    if selected is not None:
        entries += close_up_entries(style.theme, selected)[1:]
    return entries + outside_entries(style.theme, trace, roi_view(trace))


def _whole_view(trace: Trace) -> View:
    """Return the view of the map and, up to half its size beyond it, of the ROI."""
    columns, (x, y), map_y = float(trace.map_size[1]), roi_sides(trace).spans, trace.map_y
    margin_x = 0.04 * (columns + x[1] - x[0])
    margin_y = 0.04 * (map_y[1] - map_y[0] + y[1] - y[0])
    left, right = stretched((0.0, columns), [x], margin_x)
    low, high = stretched(map_y, [y], margin_y)
    return View(left, right, low, high, trace.frame.y_up).at_least(0.3)


def _draw_whole(panel: Panel, trace: Trace, image: NDArray[np.uint8] | None, stride: int) -> None:
    """Draw the ROI on the whole image, or on the map if there is no image."""
    if image is None:
        draw_map(panel, trace)
    else:
        draw_outside(panel)
        height, width = image.shape[0] / stride, image.shape[1] / stride
        draw_photo(panel, image, picture_sides(trace, width, height))
    outline_roi(panel, trace)
