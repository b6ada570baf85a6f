"""All steps of one ROI as one story: six panels, each with the numbers of its step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from roialign_cli.analysis.points import Point
from roialign_cli.analysis.scaling import ScaleSource
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.cell_weights import (
    draw_weights,
    outline_cell,
    section_shades,
    weights_entry,
    weights_story,
    write_weights,
)
from roialign_cli.show.figures.drawing import (
    draw_outline,
    draw_outside,
    draw_photo,
    halo,
    outside_entries,
)
from roialign_cli.show.figures.geometry import (
    box_sides,
    picture_sides,
    roi_sides,
    section_sides,
    section_view,
    stretched,
)
from roialign_cli.show.figures.labels import LabelPlacer
from roialign_cli.show.figures.map_area import draw_map, draw_roi, outline_roi, write_values
from roialign_cli.show.figures.marks import draw_sections_points, roi_entries, section_entries
from roialign_cli.show.figures.output import draw_output, output_spec
from roialign_cli.show.figures.page import Panel, new_page
from roialign_cli.show.figures.panels import HEADINGS_ABOVE, HEADINGS_BESIDE, PanelSpec
from roialign_cli.show.figures.point import draw_point, point_entries, point_spec, selected_point
from roialign_cli.show.figures.roi_labels import (
    keep_points_clear,
    write_corner,
    write_numbers,
    write_points,
)
from roialign_cli.show.figures.shades import value_shades
from roialign_cli.show.figures.stages import StagedFigure
from roialign_cli.show.figures.story import (
    output_story,
    points_story,
    ratio_story,
    roi_story,
    sections_story,
)
from roialign_cli.show.figures.style import (
    DEFAULT_STYLE,
    PLAIN_CELLS,
    FigureStyle,
    Unit,
    boxes_unit,
    figure_settings,
)
from roialign_cli.show.figures.wording import (
    grid_words,
    map_parts,
    operator_name,
    operator_parts,
    sections_count,
)
from roialign_cli.show.figures.zoom import draw_zoom
from roialign_cli.show.view import View, map_view, roi_view


@dataclass(frozen=True)
class _Story:
    """What the sheet is about: a trace with its image, one section and one point of it."""

    trace: Trace
    image: NDArray[np.uint8] | None
    stride: int
    source: ScaleSource
    section: Section
    point: Point | None

    @property
    def has_weights(self) -> bool:
        """Whether the section is a weighted sum of cells."""
        return self.trace.convention.points == "integral" and bool(self.section.points)


def steps_sheet(
    trace: Trace,
    image: NDArray[np.uint8] | None = None,
    *,
    stride: int = 1,
    source: ScaleSource | None = None,
    section: tuple[int, int] | None = None,
    point: tuple[int, int] | None = None,
    style: FigureStyle = DEFAULT_STYLE,
) -> StagedFigure:
    """Draw the steps of one ROI; each panel is a stage.

    Parameters
    ----------
    trace
        The trace of one ROI and channel.
    image
        (H, W, 3) or (H, W), uint8: the image that the map was made from; None draws the cells.
    stride
        Pixels of the image per cell.
    source
        What determined the scale; None if that is not known.
    section
        (i, j), from 1: the section whose points are drawn; if None, one whose points lie between
        different cells.
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
    i_j = section or trace.example
    trace = trace.on_map_of(i_j)
    source = source or ScaleSource("normalized" if trace.convention.normalized else None)
    is_cell = trace.convention.reads_cells  # whose value needs no explanation
    selected = None if is_cell and point is None else selected_point(trace, i_j, point)
    story = _Story(trace, image, stride, source, trace.section(*i_j), selected)
    output = np.array(trace.output)
    with figure_settings(style.theme):
        bars = [value_shades(style, trace, output)]
        if story.has_weights:
            bars.append(section_shades(style, trace, story.section))
        panels = new_page(
            _arrangements([*_specs(story, style)]),
            style,
            title=f"How {operator_name(trace)} pools one box, step by step",
            subtitle=[*operator_parts(trace), *map_parts(trace, style, i_j)],
            shades=bars[0],
            bars=bars,
            legend=_legend(style, story),
        )
        lines = _draw(panels, story, output)
    stages = (
        (panel.axes, *panel.texts, *(line for n, line in lines if n == number))
        for number, panel in enumerate(panels)
    )
    return StagedFigure(panels[0].figure, tuple(stages))


def _arrangements(specs: list[PanelSpec]) -> list[list[list[PanelSpec | None]]]:
    """Return the panels in two columns, in three, in one row and in one column."""
    ways = []
    for columns in (2, 3, len(specs), 1):
        padded = [*specs, *[None] * (-len(specs) % columns)]
        ways.append([padded[n : n + columns] for n in range(0, len(padded), columns)])
    return ways


# The panels -------------------------------------------------------------------------------------

_NUMBERED: dict[str, Any] = {"above": HEADINGS_ABOVE, "beside": HEADINGS_BESIDE}


