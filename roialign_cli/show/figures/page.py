"""The layout of a page: rows of panels under a title, with a legend at the foot.

Lengths are in points (1/72 inch) unless a name says inches.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.style import FigureStyle, Unit
from roialign_cli.show.figures.wording import format_decimals
from roialign_cli.show.palette import Theme
from roialign_cli.show.view import View

POINTS_PER_INCH = 72
MIN_TEXT_SIZE = 7.0
TICK_SIZE = 7.5
_TITLE_SIZE, _LEGEND_SIZE = 9.5, 8.0
_TITLE_LINE, _NOTE_LINE, _LEGEND_LINE = 13.0, 10.0, 12.5  # heights of a line
_TITLE_MARGIN = 14.0
_LEGEND_HANDLE = 28.0  # width of a legend entry without its text
_TICKS_HEIGHT = 32.0  # of the ticks under a panel and the name of the x axis
_PAGE_MARGIN = 8.0
_MAX_ASPECT = 1.1  # height of the axes, in widths of the panel
_MAX_HALF_ASPECT = 0.46  # height of axes that take half of the page, in widths of the page
_MIN_WIDE_PAGE = 6.0  # inches; on a narrower page the panels are one below another
_TICK_DECIMALS = 6
# Width of a character of DejaVu Sans, in font sizes: a little above the mean of digits and letters.
_CHARACTER_WIDTH = 0.64


def estimated_width(texts: Iterable[str], size: float) -> float:
    """Return about how wide the longest of these texts is in a font of this size."""
    return max(map(len, texts), default=0) * size * _CHARACTER_WIDTH


def tick_positions(low: float, high: float, max_ticks: int = 9) -> list[float]:
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
    note
        A line under the axes.
    heading
        The text over the axes, one line or more.
    share
        The panel's share of the width of its row, relative to the other panels.
    above, beside
        Space to leave free over the axes and on their right, in points.
    max_height
        The largest height of the axes, in points.
    """

    view: View
    unit: Unit | None = None
    note: str = ""
    heading: str = ""
    share: float = 1.0
    above: float = 0.0
    beside: float = 10.0
    max_height: float = math.inf

    @property
    def left(self) -> float:
        """The space on the left of the axes."""
        if self.unit is None:
            return _PAGE_MARGIN
        _, labels = _ticks(self.view.low, self.view.high, self.unit.y)
        return 24.0 + estimated_width(labels, TICK_SIZE)

    @property
    def top(self) -> float:
        """The space over the axes."""
        lines = len(self.heading.splitlines())
        return self.above + (_TITLE_LINE * lines + 4.0 if lines else 0.0)

    @property
    def bottom(self) -> float:
        """The space under the axes."""
        ticks = _PAGE_MARGIN if self.unit is None else _TICKS_HEIGHT
        return ticks + (_NOTE_LINE if self.note else 0.0)


@dataclass(frozen=True)
class Panel:
    """The axes of one panel of a figure, ready to be drawn on; x and y have the same scale."""

    figure: Figure
    canvas: FigureCanvasAgg
    axes: Axes
    view: View
    scale: float  # points per data unit
    style: FigureStyle

    @property
    def theme(self) -> Theme:
        """The colours."""
        return self.style.theme

    def points(self, positions: Sequence[tuple[float, float]]) -> Float:
        """Return where positions in data units lie on the page: (n, 2), in points."""
        to_points = POINTS_PER_INCH / self.figure.dpi
        placed: Float = self.axes.transData.transform(positions) * to_points
        return placed

    def shifted(self, right: float, up: float) -> ScaledTranslation:
        """Return the transform that moves by this many points."""
        inches = right / POINTS_PER_INCH, up / POINTS_PER_INCH
        return ScaledTranslation(*inches, self.figure.dpi_scale_trans)


@dataclass(frozen=True)
class _Slot:
    """The place of a panel in its row: it starts at `start` and is `width` wide."""

    spec: PanelSpec
    start: float
    width: float

    @property
    def scale(self) -> float:
        """Points per data unit, as many as the slot has room for."""
        spec = self.spec
        widest = (self.width - spec.left - spec.beside) / spec.view.width
        return min(widest, min(self.width * _MAX_ASPECT, spec.max_height) / spec.view.height)

    @property
    def axes_start(self) -> float:
        """The left end of the axes, which are in the middle of the slot."""
        spec = self.spec
        unused = self.width - spec.left - spec.beside - self.scale * spec.view.width
        return self.start + spec.left + unused / 2

    @property
    def height(self) -> float:
        """The height of the axes with the space over and under them."""
        return self.spec.top + self.scale * self.spec.view.height + self.spec.bottom


def _row(specs: Sequence[PanelSpec], page_width: float) -> list[_Slot]:
    shares = sum(spec.share for spec in specs)
    slots: list[_Slot] = []
    start = 0.0
    for spec in specs:
        slots.append(_Slot(spec, start, page_width * spec.share / shares))
        start += slots[-1].width
    return slots


def in_columns(rows: Sequence[Sequence[PanelSpec]], style: FigureStyle) -> list[list[PanelSpec]]:
    """Return rows of panels, with each panel in a row of its own if the page is narrow."""
    if style.width < _MIN_WIDE_PAGE:
        return [[spec] for row in rows for spec in row]
    return [[*row] for row in rows]


def max_half_height(style: FigureStyle) -> float:
    """Return the largest height of axes that take half of the page's width."""
    return _MAX_HALF_ASPECT * style.width * POINTS_PER_INCH


