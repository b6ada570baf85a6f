"""What the panels of a page show, and the space that they need.

Lengths are in points (1/72 inch).
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from roialign_cli.show.figures.phrases import Phrases, text_width
from roialign_cli.show.figures.style import Unit
from roialign_cli.show.figures.wording import format_decimals
from roialign_cli.show.view import View

MIN_TEXT_SIZE = 7.0
TICK_SIZE = 7.5
HEADINGS_ABOVE, HEADINGS_BESIDE = 13.0, 27.0  # room for the numbers of sections
_TICKS_HEIGHT = 13.0  # of the ticks under a panel
_NOTE_LINE = 10.5
_MAX_ASPECT = 1.15  # height of axes, in widths of the axes
_TICK_DECIMALS = 6
_MAX_TICKS = 6
MIN_TICK_GAP = 3.0  # between the labels of two ticks


def tick_positions(low: float, high: float, max_ticks: int) -> list[float]:
    """Return round numbers from `low` to `high`, about `max_ticks` of them at most."""
    found = MaxNLocator(max_ticks, steps=[1, 2, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in found if low <= tick <= high]


@dataclass(frozen=True)
class PanelSpec:
    """What one panel of a page shows, and the space that it needs.

    Parameters
    ----------
    view
        The part of the plane that the axes show.
    unit
        The unit of the ticks; a panel without one has no ticks.
    heading
        The text over the axes.
    story
        Lines under the heading.
    notes
        Lines under the axes.
    share
        The panel's share of the width of its row, relative to the other panels.
    above, beside
        Space to leave free over the axes and on their right.
    fills
        Whether the view is extended to fill the place of the panel; if not, the axes are smaller.
    bounds
        The part of the plane in which the extended view stays if it can.
    max_aspect
        The largest height of the axes, in widths.
    min_left
        The smallest space on the left of the axes.
    """

    view: View
    unit: Unit | None = None
    heading: str = ""
    story: tuple[Phrases, ...] = ()
    notes: tuple[str, ...] = ()
    share: float = 1.0
    above: float = 0.0
    beside: float = 4.0
    fills: bool = True
    bounds: View | None = None
    max_aspect: float = _MAX_ASPECT
    min_left: float = 0.0

    @property
    def left(self) -> float:
        """The space on the left of the axes."""
        if self.unit is None:
            return self.min_left
        more = self.view.height / 2
        _, labels = _ticks(self.view.low - more, self.view.high + more, self.unit.y)
        widest = max((text_width(label, TICK_SIZE) for label in labels), default=0.0)
        return max(7.0 + widest, self.min_left)

    @property
    def bottom(self) -> float:
        """The space under the axes."""
        ticks = 0.0 if self.unit is None else _TICKS_HEIGHT
        return ticks + _NOTE_LINE * len(self.notes_below) + 3.0

    @property
    def notes_below(self) -> tuple[str, ...]:
        """The name of the axes and the notes."""
        if self.unit is None or not self.unit.name:
            return self.notes
        up = "↑" if self.view.y_up else "↓"
        return f"x →  y {up}  in {self.unit.name}", *self.notes


def _ticks(
    low: float, high: float, unit: float, max_ticks: int = _MAX_TICKS
) -> tuple[list[float], list[str]]:
    """Return the positions of ticks in data units, and their labels in units of the axis."""
    ticks = tick_positions(low / unit, high / unit, max_ticks)
    return [tick * unit for tick in ticks], [format_decimals(t, _TICK_DECIMALS) for t in ticks]


def fitting_ticks(
    low: float, high: float, unit: float, scale: float, axis: int
) -> tuple[list[float], list[str]]:
    """Return as many ticks as have labels that do not overlap; `scale` is points per data unit."""
    for max_ticks in range(_MAX_TICKS, 1, -1):
        ticks, labels = _ticks(low, high, unit, max_ticks)
        widest = max((text_width(label, TICK_SIZE) for label in labels), default=0.0)
        size = TICK_SIZE if axis == 1 else widest
        if len(ticks) < 2 or (ticks[1] - ticks[0]) * scale >= size + MIN_TICK_GAP:
            break
    return ticks, labels
