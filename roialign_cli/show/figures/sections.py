"""An ROI on the cells: its sections, the sample points of one of them, the cells' values.

Positions are those of the trace; only the places of labels are computed here.
"""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.drawing import draw_colour_bar, outside_entries
from roialign_cli.show.figures.labels import LabelPlacer
from roialign_cli.show.figures.map_area import draw_map, draw_roi, value_text_style, write_values
from roialign_cli.show.figures.marks import draw_sections_points, section_entries
from roialign_cli.show.figures.page import PanelSpec, new_panel
from roialign_cli.show.figures.roi_labels import DIMENSION_ROOM, write_dimensions, write_sections
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, figure_settings
from roialign_cli.show.figures.wording import format_significant, title_parts
from roialign_cli.show.view import View, roi_view, shown_cells, zoom_note

_COLOUR_BAR_ROOM = 44.0  # points (1/72 inch), with the bar's ticks


def sections_figure(
    trace: Trace, *, section: tuple[int, int] = (1, 1), style: FigureStyle = DEFAULT_STYLE
) -> Figure:
    """Draw an ROI on the cells, with its sections and the sample points of one of them.

    Parameters
    ----------
    trace
        The trace of one ROI and channel.
    section
        (i, j), from 1: the section whose points are drawn.
    style
        The style of the figure.

    Raises
    ------
    ArgumentError
        If there is no such section.

    Examples
    --------
    >>> from roialign_cli.analysis.trace import trace
    >>> traced = trace(np.eye(4), [[0, 0, 4, 4]], 2, convention="torchvision-aligned")
    >>> sections_figure(traced).axes[0].get_xlabel()
    'x in cells (centres on .5) →'
    """
    chosen = trace.section(*section)
    view = roi_view(trace)
    with figure_settings(style.theme):
        text_style = value_text_style(trace.cells[shown_cells(trace, view)], view, style)
        beside = DIMENSION_ROOM + (_COLOUR_BAR_ROOM if text_style is None else 0.0)
        spec = PanelSpec(
            view, style.unit(trace), zoom_note(trace, view), above=DIMENSION_ROOM, beside=beside
        )
        legend = _legend(style, trace, chosen, view, with_values=text_style is not None)
        panel = new_panel(spec, style, title=_title(trace, chosen), legend=legend)
        image = draw_map(panel, trace)
        draw_roi(panel, trace, chosen)
        draw_sections_points(panel, trace, [chosen])
        placer = LabelPlacer(panel)
        write_dimensions(placer, trace)
        write_sections(placer, trace, chosen)
        if text_style is not None:
            used = {(n.x, n.y) for p in chosen.points for n in p.neighbours}
            write_values(placer, trace, text_style, used)
        elif image is not None:
            draw_colour_bar(panel, image, DIMENSION_ROOM)
    return panel.figure


def _title(trace: Trace, chosen: Section) -> list[str]:
    columns, rows = chosen.grid
    count = columns * rows
    points = f"{columns} × {rows} points" if count > 1 else ("1 point" if count else "no points")
    result = f"section {chosen.section} = {format_significant(chosen.output)}"
    return title_parts(trace, f"{trace.convention.pooling} of {points}", result)


def _legend(
    style: FigureStyle, trace: Trace, chosen: Section, view: View, *, with_values: bool
) -> list[Artist]:
    entries = section_entries(style.theme, [chosen])
    if {point.border for point in chosen.points} == {"inside"}:
        del entries[0]  # plain sample points need no explanation
    entries += outside_entries(style.theme, trace, view)
    if not with_values and not np.isfinite(trace.cells[shown_cells(trace, view)]).all():
        entries.append(Patch(facecolor=style.theme.not_a_number, label="not a finite number"))
    return entries
