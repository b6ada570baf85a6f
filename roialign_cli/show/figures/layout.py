"""The places of panels in rows; rows with as many panels have the same columns.

The panels of a row have a common top, and those that fill their place a common bottom. Lengths are
in points (1/72 inch).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures.panels import PanelSpec
from roialign_cli.show.figures.phrases import TEXT_LINE, Phrases, wrapped, wrapped_words
from roialign_cli.show.figures.style import POINTS_PER_INCH, FigureStyle

HEADING_SIZE, HEADING_LINE = 9.0, 13.0
PAGE_MARGIN = 10.0
ROW_GAP = 10.0
_GAP = 14.0  # between the panels of a row
_MIN_AXES = 30.0  # smallest width and height of axes


@dataclass(frozen=True)
class Slot:
    """The place of a panel: the left end and the width of its axes, and its texts in lines."""

    spec: PanelSpec
    start: float
    width: float
    heading: list[str]
    story: list[Phrases]

    @property
    def top(self) -> float:
        """The space over the axes."""
        lines = HEADING_LINE * len(self.heading) + TEXT_LINE * len(self.story)
        return lines + (3.0 if lines else 0.0) + self.spec.above

    @property
    def natural_height(self) -> float:
        """The height of the axes at which the view fills their width."""
        view = self.spec.view
        return self.width * min(view.height / view.width, self.spec.max_aspect)


@dataclass(frozen=True)
class Row:
    """The panels of a row; `height` is that of the axes."""

    slots: list[Slot]
    height: float

    @property
    def top(self) -> float:
        """The space over the axes."""
        return max(slot.top for slot in self.slots)

    @property
    def bottom(self) -> float:
        """The space under the axes."""
        return max(slot.spec.bottom for slot in self.slots)


Rows = Sequence[Sequence[PanelSpec | None]]  # None leaves a place empty


def _laid_out(rows: Rows, page_width: float) -> list[Row]:
    """Return the rows with their slots; rows with as many panels have the same columns."""
    placed: list[list[Slot]] = []
    for specs in rows:
        alike = [spec for others in rows if len(others) == len(specs) for spec in others if spec]
        left, beside = max(s.left for s in alike), max(s.beside for s in alike)
        shares = sum(spec.share if spec else 1.0 for spec in specs)
        usable = page_width - 2 * PAGE_MARGIN - _GAP * (len(specs) - 1)
        start, slots = PAGE_MARGIN, []
        for spec in specs:
            width = usable * (spec.share if spec else 1.0) / shares
            axes = max(width - left - beside, _MIN_AXES)
            if spec:
                slots.append(_slot(spec, start + left, axes, axes + beside))
            start += width + _GAP
        placed.append(slots)
    counts = [len(specs) for specs in rows]
    tallest = dict.fromkeys(counts, 0.0)
    for count, row in zip(counts, placed, strict=True):
        tallest[count] = max(tallest[count], *(slot.natural_height for slot in row))
    return [Row(row, tallest[count]) for count, row in zip(counts, placed, strict=True)]


def _slot(spec: PanelSpec, start: float, width: float, room: float) -> Slot:
    """Return the place of a panel; `room` is the width of its texts."""
    heading = wrapped_words(spec.heading, room, HEADING_SIZE, "bold") if spec.heading else []
    return Slot(spec, start, width, heading, wrapped(spec.story, room))


def arranged(arrangements: Sequence[Rows], style: FigureStyle, outer: float) -> list[Row]:
    """Return the rows of the arrangement that suits the page; `outer` is the height around them."""
    page_width = style.width * POINTS_PER_INCH
    if style.aspect is None:
        narrow = style.width < 6.0
        return _laid_out(arrangements[-1 if narrow else 0], page_width)
    total = page_width / style.aspect
    laid_out = [_laid_out(rows, page_width) for rows in arrangements]
    fitting = [rows for rows in laid_out if _has_room(rows, total - outer)]
    if not fitting:
        problem = "a page of this aspect has no room for the panels; use a larger --width"
        raise ArgumentError("aspect", problem)
    best = min(fitting, key=lambda rows: abs(math.log(_stretch(rows, total - outer))))
    stretch = _stretch(best, total - outer)
    return [replace(row, height=row.height * stretch) for row in best]


def _has_room(rows: list[Row], total: float) -> bool:
    """Return whether no axes become too small if the rows are this high together."""
    stretch = _stretch(rows, total)
    return stretch >= 1 or min(row.height for row in rows) * stretch >= _MIN_AXES


def _stretch(rows: Sequence[Row], total: float) -> float:
    """Return the factor for the heights of axes at which the rows are this high together."""
    fixed = sum(row.top + row.bottom for row in rows) + ROW_GAP * (len(rows) - 1)
    return max(total - fixed, 1e-3) / sum(row.height for row in rows)
