"""The labels of an ROI: its size and corner, its sections' numbers, its points' coordinates.

Lengths on a page are in points (1/72 inch).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from roialign_cli.analysis.sections import Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.geometry import roi_sides, section_sides
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.map_area import anchored, section_room
from roialign_cli.show.figures.marks import RING_WIDTH, mark_size, point_spacing
from roialign_cli.show.figures.page import MIN_TEXT_SIZE
from roialign_cli.show.figures.wording import format_decimals

DIMENSION_ROOM = 26.0  # points over and beside the axes for `write_dimensions`
_MAX_LABELLED_POINTS = 16  # of a section with more points, only the outermost are labelled
_DIMENSION = TextStyle(9.5, "roi", "bold")
_CORNER = TextStyle(8.5, "ink", "bold")
_COORDINATES = TextStyle(MIN_TEXT_SIZE + 0.3, "point", "bold")
_CHOSEN_NUMBER = TextStyle(8.5, "section_ink", "bold", 1)
_OTHER_NUMBER = TextStyle(7.0, "section_ink", "normal", 1)
# Styles of (i, j) in a section; the first that fits is used.
_NUMBERS = [TextStyle(size, "section_ink", "bold") for size in (9.5, 8.5, 7.5, MIN_TEXT_SIZE)]
# Where in a section (i, j) may stand, along x and upward: in the middle first, then corners.
_NUMBER_ANCHORS = ((0, 0), (0, 1), (-1, 1), (1, 1), (-1, -1), (1, -1))
# Where a label may stand along y and along x, seen from its point. "away" is above in the upper
# half of a section and below in the lower half; "outward" and "inward" are away from the middle of
# the section and towards it.
_POINT_PLACES: tuple[tuple[str, str], ...] = (
    ("away", "centred"),
    ("above", "centred"),
    ("below", "centred"),
    ("away", "outward"),
    ("above", "outward"),
    ("below", "outward"),
    ("level", "beside"),
    ("away", "beside"),
    ("away", "inward"),
)


def write_dimensions(placer: LabelPlacer, trace: Trace) -> None:
    """Write the width of an ROI over the axes, and its height beside them."""
    panel, axes, view = placer.panel, placer.panel.axes, placer.panel.view
    sides = roi_sides(trace)
    over = blended_transform_factory(axes.transData, axes.transAxes) + panel.shifted(0, 8)
    beside = blended_transform_factory(axes.transAxes, axes.transData) + panel.shifted(8, 0)
    line: dict[str, Any] = {"color": panel.theme.roi, "linewidth": 1.2, "clip_on": False, "ms": 7}
    x, y = (sides.left, sides.right), (sides.top, sides.bottom)
    axes.add_line(Line2D(x, [1, 1], marker="|", transform=over, **line))
    axes.add_line(Line2D([1, 1], y, marker="_", transform=beside, **line))
    width, height = (format_decimals(size) for size in (trace.width, trace.height))
    width, height = f"width {width}", f"height {height}"
    middle_x = _nearest_middle(placer, width, sum(x) / 2, view.left, view.right)
    middle_y = _nearest_middle(placer, height, sum(y) / 2, view.low, view.high)
    font: dict[str, Any] = {"size": _DIMENSION.size, "color": panel.theme.roi, "weight": "bold"}
    font |= {"ha": "center", "va": "center"}
    axes.text(middle_x, 1, width, transform=over + panel.shifted(0, 9), **font)
    axes.text(1, middle_y, height, transform=beside + panel.shifted(9, 0), rotation=90, **font)


def _nearest_middle(
    placer: LabelPlacer, string: str, middle: float, low: float, high: float
) -> float:
    """Return a text's middle along an axis from `low` to `high`, moved so that the text fits."""
    half = placer.size(string, _DIMENSION)[0] / placer.panel.scale / 2
    return (low + high) / 2 if high - low < 2 * half else min(max(middle, low + half), high - half)


