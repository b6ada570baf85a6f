"""What every figure is made with: a sheet with axes, the cells as a picture, texts kept apart.

Lengths on a sheet are in points (1/72 inch) unless a name says inches or cells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.style import FigureStyle, Unit
from roialign_cli.show.numbers import channel_of, format_number
from roialign_cli.show.palette import Theme
from roialign_cli.show.view import View

Bounds = tuple[float, float, float, float]
Line = tuple[tuple[float, float], tuple[float, float]]

POINTS_PER_INCH = 72
MIN_TEXT_SIZE = 7.0
# Of DejaVu Sans, in shares of the text's size: a little above the mean of its digits and letters.
CHARACTER_WIDTH = 0.64
_TICK_DECIMALS = 6

MIN_GRID_CELL = 4.0  # points; smaller cells have no outlines


def halo(
    colour: str, line: float = 0.0, width: float = 1.2
) -> list[patheffects.AbstractPathEffect]:
    """Return effects that set a text, or a line so many points wide, off from what is under it."""
    return [
        patheffects.Stroke(linewidth=line + 2 * width, foreground=colour),
        patheffects.Normal(),
    ]


def format_decimals(value: float, decimals: int = 2) -> str:
    """Return a number with at most so many decimals, as print sets it."""
    return format_number(value, decimals).replace("-", "−")


def format_significant(value: float) -> str:
    """Return a number with four significant digits, as print sets it."""
    return f"{value:.4g}".replace("-", "−")


def format_alike(values: Float, digits: int = 3) -> list[str]:
    """Return numbers with the same decimals: as few as tell so many digits of the largest."""
    flat = values.ravel().astype(float)
    finite = flat[np.isfinite(flat)]
    largest = float(np.abs(finite).max(initial=0.0))
    if largest and not 1e-3 <= largest < 1e5:
        return [f"{v:.2g}".replace("-", "−") for v in flat.tolist()]
    most = max(digits - 1 - math.floor(math.log10(largest)), 0) if largest else 0
    enough = (d for d in range(most) if np.allclose(finite.round(d), finite, 0, largest * 1e-6))
    decimals = next(enough, most)
    return [f"{v:.{decimals}f}".replace("-", "−") for v in (flat + 0.0).tolist()]


@dataclass(frozen=True)
class Panel:
    """A figure with one pair of axes on which a unit is as long along x as along y."""

    figure: Figure
    canvas: FigureCanvasAgg
    axes: Axes
    view: View
    scale: float  # points per data unit
    style: FigureStyle

    @property
    def theme(self) -> Theme:
        """The style's colours."""
        return self.style.theme

    def points(self, positions: Sequence[tuple[float, float]]) -> Float:
        """Return (n, 2), where positions in data units lie on the panel, in points."""
        to_points = POINTS_PER_INCH / self.figure.dpi
        placed: Float = self.axes.transData.transform(positions) * to_points
        return placed

    def shifted(self, across: float, up: float) -> ScaledTranslation:
        """Return the transform that moves by so many points."""
        inches = across / POINTS_PER_INCH, up / POINTS_PER_INCH
        return ScaledTranslation(*inches, self.figure.dpi_scale_trans)


_MAX_HEIGHT = 1.1  # a spec's height, in its widths
_TITLE_SIZE, _TICK_SIZE, _LEGEND_SIZE = 9.5, 7.5, 8.0
_TITLE_LINE, _LEGEND_LINE = 13.0, 12.5
_LEGEND_HANDLE = 28.0  # the width of an entry besides its text
_TICKS_HEIGHT = 32.0  # room for ticks under a spec
_NOTE_LINE = 10.0
_PAGE_MARGIN = 8.0


