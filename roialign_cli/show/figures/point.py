"""One sample point close up: its four cells, the areas that are their weights, and the sum."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from roialign_cli.analysis.sections import Point
from roialign_cli.analysis.trace import Trace
from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures.drawing import draw_lines, outside_entries
from roialign_cli.show.figures.geometry import Sides
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.map_area import draw_map
from roialign_cli.show.figures.marks import mark_line, marks
from roialign_cli.show.figures.page import POINTS_PER_INCH, Panel, PanelSpec, new_panel
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, figure_settings
from roialign_cli.show.figures.wording import (
    format_alike,
    format_decimals,
    format_significant,
    title_parts,
)
from roialign_cli.show.numbers import NEIGHBOUR_NAMES
from roialign_cli.show.palette import Theme
from roialign_cli.show.view import View, zoom_note

_MAX_ASPECT = 0.62  # height of the axes, in widths of the page
_MARGIN = 0.85  # cells around the neighbours' centres
_MAX_DISTANCE = 6.0  # cells from the neighbours; a point further away is not in view
_CELL_TEXT = TextStyle(9.0, "ink", "bold")
_AREA_TEXT = TextStyle(7.5, "ink", "bold")
_DISTANCE_TEXT = TextStyle(7.5, "point", "bold")


def point_figure(
    trace: Trace,
    *,
    section: tuple[int, int] = (1, 1),
    point: tuple[int, int] | None = None,
    style: FigureStyle = DEFAULT_STYLE,
) -> Figure:
    """Draw one sample point with its neighbour cells, their weights as areas, and the formula.

    Parameters
    ----------
    trace
        The trace of one ROI and channel.
    section
        (i, j), from 1.
    point
        (n, m), from 1; if None, the winner of the section, or its first point.
    style
        The style of the figure.

    Raises
    ------
    ArgumentError
        If there is no such section or point.
    """
    selected = selected_point(trace, section, point)
    if selected is None:
        raise ArgumentError(
            "point", "section ({}, {}) has no points; choose another section".format(*section)
        )
    view = point_view(trace, selected)
    legend = close_up_entries(style.theme, selected) + outside_entries(style.theme, trace, view)
    position = ", ".join(format_decimals(value, 4) for value in (selected.x, selected.y))
    title = title_parts(trace, point_name(section, selected), f"at ({position})")
    max_height = _MAX_ASPECT * style.width * POINTS_PER_INCH
    with figure_settings(style.theme):
        spec = PanelSpec(
            view,
            style.unit(trace),
            zoom_note(trace, view),
            heading=formula(selected),
            max_height=max_height,
        )
        panel = new_panel(spec, style, title=title, legend=legend)
        draw_point(panel, trace, selected)
    return panel.figure


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
    x = [point.x, *(n.x for n in point.neighbours)]
    y = [point.y, *(n.y for n in point.neighbours)]
    x, y = ([v for v in values if abs(v - values[1]) <= _MAX_DISTANCE] for values in (x, y))
    return View(
        min(x) - _MARGIN, max(x) + _MARGIN, min(y) - _MARGIN, max(y) + _MARGIN, trace.frame.y_up
    ).at_least(0.6)


def formula(point: Point) -> str:
    """Return the interpolation formula with its numbers, two terms per line."""
    value = format_significant(point.value)
    if not point.in_bounds:
        return f"outside the map, its value is {value}"
    a, b, c, d = (f"{format_decimals(n.weight, 4)}·{_factor(n.value)}" for n in point.neighbours)
    return f"P = {a} + {b}\n   + {c} + {d} = {value}"


def _factor(value: float) -> str:
    return f"({format_significant(value)})" if value < 0 else format_significant(value)


def close_up_entries(theme: Theme, point: Point) -> list[Artist]:
    """Return the legend entries of one point, its neighbour cells and their weights."""
    centre = Line2D([], [], marker="o", ls="none", color=theme.neighbour)
    centre.set_label("centre of a neighbour cell")
    entries = [mark_line(marks(theme)[point.border], 7.0), centre]
    if point.in_bounds and len(_centres(point)) == 4:
        return [*entries, Patch(facecolor=theme.areas[1], label="area opposite a cell: its weight")]
    return [*entries]


def _centres(point: Point) -> list[tuple[float, float]]:
    """Return the different centres of a point's neighbour cells, sorted."""
    return sorted({(n.x, n.y) for n in point.neighbours})


def _neighbour_sides(point: Point) -> Sides:
    """Return the rectangle between the centres of a point's neighbour cells."""
    x, y = ([getattr(n, axis) for n in point.neighbours] for axis in "xy")
    return Sides(min(x), max(x), min(y), max(y))


def _clamped(point: Point) -> tuple[float, float]:
    """Return where the value of a point is taken: among the centres of its neighbour cells."""
    (left, right), (low, high) = _neighbour_sides(point).spans
    return float(np.clip(point.x, left, right)), float(np.clip(point.y, low, high))