def write_sections(placer: LabelPlacer, trace: Trace, chosen: Section) -> None:
    """Write the ROI's corner, all sections' (i, j) and one section's points, where they fit."""
    _keep_points_clear(placer, trace, chosen)
    numbers = _number_choices(placer, trace)
    if not numbers:
        _write_numbers_outside(placer, trace, chosen)
    write_corner(placer, trace)
    points = list(_point_choices(placer, trace, chosen))
    if placer.write_first_that_fits([[*n, *p] for n, p in product(numbers or [[]], points)]):
        return
    if numbers and not placer.write_first_that_fits(numbers):
        _write_tab(placer, trace, chosen, numbers[0])
    _write_outermost_points(placer, trace, chosen)


def write_numbers(placer: LabelPlacer, trace: Trace) -> None:
    """Write (i, j) in every section or, if it does not fit, i and j along two sides of the ROI."""
    if not placer.write_first_that_fits(_number_choices(placer, trace)):
        _write_numbers_outside(placer, trace, trace.sections[0])


def write_coordinates(placer: LabelPlacer, trace: Trace, chosen: Section) -> None:
    """Write the coordinates of a section's points or, if they do not fit, of some of them."""
    _keep_points_clear(placer, trace, chosen)
    if not placer.write_first_that_fits([*_point_choices(placer, trace, chosen)]):
        _write_outermost_points(placer, trace, chosen)


def write_corner(placer: LabelPlacer, trace: Trace) -> None:
    """Write the coordinates of the first corner of an ROI."""
    placer.keep_clear(trace.x, trace.y, 3)
    label = Label(_format_pair(trace, trace.x, trace.y), (trace.x, trace.y), _CORNER)
    width, height = placer.size(label.string, label.style)
    right, up = width / 2, height / 2 + 3
    offsets = (
        (right, up), (right, up + 10), (-right, up), (-right - 4, 0), (0, up), (0, up + 10),
        (right + 4, -up), (-right, -up), (right, -up - 10),
    )  # fmt: skip
    placer.write_at_first_offset(label, offsets)


def _format_pair(trace: Trace, x: float, y: float) -> str:
    """Return a position as text, with more decimals for an ROI of small sections."""
    smallest = min(abs(trace.section_width), abs(trace.section_height))
    decimals = 2 if smallest >= 0.1 or not smallest else min(int(2 - np.log10(smallest)), 8)
    return f"({format_decimals(x, decimals)}, {format_decimals(y, decimals)})"


# The numbers of the sections --------------------------------------------------------------------


def _number_choices(placer: LabelPlacer, trace: Trace) -> list[list[Label]]:
    """Return sets of labels (i, j) for all sections, each set at another place in its sections.

    There are no sets if the sections are too small.
    """
    room = section_room(placer.panel, trace)
    for style in _NUMBERS:
        width, height = placer.size(str(trace.sections[-1].section), style)
        if width + 4 <= room[0] and height + 2 <= room[1]:
            offsets = [anchored(at, room, (width, height), 3.5) for at in _NUMBER_ANCHORS]
            middles = {s.section: section_sides(trace, s).middle for s in trace.sections}
            return [
                [Label(str(i_j), middle, style, offset) for i_j, middle in middles.items()]
                for offset in offsets
            ]
    return []


def _write_tab(
    placer: LabelPlacer, trace: Trace, chosen: Section, numbers: Sequence[Label]
) -> None:
    """Write the numbers of sections, with that of the chosen one on a tab clear of its points."""
    style = TextStyle(numbers[0].style.size, "ground", "bold", 2.0, "section_ink")
    tab = Label(str(chosen.section), section_sides(trace, chosen).middle, style)
    width, height = placer.size(tab.string, style)
    room = section_room(placer.panel, trace)
    right, up = (room[0] - width) / 2, (room[1] + height) / 2 + 1
    offsets = ((-right, up), (0.0, up), (right, up), (-right, -up), (0.0, -up), (right, -up))
    placer.write_those_that_fit([label for label in numbers if label.string != tab.string])
    placer.write_at_first_offset(tab, offsets)