@dataclass(frozen=True)
class PanelSpec:
    """What a pair of axes on a page shows, and the room it takes.

    Parameters
    ----------
    view
        What the axes show.
    unit
        What the ticks count; without one there are no ticks.
    note
        What is written under the axes.
    heading
        What is written over it, in one line or more.
    share
        How much of its row's width it gets.
    above, beside
        Room to leave over the axes and on their right, in points.
    max_height
        The most height, in points.
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
        """The room on the left of the axes, in points."""
        if self.unit is None:
            return _PAGE_MARGIN
        ticks = _ticks(self.view.low / self.unit.y, self.view.high / self.unit.y)
        digits = max(len(format_decimals(t, _TICK_DECIMALS)) for t in ticks)
        return 24.0 + digits * _TICK_SIZE * CHARACTER_WIDTH

    @property
    def over(self) -> float:
        """The room over the axes, in points."""
        lines = len(self.heading.splitlines())
        return self.above + (_TITLE_LINE * lines + 4.0 if lines else 0.0)

    @property
    def under(self) -> float:
        """The room under the axes, in points."""
        return (_PAGE_MARGIN if self.unit is None else _TICKS_HEIGHT) + (
            _NOTE_LINE if self.note else 0.0
        )

    def scale(self, width: float) -> float:
        """Return the points per data unit in so much width."""
        across = (width - self.left - self.beside) / self.view.width
        return min(across, min(width * _MAX_HEIGHT, self.max_height) / self.view.height)


def title_parts(trace: Trace, *parts: str) -> list[str]:
    """Return the parts of a title: whose ROI Align it is, on which channel, and what is shown."""
    channel = channel_of(trace)
    return [trace.convention.name, *([channel] if channel else []), *parts]


def new_page(
    rows: Sequence[Sequence[PanelSpec]],
    style: FigureStyle,
    *,
    title: Sequence[str],
    legend: Sequence[Artist] = (),
) -> list[Panel]:
    """Return the specs of a figure as wide as the style and as high as they need.

    Parameters
    ----------
    rows
        The specs from the top, each row from the left.
    style
        What the figure is drawn on.
    title
        Its own title's parts, none of which is broken over lines.
    legend
        Entries to write at the foot.
    """
    total = style.width * POINTS_PER_INCH
    widths = [[total * spec.share / sum(p.share for p in row) for spec in row] for row in rows]
    scales = [
        [spec.scale(room) for spec, room in zip(*both, strict=True)]
        for both in zip(rows, widths, strict=True)
    ]
    heights = [
        max(p.over + s * p.view.height + p.under for p, s in zip(*both, strict=True))
        for both in zip(rows, scales, strict=True)
    ]
    # The one spec of a page stands in its middle, and the title over it.
    first = rows[0][0]
    start = first.left + _spare(first, widths[0][0], scales[0][0])
    lines = style.title_lines(title, (total - start) / (_TITLE_SIZE * CHARACTER_WIDTH))
    start = _fitting(lines, _TITLE_SIZE, start, total)
    columns, foot = _legend_room(legend, total)
    height = sum(heights) + foot + _TITLE_LINE * len(lines) + 14.0
    figure = Figure(figsize=(style.width, height / POINTS_PER_INCH), dpi=200)
    canvas = FigureCanvasAgg(figure)
    look: dict[str, Any] = {"fontsize": _TITLE_SIZE, "weight": "bold", "va": "top"}
    figure.text(
        start / total, 1 - _PAGE_MARGIN / height, "\n".join(lines), parse_math=False, **look
    )
    panels = []
    top = height - _TITLE_LINE * len(lines) - 14.0
    for row, rooms, row_scales, row_height in zip(rows, widths, scales, heights, strict=True):
        begin = 0.0
        for spec, room, scale in zip(row, rooms, row_scales, strict=True):
            left = begin + spec.left + _spare(spec, room, scale)
            panels.append(_new_panel_at(figure, canvas, spec, scale, (left, top), style))
            begin += room
        top -= row_height
    if legend:
        middle = panels[0].axes.get_position() if len(panels) == 1 else None
        at = 0.5 if middle is None else (middle.x0 + middle.x1) / 2
        _legend(figure, legend, columns, (at, 3.0 / height))
    return panels


def _fitting(lines: Sequence[str], size: float, start: float, total: float) -> float:
    """Return where lines of text start: where they should, or so far left that they fit."""
    longest = max(map(len, lines)) * size * CHARACTER_WIDTH
    return max(min(start, total - longest), _PAGE_MARGIN)


def _spare(spec: PanelSpec, room: float, scale: float) -> float:
    """Return how far a spec moves right to stand in the middle of its room."""
    return (room - spec.left - spec.beside - scale * spec.view.width) / 2


def _legend_room(legend: Sequence[Artist], total: float) -> tuple[int, float]:
    """Return the columns and the height of a legend."""
    entry = max((len(str(a.get_label())) for a in legend), default=0)
    entry_width = entry * _LEGEND_SIZE * CHARACTER_WIDTH * 0.85 + _LEGEND_HANDLE
    rows = math.ceil(len(legend) / max(int(total / entry_width), 1))
    return math.ceil(len(legend) / max(rows, 1)), _LEGEND_LINE * rows


def _new_panel_at(
    figure: Figure,
    canvas: FigureCanvasAgg,
    spec: PanelSpec,
    scale: float,
    at: tuple[float, float],
    style: FigureStyle,
) -> Panel:
    """Return a spec whose axes start at `at`, left, with the top of its room, in points."""
    width, height = (
        inches * POINTS_PER_INCH for inches in (figure.get_figwidth(), figure.get_figheight())
    )
    view = spec.view
    across, up = scale * view.width, scale * view.height
    low = at[1] - spec.over - up
    axes = figure.add_axes((at[0] / width, low / height, across / width, up / height))
    _scale_axes(axes, spec)
    if spec.heading:
        look: dict[str, Any] = {"fontsize": _LEGEND_SIZE, "weight": "bold"}
        y = (low + up + spec.above + 5.0) / height
        start = _fitting(spec.heading.splitlines(), _LEGEND_SIZE, at[0], width)
        figure.text(start / width, y, spec.heading, parse_math=False, **look)
    return Panel(figure, canvas, axes, view, scale, style)


def new_panel(
    spec: PanelSpec, style: FigureStyle, *, title: Sequence[str], legend: Sequence[Artist] = ()
) -> Panel:
    """Return the sheet of a page with one spec."""
    return new_page([[spec]], style, title=title, legend=legend)[0]


def _scale_axes(axes: Axes, spec: PanelSpec) -> None:
    view, unit = spec.view, spec.unit
    axes.set_xlim(view.left, view.right)
    axes.set_ylim(*((view.low, view.high) if view.y_up else (view.high, view.low)))
    if unit is None:
        axes.set_xticks([])
        axes.set_yticks([])
        return
    for axis, low, high, size in (
        (axes.xaxis, view.left, view.right, unit.x),
        (axes.yaxis, view.low, view.high, unit.y),
    ):
        ticks = _ticks(low / size, high / size)
        axis.set_ticks(
            [t * size for t in ticks], [format_decimals(t, _TICK_DECIMALS) for t in ticks]
        )
    axes.tick_params(labelsize=_TICK_SIZE, length=3, width=0.8)
    along = f"x in {unit.name} →\n{spec.note}".rstrip()
    axes.set_xlabel(along, fontsize=_LEGEND_SIZE, labelpad=2)
    upward = f"y in {unit.name} →" if view.y_up else f"← y in {unit.name}"
    axes.set_ylabel(upward, fontsize=_LEGEND_SIZE)


def _ticks(low: float, high: float, most: int = 9) -> list[float]:
    found = MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high)
    return [float(t) for t in found if low <= t <= high]


def _legend(
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


def _outside_look(theme: Theme) -> dict[str, Any]:
    return {"facecolor": theme.outside, "edgecolor": theme.outside_edge, "hatch": "////"}


def outside_entries(theme: Theme, *, beyond: bool) -> list[Artist]:
    """Return the legend's entry for what is beyond the map, if any of that is seen."""
    entry = Patch(**_outside_look(theme), linewidth=0.5, label="outside the map")
    return [entry] if beyond else []