def _specs(story: _Story, style: FigureStyle) -> Iterator[PanelSpec]:
    trace, section = story.trace, story.section
    whole_unit, unit = boxes_unit(trace, PLAIN_CELLS), style.unit(trace, PLAIN_CELLS)
    unnamed = replace(unit, name="")  # the headings name the units
    around, bounds = roi_view(trace), map_view(trace)
    axes = "" if unit == PLAIN_CELLS else f" (axes in {unit.name})"
    yield PanelSpec(
        _whole_view(trace),
        replace(whole_unit, name=""),
        f"1  The box, in {whole_unit.name}",
        story=tuple(ratio_story(trace, story.source)),
        fills=False,
    )
    yield PanelSpec(
        around,
        unnamed,
        f"2  The ROI, in cells{axes}",
        story=tuple(roi_story(trace, story.source)),
        bounds=bounds,
    )
    yield PanelSpec(
        around,
        unnamed,
        f"3  {sections_count(trace)}",
        story=tuple(sections_story(trace)),
        bounds=bounds,
        **_NUMBERED,
    )
    yield PanelSpec(
        section_view(trace, section.section),
        unnamed,
        f"4  Section {section.section}: {grid_words(trace, section)}",
        story=tuple(points_story(trace, section)),
        **_NUMBERED,
    )
    close_up = _close_up_specs(story, style, unnamed)
    yield from close_up
    output = output_spec(np.array(trace.output), f"{5 + len(close_up)}  The output")
    yield replace(output, story=tuple(output_story(trace, section)))


def _close_up_specs(story: _Story, style: FigureStyle, unit: Unit) -> list[PanelSpec]:
    """Return the panel of the weights of cells or of one point; none if no point is explained."""
    trace, section = story.trace, story.section
    if story.has_weights:
        spec = PanelSpec(
            section_view(trace, section.section),
            unit,
            "5  The weights of the cells",
            story=weights_story(section),
            **_NUMBERED,
        )
        return [spec]
    if story.point is None:
        return []
    heading = f"5  The value of point {story.point.point}"
    return [point_spec(trace, story.point, style, unit, heading)]


def _legend(style: FigureStyle, story: _Story) -> list[Artist]:
    entries = roi_entries(style.theme, story.trace)
    entries += section_entries(style.theme, story.trace, [story.section])
    if story.has_weights:
        entries.append(weights_entry(style.theme))
    elif story.point is not None:
        entries += point_entries(style.theme, story.trace, story.point)[1:]
    return entries + outside_entries(style.theme, story.trace, roi_view(story.trace))


def _draw(
    panels: list[Panel], story: _Story, output: NDArray[np.float64]
) -> list[tuple[int, Artist]]:
    """Draw all panels; return the zoom lines with the index of the panel that they lead to."""
    trace, section = story.trace, story.section
    whole, box, sections, points, *close_up, last = panels
    _draw_whole(whole, story)
    draw_map(box, trace)
    outline_roi(box, trace)
    placer = LabelPlacer(box)
    write_corner(placer, trace)
    write_values(placer, trace, [roi_sides(trace)])
    draw_map(sections, trace)
    draw_roi(sections, trace, section)
    write_numbers(sections, trace, section.section)
    draw_map(points, trace)
    draw_roi(points, trace, section)
    draw_sections_points(points, trace, [section])
    placer = LabelPlacer(points)
    keep_points_clear(placer, trace, [section])
    write_points(placer, trace, section)
    write_values(placer, trace, [section_sides(trace, section.section)])
    write_numbers(points, trace, section.section)
    if story.has_weights:
        _draw_weights(close_up[0], story)
    elif story.point is not None:
        if story.point.point != section.winner:
            _ring(points, story.point)
        draw_point(close_up[0], trace, story.point)
    draw_output(last, output, section.section)
    zooms = [(1, line) for line in draw_zoom(whole, box)]
    zooms += [(3, line) for line in draw_zoom(sections, points)]
    if story.point is not None and not story.has_weights:
        at = story.point.x, story.point.y
        zooms += [(4, line) for line in draw_zoom(points, close_up[0], at)]
    return zooms


def _draw_weights(panel: Panel, story: _Story) -> None:
    """Draw the weights of the cells of the section; outline the cell that was asked for."""
    trace, section = story.trace, story.section
    shades = section_shades(panel.style, trace, section)
    draw_map(panel, trace)
    draw_weights(panel, section, shades)
    draw_roi(panel, trace, section)
    if story.point is not None:
        outline_cell(panel, story.point)
    write_weights(LabelPlacer(panel), trace, section, shades, values=False)
    write_numbers(panel, trace, section.section)


def _ring(panel: Panel, point: Point) -> None:
    """Draw a ring around the point that the next panel shows."""
    ring = Line2D([point.x], [point.y], marker="o", markerfacecolor="none", markersize=10.0)
    ring.set(markeredgecolor=panel.theme.ink, markeredgewidth=1.2, zorder=7, gid="chosen")
    ring.set_path_effects(halo(panel.theme.ground, 1.2, 0.8))
    panel.axes.add_line(ring)


def _whole_view(trace: Trace) -> View:
    """Return the view of the map and, up to half its size beyond it, of the box."""
    columns, (x, y), map_y = float(trace.map_size[1]), box_sides(trace).spans, trace.map_y
    margin_x = 0.04 * (columns + x[1] - x[0])
    margin_y = 0.04 * (map_y[1] - map_y[0] + y[1] - y[0])
    left, right = stretched((0.0, columns), [x], margin_x)
    low, high = stretched(map_y, [y], margin_y)
    return View(left, right, low, high, trace.frame.y_up).at_least(0.3)


def _draw_whole(panel: Panel, story: _Story) -> None:
    """Draw the box on the whole image, or on the map if there is no image."""
    image, trace = story.image, story.trace
    if image is None:
        draw_map(panel, trace)
    else:
        draw_outside(panel)
        height, width = image.shape[0] / story.stride, image.shape[1] / story.stride
        draw_photo(panel, image, picture_sides(trace, width, height))
    draw_outline(panel, box_sides(trace), panel.theme.roi, 2.2, gid="box")