def new_page(
    rows: Sequence[Sequence[PanelSpec]],
    style: FigureStyle,
    *,
    title: Sequence[str],
    legend: Sequence[Artist] = (),
) -> list[Panel]:
    """Create a page that is as wide as the style says and as high as its panels need.

    Parameters
    ----------
    rows
        The panels, row by row from the top and each row from the left.
    style
        The width, the colours and an optional title.
    title
        The parts of the title, unless the style has one; lines break only between parts.
    legend
        The entries of the legend.

    Returns
    -------
    The panels, in the order of `rows`.
    """
    page_width = style.width * POINTS_PER_INCH
    slots = [_row(specs, page_width) for specs in rows]
    heights = [max(slot.height for slot in row) for row in slots]
    start = slots[0][0].axes_start
    lines = style.title_lines(title, (page_width - start) / estimated_width(["M"], _TITLE_SIZE))
    title_height = _TITLE_LINE * len(lines) + _TITLE_MARGIN
    columns, legend_height = _legend_size(legend, page_width)
    height = sum(heights) + legend_height + title_height
    figure = Figure(figsize=(style.width, height / POINTS_PER_INCH), dpi=200)
    canvas = FigureCanvasAgg(figure)
    _write(figure, lines, _TITLE_SIZE, (start, height - _PAGE_MARGIN), va="top")
    panels = []
    top = height - title_height
    for row, row_height in zip(slots, heights, strict=True):
        for slot in row:
            axes = _new_axes(figure, slot, top)
            panels.append(Panel(figure, canvas, axes, slot.spec.view, slot.scale, style))
        top -= row_height
    if legend:
        place = panels[0].axes.get_position()
        middle = (place.x0 + place.x1) / 2 if len(panels) == 1 else 0.5
        _draw_legend(figure, legend, columns, (middle, 3.0 / height))
    return panels


def new_panel(
    spec: PanelSpec, style: FigureStyle, *, title: Sequence[str], legend: Sequence[Artist] = ()
) -> Panel:
    """Create a page with one panel and return the panel."""
    return new_page([[spec]], style, title=title, legend=legend)[0]


def _page_size(figure: Figure) -> tuple[float, float]:
    width, height = (float(inches) * POINTS_PER_INCH for inches in figure.get_size_inches())
    return width, height


def _write(
    figure: Figure,
    lines: Sequence[str],
    size: float,
    at: tuple[float, float],
    va: Literal["top", "baseline"],
) -> None:
    """Write lines of bold text that start at a position, or further left if they are long."""
    width, height = _page_size(figure)
    start = max(min(at[0], width - estimated_width(lines, size)), _PAGE_MARGIN)
    place = start / width, at[1] / height
    text = figure.text(*place, "\n".join(lines), fontsize=size, weight="bold", parse_math=False)
    text.set_verticalalignment(va)


def _new_axes(figure: Figure, slot: _Slot, top: float) -> Axes:
    """Create the axes and the heading of a panel; `top` is the upper end of its row."""
    spec = slot.spec
    page_width, page_height = _page_size(figure)
    width, height = slot.scale * spec.view.width, slot.scale * spec.view.height
    start, low = slot.axes_start, top - spec.top - height
    axes = figure.add_axes(
        (start / page_width, low / page_height, width / page_width, height / page_height)
    )
    _set_up_axes(axes, spec)
    if spec.heading:
        over = low + height + spec.above + 5.0
        _write(figure, spec.heading.splitlines(), _LEGEND_SIZE, (start, over), va="baseline")
    return axes


def _set_up_axes(axes: Axes, spec: PanelSpec) -> None:
    """Set the limits, the ticks and the names of the axes of a panel."""
    view, unit = spec.view, spec.unit
    axes.set_xlim(view.left, view.right)
    axes.set_ylim(*((view.low, view.high) if view.y_up else (view.high, view.low)))
    if unit is None:
        axes.set_xticks([])
        axes.set_yticks([])
        return
    axes.xaxis.set_ticks(*_ticks(view.left, view.right, unit.x))
    axes.yaxis.set_ticks(*_ticks(view.low, view.high, unit.y))
    axes.tick_params(labelsize=TICK_SIZE, length=3, width=0.8)
    x_label = f"x in {unit.name} →\n{spec.note}".rstrip()
    y_label = f"y in {unit.name} →" if view.y_up else f"← y in {unit.name}"
    axes.set_xlabel(x_label, fontsize=_LEGEND_SIZE, labelpad=2)
    axes.set_ylabel(y_label, fontsize=_LEGEND_SIZE)


def _ticks(low: float, high: float, unit: float) -> tuple[list[float], list[str]]:
    """Return the positions of ticks in data units, and their labels in units of the axis."""
    ticks = tick_positions(low / unit, high / unit)
    return [tick * unit for tick in ticks], [format_decimals(t, _TICK_DECIMALS) for t in ticks]


def _legend_size(legend: Sequence[Artist], page_width: float) -> tuple[int, float]:
    """Return the number of columns and the height of a legend."""
    labels = [str(entry.get_label()) for entry in legend]
    entry_width = estimated_width(labels, _LEGEND_SIZE) * 0.85 + _LEGEND_HANDLE
    rows = math.ceil(len(legend) / max(int(page_width / entry_width), 1))
    return math.ceil(len(legend) / max(rows, 1)), _LEGEND_LINE * rows


def _draw_legend(
    figure: Figure, entries: Sequence[Artist], columns: int, at: tuple[float, float]
) -> None:
    figure.legend(
        handles=list(entries),
        loc="lower center",
        bbox_to_anchor=at,
        ncols=columns,
        fontsize=_LEGEND_SIZE,
        frameon=False,
        borderpad=0.1,
        borderaxespad=0.0,
        labelspacing=0.35,
        columnspacing=1.6,
        handletextpad=0.5,
        handlelength=1.6,
    )
