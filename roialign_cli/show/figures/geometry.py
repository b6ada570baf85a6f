"""The rectangles that figures draw: the ROI, its sections, the photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace

Line = tuple[tuple[float, float], tuple[float, float]]


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


def section_sides(trace: Trace, section: Section) -> Sides:
    """Return the sides of a section, in cells."""
    bottom = section.y + trace.frame.y_sign * trace.section_height
    return Sides(section.x, section.x + trace.section_width, section.y, bottom)


def section_lines(trace: Trace) -> list[Line]:
    """Return the edges of all sections, in cells."""
    return roi_sides(trace).grid(len(trace.output[0]), len(trace.output))


def picture_sides(trace: Trace, width: float, height: float, scale_y: float = 1.0) -> Sides:
    """Return the sides of a picture whose top-left corner is that of the map.

    The size of the picture is in data units; `scale_y` is the cells per data unit along y.
    """
    top = trace.frame.row_edge(0) / scale_y
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