def _write_numbers_outside(placer: LabelPlacer, trace: Trace, chosen: Section) -> None:
    """Write i over the ROI and j on its left, those of the chosen section first."""
    if not (trace.section_width and trace.section_height):
        return
    columns = len(trace.output[0])
    for axis, sections in enumerate((trace.sections[:columns], trace.sections[::columns])):
        labels = []
        for section in sorted(sections, key=lambda s: s.section[axis] != chosen.section[axis]):
            number = section.section[axis]
            is_chosen = number == chosen.section[axis]
            style = _CHOSEN_NUMBER if is_chosen else _OTHER_NUMBER
            string = f"{'ij'[axis]} = {number}" if is_chosen else str(number)
            x, y = section_sides(trace, section).middle
            width, height = placer.size(string, style)
            if axis == 0:
                labels.append(Label(string, (x, trace.y), style, (0.0, height / 2 + 2)))
            else:
                labels.append(Label(string, (trace.x, y), style, (-width / 2 - 3, 0.0)))
        placer.write_those_that_fit(labels)


# The coordinates of the points ------------------------------------------------------------------


def _keep_points_clear(placer: LabelPlacer, trace: Trace, chosen: Section) -> None:
    size = mark_size(placer.panel, trace, chosen)
    for point in chosen.points:
        placer.keep_clear(point.x, point.y, size / 2)
    winner = chosen.winning_point
    if winner is not None:
        placer.keep_clear(winner.x, winner.y, (size + RING_WIDTH) / 2 + 1)


def _point_choices(placer: LabelPlacer, trace: Trace, chosen: Section) -> Iterator[list[Label]]:
    """Yield sets of labels of all points, the tidiest first; none if the points are too many."""
    if len(chosen.points) <= _MAX_LABELLED_POINTS:
        for place in _POINT_PLACES:
            yield [_point_label(placer, trace, chosen, point, place) for point in chosen.points]


def _point_label(
    placer: LabelPlacer, trace: Trace, chosen: Section, point: Point, place: tuple[str, str]
) -> Label:
    """Return the label of a point at one of `_POINT_PLACES`."""
    string = _format_pair(trace, point.x, point.y)
    width, height = placer.size(string, _COORDINATES)
    columns, rows = chosen.grid
    half_gap = point_spacing(placer.panel, trace, chosen)[0] / 2
    diameter = mark_size(placer.panel, trace, chosen) + (RING_WIDTH if chosen.winner else 0)
    radius = diameter / 2 + 1.5
    outward = np.sign(2 * point.point[0] - columns - 1)
    away = 1 if 2 * point.point[1] <= rows + 1 else -1
    vertical, horizontal = place
    up = {"away": away, "above": 1, "below": -1, "level": 0}[vertical] * (radius + height / 2)
    right = {
        "centred": 0.0,
        "outward": outward * max(width / 2 - half_gap + 1.5, 0.0),
        "inward": -outward * (width / 2 - radius),
        "beside": (outward or 1) * (radius + width / 2),
    }[horizontal]
    return Label(string, (point.x, point.y), _COORDINATES, (float(right), up))


def _write_outermost_points(placer: LabelPlacer, trace: Trace, chosen: Section) -> None:
    """Write the coordinates of the winner and of the points in a section's corners, if they fit."""
    columns, rows = chosen.grid
    corners = [p for p in chosen.points if p.point[0] in {1, columns} and p.point[1] in {1, rows}]
    winner = chosen.winning_point
    first = [] if winner is None else [winner]
    for point in [*first, *(p for p in corners if p is not winner)]:
        labels = (_point_label(placer, trace, chosen, point, place) for place in _POINT_PLACES)
        placer.write_first_that_fits([[label] for label in labels])
