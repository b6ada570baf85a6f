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
from roialign_cli.show.figures.map_area import draw_map, map_panel
from roialign_cli.show.figures.marks import mark_line, marks
from roialign_cli.show.figures.paper import PAPER, FigureStyle, style
from roialign_cli.show.figures.sheet import (
    POINTS_PER_INCH,
    Sheet,
    draw_lines,
    new_page,
    outside_entries,
    significant,
    titled,
    written,
    written_alike,
)
from roialign_cli.show.numbers import NEIGHBOUR_NAMES
from roialign_cli.show.palette import Theme
from roialign_cli.show.view import View, beyond_map


def point_figure(
    trace: Trace,
    *,
    section: tuple[int, int] = (1, 1),
    point: tuple[int, int] | None = None,
    paper: FigureStyle = PAPER,
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
    paper
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
    legend = point_legend(paper.theme, one)
    legend += outside_entries(paper.theme, beyond=beyond_map(trace, view))
    with style(paper.theme):
        tallest = 0.62 * paper.width * POINTS_PER_INCH
        panel = map_panel(trace, view, paper, heading=formula(one), tallest=tallest)
        (sheet,) = new_page([[panel]], paper, title=_title(trace, section, one), legend=legend)
        draw_point(sheet, trace, one)
    return sheet.figure


def selected_point(
    trace: Trace, section: tuple[int, int], point: tuple[int, int] | None
) -> Point | None:
    """Return the point asked for; if none is, the winner or the first, None if there is none."""
    if point is not None:
        return trace.select(section, point)[0].points[0]
    chosen = trace.section(*section)
    return chosen.winning_point or next(iter(chosen.points), None)


def draw_point(sheet: Sheet, trace: Trace, one: Point) -> None:
    """Draw the map around a point, its neighbour cells, and their weights."""
    draw_map(sheet, trace, whole_span=True)
    _outline_cells(sheet, one)
    texts = LabelPlacer(sheet)
    texts.keep_clear(one.x, one.y, 5)
    _write_cells(texts, one)
    if one.in_bounds:
        _draw_areas(texts, one)
        _write_distances(texts, one)
    _mark_point(sheet, one)


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
    at = f"at ({written(point.x, 4)}, {written(point.y, 4)})"
    return titled(trace, where, at)


def formula(point: Point) -> str:
    """Return the sum with the numbers, two terms a line."""
    value = significant(point.value)
    if not point.in_bounds:
        return f"outside the map, its value is {value}"
    a, b, c, d = (f"{written(n.weight, 4)}·{_factor(n.value)}" for n in point.neighbours)
    return f"P = {a} + {b}\n   + {c} + {d} = {value}"


def _factor(value: float) -> str:
    return f"({significant(value)})" if value < 0 else significant(value)


def _clamped(point: Point) -> tuple[float, float]:
    """Return where the point's value is taken: on the cells' centres or between them."""
    x, y = ([getattr(n, axis) for n in point.neighbours] for axis in "xy")
    return float(np.clip(point.x, min(x), max(x))), float(np.clip(point.y, min(y), max(y)))


def _outline_cells(sheet: Sheet, point: Point) -> None:
    """Outline the neighbour cells and mark their centres."""
    look: dict[str, Any] = {"edgecolor": sheet.theme.neighbour, "linewidth": 1.8, "zorder": 3}
    for x, y in sorted({(n.x, n.y) for n in point.neighbours}):
        sheet.axes.add_patch(
            Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, gid="neighbour", **look)
        )
        centre = Line2D([x], [y], marker="o", color=sheet.theme.neighbour, ms=6)
        centre.set(mec=sheet.theme.ground, zorder=5)
        sheet.axes.add_line(centre)


