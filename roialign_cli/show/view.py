"""What part of the plane around an ROI is shown, in figures and in text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float

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

    def joined(self, other: View) -> View:
        """Return the view with what another shows."""
        return View(
            min(self.left, other.left),
            max(self.right, other.right),
            min(self.low, other.low),
            max(self.high, other.high),
            self.y_up,
        )


def roi_view(trace: Trace) -> View:
    """Return the ROI with a margin, and the map's edge if that is near."""
    bottom = trace.bottom
    longest = max(abs(trace.width), abs(trace.height))
    margin = max(min(1.25, 4 * longest or 1.25), 0.07 * longest, 0.25)
    left, right = _span(trace.x, trace.x + trace.width, (0, trace.map_size[1]), margin)
    low, high = _span(trace.y, bottom, trace.map_y, margin)
    return View(left, right, low, high, trace.frame.y_up).at_least(_NARROWEST)


def section_view(trace: Trace, section: Section) -> View:
    """Return a section with a margin."""
    down = trace.frame.y_sign
    across, along = trace.section_width, down * trace.section_height
    margin = max(0.35 * max(abs(across), abs(along)), 0.05)
    x, y = sorted((section.x, section.x + across)), sorted((section.y, section.y + along))
    return View(
        x[0] - margin, x[1] + margin, y[0] - margin, y[1] + margin, trace.frame.y_up
    ).at_least(0.5)


def _span(
    first: float, last: float, ends: tuple[float, float], margin: float
) -> tuple[float, float]:
    """Return what to show of an axis: the ROI and a margin, of which only what is on the map.

    The map lies between the two ends.
    """
    low, high = min(first, last), max(first, last)
    start = low - margin if low < ends[0] - _OVER else max(low - margin, ends[0])
    end = high + margin if high > ends[1] + _OVER else min(high + margin, ends[1])
    near = 2 * (high - low) + 4
    if ends[0] - near < high < ends[0] + 1:
        end = max(end, min(ends[0] + 1, ends[1]))
    if ends[1] - 1 < low < ends[1] + near:
        start = min(start, ends[1] - 1)
    return float(start), float(end)


def shown_cells(trace: Trace, view: View) -> tuple[slice, slice]:
    """Return the rows and columns that are seen at least in part."""
    rows, columns = trace.map_size
    top, bottom = view.low, view.high
    if view.y_up:
        top, bottom = trace.frame.height - view.high, trace.frame.height - view.low
    return _indices(top, bottom, rows), _indices(view.left, view.right, columns)


def _indices(low: float, high: float, cells: int) -> slice:
    return slice(max(int(np.floor(low)), 0), min(max(int(np.ceil(high)), 0), cells))


def zoom_note(trace: Trace, view: View) -> str:
    """Return which part of the map is seen, nothing if it is all of it."""
    seen = shown_cells(trace, view)
    rows, columns = (
        f"{name} {part.start}–{part.stop - 1}"
        for name, part in zip(("rows", "columns"), seen, strict=True)
    )
    whole = all(p.stop - p.start == n for p, n in zip(seen, trace.map_size, strict=True))
    if whole or any(part.stop <= part.start for part in seen):
        return ""
    return f"zoomed in on {rows}, {columns}"


def beyond_map(trace: Trace, view: View) -> bool:
    """Return whether some of the view is not on the map."""
    low, high = trace.map_y
    beyond = view.low < low or view.high > high
    return beyond or view.left < 0 or view.right > trace.map_size[1]


def thinned(cells: Float, most: int) -> Float:
    """Return cells with at most so many rows and columns, from all over."""
    if max(cells.shape) <= most:
        return cells
    rows, columns = (
        np.linspace(0, length - 1, min(length, most)).round().astype(np.intp)
        for length in cells.shape
    )
    thinned: Float = cells[rows][:, columns]
    return thinned
