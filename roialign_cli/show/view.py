"""What part of the plane around an ROI is shown, in figures and in text."""

from __future__ import annotations

from dataclasses import dataclass

from roialign_cli.tracing import Trace

_NARROWEST = 0.4  # the shorter side of a view, in longer ones
_OVER = 1e-3  # cells by which an ROI may be off the map by rounding alone


@dataclass(frozen=True)
class View:
    """What part of the plane is seen, in data units, and which way y points."""

    left: float
    right: float
    low: float
    high: float
    y_up: bool

    @property
    def width(self) -> float:
        """Its extent along x."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Its extent along y."""
        return self.high - self.low

    @property
    def top(self) -> float:
        """The y of its upper edge as seen."""
        return self.high if self.y_up else self.low

    def at_least(self, aspect: float) -> View:
        """Return the view widened until no side is shorter than `aspect` times the other."""
        dx = max(self.height * aspect - self.width, 0.0) / 2
        dy = max(self.width * aspect - self.height, 0.0) / 2
        return View(self.left - dx, self.right + dx, self.low - dy, self.high + dy, self.y_up)


def roi_view(trace: Trace) -> View:
    """Return the ROI with a margin, and the map's edge if that is near."""
    rows, columns = trace.map_size
    bottom = trace.bottom
    longest = max(abs(trace.width), abs(trace.height))
    margin = max(min(1.25, 4 * longest or 1.25), 0.07 * longest, 0.25)
    left, right = _span(trace.x, trace.x + trace.width, columns, margin)
    low, high = _span(trace.y, bottom, rows, margin)
    return View(left, right, low, high, trace.frame.y_up).at_least(_NARROWEST)


def _span(first: float, last: float, cells: int, margin: float) -> tuple[float, float]:
    """Return what to show of an axis: the ROI and a margin, of which only what is on the map."""
    low, high = min(first, last), max(first, last)
    start = low - margin if low < -_OVER else max(low - margin, 0.0)
    end = high + margin if high > cells + _OVER else min(high + margin, float(cells))
    near = 2 * (high - low) + 4
    if -near < high < 1:
        end = max(end, min(1.0, cells))
    if cells - 1 < low < cells + near:
        start = min(start, cells - 1.0)
    return start, end


def beyond_map(trace: Trace, view: View) -> bool:
    """Return whether some of the view is not on the map."""
    rows, columns = trace.map_size
    return min(view.left, view.low) < 0 or view.right > columns or view.high > rows