def draw_point(panel: Panel, trace: Trace, point: Point) -> None:
    """Draw the map around a point, its neighbour cells, and their weights."""
    draw_map(panel, trace, shade_by_whole_map=True)
    _outline_cells(panel, point)
    placer = LabelPlacer(panel)
    placer.keep_clear(point.x, point.y, 5)
    _write_cells(placer, point)
    if point.in_bounds:
        _draw_areas(placer, point)
        _write_distances(placer, point)
    _mark_point(panel, point)


def _outline_cells(panel: Panel, point: Point) -> None:
    """Outline the neighbour cells and mark their centres."""
    colour = panel.theme.neighbour
    for x, y in _centres(point):
        cell = Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=colour, linewidth=1.8)
        cell.set(gid="neighbour", zorder=3)
        panel.axes.add_patch(cell)
        centre = Line2D([x], [y], marker="o", color=colour, ms=6)
        centre.set(mec=panel.theme.ground, zorder=5)
        panel.axes.add_line(centre)


def _write_cells(placer: LabelPlacer, point: Point) -> None:
    """Write the names and values of the neighbour cells, away from the point."""
    values = format_alike(np.array([n.value for n in point.neighbours]))
    px, py = _clamped(point)
    y_sign = 1 if placer.panel.view.y_up else -1
    names: dict[tuple[float, float], list[str]] = {}
    for name, neighbour in zip(NEIGHBOUR_NAMES, point.neighbours, strict=True):
        names.setdefault((neighbour.x, neighbour.y), []).append(name)
    value_at = dict(zip(((n.x, n.y) for n in point.neighbours), values, strict=True))
    for (x, y), cell_names in names.items():
        string = " = ".join([*cell_names, value_at[x, y]])
        width, height = placer.size(string, _CELL_TEXT)
        up = y_sign * (1 if y >= py else -1) * (height / 2 + 6)
        right = (1 if x >= px else -1) * (width / 2 + 8)
        offsets = ((0.0, up), (0.0, -up), (right, 0.0), (0.0, 2 * up), (0.0, -2 * up))
        placer.write_at_first_offset(Label(string, (x, y), _CELL_TEXT), offsets)


def _draw_areas(placer: LabelPlacer, point: Point) -> None:
    """Draw the rectangles between the point and the centres opposite the cells they weigh."""
    panel, (px, py) = placer.panel, _clamped(point)
    areas = []
    opposite = reversed(point.neighbours)
    for name, neighbour, corner, colour in zip(
        NEIGHBOUR_NAMES, point.neighbours, opposite, panel.theme.areas, strict=True
    ):
        sides = Sides(px, corner.x, py, corner.y)
        if sides.width and sides.height:
            area = sides.patch(facecolor=colour, alpha=0.75, linewidth=0)
            area.set(zorder=3.5, gid=f"area-{name}")
            panel.axes.add_patch(area)
            areas.append((name, format_decimals(neighbour.weight, 4), sides.middle))
    (left, right), (low, high) = _neighbour_sides(point).spans
    lines = [((px, low), (px, high)), ((left, py), (right, py))]
    draw_lines(panel, lines, panel.theme.point, 1.0, linestyle="--", zorder=4)
    choices = [
        [Label(form.format(name, weight), middle, _AREA_TEXT) for name, weight, middle in areas]
        for form in ("weight of {}\n{}", "for {}\n{}", "{1}")
    ]
    if not placer.write_first_that_fits(choices):
        placer.write_those_that_fit(choices[-1])


def _write_distances(placer: LabelPlacer, point: Point) -> None:
    """Write the distances from the point to the neighbours' centres, below and on the left."""
    px, py = _clamped(point)
    left = min(point.x1, point.x2)
    bottom = (min if placer.panel.view.y_up else max)(point.y1, point.y2)
    for x in {point.x1, point.x2} - {px}:
        string = format_decimals(abs(px - x), 4)
        label = Label(string, ((px + x) / 2, bottom), _DISTANCE_TEXT)
        placer.write_at_first_offset(label, ((0.0, -9.0), (0.0, -22.0)))
    for y in {point.y1, point.y2} - {py}:
        string = format_decimals(abs(py - y), 4)
        offset = -(placer.size(string, _DISTANCE_TEXT)[0] / 2 + 5), 0.0
        placer.write_those_that_fit([Label(string, (left, (py + y) / 2), _DISTANCE_TEXT, offset)])


def _mark_point(panel: Panel, point: Point) -> None:
    """Draw the mark of a point, and an arrow to the border if the point is clamped to it."""
    kinds = marks(panel.theme)
    if point.border == "clamped":
        x, y = _clamped(point)
        arrow = {"arrowstyle": "->", "color": panel.theme.point, "linewidth": 1.4}
        panel.axes.annotate("", (x, y), (point.x, point.y), arrowprops=arrow, zorder=6)
        panel.axes.add_line(mark_line(kinds["inside"], 6.0, [x], [y]))
    line = mark_line(kinds[point.border], 8.0, [point.x], [point.y])
    line.set(zorder=7, gid=f"points-{point.border}")
    panel.axes.add_line(line)
