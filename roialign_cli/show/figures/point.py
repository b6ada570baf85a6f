"""One sample point close up: its four cells, the areas that are their weights, and the sum."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from roialign_cli.analysis.sections import Point
from roialign_cli.analysis.trace import Trace
from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.map_area import draw_map, map_spec
from roialign_cli.show.figures.marks import mark_line, marks
from roialign_cli.show.figures.sheet import (
    POINTS_PER_INCH,
    Panel,
    draw_lines,
    format_alike,
    format_decimals,
    format_significant,
    new_page,
    outside_entries,
    title_parts,
)
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, figure_settings
from roialign_cli.show.numbers import NEIGHBOUR_NAMES
from roialign_cli.show.palette import Theme
from roialign_cli.show.view import View, beyond_map


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
        One ROI and channel.
    section
        (i, j).
    point
        (n, m); the winner if None, or else the first.
    style
        What the figure is drawn on.

    Raises
    ------
    ArgumentError
        If there is no such section or point.
    """
    one = selected_point(trace, section, point)
    if one is None:
        raise ArgumentError("point", "section ({}, {}) has no points".format(*section))
    view = point_view(trace, one)
    legend = close_up_entries(style.theme, one)
    legend += outside_entries(style.theme, beyond=beyond_map(trace, view))
    with figure_settings(style.theme):
        max_height = 0.62 * style.width * POINTS_PER_INCH
        spec = map_spec(trace, view, style, heading=formula(one), max_height=max_height)
        (panel,) = new_page([[spec]], style, title=_title(trace, section, one), legend=legend)
        draw_point(panel, trace, one)
    return panel.figure


def selected_point(
    trace: Trace, section: tuple[int, int], point: tuple[int, int] | None
) -> Point | None:
    """Return the point asked for; if none is, the winner or the first, None if there is none."""
    if point is not None:
        return trace.select(section, point)[0].points[0]
    chosen = trace.section(*section)
    return chosen.winning_point or next(iter(chosen.points), None)


def draw_point(panel: Panel, trace: Trace, one: Point) -> None:
    """Draw the map around a point, its neighbour cells, and their weights."""
    draw_map(panel, trace, shade_by_whole_map=True)
    _outline_cells(panel, one)
    placer = LabelPlacer(panel)
    placer.keep_clear(one.x, one.y, 5)
    _write_cells(placer, one)
    if one.in_bounds:
        _draw_areas(placer, one)
        _write_distances(placer, one)
    _mark_point(panel, one)


_MARGIN = 0.85  # cells around the neighbours' centres


def point_view(trace: Trace, point: Point) -> View:
    """Return the part of the plane with a point and its neighbour cells."""
    x = [point.x, *(n.x for n in point.neighbours)]
    y = [point.y, *(n.y for n in point.neighbours)]
    far = 6.0  # cells; a point further away is not in view
    x, y = ([v for v in values if abs(v - values[1]) <= far] for values in (x, y))
    return View(
        min(x) - _MARGIN, max(x) + _MARGIN, min(y) - _MARGIN, max(y) + _MARGIN, trace.frame.y_up
    ).at_least(0.6)


def _title(trace: Trace, section: tuple[int, int], point: Point) -> list[str]:
    where = "point ({}, {}) of section ({}, {})".format(*point.point, *section)
    at = f"at ({format_decimals(point.x, 4)}, {format_decimals(point.y, 4)})"
    return title_parts(trace, where, at)


def formula(point: Point) -> str:
    """Return the sum with the numbers, two terms a line."""
    value = format_significant(point.value)
    if not point.in_bounds:
        return f"outside the map, its value is {value}"
    a, b, c, d = (f"{format_decimals(n.weight, 4)}·{_factor(n.value)}" for n in point.neighbours)
    return f"P = {a} + {b}\n   + {c} + {d} = {value}"


def _factor(value: float) -> str:
    return f"({format_significant(value)})" if value < 0 else format_significant(value)


def _clamped(point: Point) -> tuple[float, float]:
    """Return where the point's value is taken: on the cells' centres or between them."""
    x, y = ([getattr(n, axis) for n in point.neighbours] for axis in "xy")
    return float(np.clip(point.x, min(x), max(x))), float(np.clip(point.y, min(y), max(y)))


def _outline_cells(panel: Panel, point: Point) -> None:
    """Outline the neighbour cells and mark their centres."""
    look: dict[str, Any] = {"edgecolor": panel.theme.neighbour, "linewidth": 1.8, "zorder": 3}
    for x, y in sorted({(n.x, n.y) for n in point.neighbours}):
        panel.axes.add_patch(
            Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, gid="neighbour", **look)
        )
        centre = Line2D([x], [y], marker="o", color=panel.theme.neighbour, ms=6)
        centre.set(mec=panel.theme.ground, zorder=5)
        panel.axes.add_line(centre)


