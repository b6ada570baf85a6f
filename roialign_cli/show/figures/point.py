"""One sample point close up: the cells it uses, their weights as areas, and the sum."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import blended_transform_factory

from roialign_cli.analysis.points import Point
from roialign_cli.analysis.trace import Trace
from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures.cell_weights import weights_figure
from roialign_cli.show.figures.cells_used import (
    UsedCell,
    clamped,
    is_far,
    taken_at,
    used_cells,
    value_story,
)
from roialign_cli.show.figures.drawing import draw_outline, halo, outside_entries
from roialign_cli.show.figures.geometry import Sides
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.map_area import draw_map
from roialign_cli.show.figures.marks import mark_line, marks
from roialign_cli.show.figures.page import Panel, new_page
from roialign_cli.show.figures.panels import HEADINGS_BESIDE, MIN_TEXT_SIZE, TICK_SIZE, PanelSpec
from roialign_cli.show.figures.phrases import Phrase, text_width
from roialign_cli.show.figures.roi_labels import position_decimals
from roialign_cli.show.figures.shades import value_shades
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, Unit, figure_settings
from roialign_cli.show.figures.weight_areas import WeightArea, weight_areas
from roialign_cli.show.figures.wording import (
    format_alike,
    format_decimals,
    map_parts,
    operator_parts,
)
from roialign_cli.show.palette import Theme, ink
from roialign_cli.show.view import View, map_view

_MAX_ASPECT = 0.75  # height of the axes, in widths
_MARGIN = 0.7  # cells around the neighbours' centres
_MAX_DISTANCE = 6.0  # cells from the neighbours; a point further away is not in view
_OUTSIDE_DASHES = (0, (3, 2))  # of the outline of a cell outside the map
_CELL_SIZES = 9.0, 7.5


def point_figure(
    trace: Trace,
    *,
    section: tuple[int, int] | None = None,
    point: tuple[int, int] | None = None,
    style: FigureStyle = DEFAULT_STYLE,
) -> Figure:
    """Draw one sample point with the cells it uses, their weights as areas, and the formula.

    If the convention has no sample points, draw the cells of the section with their weights.

    Parameters
    ----------
    trace
        The trace of one ROI and channel.
    section
        (i, j), from 1; if None, one whose points lie between different cells.
    point
        (n, m), from 1; if None, the winner of the section, or its first point.
    style
        The style of the figure.

    Raises
    ------
    ArgumentError
        If there is no such section or point.
    """
    section = section or trace.example
    trace = trace.on_map_of(section)
    if trace.convention.points == "integral":
        return weights_figure(trace, section, point, style)
    selected = selected_point(trace, section, point)
    if selected is None:
        raise ArgumentError(
            "point", "section ({}, {}) has no points; choose another section".format(*section)
        )
    view = point_view(trace, selected)
    position = ", ".join(format_decimals(value, 4) for value in (selected.x, selected.y))
    with figure_settings(style.theme):
        spec = point_spec(
            trace,
            selected,
            style,
            style.unit(trace),
            f"{_cells_words(trace, selected)} at ({position})",
        )
        panel = new_page(
            [[[spec]]],
            style,
            title=f"The value of {point_name(section, selected)}",
            subtitle=[*operator_parts(trace), *map_parts(trace, style, section)],
            shades=value_shades(style, trace),
            legend=point_entries(style.theme, trace, selected)
            + outside_entries(style.theme, trace, view),
        )[0]
        draw_point(panel, trace, selected)
    return panel.figure


def _cells_words(trace: Trace, point: Point) -> str:
    """Return what a heading calls a point, by the number of cells that it uses."""
    count = len(used_cells(point))
    if not count:
        return "A point far outside the map," if point.in_bounds else "A point outside the map,"
    if count == 1 and trace.convention.interpolation != "linear":
        return "A point that uses one cell,"
    if any(cell.weight < 0 for cell in used_cells(point)):
        return "A point extrapolated from cells,"
    return {1: "A point on one cell", 2: "A point between two cells"}.get(
        count, "A point between four cells"
    )


def selected_point(
    trace: Trace, section: tuple[int, int], point: tuple[int, int] | None
) -> Point | None:
    """Return a point of a section; without (n, m) the winner or else the first, if there is one."""
    if point is not None:
        return trace.select(section, point)[0].points[0]
    chosen = trace.section(*section)
    return chosen.winning_point or next(iter(chosen.points), None)


def point_name(section: tuple[int, int], point: Point) -> str:
    """Return what titles and legends call a point."""
    return "point ({}, {}) of section ({}, {})".format(*point.point, *section)


def point_view(trace: Trace, point: Point) -> View:
    """Return the part of the plane with a point and its neighbour cells."""
    if is_far(point):
        around = View(point.x, point.x, point.y, point.y, trace.frame.y_up)
        return around.grown(1 + _MARGIN)
    x = [point.x, *(n.x for n in point.neighbours)]
    y = [point.y, *(n.y for n in point.neighbours)]
    x, y = ([v for v in values if abs(v - values[1]) <= _MAX_DISTANCE] for values in (x, y))
    return View(
        min(x) - _MARGIN, max(x) + _MARGIN, min(y) - _MARGIN, max(y) + _MARGIN, trace.frame.y_up
    ).at_least(0.6)


def point_spec(
    trace: Trace, point: Point, style: FigureStyle, unit: Unit, heading: str
) -> PanelSpec:
    """Return the panel that `draw_point` draws on."""
    labels = [text for _, text in _named_ticks(trace, point, style, "y")]
    return PanelSpec(
        point_view(trace, point),
        unit,
        heading,
        story=(*value_story(trace, point), *_cut_words(trace, point)),
        above=11.0,
        beside=max(HEADINGS_BESIDE, 6.0 + text_width(_tick(trace, point.y, unit, "y"), TICK_SIZE)),
        min_left=_min_left(labels),
        bounds=map_view(trace),
        max_aspect=_MAX_ASPECT,
    )


def _cut_words(trace: Trace, point: Point) -> list[list[Phrase]]:
    """Return a line about lengths that do not end in the picture, if there are any."""
    view = point_view(trace, point)
    is_in_view = view.left <= point.x <= view.right and view.low <= point.y <= view.high
    if is_in_view or point.border != "beyond" or not weight_areas(trace.convention, point):
        return []
    return [[Phrase("the point lies beyond the picture,"), Phrase("where the areas end")]]


def _min_left(labels: list[str]) -> float:
    lines = [line for label in labels for line in label.split("\n")]
    return 7.0 + max((text_width(line, TICK_SIZE) for line in lines), default=0.0)


def used_cell_entries(theme: Theme, cells: list[UsedCell]) -> list[Artist]:
    """Return the legend entries of the cells that a point uses, on the map and outside."""
    style: dict[str, Any] = {"edgecolor": theme.neighbour, "facecolor": "none", "linewidth": 1.6}
    entries: list[Artist] = []
    if any(cell.on_map for cell in cells):
        entries.append(Patch(**style, label="cell that the point uses"))
    if not all(cell.on_map for cell in cells):
        label = "cell outside the map, with its value"
        entries.append(Patch(**style, linestyle=_OUTSIDE_DASHES, label=label))
    return entries


def point_entries(theme: Theme, trace: Trace, point: Point) -> list[Artist]:
    """Return the legend entries of one point, the cells it uses and their weights."""
    entries: list[Artist] = [mark_line(marks(theme)[point.border], 7.0)]
    cells = used_cells(point)
    entries += used_cell_entries(theme, cells)
    areas = weight_areas(trace.convention, point)
    if areas:
        size = "length" if areas[0].is_length else "area"
        place = "beside" if trace.convention.interpolation == "swapped" else "opposite"
        label = f"{size} {place} a cell: its weight"
        entries.append(Patch(facecolor=cells[0].colour, label=label))
    if any(area.cell.weight < 0 for area in areas):
        entries.append(
            Patch(**_negative_style(theme), facecolor=cells[-1].colour, label="a negative weight")
        )
    return entries


def draw_point(panel: Panel, trace: Trace, point: Point) -> None:
    """Draw the map around a point, the cells it uses, and their weights."""
    draw_map(panel, trace)
    cells = used_cells(point)
    for cell in cells:
        _outline_cell(panel, cell)
    placer = LabelPlacer(panel)
    placer.keep_clear([(point.x, point.y)], 6)
    areas = weight_areas(trace.convention, point)
    _draw_weights(panel, areas)
    _write_weights(placer, areas)
    for area in areas:
        placer.keep_area_clear(area.visible)
    _write_cells(placer, point, cells)
    _mark_point(panel, point)
    _name_ticks(panel, trace, point)


def _outline_cell(panel: Panel, cell: UsedCell) -> None:
    """Outline a cell and mark its centre."""
    colour = panel.theme.neighbour
    outline_used_cell(panel, cell, 1.6, zorder=3)
    centre = Line2D([cell.x], [cell.y], marker="o", color=colour, ms=6)
    centre.set(mec=panel.theme.halo(colour), zorder=5)
    panel.axes.add_line(centre)


def outline_used_cell(panel: Panel, cell: UsedCell, width: float, zorder: float) -> None:
    """Outline a cell; one outside the map is filled with the shade of its value and dashed."""
    sides = Sides(cell.x - 0.5, cell.x + 0.5, cell.y - 0.5, cell.y + 0.5)
    dashes: dict[str, Any] = {}
    if not cell.on_map:
        dashes["linestyle"] = _OUTSIDE_DASHES
        ground = sides.patch(facecolor=panel.shades.colour(cell.value), linewidth=0)
        ground.set(zorder=1.5, gid="outside-cell")
        panel.axes.add_patch(ground)
    draw_outline(
        panel, sides, panel.theme.neighbour, width, zorder=zorder, gid="neighbour", **dashes
    )


def _write_cells(placer: LabelPlacer, point: Point, cells: list[UsedCell]) -> None:
    """Write the names and values of cells beside their centres, away from the point."""
    panel, (px, py) = placer.panel, clamped(point)
    y_sign = 1 if panel.view.y_up else -1
    size, strings = _cell_texts(placer, cells)
    for cell, string in zip(cells, strings, strict=True):
        ground = panel.shades.colour(cell.value)
        style = TextStyle(size, ink(ground), "bold", halo=ground)
        width, height = placer.size(string, style)
        up = y_sign * (1 if cell.y >= py else -1) * (height / 2 + 5)
        right = (1 if cell.x >= px else -1) * (width / 2 + 6)
        offsets = ((0.0, up), (0.0, -up), (right, 0.0), (0.0, 2 * up), (-right, 0.0))
        placer.write_at_first_offset(Label(string, (cell.x, cell.y), style), offsets)


def _cell_texts(placer: LabelPlacer, cells: list[UsedCell]) -> tuple[float, list[str]]:
    """Return a font size, and the names and values of cells or, if they do not fit, the values."""
    values = format_alike(np.array([cell.value for cell in cells]))
    named = [f"{c.name} = {v}" if c.name else v for c, v in zip(cells, values, strict=True)]
    for size in _CELL_SIZES:
        style = TextStyle(size, "ink", "bold")
        widest = max((placer.size(string, style)[0] for string in named), default=0.0)
        if widest <= placer.panel.scale - 6:
            return size, named
    return _CELL_SIZES[-1], values


def _draw_weights(panel: Panel, areas: list[WeightArea]) -> None:
    """Draw the areas or lengths that are weights; negative ones are hatched."""
    for area in areas:
        cell = area.cell
        patch = area.sides.patch(facecolor=cell.colour, edgecolor=panel.theme.ground, linewidth=0.6)
        patch.set(zorder=3.5, gid=f"area-{cell.name}")
        if cell.weight < 0:
            patch.set(**_negative_style(panel.theme))
        panel.axes.add_patch(patch)


def _negative_style(theme: Theme) -> dict[str, Any]:
    return {"edgecolor": theme.faint, "hatch": r"\\\\\\", "linewidth": 0.6}


def _write_weights(placer: LabelPlacer, areas: list[WeightArea]) -> None:
    """Write the weights in their areas, with the names of the cells if they all fit."""
    scale = placer.panel.scale
    templates = [("for {}\n{}", 7.5), ("{1}", 7.5), ("{1}", MIN_TEXT_SIZE)]
    for template, size in templates if all(area.cell.name for area in areas) else templates[1:]:
        labels = []
        for area in areas:
            cell, sides = area.cell, area.visible
            halo_colour = cell.colour if cell.weight < 0 else None  # over the hatching
            style = TextStyle(size, ink(cell.colour), "bold", halo=halo_colour)
            string = template.format(cell.name, format_decimals(cell.weight, 4))
            width, height = placer.size(string, style)
            if width <= abs(sides.width) * scale and height <= abs(sides.height) * scale:
                labels.append(Label(string, sides.middle, style))
        if len(labels) == len(areas):
            break
    placer.write_those_that_fit(labels)


def _mark_point(panel: Panel, point: Point) -> None:
    """Draw the mark of a point, and an arrow to where its value is taken if it is clamped."""
    kinds = marks(panel.theme)
    x, y = taken_at(point)
    if used_cells(point) and (x, y) != (point.x, point.y):
        colour, width = panel.theme.point, 1.6
        arrow = {"arrowstyle": "->", "color": colour, "linewidth": width}
        arrow["path_effects"] = halo(panel.theme.halo(colour), width, 0.8)
        panel.axes.annotate("", (x, y), (point.x, point.y), arrowprops=arrow, zorder=6)
    line = mark_line(kinds[point.border], 8.0, [point.x], [point.y])
    line.set(zorder=7, gid=f"points-{point.border}")
    panel.axes.add_line(line)


# The named ticks --------------------------------------------------------------------------------


def _named_ticks(
    trace: Trace, point: Point, style: FigureStyle, axis: str
) -> list[tuple[float, str]]:
    """Return the positions and the texts of the centres of the cells along an axis."""
    unit = style.unit(trace)
    between = " = " if axis == "x" else "\n"
    first, second = getattr(point, f"{axis}1"), getattr(point, f"{axis}2")
    if not used_cells(point):
        return []
    if first == second:
        return [(first, _tick(trace, first, unit, axis))]
    return [
        (at, f"{axis}{n}{between}{_tick(trace, at, unit, axis)}")
        for n, at in ((1, first), (2, second))
    ]


def _tick(trace: Trace, at: float, unit: Unit, axis: str) -> str:
    return format_decimals(at / getattr(unit, axis), position_decimals(trace, unit))


def _name_ticks(panel: Panel, trace: Trace, point: Point) -> None:
    """Name the centres of the cells below and on the left, and the point above and on the right."""
    axes, style, colour = panel.axes, panel.style, panel.theme.point
    unit = style.unit(trace)
    for axis, set_ticks in (("x", axes.set_xticks), ("y", axes.set_yticks)):
        ticks = _named_ticks(trace, point, style, axis)
        if ticks:
            set_ticks([at for at, _ in ticks], [text for _, text in ticks])
    view = panel.view
    if not (view.left <= point.x <= view.right and view.low <= point.y <= view.high):
        return
    over = blended_transform_factory(axes.transData, axes.transAxes) + panel.shifted(0, 3)
    beside = blended_transform_factory(axes.transAxes, axes.transData) + panel.shifted(3, 0)
    font: dict[str, Any] = {"fontsize": TICK_SIZE, "color": colour, "weight": "bold"}
    x, y = (_tick(trace, at, unit, axis) for at, axis in ((point.x, "x"), (point.y, "y")))
    axes.text(point.x, 1, f"x = {x}", transform=over, ha="center", va="bottom", **font)
    axes.text(1, point.y, f"y\n{y}", transform=beside, ha="left", va="center", **font)
    for along_x, along_y in (
        ((point.x, point.x), (view.low, view.high)),
        ((view.left, view.right), (point.y, point.y)),
    ):
        line = Line2D(along_x, along_y, color=colour, linewidth=0.7, linestyle=":", zorder=4.4)
        line.set_gid("guide")
        axes.add_line(line)
