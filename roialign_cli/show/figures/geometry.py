"""The rectangles that figures draw: the ROI, its sections, the photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from roialign_cli.analysis.quantisation import quantise
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.view import View

Line = tuple[tuple[float, float], tuple[float, float]]
Span = tuple[float, float]

LEAST_SHIFT = 1e-3  # cells; rounding alone moves an ROI by less
_CELLS_MARGIN = 0.1  # cells around the cells that a section reads
_MIN_SECTION_ASPECT = 0.5  # shorter side of the view of a section / longer side


@dataclass(frozen=True)
class Sides:
    """The sides of a rectangle as a reader sees them, in data units.

    `top` is the larger y where y points up, and the smaller y where it points down. An inverted
    ROI has its sides the other way round.
    """

    left: float
    right: float
    top: float
    bottom: float

    @property
    def width(self) -> float:
        """The extent along x, negative if inverted."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """The extent along y from the top to the bottom, signed."""
        return self.bottom - self.top

    @property
    def middle(self) -> tuple[float, float]:
        """The middle, (x, y)."""
        return self.left + self.width / 2, self.top + self.height / 2

    @property
    def spans(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The smallest and the largest x, and the smallest and the largest y."""
        x, y = sorted((self.left, self.right)), sorted((self.top, self.bottom))
        return (x[0], x[1]), (y[0], y[1])

    def inset(self, distance: float) -> Sides:
        """Return the rectangle with its sides moved inward, in data units."""
        x, y = (np.copysign(distance, side) for side in (self.width, self.height))
        return Sides(self.left + x, self.right - x, self.top + y, self.bottom - y)

    def patch(self, **properties: Any) -> Rectangle:  # noqa: ANN401
        """Return the rectangle as a Matplotlib patch with these properties."""
        return Rectangle((self.left, self.top), self.width, self.height, **properties)

    def grid(self, columns: int, rows: int) -> list[Line]:
        """Return the lines that divide the rectangle into columns and rows, with its sides."""
        xs = np.linspace(self.left, self.right, columns + 1).tolist()
        ys = np.linspace(self.top, self.bottom, rows + 1).tolist()
        vertical: list[Line] = [((x, self.top), (x, self.bottom)) for x in xs]
        horizontal: list[Line] = [((self.left, y), (self.right, y)) for y in ys]
        return vertical + horizontal


def roi_sides(trace: Trace) -> Sides:
    """Return the sides of an ROI, in cells."""
    return Sides(trace.x, trace.x + trace.width, trace.y, trace.bottom)


def box_sides(trace: Trace) -> Sides:
    """Return the sides of the box on the map before it is rounded, in cells."""
    box = trace.box_on_map
    return Sides(box.left, box.right, box.top, box.bottom)


def differs_from_box(trace: Trace) -> bool:
    """Return whether the convention moves, enlarges or rounds the box."""
    box, roi = box_sides(trace), roi_sides(trace)
    ends = ((box.left, roi.left), (box.right, roi.right), (box.top, roi.top))
    return any(abs(a - b) > LEAST_SHIFT for a, b in (*ends, (box.bottom, roi.bottom)))


def section_sides(trace: Trace, section: tuple[int, int]) -> Sides:
    """Return the sides of section (i, j), in cells; ROI Pool has whole cells."""
    columns, rows = section_spans(trace)
    (left, right), (top, bottom) = columns[section[0] - 1], rows[section[1] - 1]
    return Sides(left, right, top, bottom)


def section_spans(trace: Trace) -> tuple[list[Span], list[Span]]:
    """Return where the sections start and end along x, and along y from the top, in cells.

    Sections of ROI Pool are the cells that they pool and may overlap. A section without cells
    starts where it ends, and so does one of which nothing is left when it is cut to the map.
    """
    if trace.convention.points == "cells":
        pooled = quantise(trace)
        edge = trace.frame.row_edge
        return (
            [(float(cells.start), float(cells.stop)) for cells in pooled.columns],
            [(edge(cells.start), edge(cells.stop)) for cells in pooled.rows],
        )
    sides = roi_sides(trace)
    xs = np.linspace(sides.left, sides.right, len(trace.output[0]) + 1).tolist()
    ys = np.linspace(sides.top, sides.bottom, len(trace.output) + 1).tolist()
    if trace.convention.clip_sections:
        (height, width), frame = trace.map_size, trace.frame
        # The convention cuts to 0 and the number of cells, where 0 is the centre of the first one.
        xs = np.clip(xs, frame.x(0), frame.x(width)).tolist()
        low, high = sorted((frame.y(0), frame.y(height)))
        ys = np.clip(ys, low, high).tolist()
    return [*pairwise(xs)], [*pairwise(ys)]


def section_view(trace: Trace, section: tuple[int, int]) -> View:
    """Return the view of one section and of what it reads beyond its edges, with a margin."""
    sides = section_sides(trace, section)
    (left, right), (low, high) = sides.spans
    margin = max(0.35 * max(right - left, high - low), 0.05)
    view = View(left - margin, right + margin, low - margin, high + margin, trace.frame.y_up)
    is_integral = trace.convention.points == "integral"
    points = trace.section(*section).points
    if points and (is_integral or trace.convention.clip_sections):
        xs, ys = [point.x for point in points], [point.y for point in points]
        reach = 0.5 + _CELLS_MARGIN if is_integral else margin
        read = View(min(xs), max(xs), min(ys), max(ys), trace.frame.y_up).grown(reach)
        view = view.joined(read)
    return view.at_least(_MIN_SECTION_ASPECT)


def picture_sides(trace: Trace, width: float, height: float) -> Sides:
    """Return the sides of a picture of this size, in cells, whose top-left corner is the map's."""
    top = trace.frame.row_edge(0)
    return Sides(0.0, width, top, top + trace.frame.y_sign * height)


def stretched(
    ends: tuple[float, float],
    spans: Sequence[tuple[float, float]],
    margin: float,
    rounding: float = 0.0,
) -> tuple[float, float]:
    """Return the two ends of a picture along an axis, moved outward to show boxes beyond them.

    Each end moves by at most half the size of the picture.

    Parameters
    ----------
    ends, spans
        The smallest and the largest coordinate of the picture and of each box.
    margin
        The space around a box that is beyond the picture.
    rounding
        How far a box may be beyond the picture without moving its ends.
    """
    start, end = ends
    half = (end - start) / 2
    for low, high in spans:
        if low < ends[0] - rounding:
            start = min(start, max(low - margin, ends[0] - half))
        if high > ends[1] + rounding:
            end = max(end, min(high + margin, ends[1] + half))
    return start, end
