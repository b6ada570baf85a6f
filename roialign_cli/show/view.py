"""Choose which part of the plane around an ROI figures, pages and text drawings show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float

_MIN_ROI_ASPECT = 0.4  # shorter side of a view of an ROI / longer side
_ROUNDING_TOLERANCE = 1e-3  # cells by which rounding alone may put an ROI outside the map


@dataclass(frozen=True)
class View:
    """A rectangle of the plane.

    Parameters
    ----------
    left, right
        Its x, in cells, left < right.
    low, high
        Its smallest and largest y, in cells.
    y_up
        Whether y points up.
    """

    left: float
    right: float
    low: float
    high: float
    y_up: bool

    @property
    def width(self) -> float:
        """The extent along x, in cells."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """The extent along y, in cells."""
        return self.high - self.low

    @property
    def top(self) -> float:
        """The y of the edge at the top of a drawing."""
        return self.high if self.y_up else self.low

    def depth(self, y: float) -> float:
        """Return how far `y` lies below the top of a drawing, in cells."""
        return self.high - y if self.y_up else y - self.low

    def at_least(self, aspect: float) -> View:
        """Widen the view until no side is shorter than `aspect` times the other."""
        dx = max(self.height * aspect - self.width, 0.0) / 2
        dy = max(self.width * aspect - self.height, 0.0) / 2
        return View(self.left - dx, self.right + dx, self.low - dy, self.high + dy, self.y_up)

    def grown(self, margin: float) -> View:
        """Return the view with a margin around it, in cells."""
        return View(
            self.left - margin,
            self.right + margin,
            self.low - margin,
            self.high + margin,
            self.y_up,
        )

    def filling(self, aspect: float, bounds: View | None = None) -> View:
        """Return the view extended to this width / height, as far as `bounds` have room for it."""
        dx = max(self.height * aspect - self.width, 0.0)
        dy = max(self.width / aspect - self.height, 0.0)
        x_bounds = None if bounds is None else (bounds.left, bounds.right)
        y_bounds = None if bounds is None else (bounds.low, bounds.high)
        x = _extended(self.left, self.right, dx, x_bounds)
        return View(*x, *_extended(self.low, self.high, dy, y_bounds), self.y_up)

    def joined(self, other: View) -> View:
        """Return the smallest view that contains this one and another."""
        return View(
            min(self.left, other.left),
            max(self.right, other.right),
            min(self.low, other.low),
            max(self.high, other.high),
            self.y_up,
        )


def _extended(
    low: float, high: float, more: float, bounds: tuple[float, float] | None
) -> tuple[float, float]:
    """Return a span that is longer by `more`, or by as much as the bounds have room for."""
    start, end = low - more / 2, high + more / 2
    if bounds is None:
        return start, end
    least, most = min(low, bounds[0]), max(high, bounds[1])
    shift = max(least - start, 0.0) - max(end - most, 0.0)
    return max(start + shift, least), min(end + shift, most)


def map_view(trace: Trace) -> View:
    """Return the view of the whole map."""
    return View(0.0, float(trace.map_size[1]), *trace.map_y, trace.frame.y_up)


def roi_view(trace: Trace) -> View:
    """Return the view of an ROI, with a margin and with the edge of the map if it is near.

    The view holds the box, too.
    """
    longest = max(abs(trace.width), abs(trace.height))
    margin = max(min(1.25, 4 * longest or 1.25), 0.07 * longest, 0.25)
    x, y = [trace.x, trace.x + trace.width], [trace.y, trace.bottom]
    box = trace.box_on_map
    x, y = [*x, box.left, box.right], [*y, box.top, box.bottom]
    left, right = _visible_span(min(x), max(x), (0, trace.map_size[1]), margin)
    low, high = _visible_span(min(y), max(y), trace.map_y, margin)
    return View(left, right, low, high, trace.frame.y_up).at_least(_MIN_ROI_ASPECT)


def _visible_span(
    low: float, high: float, map_ends: tuple[float, float], margin: float
) -> tuple[float, float]:
    """Return the start and end of a view along one axis, in cells.

    The view holds the ROI from `low` to `high`. Its margin is cut at the ends of the map unless the
    ROI crosses them.
    """
    map_start, map_end = map_ends
    start = low - margin if low < map_start - _ROUNDING_TOLERANCE else max(low - margin, map_start)
    end = high + margin if high > map_end + _ROUNDING_TOLERANCE else min(high + margin, map_end)
    near = 2 * (high - low) + 4
    if map_start - near < high < map_start + 1:
        end = max(end, min(map_start + 1, map_end))
    if map_end - 1 < low < map_end + near:
        start = min(start, map_end - 1)
    return float(start), float(end)


def shown_cells(trace: Trace, view: View) -> tuple[slice, slice]:
    """Return the rows and the columns of the map that a view shows at least in part."""
    rows, columns = trace.map_size
    top, bottom = view.low, view.high
    if view.y_up:
        top, bottom = trace.frame.height - view.high, trace.frame.height - view.low
    return _indices(top, bottom, rows), _indices(view.left, view.right, columns)


def _indices(low: float, high: float, cells: int) -> slice:
    return slice(max(int(np.floor(low)), 0), min(max(int(np.ceil(high)), 0), cells))


def beyond_map(trace: Trace, view: View) -> bool:
    """Return whether a view extends beyond the map."""
    low, high = trace.map_y
    beyond = view.low < low or view.high > high
    return beyond or view.left < 0 or view.right > trace.map_size[1]


def thinned(cells: Float, most: int) -> Float:
    """Return evenly spaced rows and columns of cells.

    Parameters
    ----------
    cells
        Values of shape (rows, columns).
    most
        The largest number of rows, and of columns, to return.
    """
    if max(cells.shape) <= most:
        return cells
    rows, columns = (
        np.linspace(0, length - 1, min(length, most)).round().astype(np.intp)
        for length in cells.shape
    )
    thinned: Float = cells[rows][:, columns]
    return thinned