def draw_outside(panel: Panel) -> None:
    """Hatch the whole view; what is on the map is drawn over it."""
    view = panel.view
    corner = view.left, view.low
    everything = Rectangle(corner, view.width, view.height, **_outside_look(panel.theme))
    everything.set(linewidth=0, zorder=0)
    panel.axes.add_patch(everything)


def draw_cells(
    panel: Panel,
    cells: Float,
    extent: Bounds,
    colours: Colormap | None = None,
    limits: tuple[float, float] | None = None,
) -> AxesImage:
    """Draw (H, W) cells shaded by value; `extent` is their left, right, bottom and top as seen.

    The shades limits the cells' values if they are not told what to.
    """
    shown = np.where(np.isfinite(cells), cells, np.nan)
    low, high = limits or value_range(cells)
    colours = colours or panel.style.shades()
    look: dict[str, Any] = {"cmap": colours, "vmin": low, "vmax": high}
    return draw_picture(panel, shown, extent, interpolation="nearest", **look)


def value_range(values: Float) -> tuple[float, float]:
    """Return the smallest and the largest finite value; 0 and 1 if there is none."""
    some = values[np.isfinite(values)]
    return (float(some.min()), float(some.max())) if some.size else (0.0, 1.0)


def draw_grid(panel: Panel, x: Sequence[float], y: Sequence[float]) -> None:
    """Draw the cells' edges."""
    draw_lines(panel, lattice(x, y), colors=panel.theme.grid, linewidths=0.6, zorder=2)


