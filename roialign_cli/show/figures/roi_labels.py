"""The labels of an ROI: the numbers of its sections, the coordinates of its points.

Lengths on a page are in points (1/72 inch).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.transforms import Transform, blended_transform_factory

from roialign_cli.analysis.point_positions import winning_positions
from roialign_cli.analysis.points import Point
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.drawing import set_tab
from roialign_cli.show.figures.geometry import Span, section_sides, section_spans
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.marks import RING_WIDTH, drawn_points, mark_size, point_spacing
from roialign_cli.show.figures.page import Panel
from roialign_cli.show.figures.phrases import text_width
from roialign_cli.show.figures.style import Unit
from roialign_cli.show.figures.wording import format_decimals, format_significant

_MAX_COORDINATES = 6  # of a section with more points, only the values are written
_MAX_LABELLED_POINTS = 16
_NUMBER_SIZE = 8.0
_LEAST_OVERLAP = 1e-3  # cells
_CLEAR = 1.0  # points around the ring of a winner
_COORDINATES = TextStyle(7.3, "point", "bold", pad=1.5)
_CORNER = TextStyle(7.6, "roi_ink", "bold")


def write_corner(placer: LabelPlacer, trace: Trace) -> None:
    """Write the coordinates of the first corner of an ROI."""
    placer.keep_clear([(trace.x, trace.y)], 3)
    string = format_position(placer.panel, trace, trace.x, trace.y)
    label = Label(string, (trace.x, trace.y), _CORNER)
    width, height = placer.size(label.string, label.style)
    right, up = width / 2, height / 2 + 3
    offsets = (
        (right, up), (right, up + 10), (-right, up), (-right - 4, 0), (0, up), (0, up + 10),
        (right + 4, -up), (-right, -up), (right, -up - 10),
    )  # fmt: skip
    placer.write_at_first_offset(label, offsets)


def format_position(panel: Panel, trace: Trace, x: float, y: float) -> str:
    """Return a position in the unit of the ticks, with more decimals for small sections."""
    unit = panel.style.unit(trace)
    decimals = position_decimals(trace, unit)
    return f"({format_decimals(x / unit.x, decimals)}, {format_decimals(y / unit.y, decimals)})"


def position_decimals(trace: Trace, unit: Unit) -> int:
    """Return how many decimals positions have in a unit: two, or more for small sections."""
    smallest = min(abs(trace.section_width / unit.x), abs(trace.section_height / unit.y))
    return 2 if smallest >= 0.1 or not smallest else min(int(2 - np.log10(smallest)), 8)


# The numbers of the sections --------------------------------------------------------------------


def write_numbers(panel: Panel, trace: Trace, chosen: tuple[int, int] | None = None) -> None:
    """Write the numbers of an ROI's sections along the edges of a panel."""
    write_section_numbers(panel, *section_spans(trace), chosen)


def write_section_numbers(
    panel: Panel,
    columns: Sequence[Span],
    rows: Sequence[Span],
    chosen: tuple[int, int] | None = None,
    *,
    brackets: bool = True,
) -> None:
    """Write i over the axes and j on their right, at the middles of the sections in view.

    Numbers that do not fit between the edges of their section, or beside other numbers, are left
    out; those of a chosen section are bold and come first.

    Parameters
    ----------
    panel
        The panel to write on.
    columns, rows
        Where the sections start and end along x and along y.
    chosen
        (i, j) of a section.
    brackets
        Whether to draw brackets from the start to the end of the sections.
    """
    view = panel.view
    for axis, spans in enumerate((columns, rows)):
        low, high = (view.left, view.right) if axis == 0 else (view.low, view.high)
        middles = {n: (first + last) / 2 for n, (first, last) in enumerate(spans, 1)}
        middles = {n: at for n, at in middles.items() if low < at < high}
        first = chosen[axis] if chosen is not None else min(middles, default=0)
        rooms = {n: abs(spans[n - 1][1] - spans[n - 1][0]) * panel.scale for n in middles}
        strings = _with_room(panel, middles, rooms, axis, first)
        for n, string in strings.items():
            is_chosen = chosen is not None and n == first
            _write_number(panel, string, middles[n], axis, bold=is_chosen)
        if strings and brackets:
            _draw_spans(panel, spans, axis)


def _write_number(panel: Panel, string: str, at: float, axis: int, *, bold: bool) -> None:
    """Write a number over the axes (axis 0) or on their right (axis 1)."""
    transform = _beside(panel, axis, 5.5 if axis == 0 else 7.0)
    if axis == 0:
        text = panel.axes.text(at, 1, string, ha="center", va="bottom")
    else:
        text = panel.axes.text(1, at, string, ha="left", va="center")
    text.set(transform=transform, fontsize=_NUMBER_SIZE, color=panel.theme.section_ink)
    text.set_fontweight("bold" if bold else "normal")
    set_tab(text, panel.theme.ground)


def _beside(panel: Panel, axis: int, distance: float) -> Transform:
    """Return the transform of marks this many points over the axes (axis 0) or on their right."""
    along, across = panel.axes.transData, panel.axes.transAxes
    if axis == 0:
        return blended_transform_factory(along, across) + panel.shifted(0, distance)
    return blended_transform_factory(across, along) + panel.shifted(distance, 0)


