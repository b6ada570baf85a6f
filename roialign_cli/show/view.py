"""Choose which part of the plane around an ROI figures, pages and text drawings show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float

_MIN_ROI_ASPECT = 0.4  # shorter side of a view of an ROI / longer side
_MIN_SECTION_ASPECT = 0.5
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

    def joined(self, other: View) -> View:
        """Return the smallest view that contains this one and another."""
        return View(
            min(self.left, other.left),
            max(self.right, other.right),
            min(self.low, other.low),
            max(self.high, other.high),
            self.y_up,
        )


def roi_view(trace: Trace) -> View:
    """Return the view of an ROI, with a margin and with the edge of the map if it is near."""
    longest = max(abs(trace.width), abs(trace.height))
    margin = max(min(1.25, 4 * longest or 1.25), 0.07 * longest, 0.25)
    left, right = _visible_span(trace.x, trace.x + trace.width, (0, trace.map_size[1]), margin)
    low, high = _visible_span(trace.y, trace.bottom, trace.map_y, margin)
    return View(left, right, low, high, trace.frame.y_up).at_least(_MIN_ROI_ASPECT)


def section_view(trace: Trace, section: Section) -> View:
    """Return the view of one section, with a margin."""
    width, height = trace.section_width, trace.frame.y_sign * trace.section_height
    margin = max(0.35 * max(abs(width), abs(height)), 0.05)
    left, right = sorted((section.x, section.x + width))
    low, high = sorted((section.y, section.y + height))
    view = View(left - margin, right + margin, low - margin, high + margin, trace.frame.y_up)
    return view.at_least(_MIN_SECTION_ASPECT)


def _visible_span(
    first: float, last: float, map_ends: tuple[float, float], margin: float
) -> tuple[float, float]:
    """Return the start and end of a view along one axis, in cells.

    The view holds the ROI from `first` to `last`. Its margin is cut at the ends of the map unless
    the ROI crosses them.
    """
    low, high = min(first, last), max(first, last)
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


def zoom_note(trace: Trace, view: View) -> str:
    """Return which rows and columns are shown, "" if the view shows all or none of the map."""
    shown = shown_cells(trace, view)
    rows, columns = (
        f"{name} {part.start}–{part.stop - 1}"
        for name, part in zip(("rows", "columns"), shown, strict=True)
    )
    whole = all(p.stop - p.start == n for p, n in zip(shown, trace.map_size, strict=True))
    if whole or any(part.stop <= part.start for part in shown):
        return ""
    return f"zoomed in on {rows}, {columns}"


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