def draw_picture(
    panel: Panel,
    picture: NDArray[Any],
    extent: Bounds,
    **look: Any,  # noqa: ANN401
) -> AxesImage:
    """Draw an array as a picture and leave the axes' limits as they are."""
    axes = panel.axes
    x_limits, y_limits = axes.get_xlim(), axes.get_ylim()
    image = axes.imshow(picture, extent=extent, origin="upper", aspect="auto", zorder=1, **look)
    axes.set_xlim(x_limits)
    axes.set_ylim(y_limits)
    return image


def draw_lines(
    panel: Panel,
    lines: Sequence[Line],
    **look: Any,  # noqa: ANN401
) -> None:
    """Draw straight lines given by their ends."""
    panel.axes.add_collection(LineCollection(list(lines), **look), autolim=False)


def lattice(x: Sequence[float], y: Sequence[float]) -> list[Line]:
    """Return the lines of a lattice that crosses at all of these x and y."""
    upright: list[Line] = [((at, y[0]), (at, y[-1])) for at in x]
    level: list[Line] = [((x[0], at), (x[-1], at)) for at in y]
    return upright + level


def colour_bar(panel: Panel, image: AxesImage, beside: float) -> None:
    """Explain the shades of an image by a bar, so many points right of the axes."""
    axes, width = panel.axes.get_position(), panel.figure.get_figwidth() * POINTS_PER_INCH
    place = (axes.x1 + beside / width, axes.y0, 7.0 / width, axes.height)
    low, high = image.get_clim()
    if not np.isfinite(high - low):  # Matplotlib has no ticks for so wide a range
        return
    bar = panel.figure.colorbar(image, cax=panel.figure.add_axes(place))
    height = axes.height * panel.figure.get_figheight() * POINTS_PER_INCH
    ticks = _ticks(low, high, most=max(min(int(height / (2 * _TICK_SIZE)), 5), 1))
    bar.set_ticks(ticks)
    bar.ax.tick_params(labelsize=MIN_TEXT_SIZE, length=2)
    bar.outline.set_linewidth(0.5)