def _draw_spans(panel: Panel, spans: Sequence[Span], axis: int) -> None:
    """Draw brackets from the start to the end of sections; where they overlap, on two levels."""
    view, marker = panel.view, "|_"[axis]
    low, high = (view.left, view.right) if axis == 0 else (view.low, view.high)
    for n, span in enumerate(spans):
        first, last = np.clip(sorted(span), low, high).tolist()
        if first == last:
            continue
        ends, ones = [first, last], [1, 1]
        bracket = Line2D(*((ends, ones) if axis == 0 else (ones, ends)), marker=marker)
        level = 1.5 + (2.5 * (n % 2) if _overlap(spans) else 0.0)
        bracket.set(transform=_beside(panel, axis, level), color=panel.theme.section)
        bracket.set(linewidth=1.0, markersize=3.0, clip_on=False, gid="section-edges")
        panel.axes.add_line(bracket)


def _overlap(spans: Sequence[Span]) -> bool:
    """Return whether neighbouring sections overlap, as those of ROI Pool do."""
    return any(
        min(max(one), max(other)) - max(min(one), min(other)) > _LEAST_OVERLAP
        for one, other in pairwise(spans)
    )


def _with_room(
    panel: Panel, middles: dict[int, float], rooms: dict[int, float], axis: int, first: int
) -> dict[int, str]:
    """Return the numbers of sections, as texts, that fit; the first one is named if that fits.

    `rooms` are the sizes of the sections along the axis, in points.
    """
    kept: dict[int, str] = {}
    for n in sorted(middles, key=lambda n: (n != first, n)):
        names = [f"{'ij'[axis]} = {n}", str(n)] if n == first else [str(n)]
        fitting = [name for name in names if _extent(name, axis) <= rooms[n]]
        if fitting and all(
            abs(middles[n] - middles[m]) * panel.scale
            > (_extent(fitting[0], axis) + _extent(text, axis)) / 2 + 1
            for m, text in kept.items()
        ):
            kept[n] = fitting[0]
    return kept


def _extent(string: str, axis: int) -> float:
    """Return the size of a number along an axis, in points."""
    return _NUMBER_SIZE if axis == 1 else text_width(string, _NUMBER_SIZE, "bold")


# The coordinates of the points ------------------------------------------------------------------


def keep_points_clear(placer: LabelPlacer, trace: Trace, sections: Sequence[Section]) -> None:
    """Keep labels clear of the marks of sections' points and of the rings of winners."""
    if not sections:
        return
    size = mark_size(placer.panel, trace, sections)
    for places in drawn_points(trace, sections).values():
        placer.keep_clear(places, size / 2)
    placer.keep_clear(winning_positions(sections), (size + RING_WIDTH) / 2 + _CLEAR)


def write_points(placer: LabelPlacer, trace: Trace, chosen: Section) -> None:
    """Write the coordinates and the values of a section's points, with leader lines if needed.

    Points of larger grids have only their values, and those of the largest have no labels. The
    positions and values of cells are on the map.
    """
    if trace.convention.reads_cells:
        return
    points = sorted(chosen.points, key=lambda point: point.point != chosen.winner)
    if len(points) > _MAX_LABELLED_POINTS:
        return
    labels = [_point_label(placer.panel, trace, point, len(points)) for point in points]
    places = [_places(placer, trace, chosen, *pair) for pair in zip(points, labels, strict=True)]
    if placer.write_first_that_fits([*zip(*places, strict=True)]):
        return
    outside = section_sides(trace, chosen.section)
    for label, choices in zip(labels, places, strict=True):
        if not placer.write_near(label, 8.0, outside):
            placer.write_first_that_fits([[choice] for choice in choices])


def _point_label(panel: Panel, trace: Trace, point: Point, count: int) -> Label:
    """Return the label of one of this many points."""
    string = format_significant(point.contribution)
    if count <= _MAX_COORDINATES:
        string = f"{format_position(panel, trace, point.x, point.y)}\n{string}"
    return Label(string, (point.x, point.y), _COORDINATES)


def _places(
    placer: LabelPlacer, trace: Trace, section: Section, point: Point, label: Label
) -> list[Label]:
    """Return a label at places beside its point, away from the middle of the section first."""
    panel = placer.panel
    width, height = placer.size(label.string, label.style)
    diameter = mark_size(panel, trace, [section])
    if point.point == section.winner:
        diameter += RING_WIDTH
    columns, rows = section.grid
    # Half a point more than what is kept clear, so that rounding does not decide what fits.
    gap = diameter / 2 + _CLEAR + 0.5
    up = gap + height / 2
    away = 1 if 2 * point.point[1] <= rows + 1 else -1
    outward = int(np.sign(2 * point.point[0] - columns - 1))
    shift = max(width / 2 - point_spacing(panel, trace, [section])[0] / 2 + 1.5, 0.0)
    side = (outward or 1) * (gap + width / 2)
    offsets = [(0.0, away * up), (outward * shift, away * up), (side, 0.0), (0.0, -away * up)]
    return [label.moved(*offset) for offset in offsets]