def _draw_areas(placer: LabelPlacer, point: Point) -> None:
    """Draw the rectangles between the point and the opposite cells' centres."""
    panel, (px, py) = placer.panel, _clamped(point)
    areas = panel.theme.areas
    parts = []
    for name, neighbour, other, colour in zip(
        NEIGHBOUR_NAMES, point.neighbours, reversed(point.neighbours), areas, strict=True
    ):
        width, height = other.x - px, other.y - py
        if width and height:
            area = Rectangle((px, py), width, height, facecolor=colour, alpha=0.75, linewidth=0)
            area.set(zorder=3.5, gid=f"area-{name}")
            panel.axes.add_patch(area)
            parts.append((name, neighbour.weight, (px + width / 2, py + height / 2)))
    x, y = ([getattr(n, axis) for n in point.neighbours] for axis in "xy")
    lines = [((px, min(y)), (px, max(y))), ((min(x), py), (max(x), py))]
    draw_lines(panel, lines, colors=panel.theme.point, linewidths=1.0, linestyles="--", zorder=4)
    look = TextStyle(7.5, "ink", "bold")
    choices = [
        [
            Label(form.format(name, format_decimals(weight, 4)), at, (0.0, 0.0), look)
            for name, weight, at in parts
        ]
        for form in ("weight of {}\n{}", "for {}\n{}", "{1}")
    ]
    if not placer.write_first_that_fits(choices):
        placer.write_those_that_fit(choices[-1])


def _write_distances(placer: LabelPlacer, point: Point) -> None:
    """Write how far the point is from the centres' lines, on the lower and the left side."""
    look = TextStyle(7.5, "point", "bold")
    px, py = _clamped(point)
    low = (min if placer.panel.view.y_up else max)(point.y1, point.y2)
    for x in {point.x1, point.x2} - {px}:
        label = Label(format_decimals(abs(px - x), 4), ((px + x) / 2, low), (0.0, 0.0), look)
        placer.write_first_that_fits([[label.moved(0.0, -offset)] for offset in (9.0, 22.0)])
    for y in {point.y1, point.y2} - {py}:
        string = format_decimals(abs(py - y), 4)
        label = Label(string, (min(point.x1, point.x2), (py + y) / 2), (0.0, 0.0), look)
        across = placer.size(string, look)[0] / 2 + 5
        placer.write_first_that_fits([[label.moved(-across, 0.0)]])


def _mark_point(panel: Panel, point: Point) -> None:
    kinds = marks(panel.theme)
    if point.border == "clamped":
        x, y = _clamped(point)
        arrow = {"arrowstyle": "->", "color": panel.theme.point, "linewidth": 1.4}
        panel.axes.annotate("", (x, y), (point.x, point.y), arrowprops=arrow, zorder=6)
        panel.axes.add_line(mark_line(kinds["inside"], 6.0, [x], [y]))
    line = mark_line(kinds[point.border], 8.0, [point.x], [point.y])
    line.set(zorder=7, gid=f"points-{point.border}")
    panel.axes.add_line(line)


def close_up_entries(theme: Theme, point: Point) -> list[Artist]:
    """Return what the legend says of a point close up."""
    entries: list[Artist] = [mark_line(marks(theme)[point.border], 7.0, [], [])]
    entries.append(
        Line2D(
            [],
            [],
            marker="o",
            ls="none",
            color=theme.neighbour,
            label="centre of a neighbour cell",
        )
    )
    if point.in_bounds and len({(n.x, n.y) for n in point.neighbours}) == 4:
        entries.append(Patch(facecolor=theme.areas[1], label="area opposite a cell: its weight"))
    return entries


def _write_cells(placer: LabelPlacer, point: Point) -> None:
    """Write the neighbours' names and values on the outer sides of their centres."""
    values = format_alike(np.array([n.value for n in point.neighbours]))
    px, py = _clamped(point)
    up = 1 if placer.panel.view.y_up else -1
    look = TextStyle(9.0, "ink", "bold")
    named: dict[tuple[float, float], list[str]] = {}
    for name, neighbour in zip(NEIGHBOUR_NAMES, point.neighbours, strict=True):
        named.setdefault((neighbour.x, neighbour.y), []).append(name)
    written_values = dict(zip(((n.x, n.y) for n in point.neighbours), values, strict=True))
    for (x, y), names in named.items():
        string = " = ".join([*names, written_values[x, y]])
        width, height = placer.size(string, look)
        high = up * (1 if y >= py else -1) * (height / 2 + 6)
        beside = (1 if x >= px else -1) * (width / 2 + 8)
        places = ((0.0, high), (0.0, -high), (beside, 0.0), (0.0, 2 * high), (0.0, -2 * high))
        label = Label(string, (x, y), (0.0, 0.0), look)
        placer.write_first_that_fits([[label.moved(*place)] for place in places])
