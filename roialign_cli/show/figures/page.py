"""A page: rows of panels under a title, with a legend and colour bars at the foot.

Lengths are in points (1/72 inch).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.foot import draw_foot, foot_height
from roialign_cli.show.figures.layout import (
    HEADING_LINE,
    HEADING_SIZE,
    PAGE_MARGIN,
    ROW_GAP,
    Row,
    Rows,
    Slot,
    arranged,
)
from roialign_cli.show.figures.panels import MIN_TICK_GAP, TICK_SIZE, PanelSpec, fitting_ticks
from roialign_cli.show.figures.phrases import TEXT_LINE, text_width, write_phrases
from roialign_cli.show.figures.shades import Shades
from roialign_cli.show.figures.style import POINTS_PER_INCH, FigureStyle, page_size
from roialign_cli.show.figures.title import title_of, write_title
from roialign_cli.show.palette import Theme
from roialign_cli.show.view import View


@dataclass(frozen=True)
class Panel:
    """The axes of one panel of a figure, ready to be drawn on; x and y have the same scale.

    `texts` are the artists of the panel that are not in its axes.
    """

    figure: Figure
    canvas: FigureCanvasAgg
    axes: Axes
    view: View
    scale: float  # points per data unit
    style: FigureStyle
    shades: Shades
    texts: list[Artist] = field(default_factory=list)

    @property
    def theme(self) -> Theme:
        """The colours."""
        return self.style.theme

    def points(self, positions: Sequence[tuple[float, float]] | Float) -> Float:
        """Return where positions in data units lie on the page: (n, 2), in points."""
        to_points = POINTS_PER_INCH / self.figure.dpi
        placed: Float = self.axes.transData.transform(positions) * to_points
        return placed

    def shifted(self, right: float, up: float) -> ScaledTranslation:
        """Return the transform that moves by this many points."""
        inches = right / POINTS_PER_INCH, up / POINTS_PER_INCH
        return ScaledTranslation(*inches, self.figure.dpi_scale_trans)


def new_page(
    arrangements: Sequence[Rows],
    style: FigureStyle,
    *,
    title: str,
    subtitle: Sequence[str],
    shades: Shades,
    bars: Sequence[Shades] | None = None,
    legend: Sequence[Artist] = (),
) -> list[Panel]:
    """Create a page of the style's width, and of its aspect or as high as the panels need.

    Parameters
    ----------
    arrangements
        The panels in rows, in different ways; each way has the same panels in the same order. The
        first is for a page without an aspect; the last is for a narrow page. For an aspect, the
        one is chosen that comes closest to it.
    style
        The width, the aspect, the colours and an optional title.
    title, subtitle
        The title, and the parts of a line under it, unless the style has a title.
    shades
        The shades with which the panels draw cells.
    bars
        The shades of the colour bars; those of the panels if None.
    legend
        The entries of the legend.

    Returns
    -------
    The panels, row by row.

    Raises
    ------
    ArgumentError
        If a page of this aspect has no room for the panels.
    """
    page_width = style.width * POINTS_PER_INCH
    bars = [shades] if bars is None else bars
    head = title_of(style, title, subtitle)
    outer = head.height + foot_height(legend, len(bars), page_width) + PAGE_MARGIN
    rows = arranged(arrangements, style, outer)
    height = outer + sum(row.top + row.height + row.bottom for row in rows)
    height += ROW_GAP * (len(rows) - 1)
    figure = Figure(figsize=(style.width, height / POINTS_PER_INCH), dpi=200)
    canvas = FigureCanvasAgg(figure)
    write_title(figure, head, style.theme)
    panels: list[Panel] = []
    top = height - head.height
    for row in rows:
        panels += [_new_panel(figure, canvas, slot, row, top, style, shades) for slot in row.slots]
        top -= row.top + row.height + row.bottom + ROW_GAP
    draw_foot(figure, legend, bars, style.theme)
    return panels


def _new_panel(
    figure: Figure,
    canvas: FigureCanvasAgg,
    slot: Slot,
    row: Row,
    top: float,
    style: FigureStyle,
    shades: Shades,
) -> Panel:
    """Create the axes and the texts of a panel; `top` is the upper end of its row."""
    spec, (page_width, page_height) = slot.spec, page_size(figure)
    view = spec.view.filling(slot.width / row.height, spec.bounds) if spec.fills else spec.view
    scale = min(slot.width / view.width, row.height / view.height)
    width, height = scale * view.width, scale * view.height
    start = slot.start + ((slot.width - width) / 2 if len(row.slots) == 1 else 0.0)
    high = top - row.top
    place = start / page_width, (high - height) / page_height
    axes = figure.add_axes((*place, width / page_width, height / page_height))
    panel = Panel(figure, canvas, axes, view, scale, style, shades)
    _set_up_axes(axes, replace(spec, view=view), scale)
    y = top - HEADING_LINE + 3.0
    for line in slot.heading:
        at = start / page_width, y / page_height
        heading = figure.text(*at, line, fontsize=HEADING_SIZE, weight="bold")
        heading.set_parse_math(False)
        panel.texts.append(heading)
        y -= TEXT_LINE
    panel.texts.extend(write_phrases(figure, slot.story, (start, y), style.theme.ink))
    return panel


def _set_up_axes(axes: Axes, spec: PanelSpec, scale: float) -> None:
    """Set the limits and the ticks of the axes of a panel, and the notes under them."""
    view, unit = spec.view, spec.unit
    axes.set_xlim(view.left, view.right)
    axes.set_ylim(*((view.low, view.high) if view.y_up else (view.high, view.low)))
    axes.set_xlabel("\n".join(spec.notes_below), fontsize=TICK_SIZE, labelpad=1, loc="left")
    if unit is None:
        axes.set_xticks([])
        axes.set_yticks([])
        return
    x, x_labels = fitting_ticks(view.left, view.right, unit.x, scale, axis=0)
    y, y_labels = fitting_ticks(view.low, view.high, unit.y, scale, axis=1)
    bottom = view.low if view.y_up else view.high
    if x and any(abs(at - bottom) * scale < MIN_TICK_GAP for at in y):
        # In the corner, the first label along x would overlap the last one along y.
        reach = text_width(x_labels[0], TICK_SIZE) / 2 - (x[0] - view.left) * scale
        first = int(reach > MIN_TICK_GAP)
        x, x_labels = x[first:], x_labels[first:]
    axes.xaxis.set_ticks(x, x_labels)
    axes.yaxis.set_ticks(y, y_labels)
    axes.tick_params(labelsize=TICK_SIZE, length=2.5, width=0.8, pad=2)