def _draw_areas(texts: LabelPlacer, point: Point) -> None:
    """Draw the rectangles between the point and the opposite cells' centres."""
    sheet, (px, py) = texts.sheet, _clamped(point)
    areas = sheet.theme.areas
    parts = []
    for name, neighbour, other, colour in zip(
        NEIGHBOUR_NAMES, point.neighbours, reversed(point.neighbours), areas, strict=True
    ):
        width, height = other.x - px, other.y - py
        if width and height:
            area = Rectangle((px, py), width, height, facecolor=colour, alpha=0.75, linewidth=0)
            area.set(zorder=3.5, gid=f"area-{name}")
            sheet.axes.add_patch(area)
            parts.append((name, neighbour.weight, (px + width / 2, py + height / 2)))
    x, y = ([getattr(n, axis) for n in point.neighbours] for axis in "xy")
    lines = [((px, min(y)), (px, max(y))), ((min(x), py), (max(x), py))]
    draw_lines(sheet, lines, colors=sheet.theme.point, linewidths=1.0, linestyles="--", zorder=4)
    look = TextStyle(7.5, "ink", "bold")
    choices = [
        [
            Label(form.format(name, written(weight, 4)), at, (0.0, 0.0), look)
            for name, weight, at in parts
        ]
        for form in ("weight of {}\n{}", "for {}\n{}", "{1}")
    ]
    if not texts.write_first_free(choices):
        texts.write_each_free(choices[-1])


def _write_distances(texts: LabelPlacer, point: Point) -> None:
    """Write how far the point is from the centres' lines, on the lower and the left side."""
    look = TextStyle(7.5, "point", "bold")
    px, py = _clamped(point)
    low = (min if texts.sheet.view.y_up else max)(point.y1, point.y2)
    for x in {point.x1, point.x2} - {px}:
        label = Label(written(abs(px - x), 4), ((px + x) / 2, low), (0.0, 0.0), look)
        texts.write_first_free([[label.moved(0.0, -offset)] for offset in (9.0, 22.0)])
    for y in {point.y1, point.y2} - {py}:
        string = written(abs(py - y), 4)
        label = Label(string, (min(point.x1, point.x2), (py + y) / 2), (0.0, 0.0), look)
        across = texts.size(string, look)[0] / 2 + 5
        texts.write_first_free([[label.moved(-across, 0.0)]])


def _mark_point(sheet: Sheet, point: Point) -> None:
    kinds = marks(sheet.theme)
    if point.border == "clamped":
        x, y = _clamped(point)
        arrow = {"arrowstyle": "->", "color": sheet.theme.point, "linewidth": 1.4}
        sheet.axes.annotate("", (x, y), (point.x, point.y), arrowprops=arrow, zorder=6)
        sheet.axes.add_line(mark_line(kinds["inside"], 6.0, [x], [y]))
    line = mark_line(kinds[point.border], 8.0, [point.x], [point.y])
    line.set(zorder=7, gid=f"points-{point.border}")
    sheet.axes.add_line(line)


def point_legend(theme: Theme, point: Point) -> list[Artist]:
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


def _write_cells(texts: LabelPlacer, point: Point) -> None:
    """Write the neighbours' names and values on the outer sides of their centres."""
    values = written_alike(np.array([n.value for n in point.neighbours]))
    px, py = _clamped(point)
    up = 1 if texts.sheet.view.y_up else -1
    look = TextStyle(9.0, "ink", "bold")
    named: dict[tuple[float, float], list[str]] = {}
    for name, neighbour in zip(NEIGHBOUR_NAMES, point.neighbours, strict=True):
        named.setdefault((neighbour.x, neighbour.y), []).append(name)
    written_values = dict(zip(((n.x, n.y) for n in point.neighbours), values, strict=True))
    for (x, y), names in named.items():
        string = " = ".join([*names, written_values[x, y]])
        width, height = texts.size(string, look)
        high = up * (1 if y >= py else -1) * (height / 2 + 6)
        beside = (1 if x >= px else -1) * (width / 2 + 8)
        places = ((0.0, high), (0.0, -high), (beside, 0.0), (0.0, 2 * high), (0.0, -2 * high))
        label = Label(string, (x, y), (0.0, 0.0), look)
        texts.write_first_free([[label.moved(*place)] for place in places])
